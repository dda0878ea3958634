package runtimeapi

import (
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"powertools-extension/internal/runtimeapi/pieces"
)

// Chain is asked about events and answers that are whole. It must be safe for
// concurrent use, must not keep the bytes it is shown but those of an event
// that it splits, and fails open itself.
type Chain interface {
	// Request is asked before the runtime sees the event.
	Request(ctx context.Context, e *Event) Verdict

	// Piece is asked what a runtime gets of an event that was split: a piece,
	// or the answer of the whole, or nothing.
	Piece(ctx context.Context, whole string) Verdict

	// Response is asked before Lambda sees the answer; of a stream, before
	// Lambda sees its end. Of a stream it sees no bytes, and of its verdict
	// nothing is done unless it is a piece's.
	Response(ctx context.Context, a *Answer) Verdict

	// Forget is told of a split event that will not be answered.
	Forget(whole string)
}

// Verdict is what the chain wants. The zero value lets the bytes go on.
type Verdict struct {
	Body   []byte       // in the place of the event's or the answer's; nil: as it is
	Post   *Post        // an answer that is not the function's
	For    string       // the invocation that Post answers; empty: the one asked about
	By     string       // who made Post
	Split  bool         // Request: runtimes get its pieces one by one
	Piece  pieces.Piece // of Piece, with an id: what the runtime gets
	Hold   bool         // of a piece: nothing is told to Lambda yet
	Errors int          // hooks that failed
}

// Post is an answer to Lambda.
type Post struct {
	Failed      bool
	ErrorType   string // only if Failed
	ContentType string // empty: application/json
	Body        []byte
}

// mostKept is the largest message that hooks see: what Lambda takes. What is
// longer goes on as it comes.
const mostKept = 6<<20 + 100

// keep reads a body as far as hooks look at it, and a byte more.
func (b *body) keep() ([]byte, error) {
	if b.kind != sized || b.length > mostKept {
		return io.ReadAll(io.LimitReader(b, mostKept+1))
	}
	data := make([]byte, b.length)
	if b.done {
		return data, nil
	}
	n, err := io.ReadFull(b, data)
	return data[:n], err
}

// consider asks the chain about an event and does as it says.
func (x *exchange) consider(b *body, reusable bool) (answered, keep bool) {
	data, err := b.keep()
	if err != nil {
		x.drop()
		return true, false // it broke off, and the runtime sees that
	}
	if !x.s.opt.Managed {
		x.s.giveUp(x.s.splits.Clear())
	}
	if b.done && reusable {
		x.up.used = time.Now().Round(0)
	}
	e := x.event()
	e.Beginning, e.Whole, e.At, e.Bytes = data, b.done && len(data) <= mostKept, time.Now(), b.size()
	x.s.deliver(&e)
	var v Verdict
	if e.Whole {
		v = x.s.opt.Chain.Request(context.Background(), &e)
	}
	switch {
	case v.Post != nil:
		x.settle(b, reusable)
		return x.postItself(e.ID, v)
	case v.Split:
		x.settle(b, reusable)
		x.s.splits.Put(x.splitOf(&e))
		return x.givePiece()
	}
	x.s.life.with(e.ID, func(c *call) { c.errors = v.Errors })
	return x.passKept(b, e, data, v.Body, reusable)
}

// settle keeps the connection to Lambda if it can be used again.
func (x *exchange) settle(b *body, reusable bool) {
	if !b.done || !reusable {
		x.drop()
	}
}

// passKept gives the runtime the event that was read, or other bytes in its
// place, and what has not been read yet.
func (x *exchange) passKept(b *body, e Event, data, instead []byte, reusable bool) (answered, keep bool) {
	x.in = append(append(x.in[:0], "HTTP/1.1"...), x.res.start[8:]...)
	x.in = append(x.in, '\r', '\n')
	if instead != nil {
		data = instead
		x.in = append(x.res.appendFields(x.in, "content-type"), "Content-Type: application/json\r\n"...)
	} else {
		x.in = x.res.appendFields(x.in)
	}
	x.in = x.appendKeep(x.in)
	switch {
	case b.done:
		x.in = appendFrame(x.in, frame{sized, int64(len(data))})
	default:
		x.in = appendFrame(x.in, b.frame)
		data = framed(b, data)
	}
	x.sent = true
	buffers := net.Buffers{x.in, data}
	if _, err := buffers.WriteTo(x.net); err != nil {
		x.drop()
		return true, false
	}
	if !b.done && move(b, x.net, false) != nil {
		x.drop()
		return true, false
	}
	x.settle(b, reusable)
	x.s.life.handed(e.ID, time.Now(), b.at)
	return true, x.keep
}

// framed is data as the beginning of a body of b's kind.
func framed(b *body, data []byte) []byte {
	if b.kind != chunked || len(data) == 0 {
		return data
	}
	out := append(strconv.AppendUint(nil, uint64(len(data)), 16), '\r', '\n')
	out = append(append(out, data...), '\r', '\n')
	if b.done {
		out = b.appendEnd(out)
	}
	return out
}

func (x *exchange) appendKeep(dst []byte) []byte {
	if x.minor == 0 && x.keep {
		return append(dst, "Connection: keep-alive\r\n"...)
	} else if !x.keep {
		return append(dst, "Connection: close\r\n"...)
	}
	return dst
}

