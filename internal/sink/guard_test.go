package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// budget is what one invocation lets a flush take.
const budget = 300 * time.Millisecond

// flushWithin flushes as an invocation does and returns what it cost.
func flushWithin(t *testing.T, g *Guarded, d time.Duration) (time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	began := time.Now()
	err := g.Flush(ctx)
	return time.Since(began), err
}

// hangs is a receiver that never answers.
func hangs(ctx context.Context, _ Batch) (int, error) {
	<-ctx.Done()
	return 0, &RetryableError{Err: ctx.Err()}
}

func refusing(err error) senderFunc {
	return func(context.Context, Batch) (int, error) { return 0, err }
}

// TestK1_HungSinkCostsOnce is the rule of the budget: the first flush ends
// with it, and then a thousand invocations cost nothing, with bounded memory.
func TestK1_HungSinkCostsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const maxBytes = 64 << 10
		tries := 0
		g := NewGuarded(senderFunc(func(ctx context.Context, b Batch) (int, error) {
			tries++
			return hangs(ctx, b)
		}), GuardOptions{Buffer: Options{MaxBytes: maxBytes}})
		g.Put([]byte("line"))
		if took, err := flushWithin(t, g, budget); took != budget || err == nil {
			t.Errorf("the first flush took %v: %v", took, err)
		}
		for i := range 1000 {
			g.Put(bytes.Repeat([]byte("x"), 1000))
			if g.Ready() {
				t.Fatalf("invocation %d would wait", i)
			}
			took, err := flushWithin(t, g, budget)
			if took != 0 || !errors.Is(err, ErrPaused) {
				t.Fatalf("invocation %d took %v: %v", i, took, err)
			}
			if p := g.Stats().Pending; int(p.Bytes+lineOverhead*p.Lines) > maxBytes {
				t.Fatalf("%+v pending", p)
			}
			time.Sleep(time.Millisecond)
		}
		if s := g.Stats(); tries != 1 || !balanced(s) || s.Losses[Overflow].Lines == 0 {
			t.Errorf("%d tries, %+v", tries, s)
		}
	})
}

// TestProbeTimesGrow: the time the receiver is left alone doubles to a minute,
// and each end of it is one try of 400 ms at most.
func TestProbeTimesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGuarded(senderFunc(hangs), GuardOptions{})
		for i, want := range []time.Duration{5, 10, 20, 40, 60, 60} {
			g.Put([]byte("line"))
			took, _ := flushWithin(t, g, 5*time.Second)
			if limit := DefaultTryTimeout; i == 0 && took != limit || i > 0 && took != 400*time.Millisecond {
				t.Errorf("try %d took %v", i, took)
			}
			opened := time.Now()
			for g.Health().State == Open {
				time.Sleep(100 * time.Millisecond)
			}
			open := time.Since(opened)
			if want *= time.Second; open < want*8/10 || open > want*12/10+100*time.Millisecond {
				t.Errorf("opening %d lasted %v, want %v ±20 %%", i, open, want)
			}
		}
	})
}

// TestOnlyAHangOpensAtOnce: a receiver that had no fair chance is not blamed.
func TestOnlyAHangOpensAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name  string
		wait  time.Duration // of the flush
		takes int           // batches before it hangs
		want  State
	}{
		{"no answer", budget, 0, Open},
		{"no time", 20 * time.Millisecond, 0, Closed},
		{"slow behind the first batch", budget, 1, Closed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				g := NewGuarded(senderFunc(func(ctx context.Context, b Batch) (int, error) {
					if n++; n <= tc.takes {
						return b.Len(), nil
					}
					return hangs(ctx, b)
				}), GuardOptions{Buffer: Options{BatchLines: 1}})
				g.Put([]byte("a"))
				g.Put([]byte("b"))
				_, _ = flushWithin(t, g, tc.wait)
				if got := g.Health().State; got != tc.want {
					t.Errorf("breaker %v, want %v", got, tc.want)
				}
			})
		})
	}
}

