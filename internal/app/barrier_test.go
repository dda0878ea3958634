package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// parameterStore answers GetParameter after a while.
func parameterStore(t *testing.T, after time.Duration, calls *atomic.Int64) string {
	t.Helper()
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		select {
		case <-time.After(after):
		case <-stop:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, `{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/app/db","Name":"/app/db","Type":"String","Value":"v","Version":1}}`)
	}))
	t.Cleanup(func() { close(stop); srv.Close() })
	return srv.URL
}

func prefetching(url string, more ...string) []string {
	return append([]string{
		"AWS_ENDPOINT_URL=" + url, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b",
		"POWERTOOLS_PARAMETERS_PREFETCH=ssm:/app/db",
	}, more...)
}

// What was asked for ahead is there when init ends, and was fetched once.
func TestPrefetchIsABarrier(t *testing.T) {
	var calls, atNext atomic.Int64
	url := parameterStore(t, 100*time.Millisecond, &calls)
	p := newPlatform(t)
	begin := time.Now()
	p.onNext = func() { atNext.CompareAndSwap(0, int64(time.Since(begin))) }
	if out := p.live(prefetching(url)...); out.err != nil {
		t.Fatal(out.err)
	}
	if calls.Load() != 1 || time.Duration(atNext.Load()) < 100*time.Millisecond {
		t.Errorf("%d calls; first next after %s, which is before the answer", calls.Load(), time.Duration(atNext.Load()))
	}
}

// An upstream that hangs holds init for the configured time and no longer.
func TestPrefetchIsBounded(t *testing.T) {
	var calls, atNext atomic.Int64
	url := parameterStore(t, time.Minute, &calls)
	p := newPlatform(t)
	begin := time.Now()
	p.onNext = func() { atNext.CompareAndSwap(0, int64(time.Since(begin))) }
	if out := p.live(prefetching(url, "POWERTOOLS_PARAMETERS_PREFETCH_TIMEOUT=100ms", "POWERTOOLS_PARAMETERS_TIMEOUT=10s")...); out.err != nil {
		t.Fatal(out.err)
	}
	if took := time.Duration(atNext.Load()); took > 5*time.Second {
		t.Errorf("first next after %s, want about 100 ms", took)
	}
}

// Nothing may be fetched into a snapshot.
func TestNoPrefetchUnderSnapStart(t *testing.T) {
	var calls atomic.Int64
	url := parameterStore(t, 0, &calls)
	p := newPlatform(t)
	if out := p.live(prefetching(url, "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start")...); out.err != nil {
		t.Fatal(out.err)
	}
	if calls.Load() != 0 {
		t.Errorf("%d calls before the snapshot", calls.Load())
	}
}
