package fingerprint_test

import (
	"testing"

	"powertools-extension/internal/fingerprint"
)

func TestOf(t *testing.T) {
	of := func(s string) string { return fingerprint.Of([]byte(s)) }
	for _, pair := range [][2]string{
		{"order 17 failed", "order 4711 failed"},
		{"order c6af9ac6-7b61-11e6-9a41-93e812345678 failed", "order 00000000-0000-4000-8000-000000000001 failed"},
		{"at 0x1f", "at 0xdead99"},
	} {
		if of(pair[0]) != of(pair[1]) {
			t.Errorf("%q and %q are of one kind", pair[0], pair[1])
		}
	}
	if of("order failed") == of("payment failed") {
		t.Error("two kinds have one fingerprint")
	}
	if got := of("order 17 failed"); got != "e6a0cf1dbf3effda" {
		t.Errorf("%s: saved queries name it", got)
	}
}
