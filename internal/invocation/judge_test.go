package invocation_test

import (
	"testing"
	"time"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// M1: on-demand, provisioned, ahead, restored, managed, and an init repeated
// inside an invocation.
func TestColdStart(t *testing.T) {
	inOrder := func(events ...any) func(*invocation.Tracker) {
		return func(tr *invocation.Tracker) {
			for _, e := range events {
				switch e := e.(type) {
				case invocation.Invoke:
					tr.Begin(e)
				case *telemetry.Event:
					observe(tr, e)
				}
			}
		}
	}
	initStart := func(phase string) *telemetry.Event {
		return platform(telemetry.KindInitStart, 0, telemetry.Platform{InitType: "on-demand", Phase: phase})
	}
	for _, tc := range []struct {
		name, initType string
		feed           func(*invocation.Tracker)
		want           bool
	}{
		{"first of an on-demand sandbox", "on-demand", inOrder(initReport("init", 100), start("x", 200)), true},
		{"type is not told", "", inOrder(start("x", 200)), true},
		{"second", "on-demand", inOrder(start("a", 100), runtimeDone("a", 150, "success", ""), start("x", 200)), false},
		{"second, first one's events are late", "on-demand", inOrder(begin("a", 100), begin("x", 200), start("a", 100)), false},
		{"second, the init in the first one's invocation is late", "on-demand", inOrder(begin("a", 100), begin("x", 200), initStart("invoke"), initReport("invoke", 90), start("a", 100)), false},
		{"provisioned concurrency", "provisioned-concurrency", inOrder(start("x", 200)), false},
		{"restored", "snap-start", inOrder(platform(telemetry.KindRestoreReport, 100, telemetry.Platform{DurationMs: telemetry.Num(150.5)}), start("x", 200)), false},
		{"managed instance", "lambda-managed-instances", inOrder(start("x", 200)), false},
		{"type told by platform.initStart", "", inOrder(platform(telemetry.KindInitStart, 0, telemetry.Platform{InitType: "provisioned-concurrency", Phase: "init"}), start("x", 200)), false},
		{"10 s after init", "on-demand", inOrder(initReport("init", 100), start("x", 10_100)), true},
		{"initialised ahead", "on-demand", inOrder(initReport("init", 100), start("x", 10_101)), false},
		{"initialised ahead, INVOKE first", "on-demand", inOrder(begin("x", 20_000), initReport("init", 100), start("x", 19_990)), false},
		{"no events, soon", "on-demand", inOrder(begin("x", 9_000)), true},
		{"no events, after an hour", "on-demand", inOrder(begin("x", 3_600_000)), false},
		{"init repeated inside the invocation", "on-demand", inOrder(initStart("invoke"), initReport("invoke", 60_000), start("x", 60_100)), true},
		{"init repeated, INVOKE first", "on-demand", inOrder(begin("x", 60_000), initStart("invoke"), initReport("invoke", 61_000), start("x", 61_100)), true},
		{"init repeated under provisioned concurrency", "provisioned-concurrency", inOrder(initStart("invoke"), start("x", 100)), true},
		{"init repeated later", "on-demand", inOrder(start("a", 1), runtimeDone("a", 2, "timeout", ""), initStart("invoke"), start("x", 100)), true},
		{"the one after a repeated init", "on-demand", inOrder(initStart("invoke"), start("a", 100), runtimeDone("a", 150, "success", ""), start("x", 200)), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := newTracker(tc.initType)
			tc.feed(tr)
			got, ok := tr.Running(t.Context(), "x")
			if !ok || got.ID != "x" || got.ColdStart != tc.want {
				t.Errorf("current %+v, %v; want x with cold start %v", got, ok, tc.want)
			}
		})
	}
}

