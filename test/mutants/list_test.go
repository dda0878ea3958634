package main

import (
	"os"
	"strings"
	"testing"
)

// TestRowsAreFresh: each row's text stands once in its file, and no two rows
// have one name. Whether tests see the change is what the command asks.
func TestRowsAreFresh(t *testing.T) {
	if err := os.Chdir("../.."); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range mutants() {
		text, err := os.ReadFile(m.file)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if n := strings.Count(string(text), m.old); n != 1 {
			t.Errorf("%s: its text stands %d times in %s", m.name, n, m.file)
		}
		if seen[m.name] || m.old == m.new {
			t.Errorf("%s: stands twice, or changes nothing", m.name)
		}
		seen[m.name] = true
	}
}

func TestDraw(t *testing.T) {
	a, b := draw(mutants(), 3, "x", ""), draw(mutants(), 3, "x", "")
	if len(a) != 3 || a[0].name != b[0].name {
		t.Errorf("the same seed draws %v and %v", a, b)
	}
	if got := draw(mutants(), 0, "x", "schema: "); len(got) == 0 || len(got) == len(mutants()) {
		t.Errorf("%d rows by name", len(got))
	}
}
