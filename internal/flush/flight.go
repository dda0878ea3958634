package flush

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

// flight is one flush beside the function. There is never more than one.
type flight struct {
	began time.Time // wall clock
	ctx   *until
	cut   bool // a freeze cut it off
	again bool // start over
	ended chan struct{}
}

// launch starts a flush beside the function, unless one is under way.
func (s *Scheduler) launch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight == nil && !s.stopped {
		s.launchLocked()
	}
}

func (s *Scheduler) launchLocked() {
	f := &flight{began: wall(), ctx: newUntil(), ended: make(chan struct{})}
	s.flight, s.flushed = f, f.began
	s.stats.Beside++
	go s.fly(f)
}

func (s *Scheduler) fly(f *flight) {
	defer close(f.ended)
	defer s.land(f)
	defer s.survive("flush beside the function")
	watch := watchAwake(besideLimit, func() { f.ctx.end(context.DeadlineExceeded) })
	defer watch.stop()
	s.sinks.Flush(f.ctx, Beside)
}

// land makes room for the next flight.
func (s *Scheduler) land(f *flight) {
	f.ctx.end(context.Canceled)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	switch {
	case f.cut: // said when it was
	case s.sleptLocked():
		s.policy.cutOff() // a timer of the sink's ended it before the INVOKE was read
	default:
		s.policy.landed()
	}
	if f.again && !s.stopped {
		s.launchLocked()
	}
}

// sleptLocked reports whether there was a freeze since the last sign of life.
func (s *Scheduler) sleptLocked() bool {
	return !s.active.IsZero() && wall().Sub(s.active) > frozenGap
}

// interrupt ends a flush that a freeze cut off, for the peer has long
// forgotten its connection, and starts it over if again is set. The sink is
// not blamed: its context is cancelled, not expired.
func (s *Scheduler) interrupt(again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight == nil || wall().Sub(s.flight.began) <= frozenGap {
		return // none, or one that began after the thaw
	}
	s.stats.Interrupted++
	s.policy.cutOff()
	s.flight.cut, s.flight.again = true, again
	s.flight.ctx.end(context.Canceled)
}

func (s *Scheduler) underWay() *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flight
}

// survive, deferred, ends a panic of a sink. What it said may quote a line.
func (s *Scheduler) survive(doing string) {
	if p := recover(); p != nil {
		s.log.Error("panic, please report it", zap.String("doing", doing),
			zap.String("panic", fmt.Sprintf("%T", p)), zap.ByteString("stack", debug.Stack()))
	}
}
