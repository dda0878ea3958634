// Package ontime judges bars of time on a machine that does other things too.
//
// The rule a reader could break: a bar that was missed fails the test, once,
// unless there is evidence that this process itself did not run: a ticker
// beside the scenario that came late. Only then is the scenario run again;
// each such run is printed and counted, and too many fail the package.
package ontime

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

const (
	tick    = 5 * time.Millisecond
	starved = 40 * time.Millisecond // a tick later than this: nobody here could have been in time
	runs    = 4                     // of one scenario
	budget  = 6                     // excused runs of one package
)

// excused counts the runs that a starved process was not judged by.
var excused atomic.Int64

// Late takes what came too late, in the words of t.Errorf.
type Late func(format string, args ...any)

// Run runs a scenario and fails if it says that something was late. What does
// not depend on time belongs into t.Errorf, which counts in every run.
func Run(t testing.TB, scenario func(late Late)) {
	t.Helper()
	for n := 1; ; n++ {
		var said []string
		stop := watch()
		scenario(func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
		worst := stop()
		if len(said) == 0 || t.Failed() {
			return
		}
		if worst < starved || n == runs {
			for _, text := range said {
				t.Errorf("%s (the test's own ticker was late by %v)", text, worst)
			}
			return
		}
		t.Logf("run %d is excused: the test's own ticker was late by %v, and %q", n, worst, said)
		if used := excused.Add(1); used > budget {
			t.Errorf("%d runs of this package were excused: this machine is too busy to judge time", used)
			return
		}
	}
}

// watch measures how late a ticker is until stop is called.
func watch() (stop func() time.Duration) {
	done, worst := make(chan struct{}), make(chan time.Duration)
	go func() {
		var most time.Duration
		last := time.Now()
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				most = max(most, time.Since(last)-tick)
				last = now
			case <-done:
				worst <- max(most, time.Since(last)-tick)
				return
			}
		}
	}()
	return func() time.Duration {
		close(done)
		return <-worst
	}
}
