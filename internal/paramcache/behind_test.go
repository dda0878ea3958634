package paramcache

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lively is a configuration with both ways to refresh behind an answer, and
// without jitter that a test would have to guess.
func lively() Config {
	config := roomy()
	config.StaleWhileRevalidate, config.RefreshAhead = time.Minute, 0.5
	return config
}

var ownAge = 100 * time.Second

func TestRefreshBehindAnAnswer(t *testing.T) {
	steps := []struct {
		name   string
		asleep bool
		after  time.Duration
		opt    Options
		text   string
		state  string
		calls  int // so far, once what runs behind is done
	}{
		{"first read", false, 0, age(ownAge), "a v1", "miss", 1},
		{"young", false, ownAge/2 - 1, age(ownAge), "a v1", "hit", 1},
		{"half its age: refreshed behind the answer", false, 1, age(ownAge), "a v1", "hit", 2},
		{"and new for the next", false, 0, age(ownAge), "a v2", "hit", 2},
		{"half its age, but asleep", true, ownAge / 2, age(ownAge), "a v2", "hit", 2},
		{"too old: a caller's own limit is exact", false, ownAge / 2, age(ownAge), "a v3", "refreshed", 3},
		{"too old for a setting: answered at once", false, ownAge, Options{MaxAge: &ownAge, StaleOK: true}, "a v3", "stale", 4},
		{"and new for the next", false, 0, Options{MaxAge: &ownAge, StaleOK: true}, "a v4", "hit", 4},
		{"too old by a minute: not any more", false, ownAge + time.Minute, Options{MaxAge: &ownAge, StaleOK: true}, "a v5", "refreshed", 5},
		{"too old, but asleep", true, ownAge + time.Second, Options{MaxAge: &ownAge, StaleOK: true}, "a v6", "refreshed", 6},
		{"too old for the default", false, 301 * time.Second, Options{}, "a v6", "stale", 7},
		{"too old for the default by a minute", false, 361 * time.Second, Options{}, "a v8", "refreshed", 8},
		{"not to be stored: not answered from what is there", false, time.Second, Options{MaxAge: new(time.Duration), StaleOK: true}, "a v9", "refreshed", 9},
		{"forced is fetched", false, 301 * time.Second, Options{Force: true}, "a v10", "refreshed", 10},
		{"compared is fetched", false, 301 * time.Second, Options{IfVersion: "10"}, "a v11", "refreshed", 11},
		{"compared with another version", false, 301 * time.Second, Options{IfVersion: "1"}, "a v11", "stale", 12},
	}
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{answer: numbered}
		c := newTest(u, lively())
		for _, step := range steps {
			t.Log(step.name)
			c.Awake(!step.asleep)
			time.Sleep(step.after)
			began := time.Now()
			res := want(t, c, ssmRef("a"), step.opt, step.text, step.state)
			if took := time.Since(began); took != 0 && (res.State == Hit || res.State == Stale) {
				t.Errorf("took %v, want an answer at once", took)
			}
			if res.Err != nil {
				t.Errorf("error %v", res.Err)
			}
			synctest.Wait()
			if u.count() != step.calls {
				t.Errorf("%d calls, want %d", u.count(), step.calls)
			}
		}
	})
}

func numbered(ref Ref, call int) Value {
	v := cloud(ref, call)
	v.Text = Secret(ref.Name + " " + v.Text.Reveal())
	return v
}

// A new Cache does nothing behind an answer until it is told of an invocation.
func TestNotAwakeAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := newTest(u, lively())
		want(t, c, ssmRef("a"), Options{}, "v1", "miss")
		time.Sleep(250 * time.Second)
		want(t, c, ssmRef("a"), Options{}, "v1", "hit")
		synctest.Wait()
		if u.count() != 1 {
			t.Errorf("%d calls", u.count())
		}
	})
}

