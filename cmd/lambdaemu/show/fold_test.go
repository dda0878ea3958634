package show

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFold(t *testing.T) {
	for _, tt := range []struct {
		outcome, line, hang string
		n                   int
		want                []string
	}{
		{"short", "a b", "  ", 10, []string{"a b"}},
		{"exact", "1234567890", "  ", 10, []string{"1234567890"}},
		{"at a space", "one two three", "  ", 10, []string{"one two", "  three"}},
		{"at a comma", `{"aaa":1,"bbb":2}`, "", 10, []string{`{"aaa":1,`, `"bbb":2}`}},
		{"nowhere", "abcdefghijklmno", ">", 10, []string{"abcdefghij", ">klmno"}},
		{"a space in the first half does not count", "a bcdefghijklmno", "", 10, []string{"a bcdefghi", "jklmno"}},
		{"colours take no room", "\x1b[31mone two\x1b[0m three", "  ", 10, []string{"\x1b[31mone two\x1b[0m", "  three"}},
		{"spaces at the end", "one two   ", "  ", 8, []string{"one two"}},
		{"wide characters count once", "äöü äöü äöü", "", 8, []string{"äöü äöü", "äöü"}},
	} {
		if diff := cmp.Diff(tt.want, fold(tt.line, tt.hang, tt.n)); diff != "" {
			t.Errorf("%s: %s", tt.outcome, diff)
		}
	}
}

// Nothing is lost, nothing is too wide, and it ends.
func FuzzFold(f *testing.F) {
	f.Add("one two three four", "  ", 10)
	f.Add("\x1b[31m,,,,,,,,,,,,,", "      │   ", 12)
	f.Fuzz(func(t *testing.T, line, hang string, n int) {
		if len(line) > 5000 || n < 4 || n > 200 || Visible(hang) > n/2 || strings.ContainsAny(hang, "\x1b") {
			return
		}
		parts := fold(line, hang, n)
		text := parts[0]
		for _, part := range parts[1:] {
			text += strings.TrimPrefix(part, hang)
		}
		if squeeze(text) != squeeze(line) {
			t.Errorf("%q became %q", line, parts)
		}
		for _, part := range parts {
			if Visible(part) > n {
				t.Errorf("%q is wider than %d", part, n)
			}
		}
	})
}

func squeeze(text string) string { return strings.ReplaceAll(text, " ", "") }

func TestColumns(t *testing.T) {
	for value, want := range map[string]int{"": 80, "120": 120, "7": 80, "wide": 80} {
		if got := Columns(&strings.Builder{}, func(string) (string, bool) { return value, value != "" }); got != want {
			t.Errorf("COLUMNS=%s: %d", value, got)
		}
	}
}
