package telemetry

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"go.uber.org/zap"
)

// handful is how many events the handler gets in one call at most. It bounds
// the memory of a batch whose events are tiny.
const handful = 256

// worker reads bodies and hands their events out.
type worker struct {
	*Server
	handler Handler
	stitch  stitcher
	events  []Event // collected for the handler; its capacity is handful
	spoiled bool    // the handler panicked over the body in work
	started bool    // platform.start was seen
}

// work is the one goroutine that decodes. It ends when the queue has.
func (s *Server) work(h Handler) {
	defer close(s.ended)
	w := &worker{Server: s, handler: h, events: make([]Event, 0, handful)}
	for {
		it, ok := s.queue.pop()
		if !ok {
			break
		}
		w.handle(it)
	}
	w.letGo()
}

// handle works one item off. Whatever happens in it ends with it.
func (w *worker) handle(it item) {
	defer w.recovered("decode telemetry")
	if it.mark != nil {
		defer close(it.mark)
		w.letGo()
		return
	}
	w.spoiled = false
	w.batch(it.body)
	// Nobody may hold the events any more, unless a panic kept the handler
	// from letting them go: then the body is left to the garbage collector.
	if !w.spoiled {
		w.buffers.put(it.body)
	}
}

// batch decodes one body and delivers its events.
func (w *worker) batch(body []byte) {
	if joined, ok := w.stitch.join(body); ok {
		w.count.stitched.Add(1)
		body = joined
	} else {
		w.letGo()
	}
	d := newDecoder(body)
	d.skip = w.skips != nil && w.skips()
	for d.next(w.slot()) {
		w.skipped(&d)
		w.filled()
	}
	w.skipped(&d)
	w.deliver()
	if d.tail >= 0 && w.stitch.hold(body, d.tail) {
		d.bad = d.badBefore
	}
	w.unreadable(d)
}

// letGo delivers the first half of a cut record without its second half.
func (w *worker) letGo() {
	if !w.stitch.holds() {
		return
	}
	if !w.stitch.giveUp(w.slot()) { // cut before its first byte
		w.count.undecodable.Add(1)
		return
	}
	w.count.truncated.Add(1)
	if w.slot().Kind == KindFunction && w.skips != nil && w.skips() {
		w.count.skipped.Add(1)
		return
	}
	w.filled()
	w.deliver()
}

// slot returns the place of the next event. It belongs to the collected ones
// only after filled.
func (w *worker) slot() *Event {
	return &w.events[:len(w.events)+1][len(w.events)]
}

// skipped counts the lines that d has passed over.
func (w *worker) skipped(d *decoder) {
	w.count.skipped.Add(d.skipped)
	if w.started {
		w.count.skippedLater.Add(d.skipped)
	}
	d.skipped = 0
	w.started = w.started || w.slot().Kind == KindStart
}

func (w *worker) filled() {
	if w.slot().Kind == KindUnknown {
		w.count.unknown.Add(1)
	}
	w.events = w.events[:len(w.events)+1]
	if len(w.events) == handful {
		w.deliver()
	}
}

// deliver hands the collected events to the handler, whose panic costs these
// events and no others.
func (w *worker) deliver() {
	if len(w.events) == 0 {
		return
	}
	defer func() {
		clear(w.events) // lets go of the bodies
		w.events = w.events[:0]
	}()
	defer w.recovered("handle telemetry")
	w.count.events.Add(int64(len(w.events)))
	before := w.spoiled
	w.spoiled = true
	w.handler.HandleEvents(w.events)
	w.spoiled = before
}

func (w *worker) unreadable(d decoder) {
	if d.bad == 0 {
		return
	}
	if n := w.count.undecodable.Add(int64(d.bad)); worthSaying(n, int64(d.bad)) {
		w.log.Warn("telemetry unreadable: these events are lost, the others of the batch are not",
			zap.Int64("events", n), zap.Int("bytes", len(d.body)), zap.Int("offset", d.firstBad))
	}
}

// recovered, deferred, ends a panic. It logs where it happened, but what it
// said only if the Go runtime said it, since it could quote a log line.
func (s *Server) recovered(doing string) {
	reason := recover()
	if reason == nil {
		return
	}
	if n := s.count.panics.Add(1); worthSaying(n, 1) {
		what := fmt.Sprintf("%T", reason)
		if err, ok := reason.(runtime.Error); ok {
			what = err.Error()
		}
		s.log.Error("panic, going on without it",
			zap.String("doing", doing), zap.String("panic", what), zap.Int64("times", n), zap.ByteString("stack", debug.Stack()))
	}
}
