// Package pieces knows which events are split, and which piece of them a
// runtime has.
//
// The rule a reader could break: the pieces of one event run one after
// another. Nobody gets a second one before the first is answered, and each is
// answered once.
package pieces

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Piece is a part of an event, an invocation of its own for the runtime. Its
// id is that of the whole with a dash and something behind it.
type Piece struct {
	ID   string
	Body []byte // valid until the next piece is asked for
}

// Event is an event that is split.
type Event struct {
	ID       string
	Deadline time.Time // zero: unknown
	Fields   []byte    // of its head, less those that a piece has of its own

	busy  bool   // a runtime has a piece, or is about to
	given string // the piece that it has; empty: none, or it is being answered
	again Piece  // a piece that did not reach its runtime; without an id: none
}

// Again is the piece that did not reach its runtime; without an id: none. It
// is for who has taken the event.
func (e *Event) Again() Piece { return e.again }

// List is the events that are split now: on a classic sandbox one at most. The
// zero value is empty. Safe for concurrent use.
type List struct {
	mu   sync.Mutex
	list []*Event
}

// Put adds an event.
func (l *List) Put(e *Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, e)
}

// Len is how many there are.
func (l *List) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.list)
}

// Take gives an event nobody works at to a runtime that asks; nil: there is
// none. busy: a runtime has a piece of one.
func (l *List) Take() (free *Event, busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.list {
		if !e.busy {
			e.busy = true
			return e, busy
		}
		busy = true
	}
	return nil, busy
}

// Gave notes that the runtime has the piece.
func (l *List) Gave(e *Event, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.given = id
}

// Free lets the next poll have what follows: again, if that has an id.
func (l *List) Free(e *Event, again Piece) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.busy, e.given, e.again = false, "", again
}

// Remove ends an event.
func (l *List) Remove(e *Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.DeleteFunc(l.list, func(other *Event) bool { return other == e })
}

// Claim finds the event of which a runtime answers the piece that it has;
// nobody else can answer it then. ours: the id is of an event that is split,
// and without e there is nothing to answer under it.
func (l *List) Claim(id string) (e *Event, ours bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.list {
		if e.given != "" && e.given == id {
			e.given = ""
			return e, true
		}
		rest, is := strings.CutPrefix(id, e.ID)
		ours = ours || is && (rest == "" || rest[0] == '-')
	}
	return nil, ours
}

// Expired removes and returns the events whose deadline was before now.
func (l *List) Expired(now time.Time) []*Event {
	return l.removeIf(func(e *Event) bool { return !e.Deadline.IsZero() && now.Round(0).After(e.Deadline) })
}

// Clear removes and returns all events.
func (l *List) Clear() []*Event { return l.removeIf(func(*Event) bool { return true }) }

func (l *List) removeIf(over func(*Event) bool) (gone []*Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.DeleteFunc(l.list, func(e *Event) bool {
		if over(e) {
			gone = append(gone, e)
			return true
		}
		return false
	})
	return gone
}
