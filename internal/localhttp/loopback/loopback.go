// Package loopback is one HTTP/1.1 port on 127.0.0.1, with the limits that a
// client inside a Lambda sandbox can run into: connections, slow headers, and
// deadlines that pass because the sandbox was frozen.
//
// The rule a reader could break: there is no idle limit. A pooled connection
// of the function sleeps through a freeze of hours and must work afterwards.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"syscall"
	"time"

	"powertools-extension/internal/bind"

	"go.uber.org/zap"
)

// Options are the settings of a Port.
type Options struct {
	Number      int    // of the TCP port; 0: any free one
	Connections int    // open at the same time; 0: 512
	MaxHeader   int    // bytes of request line and headers; 0: 64 KiB
	Variable    string // environment variable that sets Number, for error texts
	Rival       string // who else uses the number, for the error when it is taken

	Refusal   []byte // the whole answer when every connection is busy; it closes
	MemoBytes int    // of answers kept to be given again; 0: none are
}

const (
	defaultConnections = 512
	defaultMaxHeader   = 64 << 10

	headerTimeout = 2 * time.Second
	readTimeout   = 30 * time.Second // header and body
	writeTimeout  = 10 * time.Second // one write to the socket
)

// Port serves one handler. Listen, Serve and Shutdown are meant to be called
// once each, in that order.
type Port struct {
	opt      Options
	log      *zap.Logger
	http     *http.Server
	listener *listener
}

// New returns a port that does not listen yet.
func New(handler http.Handler, log *zap.Logger, opt Options) *Port {
	if opt.Connections <= 0 {
		opt.Connections = defaultConnections
	}
	if opt.MaxHeader <= 0 {
		opt.MaxHeader = defaultMaxHeader
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	p := &Port{opt: opt, log: log, http: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       -1,
		MaxHeaderBytes:    opt.MaxHeader - 4096, // net/http reads 4,096 more than it is told
		Protocols:         protocols,
		ConnState:         follow,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },

		DisableGeneralOptionsHandler: true,
	}}
	if std, err := zap.NewStdLogAt(log, zap.DebugLevel); err == nil {
		p.http.ErrorLog = std
	}
	return p
}

// Listen binds the port. From then on a request waits in the kernel's queue
// until Serve takes it.
func (p *Port) Listen() error {
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(p.opt.Number))
	ln, err := bind.TCP4(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s: another process holds the port, probably a second layer (%s): remove that layer, or set %s to a free port: %w",
			address, p.opt.Rival, p.opt.Variable, err)
	case err != nil:
		return fmt.Errorf("listen on %s (%s): %w", address, p.opt.Variable, err)
	}
	p.Use(ln)
	return nil
}

// Use takes a listener that is open already, in place of Listen.
func (p *Port) Use(ln net.Listener) { p.listener = newListener(ln, p.opt, p.log) }

// Addr is the bound address, host:port. Empty before Listen.
func (p *Port) Addr() string {
	if p.listener == nil {
		return ""
	}
	return p.listener.Addr().String()
}

// Serve starts to answer and returns at once. It is a no-op before Listen.
func (p *Port) Serve() {
	if p.listener == nil {
		return
	}
	// Counted from here, so that settle never waits while the count may leave 0.
	p.listener.meets.Add(1)
	go func() {
		defer p.listener.meets.Done()
		defer p.recoverRoot()
		p.listener.run()
	}()
	go func() {
		defer p.recoverRoot()
		if err := p.http.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			p.log.Error("port stopped; the function's requests will be refused", zap.String("address", p.Addr()), zap.Error(err))
		}
	}()
}

func (p *Port) recoverRoot() {
	if cause := recover(); cause != nil {
		p.log.Error("panic in the accept loop; the function's requests will be refused, please report this",
			zap.String("panic", fmt.Sprintf("%T", cause)), zap.ByteString("stack", debug.Stack()))
	}
}

// Forget drops every answer that is kept. Call it when a value may not be given
// any more although nothing was asked since: after a purge, after a restore.
func (p *Port) Forget() {
	if p.listener != nil {
		p.listener.memo.forget()
	}
}

// Repeats is how many answers the connections gave by themselves.
func (p *Port) Repeats() int64 {
	if p.listener == nil {
		return 0
	}
	return p.listener.memo.hits.Load()
}

// Shutdown stops to accept, waits for the requests in flight until ctx ends,
// and then closes what is left. It is a no-op before Listen.
func (p *Port) Shutdown(ctx context.Context) error {
	if p.listener == nil {
		return nil
	}
	p.listener.stop()
	err := p.http.Shutdown(ctx)
	if err != nil {
		_ = p.http.Close() // best effort: the process is about to end
	}
	if err = errors.Join(err, p.listener.settle(ctx)); err != nil {
		return fmt.Errorf("shut down %s: %w", p.Addr(), err)
	}
	return nil
}
