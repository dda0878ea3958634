package lambdaemu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary play all parts: started under a name that begins
// with fn it is a function, with ext an extension. So the tests need no other
// program and no compiler.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); {
	case strings.HasPrefix(name, "fn"):
		os.Exit(playFunction())
	case strings.HasPrefix(name, "ext"):
		os.Exit(playExtension(name))
	}
	goleak.VerifyTestMain(m)
}
