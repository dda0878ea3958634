package runtimeapi

import (
	"bufio"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// Sizes of memory per connection.
const (
	readBuffer = 16 << 10
	together   = 64 << 10 // most of a message that is written in one piece
)

// conn is one connection of the runtime. Its fields belong to the goroutine of
// serve; r belongs to watch between resume and ready.
type conn struct {
	s   *Server
	net net.Conn
	r   *bufio.Reader
	req head
	res head
	out []byte // the request, as Lambda gets it
	in  []byte // the answer, as the runtime gets it
	up  *upstream

	resume chan struct{} // watch may read
	ready  chan error    // the next request is there, or the runtime has left

	posting atomic.Bool   // an answer of the runtime is on its way
	leaving chan struct{} // closed when the runtime has left

	mu   sync.Mutex
	poll *upstream // waits for an event in the runtime's name; nil: none
	gone bool      // the runtime has left
}

func newConn(s *Server, nc net.Conn) *conn {
	return &conn{s: s, net: nc, r: bufio.NewReaderSize(nc, readBuffer), resume: make(chan struct{}, 1), ready: make(chan error, 1), leaving: make(chan struct{})}
}

// serve answers requests in their order until the runtime leaves or must.
func (c *conn) serve() {
	defer c.s.survive("connection")
	defer c.end()
	c.s.done.Go(c.watch)
	c.resume <- struct{}{}
	for {
		if err := <-c.ready; err != nil {
			return
		}
		if !c.one() || c.s.stopping.Load() {
			return
		}
		if cap(c.out) > 4*together {
			c.out = nil // one large head must not stay
		}
		if cap(c.in) > 4*together {
			c.in = nil
		}
	}
}

// watch waits for the first byte of a request, and so sees the end of the
// connection while an answer of Lambda is waited for.
func (c *conn) watch() {
	for range c.resume {
		_, err := c.r.Peek(1)
		if err != nil {
			c.leave()
		}
		c.ready <- err
		if err != nil {
			return
		}
	}
}

// leave closes the poll of a runtime that is gone: Lambda must not give it an
// event that nobody takes.
func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.gone {
		close(c.leaving)
	}
	c.gone = true
	if c.poll != nil {
		c.poll.close()
	}
}

// polls notes that u waits in the runtime's name. False: it has left already.
func (c *conn) polls(u *upstream) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.poll = u
	return !c.gone
}

func (c *conn) close() {
	c.leave()
	_ = c.net.Close() // the runtime sees it, whatever it says
}

func (c *conn) end() {
	close(c.resume)
	_ = c.net.Close() // as above
	if c.up != nil {
		c.up.close()
	}
}

// one serves one request. False: the connection is over.
func (c *conn) one() bool {
	if err := c.req.read(c.r); err != nil {
		switch err {
		case errHead:
			c.refuse(400, "malformed request")
		case errHeadSize:
			c.refuse(431, err.Error())
		}
		return false
	}
	rq, err := c.req.request()
	if err != nil {
		return c.refuse(400, "malformed request line: a method, a path and HTTP/1.0 or HTTP/1.1")
	}
	f, err := c.req.requestFrame(rq.minor)
	if err != nil {
		return c.refuse(400, "ambiguous length: either one Content-Length or Transfer-Encoding: chunked")
	}
	if status, reason := c.req.guard(rq.minor); status != 0 {
		return c.refuse(status, reason)
	}
	x := &exchange{conn: c, request: rq, body: newBody(f, c.r), keep: c.req.keepsAlive(rq.minor)}
	if f.kind != noBody && c.req.expects() {
		// Whatever Lambda will say: the body is taken.
		if _, err := c.net.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return false
		}
	}
	if string(rq.path) == handshakePath {
		return x.handshake()
	}
	return x.forward()
}

// keepsAlive reports whether another request may follow.
func (h *head) keepsAlive(minor int) bool {
	keep := minor == 1
	for i := range h.fields {
		if isName(h.fields[i].name, "connection") {
			if hasWord(h.fields[i].value, "close") {
				return false
			}
			keep = keep || hasWord(h.fields[i].value, "keep-alive")
		}
	}
	return keep
}

func (h *head) expects() bool {
	value, ok := h.get("expect")
	return ok && isName(value, "100-continue")
}

// refuse answers in Lambda's own form, counts, and ends the connection.
func (c *conn) refuse(status int, reason string) bool {
	c.s.stats.refused.Add(1)
	c.in = appendError(c.in[:0], status, "Powertools.Refused", reason, false)
	_, _ = c.net.Write(c.in) // the connection ends either way
	return false
}

// appendError writes a whole answer in the form of Lambda's errors. The
// reason is a text of ours.
func appendError(dst []byte, status int, kind, reason string, keep bool) []byte {
	body := `{"errorMessage":` + strconv.Quote(reason) + `,"errorType":"` + kind + "\"}\n"
	return appendAnswer(dst, status, body, keep)
}

func appendAnswer(dst []byte, status int, body string, keep bool) []byte {
	dst = append(strconv.AppendInt(append(dst, "HTTP/1.1 "...), int64(status), 10), ' ')
	dst = append(append(dst, statusText(status)...), "\r\nContent-Type: application/json\r\nContent-Length: "...)
	dst = append(strconv.AppendInt(dst, int64(len(body)), 10), '\r', '\n')
	if !keep {
		dst = append(dst, "Connection: close\r\n"...)
	}
	return append(append(dst, '\r', '\n'), body...)
}

func statusText(status int) string {
	switch status {
	case 200:
		return "OK"
	case 202:
		return "Accepted"
	case 400:
		return "Bad Request"
	case 403:
		return "Forbidden"
	case 405:
		return "Method Not Allowed"
	case 409:
		return "Conflict"
	case 413:
		return "Payload Too Large"
	case 421:
		return "Misdirected Request"
	case 431:
		return "Request Header Fields Too Large"
	case 502:
		return "Bad Gateway"
	}
	return "Error"
}
