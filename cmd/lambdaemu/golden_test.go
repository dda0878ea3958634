package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsemu"
	"powertools-extension/lambdaemu"
)

// recorded reads a run that --json wrote: a Python bootstrap beside the true
// extension, a failing second invocation, AWS gone in the third.
func recorded(t *testing.T) ([]outcome, ending) {
	t.Helper()
	f, err := os.Open("testdata/recorded.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var outcomes []outcome
	var e ending
	var counts tally
	for scanner := newLongScanner(f); scanner.Scan(); {
		var inv struct {
			jsonInvocation
			Event   json.RawMessage `json:"event"`
			Payload json.RawMessage `json:"payload"`
		}
		var sum jsonSummary
		if err := errors.Join(json.Unmarshal(scanner.Bytes(), &inv), json.Unmarshal(scanner.Bytes(), &sum)); err != nil {
			t.Fatal(err)
		}
		if inv.Type == "invocation" {
			o := outcome{number: inv.Number, event: inv.Event, awsFault: inv.AWSFault, lines: lines(inv.Lines), response: lambdaemu.Response{
				RequestID: inv.RequestID, Payload: inv.Payload, FunctionError: inv.FunctionError, ErrorType: inv.ErrorType, ColdStart: inv.ColdStart,
				Init: fromMs(inv.InitMs), Duration: fromMs(inv.DurationMs), PostRuntime: fromMs(inv.PostRuntimeMs), Billed: fromMs(float64(inv.BilledMs)),
				MaxMemoryUsedMB: inv.MaxMemoryUsedMB, TelemetryPending: inv.TelemetryPending}}
			counts.add(o)
			outcomes = append(outcomes, o)
			continue
		}
		e = ending{exit: lambdaemu.Exit{Reason: sum.Shutdown.Reason, Duration: fromMs(sum.Shutdown.Ms)}, lines: lines(sum.Lines), embedded: true, took: 1234 * time.Millisecond}
		for _, x := range sum.Shutdown.Extensions {
			e.exit.Extensions = append(e.exit.Extensions, lambdaemu.ExtensionExit{Name: x.Name, Code: x.Code, Killed: x.Killed, After: fromMs(x.Ms)})
		}
		for _, c := range sum.AWS {
			e.aws = append(e.aws, awsemu.Count(c))
		}
	}
	counts.scan(e.lines, len(counts.rows)-1)
	e.rows, e.failed = counts.rows, counts.failed
	return outcomes, e
}

func newLongScanner(f *os.File) *bufio.Scanner {
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	return s
}

func lines(in []jsonLine) []lambdaemu.Line {
	var out []lambdaemu.Line
	for _, l := range in {
		out = append(out, lambdaemu.Line(l))
	}
	return out
}

func fromMs(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func TestHumanOutput(t *testing.T) {
	for _, tt := range []struct {
		golden string
		style  style
		raw    bool
	}{
		{golden: "testdata/human.golden"},
		{golden: "testdata/color.golden", style: style{on: true}},
		{golden: "testdata/raw.golden", raw: true},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			var out bytes.Buffer
			v := newTextView(&out, tt.style)
			v.raw, v.extensions, v.command = tt.raw, 1, []string{"./bootstrap"}
			outcomes, e := recorded(t)
			for _, o := range outcomes {
				v.invocation(o)
			}
			v.end(e)
			compareGolden(t, tt.golden, out.Bytes())
		})
	}
}

// compareGolden rewrites the file when UPDATE_GOLDEN is set.
func compareGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		write(t, file, string(got), 0o644)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (UPDATE_GOLDEN=1 rewrites it):\n%s", file, diff)
	}
}

func TestJSONOutput(t *testing.T) {
	box := &fakeBox{exit: lambdaemu.Exit{Reason: "spindown", Extensions: []lambdaemu.ExtensionExit{{Name: "e", After: 5 * time.Millisecond}}}}
	box.invoke = func(n int, req lambdaemu.Request) (lambdaemu.Response, error) {
		box.says("<hello>")
		resp, err := ok(n, req)
		resp.ColdStart, resp.Init, resp.Duration = true, 90*time.Millisecond, 1500*time.Microsecond
		return resp, err
	}
	got := command(t, t.Context(), box, "--json", "--count", "1", "--", "true")
	want := []string{
		`{"type":"invocation","number":1,"requestId":"11111111-1111-1111-1111-111111111111","ok":true,"coldStart":true,"initMs":90,"latencyMs":0,"durationMs":1.5,"postRuntimeMs":0,"billedMs":0,"maxMemoryUsedMB":0,"producedBytes":0,"telemetryPending":0,"event":{},"payload":{"a":1},` +
			`"lines":[{"time":"0001-01-01T00:00:00Z","origin":"function","text":"<hello>"},{"time":"0001-01-01T00:00:00Z","origin":"platform","text":"REPORT RequestId: 11111111-1111-1111-1111-111111111111\tDuration: 1.00 ms\t"}]}`,
		`{"type":"summary","ok":true,"invocations":1,"failed":0,"shutdown":{"clean":true,"reason":"spindown","ms":0,"extensions":[{"name":"e","code":0,"killed":false,"ms":5}]},"tallies":[{"number":1,"requestId":"11111111-1111-1111-1111-111111111111","metrics":0,"logErrors":0}],"lines":[]}`,
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(got.stdout), "\n")); diff != "" {
		t.Error(diff)
	}
}