// postItself answers an invocation in the function's place, and lets the
// runtime wait for the next one: it sees nothing.
func (x *exchange) postItself(id string, v Verdict) (answered, keep bool) {
	if _, err := x.connect(); err != nil {
		return false, false
	}
	x.polls(nil) // an answer must arrive even if the runtime leaves
	buffers := net.Buffers{x.postHead(id, v.Post), v.Post.Body}
	if _, err := buffers.WriteTo(x.up.net); err != nil {
		return false, false
	}
	status, minor, ok := x.readAnswer()
	if !ok {
		return false, false
	}
	f, err := x.res.responseFrame(status, false)
	if err != nil {
		return false, false
	}
	b := newBody(f, x.up.r)
	if b.drain(mostDrained) && x.res.keepsAlive(minor) && f.kind != untilClose {
		x.up.used = time.Now().Round(0)
	} else {
		x.drop()
	}
	a := Answer{ID: id, Failed: v.Post.Failed, ErrorType: v.Post.ErrorType, Status: status, Bytes: int64(len(v.Post.Body)),
		Beginning: v.Post.Body, Whole: true, By: v.By, HookErrors: v.Errors}
	x.s.life.answer(&a, time.Now())
	if x.s.opt.Observer != nil {
		x.s.opt.Observer.Answered(a)
	}
	x.again = true
	return false, true
}

// postHead is the head of an answer of ours. What the runtime says of itself
// in each of its requests is said here too.
func (x *exchange) postHead(id string, p *Post) []byte {
	to := x.s.upstream.Load()
	kind := "/response"
	if p.Failed {
		kind = "/error"
	}
	dst := append(append(append(append([]byte("POST "), to.prefix...), invocations...), id...), kind...)
	dst = append(append(append(dst, " HTTP/1.1\r\nHost: "...), to.host...), '\r', '\n')
	for i := range x.req.fields {
		if f := &x.req.fields[i]; isName(f.name, "user-agent") {
			dst = append(append(dst, f.line...), '\r', '\n')
		}
	}
	contentType := p.ContentType
	if contentType == "" {
		contentType = "application/json"
	}
	dst = append(append(append(dst, "Content-Type: "...), contentType...), '\r', '\n')
	if p.Failed {
		dst = append(append(append(dst, "Lambda-Runtime-Function-Error-Type: "...), p.ErrorType...), '\r', '\n')
	}
	return appendFrame(dst, frame{sized, int64(len(p.Body))})
}

// hear asks the chain about an answer of the runtime. Done: the runtime has
// been told. Else out holds what Lambda is to get.
func (x *exchange) hear() (done, keep, broken bool) {
	switch e, ours := x.s.splits.Claim(x.id); {
	case e != nil:
		return x.hearPiece(e)
	case ours:
		return true, x.refuseID(), false
	}
	a := x.describe()
	if a.Streamed {
		x.body.atEnd = sync.OnceFunc(x.hearEnd)
		broken = x.gather()
		if x.body.done && !broken {
			x.body.atEnd()
		}
		return false, false, broken
	}
	data, err := x.body.keep()
	if x.body.done {
		x.resume <- struct{}{}
	}
	if x.body.done && len(data) <= mostKept {
		a = x.describe()
		a.Beginning, a.Whole, a.Bytes = data, true, int64(len(data))
		x.s.life.with(x.id, func(c *call) { a.Deadline = c.deadline })
		v := x.s.opt.Chain.Response(context.Background(), &a)
		x.verdict = v
		switch {
		case v.Post != nil:
			return false, false, x.instead(v)
		case v.Body != nil:
			data = v.Body
		}
	}
	x.out = x.appendRequestHead(x.out[:0])
	if x.body.done && x.body.kind == sized {
		x.out = appendFrame(x.out, frame{sized, int64(len(data))})
	} else {
		x.out = appendFrame(x.out, x.body.frame)
	}
	at := len(x.out)
	if x.out = append(x.out, framed(x.body, data)...); x.body.kind == chunked && x.body.done && len(data) == 0 {
		x.out = x.body.appendEnd(x.out)
	}
	if x.beginning = data; x.body.kind == sized {
		x.beginning = x.out[at:]
	}
	return false, false, err != nil
}

// hearEnd tells the chain of a stream whose end is here and not at Lambda yet:
// only its trailers say whether it failed.
func (x *exchange) hearEnd() {
	a := x.describe()
	a.Bytes = x.body.received
	x.s.life.with(x.id, func(c *call) {
		if a.Deadline = c.deadline; a.Bytes > 0 {
			a.FirstByte = max(0, x.body.first.Sub(c.delivered))
		}
	})
	x.s.opt.Chain.Response(context.Background(), &a)
}

// instead makes the request that answers another invocation, of which this was
// the last piece.
func (x *exchange) instead(v Verdict) (broken bool) {
	if v.For != "" {
		x.id = v.For
	}
	x.kind = response
	if v.Post.Failed {
		x.kind = failure
	}
	x.posted = v.Post
	x.out = append(append(x.out[:0], x.postHead(x.id, v.Post)...), v.Post.Body...)
	x.beginning = v.Post.Body
	return false
}

// describe is what the head, and behind the body the trailers, say of an
// answer.
func (x *exchange) describe() Answer {
	a := Answer{ID: x.id, Failed: x.kind == failure, Streamed: x.req.streams(), ContentType: x.req.text("content-type"), ErrorType: x.req.text(errorTypeField)}
	a.Cause, _ = x.req.get(causeField)
	if kind, ok := x.body.trailer.get(errorTypeField); ok && len(bytes.TrimSpace(kind)) > 0 {
		a.Failed, a.ErrorType = true, string(kind)
	}
	return a
}
