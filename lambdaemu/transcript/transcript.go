// Package transcript is what happened in a run: who did what, in order, with the
// data that a page or a test wants beside the words.
//
// The rule a reader could break: Render is for golden files, so nothing may stand
// in it that differs between two runs of the same thing.
package transcript

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Limit bounds the memory of a long-lived emulator: the oldest entries go first.
const Limit = 100_000

// Whose entry it is, when it is no extension's.
const (
	Platform = "platform"
	Runtime  = "runtime"
)

// What an entry is about, as far as Render or a reader of Data must know.
const (
	Telemetry = "telemetry POST"
	Register  = "register"
	Invoke    = "invoke"
	Sink      = "sink POST"
	LogOrder  = "log order" // a line before START or after END of its request
	Warning   = "warning"   // of the platform: what it cannot emulate here, with the cure

	// With Options.Detailed only; Data says what its type below says.
	LineTaken  = "line"  // a line reached the log: Line
	UsageTaken = "usage" // of an extension, after an invocation: Usage
	CacheTaken = "cache" // after an invocation: json.RawMessage, as the extension answered
)

// Entry is one thing that crossed the wire or happened to a process.
type Entry struct {
	At     time.Time
	Who    string // Platform, Runtime, or an extension's name
	What   string // e.g. "register", "next", "exec", "freeze", or one of the constants
	Detail string // headers and body in short; ids as they were
	Data   any    // what the words do not hold; nil for most
}

// Line is a printed line on its way to the log.
type Line struct {
	Origin  string    `json:"origin"`
	Printed time.Time `json:"printed"` // a frame's own time, else when it was first read
	Taken   time.Time `json:"taken"`   // when the log had it
	Framed  bool      `json:"framed,omitempty"`
	Text    string    `json:"text"`
}

// Usage is what an extension's process group has used.
type Usage struct {
	CPU    time.Duration `json:"cpuNs"` // user and system, since its start
	RSSKB  int           `json:"rssKB"`
	PeakKB int           `json:"peakKB"`
}

// Cache is the answer of an extension that lists its cache.
type Cache = json.RawMessage

// Log keeps entries. Tell, if set before the first Add, gets each one as well, in
// order, under the log's lock.
type Log struct {
	Tell func(Entry)

	mu      sync.Mutex
	entries []Entry
}

// Add appends an entry of now.
func (l *Log) Add(who, what, detail string) { l.AddData(who, what, detail, nil) }

// AddData is Add with the data of the entry.
func (l *Log) AddData(who, what, detail string, data any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := Entry{At: time.Now(), Who: who, What: what, Detail: detail, Data: data}
	if len(l.entries) >= Limit {
		l.entries = slices.Delete(l.entries, 0, Limit/10)
	}
	l.entries = append(l.entries, entry)
	if l.Tell != nil {
		l.Tell(entry)
	}
}

// Snapshot is what has happened so far.
func (l *Log) Snapshot() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}
