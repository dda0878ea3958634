package invocation_test

import (
	"fmt"
	"testing"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// M2: each phrase, the type of platform.runtimeDone and a full memory in the
// report, in every combination: one lack of memory, and never a timeout.
func TestOutOfMemorySignals(t *testing.T) {
	phrases := []string{"",
		"fatal error: runtime: out of memory",
		"java.lang.OutOfMemoryError: Java heap space",
		"FATAL ERROR: JavaScript heap out of memory",
		"[ERROR] MemoryError",
		"failed to allocate memory (NoMemoryError)",
		"System.OutOfMemoryException: x",
	}
	for _, phrase := range phrases {
		for _, errorType := range []string{"Runtime.ExitError", "Runtime.OutOfMemory"} {
			for _, used := range []float64{125, 126, 128} {
				name := fmt.Sprintf("%s, %s, %v of 128", phrase, errorType, used)
				tr := newTracker("on-demand")
				observe(tr, start("a", 0))
				if phrase != "" {
					tr.Line(&invocation.Line{Text: []byte(phrase)})
				}
				end := report("a", 200, "error")
				end.Platform.MaxMemoryUsedMB = telemetry.Num(used)
				s := only(t, observe(tr, runtimeDone("a", 100, "error", errorType), end))
				want := phrase != "" || errorType == "Runtime.OutOfMemory" || used >= 126
				if s.OutOfMemory != want || !s.Failed || s.TimedOut {
					t.Errorf("%s: %+v", name, s)
				}
				if outcome := map[bool]invocation.Outcome{true: "out_of_memory", false: "error"}[want]; s.Outcome != outcome {
					t.Errorf("%s: outcome %s, want %s", name, s.Outcome, outcome)
				}
			}
		}
	}
}
