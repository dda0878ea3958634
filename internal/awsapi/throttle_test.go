package awsapi

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// throttling refuses for so long and answers then.
func throttling(lasts time.Duration, requests *atomic.Int64) http.HandlerFunc {
	until := time.Now().Add(lasts)
	return func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		if time.Now().Before(until) {
			refuse(w, 400, "ThrottlingException", "Rate exceeded")
			return
		}
		_, _ = w.Write([]byte("{}"))
	}
}

// A storm that is over before the budget of the read is survived, whatever the
// dice say; one that is not is told as what it was, within the budget.
func TestThrottlingIsSurvived(t *testing.T) {
	for _, tc := range []struct {
		lasts    time.Duration
		survives bool
	}{
		{100 * time.Millisecond, true}, {600 * time.Millisecond, true}, {2500 * time.Millisecond, true}, {2700 * time.Millisecond, true}, {time.Minute, false},
	} {
		t.Run(tc.lasts.String(), func(t *testing.T) {
			for range 50 {
				synctest.Test(t, func(t *testing.T) {
					var n atomic.Int64
					c := bubbleClient(t, throttling(tc.lasts, &n))
					began := time.Now()
					err := c.Call(t.Context(), getSecret, nil, nil)
					took := time.Since(began)
					var service *ServiceError
					if tc.survives != (err == nil) || err != nil && (!errors.As(err, &service) || !service.Throttled()) {
						t.Errorf("after %v and %d requests: %v", took, n.Load(), err)
					}
					if took > 3*time.Second || n.Load() > 40 {
						t.Errorf("%v, %d requests", took, n.Load())
					}
				})
			}
		})
	}
}

// The pauses are random, up to 200 ms at first, twice that after each, up to a
// second.
func TestThrottlePauses(t *testing.T) {
	for attempt, most := range map[int]time.Duration{1: 200 * time.Millisecond, 2: 400 * time.Millisecond, 3: 800 * time.Millisecond, 4: time.Second, 9: time.Second} {
		low, high := time.Hour, time.Duration(0)
		for range 2000 {
			d := throttlePause(attempt)
			low, high = min(low, d), max(high, d)
		}
		if low > most/20 || high > most || high < most*19/20 {
			t.Errorf("try %d: from %v to %v, want all of 0 to %v", attempt, low, high, most)
		}
	}
}

// However many reads are throttled, the tries of one service are bounded until
// one of them succeeds, and those of another are not touched.
func TestRetryTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n, other atomic.Int64
		down := atomic.Bool{}
		down.Store(true)
		c := bubbleClient(t, func(w http.ResponseWriter, r *http.Request) {
			count := &n
			if r.Header.Get("X-Amz-Target") == "AmazonSSM.GetParameter" {
				count = &other
			}
			count.Add(1)
			if down.Load() {
				refuse(w, 400, "ThrottlingException", "Rate exceeded")
				return
			}
			_, _ = w.Write([]byte("{}"))
		})
		var reads sync.WaitGroup
		for range 200 {
			reads.Go(func() { _ = c.Call(t.Context(), getSecret, nil, nil) })
		}
		reads.Wait()
		if got := n.Load(); got < 200 || got > 200+maxTokens {
			t.Errorf("%d requests of 200 reads, want %d at most", got, 200+maxTokens)
		}
		before := n.Load()
		_ = c.Call(t.Context(), getSecret, nil, nil)
		if n.Load() != before+1 {
			t.Errorf("%d requests without a token", n.Load()-before)
		}
		_ = c.Call(t.Context(), Operation{Service: SSM, Name: "GetParameter"}, nil, nil)
		if other.Load() < 3 {
			t.Errorf("another service had %d requests", other.Load())
		}
		down.Store(false)
		for range maxTokens {
			if err := c.Call(t.Context(), getSecret, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		down.Store(true)
		before = n.Load()
		_ = c.Call(t.Context(), getSecret, nil, nil)
		if n.Load() < before+3 {
			t.Errorf("%d requests after the service was well again", n.Load()-before)
		}
	})
}
