package runtimeapi

import (
	"strconv"
	"sync"
	"time"
)

// Event is an invocation on its way to the runtime.
type Event struct {
	ID          string
	FunctionARN string
	TraceHeader string
	TenantID    string
	Deadline    time.Time // zero: unknown
	At          time.Time // when it was here; wall clock and monotonic
	Bytes       int64     // of the event; -1: it comes in chunks and has not ended
	Beginning   []byte    // the first bytes of it; valid during the call
	Whole       bool      // Beginning is all of it
}

// Answer is what the runtime said, and Lambda's judgement of it.
type Answer struct {
	ID          string
	At          time.Time // when its last byte was here; wall clock
	Failed      bool      // posted as an error, or broken off with one
	ErrorType   string    // as the runtime named it
	Cause       []byte    // of an error, as runtimes say it to X-Ray; valid during the call
	Status      int       // Lambda's: 202 when the answer was taken
	Streamed    bool
	ContentType string // as the runtime said; empty: it did not
	Bytes       int64
	Beginning   []byte    // the first bytes of it; valid during the call
	Whole       bool      // Beginning is all of it
	By          string    // who answered in the function's place; empty: the function did
	HookErrors  int       // of the chain, both ways
	Deadline    time.Time // of the invocation; zero: unknown
	HTTP        bool      // the event was an HTTP request
	Known       bool      // the event has passed here, so that the times below are valid

	FirstByte time.Duration // of a stream: from the event's last byte to its first; 0: none came

	Handler time.Duration // from the event's last byte to the answer's
	Proxy   time.Duration // our share: both ways
}

func eventOf(h *head) Event {
	e := Event{
		ID:          h.text("lambda-runtime-aws-request-id"),
		FunctionARN: h.text("lambda-runtime-invoked-function-arn"),
		TraceHeader: h.text(traceField),
		TenantID:    h.text("lambda-runtime-aws-tenant-id"),
	}
	if ms, err := strconv.ParseInt(h.text("lambda-runtime-deadline-ms"), 10, 64); err == nil && ms > 0 {
		e.Deadline = time.UnixMilli(ms)
	}
	return e
}

// maxOpen bounds the invocations that are followed at once.
const maxOpen = 4096

// warnBefore is how long before its deadline an invocation is late.
const warnBefore = 250 * time.Millisecond

// life follows invocations by their ids. There is no current one.
type life struct {
	managed  bool
	observer Observer

	mu      sync.Mutex
	open    map[string]*call
	stopped bool
}

// call is one invocation that a runtime has.
type call struct {
	delivered time.Time // when the runtime had it to its last byte
	in        time.Duration
	deadline  time.Time
	http      bool
	errors    int // of hooks, on the way in
	timer     *time.Timer
}

func (l *life) init(managed bool, o Observer) {
	l.managed, l.observer, l.open = managed, o, make(map[string]*call)
}

func (l *life) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// deliver takes note of an event. On a classic sandbox there is one at a time:
// whatever was open will not be answered any more.
func (l *life) deliver(e *Event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.managed {
		for id := range l.open {
			l.dropLocked(id)
		}
	}
	if e.ID == "" || l.stopped {
		return e.ID == ""
	}
	l.dropLocked(e.ID) // the same id again is another try
	if len(l.open) >= maxOpen {
		return false
	}
	c := &call{delivered: e.At, deadline: e.Deadline}
	l.open[e.ID] = c
	if !e.Deadline.IsZero() {
		id, at := e.ID, e.At
		c.timer = time.AfterFunc(e.Deadline.Round(0).Sub(at.Round(0))-warnBefore, func() { l.late(id, c, at) })
	}
	return true
}

// late tells of an invocation that runs out of time, and a little later
// forgets it: Lambda takes no answer after the deadline.
func (l *life) late(id string, c *call, at time.Time) {
	l.mu.Lock()
	current := l.open[id] == c && !l.stopped
	if current {
		c.timer = time.AfterFunc(2*warnBefore, func() { l.expire(id, c) })
	}
	l.mu.Unlock()
	if current && l.observer != nil {
		l.observer.Late(id, time.Since(at))
	}
}

func (l *life) expire(id string, c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[id] == c {
		delete(l.open, id)
	}
}

// with shows what is known of an open invocation, to be read or changed.
func (l *life) with(id string, see func(*call)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.open[id]; c != nil {
		see(c)
	}
}

// handed: the runtime has the event to its last byte.
func (l *life) handed(id string, now, came time.Time) {
	l.with(id, func(c *call) { c.delivered, c.in = now, now.Sub(came) })
}

// answer ends an invocation and says how long it took. An answer that Lambda
// refuses may be followed by another: that one does not count any more.
func (l *life) answer(a *Answer, read time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.At = read.Round(0)
	c := l.open[a.ID]
	if c == nil {
		return
	}
	a.Known, a.HTTP = true, c.http
	a.HookErrors += c.errors
	a.Handler = max(0, read.Sub(c.delivered))
	a.Proxy = max(0, a.Proxy) + c.in
	l.dropLocked(a.ID)
}

func (l *life) dropLocked(id string) {
	c := l.open[id]
	if c == nil {
		return
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	delete(l.open, id)
}

func (l *life) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	for id := range l.open {
		l.dropLocked(id)
	}
}
