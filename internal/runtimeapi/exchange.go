package runtimeapi

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// exchange is one request of the runtime and Lambda's answer.
type exchange struct {
	*conn
	request
	body *body
	keep bool // the runtime's connection goes on afterwards

	kind      int
	id        string    // of the invocation, as sent; when kind is response or failure
	beginning []byte    // of the body, as far as it is in out
	wrote     time.Time // the request's last byte has left
	sent      bool      // something of an answer has gone to the runtime

	traced string // the event's trace header as it came; empty: it is passed on so

	again   bool    // the runtime waits on: its event was answered in its place
	verdict Verdict // of the chain, on the answer
	posted  *Post   // in the runtime's place; nil: its own
}

// What a request is for.
const (
	other = iota
	next
	response
	failure
	restore
)

const invocations = "/2018-06-01/runtime/invocation/"

// route knows the requests that begin and end an invocation. Ids are taken as
// they are sent.
func route(rq request) (kind int, id string) {
	switch string(rq.method) {
	case "GET":
		if string(rq.path) == "/2018-06-01/runtime/restore/next" {
			return restore, ""
		}
		if string(rq.path) == invocations+"next" {
			return next, ""
		}
	case "POST":
		rest, ok := bytes.CutPrefix(rq.path, []byte(invocations))
		if !ok {
			break
		}
		if id, ok := bytes.CutSuffix(rest, []byte("/response")); ok && len(id) > 0 && bytes.IndexByte(id, '/') < 0 {
			return response, string(id)
		}
		if id, ok := bytes.CutSuffix(rest, []byte("/error")); ok && len(id) > 0 && bytes.IndexByte(id, '/') < 0 {
			return failure, string(id)
		}
	}
	return other, ""
}

// forward passes the request on and the answer back. False: the connection is
// over.
func (x *exchange) forward() bool {
	x.s.stats.requests.Add(1)
	x.kind, x.id = route(x.request)
	if x.posts() {
		x.posting.Store(true)
		defer x.posting.Store(false)
	}
	if x.kind != next {
		x.drain(nil)
	}
	broken := false
	switch {
	case x.s.opt.Chain != nil && (x.kind == response || x.kind == failure):
		done, keep, cut := x.hear()
		if done {
			return keep
		}
		broken = cut
	default:
		broken = x.gather()
		if x.kind == next {
			x.drain(x.leaving) // whose end gather lets watch see
		}
		if x.s.opt.Chain != nil && x.kind == next {
			switch answered, keep := x.givePiece(); {
			case answered:
				return keep
			case !x.again:
				return x.unreachable(errUpstream, nil)
			}
			x.again = false
		}
	}
	for try := 1; ; try++ {
		fresh, err := x.connect()
		if err != nil {
			return x.unreachable(err, nil)
		}
		answered, keep, p := x.once(broken)
		if answered {
			return (p == nil || p.finish()) && keep
		}
		x.drop()
		// A connection that was used before may have been closed at the other
		// end without a word. What is whole is sent again: if Lambda has it
		// already it says so, which is no worse than no answer.
		if fresh || p != nil || try > 1 || x.left() && !x.posts() {
			return x.unreachable(errUpstream, p)
		}
	}
}

var errUpstream = errors.New("the connection to Lambda without an answer")

// posts reports whether the request must arrive even if the runtime leaves.
func (x *exchange) posts() bool {
	return x.body.kind != noBody || string(x.method) != "GET" && string(x.method) != "HEAD"
}

func (x *exchange) left() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.gone
}

// gather builds the request in out: its head, and of its body what is short or
// here already. True: the runtime broke off.
func (x *exchange) gather() (broken bool) {
	x.out = appendFrame(x.appendRequestHead(x.out[:0]), x.body.frame)
	var err error
	x.out, x.beginning, err = x.body.appendSome(x.out)
	if x.body.done {
		x.resume <- struct{}{}
	}
	return err != nil
}

// appendRequestHead writes the request's head up to what says how long its
// body is.
func (x *exchange) appendRequestHead(dst []byte) []byte {
	to := x.s.upstream.Load()
	dst = append(append(append(dst, x.method...), ' '), to.prefix...)
	dst = append(append(append(dst, x.target...), " HTTP/1.1\r\nHost: "...), to.host...)
	dst = append(dst, '\r', '\n')
	if x.req.expects() {
		return x.req.appendFields(dst, "host", "expect")
	}
	return x.req.appendFields(dst, "host")
}

