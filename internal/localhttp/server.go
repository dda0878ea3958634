package localhttp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// Server is the local API. Methods may be called from any goroutine; Listen,
// Serve and Shutdown are meant to be called once each, in that order.
type Server struct {
	deps   Deps
	opt    Options
	log    *zap.Logger
	routes []Route
	errors []ErrorInfo
	set    presets
	key    [keyLength]byte // makes entity tags worthless outside this process

	http      *http.Server
	listener  *listener
	exchanges sync.Pool // *exchange
	describe  func() []byte

	inFlight atomic.Int64
	stats    counters
}

// Stats counts what the API did since the process started.
type Stats struct {
	Requests int64 // answered, refusals included
	Refused  int64 // by a check that comes before parsing: headers, Host, Origin, token
	Limited  int64 // 429 because too many were in flight
	Failed   int64 // 5xx
	Panics   int64
}

type counters struct{ requests, refused, limited, failed, panics atomic.Int64 }

// New returns a server that does not listen yet.
func New(deps Deps, opt Options) *Server {
	log := deps.Log
	if log == nil {
		log = zap.NewNop()
	}
	s := &Server{
		deps:   deps,
		opt:    opt.withDefaults(),
		log:    log.Named("localhttp"),
		routes: Routes(),
		errors: Errors(),
		set:    newPresets(),
	}
	_, _ = rand.Read(s.key[:]) // never fails: the runtime ends the process instead
	s.exchanges.New = func() any { return new(exchange) }
	s.describe = sync.OnceValue(func() []byte { return OpenAPI(s.opt.Version) })
	s.http = s.newHTTPServer()
	return s
}

// Time limits of a connection. There is no idle limit: a pooled connection of
// the function sleeps through a freeze of hours and must work afterwards.
const (
	headerTimeout = 2 * time.Second
	readTimeout   = 30 * time.Second // header and body
	writeTimeout  = 10 * time.Second // one write to the socket
)

func (s *Server) newHTTPServer() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       -1,
		MaxHeaderBytes:    maxHeader - 4096, // net/http reads 4,096 more than it is told
		Protocols:         protocols,
		ConnState:         follow,

		DisableGeneralOptionsHandler: true,
	}
	if std, err := zap.NewStdLogAt(s.log, zap.DebugLevel); err == nil {
		server.ErrorLog = std
	}
	return server
}

// Listen binds the port. From then on a request waits in the kernel's queue
// until Serve takes it.
func (s *Server) Listen() error {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.opt.Port))
	config := net.ListenConfig{KeepAlive: -1} // probes on loopback find nothing
	ln, err := config.Listen(context.Background(), "tcp4", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s: another process holds the port, probably a second layer (the AWS Parameters and Secrets Lambda Extension uses 2773): remove that layer, or set POWERTOOLS_EXTENSION_HTTP_PORT to a free port: %w", address, err)
	case err != nil:
		return fmt.Errorf("listen on %s (POWERTOOLS_EXTENSION_HTTP_PORT): %w", address, err)
	}
	s.listener = newListener(ln, s.opt.Connections)
	return nil
}

// Addr is the bound address, host:port. Empty before Listen.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Serve starts to answer and returns at once.
func (s *Server) Serve() {
	go func() {
		defer s.recoverRoot()
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.log.Error("local api stopped; the function's requests will be refused", zap.Error(err))
		}
	}()
}

func (s *Server) recoverRoot() {
	if p := recover(); p != nil {
		s.logPanic("accept loop", p)
	}
}

// Shutdown stops to accept, waits for the requests in flight until ctx ends,
// and then closes what is left. It is a no-op before Listen.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.listener == nil {
		return nil
	}
	s.listener.stop()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close() // best effort: the process is about to end
		return fmt.Errorf("shut down local api: %w", err)
	}
	return nil
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	c := &s.stats
	return Stats{
		Requests: c.requests.Load(), Refused: c.refused.Load(), Limited: c.limited.Load(),
		Failed: c.failed.Load(), Panics: c.panics.Load(),
	}
}

// logPanic writes where it happened. What a panic carries may hold a value,
// so only the runtime's own errors are quoted.
func (s *Server) logPanic(where string, p any) {
	s.stats.panics.Add(1)
	what := fmt.Sprintf("%T", p)
	if err, ok := p.(runtime.Error); ok {
		what = err.Error()
	}
	s.log.Error("panic; the request was answered 500, please report this",
		zap.String("where", where), zap.String("panic", what), zap.ByteString("stack", debug.Stack()))
}
