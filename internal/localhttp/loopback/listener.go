package loopback

import (
	"net"
	"sync"
	"time"
)

// listener wraps every accepted connection in a conn and bounds how many are
// open: a client that leaks connections costs its own oldest ones.
type listener struct {
	net.Listener
	max   int
	close func() error // once: the server and stop both do it

	mu    sync.Mutex
	conns map[*conn]struct{}
}

func newListener(ln net.Listener, limit int) *listener {
	return &listener{Listener: ln, max: limit, close: sync.OnceValue(ln.Close), conns: make(map[*conn]struct{})}
}

// Close implements net.Listener.
func (l *listener) Close() error { return l.close() }

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, owner: l}
	c.since.Store(time.Now().UnixNano())
	if oldest := l.add(c); oldest != nil {
		_ = oldest.Close() // its client is not waiting for an answer
	}
	return c, nil
}

// add remembers c and returns the connection that has to go for it, if any.
func (l *listener) add(c *conn) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var oldest *conn
	if len(l.conns) >= l.max {
		oldest = l.longestWaitingLocked()
	}
	l.conns[c] = struct{}{}
	return oldest
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
func (l *listener) stop() {
	_ = l.Close() // nobody can be told, and the process is about to end
	for _, c := range l.waiting() {
		_ = c.Close() // nobody is owed an answer
	}
}

func (l *listener) waiting() []*conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var idle []*conn
	for c := range l.conns {
		if c.phase.Load() == waiting {
			idle = append(idle, c)
		}
	}
	return idle
}
