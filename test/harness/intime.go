package harness

import (
	"fmt"
	"testing"
)

// Late takes what came too late, in the words of t.Errorf.
type Late func(format string, args ...any)

// InTime runs a scenario with bars of time up to five times and wants one run
// in which nothing was late. A busy machine schedules any process late now and
// then; a product that is too slow is so in every run. What does not depend on
// time belongs into t.Errorf, which counts in every run.
func InTime(t testing.TB, run func(late Late)) {
	t.Helper()
	const runs = 5
	var said []string
	for n := 1; n <= runs; n++ {
		said = nil
		run(func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
		if len(said) == 0 || t.Failed() {
			return
		}
		t.Logf("run %d of %d: %q", n, runs, said)
	}
	for _, text := range said {
		t.Errorf("in each of %d runs, here in the last: %s", runs, text)
	}
}
