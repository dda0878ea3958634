package flush

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Scheduler runs the flushes of one sandbox. Begin and Hold are called by the
// loop of events, one after the other; everything else from anywhere.
type Scheduler struct {
	opt   Options
	sinks Sinks
	log   *zap.Logger

	// mu is never held while a sink is asked or told something.
	mu       sync.Mutex
	policy   policy
	calls    calls
	current  *call
	active   time.Time // wall clock of the last sign of life; zero before the first
	flushed  time.Time // wall clock of the last flush's beginning
	timer    *time.Timer
	flight   *flight // the flush beside the function; nil: none
	holding  int     // flushes that invocations were held for and that have not returned
	noStream bool
	stopped  bool
	stats    Stats
	said     struct{ silent, lost bool }
}

// New returns a scheduler that does nothing yet.
func New(sinks Sinks, opt Options) *Scheduler {
	if opt.Log == nil {
		opt.Log = zap.NewNop()
	}
	if opt.Mode == "" {
		opt.Mode = Auto
	}
	s := &Scheduler{opt: opt, sinks: sinks, log: opt.Log.Named("flush")}
	s.policy.mode = opt.Mode
	return s
}

// Start lets the clock run where there are no invocations to go by.
func (s *Scheduler) Start() {
	if s.opt.Managed {
		s.arm(managedPause)
	}
}

// NoStream says that the platform sends no events: there is nothing to wait
// for.
func (s *Scheduler) NoStream() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noStream = true
}

// Begin takes an INVOKE event and starts what runs beside the function. It
// never waits.
func (s *Scheduler) Begin(id string, deadline time.Time) {
	now := wall()
	condition := s.sinks.Condition()
	frozen, hold := s.begin(id, deadline, now, condition)
	s.arm(interval)
	if frozen {
		s.interrupt(!hold)
	}
	if s.due(now, condition) {
		s.launch()
	}
}

// begin decides what is to be done with this invocation.
func (s *Scheduler) begin(id string, deadline, now time.Time, condition Condition) (frozen, hold bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.active.IsZero() {
		gap := now.Sub(s.active)
		frozen = gap > frozenGap
		s.policy.gaps.add(gap)
	}
	s.active = now
	c := s.calls.begin(id)
	c.begun, c.deadline = now, deadline
	s.current = c
	if s.policy.after() && s.mayHoldLocked(c, now, frozen) {
		s.chooseLocked(c, condition)
	}
	s.sayLostLocked()
	return frozen, c.hold
}

// mayHoldLocked: there must be something to wait for, time for it, and nobody
// who is at it already. A flush that does not return must cost one invocation
// and not all.
func (s *Scheduler) mayHoldLocked(c *call, now time.Time, frozen bool) bool {
	left, limited := c.left(now)
	busy := s.holding > 0 || s.flight != nil && !frozen
	return !busy && !s.noStream && s.opt.Budget > 0 && (!limited || left > 0)
}

// chooseLocked holds the invocation for sinks in working order, and now and
// then for others, if their probes beside the function are cut off for ever.
func (s *Scheduler) chooseLocked(c *call, condition Condition) {
	starving := s.policy.starving()
	c.probe = starving && condition.Probe && !condition.Working
	c.hold = condition.Working || c.probe
	if c.hold && starving {
		s.policy.fed(condition.Working)
	}
}

func (s *Scheduler) sayLostLocked() {
	if !s.policy.isLost() {
		return
	}
	s.stats.Lost++
	if s.said.lost {
		return
	}
	s.said.lost = true
	s.log.Warn("the end of an invocation was not heard of in time; the next ones are not held for remote destinations",
		zap.Int("invocations", demotion))
}

// due reports whether a flush is to start beside the function now: what an
// invocation is not held for leaves here, and what failed is tried again.
func (s *Scheduler) due(now time.Time, condition Condition) bool {
	if !condition.Pending {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case condition.Probe:
		return !s.current.probe
	case !condition.Working:
		return false
	case condition.Pressed:
		return true
	}
	return !s.current.hold && now.Sub(s.flushed).Abs() >= interval
}

// Started takes platform.start of a request, in whatever order it comes.
func (s *Scheduler) Started(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = wall()
	c := s.calls.of(id)
	c.start()
	s.policy.began(c == s.current && c.hold && c.waited == 0)
}

// Done takes platform.runtimeDone of a request, in whatever order it comes.
// run is how long the function ran, as the event says; 0: unknown.
func (s *Scheduler) Done(id string, run time.Duration) {
	if s.ended(id, run) {
		s.launch() // it races the freeze; the batch's id makes that safe
	}
}

// ended reports whether the end came after the invocation was let go, so that
// its lines are still here.
func (s *Scheduler) ended(id string, run time.Duration) (late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := wall()
	s.active = now
	c := s.calls.of(id)
	if c.isDone {
		return false
	}
	if run <= 0 && !c.begun.IsZero() {
		run = now.Sub(c.begun)
	}
	s.policy.ran(id, run, c.waited)
	c.end()
	return c.waited > 0
}

// Handled is told after each batch of events: a buffer that fills up does not
// wait for the end of the invocation.
func (s *Scheduler) Handled() {
	s.alive()
	condition := s.sinks.Condition()
	if condition.Pressed && (condition.Working || condition.Probe) {
		s.launch()
	}
}

// alive takes note that the sandbox is not frozen.
func (s *Scheduler) alive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = wall()
}

// Stats returns the counts so far.
func (s *Scheduler) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// arm sets the one timer.
func (s *Scheduler) arm(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	if s.timer == nil {
		s.timer = time.AfterFunc(d, s.tick)
		return
	}
	s.timer.Reset(d)
}

// tick flushes in the middle of a long invocation, so that what it said is
// not lost with it. After a freeze it comes once, however long that was.
func (s *Scheduler) tick() {
	if s.opt.Managed {
		s.launch()
		s.arm(managedPause)
		return
	}
	if s.running() {
		s.launch()
		s.arm(interval)
	}
}

func (s *Scheduler) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current != nil && !s.current.isDone
}

// Stop ends all timers; no flush begins any more, one that is under way goes
// on, unless it was frozen meanwhile: then it is cancelled.
func (s *Scheduler) Stop() {
	if s.stop() {
		s.interrupt(false)
	}
}

func (s *Scheduler) stop() (frozen bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.timer != nil {
		s.timer.Stop()
	}
	return s.sleptLocked()
}

// Close cancels the flush beside the function and waits for it until ctx
// ends.
func (s *Scheduler) Close(ctx context.Context) {
	s.Stop()
	f := s.underWay()
	if f == nil {
		return
	}
	f.ctx.end(context.Canceled)
	select {
	case <-f.ended:
	case <-ctx.Done():
	}
}

// wall is the wall clock: the monotonic one may stand still in a freeze.
func wall() time.Time { return time.Now().Round(0) }
