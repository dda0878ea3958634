package paramcache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestFreshness(t *testing.T) {
	steps := []struct {
		name  string
		after time.Duration
		opt   Options
		text  string
		state string
	}{
		{"first read", 0, Options{}, "v1", "miss"},
		{"at once", 0, Options{}, "v1", "hit"},
		{"within nine tenths of the age", 269 * time.Second, Options{}, "v1", "hit"},
		{"own limit, just inside", 0, age(269*time.Second + 1), "v1", "hit"},
		{"own limit, reached: no jitter", 0, age(269 * time.Second), "v2", "refreshed"},
		{"beyond eleven tenths", 331 * time.Second, Options{}, "v3", "refreshed"},
		{"age 0 fetches", 0, age(0), "v4", "refreshed"},
		{"and renews what others stored", 0, Options{}, "v4", "hit"},
		{"negative age is 0", 0, age(-time.Hour), "v5", "refreshed"},
		{"an age beyond all time", 24 * time.Hour, age(1<<63 - 1), "v5", "hit"},
		{"force", 0, Options{Force: true}, "v6", "refreshed"},
		{"force again within the second", 999 * time.Millisecond, Options{Force: true}, "v6", "coalesced"},
		{"force after the second", time.Millisecond, Options{Force: true}, "v7", "refreshed"},
		{"version refused and still cached", 0, Options{IfVersion: "6"}, "v7", "hit"},
		{"the refused version is the cached one", time.Second, Options{IfVersion: "7"}, "v8", "refreshed"},
		{"compare-and-refresh storms cost one call too", 0, Options{IfVersion: "8"}, "v8", "coalesced"},
	}
	synctest.Test(t, func(t *testing.T) {
		c := newTest(&upstream{}, roomy())
		for _, step := range steps {
			time.Sleep(step.after)
			t.Log(step.name)
			want(t, c, ssmRef("/app/db"), step.opt, step.text, step.state)
		}
	})
}

func TestAgeZeroStoresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(&upstream{}, roomy())
		res := want(t, c, ssmRef("a"), age(0), "v1", "miss")
		if !res.FreshUntil.IsZero() || len(c.Entries()) != 0 {
			t.Errorf("fresh until %v, %d entries; want nothing stored", res.FreshUntil, len(c.Entries()))
		}
		want(t, c, ssmRef("a"), Options{}, "v2", "miss")
	})
}

func TestDefaultAgeBySource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := roomy()
		config.MaxAges = map[Source]time.Duration{Secrets: 0}
		c := newTest(&upstream{}, config)
		want(t, c, Ref{Source: Secrets, Name: "db"}, Options{}, "v1", "miss")
		want(t, c, Ref{Source: Secrets, Name: "db"}, Options{}, "v2", "miss")
		want(t, c, ssmRef("db"), Options{}, "v3", "miss")
		want(t, c, ssmRef("db"), Options{}, "v3", "hit")
	})
}

// A max age is a promise: the jitter shortens the default age by up to 10 %, and
// is the same for the same entry.
func TestJitter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	config := roomy()
	config.Now = func() time.Time { return now }
	c := newTest(&upstream{}, config)
	low, high := time.Hour, time.Duration(0)
	for i := range 500 {
		ref := ssmRef(fmt.Sprintf("/app/%d", i))
		first := want(t, c, ref, Options{}, fmt.Sprintf("v%d", i+1), "miss")
		again := want(t, c, ref, Options{}, fmt.Sprintf("v%d", i+1), "hit")
		if !first.FreshUntil.Equal(again.FreshUntil) {
			t.Fatalf("%s is fresh until %v, then until %v", ref, first.FreshUntil, again.FreshUntil)
		}
		low, high = min(low, first.FreshUntil.Sub(now)), max(high, first.FreshUntil.Sub(now))
	}
	if low < 270*time.Second || low > 275*time.Second || high > 300*time.Second || high < 295*time.Second {
		t.Errorf("500 entries live from %v to %v; want the whole of 270 s to 300 s", low, high)
	}
}

func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{took: time.Second}
		c := newTest(u, roomy())
		states := map[State]int{}
		var mu sync.Mutex
		var readers sync.WaitGroup
		for i := range 50 {
			readers.Go(func() {
				opt := Options{}
				if i%2 == 1 {
					opt = age(0) // shares the fetch all the same
				}
				res, err := c.Get(t.Context(), ssmRef("a"), opt)
				if err != nil || res.Value.Text != "v1" {
					t.Errorf("%q, %v", res.Value.Text.Reveal(), err)
				}
				mu.Lock()
				defer mu.Unlock()
				states[res.State]++
			})
		}
		readers.Wait()
		if diff := cmp.Diff(map[State]int{Miss: 1, Coalesced: 49}, states); diff != "" || u.count() != 1 {
			t.Errorf("%d calls; states:\n%s", u.count(), diff)
		}
		want(t, c, ssmRef("a"), Options{}, "v1", "hit") // whoever led
	})
}

