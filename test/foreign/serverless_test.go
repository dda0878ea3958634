package foreign

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// A published extension as it is: @serverless/aws-lambda-otel-extension-dist
// 0.1.11, in JavaScript, on the Logs API. Its own settings make it run outside
// Lambda: AWS_SAM_LOCAL, or it binds a host name that exists only there, and
// DO_NOT_WAIT, or each invocation waits for data of its own wrapper.
//
// It says itself that there is no Logs API, serves INVOKE all the same, and at
// SHUTDOWN waits for a report, however long, until it is killed.
func TestServerlessExtension(t *testing.T) {
	const name = "otel-extension"
	for _, withOurs := range []bool{false, true} {
		// Not parallel: its ports 2772 and 4243 and its files are fixed.
		t.Run(fmt.Sprintf("ours %t", withOurs), func(t *testing.T) {
			harness.Tool(t, "node")
			forget := func() {
				os.Remove("/tmp/sls-save-log.json")
				os.Remove("/tmp/sent-requests.json")
			}
			forget()
			t.Cleanup(forget)
			w := begin(t, withOurs, lambdaemu.Options{
				Layers: []string{here(t, "node/"+name)},
				Env: map[string]string{
					"FOREIGN_OPT": harness.Need(t, "foreign/opt"), "AWS_SAM_LOCAL": "true",
					"DO_NOT_WAIT": "1", "DEBUG_SLS_OTEL_LAYER": "1",
				},
			})
			w.invoke()
			w.invoke()
			checkKilled(t, w.end(), name)
			said := w.text(name)
			for words, want := range map[string]int{
				"Logs API is not supported": 1, "Processing event:  INVOKE": 2, "Processing event:  SHUTDOWN": 1,
			} {
				if got := strings.Count(said, words); got != want {
					t.Errorf("it said %q %d times, want %d", words, got, want)
				}
			}
			if withOurs && len(w.canonical()) != 2 {
				t.Errorf("%d complete canonical events, want one per invocation", len(w.canonical()))
			}
		})
	}
}
