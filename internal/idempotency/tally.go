package idempotency

import "time"

// Tally is what became of the requests of one invocation: the event itself,
// the records of a batch, and what the function asks for over HTTP.
type Tally struct {
	State string        // run, replayed, in_progress, skipped, error; empty: several that differ
	Key   string        // of the record; empty: none, or several
	Store time.Duration // in calls of the store

	Replays, InProgress, Skipped, NotStored, Lost, Bypassed, Errors uint32

	requests int
}

// Add takes note of a fact.
func (t *Tally) Add(f Fact) {
	t.Store += f.Store
	switch f.What {
	case Ran:
	case Replayed:
		t.Replays++
	case Blocked:
		t.InProgress++
	case Skipped:
		t.Skipped++
	case Refused:
		t.Errors++
	case Bypassed:
		t.Bypassed++
		f.What = Refused
	default:
		t.addRecord(f)
		return
	}
	// One word for many requests would be false of some.
	if t.requests++; t.requests > 1 && t.State != string(f.What) {
		f.What = ""
	}
	if t.requests > 1 && t.Key != f.Key {
		f.Key = ""
	}
	t.State, t.Key = string(f.What), f.Key
}

// addRecord takes note of what became of the record of a request that ran.
func (t *Tally) addRecord(f Fact) {
	switch f.What {
	case NotStored:
		t.NotStored++
	case Lost:
		t.Lost++
	case NotFreed:
		t.Errors++
	case Failed: // and the caller got an error instead of its answer
		t.Errors++
		if t.State = ""; t.requests == 1 {
			t.State = string(Refused)
		}
	}
}
