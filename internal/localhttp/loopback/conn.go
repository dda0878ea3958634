package loopback

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The phases of a connection.
const (
	waiting int32 = iota // for the first byte of a request
	inHead               // some bytes of a request head have come
	busy                 // a request is being answered
)

// conn is one connection of the function. It adds three things to the socket: a
// client that stalls inside a request head is told 408 instead of a silent
// close, a deadline that passed because the sandbox was frozen is forgiven, and
// a request that was just answered is answered again without net/http.
type conn struct {
	net.Conn
	owner *listener
	phase atomic.Int32
	since atomic.Int64 // when the phase began, Unix nanoseconds

	raw     syscall.RawConn // nil: not a socket
	pending []byte          // of the first request: net/http reads them first
	limited bool            // the first head has a deadline, which must not end an idle connection

	// irregular: net/http has last read something else than one whole GET. It
	// may treat what follows in another way then, such as a line end after a
	// POST, so the next request is its own in any case.
	irregular bool

	// The request that is being answered. It belongs to the goroutine that
	// reads and answers: net/http's read of one byte beside a handler leaves it alone.
	request request

	mu     sync.Mutex
	readBy time.Time // the read deadline in force; zero: none, or one in the past
}

// request is what the memo wants to know of a request that net/http answers.
type request struct {
	head   []byte // its bytes; empty: they did not come whole, or for the first time
	came   time.Time
	sight  sight
	ticket Ticket
	answer []byte // what has been written, if that was not all at once
}

// forget makes ready for the next request. What was kept may hold a value.
func (r *request) forget() {
	clear(r.answer)
	*r = request{head: r.head[:0]}
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
		c.request.forget() // the next one may come in pieces
		c.since.Store(time.Now().UnixNano())
		c.phase.Store(waiting)
	}
}

// Read implements net.Conn. A head that was answered in this second already is
// answered here, and net/http does not see it.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	if len(p) == 1 && c.raw != nil && c.phase.Load() == busy {
		return c.watch()
	}
	for {
		n, err := c.read(p)
		if n == 0 || len(p) != wholeRead || c.phase.Load() != waiting {
			if n > 0 {
				c.phase.CompareAndSwap(waiting, inHead)
				c.irregular = true
			}
			return n, err
		}
		answered, err := c.repeat(p[:n])
		if err != nil {
			return 0, err
		}
		if !answered {
			c.phase.Store(inHead)
			return n, nil
		}
	}
}

// watch is the read of one byte that net/http has running beside a handler, to
// learn that the client has gone, until it interrupts it. It leaves the byte of
// a quick client where it is: taken away, it would tear the next head apart, and
// a client that is always quick would never be answered from the memo.
func (c *conn) watch() (int, error) {
	var end error
	err := c.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		for {
			n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			switch {
			case err == syscall.EINTR:
				continue
			case n > 0 || err == syscall.EAGAIN:
				return false // until something changes, or the deadline
			case err != nil:
				end = os.NewSyscallError("recvfrom", err)
			default:
				end = io.EOF
			}
			return true
		}
	})
	if err != nil {
		return 0, err
	}
	return 0, end
}

// repeat gives a known answer again, or takes note of what is to be answered.
func (c *conn) repeat(head []byte) (answered bool, err error) {
	now := time.Now()
	known, sight := c.owner.memo.find(head, now, !c.irregular)
	if known == nil {
		c.request.forget()
		c.irregular = !wholeHead(head)
		if sight.again && !c.irregular {
			c.request.head, c.request.came, c.request.sight = append(c.request.head, head...), now, sight
		}
		return false, nil
	}
	c.phase.Store(busy)
	if c.limited {
		c.limited = false
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			return false, err
		}
	}
	if _, err := c.write(known.answer); err != nil {
		return false, err
	}
	c.since.Store(now.UnixNano())
	c.phase.Store(waiting)
	if c.owner.stopped() { // stop has not seen it waiting
		return false, net.ErrClosed
	}
	return true, nil
}

// read is Read without the memo.
func (c *conn) read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 {
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
	_, _ = c.write([]byte(timeoutAnswer)) // the connection is closed next, whether this arrived or not
}

// Write implements net.Conn. An answer with a ticket is kept once it is whole.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.write(p)
	r := &c.request
	if r.ticket.Again == nil {
		return n, err
	}
	answer := p
	if len(r.answer) > 0 || !wholeAnswer(p, r.ticket.Body) {
		r.answer = append(r.answer, p[:n]...)
		answer = r.answer
	}
	switch {
	case err != nil || len(answer) > maxAnswer:
		r.forget()
	case wholeAnswer(answer, r.ticket.Body):
		c.owner.memo.keep(answer, r)
		r.forget()
	}
	return n, err
}

// write has a limit for each call, which starts when it starts, so a freeze
// between a request and its answer costs nothing.
func (c *conn) write(p []byte) (int, error) {
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
