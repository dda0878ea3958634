package page

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The page's own tests, in JavaScript, run where they import the very files that
// are served.
func TestScripts(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no node: install Node.js 20")
		}
		t.Skip("SKIPPED: there is no node; install Node.js 20")
	}
	dir := t.TempDir()
	put := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("package.json", []byte(`{"type":"module"}`))
	for _, name := range modules() {
		content, err := assets.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		put(name, content)
	}
	tests, err := filepath.Glob("testdata/*.test.js")
	if err != nil || len(tests) == 0 {
		t.Fatalf("%d tests: %v", len(tests), err)
	}
	for _, path := range tests {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		put(filepath.Base(path), content)
	}
	cmd := exec.CommandContext(t.Context(), node, "--test", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("node --test: %v\n%s", err, out)
	}
}

// A page from disk has all modules in one scope, so no name may stand in two, and
// each must come after those it imports.
func TestModulesCanBeJoined(t *testing.T) {
	names := map[string]string{}
	declared := regexp.MustCompile(`(?m)^(?:export )?(?:async )?(?:function|const|let|class) ([A-Za-z0-9_$]+)`)
	imported := regexp.MustCompile(`(?m)^import \{[^}]*\} from "\./([a-z.]+)";$`)
	for i, module := range modules() {
		text, err := assets.ReadFile("assets/" + module)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllSubmatch(text, -1) {
			if other, twice := names[string(m[1])]; twice {
				t.Errorf("%s stands in %s and in %s", m[1], other, module)
			}
			names[string(m[1])] = module
		}
		if n := strings.Count(string(text), "\nimport "); n > 0 && len(imported.FindAll(text, -1)) != n {
			t.Errorf("%s: an import of another form", module)
		}
		for _, m := range imported.FindAllSubmatch(text, -1) {
			if at := slices.Index(modules(), string(m[1])); at < 0 || at >= i {
				t.Errorf("%s imports %s, which comes later", module, m[1])
			}
		}
	}
	script, err := joined()
	if err != nil || strings.Contains(string(script), "\nimport ") || strings.Contains(string(script), "\nexport ") || strings.Contains(string(script), "</script") {
		t.Errorf("joined: %v", err)
	}
}
