package main

import (
	"cmp"
	"context"
	"time"

	"powertools-extension/internal/awsemu"
	"powertools-extension/lambdaemu"
)

// sandbox is what this command needs of an emulator.
type sandbox interface {
	Invoke(context.Context, lambdaemu.Request) (lambdaemu.Response, error)
	Shutdown(context.Context) (lambdaemu.Exit, error)
	Transcript() []lambdaemu.Entry
}

// starter makes a sandbox; the cold start is over when it returns.
type starter func(context.Context, lambdaemu.Options) (sandbox, error)

// startEmulator is the starter outside of tests.
func startEmulator(ctx context.Context, opt lambdaemu.Options) (sandbox, error) {
	e, err := lambdaemu.Start(ctx, opt)
	if err != nil {
		return nil, err // not e: a nil *Emulator in an interface is not nil
	}
	return e, nil
}

// outcome is one invocation that has ended, with the lines since the one before.
type outcome struct {
	number   int // from 1
	event    []byte
	response lambdaemu.Response
	err      error  // of the emulator, not of the function
	awsFault string // in force during the invocation
	lines    []lambdaemu.Line
	dropped  int // lines that were too many to keep
	reads    int // calls to the embedded AWS since the invocation before
}

func (o outcome) ok() bool { return o.err == nil && o.response.FunctionError == "" }

// status is one word for tables: ok, or what failed.
func (o outcome) status() string {
	switch {
	case o.err != nil:
		return "not run"
	case o.response.FunctionError == "" && o.response.ErrorType == "":
		return "ok"
	case o.response.ErrorType != "" && o.response.ErrorType != "Runtime.Unknown":
		return o.response.ErrorType
	}
	rec, _ := parseRecord(string(o.response.Payload)) // the handler's own word
	if _, errorType := rec.first("errorType"); errorType != "" {
		return shorten(errorType, 40)
	}
	return cmp.Or(o.response.ErrorType, o.response.FunctionError)
}

// ending is the shutdown and what the whole run amounts to.
type ending struct {
	exit        lambdaemu.Exit
	err         error // of the shutdown
	lines       []lambdaemu.Line
	dropped     int
	rows        []digest
	unlisted    int // invocations beyond maxRows
	failed      int
	aws         []awsemu.Count
	embedded    bool // an embedded AWS was there
	interrupted bool
	took        time.Duration // of the run
}

func (e ending) count() int { return len(e.rows) + e.unlisted }

func (e ending) clean() bool { return e.err == nil && e.exit.Clean() }

// reporter shows a run. Its methods are called one after the other.
type reporter interface {
	invocation(outcome)
	end(ending)
}

// maxRows bounds what a long run keeps for its summary.
const maxRows = 10_000

// digest is what the summary keeps of an invocation.
type digest struct {
	number    int
	requestID string
	cold      bool
	ok        bool
	status    string
	response  lambdaemu.Response // without payload
	metrics   int                // in EMF documents about this invocation
	reads     int                // of parameters and the like from the embedded AWS
	logErrors int                // lines of the function at ERROR and above
}

// tally builds the digests. EMF documents count for the invocation they name,
// as they often come one invocation later.
type tally struct {
	rows     []digest
	byID     map[string]int
	unlisted int
	failed   int
}

func (t *tally) add(o outcome) {
	if !o.ok() {
		t.failed++
	}
	if len(t.rows) == maxRows {
		t.unlisted++
		return
	}
	d := digest{number: o.number, requestID: o.response.RequestID, cold: o.response.ColdStart, ok: o.ok(), status: o.status(), response: o.response, reads: o.reads}
	d.response.Payload = nil
	if t.byID == nil {
		t.byID = map[string]int{}
	}
	t.byID[d.requestID] = len(t.rows)
	t.rows = append(t.rows, d)
	t.scan(o.lines, len(t.rows)-1)
}

// scan counts metrics and errors in lines; row takes what names no invocation.
func (t *tally) scan(lines []lambdaemu.Line, row int) {
	for _, line := range lines {
		if line.Origin == lambdaemu.OriginPlatform {
			continue
		}
		rec, isObject := parseRecord(line.Text)
		if doc, ok := emfOf(rec); isObject && ok {
			t.at(rec.requestID(), row, func(d *digest) { d.metrics += len(doc.metrics) })
			continue
		}
		if line.Origin == lambdaemu.OriginFunction && isErrorLevel(levelOf(line.Text, rec)) {
			t.at(rec.requestID(), row, func(d *digest) { d.logErrors++ })
		}
	}
}

func (t *tally) at(id string, row int, change func(*digest)) {
	if known, ok := t.byID[id]; ok {
		row = known
	}
	if row >= 0 && row < len(t.rows) {
		change(&t.rows[row])
	}
}
