package show

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsemu"
	"powertools-extension/lambdaemu"
)

// recorded reads a run that --json wrote: a Python bootstrap beside the true
// extension, a failing second invocation, AWS gone in the third.
func recorded(t *testing.T) ([]Outcome, Ending) {
	t.Helper()
	f, err := os.Open("testdata/recorded.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var outcomes []Outcome
	var e Ending
	var counts Tally
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
			o := Outcome{Number: inv.Number, Event: inv.Event, AWSFault: inv.AWSFault, Lines: lines(inv.Lines), Response: lambdaemu.Response{
				RequestID: inv.RequestID, Payload: inv.Payload, FunctionError: inv.FunctionError, ErrorType: inv.ErrorType, ColdStart: inv.ColdStart,
				Init: fromMs(inv.InitMs), Duration: fromMs(inv.DurationMs), PostRuntime: fromMs(inv.PostRuntimeMs), Billed: fromMs(float64(inv.BilledMs)),
				MaxMemoryUsedMB: inv.MaxMemoryUsedMB, TelemetryPending: inv.TelemetryPending}}
			counts.Add(o)
			outcomes = append(outcomes, o)
			continue
		}
		e = Ending{Exit: lambdaemu.Exit{Reason: sum.Shutdown.Reason, Duration: fromMs(sum.Shutdown.Ms)}, Lines: lines(sum.Lines), Embedded: true, Took: 1234 * time.Millisecond}
		for _, x := range sum.Shutdown.Extensions {
			e.Exit.Extensions = append(e.Exit.Extensions, lambdaemu.ExtensionExit{Name: x.Name, Code: x.Code, Killed: x.Killed, After: fromMs(x.Ms)})
		}
		for _, c := range sum.AWS {
			e.AWS = append(e.AWS, awsemu.Count(c))
		}
	}
	counts.Scan(e.Lines, len(counts.Rows)-1)
	e.Rows, e.Failed = counts.Rows, counts.Failed
	return outcomes, e
}

func newLongScanner(f *os.File) *bufio.Scanner {
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	return s
}

func lines(in []JSONLine) []lambdaemu.Line {
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
		style  Style
		raw    bool
	}{
		{golden: "testdata/human.golden"},
		{golden: "testdata/color.golden", style: Style{on: true}},
		{golden: "testdata/raw.golden", raw: true},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			var out bytes.Buffer
			v := newTextView(&out, tt.style, TextOptions{})
			v.Raw, v.Extensions, v.Command = tt.raw, 1, []string{"./bootstrap"}
			outcomes, e := recorded(t)
			for _, o := range outcomes {
				v.Invocation(o)
			}
			v.End(e)
			compareGolden(t, tt.golden, out.Bytes())
		})
	}
}

// compareGolden rewrites the file when UPDATE_GOLDEN is set.
func compareGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (UPDATE_GOLDEN=1 rewrites it):\n%s", file, diff)
	}
}
