package emf

import (
	"strings"
	"testing"
)

// TestClasses holds the table of bytes against its definition in words.
func TestClasses(t *testing.T) {
	letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	namespace := letters + strings.ToLower(letters) + "0123456789 ._#:/-"
	if len(classes) != 256 {
		t.Fatalf("table of %d bytes", len(classes))
	}
	for c := range 256 {
		s := string([]byte{byte(c)})
		var want uint8
		for bit, is := range map[uint8]bool{
			hasEscape:    c < 0x20 || c == '"' || c == '\\',
			hasNonASCII:  c >= 0x80,
			hasControl:   c < 0x20 || c == 0x7f,
			hasVisible:   !strings.ContainsAny(s, " \t\n\v\f\r") || c >= 0x80,
			hasForbidden: !strings.Contains(namespace, s),
		} {
			if is {
				want |= bit
			}
		}
		if got := scan(s); got != want {
			t.Errorf("byte %#x: classes %05b, want %05b", c, got, want)
		}
	}
	if got := scan("a\x80 \""); got != hasVisible|hasNonASCII|hasForbidden|hasEscape {
		t.Errorf("union is %05b", got)
	}
}

// TestNameSetNeverMissesARepeat: false alarms are allowed, misses are not.
func TestNameSetNeverMissesARepeat(t *testing.T) {
	var s nameSet
	names := []string{"", "a", "requests", "requests.ok", "requests.failed", strings.Repeat("x", 300)}
	for _, n := range names {
		s.add(n)
	}
	for _, n := range names {
		if !s.add(n) {
			t.Errorf("%.20q was forgotten", n)
		}
	}
	alarms := 0
	for c := range 100 {
		if s.add("latency_" + string(rune('0'+c/10)) + string(rune('0'+c%10))) {
			alarms++
		}
	}
	if alarms > 20 {
		t.Errorf("%d false alarms for 100 names", alarms)
	}
}
