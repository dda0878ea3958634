package flush

import (
	"context"
	"time"
)

// Hold keeps the invocation begun last open until its lines are out, if that
// is what its mode, its sinks and its deadline allow; else it returns at
// once. It is the only place that waits.
func (s *Scheduler) Hold(ctx context.Context) {
	c := s.held()
	if c == nil {
		return
	}
	if !s.await(ctx, c) {
		s.letGo(0)
		return
	}
	begin := time.Now()
	s.flushHeld(ctx, c)
	s.letGo(time.Since(begin))
}

func (s *Scheduler) held() *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || !s.current.hold {
		return nil
	}
	return s.current
}

func (s *Scheduler) letGo(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = wall()
	if took > 0 {
		s.stats.Held++
		s.stats.HeldFor += took
	}
}

// await waits for the end of the run and reports whether it came.
func (s *Scheduler) await(ctx context.Context, c *call) bool {
	limit := s.limit(c)
	alive := time.NewTimer(s.opt.Buffering + liveness)
	defer alive.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for started, silence := c.started, alive.C; ; {
		select {
		case <-c.done:
			return true
		case <-started:
			started, silence = nil, nil
		case <-silence:
			if s.giveUpOnStream(c) {
				return false
			}
			silence = nil
		case <-end.C:
			return s.giveUpOnEnd(c, limit)
		case <-ctx.Done():
			return false
		}
	}
}

// limit is how long to wait for the end of the run.
func (s *Scheduler) limit(c *call) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.policy.cap()
	if left, ok := c.left(wall()); ok {
		limit = min(limit, max(left, 0))
	}
	return limit
}

// giveUpOnStream: no platform.start within the buffering and a bit means that
// nothing will come. It reports false if one came at this very moment.
func (s *Scheduler) giveUpOnStream(c *call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.isStarted || c.isDone {
		return false
	}
	c.waited = wall().Sub(c.begun)
	s.policy.missed()
	s.stats.Silent++
	if !s.said.silent {
		s.said.silent = true
		s.log.Warn("no telemetry since this invocation began; invocations are not held for remote destinations until it comes back")
	}
	return true
}

// giveUpOnEnd: platform.runtimeDone is lost, or late, or the function runs
// longer than any before; what comes later tells. It reports true if it came
// at this very moment.
func (s *Scheduler) giveUpOnEnd(c *call, limit time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.isDone {
		return true
	}
	c.waited = max(limit, time.Millisecond)
	s.policy.lost(c.id)
	return false
}

// flushHeld takes in the lines that trail behind the end and sends what is
// there, within the budget.
func (s *Scheduler) flushHeld(ctx context.Context, c *call) {
	if !pause(ctx, grace) || !s.sinks.Condition().Pending {
		return
	}
	budget := s.opt.Budget
	if left, ok := c.left(wall()); ok {
		budget = min(budget, left)
	}
	if budget <= 0 {
		s.launch()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	// On a goroutine of its own: whatever a sink does, the budget holds.
	s.hold(+1)
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		defer s.hold(-1)
		defer s.survive("flush at the end of an invocation")
		s.sinks.Flush(ctx, c.how())
	}()
	select {
	case <-flushed:
	case <-ctx.Done():
	}
}

func (c *call) how() How {
	if c.probe {
		return Beside
	}
	return Held
}

// hold counts the flushes that invocations are held for.
func (s *Scheduler) hold(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding += n
	if n > 0 {
		s.flushed = wall()
	}
}

// pause waits, and reports whether it did.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
