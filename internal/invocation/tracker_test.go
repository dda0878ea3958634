package invocation_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWholeInvocation replays the captured events of one cold start.
func TestWholeInvocation(t *testing.T) {
	tr := newTracker("on-demand")
	const id = "459921b5-681c-4a96-beb0-81e0aa586026"
	clock := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tr.Begin(invocation.Invoke{
		RequestID: id, FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:f:live",
		TraceHeader: "Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1",
		Deadline:    clock("2022-10-21T14:05:06.200Z"), At: clock("2022-10-21T14:05:03.170Z"),
	})
	sums := observe(tr,
		&telemetry.Event{Kind: telemetry.KindInitStart, Time: clock("2022-10-21T14:05:02.500Z"), Platform: &telemetry.Platform{InitType: "on-demand", Phase: "init", FunctionVersion: "$LATEST"}},
		&telemetry.Event{Kind: telemetry.KindInitReport, Time: clock("2022-10-21T14:05:03.100Z"), Platform: &telemetry.Platform{Phase: "init", DurationMs: telemetry.Num(549.04)}},
		&telemetry.Event{Kind: telemetry.KindStart, Time: clock("2022-10-21T14:05:03.165Z"), Platform: &telemetry.Platform{RequestID: id, FunctionVersion: "$LATEST", TenantID: "blue"}},
		&telemetry.Event{Kind: telemetry.KindRuntimeDone, Time: clock("2022-10-21T14:05:05.760Z"), Platform: &telemetry.Platform{
			RequestID: id, Status: "success", DurationMs: telemetry.Num(2590.25), ProducedBytes: telemetry.Num(50),
			ResponseLatencyMs: telemetry.Num(0.677), ResponseDurationMs: telemetry.Num(0.035), RuntimeOverheadMs: telemetry.Num(0.211)}},
		&telemetry.Event{Kind: telemetry.KindReport, Time: clock("2022-10-21T14:05:05.766Z"), Platform: &telemetry.Platform{
			RequestID: id, Status: "success", DurationMs: telemetry.Num(2599.4), BilledDurationMs: telemetry.Num(2600),
			MemorySizeMB: telemetry.Num(128), MaxMemoryUsedMB: telemetry.Num(94), InitDurationMs: telemetry.Num(549.04), ExtensionOverheadMs: telemetry.Num(5.5)}},
	)
	got := only(t, sums)
	got.Attempt = nil
	want := invocation.Summary{
		Request: &invocation.Request{
			ID: id, FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:f:live", FunctionVersion: "$LATEST",
			TraceHeader: "Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1",
			TraceID:     "1-6352a70e-1e2c502e358361800241fd45", TenantID: "blue", ColdStart: true,
			Deadline: clock("2022-10-21T14:05:06.200Z"),
		},
		Start: clock("2022-10-21T14:05:03.165Z"), Done: clock("2022-10-21T14:05:05.760Z"),
		InitType: "on-demand", Status: "success", Outcome: "success", OutcomeFrom: "produced_bytes", Complete: true,
		DurationMs: telemetry.Num(2599.4), BilledDurationMs: telemetry.Num(2600), InitDurationMs: telemetry.Num(549.04),
		RuntimeDurationMs: telemetry.Num(2590.25), PostRuntimeDurationMs: telemetry.Num(9.15),
		ResponseLatencyMs: telemetry.Num(0.677), ResponseDurationMs: telemetry.Num(0.035), RuntimeOverheadMs: telemetry.Num(0.211),
		ExtensionOverheadMs: telemetry.Num(5.5), DeadlineSlackMs: telemetry.Num(440),
		MemorySizeMB: telemetry.Num(128), MaxMemoryUsedMB: telemetry.Num(94), ProducedBytes: telemetry.Num(50),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

func TestInvokeAndStartInEitherOrder(t *testing.T) {
	inv := begin("a", 100)
	inv.FunctionARN, inv.TraceHeader = "arn", "Root=1-2-3"
	for name, feed := range map[string]func(tr *invocation.Tracker){
		"INVOKE first": func(tr *invocation.Tracker) { tr.Begin(inv); observe(tr, start("a", 90)) },
		"start first":  func(tr *invocation.Tracker) { observe(tr, start("a", 90)); tr.Begin(inv) },
		"start again":  func(tr *invocation.Tracker) { observe(tr, start("a", 90), start("a", 90)); tr.Begin(inv) },
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTracker("on-demand")
			feed(tr)
			want := invocation.Request{ID: "a", FunctionARN: "arn", TraceHeader: "Root=1-2-3", TraceID: "1-2-3", ColdStart: true, Deadline: inv.Deadline}
			got, ok := tr.Current()
			if diff := cmp.Diff(want, got); diff != "" || !ok {
				t.Errorf("current, ok %v (-want +got):\n%s", ok, diff)
			}
			if s := only(t, observe(tr, report("a", 300, "success"))); s.Start != at(90) {
				t.Errorf("start %v, want platform.start's", s.Start)
			}
		})
	}
}

