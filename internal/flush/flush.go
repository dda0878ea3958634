// Package flush decides when the remote ways out are flushed, and how long an
// invocation is held for it.
//
// The rule a reader could break: Hold is the only place that waits, and none
// of its waits depends on somebody else to end: the stream may be dead, the
// runtime's end may get lost, a sink may hang. Leaving early is harmless,
// because the data leaves later; staying is billed.
package flush

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// Mode is a word of POWERTOOLS_EXTENSION_FLUSH.
type Mode string

// The modes. End holds every invocation until its lines are out, Continuous
// holds none and flushes beside the function, Auto picks by how often the
// function runs. Empty means Auto.
const (
	Auto       Mode = "auto"
	End        Mode = "end"
	Continuous Mode = "continuous"
)

// How says who pays for a flush.
type How int

const (
	// Held flushes hold the invocation: only sinks in working order are worth
	// that.
	Held How = iota
	// Beside flushes run beside the function and hold nobody. A sink that was
	// given up for a while is tried again here.
	Beside
	// Last is the flush of a shutdown: whatever is left leaves now or never.
	Last
)

// Sinks are the ways out that are flushed together.
type Sinks interface {
	// Flush sends what is pending, on all sinks side by side, and returns when
	// all are done. When ctx ends it gives up, soon, and keeps what was not
	// sent.
	Flush(ctx context.Context, how How)

	// Condition says how the sinks are now. It never waits.
	Condition() Condition
}

// Condition is the state of all sinks, put together.
type Condition struct {
	Pending bool // at least one line waits to be sent
	Pressed bool // a buffer is half full: soon lines will be dropped
	Working bool // a sink is in working order, so holding an invocation may help
	Probe   bool // a sink that was given up is due for another try
}

// Defaults and constants of the algorithm. Each is the answer to a failure
// that was seen in the field; docs/telemetry.md tells the story.
const (
	DefaultBudget = 300 * time.Millisecond

	grace         = 25 * time.Millisecond  // for lines behind platform.runtimeDone
	liveness      = 275 * time.Millisecond // beyond the buffering: no platform.start by then means no stream
	shortestCap   = 2 * time.Second        // a lost platform.runtimeDone costs this, once
	capFactor     = 4                      // times the longest run seen
	margin        = 500 * time.Millisecond // left to the function's deadline
	demotion      = 100                    // invocations without a hold after a lost runtimeDone
	samples       = 20                     // gaps that say how often the function runs
	seldom        = time.Minute            // mean gap from which the next thaw is too far away
	interval      = 20 * time.Second       // between flushes beside the function
	frozenGap     = 2 * time.Second        // a pause longer than this was a freeze
	besideLimit   = 5 * time.Second        // of one flush beside the function, in time awake
	firstPatience = 3                      // flushes cut off by freezes before one is waited for
	managedPause  = 5 * time.Second        // between flushes where nothing freezes
)

// Options shape a Scheduler.
type Options struct {
	Mode Mode

	// Budget is the most that one flush may hold an invocation. 0: invocations
	// are never held.
	Budget time.Duration

	// Buffering is how long the platform collects events before it sends
	// them, as subscribed.
	Buffering time.Duration

	// Managed: there are no INVOKE events and no freezes, a clock flushes.
	Managed bool

	Log *zap.Logger // nil: silent
}

// Buffering is how long the platform should collect events: short if
// somebody waits for them, long otherwise.
func (m Mode) Buffering(managed bool) time.Duration {
	if m == Continuous || managed {
		return time.Second
	}
	return 25 * time.Millisecond
}

// Stats counts what flushing cost and what it could not wait for.
type Stats struct {
	Held        int           // invocations that were held until their end was heard of
	HeldFor     time.Duration // how long they were held beyond it, together
	Silent      int           // times the stream was found dead
	Lost        int           // times platform.runtimeDone did not come in time
	Interrupted int           // flushes that a freeze cut off
	Beside      int           // flushes beside the function
}