// TestCancelledFlushIsNoVerdict: the caller changed its mind.
func TestCancelledFlushIsNoVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGuarded(senderFunc(hangs), GuardOptions{})
		g.Put([]byte("a"))
		ctx, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Second); cancel() }()
		if err := g.Flush(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if !g.Ready() || g.Stats().Pending.Lines != 1 {
			t.Errorf("%+v, %+v", g.Health(), g.Stats())
		}
	})
}

// TestK2_NoRetryStorm: a receiver that fails for ever sees each batch three
// times at most, and never more than twice the bytes there are.
func TestK2_NoRetryStorm(t *testing.T) {
	for _, tc := range []struct {
		name   string
		err    error
		reason Reason
	}{
		{"500", &RetryableError{Err: errors.New("HTTP 500")}, Exhausted},
		{"429", &RetryableError{Err: errors.New("HTTP 429"), After: time.Second}, Exhausted},
		{"403", errors.New("HTTP 403"), Refused},
		{"413", errors.New("HTTP 413"), Refused},
		{"301", errors.New("HTTP 301"), Refused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries, sent := map[string]int{}, 0
				g := NewGuarded(senderFunc(func(_ context.Context, b Batch) (int, error) {
					tries[b.Key]++
					sent += len(b.Bytes())
					return 0, tc.err
				}), GuardOptions{})
				for range 2000 { // invocations, 16 hours
					g.Put(bytes.Repeat([]byte("x"), 5000))
					_, _ = flushWithin(t, g, budget)
					time.Sleep(30 * time.Second)
				}
				most := 0
				for _, n := range tries {
					most = max(most, n)
				}
				s := g.Stats()
				if most > 3 || most == 0 {
					t.Errorf("a batch was tried %d times", most)
				}
				if made := int(s.Received.Bytes); sent > 2*made {
					t.Errorf("%d bytes sent of %d made", sent, made)
				}
				if !balanced(s) || s.Losses[tc.reason].Lines == 0 || s.Delivered.Lines != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestK3_CancelledFlushesLeaveNothing; package ndjson has it with sockets.
func TestK3_CancelledFlushesLeaveNothing(t *testing.T) {
	g := NewGuarded(senderFunc(hangs), GuardOptions{Buffer: Options{MaxBytes: 10 << 10}})
	for range 10_000 {
		g.Put([]byte("line"))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = g.Flush(ctx)
	}
	if s := g.Stats(); !balanced(s) || s.Received.Lines != 10_000 {
		t.Errorf("%+v", s)
	}
}

// TestK4_OneSinkDownLeavesTheOther: stdout and a second sink go on while the
// first one hangs in the same moment.
func TestK4_OneSinkDownLeavesTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stdout bytes.Buffer
		local := NewStream(&stdout, Options{})
		hung := NewGuarded(senderFunc(hangs), GuardOptions{})
		taken := 0
		well := NewGuarded(senderFunc(func(_ context.Context, b Batch) (int, error) { taken += b.Len(); return b.Len(), nil }), GuardOptions{})
		for range 100 {
			for _, o := range []interface{ Put([]byte) }{local, hung, well} {
				o.Put([]byte("line"))
			}
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = flushWithin(t, hung, budget) })
			wg.Go(func() {
				if took, err := flushWithin(t, well, budget); took != 0 || err != nil {
					t.Errorf("the sink that works took %v: %v", took, err)
				}
			})
			if err := local.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			wg.Wait()
		}
		if taken != 100 || strings.Count(stdout.String(), "line\n") != 100 || hung.Stats().Pending.Lines != 100 {
			t.Errorf("%d taken, stdout %q, hung %+v", taken, stdout.String(), hung.Stats())
		}
	})
}

