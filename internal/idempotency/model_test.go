package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/memstore"
	"powertools-extension/internal/jmes"
)

func expression(t testing.TB, text string) *jmes.Expression {
	t.Helper()
	if text == "" {
		return nil
	}
	e, err := jmes.Compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

func parse(t testing.TB, text string) jmes.Value {
	t.Helper()
	v, err := jmes.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func engine(s idempotency.Store, change func(*idempotency.Options)) *idempotency.Engine {
	opt := idempotency.Options{Prefix: "fn", Format: idempotency.Python, ExpiresAfter: time.Hour}
	if change != nil {
		change(&opt)
	}
	return idempotency.New(s, opt)
}

func kindOf(err error) idempotency.Kind {
	if e, ok := errors.AsType[*idempotency.Error](err); ok {
		return e.Kind
	}
	return ""
}

func TestLifeOfARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, s := t.Context(), &memstore.Store{MaxData: 100}
		e := engine(s, nil)
		req := idempotency.Request{Event: parse(t, `{"id":1}`), Deadline: time.Now().Add(30 * time.Second)}

		x, r, err := e.Begin(ctx, req)
		if x == nil || r != nil || err != nil {
			t.Fatalf("first: %v %v %v", x, r, err)
		}
		_, _, err = e.Begin(ctx, req)
		if refused, ok := errors.AsType[*idempotency.Error](err); !ok || refused.Kind != idempotency.Running || refused.RetryAfter != 30*time.Second {
			t.Fatalf("while it runs: %v", err)
		}
		if why, err := e.Complete(ctx, x, idempotency.Result{Body: []byte(`{"ok": 1.0}`)}); why != "" || err != nil {
			t.Fatal(why, err)
		}
		_, r, err = e.Begin(ctx, req)
		if err != nil || r == nil || string(r.Data) != `{"ok": 1.0}` {
			t.Fatalf("replay: %v %v", r, err)
		}
		if s.Calls() != 4 {
			t.Errorf("%d calls for two runs of one key and one replay, want 4", s.Calls())
		}
		time.Sleep(time.Hour + 2*time.Second)
		if x, _, err = e.Begin(ctx, req); x == nil || err != nil {
			t.Fatalf("after its life: %v %v", x, err)
		}
		if err := e.Fail(ctx, x); err != nil {
			t.Fatal(err)
		}
		if x, _, err = e.Begin(ctx, req); x == nil || err != nil {
			t.Fatalf("after a failure: %v %v", x, err)
		}
	})
}

