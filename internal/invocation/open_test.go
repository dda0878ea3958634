package invocation_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// step is one thing that happens to a tracker. It returns what came out.
type step func(tr *invocation.Tracker) []any

func stepBegin(inv invocation.Invoke) step {
	return func(tr *invocation.Tracker) []any { return []any{tr.Begin(inv)} }
}

func stepEvent(ev *telemetry.Event) step {
	return func(tr *invocation.Tracker) []any {
		req, s := tr.Observe(ev)
		return []any{req, s}
	}
}

func stepLine(l invocation.Line) step {
	return func(tr *invocation.Tracker) []any { return []any{tr.Line(&l)} }
}

// play feeds the steps and returns all that came out, and after each step what
// the tracker answers to those who ask.
func play(tr *invocation.Tracker, steps []step) (out []any) {
	for _, do := range steps {
		out = append(out, do(tr)...)
		current, ok := tr.Current()
		out = append(out, current, ok, tr.Stats(), isClosed(tr.Settled()))
	}
	return out
}

// randomSteps are the events of some requests and of the sandbox, in an order
// of their own, with gaps and repetitions.
func randomSteps(rnd *rand.Rand, requests int) []step {
	var steps []step
	few := func(s step) {
		for range rnd.IntN(3) {
			steps = append(steps, s)
		}
	}
	status := func() string { return []string{"", "success", "error", "failure", "timeout"}[rnd.IntN(5)] }
	for i := range requests {
		id, ms := fmt.Sprint("request-", i), i*100
		inv := begin(id, ms)
		inv.FunctionARN, inv.TraceHeader = "arn", "Root=1-2-3"
		few(stepBegin(inv))
		few(stepEvent(platform(telemetry.KindStart, ms+1, telemetry.Platform{RequestID: id, TenantID: "blue"})))
		few(stepEvent(runtimeDone(id, ms+50, status(), []string{"", "Runtime.ExitError", "Runtime.OutOfMemory"}[rnd.IntN(3)])))
		few(stepLine(invocation.Line{RequestID: []byte(id), Level: invocation.LevelInfo}))
		few(stepEvent(platform(telemetry.KindLogsDropped, ms, telemetry.Platform{DroppedRecords: telemetry.Num(float64(i + 1))})))
		if rnd.IntN(3) == 0 {
			few(stepEvent(report(id, ms+60, status())))
		}
		if rnd.IntN(3) == 0 {
			few(stepLine(*errorLine(fmt.Sprint("boom ", i))))
		}
		if rnd.IntN(4) == 0 {
			few(stepLine(invocation.Line{Level: invocation.LevelError, Failure: true, ErrorType: []byte("KeyError"), Text: []byte("MemoryError")}))
		}
		if rnd.IntN(4) == 0 {
			few(stepEvent(platform(telemetry.KindFault, ms+40, telemetry.Platform{RequestID: id})))
		}
	}
	few(stepEvent(platform(telemetry.KindInitStart, 0, telemetry.Platform{InitType: "on-demand", Phase: []string{"init", "invoke"}[rnd.IntN(2)], FunctionVersion: "7"})))
	few(stepEvent(initReport("init", 1)))
	few(stepEvent(platform(telemetry.KindRestoreReport, 2, telemetry.Platform{DurationMs: telemetry.Num(77)})))
	few(stepEvent(platform(telemetry.KindExtensionState, 3, telemetry.Platform{ErrorType: "Extension.Crash"})))
	rnd.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	return steps
}

// openLife is one random life of a tracker, cut in two.
func openLife(seed uint64) (newTwin func() *invocation.Tracker, before, after []step, reason string) {
	rnd := rand.New(rand.NewPCG(seed, 9))
	opt := invocation.Options{
		InitType: []string{"", "on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances"}[rnd.IntN(5)],
		MemoryMB: float64(128 * rnd.IntN(2)), Now: func() time.Time { return t0 },
	}
	reason = []string{"failure", "timeout", "spindown", ""}[rnd.IntN(4)]
	steps := randomSteps(rnd, 1+rnd.IntN(5))
	cut := rnd.IntN(len(steps) + 1)
	return func() *invocation.Tracker { return invocation.New(opt) }, steps[:cut], steps[cut:], reason
}

// TestOpenSaysWhatCloseWould: on a twin that was told the same.
func TestOpenSaysWhatCloseWould(t *testing.T) {
	several := 0
	for seed := range uint64(1000) {
		newTwin, before, _, reason := openLife(seed)
		opened, closed := newTwin(), newTwin()
		play(opened, before)
		play(closed, before)
		got, want := opened.Open(reason, at(9000)), closed.Close(reason, at(9000))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-close +open):\n%s", seed, diff)
		}
		if len(want) > 1 {
			several++
		}
	}
	if several < 250 {
		t.Errorf("in %d lives only was more than one invocation open", several)
	}
}

