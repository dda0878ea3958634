package awsapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	dialTimeout       = 2 * time.Second // a host that drops packets must leave room for a second try
	handshakeTimeout  = 2 * time.Second
	idleTimeout       = 60 * time.Second
	maxResponseHeader = 64 << 10 // bytes
)

// network owns the connections. It starts by trusting Amazon's roots alone and
// widens to the system's when a certificate's authority is unknown: the
// handshake is done again from the start with the wider pool, so every
// connection is verified in full, chain, host name and dates, by crypto/tls
// itself. Where AWS_CA_BUNDLE is set, its authorities are the only ones from
// the start, as in the SDK: who names them may want no others.
type network struct {
	lookup   func(string) (string, bool)
	maxConns int
	log      *zap.Logger
	dial     func(ctx context.Context, network, addr string) (net.Conn, error) // nil: a net.Dialer; tests set it

	chosen    sync.Once // loads AWS_CA_BUNDLE
	once      sync.Once // loads the wide pool
	mu        sync.Mutex
	transport *http.Transport // nil until first use and after forget
	wide      *x509.CertPool  // nil: Amazon's roots only. With AWS_CA_BUNDLE: what is in it
}

// current returns the transport, made on first use, and whether there is no
// wider pool to trust.
func (n *network) current() (transport *http.Transport, wide bool) {
	n.chosen.Do(n.choose) // outside the lock: it reads a file
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.transport == nil {
		pool := n.wide
		if pool == nil {
			pool = amazonPool()
		}
		n.transport = n.newTransport(pool)
	}
	return n.transport, n.wide != nil
}

// choose takes the authorities of AWS_CA_BUNDLE in place of all others. Without
// a usable one nobody is trusted, which the error of the first call names too.
func (n *network) choose() {
	path, _ := n.lookup(envCABundle)
	if path == "" {
		return
	}
	pool, err := bundlePool(path)
	if err != nil {
		n.log.Error("no certificate is trusted and no call to AWS will work; check "+envCABundle, zap.Error(err))
	}
	n.replace(pool)
}

func (n *network) newTransport(roots *x509.CertPool) *http.Transport {
	dial := n.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return &http.Transport{
		// HTTPS_PROXY, HTTP_PROXY and NO_PROXY; read once, at the first call, and
		// never applied to this machine.
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            dial,
		TLSClientConfig: &tls.Config{
			RootCAs:    roots,
			MinVersion: tls.VersionTLS12,
			// A resumed session saves most of the handshake's CPU, and after
			// each freeze there is a handshake.
			ClientSessionCache: tls.NewLRUClientSessionCache(8),
		},
		TLSHandshakeTimeout:    handshakeTimeout,
		MaxConnsPerHost:        n.maxConns,
		MaxIdleConnsPerHost:    n.maxConns,
		MaxIdleConns:           4 * n.maxConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
		DisableCompression:     true, // answers are small, and the time is in the round trip
	}
}

// errProxy means that HTTPS_PROXY's proxy did not open a tunnel.
var errProxy = errors.New("the proxy refused")

// proxyAnswer names the culprit; net/http alone would say "Forbidden".
func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("%w: HTTP %d", errProxy, resp.StatusCode)
}

// widen makes the next connections trust the wide pool. Several calls may meet
// the same unknown authority together: the pool is loaded once, outside the
// lock, because that reads files.
func (n *network) widen() {
	n.once.Do(func() {
		pool, err := widePool()
		if err != nil {
			n.log.Warn("the system's certificate authorities are not used", zap.Error(err))
		}
		if old := n.replace(pool); old != nil {
			old.CloseIdleConnections()
		}
	})
}

func (n *network) replace(pool *x509.CertPool) (old *http.Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wide = pool
	old, n.transport = n.transport, nil
	return old
}

func (n *network) closeIdle() {
	if t := n.existing(); t != nil {
		t.CloseIdleConnections()
	}
}

func (n *network) existing() *http.Transport {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.transport
}

// forget drops connections and TLS sessions. Calls in flight end on the old
// transport, which keeps none of its connections after that.
func (n *network) forget() {
	if old := n.take(); old != nil {
		old.CloseIdleConnections()
	}
}

func (n *network) take() (old *http.Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	old, n.transport = n.transport, nil
	return old
}
