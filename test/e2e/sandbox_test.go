package e2e

import (
	"os"
	"testing"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

type (
	sandbox = harness.Sandbox
	line    = harness.Line
)

// token opens the local API of every sandbox here.
const token = harness.Token

var binaries harness.Builds

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, map[string]func(){plain: plainFunction, twoLines: twoLinesFunction, contextFunction: askContext, talkFunction: talk}, &binaries))
}

// start runs a sandbox with the extension.
func start(t *testing.T, opt lambdaemu.Options) *sandbox {
	t.Helper()
	return harness.Start(t, binaries, opt)
}
