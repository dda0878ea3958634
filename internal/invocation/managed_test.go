package invocation_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

func contextOf(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

const (
	idA = "aaaaaaaa-1111-4222-8333-444455556666"
	idB = "bbbbbbbb-1111-4222-8333-444455556666"
	idC = "cccccccc-1111-4222-8333-444455556666"
)

// Whose line is it on managed instances: one that it names, or in whose time
// it lies alone; else nobody's.
func TestLinesOfManagedInstances(t *testing.T) {
	line := func(ms int, text string) *invocation.Line { return &invocation.Line{At: at(ms), Text: []byte(text)} }
	for name, tt := range map[string]struct {
		before []any
		line   *invocation.Line
		want   string
	}{
		"nothing runs":                              {nil, line(5, "x"), ""},
		"one runs":                                  {[]any{start(idA, 0)}, line(5, "x"), idA},
		"two run":                                   {[]any{start(idA, 0), start(idB, 1)}, line(5, "x"), ""},
		"two run, the second was not there yet":     {[]any{start(idA, 0), start(idB, 10)}, line(5, "x"), idA},
		"two run, and a member names one":           {[]any{start(idA, 0), start(idB, 1)}, &invocation.Line{At: at(5), RequestID: []byte(idB)}, idB},
		"two run, and the text names one":           {[]any{start(idA, 0), start(idB, 1)}, line(5, "order of "+idA+" done"), idA},
		"two run, and any member names one":         {[]any{start(idA, 0), start(idB, 1)}, line(5, `{"lambda":{"request":"`+idA+`"},"other":"dddddddd-1111-4222-8333-444455556666"}`), idA},
		"two run, and the text names both":          {[]any{start(idA, 0), start(idB, 1)}, line(5, idA+" waits for "+idB), ""},
		"two run, and the text names an unknown id": {[]any{start(idA, 0), start(idB, 1)}, line(5, "caller "+idC), ""},
		"one runs, and the text names an unknown":   {[]any{start(idA, 0)}, line(5, "caller "+idC), idA},
		"the report came first":                     {[]any{start(idA, 0), report(idA, 4, "success")}, line(5, "x"), idA},
		"the report came first, by far":             {[]any{start(idA, 0), report(idA, 4, "success")}, line(200, "x"), ""},
		"before any":                                {[]any{start(idA, 10)}, line(5, "x"), ""},
		"one after the other, in the second's time": {[]any{start(idA, 0), report(idA, 4, "success"), start(idB, 4)}, line(6, "x"), idB},
		"one after the other, both over":            {[]any{start(idA, 0), report(idA, 4, "success"), start(idB, 4), report(idB, 8, "success")}, line(9, "x"), idB},
		"one after the other, in the first's time":  {[]any{start(idA, 0), report(idA, 4, "success"), start(idB, 7), report(idB, 8, "success")}, line(3, "x"), idA},
		"one over that ran beside one that runs":    {[]any{start(idA, 0), start(idB, 2), report(idB, 4, "success")}, line(6, "x"), ""},
		"the younger over, long ago":                {[]any{start(idA, 0), start(idB, 2), report(idB, 4, "success")}, line(300, "x"), idA},
		"the elder over, they ran side by side":     {[]any{start(idA, 0), start(idB, 2), report(idA, 4, "success")}, line(6, "x"), ""},
		"both over, they ran side by side":          {[]any{start(idA, 0), start(idB, 2), report(idA, 4, "success"), report(idB, 5, "success")}, line(6, "x"), ""},
		"started out of order":                      {[]any{start(idB, 5), start(idA, 0)}, line(3, "x"), idA},
		"one over before two that run":              {[]any{start(idA, 0), report(idA, 1, "success"), start(idB, 2), start(idC, 3)}, line(6, "x"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTracker("lambda-managed-instances")
			for _, s := range tt.before {
				tr.Observe(s.(*telemetry.Event))
			}
			got := ""
			if a := tr.Line(tt.line); a != nil {
				got = a.ID
			}
			if got != tt.want {
				t.Errorf("line of %q, want %q", got, tt.want)
			}
		})
	}
}

// A record stays open beyond its report, and what comes then is counted:
// levels, the fingerprint, the error's type.
func TestLateLinesCount(t *testing.T) {
	boom := &invocation.Line{At: at(11), RequestID: []byte(idA), Level: invocation.LevelError, Unhandled: true, ErrorType: []byte("KeyError"), ErrorMessage: []byte("'x'"), Text: []byte("KeyError: 'x'")}
	run := func(steps ...any) invocation.Summary {
		tr := newTracker("lambda-managed-instances")
		for _, s := range steps {
			switch s := s.(type) {
			case *telemetry.Event:
				tr.Observe(s)
			case *invocation.Line:
				tr.Line(s)
			}
		}
		if sums := tr.Over(t0.Add(99 * time.Millisecond)); len(sums) != 0 {
			t.Errorf("closed before its time: %+v", sums)
		}
		next, waits := tr.NextOver()
		if !waits || next != t0.Add(100*time.Millisecond) {
			t.Errorf("next over at %v, %v", next, waits)
		}
		if !isClosed(tr.Settled()) {
			t.Error("a shutdown waits for late lines")
		}
		return only(t, tr.Over(next))
	}
	early := run(start(idA, 0), boom, report(idA, 10, "error"))
	late := run(start(idA, 0), report(idA, 10, "error"), boom)
	first := run(report(idA, 10, "error"), start(idA, 0), boom)
	for name, s := range map[string]invocation.Summary{"lines first": early, "report first": late, "report before start": first} {
		if s.Logs[invocation.LevelError] != 1 || s.FirstErrorFingerprint == "" || s.ErrorType != "KeyError" || s.Outcome != "error" || s.OutcomeFrom != "platform" || s.Message != "KeyError: 'x'" || !s.Complete {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// The proxy is where attempts of managed instances begin and end.
func TestProxyOnManagedInstances(t *testing.T) {
	tr := newTracker("lambda-managed-instances")
	tr.Delivered(invocation.Delivery{RequestID: idA, FunctionARN: "arn", TraceHeader: "Root=1-2-3;Sampled=1", TenantID: "blue", Deadline: at(3000), At: at(1)})
	req, ok := tr.Running(t.Context(), idA)
	if !ok || req.FunctionARN != "arn" || req.TraceID != "1-2-3" || req.TenantID != "blue" || req.Deadline != at(3000) {
		t.Errorf("running: %+v, %v", req, ok)
	}
	tr.Observe(start(idA, 0))
	tr.Answered(invocation.Answer{RequestID: idA, At: at(8), Status: 202, Bytes: 2})
	s := only(t, observe(tr, report(idA, 10, "success")))
	if s.RuntimeDurationMs != telemetry.Num(7) || s.OutcomeFrom != "proxy" || s.Outcome != "success" || s.DeadlineSlackMs != telemetry.Num(2992) || s.Attempt.Try != 1 {
		t.Errorf("%+v", s)
	}
}

// Writers of all kinds at once.
func TestProxyFromManyGoroutines(t *testing.T) {
	tr := newTracker("lambda-managed-instances")
	const n = 200
	done := make(chan struct{})
	for i := range n {
		id := fmt.Sprintf("%08d-2222-3333-4444-555555555555", i)
		go func() { tr.Observe(start(id, i)); done <- struct{}{} }()
		go func() {
			a := tr.Delivered(invocation.Delivery{RequestID: id, At: at(i)})
			tr.Answered(invocation.Answer{RequestID: id, At: at(i + 5), Status: 202})
			_, _ = a.Request(), a.Open()
			done <- struct{}{}
		}()
	}
	for range 2 * n {
		<-done
	}
	if sums := closed(tr, "spindown", 9000); len(sums) != n {
		t.Errorf("%d summaries, want %d", len(sums), n)
	}
}
