package spans_test

import (
	"slices"
	"testing"
	"time"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/spans"
	"powertools-extension/internal/telemetry"
	"powertools-extension/internal/tracing"
)

// Lambda tries an event again under its id, and how the first try ended is
// often told when the next one has begun: each has its own span, of its own
// time and with its own end, whoever is heard first.
func TestTriesOfOneRequest(t *testing.T) {
	const first, second = "24cd7d670fa455f0", "5f2b1c9d8e7a6b40"
	at := time.Now().Round(0).Add(-10 * time.Minute)
	again := at.Add(time.Minute)
	end := func(kind telemetry.Kind, status, errorType string, at time.Time) telemetry.Event {
		ev := ended(kind, "a", status, errorType, 120, at.Add(120*time.Millisecond))
		ev.Platform.ProducedBytes = telemetry.Num(7)
		return ev
	}
	for name, story := range map[string]func(w *world, invoke func(time.Time)){
		"in order": func(w *world, invoke func(time.Time)) {
			invoke(at)
			w.observe(start("a", header, first, at), end(telemetry.KindRuntimeDone, "error", "Runtime.ExitError", at), end(telemetry.KindReport, "error", "Runtime.ExitError", at))
			invoke(again)
			w.observe(start("a", header, second, again), end(telemetry.KindRuntimeDone, "success", "", again), end(telemetry.KindReport, "success", "", again))
		},
		"report beside the next start": func(w *world, invoke func(time.Time)) {
			invoke(at)
			w.observe(start("a", header, first, at), end(telemetry.KindRuntimeDone, "error", "Runtime.ExitError", at))
			invoke(again)
			w.observe(end(telemetry.KindReport, "error", "Runtime.ExitError", at), start("a", header, second, again), end(telemetry.KindRuntimeDone, "success", "", again), end(telemetry.KindReport, "success", "", again))
		},
		"end beside the next start, heard before INVOKE": func(w *world, invoke func(time.Time)) {
			invoke(at)
			w.observe(start("a", header, first, at))
			w.observe(end(telemetry.KindRuntimeDone, "error", "Runtime.ExitError", at), end(telemetry.KindReport, "error", "Runtime.ExitError", at), start("a", header, second, again))
			invoke(again)
			w.observe(end(telemetry.KindRuntimeDone, "success", "", again), end(telemetry.KindReport, "success", "", again))
		},
		"all of both after the next INVOKE": func(w *world, invoke func(time.Time)) {
			invoke(at)
			invoke(again)
			w.observe(start("a", header, first, at), end(telemetry.KindRuntimeDone, "error", "Runtime.ExitError", at), end(telemetry.KindReport, "error", "Runtime.ExitError", at),
				start("a", header, second, again), end(telemetry.KindRuntimeDone, "success", "", again), end(telemetry.KindReport, "success", "", again))
		},
		"start delivered twice": func(w *world, invoke func(time.Time)) {
			invoke(at)
			w.observe(start("a", header, first, at))
			w.observe(start("a", header, first, at), end(telemetry.KindRuntimeDone, "error", "Runtime.ExitError", at))
			invoke(again)
			w.observe(start("a", header, second, again), end(telemetry.KindReport, "error", "Runtime.ExitError", at))
			w.observe(end(telemetry.KindRuntimeDone, "success", "", again), end(telemetry.KindReport, "success", "", again))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false)
			var marked []string // what lines of the tries carry
			story(w, func(at time.Time) {
				a := w.tracker.Begin(invocation.Invoke{RequestID: "a", TraceHeader: header, At: at})
				w.over()
				w.Invoked(a, header)
				marked = append(marked, a.Request().SpanID)
			})
			all := w.done()
			slices.SortFunc(all, func(a, b *tracing.Span) int { return a.Start.Compare(b.Start) })
			if len(all) != 2 || w.Skipped() != 0 {
				t.Fatalf("%d spans, %d skipped", len(all), w.Skipped())
			}
			for i, want := range []struct {
				parent string
				start  time.Time
				failed bool
			}{{first, at, true}, {second, again, false}} {
				s := all[i]
				if s.Parent != want.parent || s.Start != want.start || s.End.Sub(s.Start) != 120*time.Millisecond || s.Fault != want.failed || s.ID != marked[i] {
					t.Errorf("try %d: %+v, lines carry %s", i+1, s, marked[i])
				}
			}
		})
	}
}

// Through the proxy: an answer that Lambda refused ends nothing, and the next
// try of the same id is one of its own.
func TestNextTryAfterARefusedAnswer(t *testing.T) {
	for name, next := range map[string]string{"sampled": header, "not sampled": "Root=" + root + ";Parent=" + parent + ";Sampled=0"} {
		w := newWorld(t, true)
		_, a := w.deliver("a", header)
		refused := a.Request().SpanID
		w.answer(spans.Answer{ID: "a", Status: 413})
		w.tracker.Answered(invocation.Answer{RequestID: "a", Status: 413})
		end := time.Now()
		for !time.Now().After(end) { // the clock tells tries apart
		}
		w.deliver("a", next)
		w.answer(spans.Answer{ID: "a"})
		w.observe(ended(telemetry.KindReport, "a", "error", "Function.ResponseSizeTooLarge", 5, end))
		w.tracker.Close("spindown", time.Now())
		w.over()
		all := w.done()
		for _, s := range all {
			if s.Fault != (s.ID == refused) {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if want := map[string]int{"sampled": 2, "not sampled": 1}[name]; len(all) != want {
			t.Errorf("%s: %d spans", name, len(all))
		}
	}
}

// An INVOKE that is read after the report begins nothing: the span is out.
func TestInvokeReadAfterTheReport(t *testing.T) {
	at := time.Now().Round(0).Add(-time.Second)
	w := newWorld(t, false)
	done := ended(telemetry.KindRuntimeDone, "a", "success", "", 120, at.Add(120*time.Millisecond))
	done.Platform.ProducedBytes = telemetry.Num(7)
	w.observe(start("a", header, "24cd7d670fa455f0", at), done, ended(telemetry.KindReport, "a", "success", "", 120, at.Add(120*time.Millisecond)))
	w.Invoked(w.tracker.Begin(invocation.Invoke{RequestID: "a", TraceHeader: header, At: at.Add(130 * time.Millisecond)}), header)
	if all := w.done(); len(all) != 1 || w.Skipped() != 0 {
		t.Errorf("%d spans, %d skipped", len(all), w.Skipped())
	}
}

// Where nobody tells the end, it is not after the deadline: the next try is
// often minutes later, and the function did not run until then.
func TestEndThatNobodyTells(t *testing.T) {
	at := time.Now().Round(0).Add(-10 * time.Minute)
	again := at.Add(time.Minute)
	w := newWorld(t, false)
	for _, begun := range []time.Time{at, again} {
		a := w.tracker.Begin(invocation.Invoke{RequestID: "a", TraceHeader: header, At: begun, Deadline: begun.Add(3 * time.Second)})
		w.over()
		w.Invoked(a, header)
		w.observe(start("a", header, "24cd7d670fa455f0", begun))
	}
	w.tracker.Close("spindown", again.Add(time.Hour))
	w.over()
	all := w.done()
	if len(all) != 2 {
		t.Fatalf("%d spans", len(all))
	}
	for _, s := range all {
		if took := s.End.Sub(s.Start); took != 3*time.Second || s.Fault {
			t.Errorf("%+v took %s", s, took)
		}
	}
}