// TestK5_RecoveryDrainsInOrder: the receiver is back, and everything that
// could be kept arrives in order, within the budget; Retry-After is obeyed to
// the second.
func TestK5_RecoveryDrainsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		var after time.Duration
		down := true
		calls := 0
		logs, seen := observer.New(zap.DebugLevel)
		g := NewGuarded(senderFunc(func(_ context.Context, b Batch) (int, error) {
			calls++
			if down {
				return 0, &RetryableError{Err: errors.New("HTTP 503"), After: after}
			}
			time.Sleep(10 * time.Millisecond)
			got = append(got, strings.Fields(string(b.Bytes()))...)
			return b.Len(), nil
		}), GuardOptions{Name: "test", Buffer: Options{BatchLines: 3}, Log: zap.New(logs)})

		var want []string
		put := func(n int) {
			for range n {
				want = append(want, fmt.Sprint(len(want)))
				g.Put([]byte(want[len(want)-1]))
			}
		}
		put(10)
		after = 7 * time.Second
		_, _ = flushWithin(t, g, budget)
		for second := range 7 {
			if took, err := flushWithin(t, g, budget); took != 0 || !errors.Is(err, ErrPaused) || calls != 1 {
				t.Fatalf("second %d: took %v, %d calls: %v", second, took, calls, err)
			}
			time.Sleep(time.Second)
		}
		down = false
		put(10)
		took, err := flushWithin(t, g, budget)
		if err != nil || took > 100*time.Millisecond {
			t.Errorf("took %v: %v", took, err)
		}

		down, after = true, 0 // and once more, until the breaker opens
		put(1)
		for g.Health().State == Closed {
			_, _ = flushWithin(t, g, budget)
		}
		// The batch has had its tries: it is the price of the outage.
		lost := g.Stats().Losses[Exhausted].Lines
		want = want[:uint64(len(want))-lost]
		put(5)
		time.Sleep(6 * time.Second)
		down = false
		if _, err := flushWithin(t, g, budget); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(append(want[:20:20], "20", "21", "22", "23", "24"), got); lost != 0 && diff != "" {
			t.Errorf("received (-want +got):\n%s", diff)
		}
		if lines := seen.Len(); lines != 2 {
			t.Errorf("%d log lines, want one for the trouble and one for its end: %v", lines, seen.All())
		}
	})
}

// TestDrainGivesAnOpenBreakerOneTry is the shutdown's rule.
func TestDrainGivesAnOpenBreakerOneTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := false
		tries := 0
		g := NewGuarded(senderFunc(func(ctx context.Context, b Batch) (int, error) {
			if tries++; !up {
				return hangs(ctx, b)
			}
			return b.Len(), nil
		}), GuardOptions{Buffer: Options{BatchLines: 1}})
		for range 3 {
			g.Put([]byte("a"))
		}
		_, _ = flushWithin(t, g, budget)
		began := time.Now()
		_ = g.Drain(t.Context())
		if took := time.Since(began); took != 400*time.Millisecond || tries != 2 {
			t.Errorf("took %v, %d tries", took, tries)
		}
		up = true
		if err := g.Drain(t.Context()); err != nil || g.Stats().Delivered.Lines != 3 {
			t.Errorf("%v, %+v", err, g.Stats())
		}
	})
}

