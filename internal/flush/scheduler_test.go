package flush_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"powertools-extension/internal/flush"
)

// auto holds the first twenty invocations, and then those of a function that
// runs less than once a minute.
func TestAutoPicksByHowOftenTheFunctionRuns(t *testing.T) {
	for _, tt := range []struct {
		name string
		gap  time.Duration
		held bool
	}{
		{"every 10 s", 10 * time.Second, false},
		{"every 61 s", 61 * time.Second, true},
		{"every hour", time.Hour, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, flush.Options{}, func(w *world) {
				for i := range 21 {
					if held := w.invoke(call{run: 10 * ms}); i < 20 && held == 0 {
						t.Fatalf("invocation %d is not held; fewer than 20 gaps are known", i+1)
					}
					time.Sleep(tt.gap)
				}
				for range 3 {
					if held := w.invoke(call{run: 10 * ms}); (held > 0) != tt.held {
						t.Errorf("held %s", held)
					}
					time.Sleep(tt.gap)
				}
			})
		})
	}
}

func TestContinuousHoldsNobodyAndFlushesEvery20Seconds(t *testing.T) {
	bubble(t, flush.Options{Mode: flush.Continuous}, func(w *world) {
		for range 61 {
			if held := w.invoke(call{run: 10 * ms}); held != 0 {
				t.Fatalf("held %s", held)
			}
			time.Sleep(time.Second)
		}
		if n := w.sinks.count(flush.Beside); n < 3 || n > 4 {
			t.Errorf("%d flushes in a minute, want one every 20 s", n)
		}
	})
}

// L7: a long invocation does not keep everything until its end.
func TestL7LongInvocationIsFlushedEvery20Seconds(t *testing.T) {
	for _, mode := range []flush.Mode{flush.Auto, flush.Continuous} {
		t.Run(string(mode), func(t *testing.T) {
			bubble(t, flush.Options{Mode: mode}, func(w *world) {
				begin := time.Now()
				w.invoke(call{run: 15 * time.Minute, deadline: 15*time.Minute + time.Second})
				last := begin
				for _, f := range w.sinks.seen() {
					if gap := f.at.Sub(last); gap > 20*time.Second {
						t.Errorf("nothing left for %s", gap)
					}
					last = f.at
				}
				if left := time.Since(last); left > 21*time.Second {
					t.Errorf("the last %s are lost if the function is killed now", left)
				}
			})
		})
	}
}

// The timer of a long invocation stops with it: nothing runs between
// invocations, and nothing catches up after a thaw.
func TestL9NoTimerStorm(t *testing.T) {
	bubble(t, flush.Options{Mode: flush.Continuous}, func(w *world) {
		w.invoke(call{run: 10 * ms})
		synctest.Wait()
		before := w.sinks.count(flush.Beside)
		time.Sleep(24 * time.Hour)
		if n := w.sinks.count(flush.Beside) - before; n != 0 {
			t.Errorf("%d flushes in a day without an invocation", n)
		}
		w.invoke(call{run: 10 * ms})
		if n := w.sinks.count(flush.Beside) - before; n > 1 {
			t.Errorf("%d flushes after a thaw, want 1", n)
		}
	})
}

// L6: timer, pressure, overlap and the end of a run meet: there is one flush
// beside the function at a time, and /next waits for none of them.
func TestL6FlushesDoNotCollide(t *testing.T) {
	bubble(t, flush.Options{Mode: flush.Continuous}, func(w *world) {
		w.sinks.takes = 3 * time.Second
		w.sinks.set(func(s *sinks) { s.condition.Pressed = true })
		for range 30 {
			w.wg.Go(func() { w.s.Handled() })
			if held := w.invoke(call{run: 900 * ms}); held != 0 {
				t.Fatalf("held %s", held)
			}
			w.s.Handled()
		}
		w.s.Stop()
		w.sinks.Flush(context.Background(), flush.Last)
		if w.sinks.most > 2 { // the last one has to wait for the one under way by itself
			t.Errorf("%d flushes at the same time", w.sinks.most)
		}
	})
}

func TestPressureFlushesInTheMiddle(t *testing.T) {
	bubble(t, flush.Options{}, func(w *world) {
		w.wg.Go(func() {
			time.Sleep(time.Second)
			w.sinks.set(func(s *sinks) { s.condition.Pressed = true })
			w.s.Handled()
			time.Sleep(100 * ms)
			w.sinks.set(func(s *sinks) { s.condition.Pressed = false })
			if n := w.sinks.count(flush.Beside); n != 1 {
				t.Errorf("%d flushes for a buffer that is half full, want 1", n)
			}
		})
		w.invoke(call{run: 2 * time.Second})
	})
}

