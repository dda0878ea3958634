// Package httppost posts batches to one URL over connections of its own, and
// tells what the answer means for the batch.
//
// The rule a reader could break: a body is never used again. After a cut
// request net/http may still be reading it, and bytes written there would
// leave the sandbox inside somebody else's batch.
//
// Nothing here keeps a goroutine between two posts, apart from net/http's for
// a pooled connection, and nothing logs: a URL or a header may be a secret.
package httppost

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	dialTimeout       = 2 * time.Second
	handshakeTimeout  = 2 * time.Second
	idleTimeout       = 60 * time.Second
	maxResponseHeader = 64 << 10 // bytes

	// trustFor is how long an idle connection is believed to live, by the wall
	// clock. After a freeze it is longer ago than that.
	trustFor = 5 * time.Second
)

// Headers returns the headers of the receiver, such as its key. It is asked
// at the first post, and again when the receiver answers 401 or 403: a secret
// may have been exchanged. An error disables the sink, unless it is a
// *sink.RetryableError or the time ran out.
type Headers func(ctx context.Context) (http.Header, error)

// Options shape a Client. The zero value is ready.
type Options struct {
	UserAgent string         // empty: net/http's own
	RootCAs   *x509.CertPool // nil: the system's, loaded at the first TLS connection

	// Dial opens connections. nil: a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Client posts to one URL. It is not safe for concurrent use, except
// CloseIdle.
type Client struct {
	url       string
	name      string
	user      *url.Userinfo
	userAgent string
	headers   Headers
	transport *http.Transport

	known   http.Header // what headers returned; nil before
	lastUse time.Time   // wall clock
}

// New returns a client for an http or https URL. User and password in the
// URL become basic authentication. headers may be nil. No error quotes the
// URL.
func New(rawURL string, headers Headers, opt Options) (*Client, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("not an http or https URL; write it like https://host/path")
	}
	c := &Client{name: u.Scheme + "://" + u.Host, user: u.User, userAgent: opt.UserAgent, headers: headers}
	u.User, u.Fragment = nil, ""
	c.url = u.String()
	c.transport = newTransport(opt)
	return c, nil
}

// Name is the URL without what may be secret in it: scheme, host and port.
func (c *Client) Name() string { return c.name }

// CloseIdle closes the pooled connection.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

func newTransport(opt Options) *http.Transport {
	dial := opt.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return &http.Transport{
		Proxy:       proxy,
		DialContext: dial,
		TLSClientConfig: &tls.Config{
			RootCAs:            opt.RootCAs,
			MinVersion:         tls.VersionTLS12,
			ClientSessionCache: tls.NewLRUClientSessionCache(4),
		},
		OnProxyConnectResponse: proxyAnswer,
		TLSHandshakeTimeout:    handshakeTimeout,
		MaxIdleConns:           1,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
		DisableCompression:     true, // answers are a few bytes
	}
}

// proxy obeys HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and never for this
// machine. Its own error would quote the variable, with a password perhaps.
func proxy(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errors.New("HTTPS_PROXY or HTTP_PROXY is no URL")
	}
	return u, nil
}

// proxyAnswer names the culprit; net/http alone would say "Forbidden".
func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("the proxy refused: HTTP %d", resp.StatusCode)
}