// TestFreezeCountsForTheBreaker: while the sandbox is frozen the monotonic
// clock may stand still; the wall clock says how long the receiver had peace.
func TestFreezeCountsForTheBreaker(t *testing.T) {
	from := time.Now()
	p := period{from: from, length: 5 * time.Second}
	for _, tc := range []struct {
		name string
		now  time.Time
		want bool
	}{
		{"a moment later", from.Add(time.Second), false},
		{"monotonic", from.Add(6 * time.Second), true},
		{"wall clock alone", from.Round(0).Add(time.Hour), true},
		{"wall clock set back", from.Round(0).Add(-time.Hour), false},
	} {
		if got := p.over(tc.now); got != tc.want {
			t.Errorf("%s: over %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestPartialAnswers(t *testing.T) {
	var tries []string
	answers := []error{
		&PartialError{Keep: []int{1, 3}, Lost: []Loss{{2, TooOld}}, Err: &RetryableError{Err: errors.New("throttled")}},
		&PartialError{Lost: []Loss{{1, Rejected}}, Err: errors.New("rejected")},
	}
	g := NewGuarded(senderFunc(func(_ context.Context, b Batch) (int, error) {
		tries = append(tries, fmt.Sprintf("%d %q", b.ID, b.Bytes()))
		if len(answers) == 0 {
			return b.Len(), nil
		}
		err := answers[0]
		answers = answers[1:]
		return 0, fmt.Errorf("wrapped: %w", err)
	}), GuardOptions{})
	for _, s := range []string{"zero", "one", "two", "three"} {
		g.Put([]byte(s))
	}
	if err := g.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "rejected") {
		t.Errorf("flush: %v, want the refusal", err)
	}
	if diff := cmp.Diff([]string{`1 "zero\none\ntwo\nthree\n"`, `1 "one\nthree\n"`}, tries); diff != "" {
		t.Errorf("tries (-want +got):\n%s", diff)
	}
	s := g.Stats()
	want := Stats{
		Received: Count{4, 19}, Delivered: Count{2, 9}, Dropped: Count{2, 10},
		Losses: Losses{TooOld: {1, 4}, Rejected: {1, 6}},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]uint64{"too_old": 1, "rejected": 1}, s.Losses.Lines()); diff != "" {
		t.Errorf("losses (-want +got):\n%s", diff)
	}
	if !g.Ready() {
		t.Error("a partial answer is no trouble")
	}
}

func TestDisabledSinkSaysItOnce(t *testing.T) {
	logs, seen := observer.New(zap.DebugLevel)
	g := NewGuarded(refusing(&DisabledError{Err: errors.New("secret not found")}), GuardOptions{Name: "https://host", Log: zap.New(logs), Buffer: Options{BatchLines: 1}})
	for range 3 {
		for range 3 {
			g.Put([]byte("line"))
		}
		_ = g.Flush(t.Context())
	}
	s := g.Stats()
	if s.Losses[Disabled].Lines != 9 || s.Pending.Lines != 0 || !balanced(s) || g.Ready() || !g.Health().Disabled {
		t.Errorf("%+v", s)
	}
	if seen.Len() != 1 || seen.All()[0].ContextMap()["sink"] != "https://host" {
		t.Errorf("log: %v", seen.All())
	}
}

func TestPanicOfAGuardedSenderIsContained(t *testing.T) {
	logs, seen := observer.New(zap.DebugLevel)
	g := NewGuarded(senderFunc(func(context.Context, Batch) (int, error) { panic("a secret") }), GuardOptions{Log: zap.New(logs)})
	g.Put([]byte("a"))
	if err := g.Flush(t.Context()); err == nil || g.Stats().Losses[Defect].Lines != 1 {
		t.Errorf("%v, %+v", err, g.Stats())
	}
	if text := fmt.Sprint(seen.All()[0].ContextMap()["panic"]); text != "string" {
		t.Errorf("panic logged as %q", text)
	}
}

func TestKeysAreRandomAndStay(t *testing.T) {
	keys := map[string]int{}
	fails := true
	g := NewGuarded(senderFunc(func(_ context.Context, b Batch) (int, error) {
		if keys[b.Key]++; len(b.Key) != 32 {
			t.Errorf("key %q", b.Key)
		}
		if fails = !fails; !fails {
			return 0, &RetryableError{Err: errors.New("later")}
		}
		return b.Len(), nil
	}), GuardOptions{Buffer: Options{BatchLines: 1}})
	for range 5 {
		g.Put([]byte("a"))
	}
	_ = g.Flush(t.Context())
	if len(keys) != 5 {
		t.Errorf("%d keys of 5 batches", len(keys))
	}
	for k, n := range keys {
		if n != 2 {
			t.Errorf("key %s was used %d times", k, n)
		}
	}
}

// TestLedgerUnderFaults: received = delivered + dropped (by reason) + pending,
// whatever the receiver does, while several goroutines put and flush.
func TestLedgerUnderFaults(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			got := 0
			g := NewGuarded(senderFunc(func(ctx context.Context, b Batch) (int, error) {
				n, err := faulty(ctx, rnd, b)
				if n < 0 {
					panic("broken")
				}
				got += n
				return n, err
			}), GuardOptions{Buffer: Options{MaxBytes: 500 + rnd.IntN(4000), BatchBytes: 1 + rnd.IntN(400), BatchLines: rnd.IntN(6)}})
			var wg sync.WaitGroup
			for w := range uint64(3) {
				rnd := rand.New(rand.NewPCG(seed, 10+w))
				wg.Go(func() {
					for range 200 {
						g.Put(bytes.Repeat([]byte("x"), rnd.IntN(90)))
						if rnd.IntN(4) == 0 {
							time.Sleep(randomly(rnd, 10*time.Second))
							_, _ = flushWithin(t, g, randomly(rnd, 400*time.Millisecond)+1)
						}
						if s := g.Stats(); !balanced(s) {
							t.Errorf("seed %d: out of balance: %+v", seed, s)
							return
						}
					}
				})
			}
			wg.Wait()
			s := g.Stats()
			if !balanced(s) || s.Received.Lines != 600 || int(s.Delivered.Lines) != got {
				t.Errorf("seed %d: %d taken by the receiver, %+v", seed, got, s)
			}
		})
	}
}