// One who gives up takes nothing from the others, and the value is kept.
func TestCancelledCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{took: 2 * time.Second}
		c := newTest(u, roomy())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			time.Sleep(500 * time.Millisecond)
			want(t, c, ssmRef("a"), Options{}, "v1", "coalesced")
		}()
		_, err := c.Get(ctx, ssmRef("a"), Options{})
		failed, ok := errors.AsType[*Error](err)
		if !ok || failed.Kind != KindTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v; want a timeout", err)
		}
		<-done
		want(t, c, ssmRef("a"), Options{}, "v1", "hit")
	})
}

// A caller in a hurry gets the older value rather than none; one that has gone
// gets an error.
func TestImpatientCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := newTest(u, roomy())
		want(t, c, ssmRef("a"), Options{}, "v1", "miss")
		u.slow(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
		defer cancel()
		res, err := c.Get(ctx, ssmRef("a"), Options{Force: true})
		if err != nil || res.State != Stale || res.Value.Text != "v1" || !errors.Is(res.Err, context.DeadlineExceeded) {
			t.Errorf("%v %q, %v, %v", res.State, res.Value.Text.Reveal(), res.Err, err)
		}
		cancelled, stop := context.WithCancel(t.Context())
		stop()
		if res, err := c.Get(cancelled, ssmRef("a"), Options{Force: true}); err == nil {
			t.Errorf("a caller that has gone got %v", res.State)
		}
		synctest.Wait()
		time.Sleep(3 * time.Second)
		want(t, c, ssmRef("a"), Options{}, "v2", "hit")
	})
}

func TestUpstreamTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := roomy()
		config.Timeouts = map[Source]time.Duration{Secrets: 250 * time.Millisecond}
		c := newTest(&upstream{took: time.Hour}, config)
		for source, limit := range map[Source]time.Duration{SSM: 3 * time.Second, Secrets: 250 * time.Millisecond} {
			began := time.Now()
			want(t, c, Ref{Source: source, Name: "a"}, Options{}, "", "timeout")
			if took := time.Since(began); took != limit {
				t.Errorf("%s gave up after %v, want %v", source, took, limit)
			}
		}
	})
}

func TestStaleIfError(t *testing.T) {
	tests := []struct {
		kind  Kind
		text  string
		state string
	}{
		{KindTimeout, "v1", "stale"},
		{KindUnreachable, "v1", "stale"},
		{KindThrottled, "v1", "stale"},
		{KindUpstream, "v1", "stale"},
		{KindInternal, "v1", "stale"},
		{KindCredentials, "v1", "stale"},
		{KindNotFound, "", "not found"},
		{KindAccessDenied, "", "access denied"},
		{KindBadRequest, "", "bad request"},
	}
	for _, test := range tests {
		t.Run(test.kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{}
				c := newTest(u, roomy())
				want(t, c, ssmRef("a"), Options{}, "v1", "miss")
				u.fail(failing(test.kind))
				time.Sleep(400 * time.Second)
				res := want(t, c, ssmRef("a"), Options{}, test.text, test.state)
				want(t, c, ssmRef("a"), Options{}, test.text, test.state)
				if disowns := test.kind == KindNotFound || test.kind == KindAccessDenied; disowns {
					want(t, c, ssmRef("a"), age(time.Hour), "", test.state) // young enough, but not true any more
				} else {
					want(t, c, ssmRef("a"), age(time.Hour), "v1", "hit") // young enough for this one
				}
				if u.count() != 2 {
					t.Errorf("%d calls, want 2: the failure is remembered", u.count())
				}
				if test.state == "stale" && (res.Age != 400*time.Second || res.Err == nil) {
					t.Errorf("age %v, error %v; want 400 s and the failure", res.Age, res.Err)
				}
			})
		})
	}
}

func TestStaleIfErrorIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := roomy()
		config.StaleIfError = time.Hour
		u := &upstream{}
		c := newTest(u, config)
		want(t, c, ssmRef("a"), Options{}, "v1", "miss")
		u.fail(failing(KindUpstream))
		time.Sleep(time.Hour + 2*time.Minute)
		want(t, c, ssmRef("a"), age(2*time.Minute), "v1", "stale")
		time.Sleep(time.Second)
		want(t, c, ssmRef("a"), age(2*time.Minute), "", "upstream")
		want(t, c, ssmRef("a"), Options{}, "v1", "stale") // its age is longer
		u.fail(nil)
		time.Sleep(time.Second)
		want(t, c, ssmRef("a"), age(2*time.Minute), "v4", "refreshed")
	})
}

// What the service has said to be gone does not come back in its next outage.
func TestDisowned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := newTest(u, roomy())
		want(t, c, ssmRef("a"), Options{}, "v1", "miss")
		u.fail(failing(KindNotFound))
		want(t, c, ssmRef("a"), Options{Force: true}, "", "not found")
		u.fail(failing(KindUpstream))
		time.Sleep(10 * time.Second)
		want(t, c, ssmRef("a"), Options{Force: true}, "", "upstream")
		u.fail(nil)
		time.Sleep(10 * time.Second)
		want(t, c, ssmRef("a"), Options{Force: true}, "v4", "refreshed")
		u.fail(failing(KindUpstream))
		time.Sleep(10 * time.Second)
		want(t, c, ssmRef("a"), Options{Force: true}, "v4", "stale")
	})
}

func TestNegativeMemory(t *testing.T) {
	tests := []struct {
		kind  Kind
		lasts time.Duration
	}{
		{KindUpstream, time.Second},
		{KindTimeout, time.Second},
		{KindBadRequest, time.Second},
		{KindAccessDenied, 5 * time.Second},
		{KindNotFound, 5 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{err: failing(test.kind)}
				c := newTest(u, roomy())
				state := test.kind.String()
				want(t, c, ssmRef("a"), Options{}, "", state)
				time.Sleep(test.lasts - 1)
				want(t, c, ssmRef("a"), Options{}, "", state)
				if u.count() != 1 {
					t.Errorf("%d calls within %v, want 1", u.count(), test.lasts)
				}
				want(t, c, ssmRef("b"), Options{}, "", state)
				time.Sleep(time.Nanosecond)
				want(t, c, ssmRef("a"), Options{}, "", state)
				if u.count() != 3 {
					t.Errorf("%d calls after %v, want 3", u.count(), test.lasts)
				}
				want(t, c, ssmRef("a"), Options{Force: true}, "", state)
				want(t, c, ssmRef("a"), Options{Force: true}, "", state)
				if u.count() != 4 {
					t.Errorf("%d calls after two forced reads, want 4", u.count())
				}
				u.fail(nil)
				time.Sleep(time.Second)
				want(t, c, ssmRef("a"), Options{Force: true}, "v5", "miss")
				want(t, c, ssmRef("a"), Options{}, "v5", "hit")
			})
		})
	}
}

func TestFailuresAreBounded(t *testing.T) {
	c := newTest(&upstream{err: failing(KindNotFound)}, roomy())
	for i := range 3 * maxFailures {
		want(t, c, ssmRef(fmt.Sprint(i)), Options{}, "", "not found")
	}
	if len(c.failures) > maxFailures {
		t.Errorf("%d failures remembered, want at most %d", len(c.failures), maxFailures)
	}
}

// The sandbox may stop for hours, also while a fetch is on its way. Then only
// the wall clock goes on.
func TestFreeze(t *testing.T) {
	now := time.Now()
	var mu sync.Mutex
	config := roomy()
	config.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	freeze := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	u := &upstream{}
	c := newTest(u, config)
	want(t, c, ssmRef("a"), Options{}, "v1", "miss")
	freeze(2 * time.Hour)
	want(t, c, ssmRef("a"), Options{}, "v2", "refreshed")

	u.answer = func(ref Ref, call int) Value {
		freeze(2 * time.Hour)
		return Value{Text: "frozen on its way", IsText: true}
	}
	asked := config.Now()
	res := want(t, c, ssmRef("a"), Options{Force: true}, "frozen on its way", "refreshed")
	if !res.Fetched.Equal(asked) {
		t.Errorf("fetched %v after the question, want 0: it is as old as that", res.Fetched.Sub(asked))
	}
	u.answer = nil
	want(t, c, ssmRef("a"), Options{}, "v4", "refreshed")
}

// A reading of the monotonic clock would make Sub and Before ignore the wall.
func TestClockHasNoMonotonicReading(t *testing.T) {
	config := roomy()
	for name, config := range map[string]Config{"default": config, "given": {Now: time.Now}} {
		c := newTest(&upstream{}, config)
		if now := c.now().String(); strings.Contains(now, " m=") {
			t.Errorf("%s: %s has a monotonic reading", name, now)
		}
	}
}

