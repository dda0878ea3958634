package invocation

import (
	"container/list"
	"context"
	"sync"
	"time"

	"powertools-extension/internal/telemetry"
	"powertools-extension/internal/tracing"
)

// Bounds of the tracker's memory. Finished attempts are forgotten first, all
// but the last few; then the oldest open one is closed for a newer one, with
// what is known of it.
const (
	DefaultMaxBytes = 8 << 20

	openCost  = 2 << 10 // bytes of an open attempt, with what the pipeline keeps of it but held lines
	overCost  = 1024    // bytes of one that is over
	fewestOld = 64      // finished requests that are remembered in any case
	mostOld   = 1024    // finished requests that are remembered at most
)

// lateLines is how long a record stays open on managed instances for lines
// beyond its report, which often comes before them (Lambda Managed Instances;
// AWS's Runtime Interface Emulator).
const lateLines = 100 * time.Millisecond

// readLate is how much later than the report of its attempt an INVOKE may be
// read. Where the runtime dies at once, the stream is quicker than the loop.
const readLate = 10 * time.Second

// Tracker joins the events of all attempts of one sandbox. Safe for
// concurrent use.
type Tracker struct {
	opt Options

	mu      sync.Mutex
	sandbox sandbox
	byID    map[string]*attempts
	open    list.List // of *Attempt, oldest first
	old     list.List // of *attempts without an open attempt, the one longest so first
	seq     uint64
	latest  *Attempt // the newest, for Current
	stream  *Attempt // the one whose lines are in the stream now; it may be over
	over    []Summary
	waiting int              // attempts that are reported and wait for late lines
	dropped telemetry.Number // records lost by the platform, not yet in a summary
	settled chan struct{}    // closed when the last open attempt ends; nil if nobody asked
	begun   chan struct{}    // closed when an attempt begins; nil if nobody asked
	stats   Stats
}

// Stats counts what did not go as it should.
type Stats struct {
	Evicted  uint64 // attempts closed because too many were open
	Repeated uint64 // events of attempts that were over before
	Foreign  uint64 // reports of requests that an earlier process saw
}

// New returns a tracker for a sandbox that begins its life now.
func New(opt Options) *Tracker {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	return &Tracker{
		opt:     opt,
		byID:    make(map[string]*attempts),
		sandbox: sandbox{initType: opt.InitType, born: opt.Now()},
	}
}

// Begin takes an INVOKE event and returns its attempt. That is a new one, for
// no INVOKE is delivered twice, unless an open attempt of the request lacks
// its INVOKE. It returns nil for an event without a request id.
func (t *Tracker) Begin(inv Invoke) *Attempt {
	t.mu.Lock()
	defer t.mu.Unlock()
	if inv.RequestID == "" {
		return nil
	}
	if inv.At.IsZero() {
		inv.At = t.opt.Now()
	}
	all := t.requestLocked(inv.RequestID)
	a := all.lacking(inv.At, (*facts).lacksInvoke)
	if a == nil {
		if all.bare && len(all.open) == 0 && inv.At.Sub(all.ended) < readLate {
			all.bare = false
			return all.last // no INVOKE is lost: this one was read after the report
		}
		a = t.newLocked(all, inv.At)
	}
	a.facts.invoke = inv
	if !a.facts.started {
		t.judgeColdStartLocked(a, inv.At)
	}
	t.renewLocked(a)
	t.latest = a
	return a
}

// Over returns the summaries that are ready, each once, in the order in which
// the attempts ended. On managed instances it closes those whose time for late
// lines is over.
func (t *Tracker) Over(now time.Time) []Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := t.open.Front(); t.waiting > 0 && e != nil; {
		a := e.Value.(*Attempt)
		e = e.Next()
		if f := a.facts; f.reported && !f.closeAt.After(now) {
			t.closeLocked(a, a.end)
		}
	}
	over := t.over
	t.over = nil
	return over
}

// NextOver returns when Over has something to close, and false if no attempt
// waits for that.
func (t *Tracker) NextOver() (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var next time.Time
	for e := t.open.Front(); t.waiting > 0 && e != nil; e = e.Next() {
		if f := e.Value.(*Attempt).facts; f.reported && (next.IsZero() || f.closeAt.Before(next)) {
			next = f.closeAt
		}
	}
	return next, !next.IsZero()
}

// Current returns the request that runs now, and false when none is known to,
// or on managed instances, where there is no telling which one asks.
func (t *Tracker) Current() (Request, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.managedLocked() || t.latest == nil || !t.latest.running() {
		return Request{}, false
	}
	return *t.latest.Request(), true
}

// Running returns the request with this id as soon as it is known to run, and
// false when ctx ends before that.
func (t *Tracker) Running(ctx context.Context, id string) (Request, bool) {
	for {
		req, begun := t.running(id)
		if req != nil {
			return *req, true
		}
		select {
		case <-begun:
		case <-ctx.Done():
			return Request{}, false
		}
	}
}

func (t *Tracker) running(id string) (*Request, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if all := t.byID[id]; all != nil {
		for i := len(all.open) - 1; i >= 0; i-- {
			if all.open[i].running() {
				return all.open[i].Request(), nil
			}
		}
	}
	if t.begun == nil {
		t.begun = make(chan struct{})
	}
	return nil, t.begun
}

// Settled returns a channel that is closed once no attempt waits for its
// report any more.
func (t *Tracker) Settled() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.settled == nil {
		t.settled = make(chan struct{})
	}
	ch := t.settled
	t.settleLocked()
	return ch
}

