// Package batch splits an event into its records, decides which of them run,
// and makes one answer of what became of them.
//
// The rule a reader could break: a record that has not succeeded is in the
// answer, whatever else happens: one that failed, one that was left out
// because of the failure of another, one for which there was no time. What is
// missing in the answer is deleted. It is a state machine without time and
// without I/O, for one record at a time.
package batch

import (
	"time"
)

// Rules are how a batch is run.
type Rules struct {
	// SkipGroup: after a failure in a FIFO queue the other message groups go
	// on; else nothing does.
	SkipGroup bool

	// Raise: a batch without a success is an error of the invocation.
	Raise bool

	// StreamStop: after a failure in a stream nothing more runs, and that
	// record alone is reported, because Lambda goes on from it.
	StreamStop bool
}

// state is what became of a record.
type state uint8

const (
	waiting   state = iota
	running         // a runtime has it
	succeeded       // the only one that is not reported
	failed
	skipped // left out because of a failure before it
	late    // left out because there was no time
)

// The times that are left to a record at least.
const (
	leastLeft = 500 * time.Millisecond
	slowShare = 3 // of the slowest record so far, in halves
)

// Batch is a batch that runs. It is not safe for concurrent use.
type Batch struct {
	*Event
	rules    Rules
	deadline time.Time // zero: unknown

	next    int // first record that is not decided
	current int // the one that runs; -1: none
	began   time.Time
	slowest time.Duration
	stopped state // not waiting: what all further records are
	groups  map[string]struct{}
	counts  [late + 1]int
	dropped int

	firstType, firstMessage string // of the first error
	one                     []byte // the event of the record that runs
}

// New begins a batch.
func New(e *Event, rules Rules, deadline time.Time) *Batch {
	return &Batch{Event: e, rules: rules, deadline: deadline, current: -1}
}

// Next begins the next record that is to run. event is valid until the next
// call. False: there is none, and Answer has the answer.
func (b *Batch) Next(now time.Time) (i int, event []byte, ok bool) {
	if !b.More(now) || b.current >= 0 {
		return 0, nil, false
	}
	b.current, b.began = b.next, now
	b.next++
	b.records[b.current].state = running
	b.one = b.appendOne(b.one[:0], b.current)
	return b.current, b.one, true
}

// More reports whether a record is to run after the one that runs, and decides
// those before it.
func (b *Batch) More(now time.Time) bool {
	for b.next < len(b.records) {
		if b.stopped == waiting && b.short(now) {
			b.stopped = late
		}
		switch {
		case b.stopped != waiting:
			b.decide(b.next, b.stopped)
		case b.inFailedGroup(b.next):
			b.decide(b.next, skipped)
		default:
			return true
		}
		b.next++
	}
	return false
}

// short reports whether the time left is too short for another record.
func (b *Batch) short(now time.Time) bool {
	return !b.deadline.IsZero() && b.deadline.Sub(now) < max(slowShare*b.slowest/2, leastLeft)
}

func (b *Batch) inFailedGroup(i int) bool {
	if len(b.groups) == 0 {
		return false
	}
	_, is := b.groups[string(b.text(b.records[i].group))]
	return is
}

func (b *Batch) decide(i int, s state) {
	b.records[i].state = s
	b.counts[s]++
}

// Running is the record that runs; false: none does.
func (b *Batch) Running() (i int, ok bool) { return b.current, b.current >= 0 }

// Succeed ends the record that runs.
func (b *Batch) Succeed(now time.Time) { b.end(now, succeeded) }

// Drop ends the record that was to run: the function did not get it, and it
// does not come again.
func (b *Batch) Drop(now time.Time) {
	b.dropped++
	b.Succeed(now)
}

// Fail ends the record that runs. The words are those of its error.
func (b *Batch) Fail(now time.Time, errorType, message string) {
	if b.current < 0 {
		return
	}
	if b.counts[failed] == 0 {
		b.firstType, b.firstMessage = errorType, message
	}
	switch group := b.records[b.current].group; {
	case b.kind.stream():
		if b.rules.StreamStop {
			b.stopped = skipped
		}
	case !b.fifo():
	case !b.rules.SkipGroup:
		b.stopped = skipped
	default:
		if b.groups == nil {
			b.groups = make(map[string]struct{})
		}
		b.groups[string(b.text(group))] = struct{}{}
	}
	b.end(now, failed)
}

func (b *Batch) end(now time.Time, s state) {
	if b.current < 0 {
		return
	}
	b.slowest = max(b.slowest, now.Sub(b.began))
	b.decide(b.current, s)
	b.current = -1
}

// Counts is how a batch went.
type Counts struct {
	Records     int
	Failed      int           // that ran and failed
	Unprocessed int           // that did not run: left out, or there was no time
	Late        int           // of those: there was no time
	Dropped     int           // that succeeded without the function, which did not get them
	Slowest     time.Duration // of the records that ran
}

// Counts is how the batch went so far.
func (b *Batch) Counts() Counts {
	return Counts{len(b.records), b.counts[failed], b.counts[skipped] + b.counts[late], b.counts[late], b.dropped, b.slowest}
}
