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