// TestOvertaken: an execution whose time had passed writes nothing over the
// one that took over.
func TestOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, s := t.Context(), &memstore.Store{MaxData: 100}
		e := engine(s, nil)
		req := func() idempotency.Request {
			return idempotency.Request{Event: parse(t, `7`), Deadline: time.Now().Add(3 * time.Second)}
		}
		slow, _, err := e.Begin(ctx, req())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		second, _, err := e.Begin(ctx, req())
		if err != nil || second == nil {
			t.Fatalf("the record did not free itself: %v", err)
		}
		if _, err := e.Complete(ctx, slow, idempotency.Result{Body: []byte(`"old"`)}); !errors.Is(err, idempotency.ErrLost) {
			t.Errorf("the one that was overtaken completes: %v", err)
		}
		if err := e.Fail(ctx, slow); !errors.Is(err, idempotency.ErrLost) {
			t.Errorf("the one that was overtaken frees the key: %v", err)
		}
		if _, err := e.Complete(ctx, second, idempotency.Result{Body: []byte(`"new"`)}); err != nil {
			t.Error(err)
		}
		_, r, err := e.Begin(ctx, req())
		if err != nil || string(r.Data) != `"new"` {
			t.Errorf("replayed %v, %v", r, err)
		}
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, s := t.Context(), &memstore.Store{MaxData: 100}
		e := engine(s, func(o *idempotency.Options) { o.Wait = 2 * time.Second })
		req := idempotency.Request{Event: parse(t, `1`), Deadline: time.Now().Add(30 * time.Second)}
		first, _, err := e.Begin(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(1200 * time.Millisecond)
			_, _ = e.Complete(ctx, first, idempotency.Result{Body: []byte(`"done"`)})
		}()
		_, r, err := e.Begin(ctx, req)
		if err != nil || r == nil || string(r.Data) != `"done"` {
			t.Errorf("waited for %v, %v", r, err)
		}
		// Another key whose run never ends: refused when the wait ends, and
		// not later than a second before the deadline.
		req.Event = parse(t, `2`)
		if _, _, err := e.Begin(ctx, req); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		req.Deadline = began.Add(1500 * time.Millisecond)
		if _, _, err := e.Begin(ctx, req); kindOf(err) != idempotency.Running || time.Since(began) > 500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestWhatCannotBeStored(t *testing.T) {
	big := make([]byte, 200)
	for i := range big {
		big[i] = '1'
	}
	for _, c := range []struct {
		name string
		res  idempotency.Result
		why  string
	}{
		{"too large", idempotency.Result{Body: big}, "too_large"},
		{"streamed", idempotency.Result{NotStorable: "streamed"}, "streamed"},
	} {
		for _, free := range []bool{false, true} {
			s := &memstore.Store{MaxData: 100}
			e := engine(s, func(o *idempotency.Options) { o.Free = free })
			req := idempotency.Request{Event: parse(t, `1`)}
			x, _, err := e.Begin(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if why, err := e.Complete(t.Context(), x, c.res); why != c.why || err != nil {
				t.Errorf("%s: %q, %v", c.name, why, err)
			}
			x, r, err := e.Begin(t.Context(), req)
			switch {
			case free && (x == nil || err != nil):
				t.Errorf("%s, free: %v %v %v", c.name, x, r, err)
			case !free && (kindOf(err) != idempotency.NotReplayable || x != nil):
				t.Errorf("%s, kept: %v %v %v, want not replayable", c.name, x, r, err)
			}
		}
	}
}

func TestJudgements(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		name       string
		old        idempotency.Record
		validation string
		want       idempotency.Kind // "": replayed; "run": runs in the end
	}{
		{"completed", idempotency.Record{Status: idempotency.Completed, Expiration: now.Unix(), Data: []byte(`1`)}, "", ""},
		{"completed, expires this second", idempotency.Record{Status: idempotency.Completed, Expiration: now.Unix() - 1}, "", idempotency.Inconsistent},
		{"another payload", idempotency.Record{Status: idempotency.Completed, Expiration: now.Unix() + 9, Validation: "x"}, "amount", idempotency.Different},
		{"another payload, running", idempotency.Record{Status: idempotency.InProgress, Expiration: now.Unix() + 9, Validation: "x"}, "amount", idempotency.Different},
		{"another payload, but free by now", idempotency.Record{Status: idempotency.InProgress, Expiration: now.Unix() - 9, Validation: "x"}, "amount", idempotency.Inconsistent},
		{"running", idempotency.Record{Status: idempotency.InProgress, Expiration: now.Unix() + 9}, "", idempotency.Running},
		{"running, its time has passed", idempotency.Record{Status: idempotency.InProgress, Expiration: now.Unix() + 9, InProgress: now.UnixMilli() - 1}, "", idempotency.Inconsistent},
		{"unknown status", idempotency.Record{Status: "EXPIRED", Expiration: now.Unix() + 9}, "", idempotency.Inconsistent},
		{"no status", idempotency.Record{Expiration: now.Unix() + 9}, "", idempotency.Inconsistent},
		{"no expiration", idempotency.Record{Status: idempotency.Completed}, "", idempotency.Inconsistent},
	} {
		s := &stubborn{old: c.old}
		e := engine(s, func(o *idempotency.Options) {
			o.Now = func() time.Time { return now }
			o.Validation = expression(t, c.validation)
		})
		x, r, err := e.Begin(t.Context(), idempotency.Request{Event: parse(t, `{"amount":1}`)})
		if x != nil || kindOf(err) != c.want || (r != nil) != (c.want == "") {
			t.Errorf("%s: %v %v %v, want %q", c.name, x, r, err, c.want)
		}
		if c.want == idempotency.Inconsistent && s.calls != 3 {
			t.Errorf("%s: %d tries, want 3", c.name, s.calls)
		}
	}
}

// stubborn refuses every create with the same record.
type stubborn struct {
	memstore.Store
	calls int
	old   idempotency.Record
}

func (s *stubborn) Create(context.Context, *idempotency.Record, time.Time) error {
	s.calls++
	return &idempotency.BlockedError{Old: &s.old}
}

func TestLostAnswerOfACreate(t *testing.T) {
	s := &memstore.Store{MaxData: 100}
	s.Lose = 1
	if x, _, err := engine(s, nil).Begin(t.Context(), idempotency.Request{Event: parse(t, `1`)}); x == nil || err != nil {
		t.Errorf("a create that was written and not answered: %v, %v", x, err)
	}
}

func TestStoreFails(t *testing.T) {
	s := &memstore.Store{MaxData: 100}
	e := engine(s, nil)
	x, _, err := e.Begin(t.Context(), idempotency.Request{Event: parse(t, `1`)})
	if err != nil {
		t.Fatal(err)
	}
	s.Fail = errors.New("down")
	_, err2 := e.Complete(t.Context(), x, idempotency.Result{Body: []byte(`1`)})
	_, _, err3 := e.Begin(t.Context(), idempotency.Request{Event: parse(t, `2`)})
	for i, err := range []error{e.Fail(t.Context(), x), err2, err3} {
		if kindOf(err) != idempotency.Persistence || !errors.Is(err, s.Fail) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestLocalCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memstore.Store{MaxData: 100}
		e := engine(s, func(o *idempotency.Options) { o.LocalCache = 2 })
		for i := range 3 {
			x, _, err := e.Begin(t.Context(), idempotency.Request{Event: parse(t, fmt.Sprint(i+1))})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Complete(t.Context(), x, idempotency.Result{Body: []byte(`1`)}); err != nil {
				t.Fatal(err)
			}
		}
		calls := func(id string) int {
			before := s.Calls()
			if _, r, err := e.Begin(t.Context(), idempotency.Request{Event: parse(t, id)}); r == nil || err != nil {
				t.Fatal(r, err)
			}
			return s.Calls() - before
		}
		if a, b, c := calls("3"), calls("2"), calls("1"); a != 0 || b != 0 || c != 1 {
			t.Errorf("calls %d %d %d, want 0 0 1", a, b, c)
		}
		e.Forget()
		if calls("3") != 1 {
			t.Error("the cache survived Forget")
		}
		time.Sleep(2 * time.Hour)
		if x, _, err := e.Begin(t.Context(), idempotency.Request{Event: parse(t, `3`)}); x == nil || err != nil {
			t.Errorf("an expired record is replayed: %v", err)
		}
	})
}