// However many read an aging value, one refresh runs.
func TestOneRefreshBehindManyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{took: time.Second}
		c := newTest(u, lively())
		c.Awake(true)
		want(t, c, ssmRef("a"), Options{}, "v1", "miss")
		time.Sleep(301 * time.Second)
		var readers sync.WaitGroup
		for range 50 {
			readers.Go(func() { want(t, c, ssmRef("a"), Options{}, "v1", "stale") })
		}
		readers.Wait()
		want(t, c, ssmRef("a"), age(time.Second), "v2", "coalesced") // joins what runs behind
		if u.count() != 2 {
			t.Errorf("%d calls, want 2", u.count())
		}
		if got := c.Take(); got.Stale != 50 || got.Misses != 1 || got.Coalesced != 1 || got.UpstreamCalls != 2 {
			t.Errorf("counted %+v", got)
		}
	})
}

// A refresh that fails behind an answer is not the reader's matter; the next
// one is held back a moment, and what the service has disowned is not served.
func TestRefreshBehindFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := newTest(u, lively())
		c.Awake(true)
		want(t, c, ssmRef("a"), Options{}, "v1", "miss")
		u.fail(failing(KindThrottled))
		time.Sleep(301 * time.Second)
		want(t, c, ssmRef("a"), Options{}, "v1", "stale")
		synctest.Wait()
		for range 10 {
			res := want(t, c, ssmRef("a"), Options{}, "v1", "stale")
			if res.Err == nil {
				t.Error("the answer does not know that the refresh failed")
			}
		}
		synctest.Wait()
		if u.count() != 2 {
			t.Errorf("%d calls, want 2: the failure is remembered", u.count())
		}
		time.Sleep(time.Second)
		u.fail(failing(KindNotFound))
		want(t, c, ssmRef("a"), Options{}, "v1", "stale")
		synctest.Wait()
		want(t, c, ssmRef("a"), Options{}, "", "not found")
		time.Sleep(5 * time.Second)
		want(t, c, ssmRef("a"), Options{}, "", "not found") // and asks again, in front of the answer
		if u.count() != 4 {
			t.Errorf("%d calls, want 4", u.count())
		}
	})
}

// frozen is a cache whose wall clock the test moves.
type frozen struct {
	*Cache
	mu  sync.Mutex
	now time.Time
}

func newFrozen(p Provider, config Config) *frozen {
	f := &frozen{now: time.Now()}
	config.Now = func() time.Time {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.now
	}
	f.Cache = newTest(p, config)
	return f
}

func (f *frozen) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// The invocation ends and the sandbox stops while a refresh is on its way
// behind an answer. The wall clock goes on, the monotonic one does not.
func TestRefreshInterruptedByAFreeze(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error // of the interrupted refresh
		text  string
		state string
	}{
		"it fails":             {failing(KindUnreachable), "v3", "refreshed"},
		"it says not found":    {failing(KindNotFound), "v3", "refreshed"}, // hours ago
		"its answer comes now": {nil, "v3", "refreshed"},                   // as old as its question
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{took: 2 * time.Second}
				c := newFrozen(u, lively())
				c.Awake(true)
				want(t, c.Cache, ssmRef("a"), Options{}, "v1", "miss")
				c.pass(200 * time.Second)
				want(t, c.Cache, ssmRef("a"), Options{}, "v1", "hit") // refreshes behind
				synctest.Wait()
				c.Awake(false)
				u.fail(tc.err)
				c.pass(3 * time.Hour)

				// After the thaw a read comes before the refresh has ended: it
				// does not join what was asked hours ago.
				c.Awake(true)
				u.slow(time.Millisecond)
				u.fail(nil)
				want(t, c.Cache, ssmRef("a"), Options{}, tc.text, tc.state)
				time.Sleep(3 * time.Second)
				want(t, c.Cache, ssmRef("a"), Options{}, "v3", "hit")
				if u.count() != 3 {
					t.Errorf("%d calls, want 3", u.count())
				}
			})
		})
	}
}