func TestClockGoesBack(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	config := roomy()
	config.Now = func() time.Time { return now }
	u := &upstream{}
	c := newTest(u, config)
	want(t, c, ssmRef("a"), Options{}, "v1", "miss")
	want(t, c, ssmRef("a"), Options{Force: true}, "v2", "refreshed")
	now = now.Add(-1000 * time.Hour)
	res := want(t, c, ssmRef("a"), Options{}, "v2", "hit")
	if res.Age != 0 || !res.Fetched.Equal(now) {
		t.Errorf("age %v, fetched %v; want it to count as fetched now", res.Age, res.Fetched)
	}
	want(t, c, ssmRef("a"), Options{Force: true}, "v3", "refreshed") // the forced fetch lies in the future
	now = now.Add(331 * time.Second)
	want(t, c, ssmRef("a"), Options{}, "v4", "refreshed")

	u.fail(failing(KindNotFound))
	want(t, c, ssmRef("b"), Options{}, "", "not found")
	now = now.Add(-1000 * time.Hour)
	u.fail(nil)
	want(t, c, ssmRef("b"), Options{}, "v6", "miss") // the failure lies in the future
}

func TestPurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := newTest(u, roomy())
		want(t, c, ssmRef("a"), Options{}, "v1", "miss")
		want(t, c, ssmRef("b"), Options{}, "v2", "miss")
		before := c.Generation()
		if !c.Purge(ssmRef("a")) || c.Purge(ssmRef("a")) || c.Purge(ssmRef("c")) {
			t.Error("Purge told wrongly whether there was a value")
		}
		if c.Generation() == before {
			t.Error("the generation did not change")
		}
		want(t, c, ssmRef("a"), Options{}, "v3", "miss")
		want(t, c, ssmRef("b"), Options{}, "v2", "hit")
		if n := c.PurgeAll(); n != 2 || len(c.Entries()) != 0 || c.entries.bytes != 0 {
			t.Errorf("purged %d of 2, %d left, %d bytes", n, len(c.Entries()), c.entries.bytes)
		}
		want(t, c, ssmRef("b"), Options{}, "v4", "miss")

		u.fail(failing(KindNotFound))
		want(t, c, ssmRef("c"), Options{}, "", "not found")
		u.fail(nil)
		c.Purge(ssmRef("c"))
		want(t, c, ssmRef("c"), Options{}, "v6", "miss")
	})
}

// A fetch from before a purge answers those who waited for it, nobody joins it
// any more, and nothing of it is stored.
func TestPurgeDuringFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{took: time.Second}
		c := newTest(u, roomy())
		var readers sync.WaitGroup
		readers.Go(func() { want(t, c, ssmRef("a"), Options{}, "v1", "miss") })
		synctest.Wait()
		c.PurgeAll()
		u.slow(5 * time.Millisecond)
		readers.Go(func() { want(t, c, ssmRef("a"), Options{}, "v2", "miss") })
		readers.Wait()
		want(t, c, ssmRef("a"), Options{}, "v2", "hit")
	})
}

func TestGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := roomy()
		config.MaxItems = 2
		c := newTest(&upstream{}, config)
		changes := func(what string, expect bool, do func()) {
			t.Helper()
			before := c.Generation()
			do()
			if (c.Generation() != before) != expect {
				t.Errorf("%s: changed %v, want %v", what, !expect, expect)
			}
		}
		changes("a new entry", false, func() { want(t, c, ssmRef("a"), Options{}, "v1", "miss") })
		changes("a hit", false, func() { want(t, c, ssmRef("a"), Options{}, "v1", "hit") })
		changes("a refresh", true, func() { want(t, c, ssmRef("a"), Options{Force: true}, "v2", "refreshed") })
		changes("a second entry", false, func() { want(t, c, ssmRef("b"), Options{}, "v3", "miss") })
		changes("an eviction", true, func() { want(t, c, ssmRef("c"), Options{}, "v4", "miss") })
	})
}

type panicking struct{}

func (panicking) Fetch(context.Context, Ref) (Value, error) { panic("s3cr3t in a panic") }

