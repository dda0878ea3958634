package flush_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/flush"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sinks is one sink whose health the test decides.
type sinks struct {
	mu        sync.Mutex
	condition flush.Condition
	takes     time.Duration // of a flush; negative: until its context ends
	breaker   time.Duration // how long a flush that timed out keeps the sink out of order; 0: never
	noTime    bool          // a flush beside the function never gets done
	openUntil time.Time
	running   int
	most      int // flushes at the same time
	flushes   []flushed
}

type flushed struct {
	how   flush.How
	at    time.Time
	took  time.Duration
	cause error // why its context ended; nil: it did not
}

func (s *sinks) Condition() flush.Condition {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.condition
	if !s.openUntil.IsZero() {
		c.Working = false
		c.Probe = !time.Now().Before(s.openUntil)
	}
	return c
}

func (s *sinks) Flush(ctx context.Context, how flush.How) {
	begin := time.Now()
	takes := s.enter(how)
	if takes < 0 {
		<-ctx.Done()
	} else {
		timer := time.NewTimer(takes)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	s.leave(flushed{how, begin, time.Since(begin), ctx.Err()})
}

func (s *sinks) enter(how flush.How) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running++
	s.most = max(s.most, s.running)
	if s.noTime && how == flush.Beside {
		return -1
	}
	return s.takes
}

func (s *sinks) leave(f flushed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.flushes = append(s.flushes, f)
	switch {
	case f.cause == context.DeadlineExceeded && s.breaker > 0:
		s.openUntil = time.Now().Add(s.breaker)
	case f.cause == nil:
		s.openUntil = time.Time{}
	}
}

func (s *sinks) set(change func(*sinks)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *sinks) seen() []flushed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]flushed(nil), s.flushes...)
}

// count counts the flushes of a kind that have ended.
func (s *sinks) count(how flush.How) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.flushes {
		if f.how == how {
			n++
		}
	}
	return n
}

// world is a sandbox in a synctest bubble.
type world struct {
	t     *testing.T
	s     *flush.Scheduler
	sinks *sinks
	logs  *observer.ObservedLogs
	n     int
	wg    sync.WaitGroup
}

// bubble runs a test with a healthy sink and the product's defaults.
func bubble(t *testing.T, opt flush.Options, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		opt.Log = zap.New(core)
		opt.Buffering = 25 * time.Millisecond
		if opt.Budget == 0 {
			opt.Budget = flush.DefaultBudget
		}
		sinks := &sinks{condition: flush.Condition{Pending: true, Working: true}, takes: 10 * time.Millisecond}
		w := &world{t: t, s: flush.New(sinks, opt), sinks: sinks, logs: logs}
		test(w)
		w.wg.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		w.s.Close(ctx)
	})
}

// call is one invocation and what is to go wrong with its events. Zero
// durations mean the normal time, negative ones never.
type call struct {
	run      time.Duration // of the function
	started  time.Duration // platform.start after INVOKE; 0: 20 ms
	done     time.Duration // platform.runtimeDone after the end; 0: 25 ms
	deadline time.Duration // after INVOKE; 0: 15 minutes
	twice    bool
	early    bool // both before INVOKE
	foreign  bool // the end belongs to another request
}

// invoke lives through one invocation, and says how long it was held beyond
// the end of the function.
func (w *world) invoke(c call) (held time.Duration) {
	w.t.Helper()
	w.n++
	id := fmt.Sprintf("request-%d", w.n)
	if c.early {
		w.s.Started(id)
		w.s.Done(id, c.run)
	} else {
		w.events(id, c)
	}
	deadline := 15 * time.Minute
	if c.deadline != 0 {
		deadline = c.deadline
	}
	begin := time.Now()
	w.s.Begin(id, begin.Add(deadline))
	w.s.Hold(context.Background())
	held = time.Since(begin) - c.run
	if held < 0 { // let go before the end; the sandbox lives until then
		time.Sleep(-held)
		held = 0
	}
	synctest.Wait()
	return held
}

// events sends what the platform sends about a request.
func (w *world) events(id string, c call) {
	after := func(d time.Duration, f func()) {
		w.wg.Go(func() {
			time.Sleep(d)
			f()
		})
	}
	if c.started == 0 {
		c.started = 20 * time.Millisecond
	}
	if c.done == 0 {
		c.done = 25 * time.Millisecond
	}
	if c.started > 0 {
		after(c.started, func() { w.s.Started(id) })
	}
	who := id
	if c.foreign {
		who = "another"
	}
	times := 1
	if c.twice {
		times = 2
	}
	for i := range times {
		if c.done > 0 {
			after(c.run+c.done+time.Duration(i)*time.Millisecond, func() { w.s.Done(who, c.run) })
		}
	}
}

// says counts the lines of the log that contain a word.
func (w *world) says(message string) int {
	return w.logs.FilterMessageSnippet(message).Len()
}