// TestModel runs random interleavings of two workers' begins, completes,
// failures, kills and waits for expiry on one key, and holds them to two
// promises: no two executions inside one life of a record may both count, and
// an answer that was given is the answer that is replayed.
func TestModel(t *testing.T) {
	for seed := range uint64(3000) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			s := &memstore.Store{MaxData: 100}
			s.Silent = seed%3 == 0
			type worker struct {
				e *idempotency.Engine
				x *idempotency.Execution
			}
			workers := []*worker{{e: engine(s, nil)}, {e: engine(s, nil)}, {e: engine(s, func(o *idempotency.Options) { o.LocalCache = 4 })}}
			answer, answered := "", time.Time{} // what a caller was told last, and when
			for step := range 40 {
				w := workers[rng.IntN(len(workers))]
				switch action := rng.IntN(10); {
				case w.x == nil && action < 6:
					x, r, err := w.e.Begin(t.Context(), idempotency.Request{Event: parse(t, `1`), Deadline: time.Now().Add(3 * time.Second)})
					alive := answer != "" && time.Since(answered) < time.Hour
					switch {
					case x != nil && alive:
						t.Fatalf("seed %d, step %d: runs again inside the life of answer %s", seed, step, answer)
					case r != nil && string(r.Data) != answer:
						t.Fatalf("seed %d, step %d: replays %s, the caller was told %s", seed, step, r.Data, answer)
					case err != nil && kindOf(err) != idempotency.Running:
						t.Fatalf("seed %d, step %d: %v", seed, step, err)
					}
					w.x = x
				case w.x != nil && action < 4:
					body := fmt.Sprintf(`"%d"`, step)
					switch _, err := w.e.Complete(t.Context(), w.x, idempotency.Result{Body: []byte(body)}); {
					case err == nil:
						if answer != "" && time.Since(answered) < time.Hour {
							t.Fatalf("seed %d, step %d: a second answer inside one life", seed, step)
						}
						answer, answered = body, time.Now()
					case !errors.Is(err, idempotency.ErrLost):
						t.Fatalf("seed %d, step %d: %v", seed, step, err)
					}
					w.x = nil
				case w.x != nil && action < 6:
					if err := w.e.Fail(t.Context(), w.x); err != nil && !errors.Is(err, idempotency.ErrLost) {
						t.Fatalf("seed %d, step %d: %v", seed, step, err)
					}
					w.x = nil
				case w.x != nil && action == 6:
					w.x = nil // killed: nobody writes
				case action == 7:
					time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
				case action == 8:
					time.Sleep(time.Duration(rng.IntN(90)) * time.Minute)
				}
			}
		})
	}
}

// TestClockJumps: by its owner a record stays who began it, whatever the clock
// says when it is completed.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{-time.Hour, time.Hour, -400 * 24 * time.Hour} {
		now := time.Unix(1_700_000_000, 0)
		s := &memstore.Store{}
		e := engine(s, func(o *idempotency.Options) { o.Now = func() time.Time { return now } })
		req := idempotency.Request{Event: parse(t, `1`), Deadline: now.Add(time.Minute)}
		x, _, err := e.Begin(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(jump)
		if _, err := e.Complete(t.Context(), x, idempotency.Result{Body: []byte(`1`)}); err != nil {
			t.Errorf("jump by %v: %v", jump, err)
		}
		if _, r, err := e.Begin(t.Context(), req); r == nil || err != nil {
			t.Errorf("jump by %v: %v %v", jump, r, err)
		}
	}
}

// TestWaitsUpTo: the last look is at the end of the wait, and not a pause
// before it.
func TestWaitsUpTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memstore.Store{}
		e := engine(s, func(o *idempotency.Options) { o.Wait = 2 * time.Second })
		req := idempotency.Request{Event: parse(t, `1`), Deadline: time.Now().Add(30 * time.Second)}
		first, _, err := e.Begin(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(1990 * time.Millisecond)
			_, _ = e.Complete(t.Context(), first, idempotency.Result{Body: []byte(`"late"`)})
		}()
		if _, r, err := e.Begin(t.Context(), req); r == nil || err != nil {
			t.Errorf("done 10 ms before the wait ends: %v, %v", r, err)
		}
	})
}