func appendFrame(dst []byte, f frame) []byte {
	switch f.kind {
	case sized:
		dst = append(strconv.AppendInt(append(dst, "Content-Length: "...), f.length, 10), '\r', '\n')
	case chunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(dst, '\r', '\n')
}

// appendSome appends what may go in one piece, framed: all of a short sized
// body, and of any other what has arrived already. first is the body's
// beginning without a frame; it aliases dst.
func (b *body) appendSome(dst []byte) (all, first []byte, err error) {
	head := len(dst)
	if b.kind == sized && b.length <= together {
		dst = append(dst, make([]byte, int(b.length))...)
		n, err := io.ReadFull(b, dst[head:])
		return dst[:head+n], dst[head : head+n], err
	}
	var from, to int
	for !b.done && len(dst) < head+together && b.here() {
		if b.kind == chunked {
			// Room for the frame's line, which is written when the length is known.
			const line = 6
			start := len(dst)
			dst = append(dst, make([]byte, line+readBuffer)...)
			n, err := b.Read(dst[start+line:])
			dst = putChunk(dst[:start+line+n], start, line)
			if n > 0 && to == 0 {
				from, to = start+line, start+line+n
			}
			if b.done {
				return b.appendEnd(dst), dst[from:to], nil
			}
			if err != nil {
				return dst, dst[from:to], err
			}
			continue
		}
		start := len(dst)
		dst = append(dst, make([]byte, min(b.r.Buffered(), together))...)
		n, err := b.Read(dst[start:])
		dst = dst[:start+n]
		if to == 0 {
			from = start
		}
		to = start + n
		if err != nil && err != io.EOF {
			return dst, dst[from:to], err
		}
	}
	return dst, dst[from:to], nil
}

// here reports whether a read can go on without waiting: of chunks the line
// before the data must be there.
func (b *body) here() bool {
	n := b.r.Buffered()
	if b.kind != chunked || n == 0 {
		return n > 0
	}
	arrived, _ := b.r.Peek(n)
	return bytes.IndexByte(arrived, '\n') >= 0
}

// putChunk writes the line before the data of a chunk: four digits, which may
// begin with zeros. A chunk without data would be the last one.
func putChunk(dst []byte, start, line int) []byte {
	const hex = "0123456789abcdef"
	n := len(dst) - start - line
	if n == 0 {
		return dst[:start]
	}
	for i := range 4 {
		dst[start+i] = hex[n>>(12-4*i)&15]
	}
	dst[start+4], dst[start+5] = '\r', '\n'
	return append(dst, '\r', '\n')
}

// connect sees to a connection to Lambda. fresh: it carried nothing before.
func (x *exchange) connect() (fresh bool, err error) {
	to := x.s.upstream.Load()
	if x.up != nil && x.up.usable(to) {
		return false, nil
	}
	x.drop()
	x.up, err = dial(to)
	return true, err
}

func (x *exchange) drop() {
	if x.up != nil {
		x.up.close()
		x.up = nil
	}
}

// once sends the request and passes the answer on. Not answered: nothing has
// gone to the runtime. p sends what is left of the body; nil: all is sent.
func (x *exchange) once(broken bool) (answered, keep bool, p *pump) {
	if !x.posts() {
		if !x.polls(x.up) {
			return true, false, nil // the runtime left before its poll began
		}
		defer x.polls(nil)
	}
	_, err := x.up.net.Write(x.out)
	if broken {
		x.drop() // Lambda must see that the answer breaks off here
		return true, false, nil
	}
	x.wrote = time.Now()
	if err == nil && !x.body.done {
		p = startPump(x)
	}
	// After an error too: Lambda may have answered before it closed.
	for {
		answered, keep = x.receive(p)
		if !x.again {
			return answered, keep, p
		}
		// The chain has answered: the runtime's poll goes on.
		x.again = false
		if _, err := x.connect(); err != nil {
			return false, false, nil
		}
		if !x.polls(x.up) {
			return true, false, nil
		}
		if _, err := x.up.net.Write(x.out); err != nil {
			return false, false, nil
		}
	}
}

// unreachable answers for a Lambda that does not: its clients end, and Lambda
// starts anew. An empty success would be a lie.
func (x *exchange) unreachable(err error, p *pump) bool {
	if x.left() && !x.posts() || x.s.stopping.Load() {
		return false // nobody reads it, and nothing is wrong
	}
	x.s.stats.upstream.Add(1)
	x.s.log.Warn("the Runtime API did not answer; the runtime is told so", zap.String("upstream", x.s.Upstream()), zap.Error(err))
	keep := x.keep && p == nil && x.body.done && !x.sent
	x.in = appendError(x.in[:0], 502, "Runtime.ProxyUpstream", "the Runtime API behind the proxy did not answer", keep)
	if _, err := x.net.Write(x.in); err != nil {
		keep = false
	}
	// What is left of the body is read, so that the answer is not lost with a
	// reset.
	if p != nil {
		p.abandon()
		p.finish()
	} else if !x.body.done {
		x.body.drain(mostDrained)
	}
	return keep
}

// mostDrained is how much of a body nobody wants is read for the answer's sake.
const mostDrained = 6 << 20
