package archtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLinks: what a page points at is there, the heading included.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings := map[string]map[string]bool{}
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(withoutCode(read(t, page)), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			path := page
			if target != "" {
				path = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root(t), path)); err != nil {
				t.Errorf("%s: nothing at %s", page, m[1])
				continue
			}
			if anchor == "" || !strings.HasSuffix(path, ".md") {
				continue
			}
			if headings[path] == nil {
				headings[path] = anchors(read(t, path))
			}
			if !headings[path][anchor] {
				t.Errorf("%s: %s has no heading #%s", page, path, anchor)
			}
		}
	}
}

// pages are the Markdown files that git knows, or would.
func pages(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(out))
	if len(names) < 30 {
		t.Fatalf("%d pages", len(names))
	}
	return names
}

// withoutCode leaves out code, which may look like a link.
func withoutCode(text string) string {
	text = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(text, "")
	return regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "")
}

// anchors are a page's headings as GitHub names them.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	text = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(text, "")
	for _, m := range regexp.MustCompile(`(?m)^#+\s+(.*)$`).FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(strings.TrimSpace(m[1]))
		name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}

// TestTroubleshootingQuotesTheCode: people search for the message that they
// see, so that a row whose message is said nowhere helps nobody.
func TestTroubleshootingQuotesTheCode(t *testing.T) {
	page, _, ok := strings.Cut(read(t, "docs/troubleshooting.md"), "## What the function's own log says")
	if !ok {
		t.Fatal("the page has another form")
	}
	cmd := exec.Command("git", "grep", "--untracked", "-hF", "-e", `"`, "--", "cmd/*.go", "internal/*.go", ":!*_test.go")
	cmd.Dir = root(t)
	code, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(page, -1)
	if len(rows) < 15 {
		t.Fatalf("%d messages", len(rows))
	}
	for _, m := range rows {
		if !strings.Contains(string(code), `"`+strings.TrimSuffix(m[1], "…")) {
			t.Errorf("nobody says %q", m[1])
		}
	}
}
