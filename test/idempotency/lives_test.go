package idempotency

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"powertools-extension/internal/idempotency"
)

// TestLivesAcrossSides: what one side says of a record, the other acts on.
func TestLivesAcrossSides(t *testing.T) {
	both(t, func(t *testing.T, s *shared) {
		for _, format := range []idempotency.Format{idempotency.Python, idempotency.TypeScript} {
			library := newSide(t, format, s.url, s.table)
			n := 0
			fresh := func(q question) question {
				n++
				q.Prefix, q.Key = fmt.Sprint(format, n), "id"
				if q.Event == "" {
					q.Event = `{"id":"a"}`
				}
				return q
			}
			want := func(what string, r reply, ran bool, err string) {
				t.Helper()
				if r.Ran != ran || r.Error != err {
					t.Errorf("%s, %s: %+v; want ran %v, error %q", format, what, r, ran, err)
				}
			}
			sides := map[string]func(question) reply{"library": library.ask, "ours": func(q question) reply { return s.ours(q, format) }}
			for first, then := range map[string]string{"library": "ours", "ours": "library"} {
				q := fresh(question{Result: "1", Validation: "amount", Event: `{"id":"a","amount":1}`})
				want("payload", sides[first](q), true, "")
				q.Event = `{"id":"a","amount":2}`
				want("another payload, "+first+" first", sides[then](q), false, "IdempotencyValidationError")
				q.Event = `{"amount":1.0,"id":"a"}`
				if format == idempotency.TypeScript { // to JavaScript 1.0 is 1
					want("the same payload, "+first+" first", sides[then](q), false, "")
				}

				q = fresh(question{Result: "1"})
				q.Fail = true
				if r := sides[first](q); !r.Ran || r.Error == "" {
					t.Errorf("a failure: %+v", r)
				}
				q.Fail = false
				want("after a failure, "+first+" first", sides[then](q), true, "")
			}

			// Ours runs: the library is refused, until our time is over.
			q := fresh(question{Result: "1"})
			x, _, err := s.engine(q, format).Begin(t.Context(), idempotency.Request{Event: parse(t, q.Event), Deadline: time.Now().Add(1500 * time.Millisecond)})
			if x == nil || err != nil {
				t.Fatal(x, err)
			}
			want("while ours runs", library.ask(q), false, "IdempotencyAlreadyInProgressError")
			time.Sleep(1600 * time.Millisecond)
			want("after our time", library.ask(q), true, "")
			if _, err := s.engine(q, format).Complete(t.Context(), x, idempotency.Result{Body: []byte("2")}); !errors.Is(err, idempotency.ErrLost) {
				t.Errorf("%s: the library had taken over, and ours wrote: %v", format, err)
			}
			if r := s.ours(q, format); r.Result != "1" {
				t.Errorf("%s: replayed %+v", format, r)
			}

			// A record of the library expires.
			q = fresh(question{Result: "1", Expires: 1})
			want("short life", library.ask(q), true, "")
			want("inside it", s.ours(q, format), false, "")
			time.Sleep(2100 * time.Millisecond)
			want("after it", s.ours(q, format), true, "")
		}
	})
}

// TestWhatATableRefuses: an answer that DynamoDB has no form for did run.
func TestWhatATableRefuses(t *testing.T) {
	both(t, func(t *testing.T, s *shared) {
		deep := ""
		for range 40 {
			deep += "["
		}
		for i, c := range []struct {
			name, body, why string
			format          idempotency.Format
		}{
			{"more than 38 digits and magnitude", `{"n":1e200}`, "not_representable", idempotency.TypeScript},
			{"the same as text", `{"n":1e200}`, "", idempotency.Python},
			{"deep", deep + `1` + string(repeat(']', 40)), "not_representable", idempotency.TypeScript},
			{"long", `"` + string(repeat('x', 350_001)) + `"`, "too_large", idempotency.Python},
			{"small numbers that take more than their digits", `[` + string(repeatText("1,", 174_000)) + `1]`, "too_large", idempotency.TypeScript},
		} {
			q := question{Event: `{"id":1}`, Key: "id", Prefix: fmt.Sprint("refused", i)}
			e := s.engine(q, c.format)
			req := idempotency.Request{Event: parse(t, q.Event), Deadline: time.Now().Add(time.Minute)}
			x, _, err := e.Begin(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			why, err := e.Complete(t.Context(), x, idempotency.Result{Body: []byte(c.body)})
			if err != nil || why != c.why && !(why == "" && t.Name() == "TestWhatATableRefuses/moto") { // moto takes what DynamoDB does not
				t.Errorf("%s: %q, %v; want %q", c.name, why, err, c.why)
			}
			_, r, err := e.Begin(t.Context(), req)
			if refused, ok := errors.AsType[*idempotency.Error](err); (why != "") != (ok && refused.Kind == idempotency.NotReplayable) || why == "" && (r == nil || err != nil) {
				t.Errorf("%s: the repeat: %v, %v", c.name, r, err)
			}
		}
	})
}

func repeat(c byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = c
	}
	return b
}

