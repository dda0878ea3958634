package paramcache

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// storm reads 50 names by readers side by side, each in an order of its own,
// and counts the answers by state.
func storm(t *testing.T, c *Cache, crowd int, seed uint64) map[State]int {
	t.Helper()
	states := map[State]int{}
	var mu sync.Mutex
	var readers sync.WaitGroup
	for reader := range crowd {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(reader)))
			for _, i := range random.Perm(50) {
				name := fmt.Sprintf("/storm/%d", i)
				res, err := c.Get(t.Context(), ssmRef(name), Options{})
				if err != nil || !strings.HasPrefix(res.Value.Text.Reveal(), name+" v") {
					t.Errorf("%s: %q, %v", name, res.Value.Text.Reveal(), err)
				}
				mu.Lock()
				states[res.State]++
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	return states
}

// names counts how often each name was asked for upstream.
func names(calls []string) map[string]int {
	asked := map[string]int{}
	for _, call := range calls {
		for _, name := range strings.Fields(call) {
			asked[name]++
		}
	}
	return asked
}

// 200 readers of 50 names over an upstream that answers 40 calls a second and
// throttles beyond: each name is asked for once, in few calls, and no reader
// sees an error where an older value could serve.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{took: 15 * time.Millisecond, perSecond: 40}
		c := newTest(s, roomy())
		c.Awake(true)

		states := storm(t, c, 200, 1)
		calls := s.taken()
		asked := names(calls)
		for name, n := range asked {
			if n != 1 {
				t.Errorf("%s was asked for %d times", name, n)
			}
		}
		if len(asked) != 50 || len(calls) > 25 || s.refused != 0 {
			t.Errorf("cold: %d names in %d calls, %d refused", len(asked), len(calls), s.refused)
		}
		t.Logf("cold: %d reads %v, %d names in %d calls, %d refused", 200*50, states, len(asked), len(calls), s.refused)

		// All have become too old, and the upstream throttles everything: the
		// old values serve.
		s.change(func() { s.perSecond, s.err = 0, failing(KindThrottled) })
		time.Sleep(400 * time.Second)
		states = storm(t, c, 200, 2)
		calls = s.taken()
		if states[Stale] != 200*50 || len(calls) > 25 {
			t.Errorf("throttled: %v in %d calls", states, len(calls))
		}
		for name, n := range names(calls) {
			if n != 1 {
				t.Errorf("%s was asked for %d times within a second", name, n)
			}
		}
		t.Logf("throttled: %d reads %v, %d calls", 200*50, states, len(calls))

		s.change(func() { s.perSecond, s.err, s.version = 40, nil, nil })
		time.Sleep(2 * time.Second)
		states = storm(t, c, 200, 3)
		calls = s.taken()
		if states[Stale] != 0 || len(calls) > 25 || s.refused != 0 {
			t.Errorf("recovered: %v in %d calls, %d refused", states, len(calls), s.refused)
		}
		t.Logf("recovered: %d reads %v, %d calls, %d refused", 200*50, states, len(calls), s.refused)
	})
}

// An hour of storms, one a minute, with every way to stay fresh, over an
// upstream that may not batch and allows less than it would need at once.
func TestStormForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{took: 15 * time.Millisecond, perSecond: 40}
		config := roomy()
		config.StaleWhileRevalidate, config.RefreshAhead = time.Minute, 0.8
		c := newTest(s, config)
		c.Awake(true)
		states, calls := map[State]int{}, 0
		for minute := range 60 {
			if minute == 1 {
				s.alone = true // the batches' permission is gone
			}
			for state, n := range storm(t, c, 20, uint64(minute)) {
				states[state] += n
			}
			time.Sleep(time.Minute)
			calls += len(s.taken())
		}
		// A name lives for 5 minutes, so it needs about 15 calls in the hour.
		if calls > 50*20 {
			t.Errorf("%d calls upstream", calls)
		}
		if got := c.Take(); got.Errors != 0 {
			t.Errorf("%d errors", got.Errors)
		}
		t.Logf("%d reads %v, %d calls, %d refused", 60*20*50, states, calls, s.refused)
	})
}
