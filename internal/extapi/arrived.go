package extapi

import (
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// The platform writes INVOKE to our connection before it gives the invocation
// to the function's runtime. So whoever the function asks can know at once
// that an invocation has begun whose event Next has not returned yet: its
// bytes are in the socket, or they were read and are being dealt with.

// Settle waits until the event that has arrived, if there is one, was dealt
// with: until Taken is called for it, or the limit is over. Without an event,
// which is the rule, it costs one system call.
func (c *Client) Settle(limit time.Duration) {
	w := c.next.Load()
	if w == nil || !w.holds() {
		return
	}
	for end := time.Now().Add(limit); w.holds() && time.Now().Before(end); {
		// The goroutine that reads it needs a moment and nothing else.
		runtime.Gosched()
		if w.holds() {
			time.Sleep(50 * time.Microsecond)
		}
	}
}

// Taken says that the event that Next returned last was dealt with.
func (c *Client) Taken() {
	if w := c.next.Load(); w != nil {
		w.got.Store(false)
	}
}

// watched is a connection of which can be told whether bytes have arrived that
// nobody has dealt with. It reads by itself, so that there is no moment in
// which bytes have left the socket and are not accounted for.
type watched struct {
	net.Conn
	raw     syscall.RawConn
	reading atomic.Bool // a read of the socket is under way, which may take bytes
	got     atomic.Bool // bytes were read since Taken
}

// watch returns the connection, watched if it is one of the kernel's.
func watch(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			return &watched{Conn: conn, raw: raw}, nil
		}
	}
	return conn, nil
}

// Read implements net.Conn.
func (w *watched) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	waitErr := w.raw.Read(func(fd uintptr) bool {
		w.reading.Store(true)
		defer w.reading.Store(false)
		for {
			n, err = syscall.Read(int(fd), p)
			if err != syscall.EINTR {
				break
			}
		}
		if n > 0 {
			w.got.Store(true)
		}
		return err != syscall.EAGAIN
	})
	switch {
	case waitErr != nil:
		return 0, waitErr
	case err != nil:
		return 0, &net.OpError{Op: "read", Net: "tcp", Source: w.LocalAddr(), Addr: w.RemoteAddr(), Err: err}
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// holds reports whether bytes have arrived that nobody has dealt with. The
// order matters: what left the socket before the first look is seen by the
// other two.
func (w *watched) holds() bool {
	unread := false
	_ = w.raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		unread = err == nil && n > 0
	})
	return unread || w.reading.Load() || w.got.Load()
}
