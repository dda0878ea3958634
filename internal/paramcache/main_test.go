package paramcache

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upstream is a Provider that counts its calls and answers with text that
// tells them apart: v1, v2, …
type upstream struct {
	mu     sync.Mutex
	calls  int
	err    error         // answered instead of a value
	took   time.Duration // how long a call takes
	answer func(ref Ref, call int) Value
}

func (u *upstream) Fetch(ctx context.Context, ref Ref) (Value, error) {
	u.mu.Lock()
	u.calls++
	call, err, took, answer := u.calls, u.err, u.took, u.answer
	u.mu.Unlock()
	if took > 0 {
		select {
		case <-time.After(took):
		case <-ctx.Done():
			return Value{}, ctx.Err()
		}
	}
	if err != nil {
		return Value{}, err
	}
	if answer != nil {
		return answer(ref, call), nil
	}
	return Value{Name: ref.Name, Text: Secret(fmt.Sprintf("v%d", call)), IsText: true, Version: fmt.Sprint(call)}, nil
}

func (u *upstream) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.err = err
}

func (u *upstream) slow(took time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.took = took
}

func (u *upstream) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls
}

func failing(kind Kind) error { return &Error{Kind: kind, Message: "made to fail"} }

// roomy is a configuration that bounds nothing the test does not mean to bound.
func roomy() Config {
	return Config{MaxAge: 300 * time.Second, StaleIfError: 24 * time.Hour, MaxItems: 1000, MaxBytes: 1 << 20}
}

func ssmRef(name string) Ref { return Ref{Source: SSM, Name: name} }

func age(d time.Duration) Options { return Options{MaxAge: &d} }

// want reads and checks text and state; for an error, text is "" and state is
// the kind's name.
func want(t *testing.T, c *Cache, ref Ref, opt Options, text string, state string) Result {
	t.Helper()
	res, err := c.Get(context.Background(), ref, opt)
	gotText, gotState := res.Value.Text.Reveal(), string(res.State)
	if err != nil {
		known, ok := err.(*Error)
		if !ok {
			t.Fatalf("error is %T, not *Error", err)
		}
		gotText, gotState = "", known.Kind.String()
	}
	if gotText != text || gotState != state {
		t.Errorf("read of %s = %q, %s; want %q, %s (error %v)", ref, gotText, gotState, text, state, err)
	}
	return res
}

func newTest(u Provider, config Config) *Cache { return New(u, zap.NewNop(), config) }
