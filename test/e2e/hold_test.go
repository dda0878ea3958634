package e2e

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
	"powertools-extension/test/ontime"
)

// Bars of TestHoldsNobody, beyond what the bare extension takes.
const (
	heldMedian = 10 * time.Millisecond
	heldWorst  = 75 * time.Millisecond
)

// TestHoldsNobody: what an invocation of a trivial function lasts, from its
// begin to the last extension's call of next, with ours and with the smallest
// honest extension, in turns. An extension that holds every invocation a little
// moves the median; one that holds one in ten for long, the second worst.
func TestHoldsNobody(t *testing.T) {
	const invocations = 50
	bare := filepath.Join(t.TempDir(), "bare")
	build := exec.Command("go", "build", "-o", bare, "../bench/bare")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	ontime.Run(t, func(late ontime.Late) {
		both := []*sandbox{
			start(t, lambdaemu.Options{Command: harness.Self(t, plain)}),
			harness.Start(t, harness.Builds{Extension: bare}, lambdaemu.Options{Command: harness.Self(t, plain)}),
		}
		var took [2][]time.Duration
		for _, s := range both {
			s.Must(`{}`) // the cold start
		}
		for range invocations {
			for i, s := range both {
				res := s.Invoke(`{}`)
				if res.FunctionError != "" {
					t.Fatalf("%s %s", res.ErrorType, res.Payload)
				}
				took[i] = append(took[i], res.Duration+res.PostRuntime)
			}
		}
		for i, s := range both {
			s.Shutdown()
			slices.Sort(took[i])
		}
		ours, theirs := took[0], took[1]
		median, worst := ours[invocations/2]-theirs[invocations/2], ours[invocations-2]-theirs[invocations-2]
		t.Logf("beyond the bare extension: median %v, second worst of %d %v", median, invocations, worst)
		if median > heldMedian {
			late("the median invocation is held for %v, at most %v", median, heldMedian)
		}
		if worst > heldWorst {
			late("the second worst of %d invocations is held for %v, at most %v", invocations, worst, heldWorst)
		}
	})
}
