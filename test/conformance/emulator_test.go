package conformance

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"powertools-extension/test/harness"
)

// What the roles of these tests stand on: boto3, which knows nothing of ours,
// takes the embedded STS for the real one.
func TestEmbeddedSTSAsBoto3SeesIt(t *testing.T) {
	t.Parallel()
	python := harness.Need(t, "python/bin/python")
	fake := harness.FakeAWS(t)
	cmd := exec.Command(python, "python/assume.py")
	cmd.Env = append(os.Environ(), "ENDPOINT="+fake.URL, "NO_PROXY=127.0.0.1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	const want = "arn:aws:sts::210987654321:assumed-role/shared-config/boto3 True\nHello from another account\nAccessDenied 403\n"
	if err != nil || string(out) != want {
		t.Errorf("printed %q, %v, want %q\n%s", out, err, want, stderr.String())
	}
}
