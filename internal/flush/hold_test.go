package flush_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"powertools-extension/internal/flush"
)

const ms = time.Millisecond

// The normal case: 25 ms until the platform tells the end, 25 ms for lines
// that trail, and what the sink takes.
func TestInvocationIsHeldUntilItsLinesAreOut(t *testing.T) {
	bubble(t, flush.Options{}, func(w *world) {
		if held := w.invoke(call{run: 100 * ms}); held != 60*ms {
			t.Errorf("held %s, want 60ms", held)
		}
		if n := w.sinks.count(flush.Held); n != 1 {
			t.Errorf("%d flushes, want 1", n)
		}
	})
}

// L3: whatever happens to the events of one invocation, it is held 2 s at
// most, once.
func TestL3EventsNeverLateTwiceEarlyForeign(t *testing.T) {
	const never = -1
	for _, tt := range []struct {
		name        string
		first       call
		atMost      time.Duration // of the first
		next        call
		nextAtMost  time.Duration
		nextAtLeast time.Duration
	}{
		{"end lost", call{run: 10 * ms, done: never}, 2 * time.Second, call{run: 10 * ms, done: never}, 0, 0},
		{"end late", call{run: 10 * ms, done: 5 * time.Second}, 2 * time.Second, call{run: 10 * ms, done: 5 * time.Second}, 0, 0},
		{"end half a second late", call{run: 10 * ms, done: 500 * ms}, 600 * ms, call{run: 10 * ms}, 60 * ms, 60 * ms},
		{"end twice", call{run: 10 * ms, twice: true}, 60 * ms, call{run: 10 * ms, twice: true}, 60 * ms, 60 * ms},
		{"end before INVOKE", call{run: 0, early: true}, 60 * ms, call{run: 10 * ms}, 60 * ms, 60 * ms},
		{"end of another request", call{run: 10 * ms, foreign: true}, 2 * time.Second, call{run: 10 * ms, foreign: true}, 0, 0},
		{"stream silent", call{run: 10 * ms, started: never, done: never}, 300 * ms, call{run: 10 * ms, started: never, done: never}, 0, 0},
		{"stream silent, long run", call{run: time.Minute, started: never, done: never}, 0, call{run: time.Minute, started: never, done: never}, 0, 0},
		{"15 minutes", call{run: 14 * time.Minute}, 0, call{run: 10 * ms}, 60 * ms, 60 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, flush.Options{}, func(w *world) {
				if held := w.invoke(tt.first); held > tt.atMost {
					t.Errorf("held %s, want at most %s", held, tt.atMost)
				}
				time.Sleep(10 * time.Second) // what is late arrives
				for range 5 {
					held := w.invoke(tt.next)
					if held > tt.nextAtMost || held < tt.nextAtLeast {
						t.Errorf("the next one is held %s, want %s to %s", held, tt.nextAtLeast, tt.nextAtMost)
					}
				}
			})
		})
	}
}

// L3: after a lost end, invocations are held again once 100 have passed.
func TestL3DemotionEnds(t *testing.T) {
	bubble(t, flush.Options{Mode: flush.End}, func(w *world) {
		w.invoke(call{run: 10 * ms, done: -1})
		for i := range 100 {
			if held := w.invoke(call{run: 10 * ms}); held != 0 {
				t.Fatalf("invocation %d after the lost end is held %s", i+1, held)
			}
			time.Sleep(time.Second)
		}
		if held := w.invoke(call{run: 10 * ms}); held == 0 {
			t.Error("invocations are never held again")
		}
		if n := w.says("was not heard of in time"); n != 1 {
			t.Errorf("said %d times, want once", n)
		}
		if n := w.s.Stats().Lost; n != 1 {
			t.Errorf("%d ends counted as lost, want 1", n)
		}
	})
}

