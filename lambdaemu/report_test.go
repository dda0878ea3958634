package lambdaemu

import (
	"testing"
	"time"
)

// What is billed is rounded up to a millisecond, and the init of a cold start is
// in it. [DOC:lambda-runtime-environment]
func TestBilled(t *testing.T) {
	for _, tt := range []struct{ total, init, want time.Duration }{
		{0, 0, 0}, {time.Microsecond, 0, time.Millisecond}, {time.Millisecond, 0, time.Millisecond}, {1001 * time.Microsecond, 0, 2 * time.Millisecond},
		{100 * time.Millisecond, 250*time.Millisecond + time.Microsecond, 351 * time.Millisecond},
	} {
		if got := (report{total: tt.total, init: tt.init}).billed(); got != tt.want {
			t.Errorf("%v and %v of init: %v, want %v", tt.total, tt.init, got, tt.want)
		}
	}
}
