package localhttp

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a listener with one connection, in memory, so that a bubble's clock
// rules its deadlines.
type pipe struct {
	conns chan net.Conn
}

func (p *pipe) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p *pipe) Close() error {
	close(p.conns)
	return nil
}

func (p *pipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// TestSlowBody: whoever starts a body and does not finish it is told so after
// 30 s, and nothing of it is recorded or stored.
func TestSlowBody(t *testing.T) {
	for _, request := range []string{"POST /metrics", "PUT /parameters/ssm/db"} {
		t.Run(request, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				p := &pipe{conns: make(chan net.Conn, 1)}
				p.conns <- server
				s := New(Deps{Metrics: unused{}, Parameters: unused{}}, Options{Write: true, Tokens: func() []string { return []string{"t"} }})
				s.main.Use(p)
				s.main.Serve()
				began := time.Now()
				go func() {
					_, _ = io.WriteString(client, request+" HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: t\r\nContent-Length: 100\r\n\r\n{")
				}()
				all, _ := io.ReadAll(client)
				answer := string(all)
				if !strings.HasPrefix(answer, "HTTP/1.1 408 ") || !strings.Contains(answer, `"code":"body_timeout"`) || !strings.Contains(answer, "Connection: close") || strings.Count(answer, "HTTP/1.1") != 1 {
					t.Errorf("got %q", answer)
				}
				if took := time.Since(began); took != 30*time.Second {
					t.Errorf("took %v", took)
				}
				if err := s.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// unused panics when it is asked for anything.
type unused struct {
	Metrics
	Parameters
}