// L3: a stream that comes back is waited for again; one that is always late
// costs its wait twice and not every time.
func TestL3SilentStreamComesBack(t *testing.T) {
	bubble(t, flush.Options{}, func(w *world) {
		w.invoke(call{run: 10 * ms, started: -1, done: -1})
		if held := w.invoke(call{run: 10 * ms}); held != 0 {
			t.Errorf("held %s while the stream is not known to live", held)
		}
		time.Sleep(time.Second) // its events arrive: the stream lives
		if held := w.invoke(call{run: 10 * ms}); held != 60*ms {
			t.Errorf("held %s, want 60ms: the stream has come back", held)
		}
		if n := w.says("no telemetry since this invocation began"); n != 1 {
			t.Errorf("said %d times, want once", n)
		}
	})
	bubble(t, flush.Options{}, func(w *world) {
		var total time.Duration
		for range 50 {
			total += w.invoke(call{run: 10 * ms, started: time.Second, done: time.Second})
			time.Sleep(5 * time.Second)
		}
		if total > 600*ms {
			t.Errorf("a stream that is always late costs 50 invocations %s together, want at most 600ms", total)
		}
	})
}

// The end of a run that is longer than any before is not lost: the wait is
// given up once, and learned.
func TestSlowFunctionIsLearned(t *testing.T) {
	bubble(t, flush.Options{}, func(w *world) {
		if held := w.invoke(call{run: 9 * time.Second}); held != 0 {
			t.Errorf("held %s beyond a run that outlasted the wait", held)
		}
		time.Sleep(100 * ms)
		for range 3 {
			if held := w.invoke(call{run: 9 * time.Second}); held != 60*ms {
				t.Errorf("held %s, want 60ms: a run of 9s is known by now", held)
			}
		}
		if n := w.says("was not heard of"); n != 0 {
			t.Errorf("said %d times that an end was lost; none was", n)
		}
	})
}

// L5: no deadline leads to a wait or a flush beyond it.
func TestL5Deadlines(t *testing.T) {
	for _, tt := range []struct {
		name     string
		deadline time.Duration
		call     call
		want     time.Duration
	}{
		{"past", -time.Hour, call{run: 10 * ms}, 0},
		{"the epoch", -time.Since(time.UnixMilli(0)), call{run: 10 * ms}, 0},
		{"less than the margin", 400 * ms, call{run: 10 * ms}, 0},
		{"the margin and a bit", 520 * ms, call{run: 5 * ms, done: -1}, 15 * ms},
		{"cuts the wait", 1500 * ms, call{run: 10 * ms, done: -1}, 990 * ms},
		{"15 minutes", 15 * time.Minute, call{run: 10 * ms}, 60 * ms},
		{"a year", 365 * 24 * time.Hour, call{run: 10 * ms}, 60 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, flush.Options{}, func(w *world) {
				tt.call.deadline = tt.deadline
				if held := w.invoke(tt.call); held != tt.want {
					t.Errorf("held %s, want %s", held, tt.want)
				}
				if tt.call.done < 0 { // and a lost end near the deadline costs this once
					if held := w.invoke(tt.call); held != 0 {
						t.Errorf("then held %s, want 0", held)
					}
				}
			})
		})
	}
}

// A flush at the end is cut at the deadline's margin, too.
func TestL5FlushEndsBeforeTheDeadline(t *testing.T) {
	bubble(t, flush.Options{}, func(w *world) {
		w.sinks.takes = -1
		if held := w.invoke(call{run: 10 * ms, deadline: 700 * ms}); held > 190*ms {
			t.Errorf("held %s, want to end 500ms before the deadline", held)
		}
	})
}