// M4: an init that failed and then succeeded does not explain what fails
// later.
func TestInitErrorIsOfItsInit(t *testing.T) {
	tr := newTracker("on-demand")
	failed := initReport("init", 0)
	failed.Platform.ErrorType = "Runtime.ExitError"
	sums := observe(tr, failed,
		platform(telemetry.KindInitStart, 5, telemetry.Platform{Phase: "invoke"}), initReport("invoke", 9),
		start("a", 10), runtimeDone("a", 20, "timeout", ""), report("a", 30, "timeout"))
	if s := only(t, sums); s.ErrorType != "" || s.Outcome != invocation.OutcomeTimeout {
		t.Errorf("%+v", s)
	}
}

// TestInitDurationOfAColdStart: init and restore belong to the invocation
// that waited, also when its report never comes.
func TestInitDurationOfAColdStart(t *testing.T) {
	tr := newTracker("on-demand")
	observe(tr, initReport("init", 0), start("a", 10), runtimeDone("a", 20, "success", ""), start("b", 30))
	sums := closed(tr, "timeout", 40)
	if sums[0].InitDurationMs != telemetry.Num(549) || sums[1].InitDurationMs.Set {
		t.Errorf("init durations %+v, %+v; want 549 and none", sums[0].InitDurationMs, sums[1].InitDurationMs)
	}
	tr = newTracker("snap-start")
	sums = observe(tr, platform(telemetry.KindRestoreReport, 0, telemetry.Platform{DurationMs: telemetry.Num(150.5)}),
		start("a", 10), report("a", 20, ""), start("b", 30), report("b", 40, ""))
	if sums[0].RestoreDurationMs != telemetry.Num(150.5) || sums[1].RestoreDurationMs.Set || sums[0].InitDurationMs.Set {
		t.Errorf("restore durations %+v, %+v; want 150.5 and none", sums[0].RestoreDurationMs, sums[1].RestoreDurationMs)
	}
}

// I9: plain lines, lines after the end, orphans before the first start.
func TestLinesFindTheirRequest(t *testing.T) {
	tr := newTracker("on-demand")
	check := func(when, own, want string) {
		t.Helper()
		got := ""
		if r := tr.Line(&invocation.Line{RequestID: []byte(own)}); r != nil {
			got = r.ID
		}
		if got != want {
			t.Errorf("%s: line belongs to %q, want %q", when, got, want)
		}
	}
	tr.Begin(begin("a", 0))
	check("init code, INVOKE is there but no start", "", "")
	observe(tr, start("a", 1))
	check("running", "", "a")
	check("names a caller's id", "c6af9ac6-7b61-11e6-9a41-93e812345678", "a")
	observe(tr, runtimeDone("a", 10, "success", ""))
	tr.Begin(begin("b", 20))
	check("trailing line, after the next INVOKE", "", "a")
	observe(tr, report("a", 11, "success"))
	check("trailing line, after the report", "", "a")
	observe(tr, start("b", 21))
	check("next", "", "b")
	check("names the one before", "a", "a")
	observe(tr, start("a", 1))
	check("start comes again", "", "b")
	observe(tr, runtimeDone("b", 30, "timeout", ""), platform(telemetry.KindInitStart, 40, telemetry.Platform{Phase: "invoke"}))
	check("init code of a repeated init", "", "")
}

