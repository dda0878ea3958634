package show

import (
	"bytes"
	"strings"
	"testing"
)

func TestProgress(t *testing.T) {
	for _, tt := range []struct {
		outcome         string
		terminal, quiet bool
		want            string
	}{
		{"one replaced line on a terminal", true, false, "\r\x1b[Kinvocation 20 of 40, 1 failed …\r\x1b[K"},
		{"a line per tenth in a quiet run", false, true, "invocation 20 of 40, 1 failed\n"},
		{"nothing where blocks are shown", false, false, ""},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			var out bytes.Buffer
			p := NewProgress(&out, tt.terminal, tt.quiet)
			p.Step(20, 40, 1)
			p.Clear()
			p.Clear()
			if out.String() != tt.want {
				t.Errorf("got %q, want %q", out.String(), tt.want)
			}
		})
	}
}

func TestStyle(t *testing.T) {
	env := func(pairs ...string) func(string) (string, bool) {
		return func(name string) (string, bool) {
			for _, pair := range pairs {
				if key, value, _ := strings.Cut(pair, "="); key == name {
					return value, true
				}
			}
			return "", false
		}
	}
	for _, tt := range []struct {
		outcome, color string
		lookup         func(string) (string, bool)
		terminal, want bool
	}{
		{"terminal", "auto", env("TERM=xterm"), true, true},
		{"pipe", "auto", env("TERM=xterm"), false, false},
		{"NO_COLOR", "auto", env("NO_COLOR=1"), true, false},
		{"empty NO_COLOR does not count", "auto", env("NO_COLOR="), true, true},
		{"dumb terminal", "auto", env("TERM=dumb"), true, false},
		{"always, even in a pipe", "always", env("NO_COLOR=1"), false, true},
		{"never", "never", env(), true, false},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			if got := NewStyle(tt.color, tt.lookup, tt.terminal).on; got != tt.want {
				t.Errorf("colours %v, want %v", got, tt.want)
			}
		})
	}
}
