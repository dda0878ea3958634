package watch_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/watch"
	"powertools-extension/internal/invocation"
)

// rig is a watch beside a tracker in which requests a and b run.
type rig struct {
	*watch.Watch
	tracker *invocation.Tracker
	logs    *observer.ObservedLogs
}

func newRig(free bool) *rig {
	core, logs := observer.New(zapcore.DebugLevel)
	tracker := invocation.New(invocation.Options{})
	for _, id := range []string{"a", "b"} {
		tracker.Delivered(invocation.Delivery{RequestID: id, At: time.Now()})
	}
	w := watch.New(watch.Options{Log: zap.New(core), Attempt: tracker.Passing, Reason: func(err error) string { return err.Error()[:9] }, Free: free})
	return &rig{w, tracker, logs}
}

func (r *rig) tally(id string) *idempotency.Tally { return r.Take(r.tracker.Passing(id)) }

// TestTally: what a user reads of an invocation, whatever its requests were.
func TestTally(t *testing.T) {
	of := func(what idempotency.What, key string) idempotency.Fact {
		return idempotency.Fact{What: what, Invocation: "a", Key: key, Store: time.Millisecond}
	}
	for _, c := range []struct {
		name  string
		facts []idempotency.Fact
		want  idempotency.Tally
	}{
		{"a run", []idempotency.Fact{of(idempotency.Ran, "k"), of(idempotency.Stored, "k")}, idempotency.Tally{State: "run", Key: "k", Store: 2 * time.Millisecond}},
		{"a run that failed", []idempotency.Fact{of(idempotency.Ran, "k"), of(idempotency.Freed, "k")}, idempotency.Tally{State: "run", Key: "k", Store: 2 * time.Millisecond}},
		{"a replay", []idempotency.Fact{of(idempotency.Replayed, "k")}, idempotency.Tally{State: "replayed", Key: "k", Store: time.Millisecond, Replays: 1}},
		{"blocked", []idempotency.Fact{of(idempotency.Blocked, "k")}, idempotency.Tally{State: "in_progress", Key: "k", Store: time.Millisecond, InProgress: 1}},
		{"no key", []idempotency.Fact{of(idempotency.Skipped, "")}, idempotency.Tally{State: "skipped", Store: time.Millisecond, Skipped: 1}},
		{"refused", []idempotency.Fact{of(idempotency.Refused, "k")}, idempotency.Tally{State: "error", Key: "k", Store: time.Millisecond, Errors: 1}},
		{"bypassed", []idempotency.Fact{of(idempotency.Bypassed, "k")}, idempotency.Tally{State: "error", Key: "k", Store: time.Millisecond, Bypassed: 1}},
		{"the answer is lost", []idempotency.Fact{of(idempotency.Ran, "k"), of(idempotency.Failed, "k")}, idempotency.Tally{State: "error", Key: "k", Store: 2 * time.Millisecond, Errors: 1}},
		{"overtaken", []idempotency.Fact{of(idempotency.Ran, "k"), of(idempotency.Lost, "k")}, idempotency.Tally{State: "run", Key: "k", Store: 2 * time.Millisecond, Lost: 1}},
		{"not stored", []idempotency.Fact{of(idempotency.Ran, "k"), of(idempotency.NotStored, "k")}, idempotency.Tally{State: "run", Key: "k", Store: 2 * time.Millisecond, NotStored: 1}},
		{"not freed", []idempotency.Fact{of(idempotency.Ran, "k"), of(idempotency.NotFreed, "k")}, idempotency.Tally{State: "run", Key: "k", Store: 2 * time.Millisecond, Errors: 1}},
		{"three replays of one key", []idempotency.Fact{of(idempotency.Replayed, "k"), of(idempotency.Replayed, "k"), of(idempotency.Replayed, "k")}, idempotency.Tally{State: "replayed", Key: "k", Store: 3 * time.Millisecond, Replays: 3}},
		{"two runs", []idempotency.Fact{of(idempotency.Ran, "k"), of(idempotency.Ran, "l")}, idempotency.Tally{State: "run", Store: 2 * time.Millisecond}},
		{"a run and a replay", []idempotency.Fact{of(idempotency.Ran, "k"), of(idempotency.Replayed, "k")}, idempotency.Tally{Key: "k", Store: 2 * time.Millisecond, Replays: 1}},
		{"a run, a replay, a run", []idempotency.Fact{of(idempotency.Ran, "k"), of(idempotency.Replayed, "k"), of(idempotency.Ran, "k")}, idempotency.Tally{Key: "k", Store: 3 * time.Millisecond, Replays: 1}},
		{"two runs, one answer is lost", []idempotency.Fact{of(idempotency.Ran, "k"), of(idempotency.Ran, "l"), of(idempotency.Failed, "k")}, idempotency.Tally{Store: 3 * time.Millisecond, Errors: 1}},
	} {
		r := newRig(false)
		for _, f := range c.facts {
			r.Observe(f)
		}
		r.Observe(idempotency.Fact{What: idempotency.Replayed, Invocation: "b"}) // another invocation's
		r.Observe(idempotency.Fact{What: idempotency.Replayed, Invocation: "gone"})
		got := r.tally("a")
		if diff := cmp.Diff(&c.want, got, cmpopts.IgnoreUnexported(idempotency.Tally{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if again := r.tally("a"); again != nil {
			t.Errorf("%s: taken twice: %+v", c.name, again)
		}
	}
}

// TestRecordsOfABatchCountForTheirRequest, under the ids that they have.
func TestRecordsOfABatchCountForTheirRequest(t *testing.T) {
	r := newRig(false)
	for i := range 3 {
		r.Observe(idempotency.Fact{What: idempotency.Replayed, Invocation: fmt.Sprint("a-", i), Key: "k"})
	}
	if got := r.tally("a"); got == nil || got.Replays != 3 {
		t.Errorf("%+v", got)
	}
}

// TestSays: what somebody must look at, once for each reason; a caller's own
// mistakes are not among it.
func TestSays(t *testing.T) {
	store := func(text string) error {
		return &idempotency.Error{Kind: idempotency.Persistence, Err: errors.New(text)}
	}
	r := newRig(false)
	reason := func(text string) error { return store(text) }
	for range 3 {
		for _, f := range []idempotency.Fact{
			{What: idempotency.Ran}, {What: idempotency.Stored}, {What: idempotency.Replayed}, {What: idempotency.Blocked}, {What: idempotency.Skipped}, {What: idempotency.Freed},
			{What: idempotency.Refused, Err: &idempotency.Error{Kind: idempotency.Different}},
			{What: idempotency.Refused, Err: &idempotency.Error{Kind: idempotency.KeyMissing}},
			{What: idempotency.Refused, Err: reason("denied")},
			{What: idempotency.Bypassed, Err: reason("denied")},
			{What: idempotency.Failed, Err: reason("denied")},
			{What: idempotency.NotFreed, Err: reason("denied")},
			{What: idempotency.NotStored, Why: "too_large"}, {What: idempotency.NotStored, Why: "streamed"},
			{What: idempotency.OddKey},
			{What: idempotency.Lost, Key: "k"},
		} {
			r.Observe(f)
		}
	}
	got := map[string]int{}
	for _, e := range r.logs.All() {
		got[e.Level.String()+" "+e.Message]++
	}
	want := map[string]int{
		"error the store of records fails: requests are refused":                                                               1,
		"error the store of records fails: an answer could not be stored":                                                      1,
		"warn the store of records fails: requests run without a record":                                                       1,
		"warn the store of records fails: the key of a request that failed is blocked until its record expires":                1,
		"warn an answer cannot be stored: a repeat is refused, and not run again":                                              2,
		"warn the key of a request is empty, and used all the same: all requests without one share a record":                   1,
		"warn an execution ran past its time and another one has taken over its record: it wrote nothing, its answer went out": 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
	r = newRig(true)
	r.Observe(idempotency.Fact{What: idempotency.NotStored, Why: "streamed"})
	if all := r.logs.All(); len(all) != 1 || all[0].Message != "an answer cannot be stored: a repeat runs again" {
		t.Errorf("%v", all)
	}
}

// TestBounded: reasons and invocations without end take no memory without end,
// and many at once do not disturb each other.
func TestBounded(t *testing.T) {
	r := newRig(false)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range 1000 {
				id := fmt.Sprint("x", i, "-", n)
				r.tracker.Delivered(invocation.Delivery{RequestID: id, At: time.Now()})
				r.Observe(idempotency.Fact{What: idempotency.Bypassed, Invocation: id, Err: &idempotency.Error{Kind: idempotency.Persistence, Msg: id}})
			}
		}()
	}
	wg.Wait()
	if n := r.logs.Len(); n > 100 {
		t.Errorf("%d lines", n)
	}
}
