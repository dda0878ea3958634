// Package spans makes one span of each sampled invocation: of the answer that
// the proxy sees, else of the tracker's judgement.
//
// The rule a reader could break: nothing here is on the way of an invocation.
// What happens before the runtime has its event is reading one header; a span
// is made, and sent, behind the answer. And there is no current invocation:
// everything is known by its request id, because several may run.
package spans

import (
	"sync"
	"sync/atomic"
	"time"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/tracing"
)

// Options are the settings of a Tracer. Emit is required.
type Options struct {
	Service      string
	FunctionName string // names the span where no handler is known

	// Headerless: a destination wants spans of invocations that have no trace
	// header, under a trace id drawn here.
	Headerless bool

	Rewrite         bool // the runtime gets our span as its parent
	CaptureResponse bool
	CaptureError    bool

	// Proxied reports whether the runtime talks to Lambda through the proxy:
	// then a span ends with the answer. nil: it does not.
	Proxied func() bool

	// Redact takes out of a document what must not leave; object: it is a JSON
	// object. It may be called from several goroutines. nil: nothing is.
	Redact func(text []byte, object bool) []byte

	// Emit gets a span that is over, on a goroutine of its own.
	Emit func(*tracing.Span)

	// Go runs what is left to do behind an answer; nil: go.
	Go func(func())
}

// Tracer follows invocations. Safe for concurrent use. Of a nil Tracer every
// method does nothing: there are no spans.
type Tracer struct {
	opt Options

	mu      sync.Mutex
	handler string
	open    map[string]*pending              // by request id
	aside   map[*invocation.Attempt]*pending // of ids that a newer try has taken; their ends are not heard of yet
	begun   bool                             // the first invocation of this process has come
	phases  phases
	closed  bool
	working sync.WaitGroup

	skipped atomic.Int64
	taken   atomic.Int64 // of skipped, handed over by Take
}

// maxOpen bounds the invocations that are followed at once.
const maxOpen = 4096

// MaxChildren bounds the parts of one invocation that have spans of their own.
const MaxChildren = 100

// pending is an invocation whose span is not over.
type pending struct {
	root, parent, id string
	own              bool // the trace begins here
	first            bool // of this process
	start            time.Time
	attempt          *invocation.Attempt // nil: not known yet
	kind             tracing.Kind
	trigger          string
	children         []Child
}

// Child is a part of an invocation with a span of its own: a hook that waits
// for a service, a record of a batch.
type Child struct {
	Name       string
	Start, End time.Time
	Error      string // type of what failed; empty: nothing did
}

// Event is what is known of an invocation's event.
type Event struct {
	Attempt *invocation.Attempt // nil: not followed
	At      time.Time           // when it was here
	Source  string              // as package awsevent names it
	Trigger string              // of FaaS
	HTTP    bool
}

// New returns a Tracer that has drawn nothing and started nothing.
func New(opt Options) *Tracer {
	if opt.Proxied == nil {
		opt.Proxied = func() bool { return false }
	}
	if opt.Go == nil {
		opt.Go = func(f func()) { go f() }
	}
	return &Tracer{opt: opt, open: make(map[string]*pending), aside: make(map[*invocation.Attempt]*pending)}
}

// SetHandler names the handler, as the runtime's environment has it.
func (t *Tracer) SetHandler(name string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handler = name
}

// Trace begins the span of an invocation whose event has come for the runtime,
// and returns the trace header that the runtime gets; empty: as it came.
func (t *Tracer) Trace(id, header string) (instead string) {
	h, state := tracing.ParseHeader(header)
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.beginLocked(id, h, state)
	if o == nil || o.own || !t.opt.Rewrite {
		return ""
	}
	return tracing.WithParent(header, o.id)
}

