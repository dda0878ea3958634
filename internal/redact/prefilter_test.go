package redact

import (
	"regexp"
	"regexp/syntax"
	"testing"
)

func prefilterOf(t testing.TB, expr string) (prefilter, *regexp.Regexp) {
	t.Helper()
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		t.Skip()
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		t.Skip()
	}
	return newPrefilter(parsed), re
}

func TestPrefilter(t *testing.T) {
	for _, tc := range []struct {
		expr, text string
		may        bool
	}{
		{`\b\d{16}\b`, "2024-01-15T11:30:45.123Z order 123456789012345", false},
		{`\b\d{16}\b`, "a 1234567890123456", true},
		{`\b\d{16}\b`, "a 12345678901234567", true}, // the expression decides
		{`\d{3}-\d{2}-\d{4}`, "12-34-56789", true},
		{`\d{3}-\d{2}-\d{4}`, "12345678901", false},
		{`[\w.]+@[\w.]+`, "nobody at home", false},
		{`[\w.]+@[\w.]+`, "a@b", true},
		{`(?i)secret`, "ſECRET", true},
		{`(?i)secret`, "secreet", true},
		{`abc|abd`, "xyz ab", false},
		{`abc|xyz`, "ab c", false},
		{`a?b*`, "", true},
		{`(ab){2,}`, "abab", true},
		{`(ab){2,}`, "aab", false},
	} {
		p, re := prefilterOf(t, tc.expr)
		if got := p.may([]byte(tc.text)); got != tc.may || re.MatchString(tc.text) && !got {
			t.Errorf("%s in %q: %v, want %v", tc.expr, tc.text, got, tc.may)
		}
	}
}

// FuzzPrefilter: it never denies a text that has a match.
func FuzzPrefilter(f *testing.F) {
	for _, s := range []string{`\b\d{16}\b`, `(?i)k+s`, `[^a-c]{2}`, `a|b?c{2,3}`, `\pL+@.`, `(?s).x`, `[[:^alpha:]]z`, `\Aab\z`, `(a|)b`} {
		f.Add(s, "1234567890123456 ab \xff K ſs abab@x")
	}
	f.Fuzz(func(t *testing.T, expr, text string) {
		p, re := prefilterOf(t, expr)
		for i := 0; i <= len(text); i++ {
			if loc := re.FindStringIndex(text[i:]); loc != nil && !p.may([]byte(text[i:])) {
				t.Fatalf("%q matches %q", expr, text[i:])
			}
		}
	})
}
