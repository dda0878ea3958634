package transcript

import (
	"strconv"
	"strings"
	"testing"
)

// The oldest entries go when there are too many; Tell has seen them all, in order.
func TestLogIsBounded(t *testing.T) {
	told := 0
	l := &Log{Tell: func(e Entry) {
		if e.Detail != strconv.Itoa(told) {
			t.Errorf("entry %s, want %d", e.Detail, told)
		}
		told++
	}}
	for i := range Limit + 5 {
		l.Add("a", "b", strconv.Itoa(i))
	}
	entries := l.Snapshot()
	if len(entries) != Limit-Limit/10+5 || entries[0].Detail != strconv.Itoa(Limit/10) || entries[len(entries)-1].Detail != strconv.Itoa(Limit+4) {
		t.Errorf("%d entries from %s", len(entries), entries[0].Detail)
	}
	if told != Limit+5 {
		t.Errorf("told of %d", told)
	}
	(&Log{}).AddData("a", "b", "", 1) // nobody listens
}

func TestEntryString(t *testing.T) {
	for want, e := range map[string]Entry{"next": {What: "next"}, "exit 0": {What: "exit", Detail: "0"}} {
		if e.String() != want {
			t.Errorf("got %q, want %q", e, want)
		}
	}
}

// Large data pushes the oldest entries out before there are too many.
func TestLogIsBoundedInBytes(t *testing.T) {
	l := &Log{}
	text := strings.Repeat("x", 1<<20)
	for range MaxBytes>>20 + 10 {
		l.AddData("a", LineTaken, "", Line{Text: text})
	}
	l.AddData("a", LineTaken, "", Line{Text: "last"})
	entries := l.Snapshot()
	sum := 0
	for _, e := range entries {
		sum += len(e.Data.(Line).Text)
	}
	if sum > MaxBytes || sum < MaxBytes/2 || entries[len(entries)-1].Data.(Line).Text != "last" {
		t.Errorf("%d bytes in %d entries", sum, len(entries))
	}
}
