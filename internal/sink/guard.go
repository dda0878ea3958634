package sink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Bounds of a Guarded outlet.
const (
	DefaultTries      = 3 // of one batch, the first one included
	DefaultTryTimeout = 2 * time.Second
	probeTimeout      = 400 * time.Millisecond // of a try while the breaker is not closed
	minPatience       = 50 * time.Millisecond  // a receiver given less than this is not blamed for a hang
	maxRetryPause     = 250 * time.Millisecond // a longer pause is not waited for inside a flush
	maxRetryAfter     = 15 * time.Minute       // no answer silences a sink for longer
	retryPause        = 25 * time.Millisecond  // before the one retry inside a flush, up to twice that
	freeResend        = 256 << 10              // bytes that may be sent again whatever was made
)

// ErrPaused is what a flush returns, at once, while the breaker is open or
// the receiver asked for a pause. There is nothing to log: it was said.
var ErrPaused = errors.New("paused")

// errBudget ends a flush that has too little time left for another batch.
var errBudget = errors.New("the rest waits for the next flush: no time left for another batch")

// GuardOptions shape a Guarded. Name is required.
type GuardOptions struct {
	Name   string  // in logs, and never with a secret: "cloudwatch", "https://host"
	Buffer Options // the sender's package knows the bounds of its receiver

	// TryTimeout bounds one try, below what is left of the flush's context.
	// 0 means DefaultTryTimeout.
	TryTimeout time.Duration

	Log *zap.Logger // nil means none
}

// Guarded is an outlet whose receiver may hang, refuse or be gone. It keeps
// the cost of that bounded: a flush ends with its context, a receiver that
// hangs once or fails three times in a row is left alone for 5 to 60 seconds,
// and a batch is tried three times at most, under one key.
//
// It has no goroutine and no timer of its own: a frozen sandbox finds nothing
// to catch up on. Safe for concurrent use.
type Guarded struct {
	*Outlet
	opt GuardOptions
	log *zap.Logger

	mu       sync.Mutex
	breaker  breaker
	hold     period // the pause the receiver asked for
	counters Counters
	resent   uint64 // bytes of lines that were sent again
	disabled bool
	trouble  bool   // something was said that a recovery must take back
	partial  bool   // a partial refusal was said
	lastErr  string // of the last failed try; cleared by a success
}

// Counters say what the guard did, since the start.
type Counters struct {
	Batches  uint64 `json:"batches"`  // that the receiver took
	Tries    uint64 `json:"tries"`    // sends begun
	Failures uint64 `json:"failures"` // tries that failed
	Timeouts uint64 `json:"timeouts"` // of those, ended by the clock
	Opened   uint64 `json:"opened"`   // times the breaker opened
}

// Health is the state of a sink for people.
type Health struct {
	State    State
	Disabled bool   // for good; the log has the reason
	Err      string // of the last failed try; empty after a success
}

// NewGuarded returns an outlet with an empty buffer. It does no I/O.
func NewGuarded(s Sender, opt GuardOptions) *Guarded {
	if opt.TryTimeout <= 0 {
		opt.TryTimeout = DefaultTryTimeout
	}
	if opt.Log == nil {
		opt.Log = zap.NewNop()
	}
	buf := NewBuffer(opt.Buffer)
	buf.keyed = true
	return &Guarded{
		Outlet: NewOutlet(buf, s),
		opt:    opt,
		log:    opt.Log.Named("sink").With(zap.String("sink", opt.Name)),
	}
}

// Name returns GuardOptions.Name.
func (g *Guarded) Name() string { return g.opt.Name }

// Ready reports whether a flush is worth waiting for. If it is false a flush
// costs nothing, or is the probe of a receiver that failed: run it beside an
// invocation and not at the end of one.
func (g *Guarded) Ready() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	return !g.disabled && g.breaker.state(now) == Closed && g.hold.over(now)
}

// Health returns the state of this moment.
func (g *Guarded) Health() Health {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Health{State: g.breaker.state(time.Now()), Disabled: g.disabled, Err: g.lastErr}
}

// Counters returns the counts so far.
func (g *Guarded) Counters() Counters {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counters
}

// Flush sends what is pending, on the caller's goroutine, until nothing is
// left, the receiver fails, or ctx ends. It returns ErrPaused at once while
// the receiver is left alone. A batch is tried at most twice in one flush.
//
// Another caller waits for a running flush. The error is for the log only:
// the lines are accounted for already.
func (g *Guarded) Flush(ctx context.Context) error { return g.flush(ctx, false) }

// Drain is the last flush of a process: an open breaker is given one try of
// at most 400 ms. A pause that the receiver asked for is kept all the same.
func (g *Guarded) Drain(ctx context.Context) error { return g.flush(ctx, true) }

func (g *Guarded) flush(ctx context.Context, last bool) error {
	if err := g.mayTry(last); err != nil {
		return err
	}
	if err := g.enter(ctx); err != nil {
		return err
	}
	defer g.leave()
	if err := g.run(ctx, &flight{last: last}); err != nil {
		return fmt.Errorf("flush %s: %w", g.opt.Name, err)
	}
	return nil
}

// run sends batch after batch. It returns why it stopped, or the last refusal
// when it could go on behind it.
func (g *Guarded) run(ctx context.Context, f *flight) (refused error) {
	for g.Stats().Pending.Lines > 0 {
		if err := g.mayGoOn(ctx, f); err != nil {
			return err
		}
		b, ok := g.take()
		if !ok {
			break
		}
		err := g.try(ctx, b, f)
		switch {
		case err == nil:
		case !isKept(err):
			refused = err // settled; the next batch may fare better
		case !g.again(ctx, b, f, err):
			return err
		}
	}
	return refused
}

// isKept reports whether lines of the failed batch wait for another try, or
// would if it had any left.
func isKept(err error) bool {
	if partial := asPartial(err); partial != nil {
		return len(partial.Keep) > 0
	}
	return canRetry(err)
}

// flight is one flush on its way.
type flight struct {
	last      bool   // the first try ignores an open breaker
	tries     int    // begun
	delivered bool   // a batch got through: the receiver is alive
	retried   uint64 // the batch that had its second try in this flush
}

// mayTry says why nothing is sent now.
func (g *Guarded) mayTry(last bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if left := g.hold.left(now); left > 0 {
		return fmt.Errorf("%w: the receiver asked for %v more", ErrPaused, left.Round(time.Millisecond))
	}
	if g.breaker.state(now) == Open && !last {
		return fmt.Errorf("%w: the receiver failed before: %s", ErrPaused, g.lastErr)
	}
	return nil
}

// mayGoOn is asked before each try.
func (g *Guarded) mayGoOn(ctx context.Context, f *flight) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	deadline, ok := ctx.Deadline()
	if ok && f.tries > 0 && time.Until(deadline) < minPatience {
		return errBudget
	}
	return g.mayTry(f.last && f.tries == 0)
}

// again waits for the pause before a second try of the batch, and reports
// whether the flush goes on.
func (g *Guarded) again(ctx context.Context, b Batch, f *flight, err error) bool {
	if ctx.Err() != nil || g.mayTry(false) != nil {
		return false
	}
	var retry *RetryableError
	errors.As(err, &retry)
	pause := jitter(retryPause)
	if retry != nil && retry.After > 0 {
		pause = retry.After
	}
	if f.retried == b.ID || pause > maxRetryPause {
		return false
	}
	f.retried = b.ID
	return sleep(ctx, pause)
}

// sleep waits, unless too little time would be left behind it.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d+minPatience {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