// L8: a flush that was under way when the sandbox froze is started over, and
// the sink is not blamed for it.
func TestL8FrozenFlushStartsOver(t *testing.T) {
	bubble(t, flush.Options{Mode: flush.Continuous}, func(w *world) {
		w.sinks.takes = -1
		w.s.Begin("1", time.Now().Add(time.Minute))
		time.Sleep(3 * time.Second) // no sign of life: frozen
		w.sinks.set(func(s *sinks) { s.takes = 10 * ms })
		w.s.Begin("2", time.Now().Add(time.Minute))
		time.Sleep(100 * ms)
		flushes := w.sinks.seen()
		if len(flushes) != 2 || flushes[0].cause != context.Canceled || flushes[1].cause != nil {
			t.Errorf("flushes %+v, want one cancelled and one done", flushes)
		}
		if n := w.s.Stats().Interrupted; n != 1 {
			t.Errorf("%d interruptions counted, want 1", n)
		}
	})
}

// A pause shorter than two seconds is no freeze: the request goes on.
func TestL8ShortPauseInterruptsNothing(t *testing.T) {
	bubble(t, flush.Options{Mode: flush.Continuous}, func(w *world) {
		w.sinks.takes = 3 * time.Second
		w.s.Begin("1", time.Now().Add(time.Minute))
		for range 3 {
			time.Sleep(1500 * ms)
			w.s.Begin("2", time.Now().Add(time.Minute))
		}
		if n := w.s.Stats().Interrupted; n != 0 {
			t.Errorf("%d interruptions", n)
		}
	})
}

// L8: a function of ten milliseconds leaves no time for a request beside it.
// After three that were cut off, one is waited for.
func TestL8StarvingFlushIsWaitedFor(t *testing.T) {
	bubble(t, flush.Options{}, func(w *world) {
		for range 21 { // often enough to overlap
			w.invoke(call{run: 10 * ms})
			time.Sleep(30 * time.Second)
		}
		w.sinks.set(func(s *sinks) { s.noTime = true })
		var held []time.Duration
		for range 8 {
			held = append(held, w.invoke(call{run: 10 * ms}))
			time.Sleep(3 * time.Second)
		}
		n := 0
		for _, h := range held {
			if h > 0 {
				n++
			}
		}
		if n == 0 {
			t.Error("what is cut off each time never leaves")
		}
		if n > 2 {
			t.Errorf("%d of 8 invocations are held: %v", n, held)
		}
	})
}

// A flush beside the function that hangs ends after five seconds awake, as a
// time-out of the sink.
func TestHungFlushBesideTimesOut(t *testing.T) {
	bubble(t, flush.Options{Mode: flush.Continuous}, func(w *world) {
		w.sinks.takes = -1
		w.invoke(call{run: 10 * time.Second})
		if f := w.sinks.seen(); len(f) == 0 || f[0].cause != context.DeadlineExceeded || f[0].took != 5*time.Second {
			t.Errorf("flushes %+v", f)
		}
	})
}

func TestManagedInstancesFlushByTheClock(t *testing.T) {
	bubble(t, flush.Options{Managed: true}, func(w *world) {
		w.s.Start()
		time.Sleep(time.Minute)
		if n := w.sinks.count(flush.Beside); n != 12 && n != 11 {
			t.Errorf("%d flushes in a minute, want one every 5 s", n)
		}
	})
}

// Nothing to send means nothing to do, but the wait for what may come.
func TestNothingPending(t *testing.T) {
	bubble(t, flush.Options{}, func(w *world) {
		w.sinks.set(func(s *sinks) { s.condition.Pending = false })
		for range 3 {
			if held := w.invoke(call{run: 10 * ms}); held > 50*ms {
				t.Errorf("held %s", held)
			}
		}
		if n := len(w.sinks.seen()); n != 0 {
			t.Errorf("%d flushes of nothing", n)
		}
	})
}

func TestStopEndsEverything(t *testing.T) {
	bubble(t, flush.Options{Mode: flush.Continuous}, func(w *world) {
		w.sinks.takes = -1
		w.s.Begin("1", time.Now().Add(time.Hour))
		w.s.Stop()
		w.s.Handled()
		w.s.Done("1", time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begin := time.Now()
		w.s.Close(ctx)
		if took := time.Since(begin); took != 0 {
			t.Errorf("closing took %s", took)
		}
		time.Sleep(time.Hour)
		if n := w.sinks.count(flush.Beside); n != 1 {
			t.Errorf("%d flushes, want the one that was cancelled", n)
		}
	})
}
