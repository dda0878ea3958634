package items

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"

	"powertools-extension/internal/batch"
)

const (
	one = "11111111-1111-4111-8111-111111111111"
	two = "22222222-2222-4222-8222-222222222222"
)

func TestFind(t *testing.T) {
	b := New(zap.NewNop())
	for n, record := range []string{"a", "b", "c"} {
		b.Began(one, "", record, n)
	}
	b.Began(two, "", "z", 0)
	if !b.Correlate(one+"-1", "order-7") || b.Correlate(one+"-9", "x") || b.Correlate(one, "x") {
		t.Error("correlation ids")
	}
	for id, want := range map[string]string{
		one + "-0": "a", one + "-1": "b order-7", one + "-2": "c", two + "-0": "z",
		one: "", one + "-": "", one + "-3": "", one + "-00": "", one + "-+1": "", one + "-01": "", one + "--1": "", one + "-0-0": "", two + "-1": "", "-0": "", "": "",
	} {
		item, ok := b.Find(id)
		if got := strings.TrimSpace(item.Record + " " + item.CorrelationID); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v", id, got, ok)
		}
	}
	for text, want := range map[string]string{
		"at " + one + "-1: failed": "b", "(" + one + "-2)": "c", one + "-0 and " + one + "-0": "a", one + "-1": "b", one + "-12": "",
		one + "-0 and " + two + "-0": "", "only " + one: "", one + "-": "", "": "", "----------": "", one + "-x": "", "1" + one + "-1": "b",
		strings.Repeat("-", 50): "", one + " " + two + "-0": "z",
	} {
		if item, ok := b.In([]byte(text)); item.Record != want || ok != (want != "") {
			t.Errorf("%q: %+v", text, item)
		}
	}
}

func TestRunning(t *testing.T) {
	b := New(zap.NewNop())
	if _, ok := b.Running(one); ok {
		t.Error("an unknown batch runs")
	}
	b.Began(one, "", "a", 0)
	if item, ok := b.Running(one); !ok || item.Record != "a" || item.Whole != one {
		t.Errorf("%+v", item)
	}
	b.Ended(one, "", "", 0, 0, true)
	if _, ok := b.Running(one); ok {
		t.Error("it runs on")
	}
	if counts, _ := b.Counts(one); counts != nil {
		t.Errorf("%+v", counts)
	}
	b.Over(one, batch.Counts{Records: 1, Failed: 1}, true)
	if counts, partial := b.Counts(one); counts.Records != 1 || !partial {
		t.Errorf("%+v", counts)
	}
}

// TestBounded: the last batches are kept, however large the last one is.
func TestBounded(t *testing.T) {
	b := New(zap.NewNop())
	for i := range 500 {
		for n := range 100 {
			b.Began(fmt.Sprintf("%08d-1111-4111-8111-111111111111", i), "", strings.Repeat("x", 100), n)
		}
	}
	if b.bytes > maxBytes || len(b.batches) != len(b.order) || len(b.batches) > maxBytes/11000 {
		t.Errorf("%d bytes, %d batches", b.bytes, len(b.batches))
	}
	if _, ok := b.Find("00000499-1111-4111-8111-111111111111-99"); !ok {
		t.Error("the last one is gone")
	}
}

// TestBoundedWithoutRecords: batches of which no record ran are bounded too.
func TestBoundedWithoutRecords(t *testing.T) {
	b := New(zap.NewNop())
	for i := range 20_000 {
		b.Over(fmt.Sprintf("%08d-1111-4111-8111-111111111111", i), batch.Counts{Records: 1, Unprocessed: 1}, true)
	}
	if b.bytes > maxBytes || len(b.batches) != len(b.order) || len(b.batches) > maxBytes/256 {
		t.Errorf("%d bytes, %d batches", b.bytes, len(b.batches))
	}
	if counts, _ := b.Counts("00019999-1111-4111-8111-111111111111"); counts == nil {
		t.Error("the last one is gone")
	}
}
