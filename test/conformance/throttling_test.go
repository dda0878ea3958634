package conformance

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"powertools-extension/test/harness"
)

// A throttling that ends within the three seconds that a read is allowed is no
// error: readers of every source get their value, and know nothing of it.
func TestThrottlingWithinTheBudget(t *testing.T) {
	t.Parallel()
	for _, lasts := range []time.Duration{600 * time.Millisecond, 2500 * time.Millisecond} {
		t.Run(lasts.String(), func(t *testing.T) {
			t.Parallel()
			fake := harness.FakeAWSWith(t, stormData())
			s := awake(t, fake.URL)
			if err := fake.SetFault("throttled"); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			time.AfterFunc(lasts, func() { _ = fake.SetFault("") })
			var readers sync.WaitGroup
			var mu sync.Mutex
			var slowest time.Duration
			for i := range 20 {
				for _, path := range []string{fmt.Sprintf("/parameters/ssm/storm/p%02d", i), fmt.Sprintf("/v1/storm/s%02d", i)} {
					readers.Go(func() {
						status, header, body := s.Get(path)
						mu.Lock()
						defer mu.Unlock()
						slowest = max(slowest, time.Since(began))
						if status != http.StatusOK {
							t.Errorf("%s: %d %s %s", path, status, header.Get("X-Amzn-ErrorType"), body)
						}
					})
				}
			}
			readers.Wait()
			t.Logf("throttled for %v: 40 readers of 40 names, the last after %v, %d calls", lasts, slowest.Round(10*time.Millisecond), fake.Calls())
			s.Shutdown()
		})
	}
}