// beginLocked decides whether there is a span, and draws its id.
func (t *Tracer) beginLocked(id string, h tracing.Header, state tracing.State) *pending {
	first := !t.begun
	t.begun = true
	t.setAsideLocked(id)
	o := &pending{root: h.Root, parent: h.Parent, first: first}
	switch {
	case state == tracing.Garbage, len(t.open) >= maxOpen, t.closed:
		t.skipped.Add(1)
		o = nil
	case state == tracing.Unsampled, state == tracing.Missing && !t.opt.Headerless, id == "":
		o = nil
	case state == tracing.Missing:
		o.root, o.own = tracing.NewRoot(time.Now()), true
	}
	if o == nil {
		if first {
			t.phases.off = true // of an invocation that nobody follows
		}
		return nil
	}
	o.id, o.start = tracing.NewID(), time.Now().Round(0)
	t.open[id] = o
	return o
}

// setAsideLocked makes room for another try of a request id: Lambda repeats an
// event under the same id, and how the first try ended is often heard of when
// the next has begun. One that the tracker does not know is never judged.
func (t *Tracer) setAsideLocked(id string) {
	o := t.open[id]
	delete(t.open, id)
	switch {
	case o == nil:
	case o.attempt == nil, len(t.aside) >= maxOpen:
		t.skipped.Add(1)
	default:
		t.aside[o.attempt] = o
	}
}

// Delivered adds what is known of the event, before the runtime has it. Lines
// of the invocation carry the ids from here on.
func (t *Tracer) Delivered(id string, e Event) {
	if t == nil {
		return
	}
	t.mu.Lock()
	o := t.open[id]
	if o != nil {
		o.attempt, o.start, o.trigger, o.kind = e.Attempt, e.At, e.Trigger, kindOf(e)
	}
	t.mu.Unlock()
	o.mark(e.Attempt)
}

// mark gives the lines of an attempt the ids of its span.
func (o *pending) mark(a *invocation.Attempt) {
	if o == nil || a == nil {
		return
	}
	trace := tracing.W3C(o.root)
	a.Amend(func(r *invocation.Request) { r.SpanTraceID, r.SpanID = trace, o.id })
}

// kindOf is the place of an invocation in its trace. (OpenTelemetry semantic
// conventions, FaaS spans)
func kindOf(e Event) tracing.Kind {
	if e.HTTP {
		return tracing.Server
	}
	switch e.Source {
	case "sqs", "kinesis", "dynamodb", "kafka", "rabbitmq", "activemq", "firehose":
		return tracing.Consumer
	}
	return tracing.Internal
}

// Child notes a part of an invocation that has a span. What is beyond
// MaxChildren is counted and has none.
func (t *Tracer) Child(id string, c Child) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.open[id]
	switch {
	case o == nil:
	case len(o.children) == MaxChildren:
		t.skipped.Add(1)
	default:
		o.children = append(o.children, c)
	}
}

// take ends the following of an invocation.
func (t *Tracer) take(id string) *pending {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.open[id]
	delete(t.open, id)
	return o
}

// behind runs work behind the answer.
func (t *Tracer) behind(work func()) {
	t.mu.Lock()
	closed := t.closed
	if !closed {
		t.working.Add(1)
	}
	t.mu.Unlock()
	if closed {
		work() // at shutdown nothing waits for anything
		return
	}
	t.opt.Go(func() {
		defer t.working.Done()
		work()
	})
}

// Close waits for spans that are being made. What is still open then has no
// end that anybody knows, and is counted.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	t.mu.Lock()
	t.closed = true
	t.skipped.Add(int64(len(t.open) + len(t.aside)))
	clear(t.open)
	clear(t.aside)
	t.mu.Unlock()
	t.working.Wait()
}

// Skipped counts what got no span: of garbage in the trace header, or beyond a
// bound.
func (t *Tracer) Skipped() int64 { return t.skipped.Load() }

// TakeSkipped counts those since it was asked last.
func (t *Tracer) TakeSkipped() int64 {
	n := t.skipped.Load()
	return n - t.taken.Swap(n)
}
