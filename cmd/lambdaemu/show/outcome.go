// Package show turns a run into what a person or a machine reads: blocks and a
// summary as text, JSON, a JUnit file, progress on standard error.
//
// The rule a reader could break: it runs nothing and changes nothing. What
// happened comes in as an Outcome or an Ending; only text goes out.
package show

import (
	"cmp"
	"time"

	"powertools-extension/internal/awsemu"
	"powertools-extension/internal/eventsource"
	"powertools-extension/lambdaemu"
)

// Outcome is one invocation that has ended, with the lines since the one before.
type Outcome struct {
	Number   int // from 1
	Event    []byte
	Response lambdaemu.Response
	Err      error  // of the emulator, not of the function
	Ended    string // what ended the invocation after a good answer, e.g. Extension.Crash; empty: nothing
	AWSFault string // in force during the invocation
	Lines    []lambdaemu.Line
	Dropped  int                  // lines that were too many to keep
	Verdict  *eventsource.Verdict // of the mapping in front of the function; nil without one
	Reads    int                  // calls to the embedded AWS since the invocation before
}

func (o Outcome) ok() bool {
	return o.Err == nil && o.Response.FunctionError == "" && o.Ended == ""
}

// Status is one word for tables: ok, or what failed.
func (o Outcome) Status() string {
	switch {
	case o.Err != nil:
		return "not run"
	case o.Ended != "":
		return o.Ended
	case o.Response.FunctionError == "" && o.Response.ErrorType == "":
		return "ok"
	case o.Response.ErrorType != "" && o.Response.ErrorType != "Runtime.Unknown":
		return o.Response.ErrorType
	}
	rec, _ := parseRecord(string(o.Response.Payload)) // the handler's own word
	if _, errorType := rec.first("errorType"); errorType != "" {
		return shorten(errorType, 40)
	}
	return cmp.Or(o.Response.ErrorType, o.Response.FunctionError)
}

// Ending is the shutdown and what the whole run amounts to.
type Ending struct {
	Exit        lambdaemu.Exit
	Err         error // of the shutdown
	Lines       []lambdaemu.Line
	Dropped     int
	Rows        []Digest
	Unlisted    int // invocations beyond maxRows
	Failed      int
	AWS         []awsemu.Count
	Embedded    bool // an embedded AWS was there
	Interrupted bool
	Ledger      *eventsource.Ledger // of the event source; nil without one
	Took        time.Duration       // of the run
}

func (e Ending) count() int { return len(e.Rows) + e.Unlisted }

// OK reports whether the run went well: every invocation, or with an event
// source every message, however often it was tried.
func (e Ending) OK() bool {
	if e.Ledger != nil {
		return e.Clean() && e.Ledger.OK()
	}
	return e.Clean() && e.Failed == 0
}

// Clean reports whether the shutdown went as it should.
func (e Ending) Clean() bool { return e.Err == nil && e.Exit.Clean() }

// Reporter shows a run. Its methods are called one after the other.
type Reporter interface {
	Invocation(Outcome)
	End(Ending)
}

// maxRows bounds what a long run keeps for its summary.
const maxRows = 10_000

// Digest is what the summary keeps of an invocation.
type Digest struct {
	Number    int
	requestID string
	cold      bool
	ok        bool
	status    string
	response  lambdaemu.Response // without payload
	metrics   int                // in EMF documents about this invocation
	reads     int                // of parameters and the like from the embedded AWS
	logErrors int                // lines of the function at ERROR and above
}

// Tally builds the digests. EMF documents count for the invocation they name,
// as they often come one invocation later.
type Tally struct {
	Rows     []Digest
	byID     map[string]int
	Unlisted int
	Failed   int
}

// Add counts one invocation with its lines.
func (t *Tally) Add(o Outcome) {
	if !o.ok() {
		t.Failed++
	}
	if len(t.Rows) == maxRows {
		t.Unlisted++
		return
	}
	d := Digest{Number: o.Number, requestID: o.Response.RequestID, cold: o.Response.ColdStart, ok: o.ok(), status: o.Status(), response: o.Response, reads: o.Reads}
	d.response.Payload = nil
	if t.byID == nil {
		t.byID = map[string]int{}
	}
	t.byID[d.requestID] = len(t.Rows)
	t.Rows = append(t.Rows, d)
	t.Scan(o.Lines, len(t.Rows)-1)
}

// Scan counts metrics and errors in lines; row takes what names no invocation.
func (t *Tally) Scan(lines []lambdaemu.Line, row int) {
	for _, line := range lines {
		if line.Origin == lambdaemu.OriginPlatform {
			continue
		}
		rec, isObject := parseRecord(line.Text)
		if doc, ok := emfOf(rec); isObject && ok {
			t.at(rec.requestID(), row, func(d *Digest) { d.metrics += len(doc.metrics) })
			continue
		}
		if line.Origin == lambdaemu.OriginFunction && isErrorLevel(levelOf(line.Text, rec)) {
			t.at(rec.requestID(), row, func(d *Digest) { d.logErrors++ })
		}
	}
}

func (t *Tally) at(id string, row int, change func(*Digest)) {
	if known, ok := t.byID[id]; ok {
		row = known
	}
	if row >= 0 && row < len(t.Rows) {
		change(&t.Rows[row])
	}
}
