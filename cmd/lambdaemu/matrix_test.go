package main

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"powertools-extension/cmd/lambdaemu/show"
	"powertools-extension/internal/awsemu"
	"powertools-extension/lambdaemu"
)

// realMatrix is a matrix over this test's function and extension.
func realMatrix(t *testing.T, how string) *matrix {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	set, err := parseMatrixFlags([]string{"--extension", extensionFile(t), "--timeout", "20", "--env", "LAMBDAEMU_TEST_FUNCTION=echo",
		"--env", "LAMBDAEMU_TEST_EXTENSION=" + how, "--env", "AWS_ENDPOINT_URL=http://127.0.0.1:1", "--", self})
	if err != nil {
		t.Fatal(err)
	}
	p := process{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, lookup: os.LookupEnv,
		environ: func() []string { return nil }, terminal: func(io.Writer) bool { return false }, start: startEmulator}
	m := &matrix{set: set, p: p, progress: show.NewProgress(io.Discard, false, true)}
	m.base = m.one(t.Context(), matrixRow{name: "none"})
	return m
}

// judged runs the rows of the named faults.
func (m *matrix) judged(t *testing.T, names ...string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, row := range m.rows() {
		for _, name := range names {
			if row.fault.Name == name {
				got[name] = strings.Join(m.judge(row, m.one(t.Context(), row)), "; ")
			}
		}
	}
	return got
}

// A sound extension is green where the platform itself is at fault, too; one
// that ignores SHUTDOWN or leaves early is red.
func TestMatrixVerdicts(t *testing.T) {
	m := realMatrix(t, "")
	if !m.healthyBase() || len(m.base.saw) != 3 {
		t.Fatalf("baseline %+v", m.base)
	}
	for name, reason := range m.judged(t, "out-of-memory", "function-hung", "next-500", "shutdown-first") {
		if reason != "" {
			t.Errorf("%s: %s", name, reason)
		}
	}
	for how, want := range map[string]string{"stay": "ext-test killed", "crash": "Extension.Crash"} {
		m := realMatrix(t, how)
		if m.healthyBase() {
			t.Errorf("%s: the baseline is healthy", how)
		}
		m.base.saw, m.base.resets = []string{"ok", "ok", "ok"}, 0 // as with a sound one
		if reason := m.judged(t, "telemetry-202")["telemetry-202"]; !strings.Contains(reason, want) {
			t.Errorf("%s: %q, want %q", how, reason, want)
		}
	}
}

// Why a row is red.
func TestJudge(t *testing.T) {
	m := &matrix{base: rowResult{saw: []string{"ok", "ok"}, init: 10 * time.Millisecond, invocations: 20 * time.Millisecond}}
	good := rowResult{saw: []string{"ok", "ok"}, exits: []lambdaemu.ExtensionExit{{Name: "e"}, {Name: "u", Unsubscribed: true, Killed: true}}}
	for _, tt := range []struct {
		outcome string
		row     matrixRow
		change  func(*rowResult)
		want    string
	}{
		{"all as before", matrixRow{}, func(*rowResult) {}, ""},
		{"the function failed", matrixRow{}, func(r *rowResult) { r.saw[1] = "Sandbox.Timedout" }, "invocation 2: Sandbox.Timedout, want ok"},
		{"the function said its own error", matrixRow{answers: true}, func(r *rowResult) { r.saw[1] = "ValueError" }, ""},
		{"the platform's error is no answer", matrixRow{answers: true}, func(r *rowResult) { r.saw[1] = "Runtime.ExitError" }, "invocation 2: Runtime.ExitError, want ok"},
		{"the fault fails an invocation", matrixRow{fails: map[int]string{2: "Runtime.ExitError"}, resets: 1}, func(r *rowResult) { r.saw[1], r.resets = "Runtime.ExitError", 1 }, ""},
		{"a reset", matrixRow{}, func(r *rowResult) { r.resets = 1 }, "the sandbox was reset"},
		{"killed", matrixRow{}, func(r *rowResult) { r.exits[0].Killed = true }, "e killed"},
		{"slow init", matrixRow{patience: time.Second}, func(r *rowResult) { r.init = 2 * time.Second }, "init took 1990.00 ms longer"},
		{"slow invocations", matrixRow{patience: time.Second}, func(r *rowResult) { r.invocations = 2 * time.Second }, "invocations took 1980.00 ms longer"},
		{"never done", matrixRow{}, func(r *rowResult) { r.interrupted = true }, "not done within 1m0s"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			r := good
			r.saw, r.exits = append([]string{}, good.saw...), append([]lambdaemu.ExtensionExit{}, good.exits...)
			r.init, r.invocations = m.base.init, m.base.invocations
			tt.change(&r)
			if got := strings.Join(m.judge(tt.row, r), "; "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// There is a row for every fault of both tables.
func TestMatrixIsComplete(t *testing.T) {
	m := &matrix{set: settings{params: "x", env: []string{"A={sink}"}}}
	rows := m.rows()
	if len(rows) != len(lambdaemu.FaultNames())+len(awsemu.Faults()) {
		t.Errorf("%d rows", len(rows))
	}
	for _, row := range rows {
		if row.skip != "" || row.patience == 0 {
			t.Errorf("row %+v", row)
		}
	}
	if m.set.env = nil; !strings.Contains(m.rows()[len(lambdaemu.FaultNames())-1].skip, "{sink}") {
		t.Error("sink rows run without a sink")
	}
	if m.lanes() != 1 {
		t.Error("rows that may meet on a port run side by side")
	}
	if m.set.env = []string{"P={port}"}; m.lanes() != 2 {
		t.Error("rows with a port each run one after the other")
	}
}

func TestMatrixRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"-- true": "name the extension to try",
		"--extension /x --fault next-500 -- true": "brings its own faults",
		"--extension /x --invoke - -- true":       "can be read only once",
		"--extension /x":                          "no function",
	} {
		if got := bareCommand(t, append([]string{"faults"}, strings.Fields(args)...)...); got.code != 2 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: exit code %d, %s", args, got.code, got.stderr)
		}
	}
	if got := bareCommand(t, "faults", "--help"); got.code != 0 || !strings.Contains(got.stdout, "usage: lambdaemu faults") {
		t.Errorf("help: %d %s", got.code, got.stdout)
	}
}
