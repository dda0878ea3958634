package pieces

import (
	"testing"
	"time"
)

// TestOneAtATime: nobody gets a second piece before the first is answered,
// each is answered once, and one that did not arrive comes again.
func TestOneAtATime(t *testing.T) {
	var l List
	one := &Event{ID: "a", Deadline: time.Now().Add(time.Hour)}
	l.Put(one)
	e, busy := l.Take()
	if e != one || busy || e.Again().ID != "" {
		t.Errorf("%+v %v", e, busy)
	}
	l.Gave(e, "a-0")
	if e, busy := l.Take(); e != nil || !busy {
		t.Error("two have it")
	}
	l.Free(e, Piece{"a-0", []byte("body")})
	if e, _ = l.Take(); e != one || e.Again().ID != "a-0" {
		t.Errorf("%+v", e)
	}
	l.Gave(e, "a-0")
	for id, want := range map[string]bool{"a": true, "a-": true, "a-1": true, "a-00": true, "ab": false, "b-0": false, "": false} {
		if e, ours := l.Claim(id); e != nil || ours != want {
			t.Errorf("%q: %v", id, ours)
		}
	}
	if e, ours := l.Claim("a-0"); e != one || !ours {
		t.Errorf("%+v", e)
	}
	if e, ours := l.Claim("a-0"); e != nil || !ours {
		t.Error("answered twice")
	}
	if gone := l.Expired(time.Now()); len(gone) != 0 {
		t.Errorf("%d expired", len(gone))
	}
	if gone := l.Expired(time.Now().Add(2 * time.Hour)); len(gone) != 1 || l.Len() != 0 {
		t.Errorf("%d expired, %d left", len(gone), l.Len())
	}
	l.Put(one)
	l.Remove(one)
	if gone := l.Clear(); len(gone) != 0 {
		t.Errorf("%d left", len(gone))
	}
}
