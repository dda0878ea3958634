package loopback

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipes is a listener whose connections are in memory, so that a bubble's
// clock rules their deadlines.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// inBubble runs a port on pipes in a bubble.
func inBubble(t *testing.T, opt Options, body func(t *testing.T, p *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		port := New(http.HandlerFunc(answer), zap.NewNop(), opt)
		port.Use(p)
		port.Serve()
		body(t, p)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := port.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}

// answer reads the body, as a handler that needs one does.
func answer(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestTimeout)
	}
}

// readAll reads until the server closes; a client of a pipe must read or the
// server cannot write.
func readAll(t *testing.T, c net.Conn) string {
	t.Helper()
	answer, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	return string(answer)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	}
}

const pingHead = "GET /ping HTTP/1.1\r\nHost: localhost\r\n"

func TestSlowHeader(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, p *pipes) {
		c := p.dial()
		began := time.Now()
		send(t, c, pingHead)
		time.Sleep(1900 * time.Millisecond)
		send(t, c, "X-A: b\r\n") // a byte now and then buys no time
		answer := readAll(t, c)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		if want := "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n408 Request Timeout"; answer != want {
			t.Errorf("got %q", answer)
		}
	})
}

// TestSilentConnection: who never asked is not answered.
func TestSilentConnection(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, p *pipes) {
		began := time.Now()
		if answer := readAll(t, p.dial()); answer != "" || time.Since(began) != 2*time.Second {
			t.Errorf("%q after %v", answer, time.Since(began))
		}
	})
}

// TestKeepAliveSleeps: a pooled connection works after a night, and its second
// head has the limit of the first.
func TestKeepAliveSleeps(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, p *pipes) {
		c := p.dial()
		answers := bufio.NewReader(c)
		for range 3 {
			send(t, c, pingHead+"\r\n")
			answer, err := http.ReadResponse(answers, nil)
			if err != nil || answer.StatusCode != 200 {
				t.Fatalf("%v %v", answer, err)
			}
			_, _ = io.ReadAll(answer.Body)
			time.Sleep(9 * time.Hour)
		}
		began := time.Now()
		send(t, c, pingHead)
		rest, _ := io.ReadAll(answers)
		if !strings.HasPrefix(string(rest), "HTTP/1.1 408 ") || time.Since(began) != 2*time.Second {
			t.Errorf("%q after %v", rest, time.Since(began))
		}
	})
}

func TestSlowBody(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, p *pipes) {
		c := p.dial()
		began := time.Now()
		go send(t, c, "POST /metrics HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: t\r\nContent-Length: 100\r\n\r\n{")
		answer := readAll(t, c)
		if !strings.HasPrefix(answer, "HTTP/1.1 408 ") || !strings.Contains(answer, "Connection: close") {
			t.Errorf("got %q", answer)
		}
		if strings.Count(answer, "HTTP/1.1") != 1 {
			t.Errorf("more than one answer: %q", answer)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestConnectionLimit: the longest waiting connection makes room.
func TestConnectionLimit(t *testing.T) {
	inBubble(t, Options{Connections: 2}, func(t *testing.T, p *pipes) {
		open := func() net.Conn {
			c := p.dial()
			send(t, c, pingHead+"\r\n")
			if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != 200 {
				t.Fatalf("%v %v", answer, err)
			}
			time.Sleep(time.Second)
			return c
		}
		first, second := open(), open()
		third := open()
		if answer := readAll(t, first); answer != "" {
			t.Errorf("first: %q", answer)
		}
		for name, c := range map[string]net.Conn{"second": second, "third": third} {
			send(t, c, pingHead+"\r\n")
			if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != 200 {
				t.Errorf("%s: %v %v", name, answer, err)
			}
		}
	})
}

// lateConn times out as a socket does whose process was stopped: long after
// the deadline. From the second read on it has a byte.
type lateConn struct {
	net.Conn
	by    time.Time
	late  time.Duration
	reads int
}

func (l *lateConn) SetReadDeadline(t time.Time) error  { l.by = t; return nil }
func (l *lateConn) SetWriteDeadline(t time.Time) error { l.by = t; return nil }

func (l *lateConn) Read(p []byte) (int, error) {
	if l.reads++; l.reads == 1 {
		time.Sleep(time.Until(l.by) + l.late)
		return 0, os.ErrDeadlineExceeded
	}
	return copy(p, "x"), nil
}

func (l *lateConn) Write(p []byte) (int, error) {
	if l.reads++; l.reads == 1 {
		time.Sleep(time.Until(l.by) + l.late)
		return 1, os.ErrDeadlineExceeded
	}
	return len(p), nil
}

func (l *lateConn) Close() error { return nil }

func TestFreezeIsForgiven(t *testing.T) {
	for name, test := range map[string]struct {
		deadline func() time.Time
		late     time.Duration
		forgiven bool
	}{
		"in time":         {func() time.Time { return time.Now().Add(2 * time.Second) }, 5 * time.Millisecond, false},
		"after a freeze":  {func() time.Time { return time.Now().Add(2 * time.Second) }, time.Hour, true},
		"meant interrupt": {func() time.Time { return time.Unix(1, 0) }, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &conn{Conn: &lateConn{late: test.late}, owner: newListener(newPipes(), Options{Connections: 1}, zap.NewNop())}
				_ = c.SetReadDeadline(test.deadline())
				n, err := c.Read(make([]byte, 1))
				if forgiven := n == 1 && err == nil; forgiven != test.forgiven {
					t.Errorf("read %d, %v", n, err)
				}
			})
		})
	}
}

func TestFreezeInWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &conn{Conn: &lateConn{late: time.Hour}, owner: newListener(newPipes(), Options{Connections: 1}, zap.NewNop())}
		if n, err := c.Write([]byte("answer")); n != 6 || err != nil {
			t.Errorf("after a freeze: %d, %v", n, err)
		}
		c = &conn{Conn: &lateConn{}, owner: newListener(newPipes(), Options{Connections: 1}, zap.NewNop())}
		if n, err := c.Write([]byte("answer")); n != 1 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("client does not read: %d, %v", n, err)
		}
	})
}

// TestLongRequest: a handler may take longer than a request may take to come,
// whether there was a body or not, and the connection is good for more.
func TestLongRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		port := New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/after" {
				time.Sleep(100 * time.Second)
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			if r.URL.Path == "/before" {
				time.Sleep(100 * time.Second)
			}
			if r.Context().Err() != nil {
				t.Error("the handler was told that its client has gone")
			}
		}), zap.NewNop(), Options{})
		port.Use(p)
		port.Serve()
		c := p.dial()
		answers := bufio.NewReader(c)
		for _, request := range []string{
			"GET /before HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /after HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"POST /before HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab", "POST /after HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab",
			"GET /before HTTP/1.1\r\nHost: localhost\r\n\r\n",
		} {
			send(t, c, request)
			answer, err := http.ReadResponse(answers, nil)
			if err != nil || answer.StatusCode != 200 || answer.Close {
				t.Fatalf("%q: %v %v", request, answer, err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			time.Sleep(time.Hour)
		}
		if err := port.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestAllBusy: when every connection has a request in flight, further clients
// are told so and leave nothing behind; far too many are closed.
func TestAllBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		release := make(chan struct{})
		port := New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }), zap.NewNop(), Options{Connections: 2, Refusal: []byte("HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n\r\nfull")})
		port.Use(p)
		port.Serve()
		busy := []net.Conn{p.dial(), p.dial()}
		for _, c := range busy {
			send(t, c, pingHead+"\r\n")
		}
		synctest.Wait()
		for range 3 {
			c := p.dial()
			send(t, c, pingHead+"\r\n")
			if answer := readAll(t, c); !strings.HasPrefix(answer, "HTTP/1.1 429 ") || !strings.HasSuffix(answer, "full") {
				t.Errorf("got %q", answer)
			}
		}
		silent := make([]net.Conn, spare+10)
		for i := range silent {
			silent[i] = p.dial()
		}
		synctest.Wait()
		if open := len(port.listener.all()); open > 2+spare {
			t.Errorf("%d connections are open", open)
		}
		time.Sleep(headerTimeout)
		synctest.Wait()
		if open := len(port.listener.all()); open != 2 {
			t.Errorf("%d connections are open when the silent ones are gone", open)
		}
		close(release)
		for _, c := range busy {
			if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != 200 {
				t.Errorf("%v %v", answer, err)
			}
		}
		if err := port.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