// TestOpenChangesNothing: a tracker that is asked after each step goes on as
// one that never is, also if it is asked for another reason each time.
func TestOpenChangesNothing(t *testing.T) {
	for seed := range uint64(300) {
		newTwin, before, after, reason := openLife(seed)
		asked, left := newTwin(), newTwin()
		var got []any
		for i, do := range before {
			got = append(got, play(asked, []step{do})...)
			asked.Open([]string{"timeout", "failure", "spindown"}[i%3], at(8000+i))
		}
		got = append(got, play(asked, after)...)
		want := play(left, append(before[:len(before):len(before)], after...))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-left alone +asked):\n%s", seed, diff)
		}
		if diff := cmp.Diff(left.Close(reason, at(9000)), asked.Close(reason, at(9000))); diff != "" {
			t.Fatalf("seed %d at the end (-left alone +asked):\n%s", seed, diff)
		}
		if diff := cmp.Diff(left.Stats(), asked.Stats()); diff != "" {
			t.Fatalf("seed %d: stats (-left alone +asked):\n%s", seed, diff)
		}
	}
}

// TestOpenLetsNobodyGo: whoever waits for an invocation goes on waiting.
func TestOpenLetsNobodyGo(t *testing.T) {
	tr := newTracker("")
	tr.Begin(begin("a", 0))
	done, settled := tr.Done("a"), tr.Settled()
	if sums := tr.Open("failure", at(10)); len(sums) != 1 || !sums[0].Failed || sums[0].ShutdownReason != "failure" {
		t.Errorf("open: %+v", sums)
	}
	if isClosed(done) || isClosed(settled) || !tr.Holds("a") {
		t.Error("a look ended the invocation")
	}
	if s := only(t, observe(tr, report("a", 20, "success"))); s.Failed || s.ShutdownReason != "" {
		t.Errorf("the look is in the summary: %+v", s)
	}
	if sums := tr.Open("failure", at(30)); len(sums) != 0 {
		t.Errorf("open after the end: %+v", sums)
	}
}

// TestOpenTellsDroppedLogsOnce, as the summaries do that follow each other.
func TestOpenTellsDroppedLogsOnce(t *testing.T) {
	tr := newTracker("")
	tr.Begin(begin("a", 0))
	tr.Begin(begin("b", 10))
	observe(tr, platform(telemetry.KindLogsDropped, 11, telemetry.Platform{DroppedRecords: telemetry.Num(123)}))
	for range 2 {
		sums := tr.Open("failure", at(20))
		if len(sums) != 2 || sums[0].LogsDropped != telemetry.Num(123) || sums[1].LogsDropped.Set {
			t.Errorf("open: %+v", sums)
		}
	}
	if s := only(t, observe(tr, report("b", 30, ""))); s.LogsDropped != telemetry.Num(123) {
		t.Errorf("after the look the next summary says %v", s.LogsDropped)
	}
}

// TestOpenIsInOrder, oldest first, with as many open as there may be.
func TestOpenIsInOrder(t *testing.T) {
	tr := newTracker("")
	for i := range 300 {
		tr.Begin(begin(fmt.Sprint(i), i))
	}
	sums := tr.Open("failure", at(400))
	if len(sums) != 256 {
		t.Fatalf("%d open, want 256", len(sums))
	}
	for i, s := range sums {
		if want := fmt.Sprint(i + 44); s.Request.ID != want {
			t.Fatalf("number %d is %s, want %s", i, s.Request.ID, want)
		}
		if failed := i == 255; s.Failed != failed { // the others' runtimeDone was lost
			t.Errorf("%s failed: %v, want %v", s.Request.ID, s.Failed, failed)
		}
	}
}

// The init types that differ in what a report alone means.
var bothModes = []string{"on-demand", "lambda-managed-instances"}

// TestEndOfAnEarlierProcess: that process's canonical event is written in its
// place, so what the platform still says of the request changes nothing.
func TestEndOfAnEarlierProcess(t *testing.T) {
	for _, mode := range bothModes {
		for _, tt := range []struct {
			name    string
			events  []*telemetry.Event
			foreign uint64
		}{
			{"runtimeDone", []*telemetry.Event{runtimeDone("old", 10, "error", "Runtime.ExitError")}, 1},
			{"report", []*telemetry.Event{report("old", 20, "timeout")}, 1},
			{"both", []*telemetry.Event{runtimeDone("old", 10, "error", ""), report("old", 20, "error")}, 2},
			{"both, again", []*telemetry.Event{report("old", 20, ""), runtimeDone("old", 10, "", ""), report("old", 20, ""), runtimeDone("old", 10, "", "")}, 4},
		} {
			t.Run(mode+": "+tt.name, func(t *testing.T) {
				tr := newTracker(mode)
				tr.Precede("old")
				tr.Precede("older")
				for _, ev := range tt.events {
					if req, s := tr.Observe(ev); req != nil || s != nil {
						t.Errorf("request %+v, summary %+v; want none", req, s)
					}
				}
				if got := (invocation.Stats{Foreign: tt.foreign}); tr.Stats() != got {
					t.Errorf("stats %+v, want %+v", tr.Stats(), got)
				}
				if _, running := tr.Current(); running || tr.Holds("old") || !isClosed(tr.Done("old")) {
					t.Error("it is held as a request of this process")
				}
				if sums := tr.Open("failure", at(30)); len(sums) != 0 {
					t.Errorf("open: %+v", sums)
				}
				if sums := tr.Close("failure", at(30)); len(sums) != 0 {
					t.Errorf("closed: %+v", sums)
				}
			})
		}
	}
}

