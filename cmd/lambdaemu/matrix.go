package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"powertools-extension/cmd/lambdaemu/ports"
	"powertools-extension/cmd/lambdaemu/show"
	"powertools-extension/internal/awsemu"
	"powertools-extension/lambdaemu"
)

// The fault matrix runs one function with one set of extensions under every
// fault, and judges each row against a run without any: what the function saw,
// what was added to its time, what became of the telemetry, how the extensions
// ended.

const (
	// matrixInvocations is how often a row invokes; a fault that wears off is
	// over by the last one.
	matrixInvocations = 3
	// rowLimit bounds one row, whatever hangs.
	rowLimit = 60 * time.Second
	// patience is what a fault may add to the invocations of a row together, and
	// to its init: an extension may wait a little for an event that is late.
	patience = matrixInvocations * time.Second
)

// matrixRow is one fault and what is allowed to happen under it.
type matrixRow struct {
	name     string
	fault    lambdaemu.Fault
	awsFault string
	fails    map[int]string // invocation from 1 → the error type it must end in
	answers  bool           // any answer of the function will do, an error of its own included
	resets   int            // how often a sound extension may give up and be replaced
	patience time.Duration
	skip     string // why it cannot run here
}

// rowResult is what happened.
type rowResult struct {
	saw         []string // status per invocation
	init        time.Duration
	invocations time.Duration
	telemetry   lambdaemu.TelemetryStats
	sink        lambdaemu.SinkStats
	exits       []lambdaemu.ExtensionExit
	resets      int
	interrupted bool
	err         error
}

// telemetryBox and sinkBox are what the true emulator has beyond a sandbox.
type telemetryBox interface {
	Telemetry() lambdaemu.TelemetryStats
}

type sinkBox interface{ Sink() lambdaemu.SinkStats }

// faultMatrix is the subcommand. It returns the exit code.
func faultMatrix(ctx context.Context, args []string, p process) int {
	set, err := parseMatrixFlags(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(p.stdout, matrixHelp)
		return exitOK
	case err != nil:
		return fail(p, exitUsage, err)
	}
	m := &matrix{set: set, p: p, st: show.NewStyle(set.color, p.lookup, p.terminal(p.stdout)), progress: show.NewProgress(show.NewLockedWriter(p.stderr), p.terminal(p.stderr), true)}
	return m.run(ctx)
}

const matrixHelp = `lambdaemu faults runs a function with extensions under every fault there is and
prints one row per fault: what the function saw, the time added, the telemetry
lost, the exit of the extensions, and a verdict. Exit code 1 when a row is red.

usage: lambdaemu faults [flags] --extension PATH -- COMMAND ARGS…

The flags are those of lambdaemu. Worth knowing here:
  --params FILE       adds a row per fault of the embedded AWS
  --env K={sink}      adds the rows of the built-in sink
  --env K={port}      gives each run a port of its own; two rows then run at once
  --invoke EVENT      what the function is invoked with, three times per row
`

func parseMatrixFlags(args []string) (settings, error) {
	set, err := parseFlags(args)
	switch {
	case err != nil:
		return set, err
	case len(set.extensions) == 0:
		return set, errors.New("faults: name the extension to try: --extension PATH")
	case len(set.faults)+len(set.awsFaults) > 0:
		return set, errors.New("faults: it brings its own faults; leave --fault and --aws-fault out")
	case slices.Contains(set.invokes, "-"):
		return set, errors.New("faults: --invoke - can be read only once; name a file")
	}
	return set, nil
}

// matrix is one run of the subcommand.
type matrix struct {
	set      settings
	p        process
	st       show.Style
	progress *show.Progress
	base     rowResult
	red      int
}

func (m *matrix) run(ctx context.Context) int {
	begin := time.Now()
	m.progress.Set("baseline")
	m.base = m.one(ctx, matrixRow{name: "none"})
	m.progress.Clear()
	if m.base.err != nil {
		return fail(m.p, exitFailed, m.base.err)
	}
	rows := m.rows()
	results := m.all(ctx, rows)
	m.progress.Clear()
	if ctx.Err() != nil {
		return fail(m.p, exitFailed, errors.New("interrupted"))
	}
	m.print(rows, results, time.Since(begin))
	if m.red > 0 || !m.healthyBase() {
		return exitFailed
	}
	return exitOK
}

// healthyBase: a function that fails without any fault says nothing about faults.
func (m *matrix) healthyBase() bool {
	return !slices.ContainsFunc(m.base.saw, func(s string) bool { return s != "ok" }) && exitProblem(m.base.exits) == ""
}

// all runs the rows, two at once when each has its own port.
func (m *matrix) all(ctx context.Context, rows []matrixRow) []rowResult {
	lanes := make(chan struct{}, m.lanes())
	results := make([]rowResult, len(rows))
	var wg sync.WaitGroup
	for i, row := range rows {
		if row.skip != "" {
			continue
		}
		lanes <- struct{}{}
		m.progress.Tell(fmt.Sprintf("fault %d of %d: %s", i+1, len(rows), row.name), i+1, len(rows))
		wg.Go(func() {
			defer func() { <-lanes }()
			results[i] = m.one(ctx, row)
		})
	}
	wg.Wait()
	return results
}

func (m *matrix) lanes() int {
	if m.mentions(portPlaceholder) {
		return 2
	}
	return 1
}

func (m *matrix) mentions(placeholder string) bool {
	return slices.ContainsFunc(m.set.env, func(pair string) bool { return strings.Contains(pair, placeholder) })
}

