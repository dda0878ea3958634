package lambdaemu

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The guide names the test of each of the twenty behaviours; every one exists.
func TestGuideNamesTests(t *testing.T) {
	guide, err := os.ReadFile("../docs/lambdaemu.md")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	files, _ := filepath.Glob("*_test.go")
	more, _ := filepath.Glob("internal/*/*_test.go")
	files = append(files, more...)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(text)
	}
	names := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(guide), -1)
	for _, name := range names {
		if !strings.Contains(sources.String(), "func "+name+"(") {
			t.Errorf("the guide names %s, which is not there", name)
		}
	}
	if rows := regexp.MustCompile(`(?m)^\| \d+ .*Test`).FindAllString(string(guide), -1); len(rows) != 20 {
		t.Errorf("%d of twenty behaviours name a test", len(rows))
	}
}