// M4: how an invocation ended, from what each source says.
func TestJudgement(t *testing.T) {
	type want struct {
		outcome             invocation.Outcome
		failed, timeout, oo bool
		status, errorType   string
	}
	full := func(status string) *telemetry.Event {
		ev := report("a", 200, status)
		ev.Platform.MaxMemoryUsedMB = telemetry.Num(128)
		return ev
	}
	for _, tc := range []struct {
		name   string
		lines  []*invocation.Line
		events []*telemetry.Event
		want   want
	}{
		{"success", nil, []*telemetry.Event{runtimeDone("a", 100, "success", ""), report("a", 200, "success")},
			want{"success", false, false, false, "success", ""}},
		{"report of old, without a status", nil, []*telemetry.Event{runtimeDone("a", 100, "success", ""), report("a", 200, "")},
			want{"success", false, false, false, "success", ""}},
		{"full memory alone is no failure", nil, []*telemetry.Event{runtimeDone("a", 100, "success", ""), full("success")},
			want{"success", false, false, false, "success", ""}},
		{"timeout", nil, []*telemetry.Event{runtimeDone("a", 100, "timeout", ""), report("a", 200, "timeout")},
			want{"timeout", true, true, false, "timeout", ""}},
		{"timeout of a managed instance", nil, []*telemetry.Event{platform(telemetry.KindReport, 200, telemetry.Platform{RequestID: "a", Status: "error", ErrorType: "Runtime.InvokeTimeout"})},
			want{"timeout", true, true, false, "error", "Runtime.InvokeTimeout"}},
		{"runtime exit", nil, []*telemetry.Event{runtimeDone("a", 100, "error", "Runtime.ExitError"), report("a", 200, "error")},
			want{"error", true, false, false, "error", "Runtime.ExitError"}},
		{"failure told by the report alone", nil, []*telemetry.Event{runtimeDone("a", 100, "success", ""), report("a", 200, "error")},
			want{"error", true, false, false, "error", ""}},
		{"handler threw", []*invocation.Line{{Level: invocation.LevelError, Unhandled: true, ErrorType: []byte("KeyError"), Text: []byte("[ERROR] KeyError: 'x'")}},
			[]*telemetry.Event{runtimeDone("a", 100, "success", ""), report("a", 200, "success")},
			want{"error", true, false, false, "success", "KeyError"}},
		{"ERROR line without a stack", []*invocation.Line{errorLine("[ERROR] payment refused")},
			[]*telemetry.Event{runtimeDone("a", 100, "success", ""), report("a", 200, "success")},
			want{"success", false, false, false, "success", ""}},
		{"out of memory by type", nil, []*telemetry.Event{runtimeDone("a", 100, "error", "Runtime.OutOfMemory"), report("a", 200, "error")},
			want{"out_of_memory", true, false, true, "error", "Runtime.OutOfMemory"}},
		{"out of memory by figures", nil, []*telemetry.Event{runtimeDone("a", 100, "error", "Runtime.ExitError"), full("error")},
			want{"out_of_memory", true, false, true, "error", "Runtime.ExitError"}},
		{"full memory beside a timeout", nil, []*telemetry.Event{runtimeDone("a", 100, "timeout", ""), full("timeout")},
			want{"timeout", true, true, false, "timeout", ""}},
		{"process fault", nil, []*telemetry.Event{{Kind: telemetry.KindFault, Time: at(90), Line: []byte("RequestId: a Process exited before completing request")}, runtimeDone("a", 100, "success", ""), report("a", 200, "")},
			want{"error", true, false, false, "success", ""}},
		{"init error explains the failure", nil, []*telemetry.Event{platform(telemetry.KindInitReport, 0, telemetry.Platform{ErrorType: "Extension.Crash"}), runtimeDone("a", 100, "error", ""), report("a", 200, "error")},
			want{"error", true, false, false, "error", "Extension.Crash"}},
		{"extension failed", nil, []*telemetry.Event{platform(telemetry.KindExtensionState, 0, telemetry.Platform{ExtensionState: "ExitError", ErrorType: "Extension.ExitError"}), runtimeDone("a", 100, "error", ""), report("a", 200, "error")},
			want{"error", true, false, false, "error", "Extension.ExitError"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			initType := "on-demand"
			if len(tc.events) == 1 {
				initType = "lambda-managed-instances"
			}
			tr := newTracker(initType)
			observe(tr, start("a", 0))
			for _, l := range tc.lines {
				tr.Line(l)
			}
			s := only(t, observe(tr, tc.events...))
			got := want{s.Outcome, s.Failed, s.TimedOut, s.OutOfMemory, s.Status, s.ErrorType}
			if got != tc.want {
				t.Errorf("judged %+v, want %+v", got, tc.want)
			}
		})
	}
}

