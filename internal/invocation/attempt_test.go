package invocation_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// play feeds INVOKE events, deliveries, platform events and lines, and returns
// what came out, short: id, try, whether complete, outcome, lines.
func play(tr *invocation.Tracker, steps ...any) []string {
	for _, s := range steps {
		switch s := s.(type) {
		case invocation.Invoke:
			tr.Begin(s)
		case invocation.Delivery:
			tr.Delivered(s)
		case invocation.Answer:
			tr.Answered(s)
		case *telemetry.Event:
			tr.Observe(s)
		case *invocation.Line:
			tr.Line(s)
		}
	}
	return short(tr.Over(later))
}

func short(sums []invocation.Summary) (out []string) {
	for _, s := range sums {
		lines := 0
		for _, n := range s.Logs {
			lines += int(n)
		}
		word := "complete"
		if !s.Complete {
			word = "incomplete"
		}
		out = append(out, fmt.Sprintf("%s/%d %s %s %d", s.Request.ID, s.Attempt.Try, word, s.Outcome, lines))
	}
	return out
}

func timeless(ev *telemetry.Event) *telemetry.Event {
	ev.Time = time.Time{}
	return ev
}

func info() *invocation.Line { return &invocation.Line{Level: invocation.LevelInfo} }

// A retry of a request id is an attempt of its own; what is delivered again is
// none, and is told by its time.
func TestAttempts(t *testing.T) {
	whole := func(id string, ms int, status string) []any {
		return []any{begin(id, ms), start(id, ms-1), info(), runtimeDone(id, ms+10, status, ""), report(id, ms+12, status)}
	}
	for name, tt := range map[string]struct {
		steps []any
		want  []string
	}{
		"one": {whole("a", 100, "success"), []string{"a/1 complete success 1"}},
		"a retry, the report of the first before it": {
			append(whole("a", 100, "error"), whole("a", 60_100, "success")...),
			[]string{"a/1 complete error 1", "a/2 complete success 1"}},
		"a retry, all of the first still in the stream": {
			[]any{begin("a", 100), begin("a", 60_100), start("a", 99), info(), runtimeDone("a", 110, "error", ""), report("a", 112, "error"),
				start("a", 60_099), info(), info(), runtimeDone("a", 60_110, "success", ""), report("a", 60_112, "success")},
			[]string{"a/1 complete error 1", "a/2 complete success 2"}},
		"a retry, only the report of the first in the stream": {
			[]any{begin("a", 100), start("a", 99), info(), runtimeDone("a", 110, "error", ""), begin("a", 60_100), report("a", 112, "error"), start("a", 60_099), report("a", 60_112, "")},
			[]string{"a/1 complete error 1", "a/2 complete unknown 0"}},
		"a retry, the report of the first lost": {
			[]any{begin("a", 100), start("a", 99), runtimeDone("a", 110, "error", ""), begin("a", 60_100), start("a", 60_099), info(), runtimeDone("a", 60_110, "success", ""), report("a", 60_112, "success")},
			[]string{"a/1 incomplete error 0", "a/2 complete success 1"}},
		"a retry, nothing of the first in the stream": {
			[]any{begin("a", 100), begin("a", 60_100), start("a", 60_099), runtimeDone("a", 60_110, "success", ""), report("a", 60_112, "success")},
			[]string{"a/1 incomplete unknown 0", "a/2 complete success 0"}},
		"a retry whose start comes before its INVOKE": {
			append(whole("a", 100, "error"), start("a", 60_099), info(), begin("a", 60_100), runtimeDone("a", 60_110, "success", ""), report("a", 60_112, "success")),
			[]string{"a/1 complete error 1", "a/2 complete success 1"}},
		"a retry without INVOKE and without an end of the first": {
			[]any{start("a", 99), start("a", 60_099), runtimeDone("a", 60_110, "success", ""), report("a", 60_112, "success")},
			[]string{"a/1 incomplete unknown 0", "a/2 complete success 0"}},
		"the same events again": {
			append(append(whole("a", 100, "error"), whole("a", 100, "error")[1:]...), whole("a", 100, "error")[1:]...),
			[]string{"a/1 complete error 1"}},
		"the same events again while the retry runs": {
			append(append(append(whole("a", 100, "error"), begin("a", 60_100)), start("a", 99), runtimeDone("a", 110, "error", ""), report("a", 112, "error")),
				start("a", 60_099), runtimeDone("a", 110, "error", ""), report("a", 112, "error"), info(), runtimeDone("a", 60_110, "success", ""), report("a", 60_112, "success")),
			[]string{"a/1 complete error 1", "a/2 complete success 1"}},
		"the same start again while it runs": {
			[]any{begin("a", 100), start("a", 99), start("a", 99), info(), start("a", 99), runtimeDone("a", 110, "success", ""), runtimeDone("a", 110, "success", ""), report("a", 112, "success")},
			[]string{"a/1 complete success 1"}},
		"three tries between others": {
			append(append(append(append(whole("a", 100, "error"), whole("b", 200, "success")...), whole("a", 60_100, "error")...), whole("c", 61_000, "success")...), whole("a", 180_100, "success")...),
			[]string{"a/1 complete error 1", "b/1 complete success 1", "a/2 complete error 1", "c/1 complete success 1", "a/3 complete success 1"}},
		"start without INVOKE":         {whole("a", 100, "success")[1:], []string{"a/1 complete success 1"}},
		"INVOKE without start":         {[]any{begin("a", 100), runtimeDone("a", 110, "success", ""), report("a", 112, "success")}, []string{"a/1 complete success 0"}},
		"report before start":          {[]any{begin("a", 100), report("a", 112, "success"), start("a", 99), runtimeDone("a", 110, "success", "")}, []string{"a/1 complete success 0"}},
		"runtimeDone before INVOKE":    {[]any{start("a", 99), runtimeDone("a", 110, "success", ""), begin("a", 100), report("a", 112, "success")}, []string{"a/1 complete success 0"}},
		"INVOKE read after the report": {[]any{start("a", 99), runtimeDone("a", 110, "success", ""), report("a", 112, "success"), begin("a", 111)}, []string{"a/1 complete success 0"}},
		"INVOKE read late, after the report": {[]any{start("a", 99), runtimeDone("a", 110, "error", ""), report("a", 112, "error"), begin("a", 130), begin("a", 200), start("a", 199), report("a", 212, "success")},
			[]string{"a/1 complete error 0", "a/2 complete success 0"}},
		"a retry whose events have no time": {
			append(whole("a", -60_000, "error"), begin("a", -1), timeless(start("a", 0)), timeless(runtimeDone("a", 0, "success", "")), timeless(report("a", 0, "success"))),
			[]string{"a/1 complete error 1", "a/2 complete success 0"}},
		"INVOKE after a whole one":        {append(whole("a", 100, "success"), begin("a", 111), start("a", 113)), []string{"a/1 complete success 1"}},
		"the proxy first, then the rest":  {append([]any{invocation.Delivery{RequestID: "a", At: at(98)}}, whole("a", 100, "success")...), []string{"a/1 complete success 1"}},
		"the proxy last, then the report": {[]any{begin("a", 100), start("a", 99), invocation.Delivery{RequestID: "a", At: at(101)}, report("a", 112, "success")}, []string{"a/1 complete success 0"}},
		"the proxy sees the retry before INVOKE": {
			[]any{begin("a", 100), invocation.Delivery{RequestID: "a", At: at(101)}, start("a", 99), runtimeDone("a", 110, "error", ""),
				invocation.Delivery{RequestID: "a", At: at(60_099)}, begin("a", 60_100), report("a", 112, "error"), start("a", 60_098), report("a", 60_112, "success")},
			[]string{"a/1 complete error 0", "a/2 complete success 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTracker("on-demand")
			if diff := cmp.Diff(tt.want, play(tr, tt.steps...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The lines of a retry are its own, in whatever order INVOKE and stream come.
func TestLinesOfARetry(t *testing.T) {
	tr := newTracker("on-demand")
	owner := func(l *invocation.Line) string {
		if a := tr.Line(l); a != nil {
			return fmt.Sprint(a.ID, "/", a.Try)
		}
		return ""
	}
	check := func(when, want string, l *invocation.Line) {
		t.Helper()
		if got := owner(l); got != want {
			t.Errorf("%s: line of %s, want %s", when, got, want)
		}
	}
	named := &invocation.Line{RequestID: []byte("a")}
	play(tr, begin("a", 100), start("a", 99))
	check("first", "a/1", info())
	play(tr, runtimeDone("a", 110, "error", ""))
	tr.Begin(begin("a", 60_100))
	check("trailing line of the first, INVOKE of the second is read", "a/1", info())
	check("which names the id", "a/1", named)
	play(tr, report("a", 112, "error"), start("a", 60_099))
	check("second", "a/2", info())
	check("second, which names the id", "a/2", named)
	play(tr, runtimeDone("a", 60_110, "success", ""), report("a", 60_112, "success"))
	check("trailing line of the second", "a/2", named)
	play(tr, begin("b", 70_000), start("b", 70_000))
	check("the next request", "b/1", info())
	check("one that names the id from afar", "a/2", named)
}

// An attempt is exactly one summary, whatever order, loss and repetition its
// events come in; repeated events make no attempt.
func TestAnyOrderGivesOneSummaryEach(t *testing.T) {
	for seed := range uint64(3000) {
		anyOrder(t, seed, 1+int(seed%5))
	}
}

func FuzzAnyOrder(f *testing.F) {
	f.Add(uint64(1), 5)
	f.Fuzz(func(t *testing.T, seed uint64, requests int) {
		anyOrder(t, seed, 1+min(max(requests, 0), 4))
	})
}

func anyOrder(t *testing.T, seed uint64, requests int) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 7))
	tr := newTracker([]string{"on-demand", "lambda-managed-instances", "snap-start"}[rnd.IntN(3)])
	seen := map[string]bool{}
	var steps []func()
	for i := range requests {
		id, ms := fmt.Sprintf("request-%d", i), i*100
		for n, step := range []func(){
			func() { seen[id] = tr.Begin(begin(id, ms+1)) != nil },
			func() { seen[id] = tr.Observe(start(id, ms)) != nil },
			func() { seen[id] = tr.Observe(runtimeDone(id, ms+50, "success", "")) != nil },
			func() { seen[id] = tr.Observe(report(id, ms+60, "success")) != nil || seen[id] },
			func() { tr.Line(&invocation.Line{RequestID: []byte(id), Level: invocation.LevelInfo}) },
			func() { tr.Line(errorLine("boom")) },
			func() { tr.Observe(initReport("invoke", i)) },
			func() { tr.Answered(invocation.Answer{RequestID: id, At: at(ms + 49)}) },
			func() { tr.Current(); tr.Stats(); tr.NextOver() },
		} {
			times := rnd.IntN(4)
			if n == 0 { // no INVOKE is delivered twice
				times = min(times, 1)
			}
			for range times {
				steps = append(steps, step)
			}
		}
	}
	rnd.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	got := map[string]int{}
	take := func() {
		for _, s := range tr.Over(later) {
			got[s.Request.ID]++
		}
	}
	for _, step := range steps {
		step()
		if rnd.IntN(3) == 0 {
			take()
		}
	}
	tr.Close("spindown", at(9000))
	take()
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

// Any number of tries, each with its events in the stream's order and one
// INVOKE, which may be read early or late: one summary for each.
func TestAnyNumberOfTries(t *testing.T) {
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		tr := newTracker("on-demand")
		tries := 1 + rnd.IntN(4)
		var stream []*telemetry.Event
		for i := range tries {
			ms := 60_000 * i
			for _, ev := range []*telemetry.Event{start("a", ms), runtimeDone("a", ms+10, "success", ""), report("a", ms+12, "success")} {
				for range 1 + rnd.IntN(2) { // a part of a batch comes again
					stream = append(stream, ev)
				}
			}
		}
		fed := 0
		feed := func(n int) {
			for ; n > 0 && fed < len(stream); n-- {
				tr.Observe(stream[fed])
				fed++
			}
		}
		for i := range tries {
			// Of later tries nothing can be in the stream before their INVOKE.
			tr.Begin(begin("a", 60_000*i+1))
			for fed < len(stream) && !stream[fed].Time.After(at(60_000*i+12)) && rnd.IntN(4) > 0 {
				feed(1)
			}
		}
		feed(len(stream))
		tr.Close("spindown", later)
		var want []string
		for i := range tries {
			want = append(want, fmt.Sprintf("a/%d complete success 0", i+1))
		}
		if diff := cmp.Diff(want, short(tr.Over(later))); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// The bound is one of memory: 2,000 requests side by side are all open, and
// beyond it the oldest is closed for the newest.
func TestBoundOfMemory(t *testing.T) {
	const most = 6000
	tr := newTracker("lambda-managed-instances")
	id := func(i int) string { return fmt.Sprintf("%08d-2222-3333-4444-555555555555", i) }
	for i := range 2000 {
		tr.Observe(start(id(i), i))
	}
	if got := tr.Stats().Evicted; got != 0 || len(tr.Over(later)) != 0 {
		t.Fatalf("%d of 2,000 are closed", got)
	}
	for i := 2000; i < most; i++ {
		tr.Observe(start(id(i), i))
	}
	evicted := int(tr.Stats().Evicted)
	sums := tr.Over(later)
	if evicted == 0 || evicted > most-3000 || len(sums) != evicted {
		t.Fatalf("%d evicted, %d summaries", evicted, len(sums))
	}
	for i, s := range sums {
		if s.Request.ID != id(i) || s.Complete || s.Outcome != "unknown" {
			t.Fatalf("number %d: %+v", i, s)
		}
	}
	if sums := observe(tr, report(id(evicted-1), 5999, "success")); len(sums) != 0 {
		t.Errorf("a second summary of one that was closed early: %+v", sums)
	}
	if sums := closed(tr, "spindown", 9000); len(sums) != most-evicted {
		t.Errorf("%d closed at the end, want %d", len(sums), most-evicted)
	}
}

// What the tracker counts for an attempt is not less than what it takes.
func TestBoundIsTrue(t *testing.T) {
	used := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	tr := newTracker("on-demand")
	for i := range 2000 {
		inv := begin(fmt.Sprintf("%08d-2222-3333-4444-555555555555", i), i)
		inv.FunctionARN, inv.TraceHeader = strings.Clone("arn:aws:lambda:eu-west-1:123456789012:function:my-fn:live"), strings.Clone("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=1")
		tr.Begin(inv)
	}
	each := (used() - before) / 2000
	if each > 2<<10 {
		t.Errorf("an open attempt takes %d bytes, 2048 are counted", each)
	}
	runtime.KeepAlive(tr)
}

// Running waits for the request that is asked for, and for no other.
func TestRunning(t *testing.T) {
	tr := newTracker("lambda-managed-instances")
	got := make(chan invocation.Request, 1)
	go func() {
		req, _ := tr.Running(t.Context(), "b")
		got <- req
	}()
	tr.Observe(start("a", 0))
	tr.Observe(start("b", 1))
	if req := <-got; req.ID != "b" {
		t.Errorf("got %+v", req)
	}
	if _, ok := tr.Current(); ok {
		t.Error("on managed instances nobody knows who asks")
	}
	ended, cancel := contextOf(t, 0)
	defer cancel()
	observe(tr, report("b", 2, "success"))
	for _, id := range []string{"b", "c"} {
		if req, ok := tr.Running(ended, id); ok {
			t.Errorf("%s does not run: %+v", id, req)
		}
	}
}
