package archtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWorkflowsMirrorMake: what CI runs is what a person can run. Every target it
// names is there, and of what a commit must pass nothing is left out.
func TestWorkflowsMirrorMake(t *testing.T) {
	makefile := read(t, "Makefile")
	workflows, err := filepath.Glob(filepath.Join(root(t), ".github/workflows/*.yml"))
	if err != nil || len(workflows) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	script := read(t, ".ci/run")
	texts := map[string]string{".ci/run": script}
	for _, path := range workflows {
		name, _ := filepath.Rel(root(t), path)
		texts[name] = read(t, name)
	}
	for name, text := range texts {
		for _, m := range regexp.MustCompile(`(?m)^\s*(?:- run: )?make ([a-z0-9-]+)`).FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(makefile) {
				t.Errorf("%s: make %s is no target of the Makefile", name, m[1])
			}
		}
	}
	if !strings.Contains(texts[".github/workflows/check.yml"], ".ci/run") {
		t.Error(".github/workflows/check.yml does not run .ci/run")
	}
	check := regexp.MustCompile(`(?m)^check: ([^#\n]*)`).FindStringSubmatch(makefile)
	if check == nil {
		t.Fatal("the Makefile has no target check")
	}
	for target := range strings.FieldsSeq(check[1]) {
		if !strings.Contains(script, "make "+target) {
			t.Errorf(".ci/run leaves out make %s, which make check has", target)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
