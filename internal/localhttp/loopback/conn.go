package loopback

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// The phases of a connection.
const (
	waiting int32 = iota // for the first byte of a request
	inHead               // some bytes of a request head have come
	busy                 // a request is being answered
)

// conn is one connection of the function. It adds two things to the socket: a
// client that stalls inside a request head is told 408 instead of a silent
// close, and a deadline that passed because the sandbox was frozen is
// forgiven.
type conn struct {
	net.Conn
	owner *listener
	phase atomic.Int32
	since atomic.Int64 // when the phase began, Unix nanoseconds

	mu     sync.Mutex
	readBy time.Time // the read deadline in force; zero: none, or one in the past
}

// follow is the server's ConnState hook.
func follow(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	switch state {
	case http.StateActive:
		c.phase.Store(busy)
	case http.StateIdle:
		c.since.Store(time.Now().UnixNano())
		c.phase.Store(waiting)
	}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.phase.CompareAndSwap(waiting, inHead)
			return n, err
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if c.forgiveFreeze() {
			continue
		}
		if c.phase.CompareAndSwap(inHead, busy) { // net/http may read once more
			c.sayTimeout()
		}
		return n, err
	}
}

// frozen is how late a timer must fire to mean that the sandbox did not run.
const frozen = time.Second

// forgiveFreeze renews a read deadline that passed long ago.
func (c *conn) forgiveFreeze() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readBy.IsZero() || time.Since(c.readBy) < frozen {
		return false
	}
	c.readBy = time.Now().Add(headerTimeout)
	return c.Conn.SetReadDeadline(c.readBy) == nil
}

// SetReadDeadline implements net.Conn. net/http sets a deadline in 1970 to
// interrupt a read; that one is meant and never forgiven.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readBy = t
	if t.Unix() <= 1 {
		c.readBy = time.Time{}
	}
	return c.Conn.SetReadDeadline(t)
}

const timeoutAnswer = "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n408 Request Timeout"

func (c *conn) sayTimeout() {
	_, _ = c.Write([]byte(timeoutAnswer)) // the connection is closed next, whether this arrived or not
}

// Write implements net.Conn. Each write has its own limit, which starts when
// it starts, so a freeze between a request and its answer costs nothing.
func (c *conn) Write(p []byte) (int, error) {
	written := 0
	for {
		by := time.Now().Add(writeTimeout)
		if err := c.SetWriteDeadline(by); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(p[written:])
		written += n
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(by) < frozen {
			return written, err
		}
	}
}

// CloseWrite tells the client that no more comes, where the socket can.
// net/http uses it to let a refused client read its refusal.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.owner.forget(c)
	return c.Conn.Close()
}
