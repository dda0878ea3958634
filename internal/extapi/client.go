// Package extapi speaks Lambda's Extensions API, and the one Telemetry API
// call that subscribes to the stream: register, next, subscribe, init/error,
// exit/error.
//
// The rule a reader could break: Next has no timeout and never two calls are
// under way. The platform keeps a suspended call open even when its client has
// gone, so a client that gives up and asks again is answered 403 and the next
// event is written to the dead connection (Lambda Extensions API reference).
package extapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxAnswer bounds what is read of one answer, in bytes. The largest real one,
// an INVOKE event, is below 2 KiB.
const maxAnswer = 1 << 20

// Options are the optional settings of a Client.
type Options struct {
	// Dial opens the connection to the Runtime API. Default: a plain TCP
	// connection. Tests put a fake network here.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Client calls the Extensions API. Its methods may be called from several
// goroutines. It sends each request once: trying again is the caller's
// decision, because only the caller knows what a repeated call does.
type Client struct {
	host      string
	transport *http.Transport
	waiting   atomic.Bool             // a Next is under way
	next      atomic.Pointer[watched] // the connection of the last Next; nil: none yet, or not the kernel's

	mu sync.Mutex
	id string // Lambda-Extension-Identifier; empty until registered
}

// New returns a client for the Runtime API at runtimeAPI, the host:port of
// AWS_LAMBDA_RUNTIME_API. It opens no connection.
func New(runtimeAPI string, opt Options) *Client {
	dial := opt.Dial
	if dial == nil {
		// Probes of an idle connection have no use on the way to a process of
		// the same sandbox, and after a thaw they could only do harm.
		dial = (&net.Dialer{KeepAlive: -1}).DialContext
	}
	return &Client{
		host: runtimeAPI,
		transport: &http.Transport{
			// Proxy stays nil: HTTP_PROXY is the function's business, and the
			// Runtime API is never behind it. A custom DialContext also keeps
			// net/http from setting up HTTP/2, which costs start-up time.
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				return watch(dial(ctx, network, addr))
			},
			DisableCompression:  true,
			MaxIdleConnsPerHost: 2,
			WriteBufferSize:     1 << 10,
		},
	}
}

// Close closes idle connections. A call under way is not disturbed.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// call is one request.
type call struct {
	operation string // the word errors and logs use
	method    string
	path      string
	header    [][2]string
	body      io.Reader
}

// do sends the request and returns the answer with its body, read whole, so
// that the connection can be used again.
func (c *Client) do(ctx context.Context, k call) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, k.method, "http://"+c.host+k.path, k.body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", k.operation, err)
	}
	for _, h := range k.header {
		req.Header.Set(h[0], h[1])
	}
	// The transport is used without an http.Client: a redirect is an answer
	// like any other, and there is no client timeout to forget.
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", k.operation, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if len(body) > maxAnswer {
		err = errors.New("answer larger than 1 MiB")
	}
	if err != nil {
		err = fmt.Errorf("%s: read answer: %w", k.operation, err)
	}
	return res, body, err
}

// identified returns the header every call but register needs.
func (c *Client) identified(operation string) ([2]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.id == "" {
		return [2]string{}, fmt.Errorf("%s: not registered", operation)
	}
	return [2]string{"Lambda-Extension-Identifier", c.id}, nil
}

func (c *Client) setIdentifier(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id = id
}

// once is the body of a request that must not be sent twice. It is empty, but
// its being there keeps net/http from repeating a GET by itself after the
// connection broke, which would be a second, hidden Next.
type once struct{}

func (once) Read([]byte) (int, error) { return 0, io.EOF }

// fromMillis turns the platform's epoch milliseconds into a time. Nothing
// sensible gives the zero time, which says that there is no deadline.
func fromMillis(ms float64) time.Time {
	if !(ms > 0 && ms < 1<<53) {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}
