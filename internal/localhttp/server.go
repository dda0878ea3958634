package localhttp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"powertools-extension/internal/awsdecode"
	"powertools-extension/internal/flags"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/localhttp/loopback"
	"powertools-extension/internal/schema"
	"powertools-extension/internal/variants"

	"go.uber.org/zap"
)

// Server is the local API. Methods may be called from any goroutine; Listen,
// Serve and Shutdown are meant to be called once each, in that order.
type Server struct {
	deps     Deps
	opt      Options
	log      *zap.Logger
	errors   []ErrorInfo
	set      presets
	repeater Repeater        // nil: no answer is given again
	key      [keyLength]byte // makes entity tags worthless outside this process

	main      *door
	appConfig *door // nil: there is none

	appConfigDown string // why the AppConfig port is not open; empty: it is, or none is wanted

	exchanges sync.Pool // *exchange

	executions  idempotency.Open
	documents   flags.Documents
	expressions compiled[*jmes.Expression]
	envelopes   compiled[*awsdecode.Envelope]
	variants    variants.Documents
	schemas     compiled[*schema.Schema]

	inFlight atomic.Int64
	stats    counters
}

// Stats counts what the API did since the process started.
type Stats struct {
	Requests int64 // answered, refusals included
	Repeated int64 // of Requests: given again by the connection, see Options.MemoBytes
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
		errors: Errors(),
		set:    newPresets(),
	}
	_, _ = rand.Read(s.key[:]) // never fails: the runtime ends the process instead
	s.repeater = repeater(deps.Parameters, s.log)
	memo := s.opt.MemoBytes
	if s.opt.AppConfigPort != 0 {
		memo /= 2
	}
	s.exchanges.New = func() any { return new(exchange) }
	s.main = s.door(Routes(), loopback.Options{
		Number: s.opt.Port, Variable: "POWERTOOLS_EXTENSION_HTTP_PORT", Rival: "the AWS Parameters and Secrets Lambda Extension uses 2773",
		MemoBytes: memo,
	})
	if s.opt.AppConfigPort != 0 {
		s.appConfig = s.door(appConfigRoutes(s.main.routes), loopback.Options{
			Number: max(0, s.opt.AppConfigPort), Variable: "POWERTOOLS_EXTENSION_APPCONFIG_PORT", Rival: "the AWS AppConfig Agent Lambda extension uses 2772",
			MemoBytes: memo,
		})
		s.appConfig.open = true
	}
	return s
}

// Listen binds the ports. From then on a request waits in the kernel's queue
// until Serve takes it. A port for AppConfig that is taken degrades the
// AppConfig agent's stand-in and nothing else.
func (s *Server) Listen() error {
	if err := s.main.Listen(); err != nil {
		return err
	}
	if s.appConfig == nil {
		return nil
	}
	if err := s.appConfig.Listen(); err != nil {
		s.log.Error("the AppConfig port is not open; the same route answers on the other port, with a token", zap.Error(err))
		s.appConfigDown = err.Error()
	}
	return nil
}

// Addr is the bound address, host:port. Empty before Listen.
func (s *Server) Addr() string { return s.main.Addr() }

// AppConfigAddr is the bound address of the AppConfig port. Empty before
// Listen, and when there is no such port.
func (s *Server) AppConfigAddr() string {
	if s.appConfig == nil {
		return ""
	}
	return s.appConfig.Addr()
}

// Serve starts to answer and returns at once.
func (s *Server) Serve() {
	s.main.Serve()
	if s.appConfig != nil {
		s.appConfig.Serve()
	}
}

// Shutdown stops to accept, waits for the requests in flight until ctx ends,
// and then closes what is left. It is a no-op before Listen.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.appConfig == nil {
		return s.main.Shutdown(ctx)
	}
	other := make(chan error, 1)
	go func() { other <- s.appConfig.Shutdown(ctx) }()
	return errors.Join(s.main.Shutdown(ctx), <-other)
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	c := &s.stats
	return Stats{
		Requests: c.requests.Load(), Repeated: s.repeats(), Refused: c.refused.Load(), Limited: c.limited.Load(),
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