// M2: the last words of the runtimes count where a runtime puts them, and only
// if the process then ended.
func TestLastWordsOfMemory(t *testing.T) {
	for text, want := range map[string]bool{
		"fatal error: runtime: out of memory":                                                      true,
		"runtime: out of memory: cannot allocate 4194304-byte block (125829120 in use)":            true,
		"Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space":                 true,
		"java.lang.OutOfMemoryError: Java heap space\n\tat Fn.main(Fn.java:1)":                     true,
		"Java heap space: java.lang.OutOfMemoryError\njava.lang.OutOfMemoryError: Java heap space": true,
		"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory":        true,
		"[ERROR] MemoryError\nTraceback (most recent call last):":                                  true,
		"app.rb:3:in `*': failed to allocate memory (NoMemoryError)":                               true,
		"Unhandled exception. System.OutOfMemoryException: Exception of type 'System.OutOf...'":    true,
		"memory allocation of 1073741824 bytes failed":                                             true,

		"alert received: java.lang.OutOfMemoryError on host 7":                        false,
		"[ERROR]\t2026-01-31T12:00:00.000Z\tid\tworker reported MemoryError, retried": false,
		"summary: 3 tickets about JavaScript heap out of memory":                      false,
		"forwarded: fatal error: runtime: out of memory":                              false,
		"the log says FATAL ERROR: JavaScript heap out of memory":                     false,
		"ticket 4: 'failed to allocate memory (NoMemoryError)' again":                 false,
		"RequestId: 1 Error: Runtime exited with error: signal: killed":               false,
		"memory used: 100 MB, out of 128":                                             false,
		"":                                                                            false,
	} {
		end := func(status, errorType string) invocation.Summary {
			tr := newTracker("")
			observe(tr, start("a", 0))
			tr.Line(&invocation.Line{Text: []byte(text)})
			tr.Line(&invocation.Line{Text: []byte(text)}) // once per attempt
			return only(t, observe(tr, runtimeDone("a", 1, status, errorType), report("a", 2, status)))
		}
		if s := end("error", "Runtime.ExitError"); s.OutOfMemory != want || !s.Failed || (s.Outcome == "out_of_memory") != want {
			t.Errorf("%q and an exit: out of memory %v, %s; want %v", text, s.OutOfMemory, s.Outcome, want)
		}
		if s := end("success", ""); s.OutOfMemory || s.Failed {
			t.Errorf("%q and a success: out of memory %v, failed %v", text, s.OutOfMemory, s.Failed)
		}
		if s := end("timeout", ""); s.OutOfMemory || s.Outcome != "timeout" {
			t.Errorf("%q and a timeout: %+v", text, s)
		}
	}
}