// TestRequestOfAnEarlierProcessIsTriedAgain under its id, as asynchronous
// invocations are: from its own INVOKE or start on it is a request as any.
func TestRequestOfAnEarlierProcessIsTriedAgain(t *testing.T) {
	for _, mode := range bothModes {
		for _, tt := range []struct {
			name  string
			again step
		}{
			{"INVOKE", stepBegin(begin("old", 100))},
			{"platform.start", stepEvent(start("old", 100))},
		} {
			for _, late := range []bool{false, true} {
				t.Run(fmt.Sprint(mode, ": ", tt.name, ", late end of the first try: ", late), func(t *testing.T) {
					tr := newTracker(mode)
					tr.Precede("old")
					foreign := uint64(0)
					if late {
						observe(tr, runtimeDone("old", 10, "error", "Runtime.ExitError"), report("old", 20, "error"))
						foreign = 2
					}
					tt.again(tr)
					if current, ok := tr.Current(); !ok || current.ID != "old" || !tr.Holds("old") {
						t.Errorf("current: %+v, %v", current, ok)
					}
					s := only(t, observe(tr, runtimeDone("old", 200, "success", ""), report("old", 210, "success")))
					if s.Request.ID != "old" || !s.Complete || s.Failed || s.Outcome != "success" {
						t.Errorf("summary: %+v", s)
					}
					// What is repeated now is of the second try.
					observe(tr, runtimeDone("old", 200, "success", ""), report("old", 210, "success"))
					if got := (invocation.Stats{Foreign: foreign, Repeated: 2}); tr.Stats() != got {
						t.Errorf("stats %+v, want %+v", tr.Stats(), got)
					}
				})
			}
		}
	}
}

// TestRequestOfAnEarlierProcessIsTriedAThirdTime, when its second try is long
// forgotten: the note of the first process ended with that.
func TestRequestOfAnEarlierProcessIsTriedAThirdTime(t *testing.T) {
	for name, again := range map[string]step{"INVOKE": stepBegin(begin("old", 0)), "platform.start": stepEvent(start("old", 0))} {
		t.Run(name, func(t *testing.T) {
			tr := newTracker("on-demand")
			tr.Precede("old")
			again(tr)
			observe(tr, report("old", 10, "error"))
			for i := range 256 {
				observe(tr, start(fmt.Sprint(i), 20), report(fmt.Sprint(i), 30, "success"))
			}
			if observe(tr, runtimeDone("old", 40, "success", "")); !tr.Holds("old") || tr.Stats().Foreign != 0 {
				t.Errorf("its runtimeDone, which may come before INVOKE, is lost: %+v", tr.Stats())
			}
		})
	}
}

// TestPrecedeConcernsThatRequestAlone: others are what they would be.
func TestPrecedeConcernsThatRequestAlone(t *testing.T) {
	t.Run("the first request of this process is its first", func(t *testing.T) {
		tr := newTracker("on-demand")
		tr.Precede("old")
		observe(tr, runtimeDone("old", 0, "error", ""), report("old", 0, "error"))
		tr.Begin(begin("new", 10))
		if current, _ := tr.Current(); current.ID != "new" || !current.ColdStart {
			t.Errorf("current: %+v, want a cold start", current)
		}
	})
	t.Run("runtimeDone before its INVOKE", func(t *testing.T) {
		tr := newTracker("on-demand")
		tr.Precede("old")
		observe(tr, runtimeDone("new", 0, "success", ""))
		if !tr.Holds("new") {
			t.Error("another request is taken for an old one")
		}
	})
	t.Run("report alone on managed instances", func(t *testing.T) {
		tr := newTracker("lambda-managed-instances")
		tr.Precede("old")
		if s := only(t, observe(tr, report("new", 0, "success"))); s.Request.ID != "new" {
			t.Errorf("summary: %+v", s)
		}
	})
	t.Run("request that was seen here already", func(t *testing.T) {
		tr := newTracker("on-demand")
		tr.Begin(begin("new", 0))
		tr.Precede("new")
		observe(tr, runtimeDone("new", 10, "success", ""))
		if s := only(t, observe(tr, report("new", 20, "success"))); !s.Complete || s.Done != at(10) || tr.Stats().Foreign != 0 {
			t.Errorf("summary %+v, stats %+v", s, tr.Stats())
		}
	})
	t.Run("nobody is pushed out", func(t *testing.T) {
		tr := newTracker("on-demand")
		tr.Precede("old")
		for i := range 256 {
			tr.Begin(begin(fmt.Sprint(i), i))
		}
		if sums := observe(tr, runtimeDone("old", 300, "", ""), report("old", 300, "")); len(sums) != 0 || tr.Stats().Evicted != 0 {
			t.Errorf("closed: %+v", sums)
		}
	})
}
