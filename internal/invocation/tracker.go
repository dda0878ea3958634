package invocation

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"powertools-extension/internal/telemetry"
)

// Bounds of the tracker's memory.
const (
	maxOpen     = 256 // open invocations; the oldest is closed for a newer one
	maxFinished = 256 // finished request ids, to recognise what comes again
)

// Tracker joins the events of all requests of one sandbox. Safe for
// concurrent use.
type Tracker struct {
	opt Options

	mu       sync.Mutex
	sandbox  sandbox
	open     map[string]*record
	seq      uint64  // of the newest record
	latest   *record // the newest invocation, for Current
	stream   *record // the invocation whose lines are in the stream now
	finished finished
	dropped  telemetry.Number // records lost by the platform, not yet in a summary
	settled  chan struct{}    // closed when the last open invocation ends; nil if nobody asked
	stats    Stats
}

// Stats counts what did not go as it should.
type Stats struct {
	Evicted  uint64 // invocations closed because too many were open
	Repeated uint64 // events of requests that were finished before
	Foreign  uint64 // reports of requests that an earlier process saw
}

// record is one open invocation.
type record struct {
	seq     uint64
	id      string
	req     *Request
	invoke  Invoke
	started bool // platform.start was seen
	cold    coldness
	done    chan struct{}
	isDone  bool
	sum     Summary
	clues   clues
}

// New returns a tracker for a sandbox that begins its life now.
func New(opt Options) *Tracker {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Tracker{
		opt:     opt,
		open:    make(map[string]*record),
		sandbox: sandbox{initType: opt.InitType, born: opt.Now()},
	}
}

// Begin takes an INVOKE event. When too many invocations are open it returns
// the summary of the oldest, which is closed for this one; else nil.
func (t *Tracker) Begin(inv Invoke) *Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.finished.has(inv.RequestID) || inv.RequestID == "" {
		return nil
	}
	if inv.At.IsZero() {
		inv.At = t.opt.Now()
	}
	r, evicted := t.recordLocked(inv.RequestID)
	r.invoke = inv
	if !r.started {
		t.judgeColdStartLocked(r, inv.At)
	}
	t.renewLocked(r)
	t.latest = r
	return evicted
}

// Holds reports whether the request is known and has no summary yet.
func (t *Tracker) Holds(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open[id] != nil
}

// Done returns a channel that is closed when the request's runtime is done.
// For a request the tracker does not hold there is nothing to wait for: that
// channel is closed already.
func (t *Tracker) Done(id string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.open[id]; r != nil {
		return r.done
	}
	closed := make(chan struct{})
	close(closed)
	return closed
}

// Current returns the request that runs now, and false when none does or, on
// managed instances, when several do and there is no telling which one asks.
func (t *Tracker) Current() (Request, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.latest
	if t.managedLocked() {
		r = t.soleLocked()
	}
	if r == nil || r.isDone {
		return Request{}, false
	}
	return *r.req, true
}

// Settled returns a channel that is closed once no invocation waits for its
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

// settleLocked tells those who wait that nothing is open.
func (t *Tracker) settleLocked() {
	if t.settled != nil && len(t.open) == 0 {
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

// Close ends every open invocation, oldest first: the sandbox shuts down for
// this reason, and no report will come any more. What is observed of them
// later changes nothing.
func (t *Tracker) Close(reason string, now time.Time) []Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	sums := make([]Summary, 0, len(t.open))
	for _, r := range t.inOrderLocked() {
		t.closeLocked(r, reason)
		sums = append(sums, *t.finishLocked(r, now))
	}
	return sums
}

// inOrderLocked returns the open invocations, oldest first.
func (t *Tracker) inOrderLocked() []*record {
	return slices.SortedFunc(maps.Values(t.open), func(a, b *record) int { return cmp.Compare(a.seq, b.seq) })
}

// closeLocked tells the record why it hears no more. Only what ran at the end
// was hit by it; an older invocation without runtimeDone is one whose event
// was lost.
func (t *Tracker) closeLocked(r *record, reason string) {
	r.sum.ShutdownReason = reason
	if !r.isDone && (t.latest != nil && r.id == t.latest.id || t.managedLocked()) {
		r.clues.shutdown(reason)
	}
}

// recordLocked finds or makes the record of a request. Making one may push
// the oldest out.
func (t *Tracker) recordLocked(id string) (r *record, evicted *Summary) {
	if r := t.open[id]; r != nil {
		return r, nil
	}
	if len(t.open) >= maxOpen {
		t.stats.Evicted++
		evicted = t.finishLocked(t.oldestLocked(), t.opt.Now())
	}
	r = t.newRecordLocked(id)
	t.open[id] = r
	return r, evicted
}

func (t *Tracker) newRecordLocked(id string) *record {
	t.seq++
	r := &record{seq: t.seq, id: id, req: &Request{ID: id}, done: make(chan struct{})}
	t.sandbox.greet(r)
	return r
}

func (t *Tracker) oldestLocked() *record {
	var oldest *record
	for _, r := range t.open {
		if oldest == nil || r.seq < oldest.seq {
			oldest = r
		}
	}
	return oldest
}

// soleLocked returns the invocation that runs, if there is exactly one.
func (t *Tracker) soleLocked() *record {
	var sole *record
	for _, r := range t.open {
		if r.isDone {
			continue
		}
		if sole != nil {
			return nil
		}
		sole = r
	}
	return sole
}

// renewLocked makes a new edition of what is known about the request.
func (t *Tracker) renewLocked(r *record) {
	n := *r.req
	set := func(dst *string, v string) {
		if v != "" {
			*dst = v
		}
	}
	set(&n.FunctionARN, r.invoke.FunctionARN)
	set(&n.TraceHeader, r.invoke.TraceHeader)
	if n.FunctionVersion == "" {
		n.FunctionVersion = t.opt.FunctionVersion
	}
	n.TraceID = traceID(n.TraceHeader)
	n.ColdStart = r.cold.yes
	n.Deadline = r.invoke.Deadline
	if n != *r.req {
		r.req = &n
	}
}

// finishLocked closes the record and returns its summary.
func (t *Tracker) finishLocked(r *record, now time.Time) *Summary {
	r.release()
	delete(t.open, r.id)
	t.settleLocked()
	t.finished.add(r.id, r.req)
	s := t.summaryLocked(r, now)
	s.LogsDropped, t.dropped = t.dropped, telemetry.Number{}
	return &s
}

// summaryLocked puts together what is known of the record: all but what the
// platform dropped, which is told once.
func (t *Tracker) summaryLocked(r *record, now time.Time) Summary {
	r.sum.Request = r.req
	r.sum.InitType = t.sandbox.kind()
	t.sandbox.complete(r)
	r.sum.derive(r.invoke, now)
	if !r.sum.MemorySizeMB.Set && t.opt.MemoryMB > 0 {
		r.sum.MemorySizeMB = telemetry.Num(t.opt.MemoryMB)
	}
	r.clues.judge(&r.sum, t.sandbox.initError)
	return r.sum
}

// release lets go whoever waits for the runtime.
func (r *record) release() {
	if !r.isDone {
		r.isDone = true
		close(r.done)
	}
}

func (t *Tracker) managedLocked() bool { return t.sandbox.initType == initManaged }