// A sink that hangs costs the budget once; then its breaker is open and it
// costs nothing, and is tried again beside the function.
func TestHungSinkCostsTheBudgetOnce(t *testing.T) {
	bubble(t, flush.Options{Mode: flush.End}, func(w *world) {
		w.sinks.takes, w.sinks.breaker = -1, 5*time.Second
		if held := w.invoke(call{run: 10 * ms}); held > 350*ms || held < 300*ms {
			t.Errorf("held %s, want 350ms at most", held)
		}
		for range 20 {
			if held := w.invoke(call{run: 10 * ms}); held != 0 {
				t.Errorf("held %s while the breaker is open", held)
			}
			time.Sleep(time.Second)
		}
		if w.sinks.count(flush.Beside) == 0 {
			t.Error("the sink was never tried again")
		}
		w.sinks.set(func(s *sinks) { s.takes = 10 * ms })
		for range 2 {
			time.Sleep(5 * time.Second)
			w.invoke(call{run: 100 * ms})
		}
		if held := w.invoke(call{run: 10 * ms}); held != 60*ms {
			t.Errorf("held %s, want 60ms: the sink works again", held)
		}
	})
}

// A flush beside the function that hangs costs no invocation anything, and
// the one that finds it under way at its end waits for the budget at most.
func TestHeldBehindAFlushThatHangs(t *testing.T) {
	bubble(t, flush.Options{}, func(w *world) {
		w.sinks.takes = -1
		w.sinks.set(func(s *sinks) { s.condition.Pressed = true })
		total := time.Duration(0)
		for range 20 {
			total += w.invoke(call{run: 10 * ms})
		}
		if total > 350*ms {
			t.Errorf("20 invocations are held %s together, want 350ms at most", total)
		}
	})
}

// A sink that ignores its context still cannot hold an invocation.
func TestSinkThatNeverReturns(t *testing.T) {
	release := make(chan struct{})
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		s := flush.New(stubborn{stuck}, flush.Options{Budget: 300 * ms, Buffering: 25 * ms})
		w := &world{t: t, s: s}
		if held := w.invoke(call{run: 10 * ms}); held > 350*ms {
			t.Errorf("held %s", held)
		}
		if held := w.invoke(call{run: 10 * ms}); held != 0 {
			t.Errorf("then held %s", held)
		}
		close(stuck)
		w.wg.Wait()
		s.Close(context.Background())
	})
	close(release)
}

type stubborn struct{ stuck chan struct{} }

func (s stubborn) Flush(context.Context, flush.How) { <-s.stuck }
func (s stubborn) Condition() flush.Condition {
	return flush.Condition{Pending: true, Working: true}
}

func TestPanicOfASinkIsSurvived(t *testing.T) {
	bubble(t, flush.Options{}, func(w *world) {
		w.s = flush.New(broken{w.sinks}, flush.Options{Budget: 300 * ms, Buffering: 25 * ms})
		for range 3 {
			if held := w.invoke(call{run: 10 * ms}); held > 60*ms {
				t.Errorf("held %s", held)
			}
		}
		w.s.Close(context.Background())
	})
}

type broken struct{ *sinks }

func (broken) Flush(context.Context, flush.How) { panic("broken") }

func TestBudgetOfZeroHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sinks := &sinks{condition: flush.Condition{Pending: true, Working: true}}
		w := &world{t: t, s: flush.New(sinks, flush.Options{Mode: flush.End}), sinks: sinks}
		if held := w.invoke(call{run: 10 * ms}); held != 0 {
			t.Errorf("held %s", held)
		}
		w.wg.Wait()
		w.s.Close(context.Background())
		if sinks.count(flush.Beside) == 0 {
			t.Error("nothing was flushed beside the function either")
		}
	})
}

func TestWithoutStreamNobodyIsHeld(t *testing.T) {
	bubble(t, flush.Options{Mode: flush.End}, func(w *world) {
		w.s.NoStream()
		if held := w.invoke(call{run: 10 * ms, started: -1, done: -1}); held != 0 {
			t.Errorf("held %s", held)
		}
	})
}

// The same request id again is a new invocation: Lambda tries an event again
// under its id.
func TestRequestTriedAgainIsHeldAgain(t *testing.T) {
	bubble(t, flush.Options{}, func(w *world) {
		for range 2 {
			w.n = 6 // the same id
			if held := w.invoke(call{run: 200 * ms}); held != 60*ms {
				t.Errorf("held %s, want 60ms", held)
			}
		}
	})
}
