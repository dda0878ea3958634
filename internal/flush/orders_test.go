package flush_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"powertools-extension/internal/flush"
)

// L4: a hundred thousand lives in which everything happens in a random order:
// events early, late, twice, never and foreign, sinks that hang, refuse and
// recover, a timer, pressure, a stop in the middle. None deadlocks, none
// holds an invocation longer than the rules allow, and none leaves a flush
// behind.
func TestL4RandomOrders(t *testing.T) {
	const lives = 100_000
	count := lives
	if testing.Short() {
		count = lives / 100
	}
	var done atomic.Int64
	stop := watchdog(t, &done, 2*time.Second)
	defer stop()
	begin := time.Now()
	for chunk := 0; chunk < count; chunk += 1000 {
		synctest.Test(t, func(t *testing.T) {
			for i := range 1000 {
				life(t, rand.New(rand.NewPCG(uint64(chunk), uint64(i))))
				done.Add(1)
			}
		})
	}
	t.Logf("%d lives in %s", count, time.Since(begin).Round(time.Millisecond))
}

// watchdog ends the process, with the stacks of all goroutines, when no life
// ends for so long. It counts its own steps: a machine that stops for a while
// stops both.
func watchdog(t *testing.T, done *atomic.Int64, limit time.Duration) (stop func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		const step = 100 * time.Millisecond
		for last, silent := int64(-1), time.Duration(0); ; {
			select {
			case <-quit:
				return
			case <-time.After(step):
			}
			if n := done.Load(); n != last {
				last, silent = n, 0
			} else if silent += step; silent > limit {
				_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
				panic(fmt.Sprintf("%s: life %d does not end", t.Name(), n+1))
			}
		}
	})
	return func() { close(quit); wg.Wait() }
}

func life(t *testing.T, r *rand.Rand) {
	modes := []flush.Mode{flush.Auto, flush.End, flush.Continuous}
	out := &sinks{condition: flush.Condition{Pending: true, Working: true}}
	s := flush.New(out, flush.Options{Mode: modes[r.IntN(3)], Budget: flush.DefaultBudget, Buffering: 25 * ms})
	var wg sync.WaitGroup
	later := func(f func()) {
		d := time.Duration(r.IntN(4000)) * ms
		wg.Go(func() {
			time.Sleep(d)
			f()
		})
	}
	var longest time.Duration // that the scheduler may have learned
	for i := range 1 + r.IntN(4) {
		id := fmt.Sprint(i)
		run := time.Duration(r.IntN(3000)) * ms
		longest = max(longest, run)
		for range r.IntN(3) {
			later(func() { s.Started(id) })
		}
		for range r.IntN(3) {
			later(func() { s.Done(id, run) })
		}
		later(s.Handled)
		c := flush.Condition{Pending: r.IntN(4) > 0, Pressed: r.IntN(4) == 0, Working: r.IntN(4) > 0, Probe: r.IntN(4) == 0}
		takes := time.Duration(r.IntN(500)-100) * ms // a fifth of them hangs
		later(func() { out.set(func(s *sinks) { s.condition, s.takes = c, takes }) })
		if r.IntN(10) == 0 {
			later(s.NoStream)
		}
		begin := time.Now()
		s.Begin(id, begin.Add(time.Duration(r.IntN(10_000)-500)*ms))
		s.Hold(context.Background())
		// An end that is learned may have been measured by us: up to 4 s late.
		limit := max(2*time.Second, 4*max(longest, 4*time.Second)) + 25*ms + flush.DefaultBudget
		if took := time.Since(begin); took > limit {
			t.Errorf("held %s, want at most %s", took, limit)
		}
		time.Sleep(time.Duration(r.IntN(3000)) * ms)
	}
	if r.IntN(2) == 0 {
		s.Stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s.Close(ctx)
	if ctx.Err() != nil {
		t.Error("a flush beside the function does not end")
	}
	wg.Wait()
	if out.most > 2 {
		t.Errorf("%d flushes at the same time", out.most)
	}
}
