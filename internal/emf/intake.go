package emf

import (
	"sync"
	"time"
)

// Window is how long a sample may wait in memory for others to share its
// document.
const Window = 100 * time.Millisecond

// IntakeOptions says where an Intake's documents go.
type IntakeOptions struct {
	// Write moves out of the process what Out was given. It should return when
	// that is done, but it may not wait for long: a request waits for it.
	Write func()

	// Guard runs the work of the timer, so that a defect of ours does not end
	// the process. nil: it is run as it is.
	Guard func(work func())

	Now func() time.Time // the wall clock; nil means time.Now
}

// Intake is an Aggregator whose samples leave memory soon. The first request
// of a quiet moment is written before its answer goes; what comes within a
// Window of a writing is aggregated and leaves at its end, or with a Flush. So
// what was accepted survives a kill of the process that comes a Window later.
//
// The rule a reader could break: the sandbox may be frozen between any two
// lines, and the timer may fire hours late. Nothing waits for it: whoever sees
// that time has passed does its work.
type Intake struct {
	*Aggregator
	opt IntakeOptions

	mu    sync.Mutex
	until time.Time // samples are aggregated until then
	timer *time.Timer
	armed bool
}

// NewIntake returns an Intake over the aggregator.
func NewIntake(a *Aggregator, opt IntakeOptions) *Intake {
	if opt.Guard == nil {
		opt.Guard = func(work func()) { work() }
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Intake{Aggregator: a, opt: opt}
}

// Settle is called when the samples of one request are recorded and before it
// is answered.
func (in *Intake) Settle() {
	if in.Aggregator.opt.Disabled {
		return
	}
	if now := in.opt.Now().Round(0); in.quiet(now) {
		in.write(now)
	}
}

// quiet reports whether the last writing is a Window ago; a new Window begins
// then. Otherwise what is recorded leaves at the end of this one.
func (in *Intake) quiet(now time.Time) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	left := in.until.Sub(now)
	if left <= 0 || left > Window { // over, or the clock was set back
		in.until = now.Add(Window)
		return true
	}
	if !in.armed {
		in.armed = true
		if in.timer == nil {
			in.timer = time.AfterFunc(left, in.tick)
		} else {
			in.timer.Reset(left)
		}
	}
	return false
}

// tick ends a Window in which something was recorded; the next one begins.
func (in *Intake) tick() {
	now := in.opt.Now().Round(0)
	in.mu.Lock()
	in.armed = false
	in.until = now.Add(Window)
	in.mu.Unlock()
	in.opt.Guard(func() { in.write(now) })
}

func (in *Intake) write(now time.Time) {
	in.Aggregator.Flush(now)
	in.opt.Write()
}

// Stop ends the timer. What is recorded later leaves with a Flush only.
func (in *Intake) Stop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.armed = true // no other one begins
	if in.timer != nil {
		in.timer.Stop()
	}
}
