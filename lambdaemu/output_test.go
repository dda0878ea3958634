package lambdaemu

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Hooks see everything in order, flush waits for them, close too.
func TestNotifier(t *testing.T) {
	var got []string
	n := newNotifier(func(l Line) { got = append(got, "line "+l.Text) }, func(e Entry) { got = append(got, "entry "+e.What) })
	n.line(Line{Text: "1"})
	n.entry(Entry{What: "2"})
	n.flush()
	if diff := cmp.Diff([]string{"line 1", "entry 2"}, got); diff != "" {
		t.Error(diff)
	}
	n.line(Line{Text: "3"})
	n.close()
	if len(got) != 3 {
		t.Errorf("got %v", got)
	}
	n.waitRoom()
}
