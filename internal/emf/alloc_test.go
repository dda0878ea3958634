//go:build !race

package emf_test

import (
	"testing"

	"powertools-extension/internal/emf"
)

// The race detector makes sync.Pool forget at random, so this only counts
// without it.
func TestRecordIntoAnOpenDocumentDoesNotAllocate(t *testing.T) {
	a := emf.NewAggregator(emf.Options{})
	s := count("a", 1)
	s.Dimensions = dims("environment", "prod")
	if n := testing.AllocsPerRun(1000, func() {
		if err := a.Record(s); err != nil {
			t.Fatal(err)
		}
	}); n != 0 { // rounded down: each hundredth sample begins a document
		t.Errorf("%v allocations a sample", n)
	}
}
