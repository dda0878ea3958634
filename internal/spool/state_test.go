package spool

import (
	"errors"
	"strings"
	"testing"
)

// restored is a state as the next process finds it.
func restored(t *testing.T, dir string) (*State, *Spool) {
	t.Helper()
	s := open(t, dir, plenty)
	state := NewState(s, "state.")
	if err := s.Recover(func(name string, records [][]byte) { state.Found(name, records) }); err != nil {
		t.Fatal(err)
	}
	return state, s
}

func set(t *testing.T, s *State, editions ...string) {
	t.Helper()
	for _, e := range editions {
		if err := s.Set([]byte(e)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewestEditionCounts(t *testing.T) {
	long := strings.Repeat("x", rollover)
	for _, tc := range []struct {
		name     string
		editions []string
		want     string
	}{
		{"none", nil, ""},
		{"one", []string{"a"}, "a"},
		{"several", []string{"a", "b", "c"}, "c"},
		{"one that was there before", []string{"a", "b", "a"}, "a"},
		{"nothing to say any more", []string{"a", ""}, ""},
		{"something again", []string{"a", "", "b"}, "b"},
		{"over several files", []string{"a", long + "1", "b", long + "2", "c"}, "c"},
		{"longer than a file", []string{long + "1", long + "2"}, long + "2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := place(t)
			s := open(t, dir, plenty)
			state := NewState(s, "state.")
			set(t, state, tc.editions...)
			if state.IsSet() != (tc.want != "") || string(state.Last()) != tc.want {
				t.Errorf("set %v: %.20q", state.IsSet(), state.Last())
			}
			s.Close()
			next, s := restored(t, dir)
			if next.IsSet() != (tc.want != "") || string(next.Last()) != tc.want {
				t.Errorf("the next process: set %v: %.20q", next.IsSet(), next.Last())
			}
			if got := s.Stats(); got.Files > 1 {
				t.Errorf("stats %+v", got)
			}
			next.Close()
			s.Close()
			if got := names(t, dir); (got == nil) != (tc.want == "") {
				t.Errorf("left: %v", got)
			}
		})
	}
}

// An edition that says the same costs nothing, whatever is asked how often.
func TestSameEditionIsNotWrittenAgain(t *testing.T) {
	s := open(t, place(t), plenty)
	state := NewState(s, "state.")
	set(t, state, "a", "a", "a")
	if got, want := s.Stats().Bytes, len(framed("a")); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}

// The files are bounded: old editions go.
func TestOldEditionsGo(t *testing.T) {
	dir := place(t)
	s := open(t, dir, 3*rollover)
	state := NewState(s, "state.")
	for i := range 200 {
		set(t, state, strings.Repeat(string(rune('a'+i%26)), 5000))
		if got := s.Stats(); got.Files != 1 || got.Bytes > rollover+6000 {
			t.Fatalf("edition %d: %+v", i, got)
		}
	}
}

// A process that is killed while it begins a new file leaves both: whole, or
// the new one torn.
func TestTwoFilesOfOneState(t *testing.T) {
	whole := framed("newer")
	for cut := range len(whole) + 1 {
		dir, want := place(t), "old"
		plant(t, dir, "state.1", framed("older", "old"))
		plant(t, dir, "state.2", whole[:cut])
		plant(t, dir, "another", framed("not of the state"))
		if cut == len(whole) {
			want = "newer"
		}
		state, s := restored(t, dir)
		if string(state.Last()) != want {
			t.Errorf("%d bytes of the new file: %q, want %q", cut, state.Last(), want)
		}
		if got := s.Stats(); got.Files != 2 {
			t.Errorf("%d bytes of the new file: left %v", cut, names(t, dir))
		}
		set(t, state, "newest") // behind a torn record nothing could be read
		s.Close()
		if state, _ := restored(t, dir); string(state.Last()) != "newest" {
			t.Errorf("%d bytes of the new file: %q after the next edition", cut, state.Last())
		}
	}
}

func TestTornEditionLeavesTheOneBefore(t *testing.T) {
	dir := place(t)
	whole := framed("old", "new")
	plant(t, dir, "state.1", whole[:len(whole)-1])
	state, s := restored(t, dir)
	if string(state.Last()) != "old" {
		t.Errorf("found %q", state.Last())
	}
	set(t, state, "newest")
	s.Close()
	if state, _ := restored(t, dir); string(state.Last()) != "newest" {
		t.Errorf("found %q", state.Last())
	}
}

// What cannot be replaced is not true any more.
func TestEditionThatFailsTakesTheOldOneAway(t *testing.T) {
	dir := place(t)
	s := open(t, dir, 100)
	state := NewState(s, "state.")
	set(t, state, "old")
	if err := state.Set(make([]byte, 100)); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if state.IsSet() || s.Stats().Files != 0 {
		t.Errorf("%q is left, %+v", state.Last(), s.Stats())
	}
	set(t, state, "fits")
	s.Close()
	if state, _ := restored(t, dir); string(state.Last()) != "fits" {
		t.Errorf("found %q", state.Last())
	}
}

func TestStateKnowsItsFiles(t *testing.T) {
	state := NewState(open(t, place(t), plenty), "state.")
	for name, want := range map[string]bool{"state.1": true, "state": false, "1.state.": false} {
		if got := state.Found(name, raw([]string{"x"})); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
