// Package runtimeapi is the Runtime API as the function's runtime sees it when
// the wrapper has sent it here: one HTTP/1.1 port on 127.0.0.1 that passes
// everything on to Lambda's own, and sees where invocations begin and end.
//
// The rule a reader could break: the runtime must notice nothing. Bytes are
// moved as they came, a time-out exists nowhere, an answer that was read whole
// is delivered whatever becomes of the runtime's connection, and nothing is
// decoded or kept of a message that no hook asked for. One goroutine serves
// one connection of the runtime over an upstream connection of its own, which
// gives order and cancellation for free; a second one sees when it leaves.
package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/runtimeapi/pieces"
)

// Observer hears of invocations on their way. Its methods are called on the
// connection's goroutine, before the bytes go on: they must be quick.
type Observer interface {
	// Delivered is called when Lambda has given the event and before the
	// runtime has its last byte. http: its answer is an HTTP answer, and
	// Answer.HTTP will say so.
	Delivered(Event) (http bool)

	// Answered is called when Lambda has judged the answer and before the
	// runtime hears of it.
	Answered(Answer)

	// Late is called a quarter of a second before the deadline of an
	// invocation that has not been answered, on a goroutine of its own.
	Late(id string, elapsed time.Duration)

	// Restored is called when a SnapStart restore has let the runtime go on.
	Restored()
}

// Options are the settings of a Server.
type Options struct {
	Port     int    // TCP port on 127.0.0.1; 0: any free one
	Upstream string // Lambda's own API, until the wrapper names another: host:port
	Managed  bool   // managed instances: several invocations at once

	// Tokens returns every token that opens the handshake.
	Tokens func() []string

	// Handshake is asked when the wrapper of a runtime has said who it is. It
	// returns when it knows the answer; ctx ends when the wrapper leaves.
	Handshake func(ctx context.Context, hello Hello) Reply

	// Trace is told of the trace header of an event before anything else is
	// done with it, and returns the one that the runtime gets; empty: as it
	// came. It must be quick. nil: as it came.
	Trace func(id, header string) string

	Drain    Drain    // nil: nothing goes before the runtime's requests
	Observer Observer // nil: nobody
	Chain    Chain    // nil: bytes are moved and nothing is kept
	Log      *zap.Logger
}

// Server is the proxy. Methods may be called from any goroutine; Listen, Serve
// and Shutdown are called once each, in that order.
type Server struct {
	opt  Options
	log  *zap.Logger
	ln   net.Listener
	own  string // own address
	life life

	splits pieces.List // events that the chain has split

	upstream atomic.Pointer[address]

	mu       sync.Mutex
	conns    map[*conn]struct{}
	stopping atomic.Bool
	done     sync.WaitGroup

	hello atomic.Pointer[Hello]
	stats counters
}

// Stats counts what the proxy did since the process started.
type Stats struct {
	Requests    int64 // passed on
	Invocations int64 // events that a runtime was given
	Refused     int64 // by the guard, or malformed
	Upstream    int64 // answers of ours because Lambda gave none (502)
	Untracked   int64 // invocations beyond the most that are followed at once
	Panics      int64
}

type counters struct{ requests, invocations, refused, upstream, untracked, panics atomic.Int64 }

// maxConns bounds the connections of a runtime that leaks them.
const maxConns = 1024

// New returns a server that does not listen yet.
func New(opt Options) (*Server, error) {
	if opt.Log == nil {
		opt.Log = zap.NewNop()
	}
	if opt.Tokens == nil {
		opt.Tokens = func() []string { return nil }
	}
	s := &Server{opt: opt, log: opt.Log.Named("runtimeapi"), conns: make(map[*conn]struct{})}
	s.life.init(opt.Managed, opt.Observer)
	up, err := parseAddress(opt.Upstream)
	if err != nil {
		return nil, fmt.Errorf("AWS_LAMBDA_RUNTIME_API: %w", err)
	}
	s.upstream.Store(&up)
	return s, nil
}

// Listen binds the port. Its error names the variable that moves it.
func (s *Server) Listen() error {
	ln, err := net.Listen("tcp4", "127.0.0.1:"+strconv.Itoa(s.opt.Port))
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("port %d of the Runtime API proxy is taken: set POWERTOOLS_RUNTIME_PROXY_PORT to a free one", s.opt.Port)
		}
		return fmt.Errorf("listen for the runtime (POWERTOOLS_RUNTIME_PROXY_PORT): %w", err)
	}
	s.ln, s.own = ln, ln.Addr().String()
	return nil
}

// Addr is the bound address, host:port. Empty before Listen.
func (s *Server) Addr() string { return s.own }

// Upstream is where requests go: as the wrapper named it, without a path.
func (s *Server) Upstream() string { return s.upstream.Load().host }

// renew points at an address anew: no connection that was made before is used
// again, even if the address is the same.
func (s *Server) renew(to *address) {
	fresh := *to
	s.upstream.Store(&fresh)
}

// Hello is what the wrapper said last; nil: no runtime has come through one.
func (s *Server) Hello() *Hello { return s.hello.Load() }

// Open counts the invocations that a runtime has and has not answered.
func (s *Server) Open() int { return s.life.count() }

// Stats returns the counters.
func (s *Server) Stats() Stats {
	c := &s.stats
	return Stats{c.requests.Load(), c.invocations.Load(), c.refused.Load(), c.upstream.Load(), c.untracked.Load(), c.panics.Load()}
}

// Serve begins to answer and returns at once.
func (s *Server) Serve() {
	s.done.Go(func() {
		for {
			c, err := s.ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // too many open files, for example
				time.Sleep(5 * time.Millisecond)
				continue
			}
			s.take(c)
		}
	})
}

func (s *Server) take(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() || len(s.conns) >= maxConns {
		_ = nc.Close() // the runtime tries again, or ends
		return
	}
	c := newConn(s, nc)
	s.conns[c] = struct{}{}
	s.done.Go(func() {
		defer s.forget(c)
		c.serve()
	})
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Shutdown stops to accept, closes what waits, lets answers that are on their
// way to Lambda arrive until ctx ends, and closes the rest.
func (s *Server) Shutdown(ctx context.Context) {
	if s.ln == nil {
		return
	}
	s.stopping.Store(true)
	_ = s.ln.Close() // nobody can be told
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		s.done.Wait()
	}()
	s.closeConns(false)
	select {
	case <-finished:
	case <-ctx.Done():
		s.closeConns(true)
		<-finished
	}
	s.life.stop()
}

func (s *Server) closeConns(all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if all || !c.posting.Load() {
			c.close()
		}
	}
}

// survive keeps a defect to the connection it happened on. What a panic
// carries may hold a payload and is not logged.
func (s *Server) survive(where string) {
	if p := recover(); p != nil {
		s.stats.panics.Add(1)
		s.log.Error("panic, please report it", zap.String("where", where), zap.String("kind", fmt.Sprintf("%T", p)), zap.ByteString("stack", debug.Stack()))
	}
}