// settleLocked tells those who wait that nothing is open but for late lines.
func (t *Tracker) settleLocked() {
	if t.settled != nil && t.open.Len() == t.waiting {
		close(t.settled)
		t.settled = nil
	}
}

// Stats returns the counts so far.
func (t *Tracker) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}

// Close ends every open attempt, oldest first: the sandbox shuts down for this
// reason, and no report will come any more. Over has their summaries. What is
// observed of them later changes nothing.
//
// Only what ran at the end was hit by the reason; an older attempt without
// runtimeDone is one whose event was lost.
func (t *Tracker) Close(reason string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := t.open.Front(); e != nil; e = t.open.Front() {
		a := e.Value.(*Attempt)
		if f := a.facts; !f.reported {
			f.sum.ShutdownReason = reason
			if !f.ended && (a == t.latest || t.managedLocked()) {
				f.clues.shutdown(reason)
			}
			a.end = now
		}
		t.closeLocked(a, a.end)
	}
}

// requestLocked finds or makes what is known of a request id.
func (t *Tracker) requestLocked(id string) *attempts {
	all := t.byID[id]
	if all == nil {
		all = &attempts{id: id}
		t.byID[id] = all
	}
	return all
}

// newLocked begins an attempt of the request. That may push another one out.
func (t *Tracker) newLocked(all *attempts, begin time.Time) *Attempt {
	t.seq++
	all.count++
	a := &Attempt{ID: all.id, Try: all.count, mu: &t.mu, seq: t.seq, all: all, begin: begin, facts: &facts{}}
	a.request.Store(&Request{ID: all.id})
	a.place = t.open.PushBack(a)
	all.open = append(all.open, a)
	if all.place != nil {
		t.old.Remove(all.place)
		all.place = nil
	}
	t.sandbox.join(a)
	if t.begun != nil {
		close(t.begun)
		t.begun = nil
	}
	t.boundLocked()
	return a
}

// boundLocked keeps the bound of memory.
func (t *Tracker) boundLocked() {
	bytes := func() int { return t.open.Len()*openCost + t.old.Len()*overCost }
	for t.old.Len() > mostOld || t.old.Len() > fewestOld && bytes() > t.opt.MaxBytes {
		t.forgetLocked(t.old.Front().Value.(*attempts))
	}
	for t.open.Len() > 1 && bytes() > t.opt.MaxBytes {
		t.stats.Evicted++
		a := t.open.Front().Value.(*Attempt)
		if !a.facts.reported {
			a.end = t.opt.Now()
		}
		t.closeLocked(a, a.end)
	}
}

func (t *Tracker) forgetLocked(all *attempts) {
	t.old.Remove(all.place)
	delete(t.byID, all.id)
}

// closeLocked makes the attempt's summary. end is the time of what closed it.
func (t *Tracker) closeLocked(a *Attempt, end time.Time) {
	f, all := a.facts, a.all
	if f.reported {
		t.waiting--
	}
	s := t.summaryLocked(a, end)
	s.LogsDropped, t.dropped = t.dropped, telemetry.Number{}
	t.over = append(t.over, s)
	t.open.Remove(a.place)
	for i, o := range all.open {
		if o == a {
			all.open = append(all.open[:i], all.open[i+1:]...)
			break
		}
	}
	all.last, all.bare, all.reported = a, f.invoke.At.IsZero(), f.reported
	if end.After(all.ended) {
		all.ended = end
	}
	a.facts, a.place = nil, nil
	a.over.Store(true)
	if len(all.open) == 0 {
		all.place = t.old.PushBack(all)
		t.boundLocked()
	}
	t.settleLocked()
}

// summaryLocked puts together what is known of the attempt.
func (t *Tracker) summaryLocked(a *Attempt, end time.Time) Summary {
	f := a.facts
	s := &f.sum
	s.Attempt, s.Request = a, a.Request()
	s.InitType = t.sandbox.kind()
	t.sandbox.complete(a)
	s.derive(f, &t.sandbox, end)
	s.Passed = f.passed()
	if !s.MemorySizeMB.Set && t.opt.MemoryMB > 0 {
		s.MemorySizeMB = telemetry.Num(t.opt.MemoryMB)
	}
	f.clues.judge(s, f.answer, setting{
		managed: t.managedLocked(), runtime: t.sandbox.runtime, initError: t.sandbox.initError, emptyResponse: t.opt.EmptyResponse,
	})
	return *s
}

// renewLocked makes a new value of what is known about the request.
func (t *Tracker) renewLocked(a *Attempt) {
	old, inv := a.Request(), &a.facts.invoke
	n := *old
	set := func(dst *string, v string) {
		if v != "" {
			*dst = v
		}
	}
	set(&n.FunctionARN, inv.FunctionARN)
	set(&n.TraceHeader, inv.TraceHeader)
	if n.FunctionVersion == "" {
		n.FunctionVersion = t.opt.FunctionVersion
	}
	n.TraceID = tracing.RootOf(n.TraceHeader)
	n.ColdStart = a.facts.cold.yes
	if !inv.Deadline.IsZero() {
		n.Deadline = inv.Deadline
	}
	if n != *old {
		a.request.Store(&n)
	}
}

// Managed reports whether the sandbox is a managed instance, where requests
// run side by side.
func (t *Tracker) Managed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.managedLocked()
}

func (t *Tracker) managedLocked() bool { return t.sandbox.initType == initManaged }