// Here the refresh ends before the next read.
func TestFailureOfAnInterruptedRefreshIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{took: 2 * time.Second}
		c := newFrozen(u, lively())
		c.Awake(true)
		want(t, c.Cache, ssmRef("a"), Options{}, "v1", "miss")
		c.pass(200 * time.Second)
		u.fail(failing(KindUnreachable))
		want(t, c.Cache, ssmRef("a"), Options{}, "v1", "hit")
		synctest.Wait()
		c.Awake(false)
		c.pass(48 * time.Hour) // beyond stale-if-error
		time.Sleep(3 * time.Second)
		c.Awake(true)
		u.fail(nil)
		want(t, c.Cache, ssmRef("a"), Options{}, "v3", "refreshed")
	})
}

// A read can be faster than the INVOKE event of its own invocation. It is
// answered as soon as that is there, not when the upstream is.
func TestReadBeforeItsInvoke(t *testing.T) {
	for name, tc := range map[string]struct {
		opt   Options
		state string
		text  string
		after time.Duration
	}{
		"too old, and a setting allows it": {Options{}, "stale", "v1", time.Millisecond},
		"too old for a limit of its own":   {age(ownAge), "refreshed", "v2", time.Second},
		"forced":                           {Options{Force: true}, "refreshed", "v2", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{}
				c := newTest(u, lively())
				want(t, c, ssmRef("a"), Options{}, "v1", "miss")
				u.slow(time.Second)
				time.Sleep(301 * time.Second)
				time.AfterFunc(time.Millisecond, func() { c.Awake(true) })
				began := time.Now()
				want(t, c, ssmRef("a"), tc.opt, tc.text, tc.state)
				if took := time.Since(began); took != tc.after {
					t.Errorf("answered after %v, want %v", took, tc.after)
				}
				time.Sleep(time.Second)
				want(t, c, ssmRef("a"), Options{}, "v2", "hit")
				if u.count() != 2 {
					t.Errorf("%d calls, want 2", u.count())
				}
			})
		})
	}
}

// Nobody waits for a fetch until the function's own time-out, whether the
// deadline is known when the read begins or only a moment later, because its
// INVOKE event is read later.
func TestWaitEndsBeforeTheDeadline(t *testing.T) {
	for name, tc := range map[string]struct {
		before time.Duration // deadline of the invocation before; 0: that is over
		known  time.Duration // when the deadline is known
	}{
		"known":                             {0, 0},
		"known later":                       {0, 5 * time.Millisecond},
		"in place of an early one":          {300 * time.Millisecond, 5 * time.Millisecond},
		"in place of one in no time":        {answerMargin + time.Millisecond, 5 * time.Millisecond},
		"in place of one that is over soon": {answerMargin / 2, 5 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{took: time.Minute}
				config := lively()
				config.Timeout = time.Second
				began := time.Now()
				config.Deadline = func() time.Time {
					switch {
					case time.Since(began) >= tc.known:
						return began.Add(time.Second)
					case tc.before > 0:
						return began.Add(tc.before)
					}
					return time.Time{}
				}
				c := newTest(u, config)
				c.Awake(tc.before > 0)
				time.AfterFunc(tc.known, func() { c.Awake(true) })
				want(t, c, ssmRef("a"), Options{}, "", "timeout")
				limit := time.Second - answerMargin
				if tc.before == answerMargin/2 {
					limit = config.Timeout // nobody looks again
				}
				if took := time.Since(began); took != limit {
					t.Errorf("answered after %v, want %v", took, limit)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// The fetch that nobody waited for goes on, and its value is there for the next.
func TestAbandonedFetchGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{took: 10 * time.Second}
		config := lively()
		config.Timeout = time.Minute
		deadline := time.Now().Add(time.Second)
		config.Deadline = func() time.Time { return deadline }
		c := newTest(u, config)
		want(t, c, ssmRef("a"), Options{}, "", "timeout")
		time.Sleep(10 * time.Second)
		want(t, c, ssmRef("a"), Options{}, "v1", "hit")
	})
}
