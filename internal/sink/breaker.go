package sink

import (
	"math/rand/v2"
	"time"
)

// Bounds of the breaker.
const (
	maxErrors   = 3 // in a row, without a hang
	firstOpen   = 5 * time.Second
	longestOpen = 60 * time.Second
	spread      = 0.2 // of the time it stays open, either way
)

// State is what a breaker thinks of its receiver.
type State uint8

// The states.
const (
	Closed  State = iota // the receiver works, as far as is known
	Open                 // it does not; nothing is sent
	Probing              // the time is over: one batch may try
)

// String returns the state's name in health answers and logs.
func (s State) String() string {
	switch s {
	case Open:
		return "open"
	case Probing:
		return "probing"
	}
	return "closed"
}

// breaker keeps a broken receiver from costing anything. The zero value is
// closed.
type breaker struct {
	errors int    // in a row
	opens  int    // since it was last closed
	pause  period // while it is open
}

func (b *breaker) state(now time.Time) State {
	switch {
	case b.opens == 0:
		return Closed
	case b.pause.over(now):
		return Probing
	}
	return Open
}

// fail counts an error, and opens the breaker for a hang, for the third error
// and for a failed probe. It reports whether it opened.
func (b *breaker) fail(now time.Time, hang bool) bool {
	b.errors++
	if !hang && b.errors < maxErrors && b.opens == 0 {
		return false
	}
	d := longestOpen
	if b.opens < 4 {
		d = firstOpen << b.opens
	}
	b.opens++
	// Sandboxes that lost the same receiver must not come back together.
	b.pause = period{from: now, length: time.Duration(float64(d) * (1 - spread + 2*spread*rand.Float64()))}
	return true
}

func (b *breaker) succeed() { *b = breaker{} }

// period is a stretch of time. It is over when either clock says so: the
// monotonic one may stand still while the sandbox is frozen, and the wall
// clock may be set back. The zero value is over.
type period struct {
	from   time.Time // with its monotonic reading
	length time.Duration
}

func (p period) over(now time.Time) bool { return p.left(now) <= 0 }

func (p period) left(now time.Time) time.Duration {
	if p.length == 0 {
		return 0
	}
	passed := max(now.Sub(p.from), now.Round(0).Sub(p.from.Round(0)))
	return max(p.length-passed, 0)
}
