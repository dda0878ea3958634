package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// TestStoredBytes: what a function with two lines of text costs in the log
// group with the extension's defaults, beside what it costs without.
func TestStoredBytes(t *testing.T) {
	dir, err := filepath.Abs("testdata/bill")
	if err != nil {
		t.Fatal(err)
	}
	const invocations = 20
	for _, format := range []string{"Text", "JSON"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			client := harness.Need(t, "node/node_modules/aws-lambda-ric/bin/index.mjs")
			s := start(t, lambdaemu.Options{
				Command: []string{harness.Tool(t, "node"), client, "app.handler"}, Dir: dir, Handler: "app.handler",
				LogFormat: format, Timeout: 10 * time.Second,
			})
			for range invocations {
				s.Must(`{}`)
			}
			s.Shutdown()
			stored := s.Stored()
			without := stored[lambdaemu.OriginPlatform] + stored[lambdaemu.OriginFunction]
			ours := stored[lambdaemu.OriginExtension]
			t.Logf("%s: per invocation %d bytes without, %d more: %.2f × in all", format, without/invocations, ours/invocations, float64(without+ours)/float64(without))
			if without+ours > 5*without {
				t.Errorf("%d bytes are stored, %d without: more than 5 ×", without+ours, without)
			}
			if format == "JSON" && ours > 1100*invocations {
				t.Errorf("%d bytes more for each invocation, want at most 1100", ours/invocations)
			}
		})
	}
}
