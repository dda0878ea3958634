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
// 0.1.11, in JavaScript, on the Logs API. It listens on the host name "sandbox",
// as on Lambda. Its own setting DO_NOT_WAIT keeps each invocation from waiting for
// data of its own wrapper.
//
// It gets the reports of both invocations, and at SHUTDOWN waits for one more,
// however long, until it is killed.
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
					"FOREIGN_OPT": harness.Need(t, "foreign/opt"), "DO_NOT_WAIT": "1", "DEBUG_SLS_OTEL_LAYER": "1",
				},
			})
			if strings.Contains(lambdaemu.Timeline(w.emu.Transcript()), "warning sandbox.localdomain does not resolve") {
				t.Skip("this system lets nobody give the processes a hosts file")
			}
			w.invoke()
			w.invoke()
			checkKilled(t, w.end(), name)
			said := w.text(name)
			for words, want := range map[string]int{
				"Logs API is not supported": 0, "Processing event:  INVOKE": 2, "Processing event:  SHUTDOWN": 1,
			} {
				if got := strings.Count(said, words); got != want {
					t.Errorf("it said %q %d times, want %d", words, got, want)
				}
			}
			for _, id := range w.ids {
				if !strings.Contains(said, `"type":"platform.report","record":{"requestId":"`+id+`"`) {
					t.Errorf("it did not get the report of %s", id)
				}
			}
			if withOurs && len(w.canonical()) != 2 {
				t.Errorf("%d complete canonical events, want one per invocation", len(w.canonical()))
			}
		})
	}
}