// one runs one row in a sandbox of its own.
func (m *matrix) one(ctx context.Context, row matrixRow) rowResult {
	ctx, cancel := context.WithTimeout(ctx, rowLimit)
	defer cancel()
	set := m.set
	set.count, set.quiet, set.json, set.gap = matrixInvocations, true, false, 0
	set.record, set.junit, set.transcript, set.logStream = "", "", "", ""
	set.env = slices.Clone(m.set.env)
	if err := fillRowPort(&set, &row); err != nil {
		return rowResult{err: err}
	}
	if row.fault.Name != "" {
		set.faults = []lambdaemu.Fault{row.fault}
	}
	if row.awsFault != "" {
		set.awsFaults = []awsFault{{fault: row.awsFault, from: 2}}
	}
	quiet := m.p
	quiet.stdout, quiet.stderr = io.Discard, io.Discard
	s, err := prepare(set, quiet, false)
	if err != nil {
		return rowResult{err: err}
	}
	defer s.close()
	return m.drive(ctx, s)
}

// fillRowPort gives the row its port, which the fault port-taken then takes.
func fillRowPort(set *settings, row *matrixRow) error {
	port, err := ports.Free()
	if err != nil {
		return err
	}
	for i, pair := range set.env {
		if strings.Contains(pair, portPlaceholder) {
			set.env[i] = strings.ReplaceAll(pair, portPlaceholder, fmt.Sprint(port))
			if row.fault.Name == "port-taken" {
				row.fault.Arg = fmt.Sprint(port)
			}
		}
	}
	return nil
}

func (m *matrix) drive(ctx context.Context, s *session) rowResult {
	view := &rowView{}
	s.view = view
	begin := time.Now()
	if err := s.open(ctx); err != nil {
		return rowResult{err: err}
	}
	r := rowResult{init: time.Since(begin)}
	r.err = s.runAll(ctx)
	r.interrupted = ctx.Err() != nil
	s.finish()
	for _, o := range view.outcomes {
		o.Ended = "" // what the caller saw; resets are counted below
		r.saw = append(r.saw, o.Status())
		r.invocations += o.Response.Duration + o.Response.PostRuntime
	}
	r.exits = view.ending.Exit.Extensions
	if view.ending.Err != nil {
		r.err = view.ending.Err
	}
	if box, ok := s.box.(telemetryBox); ok {
		r.telemetry = box.Telemetry()
	}
	if box, ok := s.box.(sinkBox); ok {
		r.sink = box.Sink()
	}
	for _, e := range s.box.Transcript() {
		if e.Who == "platform" && e.What == "reset" {
			r.resets++
		}
	}
	return r
}

// rowView keeps instead of showing.
type rowView struct {
	outcomes []show.Outcome
	ending   show.Ending
}

func (v *rowView) Invocation(o show.Outcome) {
	o.Lines = nil
	v.outcomes = append(v.outcomes, o)
}

func (v *rowView) End(e show.Ending) { v.ending = e }

// rows lists every fault of the two tables, with the argument that lets a sound
// extension live: a registration that always fails ends any extension.
func (m *matrix) rows() []matrixRow {
	var rows []matrixRow
	for _, info := range lambdaemu.FaultNames() {
		row := matrixRow{name: info.Name, fault: lambdaemu.Fault{Name: info.Name}, patience: patience}
		m.adjust(&row)
		if row.fault.Arg != "" && row.fault.Name != "port-taken" || row.fault.From != 0 {
			row.name = row.fault.String()
		}
		rows = append(rows, row)
	}
	if m.set.params == "" {
		return rows
	}
	for _, info := range awsemu.Faults() {
		rows = append(rows, matrixRow{name: "aws " + info.Name, awsFault: info.Name, answers: true, patience: matrixInvocations * 6 * time.Second})
	}
	return rows
}

func (m *matrix) adjust(row *matrixRow) {
	switch name := row.fault.Name; name {
	case "register-500", "register-403", "next-500", "next-403":
		// One refusal: an extension may try again, or leave as the API's
		// documentation says, and then be started again.
		row.fault.Arg, row.resets = "1", 1
	case "logs-dropped":
		row.fault.Arg = "200"
	case "telemetry-500", "telemetry-400":
		row.patience += time.Second // an extension may try again
	case "port-taken":
		row.answers = true // a function that needs what listens there may say so
	case "out-of-memory":
		row.fault.Arg, row.fault.From = "1", 2
		row.fails, row.resets = map[int]string{2: "Runtime.ExitError"}, 1
		row.patience += 2 * time.Second // of the reset
	case "function-hung":
		row.fault.Arg, row.fault.From = "1", 2
		row.fails, row.resets = map[int]string{2: "Sandbox.Timedout"}, 1
		row.patience += max(m.set.timeout, 3*time.Second) + 2*time.Second
	case "sink-hung", "sink-500", "sink-slow":
		if !m.mentions(lambdaemu.SinkPlaceholder) {
			row.skip = "no variable has {sink}"
		}
	}
}

// exitProblem says what is wrong with the ends of the extensions, "" if nothing.
func exitProblem(exits []lambdaemu.ExtensionExit) string {
	for _, x := range exits {
		switch {
		case x.Unsubscribed:
		case x.Killed:
			return x.Name + " killed"
		case x.Code != 0:
			return fmt.Sprintf("%s exit %d", x.Name, x.Code)
		}
	}
	return ""
}