// Which source decides, and what the event then says: telemetry.md §2.
func TestOutcome(t *testing.T) {
	own := &invocation.Line{Level: invocation.LevelError, Unhandled: true, ErrorType: []byte("RangeError"), ErrorMessage: []byte("quantity is negative")}
	logged := &invocation.Line{Level: invocation.LevelError, Failure: true, ErrorType: []byte("Timeout")}
	done := func(status, errorType string, produced telemetry.Number) *telemetry.Event {
		ev := runtimeDone("a", 100, status, errorType)
		ev.Platform.ProducedBytes = produced
		return ev
	}
	var unset telemetry.Number
	zero, some := telemetry.Num(0), telemetry.Num(18)
	answered := func(a invocation.Answer) []any {
		a.RequestID, a.At = "a", at(90)
		return []any{invocation.Delivery{RequestID: "a", At: at(1)}, a}
	}
	managed := func(status, errorType string) *telemetry.Event {
		return platform(telemetry.KindReport, 200, telemetry.Platform{RequestID: "a", Status: status, ErrorType: errorType})
	}
	type want struct {
		outcome                          invocation.Outcome
		from, errorType, logged, message string
		unsure                           bool
	}
	for name, tt := range map[string]struct {
		runtime string // runtimeVersion; managed: of a managed instance
		empty   invocation.EmptyResponse
		steps   []any
		want    want
	}{
		"answered": {"python:3.13.v1", "", []any{done("success", "", some), report("a", 200, "success")}, want{"success", "produced_bytes", "", "", "", false}},
		"answered, and logged an error": {"python:3.13.v1", "", []any{logged, done("success", "", some), report("a", 200, "success")},
			want{"success", "produced_bytes", "", "Timeout", "", false}},
		"answered, and printed what a runtime prints": {"nodejs:22.v1", "", []any{own, done("success", "", some), report("a", 200, "success")},
			want{"success", "produced_bytes", "", "RangeError", "", false}},
		"threw": {"nodejs:22.v1", "", []any{own, done("success", "", zero), report("a", 200, "success")},
			want{"error", "runtime_line", "RangeError", "", "RangeError: quantity is negative", false}},
		"threw, after it had logged another": {"nodejs:22.v1", "", []any{logged, own, done("success", "", zero), report("a", 200, "success")},
			want{"error", "runtime_line", "RangeError", "", "RangeError: quantity is negative", false}},
		"threw, and the platform says error": {"nodejs:22.v1", "", []any{own, done("success", "", zero), report("a", 200, "error")},
			want{"error", "platform", "RangeError", "", "RangeError: quantity is negative", false}},
		"threw, no bytes told": {"", "", []any{own, done("success", "", unset), report("a", 200, "success")},
			want{"error", "runtime_line", "RangeError", "", "RangeError: quantity is negative", false}},
		"no bytes told, logged an error": {"", "", []any{logged, done("success", "", unset), report("a", 200, "success")},
			want{"success", "platform", "", "Timeout", "", false}},
		"void handler of Java": {"java:21.v1", "", []any{logged, done("success", "", zero), report("a", 200, "success")}, want{"success", "empty_response", "", "Timeout", "", false}},
		"void handler of .NET": {"dotnet:8.v1", "auto", []any{done("success", "", zero), report("a", 200, "success")}, want{"success", "empty_response", "", "", "", false}},
		"nothing, on an OS-only runtime": {"provided:al2023.v1", "", []any{done("success", "", zero), report("a", 200, "success")},
			want{"error", "empty_response", "Unknown", "", "Unknown: no response body and no error line of the runtime", true}},
		"nothing, an image": {"", "", []any{logged, done("success", "", zero), report("a", 200, "success")},
			want{"error", "empty_response", "Timeout", "", "Timeout", true}},
		"nothing, told to be a success": {"provided:al2023.v1", "success", []any{done("success", "", zero), report("a", 200, "success")}, want{"success", "empty_response", "", "", "", false}},
		"nothing, told to be an error": {"python:3.13.v1", "error", []any{done("success", "", zero), report("a", 200, "success")},
			want{"error", "empty_response", "Unknown", "", "Unknown: no response body and no error line of the runtime", false}},
		"timed out": {"python:3.13.v1", "", []any{logged, done("timeout", "", zero), report("a", 200, "timeout")},
			want{"timeout", "platform", "", "", "timed out after 0.12 s", false}},
		"exited": {"provided.al2023", "", []any{done("error", "Runtime.ExitError", zero), report("a", 200, "error")},
			want{"error", "platform", "Runtime.ExitError", "", "Runtime.ExitError", false}},
		"exited, and the platform prints how": {"provided.al2023", "", []any{
			&telemetry.Event{Kind: telemetry.KindFault, Time: at(90), Line: []byte("RequestId: a Error: Runtime exited with error: exit status 1\nRuntime.ExitError")},
			done("error", "Runtime.ExitError", zero), report("a", 200, "error")},
			want{"error", "platform", "Runtime.ExitError", "", "exit status 1", false}},
		"exited with an error that nobody caught": {"nodejs:22.v1", "", []any{own, done("error", "Runtime.ExitError", zero), report("a", 200, "error")},
			want{"error", "platform", "RangeError", "", "RangeError: quantity is negative", false}},
		"the proxy saw an answer":                   {"", "", append(answered(invocation.Answer{Status: 202, Bytes: 0}), own, done("success", "", zero), report("a", 200, "success")), want{"success", "proxy", "", "RangeError", "", false}},
		"the proxy saw a batch that failed in part": {"", "", append(answered(invocation.Answer{Status: 202, Bytes: 40, Partial: true}), done("success", "", some), report("a", 200, "success")), want{"partial", "proxy", "", "", "", false}},
		"the proxy saw an error": {"", "", append(answered(invocation.Answer{Status: 202, Failed: true, ErrorType: "Boom", ErrorMessage: "no"}), done("success", "", zero), report("a", 200, "success")),
			want{"error", "proxy", "Boom", "", "Boom: no", false}},
		"the proxy saw an answer that Lambda refused": {"", "", append(answered(invocation.Answer{Status: 413}), done("error", "Function.ResponseSizeTooLarge", zero), report("a", 200, "error")),
			want{"error", "platform", "Function.ResponseSizeTooLarge", "", "Function.ResponseSizeTooLarge", false}},
		"the proxy saw nothing posted": {"", "", []any{invocation.Delivery{RequestID: "a", At: at(1)}, done("timeout", "", zero), report("a", 200, "timeout")},
			want{"timeout", "platform", "", "", "timed out after 0.12 s", false}},
		"managed: success":                   {"managed", "", []any{own, managed("success", "")}, want{"success", "platform", "", "RangeError", "", false}},
		"managed: error":                     {"managed", "", []any{own, managed("error", "Function.Unknown")}, want{"error", "platform", "RangeError", "", "RangeError: quantity is negative", false}},
		"managed: error with the type alone": {"managed", "", []any{managed("error", "Runtime.OutOfMemory")}, want{"out_of_memory", "platform", "Runtime.OutOfMemory", "", "out of memory", false}},
		"managed: a report without a status": {"managed", "", []any{own, managed("", "")}, want{"error", "runtime_line", "RangeError", "", "RangeError: quantity is negative", false}},
	} {
		t.Run(name, func(t *testing.T) {
			opt := invocation.Options{InitType: "on-demand", EmptyResponse: tt.empty, Now: func() time.Time { return t0 }}
			if tt.runtime == "managed" {
				opt.InitType = "lambda-managed-instances"
			}
			tr := invocation.New(opt)
			play(tr, platform(telemetry.KindInitStart, 0, telemetry.Platform{RuntimeVersion: tt.runtime}), start("a", 0))
			for _, s := range tt.steps[:len(tt.steps)-1] {
				play(tr, s)
			}
			s := only(t, observe(tr, tt.steps[len(tt.steps)-1].(*telemetry.Event)))
			got := want{s.Outcome, s.OutcomeFrom, s.ErrorType, s.ErrorLogged, s.Message, s.EmptyUnsure}
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// An init that ran inside the invocation is no work of extensions.
func TestPostRuntimeWithoutReinit(t *testing.T) {
	for name, tt := range map[string]struct {
		duration, runtime, reinit float64
		want                      telemetry.Number
	}{
		"the report has the init in it": {5000, 100, 4800, telemetry.Num(100)},
		"so has the runtime's duration": {5000, 4950, 4800, telemetry.Num(50)},
		"the init took all the time":    {5000, 200, 4800, telemetry.Num(0)},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTracker("on-demand")
			ready := initReport("invoke", 4800)
			ready.Platform.DurationMs = telemetry.Num(tt.reinit)
			done, end := runtimeDone("a", 4900, "success", ""), report("a", 5000, "success")
			done.Platform.DurationMs, end.Platform.DurationMs = telemetry.Num(tt.runtime), telemetry.Num(tt.duration)
			sums := observe(tr, platform(telemetry.KindInitStart, 0, telemetry.Platform{Phase: "invoke"}), ready, start("a", 4800), done, end)
			if s := only(t, sums); s.PostRuntimeDurationMs != tt.want || !s.Request.ColdStart {
				t.Errorf("post %+v, want %+v; cold start %v", s.PostRuntimeDurationMs, tt.want, s.Request.ColdStart)
			}
		})
	}
}

func TestLinesAreCounted(t *testing.T) {
	tr := newTracker("")
	observe(tr, start("a", 0))
	for _, l := range []invocation.Level{invocation.LevelInfo, invocation.LevelInfo, invocation.LevelWarn, invocation.LevelUnknown, invocation.LevelCritical} {
		tr.Line(&invocation.Line{Level: l})
	}
	sums := observe(tr, report("a", 1, ""))
	tr.Line(errorLine("after the report"))
	want := [invocation.LevelSilent]uint32{invocation.LevelUnknown: 1, invocation.LevelInfo: 2, invocation.LevelWarn: 1, invocation.LevelCritical: 1}
	if got := only(t, sums).Logs; got != want {
		t.Errorf("counted %v, want %v", got, want)
	}
}

func TestFingerprint(t *testing.T) {
	print := func(lines ...*invocation.Line) string {
		tr := newTracker("")
		observe(tr, start("a", 0))
		for _, l := range lines {
			tr.Line(l)
		}
		return only(t, observe(tr, report("a", 1, ""))).FirstErrorFingerprint
	}
	a := print(errorLine("2024-01-15T11:30:45.123Z\tc6af9ac6-7b61-11e6-9a41-93e812345678\tERROR\torder 4711 failed at 0xc000012340"))
	b := print(errorLine("2024-02-29T01:02:03.004Z\t0b1c2d3e-0000-4fff-8abc-0123456789ab\tERROR\torder 1 failed at 0xc0000fffff"))
	c := print(errorLine("2024-02-29T01:02:03.004Z\t0b1c2d3e-0000-4fff-8abc-0123456789ab\tERROR\tpayment 1 failed at 0xc0000fffff"))
	if a == "" || len(a) != 16 || a != b {
		t.Errorf("%q and %q: same error, different numbers", a, b)
	}
	if a == c {
		t.Error("different errors, same fingerprint")
	}
	if got := print(errorLine("order 4711 failed"), errorLine("payment failed")); got != print(errorLine("order 5 failed")) {
		t.Error("not the first line's fingerprint")
	}
	if got := print(&invocation.Line{Level: invocation.LevelInfo, Text: []byte("fine")}); got != "" {
		t.Errorf("fingerprint %q without an error", got)
	}
}

func TestMemoryFromOptions(t *testing.T) {
	tr := invocation.New(invocation.Options{MemoryMB: 512, FunctionVersion: "7", Now: func() time.Time { return t0 }})
	tr.Begin(begin("a", 0))
	s := closed(tr, "timeout", 10)[0]
	if s.MemorySizeMB != telemetry.Num(512) || s.Request.FunctionVersion != "7" {
		t.Errorf("memory %+v, version %q", s.MemorySizeMB, s.Request.FunctionVersion)
	}
}

func TestTraceIDs(t *testing.T) {
	for header, want := range map[string]string{
		"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=1":  "1-5759e988-bd862e3fe1be46a994272793",
		"Parent=557abcec3ee5a047; Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1": "1-5759e988-bd862e3fe1be46a994272793",
		"Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:73f724a8:0":               "1-5759e988-bd862e3fe1be46a994272793",
		"1-abc-def":               "1-abc-def",
		"Parent=557abcec3ee5a047": "",
		"":                        "",
	} {
		tr := newTracker("")
		tr.Begin(invocation.Invoke{RequestID: "a", TraceHeader: header})
		if got, _ := tr.Current(); got.TraceID != want {
			t.Errorf("%q: trace id %q, want %q", header, got.TraceID, want)
		}
	}
}

// TestLineDoesNotAllocate: every line of the function passes here.
func TestLineDoesNotAllocate(t *testing.T) {
	tr := newTracker("")
	observe(tr, start("a", 0))
	l := &invocation.Line{RequestID: []byte("not known here"), Level: invocation.LevelInfo, Text: make([]byte, 300)}
	if n := testing.AllocsPerRun(100, func() { tr.Line(l) }); n > 0 {
		t.Errorf("%v allocations per line, want 0", n)
	}
}
