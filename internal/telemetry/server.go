package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"powertools-extension/internal/bind"

	"go.uber.org/zap"
)

// host is the only name Lambda accepts in a subscription (Lambda Telemetry API
// reference).
const host = "sandbox.localdomain"

// resolveTimeout bounds how long the name may take. In a sandbox it is known
// at once; elsewhere a name server may never answer.
const resolveTimeout = 250 * time.Millisecond

// Options are the optional settings of a Server.
type Options struct {
	// Host is the address to bind, without a port. Default: what
	// sandbox.localdomain resolves to, else 127.0.0.1.
	Host string

	// QueueBytes bounds the memory of the bodies that wait for the handler.
	// Default 4 MiB. One body larger than that is still taken. Beside the
	// queue there is one body in work and what is just being received.
	QueueBytes int

	// SkipLines is asked for each body whether lines of the function are only
	// counted: they were handled where they were written. nil: they never are.
	SkipLines func() bool
}

// Handler takes events, in the order in which they came. It is called from one
// goroutine. The events and their Lines are valid during the call only.
type Handler interface {
	HandleEvents([]Event)
}

// Server receives batches. Its life: Listen, Serve, Drain any time, Close.
type Server struct {
	log      *zap.Logger
	listener net.Listener
	http     *http.Server
	queue    *queue
	buffers  buffers
	recent   recent
	count    counters
	skips    func() bool // Options.SkipLines

	receiving atomic.Int64  // memory of the bodies that are just being read
	ended     chan struct{} // closed when the worker has ended

	mu      sync.Mutex
	serving bool
	closed  bool
}

// Listen opens a port. What connects before Serve waits.
func Listen(log *zap.Logger, opt Options) (*Server, error) {
	log = log.Named("telemetry")
	l, err := listen(log, opt.Host)
	if err != nil {
		return nil, fmt.Errorf("listen for telemetry: %w", err)
	}
	if opt.QueueBytes <= 0 {
		opt.QueueBytes = 4 << 20
	}
	s := &Server{
		log:      log,
		listener: l,
		queue:    newQueue(opt.QueueBytes),
		recent:   newRecent(),
		skips:    opt.SkipLines,
		ended:    make(chan struct{}),
	}
	s.http = newHTTPServer(s.log, s)
	return s, nil
}

func listen(log *zap.Logger, override string) (net.Listener, error) {
	if override != "" {
		return listenOn(override)
	}
	if address := addressIn(hostsFile, host); address != "" {
		if l, err := listenOn(address); err == nil {
			return l, nil
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
	defer cancel()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", host+":0")
	if err == nil {
		return l, nil
	}
	// Local emulators often do not know the name.
	log.Debug("listening on 127.0.0.1 instead of "+host, zap.Error(err))
	return listenOn("127.0.0.1")
}

// listenOn opens any port of an address that is known already.
func listenOn(address string) (net.Listener, error) {
	if ip, err := netip.ParseAddr(address); err == nil && ip.Is4() {
		return bind.TCP4(netip.AddrPortFrom(ip, 0))
	}
	return net.Listen("tcp", net.JoinHostPort(address, "0"))
}

func newHTTPServer(log *zap.Logger, h http.Handler) *http.Server {
	// Setting up HTTP/2 costs start-up time, and telemetry comes as HTTP/1.1.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	complaints, _ := zap.NewStdLogAt(log, zap.DebugLevel) // the level is known, so no error
	return &http.Server{
		Handler: h,
		// No timeout but for the header: a POST may be interrupted by a
		// freeze and end after hours, and an idle connection is to stay.
		ReadHeaderTimeout: 10 * time.Second,
		Protocols:         protocols,
		ErrorLog:          complaints,
	}
}

// URI returns where to send telemetry, for the subscription. Its host is
// always sandbox.localdomain, because Lambda refuses any other.
func (s *Server) URI() string {
	return "http://" + net.JoinHostPort(host, strconv.Itoa(s.listener.Addr().(*net.TCPAddr).Port)) + "/"
}

// Addr returns the address that is really bound.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve starts to receive and to hand events to h, and returns at once. It is
// called once.
func (s *Server) Serve(h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving || s.closed {
		return
	}
	s.serving = true
	go s.accept()
	go s.work(h)
}

func (s *Server) accept() {
	defer s.recovered("accept telemetry")
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("telemetry stopped: no more logs and platform metrics from this sandbox", zap.Error(err))
	}
}

// Drain waits until everything taken before the call is handled, or ctx ends.
// A held first half of a cut record is delivered as it is.
func (s *Server) Drain(ctx context.Context) error {
	if !s.isServing() {
		return nil
	}
	mark := make(chan struct{})
	if !s.queue.mark(mark) {
		mark = nil // the worker is about to end, or has
	}
	select {
	case <-mark:
		return nil
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain telemetry: %w", ctx.Err())
	}
}

func (s *Server) isServing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.serving
}

// closeTimeout bounds how long Close waits for a POST that is just arriving.
const closeTimeout = 50 * time.Millisecond

// Close stops the intake. What was taken is still handled; Drain waits for
// that. It may be called more than once.
func (s *Server) Close() {
	if s.alreadyClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close() // cuts off who is too slow; the platform counts that as not delivered
	}
	_ = s.listener.Close() // for a server that never served
	s.queue.close()
}

func (s *Server) alreadyClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	closed := s.closed
	s.closed = true
	return closed
}