func TestPanic(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	c := New(panicking{}, zap.New(core), roomy())
	want(t, c, ssmRef("a"), Options{}, "", "internal")
	if logs.Len() != 1 || !strings.Contains(fmt.Sprint(logs.All()[0].ContextMap()["stack"]), "panicking.Fetch") {
		t.Errorf("%d lines logged; want one with the provider's stack", logs.Len())
	}
	if strings.Contains(fmt.Sprint(logs.All()), "s3cr3t") {
		t.Error("the panic's text is in the log")
	}
	broken := roomy()
	broken.Account = func() string { panic("no account") } // asked when the answer is filed
	want(t, newTest(&upstream{answer: cloud}, broken), Ref{Source: Secrets, Name: "a"}, Options{}, "", "internal")
}

// A provider that does not keep its contract about errors.
func TestForeignErrors(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		kind string
	}{
		"plain":    {errors.New("boom"), "internal"},
		"deadline": {fmt.Errorf("call: %w", context.DeadlineExceeded), "timeout"},
		"wrapped":  {fmt.Errorf("call: %w", failing(KindThrottled)), "throttled"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newTest(&upstream{err: test.err}, roomy())
			want(t, c, ssmRef("a"), Options{}, "", test.kind)
			_, err := c.Get(t.Context(), ssmRef("a"), Options{})
			if !strings.HasPrefix(err.Error(), "read ssm:a: ") {
				t.Errorf("%q does not name the ref", err)
			}
		})
	}
}

// That a value stands in is said once until the upstream recovers.
func TestStaleIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		u := &upstream{}
		c := New(u, zap.New(core), roomy())
		for range 2 {
			u.fail(nil)
			want(t, c, ssmRef("a"), Options{Force: true}, fmt.Sprintf("v%d", u.count()+1), map[int]string{0: "miss", 6: "refreshed"}[u.count()])
			u.fail(failing(KindUpstream))
			for range 5 {
				time.Sleep(time.Hour)
				if res, err := c.Get(t.Context(), ssmRef("a"), Options{}); err != nil || res.State != Stale {
					t.Fatalf("%v, %v", res.State, err)
				}
			}
		}
		if logs.Len() != 2 {
			t.Errorf("%d lines for two outages: %v", logs.Len(), logs.All())
		}
	})
}

func TestCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := roomy()
		config.MaxItems = 1
		config.Allow = []string{"ssm:*"}
		u := &upstream{took: 1500 * time.Microsecond}
		c := newTest(u, config)
		want(t, c, ssmRef("a"), Options{}, "v1", "miss")
		want(t, c, ssmRef("a"), Options{}, "v1", "hit")
		want(t, c, ssmRef("a"), Options{Force: true}, "v2", "refreshed")
		want(t, c, ssmRef("a"), Options{Force: true}, "v2", "coalesced")
		u.fail(failing(KindUpstream))
		want(t, c, ssmRef("a"), age(0), "v2", "stale")
		want(t, c, ssmRef("b"), Options{}, "", "upstream")
		want(t, c, Ref{Source: Secrets, Name: "a"}, Options{}, "", "access denied")
		u.fail(nil)
		want(t, c, ssmRef("c"), Options{}, "v5", "miss")
		got := c.Take()
		expect := Counters{Hits: 1, Misses: 2, Refreshed: 1, Coalesced: 1, Stale: 1, Errors: 2,
			Evicted: 1, UpstreamCalls: 5, UpstreamTime: 7500 * time.Microsecond}
		if diff := cmp.Diff(expect, got); diff != "" {
			t.Error(diff)
		}
		if got.UpstreamMillis() != 7.5 || got.Reads() != 8 {
			t.Errorf("%v ms, %d reads; want 7.5, 8", got.UpstreamMillis(), got.Reads())
		}
		if again := c.Take(); again != (Counters{}) {
			t.Errorf("taken twice: %+v", again)
		}
	})
}

func TestEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(&upstream{}, roomy())
		want(t, c, ssmRef("/app/a"), Options{}, "v1", "miss")
		time.Sleep(400 * time.Second)
		want(t, c, Ref{Source: Secrets, Name: "db"}, Options{}, "v2", "miss")
		want(t, c, Ref{Source: Secrets, Name: "db"}, Options{}, "v2", "hit")
		got := c.Entries()
		for i := range got {
			if got[i].Size < 100 {
				t.Errorf("%s has %d bytes", got[i].Ref, got[i].Size)
			}
			got[i].Size = 0
		}
		expect := []EntryInfo{
			{Ref: Ref{Source: Secrets, Name: "db"}, State: Hit, Version: "2", Hits: 1},
			{Ref: ssmRef("/app/a"), State: Stale, Version: "1", Age: 400 * time.Second},
		}
		if diff := cmp.Diff(expect, got); diff != "" {
			t.Error(diff)
		}
	})
}
