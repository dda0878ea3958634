package foreign

import (
	"fmt"
	"strings"
	"testing"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
	"powertools-extension/test/ontime"
)

const goodbye = "the function said goodbye"

// Internal extensions live in the function's process. These two register for
// no event, with the one purpose that Lambda ends the sandbox with SIGTERM and
// not at once with SIGKILL.
func TestInternalExtensions(t *testing.T) {
	for _, tt := range []struct {
		name      string
		extension string // the name it registers
		options   func(t *testing.T) lambdaemu.Options
		killed    bool
	}{
		{
			name: "lambda_runtime 1.5.0, feature graceful-shutdown", extension: "_lambda-rust-runtime-no-op-graceful-shutdown-helper",
			options: func(t *testing.T) lambdaemu.Options {
				return lambdaemu.Options{Command: []string{harness.Need(t, "rust/graceful")}}
			},
		},
		{
			name: "lambda-sigterm 0.1.2", extension: "lambda-sigterm",
			options: func(t *testing.T) lambdaemu.Options {
				return lambdaemu.Options{
					Command: []string{harness.Need(t, "python/bin/python"), "-m", "awslambdaric", "app.handler"},
					Dir:     here(t, "python"),
					Env:     map[string]string{"PYTHONPATH": harness.Need(t, "foreign/python")},
				}
			},
			// Its thread waits in /next for ever and is no daemon, so Python's
			// exit waits for it until the platform's patience ends.
			killed: true,
		},
	} {
		for _, withOurs := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/ours %t", tt.name, withOurs), func(t *testing.T) {
				t.Parallel()
				opt := tt.options(t)
				// Python looks at signals in one thread. Thawed and told to end at
				// the same moment, the kernel may pick another one.
				opt.NoFreeze = true
				// Lambda's patience is 150 ms where no extension is external.
				ontime.Run(t, func(late ontime.Late) {
					w := begin(t, withOurs, opt)
					w.invoke()
					w.invoke()
					if exit := w.end(); !exit.Clean() {
						t.Errorf("exit %+v", exit)
					}
					checkInternal(t, w, tt.extension, tt.killed, late)
					if withOurs && len(w.canonical()) != 2 {
						t.Errorf("%d complete canonical events, want one per invocation", len(w.canonical()))
					}
				})
			})
		}
	}
}

func checkInternal(t *testing.T, w *world, extension string, killed bool, late ontime.Late) {
	t.Helper()
	seen := map[string]bool{}
	for _, entry := range w.emu.Transcript() {
		seen[entry.Who+" "+entry.What] = true
	}
	for _, what := range []string{extension + " register", extension + " next", "runtime SIGTERM"} {
		if !seen[what] {
			t.Errorf("missing in the transcript: %s", what)
		}
	}
	if seen["runtime SIGKILL"] != killed {
		late("function killed: %t, want %t", !killed, killed)
	}
	if !w.functionSays(goodbye) {
		late("the function did not see SIGTERM")
	}
	if state := "EXTENSION\tName: " + extension + "\tState: Ready"; !strings.Contains(w.text(""), state) {
		t.Errorf("missing in the log: %s", state)
	}
}
