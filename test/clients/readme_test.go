package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// TestReadme types every shell block of the README as it is printed: requests in
// a running function's sandbox, the rest in the checkout. Only make test is left
// out, which is what runs here.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 6 {
		t.Fatalf("%d blocks", len(blocks))
	}
	s := harness.Start(t, builds, lambdaemu.Options{NoFreeze: true, Env: map[string]string{"AWS_ENDPOINT_URL": harness.FakeAWS(t).URL}})
	s.Invoke("{}") // awake
	tools, err := filepath.Abs(filepath.Dir(harness.Need(t, "deploy/python/bin/aws")))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range blocks {
		block := m[1]
		if strings.TrimSpace(block) == "make test" {
			continue
		}
		t.Run(strings.Fields(block)[0]+" "+strings.Fields(block)[1], func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", strings.ReplaceAll(block, "localhost:2773", "localhost:"+s.Port))
			cmd.Dir = "../.."
			cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "AWS_ENDPOINT_URL="+harness.Moto(t), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=example",
				"AWS_SESSION_TOKEN="+harness.Token, "CGO_ENABLED=0")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s\n%s", err, block, out)
			}
			if strings.Contains(block, "/demo/greeting") && string(out) != "Hello from Parameter Store" {
				t.Errorf("printed %q", out)
			}
		})
	}
	s.Shutdown()
	if n := len(s.Custom()); n < 2 { // the example's own, and the README's
		t.Errorf("%d documents of custom metrics", n)
	}
}