// faulty returns how many lines it took; a negative number asks for a panic.
func faulty(ctx context.Context, rnd *rand.Rand, b Batch) (int, error) {
	time.Sleep(randomly(rnd, 100*time.Millisecond))
	switch n := rnd.IntN(b.Len() + 1); rnd.IntN(9) {
	case 0:
		return n, errors.New("refused")
	case 1:
		return n, &RetryableError{Err: errors.New("later"), After: randomly(rnd, 3*time.Second)}
	case 2:
		_, err := hangs(ctx, b)
		return 0, err
	case 3, 4:
		p := &PartialError{Err: &RetryableError{Err: errors.New("partly")}}
		for i := range b.Len() {
			switch rnd.IntN(3) {
			case 0:
				p.Keep = append(p.Keep, i)
			case 1:
				p.Lost = append(p.Lost, Loss{i, Reason(rnd.IntN(int(numReasons)))})
			}
		}
		return b.Len() - len(p.Keep) - len(p.Lost), p
	case 5:
		if rnd.IntN(4) == 0 {
			return -1, nil
		}
	}
	return b.Len(), nil
}

func randomly(rnd *rand.Rand, limit time.Duration) time.Duration {
	return time.Duration(rnd.Int64N(int64(limit)))
}

// TestI5_FloodAgainstAHungSink: a hundred thousand lines cost the bound and no
// more, Put never waits, and every line is in the books.
func TestI5_FloodAgainstAHungSink(t *testing.T) {
	const maxBytes, lines = 4 << 20, 100_000
	release := make(chan struct{})
	g := NewGuarded(senderFunc(func(ctx context.Context, b Batch) (int, error) {
		<-release
		return b.Len(), nil
	}), GuardOptions{Buffer: Options{MaxBytes: maxBytes, BatchBytes: 256 << 10}})
	g.Put([]byte("the first"))
	flushed := make(chan error)
	go func() { flushed <- g.Flush(context.Background()) }()
	line := bytes.Repeat([]byte("x"), 200)
	before := heap()
	for range lines - 1 {
		g.Put(line)
	}
	if grown := heap() - before; grown > 2*maxBytes {
		t.Errorf("%d bytes of heap for a buffer of %d", grown, maxBytes)
	}
	if s := g.Stats(); !balanced(s) || s.Received.Lines != lines || s.Losses[Overflow].Lines != lines-s.Pending.Lines || s.Pending.Lines < 15_000 {
		t.Errorf("%+v", s)
	}
	close(release)
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	if s := g.Stats(); !balanced(s) || s.Pending.Lines != 0 || s.Delivered.Lines+s.Dropped.Lines != lines {
		t.Errorf("at the end %+v", s)
	}
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
