package runtimeapi

import (
	"io"
	"sync"
	"time"
)

// receive reads Lambda's answer and passes it on. p still sends the request's
// body; nil: it is there.
func (x *exchange) receive(p *pump) (answered, keep bool) {
	status, minor, ok := x.readAnswer()
	if !ok {
		return x.sent, false
	}
	settled := p == nil || p.settles(status)
	f, err := x.res.responseFrame(status, string(x.method) == "HEAD")
	if err != nil {
		return x.sent, false
	}
	if !x.posts() {
		x.polls(nil) // what came belongs to this runtime, whatever becomes of it
	}
	b := newBody(f, x.up.r)
	reusable := x.res.keepsAlive(minor) && f.kind != untilClose
	if x.kind == next && status == 200 && x.s.opt.Trace != nil {
		x.retrace()
	}
	if x.kind == next && status == 200 && x.s.opt.Chain != nil && f.kind != untilClose {
		return x.consider(b, reusable)
	}
	plain := f.kind == chunked && x.minor == 0 // a client of HTTP/1.0 knows no chunks
	x.keep = x.keep && f.kind != untilClose && !plain

	x.in = append(append(x.in[:0], "HTTP/1.1"...), x.res.start[8:]...)
	x.in = x.res.appendFields(append(x.in, '\r', '\n'))
	x.in = x.appendKeep(x.in)
	switch {
	case plain:
		x.in = append(x.in, '\r', '\n')
	case f.kind == noBody:
		x.in = x.appendLength(x.in) // of what HEAD asks about
	default:
		x.in = appendFrame(x.in, f)
	}
	if x.kind == restore && status == 200 {
		x.s.restored()
	}
	x.sent = true
	whole := x.pass(b, status, plain, settled)
	if whole && b.done && reusable && settled {
		x.up.used = time.Now().Round(0)
	} else {
		x.drop() // what is left in it would be taken for the next answer
	}
	return true, x.keep && whole && b.done
}

// retrace may give the runtime another trace header.
func (x *exchange) retrace() {
	x.traced = ""
	was := x.res.text(traceField)
	if instead := x.s.opt.Trace(x.res.text("lambda-runtime-aws-request-id"), was); instead != "" {
		x.traced = was
		x.res.set(traceField, instead)
	}
}

// event is what the head says of one, with the trace header as Lambda sent it.
func (x *exchange) event() Event {
	e := eventOf(&x.res)
	if x.traced != "" {
		e.TraceHeader = x.traced
	}
	return e
}

// restored: the snapshot may be days old, and no connection of it lives.
func (s *Server) restored() {
	s.renew(s.upstream.Load())
	if s.opt.Observer != nil {
		s.opt.Observer.Restored()
	}
}

// readAnswer reads a head, past those that only say that another comes.
func (x *exchange) readAnswer() (status, minor int, ok bool) {
	for {
		if err := x.res.read(x.up.r); err != nil {
			return 0, 0, false
		}
		status, minor, err := x.res.status()
		if err != nil || status == 101 {
			return 0, 0, false // nobody asked for another protocol
		}
		if status >= 200 {
			return status, minor, true
		}
		if status == 100 || x.minor == 0 {
			continue
		}
		x.in = append(append(x.in[:0], "HTTP/1.1"...), x.res.start[8:]...)
		x.in = append(x.res.appendFields(append(x.in, '\r', '\n')), '\r', '\n')
		if _, err := x.net.Write(x.in); err != nil {
			return 0, 0, false
		}
		x.sent = true
	}
}

// appendLength passes on the length of a body that is not there.
func (x *exchange) appendLength(dst []byte) []byte {
	if value, ok := x.res.get("content-length"); ok {
		dst = append(append(append(dst, "Content-Length: "...), value...), '\r', '\n')
	}
	return append(dst, '\r', '\n')
}

// pass moves the answer's body to the runtime, behind the head in in. False:
// it did not get there.
func (x *exchange) pass(b *body, status int, plain, settled bool) bool {
	var first []byte
	var err error
	switch {
	case !plain:
		x.in, first, err = b.appendSome(x.in)
	case x.kind == next:
		n := len(x.in)
		first, err = io.ReadAll(io.LimitReader(b, together))
		x.in = append(x.in, first...)
		first = x.in[n:]
	}
	x.observe(b, first, status, settled)
	if _, werr := x.net.Write(x.in); werr != nil || err != nil {
		return false
	}
	if !b.done && move(b, x.net, plain) != nil {
		return false
	}
	if x.kind == next && status == 200 {
		x.s.life.handed(x.res.text("lambda-runtime-aws-request-id"), time.Now(), b.at)
	}
	return true
}

