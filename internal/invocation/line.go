package invocation

import (
	"bytes"
	"time"

	"powertools-extension/internal/fingerprint"
)

// Line is what a line of the function says about itself.
type Line struct {
	At        time.Time // the platform's time of it; zero means now
	Direct    bool      // it was read where it was written, and not in the platform's stream
	By        *Attempt  // if Direct: the one that the runtime had then; nil: none yet
	RequestID []byte    // the id it names; empty if none
	Level     Level
	Message   []byte // what the fingerprint of an error is taken from
	Text      []byte // the whole line, where ids and a runtime's last words are looked for

	// Printed is the text that the platform wrapped into an object with a
	// level of its own; empty if it did not.
	Printed []byte

	// Failure marks an ERROR line with a stack or an error type, as loggers
	// write them for errors that the code caught. It never decides.
	Failure bool

	// Unhandled marks a line in a form that runtimes themselves print for an
	// error that nobody caught: such a handler leaves nothing else, as
	// platform.runtimeDone says success (Lambda Telemetry API schema
	// reference).
	Unhandled bool

	ErrorType    []byte // e.g. KeyError; empty if the line does not name it
	ErrorMessage []byte // what goes with it
}

// Line counts the line and returns the attempt it belongs to, nil if none: the
// one of the request it names, if that is known here, else the one whose turn
// it is in the stream. An unknown id is no id of ours: functions log those of
// their callers too.
//
// On managed instances requests interleave. There a line belongs to a request
// only if it names it or if it lies in the time of no other: a wrong id is
// worse than none.
func (t *Tracker) Line(l *Line) *Attempt {
	words := (l.Level == LevelUnknown || l.Level >= LevelError) && (lastWords(l.Text) || lastWords(l.Message)) || lastWords(l.Printed)
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.ownerLocked(l)
	if a == nil || a.facts == nil {
		return a
	}
	f := a.facts
	f.sum.Logs[min(l.Level, LevelCritical)]++
	if l.Level >= LevelError || l.Failure || l.Unhandled || words {
		f.clues.line(l, words)
		if f.sum.FirstErrorFingerprint == "" {
			text := l.Message
			if len(text) == 0 {
				text = l.Text
			}
			f.sum.FirstErrorFingerprint = fingerprint.Of(text)
		}
	}
	return a
}

func (t *Tracker) ownerLocked(l *Line) *Attempt {
	switch all := t.byID[string(l.RequestID)]; {
	case l.Direct && (all == nil || l.By != nil && l.By.all == all):
		return l.By
	case all != nil:
		return t.tryLocked(all, l.At)
	case !t.managedLocked():
		return t.stream
	}
	if all := namedIn(l.Text, t.byID); all != nil {
		return t.tryLocked(all, l.At)
	}
	at := l.At
	if at.IsZero() {
		at = t.opt.Now()
	}
	return t.aloneLocked(at)
}

// tryLocked returns which attempt of the request a line is of: where the
// stream is in order the one it is in, else the one that had begun by then.
func (t *Tracker) tryLocked(all *attempts, at time.Time) *Attempt {
	if t.stream != nil && t.stream.all == all && !t.managedLocked() {
		return t.stream
	}
	if len(all.open) > 1 && !at.IsZero() {
		if a := all.endingAt(at); a != nil {
			return a
		}
	}
	return all.newest()
}

// streamLocked returns the attempt whose lines are in the stream: the last one
// that started, also after its end.
func (t *Tracker) streamLocked() *Attempt {
	if t.managedLocked() {
		return nil
	}
	return t.stream
}

const lenUUID = 36

// namedIn returns the request that the text names by its id, nil if none
// or more than one.
func namedIn(text []byte, byID map[string]*attempts) *attempts {
	var named *attempts
	for from := 0; len(text)-from >= lenUUID; {
		dash := bytes.IndexByte(text[from:], '-')
		if dash < 0 {
			break
		}
		start := from + dash - 8
		from += dash + 1
		if start < 0 || start+lenUUID > len(text) {
			continue
		}
		word := text[start : start+lenUUID]
		if word[13] != '-' || word[18] != '-' || word[23] != '-' {
			continue
		}
		all := byID[string(word)]
		if all != nil && named != nil && named != all {
			return nil
		}
		if all != nil {
			named = all
		}
		from = start + lenUUID
	}
	return named
}

// aloneLocked returns the attempt in whose time the moment lies, if that is
// true of exactly one. A line may be dated a little after the end of what
// printed it, so the time of an attempt goes on a little beyond its report;
// when it had ended before the next one began, the line is that one's.
func (t *Tracker) aloneLocked(at time.Time) *Attempt {
	var newest *Attempt
	var others time.Time // the latest end among the others
	for e := t.open.Back(); e != nil; e = e.Prev() {
		a := e.Value.(*Attempt)
		if a.begin.After(at) || !a.end.IsZero() && at.After(a.end.Add(lateLines)) {
			continue
		}
		switch {
		case newest == nil:
			newest = a
		case a.end.IsZero() && newest.end.IsZero():
			return nil // both run
		case a.begin.After(newest.begin):
			newest, a = a, newest
			fallthrough
		default:
			if a.end.IsZero() {
				return nil
			}
			if a.end.After(others) {
				others = a.end
			}
		}
	}
	if newest == nil || others.After(newest.begin) {
		return nil
	}
	return newest
}
