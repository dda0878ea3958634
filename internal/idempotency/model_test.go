package idempotency

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// table is DynamoDB's side: the conditions, nothing else.
type table struct {
	mu      sync.Mutex
	records map[string]Record
	silent  bool // answers a failed condition without the old item
	calls   int
	lose    int   // this many creates are written and answered with an error
	fail    error // of every call
}

func newTable() *table { return &table{records: map[string]Record{}} }

func (s *table) Create(_ context.Context, r *Record, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.fail != nil {
		return s.fail
	}
	if old, ok := s.records[r.ID]; ok {
		free := old.Expiration < now.Unix() || old.Status == InProgress && old.InProgress != 0 && old.InProgress < now.UnixMilli()
		if !free {
			if s.silent {
				return &BlockedError{}
			}
			return &BlockedError{Old: &old}
		}
	}
	s.records[r.ID] = *r
	if s.lose > 0 {
		s.lose--
		if old := s.records[r.ID]; old.Owner == r.Owner { // the client retries, and its own record refuses it
			return &BlockedError{Old: &old}
		}
	}
	return nil
}

func (s *table) Read(_ context.Context, id string) (*Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.fail != nil {
		return nil, s.fail
	}
	r, ok := s.records[id]
	if !ok {
		return nil, nil
	}
	return &r, nil
}

func (s *table) owned(r *Record) bool {
	old, ok := s.records[r.ID]
	return ok && old.Status == InProgress && old.Owner == r.Owner
}

func (s *table) Complete(_ context.Context, r *Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	switch {
	case s.fail != nil:
		return s.fail
	case !s.owned(r):
		return ErrLost
	case len(r.Data) > 100:
		return ErrTooLarge
	}
	s.records[r.ID] = *r
	return nil
}

func (s *table) Delete(_ context.Context, r *Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	switch {
	case s.fail != nil:
		return s.fail
	case !s.owned(r):
		return ErrLost
	}
	delete(s.records, r.ID)
	return nil
}

func engine(s Store, change func(*Options)) *Engine {
	opt := Options{Prefix: "fn", Format: Python, ExpiresAfter: time.Hour}
	if change != nil {
		change(&opt)
	}
	return New(s, opt)
}

func kindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

func TestLifeOfARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, s := t.Context(), newTable()
		e := engine(s, nil)
		req := Request{Event: parse(t, `{"id":1}`), Deadline: time.Now().Add(30 * time.Second)}

		x, r, err := e.Begin(ctx, req)
		if x == nil || r != nil || err != nil {
			t.Fatalf("first: %v %v %v", x, r, err)
		}
		_, _, err = e.Begin(ctx, req)
		if refused, ok := errors.AsType[*Error](err); !ok || refused.Kind != Running || refused.RetryAfter != 30*time.Second {
			t.Fatalf("while it runs: %v", err)
		}
		if why, err := e.Complete(ctx, x, Result{Body: []byte(`{"ok": 1.0}`)}); why != "" || err != nil {
			t.Fatal(why, err)
		}
		_, r, err = e.Begin(ctx, req)
		if err != nil || r == nil || string(r.Data) != `{"ok": 1.0}` {
			t.Fatalf("replay: %v %v", r, err)
		}
		if s.calls != 4 {
			t.Errorf("%d calls for two runs of one key and one replay, want 4", s.calls)
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
		ctx, s := t.Context(), newTable()
		e := engine(s, nil)
		req := func() Request {
			return Request{Event: parse(t, `7`), Deadline: time.Now().Add(3 * time.Second)}
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
		if _, err := e.Complete(ctx, slow, Result{Body: []byte(`"old"`)}); !errors.Is(err, ErrLost) {
			t.Errorf("the one that was overtaken completes: %v", err)
		}
		if err := e.Fail(ctx, slow); !errors.Is(err, ErrLost) {
			t.Errorf("the one that was overtaken frees the key: %v", err)
		}
		if _, err := e.Complete(ctx, second, Result{Body: []byte(`"new"`)}); err != nil {
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
		ctx, s := t.Context(), newTable()
		e := engine(s, func(o *Options) { o.Wait = 2 * time.Second })
		req := Request{Event: parse(t, `1`), Deadline: time.Now().Add(30 * time.Second)}
		first, _, err := e.Begin(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(1200 * time.Millisecond)
			_, _ = e.Complete(ctx, first, Result{Body: []byte(`"done"`)})
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
		if _, _, err := e.Begin(ctx, req); kindOf(err) != Running || time.Since(began) > 500*time.Millisecond {
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
		res  Result
		why  string
	}{
		{"too large", Result{Body: big}, "too_large"},
		{"streamed", Result{NotStorable: "streamed"}, "streamed"},
	} {
		for _, free := range []bool{false, true} {
			s := newTable()
			e := engine(s, func(o *Options) { o.Free = free })
			req := Request{Event: parse(t, `1`)}
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
			case !free && (kindOf(err) != NotReplayable || x != nil):
				t.Errorf("%s, kept: %v %v %v, want not replayable", c.name, x, r, err)
			}
		}
	}
}

func TestJudgements(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		name       string
		old        Record
		validation string
		want       Kind // "": replayed; "run": runs in the end
	}{
		{"completed", Record{Status: Completed, Expiration: now.Unix(), Data: []byte(`1`)}, "", ""},
		{"completed, expires this second", Record{Status: Completed, Expiration: now.Unix() - 1}, "", Inconsistent},
		{"another payload", Record{Status: Completed, Expiration: now.Unix() + 9, Validation: "x"}, "amount", Different},
		{"another payload, running", Record{Status: InProgress, Expiration: now.Unix() + 9, Validation: "x"}, "amount", Different},
		{"another payload, but free by now", Record{Status: InProgress, Expiration: now.Unix() - 9, Validation: "x"}, "amount", Inconsistent},
		{"running", Record{Status: InProgress, Expiration: now.Unix() + 9}, "", Running},
		{"running, its time has passed", Record{Status: InProgress, Expiration: now.Unix() + 9, InProgress: now.UnixMilli() - 1}, "", Inconsistent},
		{"unknown status", Record{Status: "EXPIRED", Expiration: now.Unix() + 9}, "", Inconsistent},
		{"no status", Record{Expiration: now.Unix() + 9}, "", Inconsistent},
		{"no expiration", Record{Status: Completed}, "", Inconsistent},
	} {
		s := &stubborn{old: c.old}
		e := engine(s, func(o *Options) {
			o.Now = func() time.Time { return now }
			o.Validation = expression(t, c.validation)
		})
		x, r, err := e.Begin(t.Context(), Request{Event: parse(t, `{"amount":1}`)})
		if x != nil || kindOf(err) != c.want || (r != nil) != (c.want == "") {
			t.Errorf("%s: %v %v %v, want %q", c.name, x, r, err, c.want)
		}
		if c.want == Inconsistent && s.calls != 3 {
			t.Errorf("%s: %d tries, want 3", c.name, s.calls)
		}
	}
}

// stubborn refuses every create with the same record.
type stubborn struct {
	table
	old Record
}

func (s *stubborn) Create(context.Context, *Record, time.Time) error {
	s.calls++
	return &BlockedError{Old: &s.old}
}

func TestLostAnswerOfACreate(t *testing.T) {
	s := newTable()
	s.lose = 1
	if x, _, err := engine(s, nil).Begin(t.Context(), Request{Event: parse(t, `1`)}); x == nil || err != nil {
		t.Errorf("a create that was written and not answered: %v, %v", x, err)
	}
}

func TestStoreFails(t *testing.T) {
	s := newTable()
	e := engine(s, nil)
	x, _, err := e.Begin(t.Context(), Request{Event: parse(t, `1`)})
	if err != nil {
		t.Fatal(err)
	}
	s.fail = errors.New("down")
	_, err2 := e.Complete(t.Context(), x, Result{Body: []byte(`1`)})
	_, _, err3 := e.Begin(t.Context(), Request{Event: parse(t, `2`)})
	for i, err := range []error{e.Fail(t.Context(), x), err2, err3} {
		if kindOf(err) != Persistence || !errors.Is(err, s.fail) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestLocalCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTable()
		e := engine(s, func(o *Options) { o.LocalCache = 2 })
		for i := range 3 {
			x, _, err := e.Begin(t.Context(), Request{Event: parse(t, fmt.Sprint(i+1))})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Complete(t.Context(), x, Result{Body: []byte(`1`)}); err != nil {
				t.Fatal(err)
			}
		}
		calls := func(id string) int {
			before := s.calls
			if _, r, err := e.Begin(t.Context(), Request{Event: parse(t, id)}); r == nil || err != nil {
				t.Fatal(r, err)
			}
			return s.calls - before
		}
		if a, b, c := calls("3"), calls("2"), calls("1"); a != 0 || b != 0 || c != 1 {
			t.Errorf("calls %d %d %d, want 0 0 1", a, b, c)
		}
		e.Forget()
		if calls("3") != 1 {
			t.Error("the cache survived Forget")
		}
		time.Sleep(2 * time.Hour)
		if x, _, err := e.Begin(t.Context(), Request{Event: parse(t, `3`)}); x == nil || err != nil {
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
			s := newTable()
			s.silent = seed%3 == 0
			type worker struct {
				e *Engine
				x *Execution
			}
			workers := []*worker{{e: engine(s, nil)}, {e: engine(s, nil)}, {e: engine(s, func(o *Options) { o.LocalCache = 4 })}}
			answer, answered := "", time.Time{} // what a caller was told last, and when
			for step := range 40 {
				w := workers[rng.IntN(len(workers))]
				switch action := rng.IntN(10); {
				case w.x == nil && action < 6:
					x, r, err := w.e.Begin(t.Context(), Request{Event: parse(t, `1`), Deadline: time.Now().Add(3 * time.Second)})
					alive := answer != "" && time.Since(answered) < time.Hour
					switch {
					case x != nil && alive:
						t.Fatalf("seed %d, step %d: runs again inside the life of answer %s", seed, step, answer)
					case r != nil && string(r.Data) != answer:
						t.Fatalf("seed %d, step %d: replays %s, the caller was told %s", seed, step, r.Data, answer)
					case err != nil && kindOf(err) != Running:
						t.Fatalf("seed %d, step %d: %v", seed, step, err)
					}
					w.x = x
				case w.x != nil && action < 4:
					body := fmt.Sprintf(`"%d"`, step)
					switch _, err := w.e.Complete(t.Context(), w.x, Result{Body: []byte(body)}); {
					case err == nil:
						if answer != "" && time.Since(answered) < time.Hour {
							t.Fatalf("seed %d, step %d: a second answer inside one life", seed, step)
						}
						answer, answered = body, time.Now()
					case !errors.Is(err, ErrLost):
						t.Fatalf("seed %d, step %d: %v", seed, step, err)
					}
					w.x = nil
				case w.x != nil && action < 6:
					if err := w.e.Fail(t.Context(), w.x); err != nil && !errors.Is(err, ErrLost) {
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
