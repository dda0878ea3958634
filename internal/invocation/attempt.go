package invocation

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"
)

// Attempt is one try of one request: Lambda tries an asynchronous event again
// under the same request id, and each try has a life, lines and a canonical
// event of its own. The Tracker makes attempts and closes them; everybody else
// holds a pointer and asks its methods, which are safe for concurrent use.
type Attempt struct {
	ID  string // the request id
	Try int    // 1 for the first that this process has seen of the id

	// State is what package pipeline keeps of the attempt. It is guarded by
	// that package's lock, and the Tracker never looks at it.
	State any

	request atomic.Pointer[Request]
	over    atomic.Bool // the summary is made

	mu    *sync.Mutex // the Tracker's; it guards changes of request, and all that follows
	seq   uint64      // order of all attempts
	all   *attempts
	place *list.Element // among the open ones
	facts *facts        // nil once the attempt is over
	begin time.Time     // platform.start, else the first that was heard of it
	end   time.Time     // of the report, or of what closed the attempt; zero before
}

// Request is what is known about the request now. The value never changes:
// when more is known there is a new one.
func (a *Attempt) Request() *Request { return a.request.Load() }

// Amend adds to what is known of the request. Lines that are handled from now
// on have it, and the canonical event. change gets a copy, must not wait and
// must not call the Tracker.
func (a *Attempt) Amend(change func(*Request)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := *a.Request()
	change(&n)
	if n != *a.Request() {
		a.request.Store(&n)
	}
}

// Open reports whether the attempt still waits for its summary.
func (a *Attempt) Open() bool { return !a.over.Load() }

// facts is all that was said about an open attempt.
type facts struct {
	invoke    Invoke    // zero without an INVOKE event
	delivered time.Time // when the proxy handed it to the runtime; zero: not seen
	answer    *Answer   // what the proxy saw the runtime post; nil: nothing
	event     Delivery  // what it saw of the event; valid if delivered
	started   bool      // platform.start was seen
	ended     bool      // the runtime is done with it
	reported  bool      // platform.report was seen
	closeAt   time.Time // wall clock, of an attempt that is reported and waits for late lines
	cold      coldness
	sum       Summary
	clues     clues
}

func (f *facts) lacksInvoke() bool   { return f.invoke.At.IsZero() }
func (f *facts) lacksDelivery() bool { return f.delivered.IsZero() }
func (f *facts) lacksStart() bool    { return !f.started }

// running reports whether the runtime is not known to be done with it.
func (a *Attempt) running() bool { return a.facts != nil && !a.facts.ended }

// attempts is all attempts of one request id.
type attempts struct {
	id       string
	count    int
	open     []*Attempt    // oldest first
	last     *Attempt      // the newest that is over; nil: none
	ended    time.Time     // the latest time at which one was over
	bare     bool          // last never had its INVOKE
	reported bool          // last had its report
	place    *list.Element // among the requests without an open attempt; nil: it has one
}

// startedBefore returns the attempt whose platform.start this is, delivered
// again: it is told by its time. nil: it is news.
func (all *attempts) startedBefore(at time.Time) *Attempt {
	for i := len(all.open) - 1; i >= 0; i-- {
		if a := all.open[i]; a.facts.started && !at.After(a.begin) {
			return a
		}
	}
	switch {
	case all.last == nil, at.After(all.ended):
		return nil
	case at.Equal(all.ended) && all.lacking(at, (*facts).lacksStart) != nil:
		return nil
	}
	return all.last
}

// newest returns the attempt that lines of this request belong to: the newest
// that has started, else the newest.
func (all *attempts) newest() *Attempt {
	for i := len(all.open) - 1; i >= 0; i-- {
		if all.open[i].facts.started {
			return all.open[i]
		}
	}
	if len(all.open) > 0 {
		return all.open[len(all.open)-1]
	}
	return all.last
}

// lacking returns the open attempt that lacks something and began nearest to
// the time; the older one if two are as near. nil: none lacks it.
func (all *attempts) lacking(at time.Time, lacks func(*facts) bool) *Attempt {
	var nearest *Attempt
	var distance time.Duration
	for _, a := range all.open {
		if !lacks(a.facts) || a.facts.reported && at.After(a.end) {
			continue
		}
		if d := at.Sub(a.begin).Abs(); nearest == nil || d < distance {
			nearest, distance = a, d
		}
	}
	return nearest
}

// endingAt returns the open attempt that an end at this time belongs to: the
// newest that had begun by then. An end that lies before all of them is of one
// that is over, if there was one; else the clocks disagree, and it is the
// oldest's.
func (all *attempts) endingAt(end time.Time) *Attempt {
	for i := len(all.open) - 1; i >= 0; i-- {
		if !all.open[i].begin.After(end) {
			return all.open[i]
		}
	}
	if len(all.open) == 0 || !all.ended.IsZero() && !end.After(all.ended) {
		return nil
	}
	return all.open[0]
}