func TestSettled(t *testing.T) {
	tr := newTracker("")
	if !isClosed(tr.Settled()) {
		t.Error("nothing is open, and yet there is something to wait for")
	}
	tr.Begin(begin("a", 0))
	first, second := tr.Settled(), tr.Settled()
	observe(tr, start("b", 1), runtimeDone("a", 10, "success", ""), report("a", 11, "success"))
	if isClosed(first) || isClosed(second) {
		t.Error("settled while one is open")
	}
	if closed(tr, "spindown", 20); !isClosed(first) || !isClosed(second) || !isClosed(tr.Settled()) {
		t.Error("not settled at the end")
	}
}

func TestCurrentFollowsTheInvocation(t *testing.T) {
	tr := newTracker("")
	check := func(when, want string) {
		t.Helper()
		got, ok := tr.Current()
		if got.ID != want || ok != (want != "") {
			t.Errorf("%s: current %q, %v; want %q", when, got.ID, ok, want)
		}
	}
	check("before anything", "")
	tr.Begin(begin("a", 0))
	check("begun", "a")
	observe(tr, start("a", 1), runtimeDone("a", 10, "success", ""))
	check("done", "")
	tr.Begin(begin("b", 20))
	observe(tr, report("a", 11, "success"))
	check("late report of the one before", "b")
	observe(tr, start("b", 21), runtimeDone("b", 30, "success", ""), start("c", 40))
	check("platform.start before INVOKE", "c")
}

// TestReportOfAnotherProcess: after a reset the new process may get the
// report of the request that the old one has already printed.
func TestReportOfAnotherProcess(t *testing.T) {
	tr := newTracker("on-demand")
	if sums := observe(tr, report("old", 0, "timeout"), start("new", 10), report("new", 20, "success")); only(t, sums).Request.ID != "new" {
		t.Errorf("summary of %q", sums[0].Request.ID)
	}
	if got := tr.Stats().Foreign; got != 1 {
		t.Errorf("%d foreign reports, want 1", got)
	}
}

// I11: the report never comes.
func TestClose(t *testing.T) {
	for _, tc := range []struct {
		reason, status string
		outcome        invocation.Outcome
		failed         bool
	}{
		{"timeout", "timeout", "timeout", true},
		{"Timeout", "timeout", "timeout", true},
		{"failure", "failure", "error", true},
		{"spindown", "", "unknown", false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			tr := newTracker("")
			tr.Begin(begin("lost", 0)) // its runtimeDone never came
			observe(tr, start("lost", 1))
			tr.Begin(begin("reported late", 10))
			observe(tr, start("reported late", 11), runtimeDone("reported late", 20, "success", ""))
			tr.Begin(begin("running", 30))
			observe(tr, start("running", 31))
			sums := closed(tr, tc.reason, 40)
			if len(sums) != 3 {
				t.Fatalf("%d summaries, want 3", len(sums))
			}
			for i, want := range []invocation.Outcome{"unknown", "success", tc.outcome} {
				if s := sums[i]; s.Outcome != want || s.Complete || s.ShutdownReason != tc.reason {
					t.Errorf("%s: outcome %s, complete %v, reason %q; want %s", s.Request.ID, s.Outcome, s.Complete, s.ShutdownReason, want)
				}
			}
			if s := sums[2]; s.Status != tc.status || s.Failed != tc.failed || s.TimedOut != (tc.status == "timeout") {
				t.Errorf("running: %+v", s)
			}
		})
	}
}

// I12: what the platform dropped is told once.
func TestLogsDropped(t *testing.T) {
	tr := newTracker("")
	drop := platform(telemetry.KindLogsDropped, 0, telemetry.Platform{DroppedRecords: telemetry.Num(123)})
	sums := observe(tr, drop, start("a", 1), drop, report("a", 2, ""), start("b", 3), report("b", 4, ""))
	if len(sums) != 2 || sums[0].LogsDropped != telemetry.Num(246) || sums[1].LogsDropped.Set {
		t.Errorf("dropped %+v", sums)
	}
}

func TestEmptyRequestIDsChangeNothing(t *testing.T) {
	tr := newTracker("")
	tr.Begin(invocation.Invoke{})
	observe(tr, start("", 0), runtimeDone("", 1, "", ""), report("", 2, ""), platform(telemetry.KindUnknown, 3, telemetry.Platform{}))
	if sums := closed(tr, "spindown", 4); len(sums) != 0 {
		t.Errorf("%+v", sums)
	}
}

func TestConcurrentUse(t *testing.T) {
	tr := newTracker("")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 200 {
				id := fmt.Sprint(i)
				switch w {
				case 0:
					tr.Begin(begin(id, i))
				case 1:
					observe(tr, start(id, i), runtimeDone(id, i, "success", ""), report(id, i, "success"))
				case 2:
					tr.Line(errorLine("boom"))
				default:
					tr.Current()
					tr.Delivered(invocation.Delivery{RequestID: id})
					tr.Answered(invocation.Answer{RequestID: id})
					tr.Over(later)
					tr.Stats()
				}
			}
		})
	}
	wg.Wait()
}
