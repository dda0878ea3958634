package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What a run says has failed: the innermost tests, or its last words.
func TestFailures(t *testing.T) {
	for said, want := range map[string][]string{
		"--- FAIL: TestA (0.1s)\n    --- FAIL: TestA/x (0.1s)\n        a_test.go:1: no\n--- FAIL: TestB (0s)\nFAIL\n": {"TestA/x", "TestB"},
		"panic: test timed out after 1s\n": {"panic: test timed out after 1s"},
		"":                                 {""},
	} {
		if d := cmp.Diff(want, failures([]byte(said))); d != "" {
			t.Errorf("%q (-want +got):\n%s", said, d)
		}
	}
}

// A suite that fails every third time is found: its failures are counted and
// kept, and the others counted as runs.
func TestFlakySuite(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module flaky\n\ngo 1.24\n",
		"a/a_test.go": `package a
import ("os"; "testing")
func TestEveryThird(t *testing.T) {
	text, _ := os.ReadFile("runs")
	os.WriteFile("runs", append(text, 'x'), 0o600)
	if len(text)%3 == 2 { t.Error("the third") }
}
`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	failed, err := run(context.Background(), options{runs: 7, load: 1, limit: time.Minute, keep: "kept"}, []string{"./..."})
	if err != nil || failed != 2 {
		t.Errorf("%d failed, %v", failed, err)
	}
	kept, _ := filepath.Glob("kept/*")
	if len(kept) != 2 || !strings.HasSuffix(kept[0], "a.3.txt") {
		t.Errorf("kept %q", kept)
	}
	if text := row("a", []time.Duration{3, 1, 2}, 1, map[string]int{"TestX": 1}); !strings.Contains(text, "TestX ×1") {
		t.Error(text)
	}
}

// A mistake is told before anything runs.
func TestMistakes(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("go.mod", []byte("module none\n\ngo 1.24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(context.Background(), options{runs: 1, keep: "kept"}, []string{"./..."}); err == nil || !strings.Contains(err.Error(), "no package with tests") {
		t.Errorf("%v", err)
	}
}
