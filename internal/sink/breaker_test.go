package sink

import (
	"testing"
	"time"
)

// TestBreakersDoNotProbeTogether: a thousand sandboxes lose one receiver at the
// same moment. Their probes are spread over 4 to 6 seconds, both ends used.
func TestBreakersDoNotProbeTogether(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var tenths [100]int // sandboxes whose probe is due in this tenth of a second
	for range 1000 {
		var b breaker
		b.fail(now, true)
		due := 0
		for b.state(now.Add(time.Duration(due)*100*time.Millisecond)) == Open {
			due++
		}
		tenths[due]++
	}
	for at, n := range tenths {
		early, late := at < 40, at > 60
		if (early || late) && n > 0 {
			t.Errorf("%d of 1000 probe after %d00 ms, want 4 to 6 s", n, at)
		}
		if at > 40 && at <= 60 && n == 0 || n > 150 {
			t.Errorf("%d of 1000 probe in the tenth of a second before %d00 ms: about 50 were fair", n, at)
		}
	}
}
