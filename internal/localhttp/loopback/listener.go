package loopback

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// listener wraps every accepted connection in a conn and bounds how many are
// open: a client that leaks connections costs its own oldest ones. A connection
// reaches net/http with its first request that the memo cannot answer; most
// connections of a client that opens one for each request never do.
type listener struct {
	net.Listener
	max     int
	refusal []byte // the whole answer to a connection for which there is no room
	log     *zap.Logger
	memo    *memo

	ready  chan accepted
	closed chan struct{}
	close  func() error // once: the server and stop both do it
	meets  sync.WaitGroup

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// accepted is what Accept returns.
type accepted struct {
	conn *conn
	err  error
}

// spare is how many connections beyond the bound are told so; further ones are
// closed without a word.
const spare = 64

func newListener(ln net.Listener, opt Options, log *zap.Logger) *listener {
	l := &listener{
		Listener: ln, max: opt.Connections, refusal: opt.Refusal, log: log, memo: newMemo(opt.MemoBytes),
		ready: make(chan accepted), closed: make(chan struct{}), conns: make(map[*conn]struct{}),
	}
	l.close = sync.OnceValue(func() error {
		close(l.closed)
		return ln.Close()
	})
	return l
}

// Close implements net.Listener.
func (l *listener) Close() error { return l.close() }

func (l *listener) stopped() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// Accept implements net.Listener: a connection with a request for net/http.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case a := <-l.ready:
		if a.err != nil {
			return nil, a.err
		}
		return a.conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// run accepts until the listener is closed. An error is net/http's to judge: it
// waits after one that passes, and stops after any other.
func (l *listener) run() {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			select {
			case l.ready <- accepted{err: err}:
			case <-l.closed:
			}
			if !l.stopped() && passes(err) {
				continue
			}
			return
		}
		c := &conn{Conn: nc, owner: l}
		if socket, ok := nc.(syscall.Conn); ok {
			c.raw, _ = socket.SyscallConn() // nil if it is closed already
		}
		c.since.Store(time.Now().UnixNano())
		oldest, open := l.add(c)
		if oldest != nil {
			_ = oldest.Close() // its client is not waiting for an answer
		}
		if open >= l.max+spare {
			_ = c.Close()
			continue
		}
		l.meets.Add(1)
		go l.meet(c, oldest == nil && open >= l.max)
	}
}

// passes tells whether net/http goes on after an error of Accept: it asks the
// error itself, for too many open files and the like.
func passes(err error) bool {
	judge, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && judge.Temporary()
}

// meet reads the first request of a connection. It answers what the memo
// knows, and gives the connection to net/http with the first other bytes.
func (l *listener) meet(c *conn, refuse bool) {
	defer l.meets.Done()
	defer func() {
		if cause := recover(); cause != nil {
			_ = c.Close()
			l.log.Error("panic on a new connection, which was closed; please report this",
				zap.String("panic", fmt.Sprintf("%T", cause)), zap.ByteString("stack", debug.Stack()))
		}
	}()
	buf := make([]byte, wholeRead)
	c.limited = true
	if c.SetReadDeadline(time.Now().Add(headerTimeout)) != nil {
		_ = c.Close()
		return
	}
	read := c.Read
	if refuse {
		read = c.read // so that the client is not cut off while it still sends
	}
	n, err := read(buf)
	switch {
	case err != nil:
		_ = c.Close() // silent for too long, or gone
		return
	case refuse:
		_, _ = c.write(l.refusal)
		_ = c.CloseWrite()
		_ = c.Close()
		return
	}
	c.pending = buf[:n]
	select {
	case l.ready <- accepted{conn: c}:
	case <-l.closed:
		_ = c.Close()
	}
}

// add remembers c and returns how many connections were open before, and the
// one that has to go for it, if any.
func (l *listener) add(c *conn) (oldest *conn, open int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	open = len(l.conns)
	if open >= l.max {
		oldest = l.longestWaitingLocked()
	}
	l.conns[c] = struct{}{}
	return oldest, open
}

func (l *listener) longestWaitingLocked() *conn {
	var oldest *conn
	for c := range l.conns {
		if c.phase.Load() == busy {
			continue
		}
		if oldest == nil || c.since.Load() < oldest.since.Load() {
			oldest = c
		}
	}
	return oldest
}

func (l *listener) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// stop closes the port and every connection that waits for a request. Without
// it a connection that never sent one would hold the shutdown for seconds.
// What was kept is forgotten.
func (l *listener) stop() {
	_ = l.Close() // nobody can be told, and the process is about to end
	for _, c := range l.waiting() {
		_ = c.Close() // nobody is owed an answer
	}
	l.memo.forget()
}

// settle waits for the connections that net/http has not seen, until ctx ends;
// then it closes them.
func (l *listener) settle(ctx context.Context) error {
	done := make(chan struct{})
	go func() { l.meets.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, c := range l.all() {
		_ = c.Close()
	}
	<-done
	return ctx.Err()
}

func (l *listener) waiting() []*conn {
	return slices.DeleteFunc(l.all(), func(c *conn) bool { return c.phase.Load() != waiting })
}

func (l *listener) all() []*conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.conns))
}