// observe says what has come, before the runtime knows it. settled: the
// request's body is through.
func (x *exchange) observe(b *body, first []byte, status int, settled bool) {
	switch {
	case x.kind == next && status == 200:
		e := x.event()
		e.Beginning, e.Whole, e.At = first, b.done && b.received == int64(len(first)), time.Now()
		e.Bytes = b.size()
		x.s.deliver(&e)
	case x.kind == response || x.kind == failure:
		read := time.Now()
		a := Answer{ID: x.id}
		if settled {
			read = x.body.at
			a = x.describe()
			a.Bytes, a.Beginning, a.Whole = x.body.received, x.beginning, x.body.received == int64(len(x.beginning))
			a.Proxy = x.wrote.Sub(read)
		}
		if p := x.posted; p != nil {
			a.Failed, a.ErrorType, a.Bytes, a.Beginning, a.Whole = p.Failed, p.ErrorType, int64(len(p.Body)), p.Body, true
		}
		a.Status, a.By, a.HookErrors = status, x.verdict.By, x.verdict.Errors
		x.s.life.answer(&a, read)
		if x.s.opt.Observer != nil {
			x.s.opt.Observer.Answered(a)
		}
	}
}

// deliver notes that an event is on its way to the runtime.
func (s *Server) deliver(e *Event) {
	s.stats.invocations.Add(1)
	if !s.life.deliver(e) {
		s.stats.untracked.Add(1)
	}
	if s.opt.Observer != nil && s.opt.Observer.Delivered(*e) {
		s.life.with(e.ID, func(c *call) { c.http = true })
	}
}

// The fields of Lambda's contract that are read.
const (
	errorTypeField = "lambda-runtime-function-error-type"
	modeField      = "lambda-runtime-function-response-mode"
	causeField     = "lambda-runtime-function-xray-error-cause"
	traceField     = "lambda-runtime-trace-id"
)

// streams reports whether an answer is a stream: by this field and nothing
// else, because Go's client sends every answer in chunks.
func (h *head) streams() bool {
	mode, ok := h.get(modeField)
	return ok && isName(mode, "streaming")
}

// pieceSize is most of a long body that is moved at once.
const pieceSize = 256 << 10

var largeBuffers = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// move writes what is left of a body, framed as it came unless plain. Its
// error is of the one side or the other.
func move(b *body, to io.Writer, plain bool) error {
	buf := largeBuffers.Get().(*[pieceSize]byte)
	defer largeBuffers.Put(buf)
	const line = 6 // before the data of a chunk
	framed := b.kind == chunked && !plain
	for !b.done {
		data := buf[:len(buf)-2] // two for the end of a chunk
		if framed {
			data = data[line:together] // four digits
		}
		n, err := b.Read(data)
		if err != nil && err != io.EOF {
			return err
		}
		out := data[:n]
		if b.done {
			b.atEnd()
		}
		if framed {
			out = putChunk(buf[:line+n], 0, line)
			if b.done {
				out = b.appendEnd(out)
			}
		}
		if len(out) > 0 {
			if _, err := to.Write(out); err != nil {
				return err
			}
		}
	}
	return nil
}

// pump sends the body of a request while its answer may come already.
type pump struct {
	x    *exchange
	up   *upstream
	done chan struct{}
	all  bool // the whole body is off the runtime's connection; valid when done
	sent bool // and all of it went to Lambda; valid when done
}

func startPump(x *exchange) *pump {
	p := &pump{x: x, up: x.up, done: make(chan struct{})}
	go p.run()
	return p
}

func (p *pump) run() {
	defer close(p.done)
	defer p.x.s.survive("body")
	b := p.x.body
	err := move(b, p.up.net, false)
	if err != nil && !b.done && !b.drain(mostDrained) {
		// The runtime broke off, or sends more than anybody takes: Lambda must
		// see that this is not all.
		p.up.close()
		return
	}
	b.atEnd() // Lambda may have left before it
	p.x.wrote = time.Now()
	p.all, p.sent = true, err == nil
	p.x.resume <- struct{}{}
}

// settles waits for the end of the body when Lambda has taken it, and stops
// sending when it has not: what still comes from the runtime is thrown away,
// so that it gets to reading the answer. False: the body is not through.
func (p *pump) settles(status int) bool {
	if status < 300 {
		select {
		case <-p.done:
			return p.sent
		case <-time.After(time.Second): // it was taken without being read
		}
	}
	select {
	case <-p.done:
		return p.sent
	default:
		p.abandon()
		return false
	}
}

func (p *pump) abandon() { _ = p.up.net.SetWriteDeadline(time.Unix(1, 0)) }

// finish waits for the body's end. True: the runtime's connection can go on.
func (p *pump) finish() bool {
	<-p.done
	return p.all
}
