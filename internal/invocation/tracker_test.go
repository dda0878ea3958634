package invocation_test

import (
	"fmt"
	"math/rand/v2"
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
	want := invocation.Summary{
		Request: &invocation.Request{
			ID: id, FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:f:live", FunctionVersion: "$LATEST",
			TraceHeader: "Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1",
			TraceID:     "1-6352a70e-1e2c502e358361800241fd45", TenantID: "blue", ColdStart: true,
			Deadline: clock("2022-10-21T14:05:06.200Z"),
		},
		Start: clock("2022-10-21T14:05:03.165Z"), Done: clock("2022-10-21T14:05:05.760Z"),
		InitType: "on-demand", Status: "success", Outcome: "success", Complete: true,
		DurationMs: telemetry.Num(2599.4), BilledDurationMs: telemetry.Num(2600), InitDurationMs: telemetry.Num(549.04),
		RuntimeDurationMs: telemetry.Num(2590.25), PostRuntimeDurationMs: telemetry.Num(9.15),
		ResponseLatencyMs: telemetry.Num(0.677), ResponseDurationMs: telemetry.Num(0.035), RuntimeOverheadMs: telemetry.Num(0.211),
		ExtensionOverheadMs: telemetry.Num(5.5), DeadlineSlackMs: telemetry.Num(440),
		MemorySizeMB: telemetry.Num(128), MaxMemoryUsedMB: telemetry.Num(94), ProducedBytes: telemetry.Num(50),
	}
	if diff := cmp.Diff(want, only(t, sums)); diff != "" {
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

func TestDone(t *testing.T) {
	tr := newTracker("")
	tr.Begin(begin("a", 0))
	waiting := tr.Done("a")
	if isClosed(waiting) {
		t.Error("closed before runtimeDone")
	}
	observe(tr, runtimeDone("b", 10, "success", "")) // another request's
	if isClosed(waiting) {
		t.Error("closed by another request")
	}
	if tr.Begin(begin("b", 10)); !isClosed(tr.Done("b")) {
		t.Error("runtimeDone before INVOKE is forgotten")
	}
	observe(tr, runtimeDone("a", 20, "success", ""), runtimeDone("a", 20, "success", ""))
	if !isClosed(waiting) {
		t.Error("open after runtimeDone")
	}
	observe(tr, start("c", 30), report("c", 40, "success"))
	for _, id := range []string{"c", "never heard of"} {
		if !isClosed(tr.Done(id)) {
			t.Errorf("waiting for %q would be for ever", id)
		}
	}
	tr.Begin(begin("d", 50))
	waiting = tr.Done("d")
	if tr.Close("spindown", at(60)); !isClosed(waiting) {
		t.Error("open after Close")
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
	if tr.Close("spindown", at(20)); !isClosed(first) || !isClosed(second) || !isClosed(tr.Settled()) {
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

// I6: events that come again.
func TestOneSummaryPerRequest(t *testing.T) {
	tr := newTracker("")
	for round := range 3 {
		sums := observe(tr, start("a", 0), runtimeDone("a", 1, "success", ""), report("a", 2, "success"))
		if want := map[bool]int{true: 1, false: 0}[round == 0]; len(sums) != want {
			t.Errorf("round %d: %d summaries, want %d", round, len(sums), want)
		}
	}
	tr.Begin(begin("a", 10))
	if got, ok := tr.Current(); ok {
		t.Errorf("a finished request runs again: %+v", got)
	}
	if sums := tr.Close("spindown", at(20)); len(sums) != 0 {
		t.Errorf("closed again: %+v", sums)
	}
	if got := tr.Stats().Repeated; got != 6 {
		t.Errorf("%d repeated events, want 6", got)
	}
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

// I9, M1: requests that interleave.
func TestManagedInstances(t *testing.T) {
	tr := newTracker("lambda-managed-instances")
	observe(tr,
		platform(telemetry.KindStart, 0, telemetry.Platform{RequestID: "a", FunctionARN: "arn:a"}),
		start("b", 1))
	if r, ok := tr.Current(); ok {
		t.Errorf("two run, and %q is the current one", r.ID)
	}
	if r := tr.Line(&invocation.Line{}); r != nil {
		t.Errorf("line without an id belongs to %q while two run", r.ID)
	}
	if r := tr.Line(&invocation.Line{RequestID: []byte("a")}); r == nil || r.ID != "a" || r.ColdStart {
		t.Errorf("line of a: %+v", r)
	}
	done := tr.Done("b")
	// The report carries the duration alone and ends the request.
	s := only(t, observe(tr, platform(telemetry.KindReport, 50, telemetry.Platform{RequestID: "b", Status: "success",
		DurationMs: telemetry.Num(1.148), ResponseLatencyMs: telemetry.Num(0.847)})))
	if !isClosed(done) || !s.Complete || s.DurationMs != telemetry.Num(1.148) || s.ResponseLatencyMs != telemetry.Num(0.847) ||
		s.BilledDurationMs.Set || s.PostRuntimeDurationMs.Set || s.Outcome != "success" {
		t.Errorf("summary %+v", s)
	}
	if r, ok := tr.Current(); !ok || r.ID != "a" || r.FunctionARN != "arn:a" {
		t.Errorf("current %+v, %v; want a, alone again", r, ok)
	}
	if r := tr.Line(&invocation.Line{}); r == nil || r.ID != "a" {
		t.Errorf("line while a is alone: %+v", r)
	}
	// A start that was lost: the report still counts.
	if s := only(t, observe(tr, report("c", 70, "error"))); !s.Failed || s.Start != at(70-120) {
		t.Errorf("report alone: %+v", s)
	}
}

func TestOldestIsClosedForNewest(t *testing.T) {
	tr := newTracker("")
	for i := range 256 {
		if s := tr.Begin(begin(fmt.Sprint(i), i)); s != nil {
			t.Fatalf("closed %q with %d open", s.Request.ID, i)
		}
	}
	s := tr.Begin(begin("256", 256))
	if s == nil || s.Request.ID != "0" || s.Complete || s.Outcome != "unknown" {
		t.Errorf("from Begin: %+v", s)
	}
	if s := only(t, observe(tr, start("257", 257))); s.Request.ID != "1" {
		t.Errorf("from Observe: %+v", s)
	}
	if got := tr.Stats().Evicted; got != 2 {
		t.Errorf("%d evicted, want 2", got)
	}
	sums := tr.Close("spindown", at(300))
	if len(sums) != 256 || sums[0].Request.ID != "2" || sums[255].Request.ID != "257" {
		t.Errorf("%d closed, first %q; want 256 in order", len(sums), sums[0].Request.ID)
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
			sums := tr.Close(tc.reason, at(40))
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
	if sums := tr.Close("spindown", at(4)); len(sums) != 0 {
		t.Errorf("%+v", sums)
	}
}

// TestAnyOrderGivesOneSummaryEach is the package's rule under random order,
// repetition and loss.
func TestAnyOrderGivesOneSummaryEach(t *testing.T) {
	for seed := range uint64(2000) {
		anyOrder(t, seed, 1+int(seed%5))
	}
}

func FuzzAnyOrder(f *testing.F) {
	f.Add(uint64(1), 5)
	f.Fuzz(func(t *testing.T, seed uint64, requests int) {
		anyOrder(t, seed, 1+min(max(requests, 0), 4))
	})
}

// anyOrder shuffles the events of some requests, leaves some out, repeats
// some, and counts what comes out for each request that was ever seen.
func anyOrder(t *testing.T, seed uint64, requests int) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 7))
	tr := newTracker([]string{"on-demand", "lambda-managed-instances", "snap-start"}[rnd.IntN(3)])
	got := map[string]int{}
	take := func(s *invocation.Summary) {
		if s != nil {
			got[s.Request.ID]++
		}
	}
	seen := map[string]bool{}
	var steps []func()
	for i := range requests {
		id := fmt.Sprintf("request-%d", i)
		for _, step := range []func(){
			func() { seen[id] = true; take(tr.Begin(begin(id, i*100))) },
			func() { seen[id] = true; _, s := tr.Observe(start(id, i*100)); take(s) },
			func() { seen[id] = true; _, s := tr.Observe(runtimeDone(id, i*100+50, "success", "")); take(s) },
			func() { r, s := tr.Observe(report(id, i*100+60, "success")); seen[id] = seen[id] || r != nil; take(s) },
			func() { tr.Line(&invocation.Line{RequestID: []byte(id), Level: invocation.LevelInfo}) },
			func() { tr.Line(errorLine("boom")) },
			func() { tr.Observe(initReport("invoke", i)) },
			func() { <-time.After(0); tr.Current(); tr.Done(id) },
		} {
			for range rnd.IntN(4) {
				steps = append(steps, step)
			}
		}
	}
	rnd.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	for _, step := range steps {
		step()
	}
	for _, s := range tr.Close("spindown", at(9000)) {
		take(&s)
	}
	for _, step := range steps { // all of it again, after the end
		step()
	}
	for _, s := range tr.Close("spindown", at(9000)) {
		take(&s)
	}
	for id, n := range got {
		if n != 1 {
			t.Errorf("seed %d: %d summaries of %s", seed, n, id)
		}
	}
	for id, known := range seen {
		if known && got[id] != 1 {
			t.Errorf("seed %d: %d summaries of %s, want 1", seed, got[id], id)
		}
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
					tr.Done(id)
					tr.Stats()
				}
			}
		})
	}
	wg.Wait()
}
