package ontime

import (
	"runtime"
	"testing"
	"time"
)

// recorder is a testing.TB that only remembers.
type recorder struct {
	testing.TB
	failed bool
	logs   int
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Logf(string, ...any)   { r.logs++ }
func (r *recorder) Failed() bool          { return r.failed }

// TestLateOnceFails: a bar that is missed in one run of ten fails that run,
// and is not run until it is green.
func TestLateOnceFails(t *testing.T) {
	r, calls := &recorder{TB: t}, 0
	Run(r, func(late Late) {
		if calls++; calls == 1 {
			late("held for 500 ms")
		}
	})
	if !r.failed || calls != 1 {
		t.Errorf("failed=%v after %d runs, want a failure after one", r.failed, calls)
	}
}

func TestInTimeRunsOnce(t *testing.T) {
	r, calls := &recorder{TB: t}, 0
	Run(r, func(Late) { calls++ })
	if r.failed || calls != 1 {
		t.Errorf("failed=%v after %d runs", r.failed, calls)
	}
}

// TestStarvedIsExcused: with every thread busy the ticker is late, and the
// scenario may run again; one that is late each time fails all the same.
func TestStarvedIsExcused(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer excused.Store(excused.Load())
	starve := func() {
		for end := time.Now().Add(3 * starved); time.Now().Before(end); {
			spin()
		}
	}
	r, calls := &recorder{TB: t}, 0
	Run(r, func(late Late) {
		calls++
		starve()
		late("always late")
	})
	if !r.failed || calls > runs {
		t.Errorf("failed=%v after %d runs", r.failed, calls)
	}
}

// spin is work that the scheduler cannot interrupt at a function call.
func spin() {
	x := 1
	for i := range 1 << 16 {
		x ^= i
	}
	sink = x
}

var sink int
