package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// attemptLimit is how long one POST may take while the sandbox runs. Lambda's
// own number is not published.
const attemptLimit = 10 * time.Second

// sender carries bodies to one subscriber.
type sender interface {
	// send returns the HTTP status, or an error when there was no answer.
	send(ctx context.Context, body []byte) (int, error)
	address() string // "" for TCP
	close()
}

// httpSender posts to the port of the subscription's URI on the loopback
// interface. The emulator dials itself because sandbox.localdomain resolves on
// Lambda only.
type httpSender struct {
	client *http.Client
	url    string
	host   string // as the subscriber wrote it
}

func newHTTPSender(uri *url.URL) *httpSender {
	addr := net.JoinHostPort("127.0.0.1", uri.Port())
	transport := &http.Transport{
		DisableCompression: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		},
	}
	path := uri.RequestURI()
	return &httpSender{client: &http.Client{Transport: transport}, url: "http://" + addr + path, host: uri.Host}
}

func (s *httpSender) send(ctx context.Context, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Host = s.host
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, err
}

func (s *httpSender) address() string { return s.url }

func (s *httpSender) close() { s.client.CloseIdleConnections() }

// tcpSender writes one event per line. The connection is made when the
// subscription is, so a listener must already be there (AWS source:
// aws-lambda-rie telemetry client).
type tcpSender struct{ conn net.Conn }

func newTCPSender(ctx context.Context, port int) (*tcpSender, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("could not TCP dial provided address 127.0.0.1:%d", port)
	}
	return &tcpSender{conn: conn}, nil
}

func (s *tcpSender) send(ctx context.Context, body []byte) (int, error) {
	stop := context.AfterFunc(ctx, func() { s.conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := s.conn.Write(body); err != nil {
		return 0, err
	}
	return http.StatusOK, nil
}

func (s *tcpSender) address() string { return "" }

func (s *tcpSender) close() { s.conn.Close() }

// lines is a batch in the form of TCP subscribers.
func lines(batch []queued) post {
	var p post
	for _, q := range batch {
		p.body = append(append(append(p.body, q.head...), q.record...), "}\n"...)
		p.labels = append(p.labels, q.label)
	}
	return p
}

var errAttempt = errors.New("no answer in time")

// withAttemptLimit cancels the returned context after attemptLimit, freezes not
// counted: a POST that a freeze interrupts may finish hours later.
func withAttemptLimit(ctx context.Context, g *Gate) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		timer := time.NewTimer(attemptLimit)
		defer timer.Stop()
		for epoch := g.closings(); ; timer.Reset(attemptLimit) {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			now := g.closings()
			if now == epoch {
				cancel(errAttempt)
				return
			}
			epoch = now
		}
	}()
	return ctx, func() { cancel(nil) }
}