func repeatText(text string, n int) (b []byte) {
	for range n {
		b = append(b, text...)
	}
	return b
}

// TestManyAtOnce: 64 equal requests over four sandboxes are one run, and all
// others wait for its answer.
func TestManyAtOnce(t *testing.T) {
	both(t, func(t *testing.T, s *shared) {
		for round := range 3 {
			var runs atomic.Int64
			var wg sync.WaitGroup
			for range 4 {
				e := idempotency.New(store(client(s.url), idempotency.Python), idempotency.Options{Prefix: fmt.Sprint("many", round), Format: idempotency.Python, Hash: "md5",
					ExpiresAfter: time.Hour, Wait: time.Minute, Timeout: time.Minute})
				for range 16 {
					wg.Add(1)
					go func() {
						defer wg.Done()
						x, r, err := e.Begin(context.Background(), idempotency.Request{Event: parse(t, `{"order":7}`), Deadline: time.Now().Add(2 * time.Minute)})
						switch {
						case x != nil:
							runs.Add(1)
							time.Sleep(50 * time.Millisecond)
							if _, err := e.Complete(context.Background(), x, idempotency.Result{Body: []byte(`"once"`)}); err != nil {
								t.Error(err)
							}
						case err != nil || string(r.Data) != `"once"`:
							t.Errorf("%v %v", r, err)
						}
					}()
				}
			}
			wg.Wait()
			if runs.Load() != 1 {
				t.Errorf("%d runs of 64 equal requests", runs.Load())
			}
		}
	})
}

// TestRaceOfExpiry: two executions around the end of the first one's time.
// The one that lost never overwrites the other's record.
func TestRaceOfExpiry(t *testing.T) {
	url := newShared(t, emulators()["DynamoDB Local"](t)).url
	rounds := 10_000
	const workers = 16
	var lost, kept atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			e := idempotency.New(store(client(url), idempotency.Python), idempotency.Options{Prefix: fmt.Sprint("race", w), Format: idempotency.Python, Hash: "md5", ExpiresAfter: time.Hour, Timeout: time.Minute})
			for i := range rounds / workers {
				race(t, e, i, &lost, &kept)
			}
		}()
	}
	wg.Wait()
	t.Logf("%d rounds: the first lost %d and kept %d", rounds, lost.Load(), kept.Load())
	if lost.Load() == 0 || kept.Load() == 0 {
		t.Error("a race that one always wins shows nothing")
	}
}

// race has the first execution complete about when its time is over, and a
// second one try to begin from then on.
func race(t *testing.T, e *idempotency.Engine, i int, lost, kept *atomic.Int64) {
	req := idempotency.Request{Event: parse(t, fmt.Sprint(i)), InProgress: time.Duration(1+i%4) * time.Millisecond}
	first, _, err := e.Begin(context.Background(), req)
	if first == nil {
		t.Errorf("round %d: %v", i, err)
		return
	}
	done := make(chan error, 1)
	go func() {
		time.Sleep(time.Duration(i%7) * time.Millisecond)
		_, err := e.Complete(context.Background(), first, idempotency.Result{Body: []byte(`"first"`)})
		done <- err
	}()
	var second *idempotency.Execution
	var old *idempotency.Record
	for second == nil && old == nil {
		second, old, _ = e.Begin(context.Background(), idempotency.Request{Event: req.Event, InProgress: time.Minute})
	}
	answer := `"first"`
	if second != nil {
		if _, err := e.Complete(context.Background(), second, idempotency.Result{Body: []byte(`"second"`)}); err != nil {
			t.Errorf("round %d: the second: %v", i, err)
		}
		answer = `"second"`
	}
	switch err := <-done; {
	case second != nil && !errors.Is(err, idempotency.ErrLost):
		t.Errorf("round %d: both completed: %v", i, err)
	case second == nil && err != nil:
		t.Errorf("round %d: the first: %v", i, err)
	case second != nil:
		lost.Add(1)
	default:
		kept.Add(1)
	}
	if _, r, err := e.Begin(context.Background(), req); err != nil || string(r.Data) != answer {
		t.Errorf("round %d: stored %v, %v; want %s", i, r, err, answer)
	}
}
