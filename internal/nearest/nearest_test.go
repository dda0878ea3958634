package nearest_test

import (
	"testing"

	"powertools-extension/internal/nearest"
)

func TestOf(t *testing.T) {
	units := []string{"Count", "Bytes", "Milliseconds", "Microseconds"}
	for _, tt := range []struct{ word, want string }{
		{"count", "Count"},
		{"Byte", "Bytes"},
		{"Miliseconds", "Milliseconds"},
		{"parsec", ""},
		{"", ""},
	} {
		if got := nearest.Of(tt.word, units); got != tt.want {
			t.Errorf("Of(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
	if got := nearest.Of("x", nil); got != "" {
		t.Errorf("no candidates: got %q", got)
	}
}

func TestSlips(t *testing.T) {
	for _, tt := range []struct {
		a, b       string
		most, want int
	}{
		{"PORT", "PORT", 2, 0}, {"PROT", "PORT", 2, 1}, {"PRT", "PORT", 2, 1}, {"PORRT", "PORT", 2, 1}, {"PERT", "PORT", 2, 1},
		{"PTRO", "PORT", 2, 2}, {"TTL", "URL", 2, 2}, {"TTL", "URL", 1, 2}, {"", "", 1, 0}, {"", "ab", 1, 2}, {"", "ab", 2, 2},
		{"abc", "xyz", 1, 2}, {"abcdef", "badcfe", 3, 3},
	} {
		if got := nearest.Slips(tt.a, tt.b, tt.most); got != tt.want {
			t.Errorf("Slips(%q, %q, %d) = %d, want %d", tt.a, tt.b, tt.most, got, tt.want)
		}
		if got := nearest.Slips(tt.b, tt.a, tt.most); got != tt.want {
			t.Errorf("Slips(%q, %q, %d) = %d, want %d", tt.b, tt.a, tt.most, got, tt.want)
		}
	}
}
