// Package transcript is what happened in a run: who did what, in order, with the
// data that a page or a test wants beside the words.
//
// The rule a reader could break: Render is for golden files, so nothing may stand
// in it that differs between two runs of the same thing.
package transcript

import (
	"slices"
	"sync"
	"time"
)

// Limit and MaxBytes bound the memory of a long-lived emulator: the oldest entries
// go first.
const (
	Limit    = 100_000
	MaxBytes = 64 << 20 // of lines, events and answers
)

// Whose entry it is, when it is no extension's.
const (
	Platform = "platform"
	Runtime  = "runtime"
)

// What an entry is about, as far as Render or a reader of Data must know. Behind
// the dash stands the type of Data, which data.go describes.
const (
	Telemetry   = "telemetry POST" // — Delivery
	Register    = "register"       // — Registration
	Subscribe   = "subscribe"      // — Subscription
	InitDone    = "init end"       // — InitEnd
	Invoke      = "invoke"         // — Invocation
	Response    = "response"       // of the runtime — Answer
	Error       = "error"          // of the runtime — Answer
	ShutdownEnd = "shutdown end"   // — Ending
	Sink        = "sink POST"
	XRay        = "x-ray"     // a document that was sent to the daemon's address
	LogOrder    = "log order" // a line before START or after END of its request
	Warning     = "warning"   // of the platform: what it cannot emulate here, with the cure

	// With Options.Detailed only.
	RunTaken     = "run"     // the first entry — Run
	LineTaken    = "line"    // a line reached the log — Line
	UsageTaken   = "usage"   // of an extension, after an invocation — Usage
	CacheTaken   = "cache"   // after an invocation, as the extension answered — Cache
	OutcomeTaken = "outcome" // after an invocation — Outcome

	// Noted from outside.
	CallTaken = "aws call" // — AWSCall
	Fault     = "fault"    // — FaultChange
)

// Entry is one thing that crossed the wire or happened to a process.
type Entry struct {
	At     time.Time
	Who    string // Platform, Runtime, or an extension's name
	What   string // e.g. "register", "next", "exec", "freeze", or one of the constants
	Detail string // headers and body in short; ids as they were
	Data   any    // what the words do not hold; nil for most
}

// Log keeps entries. Tell, if set before the first Add, gets each one as well, in
// order, under the log's lock.
type Log struct {
	Tell func(Entry)

	mu      sync.Mutex
	entries []Entry
	bytes   int
}

// Add appends an entry of now.
func (l *Log) Add(who, what, detail string) { l.AddData(who, what, detail, nil) }

// AddData is Add with the data of the entry.
func (l *Log) AddData(who, what, detail string, data any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := Entry{At: time.Now(), Who: who, What: what, Detail: detail, Data: data}
	l.bytes += entry.size()
	if len(l.entries) >= Limit || l.bytes > MaxBytes {
		l.forgetLocked()
	}
	l.entries = append(l.entries, entry)
	if l.Tell != nil {
		l.Tell(entry)
	}
}

// forgetLocked drops the oldest tenth, and more while they are too large.
func (l *Log) forgetLocked() {
	n := 0
	for n < len(l.entries) && (n < len(l.entries)/10 || l.bytes > MaxBytes*9/10) {
		l.bytes -= l.entries[n].size()
		n++
	}
	l.entries = slices.Delete(l.entries, 0, n)
}

// size is what the entry holds beyond the words, roughly.
func (e Entry) size() int {
	switch data := e.Data.(type) {
	case Line:
		return len(data.Text)
	case Invocation:
		return len(data.Event)
	case Outcome:
		return len(data.Payload)
	case Cache:
		return len(data)
	}
	return 0
}

// Snapshot is what has happened so far.
func (l *Log) Snapshot() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}
