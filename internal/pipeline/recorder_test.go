package pipeline

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/telemetry"
)

// holding is a rig whose flight recorder holds DEBUG lines and below.
func holding(t testing.TB, change func(*Options)) *rig {
	t.Helper()
	return newRig(t, func(o *Options) {
		o.Hold = levelDebug
		if change != nil {
			change(o)
		}
	})
}

func debugLine(s string) telemetry.Event {
	return objectLine(`{"level":"DEBUG","message":"` + s + `"}`)
}
func infoLine(s string) telemetry.Event { return objectLine(`{"level":"INFO","message":"` + s + `"}`) }
func errLine(s string) telemetry.Event  { return objectLine(`{"level":"ERROR","message":"` + s + `"}`) }

// messages are the messages of the lines that left, in order.
func (r *rig) messages(t testing.TB) string {
	t.Helper()
	var got []string
	for _, l := range r.lines.got {
		_, rest, ok := strings.Cut(l, `"message":"`)
		if !ok {
			t.Fatalf("no message: %s", l)
		}
		message, _, _ := strings.Cut(rest, `"`)
		got = append(got, message)
	}
	return strings.Join(got, " ")
}

// balance checks that each line is counted exactly once.
func (r *rig) balance(t testing.TB) {
	t.Helper()
	s := r.Stats()
	if s.Lines != s.Passed+s.Filtered+s.Excluded+s.Held+s.Forgotten+s.HoldDropped {
		t.Errorf("does not add up: %+v", s)
	}
	if s.Passed != uint64(len(r.lines.got)) {
		t.Errorf("%d lines left, counted %d", len(r.lines.got), s.Passed)
	}
}

func done(id, status, errorType string) telemetry.Event {
	return platform(telemetry.KindRuntimeDone, t0, telemetry.Platform{RequestID: id, Status: status, ErrorType: errorType})
}

func reported(id, status string) telemetry.Event {
	return platform(telemetry.KindReport, t0, telemetry.Platform{RequestID: id, Status: status, DurationMs: telemetry.Num(12)})
}

// TestRecorderReleases: what the recorder lets out, and when. A bar in the
// wanted messages is the end of what has left before the last step.
func TestRecorderReleases(t *testing.T) {
	for _, tc := range []struct {
		name   string
		events []telemetry.Event
		last   func(r *rig)
		want   string
	}{
		{"success forgets", events(debugLine("a"), infoLine("b"), done(testID, "success", "")),
			func(r *rig) { r.HandleEvents(events(reported(testID, "success"))) }, "b |"},
		{"ERROR line releases in front of itself", events(debugLine("a"), infoLine("b"), debugLine("c")),
			func(r *rig) { r.HandleEvents(events(errLine("e"))) }, "b | a c e"},
		{"after an ERROR lines pass", events(debugLine("a"), errLine("e"), debugLine("c")),
			func(r *rig) { r.HandleEvents(events(errLine("f"), reported(testID, "error"))) }, "a e c | f"},
		{"CRITICAL line", events(debugLine("a")),
			func(r *rig) { r.HandleEvents(events(objectLine(`{"level":"FATAL","message":"e"}`))) }, "| a e"},
		{"crash text without a level", events(debugLine("a")),
			func(r *rig) { r.HandleEvents(events(textLine("panic: boom"))) }, "| a panic: boom"},
		{"process fault", events(debugLine("a")),
			func(r *rig) {
				r.HandleEvents(events(telemetry.Event{Kind: telemetry.KindFault, Time: t0, Line: []byte("fault")}))
			}, "| a fault"},
		{"runtimeDone with an error", events(debugLine("a")),
			func(r *rig) { r.HandleEvents(events(done(testID, "error", "Runtime.ExitError"))) }, "| a"},
		{"runtimeDone with a timeout", events(debugLine("a")),
			func(r *rig) { r.HandleEvents(events(done(testID, "timeout", ""))) }, "| a"},
		{"runtimeDone with a type alone", events(debugLine("a")),
			func(r *rig) { r.HandleEvents(events(done(testID, "", "Runtime.ExitError"))) }, "| a"},
		{"report with an error", events(debugLine("a"), done(testID, "success", "")),
			func(r *rig) { r.HandleEvents(events(reported(testID, "error"))) }, "| a"},
		{"shutdown by timeout", events(debugLine("a")),
			func(r *rig) { r.Flush("timeout", t0) }, "| a"},
		{"shutdown by failure", events(debugLine("a")),
			func(r *rig) { r.Flush("failure", t0) }, "| a"},
		{"spindown in the middle", events(debugLine("a")),
			func(r *rig) { r.Flush("spindown", t0) }, "|"},
		{"spindown before the report", events(debugLine("a"), done(testID, "success", "")),
			func(r *rig) { r.Flush("spindown", t0) }, "|"},
		{"memory ended", events(debugLine("a"), textLine("MemoryError")),
			func(r *rig) {
				r.HandleEvents(events(done(testID, "error", "Runtime.ExitError"), reported(testID, "error")))
			}, "MemoryError | a"},
		{"never twice", events(debugLine("a"), errLine("e"), done(testID, "error", ""), reported(testID, "error")),
			func(r *rig) {
				r.HandleEvents(events(done(testID, "error", ""), reported(testID, "error")))
				r.Flush("failure", t0)
			}, "a e |"},
		{"late line of a good end", events(debugLine("a"), reported(testID, "success")),
			func(r *rig) { r.HandleEvents(events(debugLine("b"), infoLine("c"))) }, "| c"},
		{"late line of a bad end", events(debugLine("a"), reported(testID, "error")),
			func(r *rig) { r.HandleEvents(events(debugLine("b"), infoLine("c"))) }, "a | b c"},
		{"late ERROR of a good end", events(debugLine("a"), reported(testID, "success")),
			func(r *rig) { r.HandleEvents(events(errLine("e"), debugLine("b"))) }, "| e"},
		{"metrics document of the function", events(debugLine("a"), objectLine(`{"_aws":{"CloudWatchMetrics":[]},"level":"ERROR","message":"m"}`)),
			func(r *rig) { r.HandleEvents(events(reported(testID, "success"))) }, "m |"},
		{"another invocation's ERROR", events(debugLine("a"), done(testID, "success", ""), start("b"), debugLine("x")),
			func(r *rig) { r.HandleEvents(events(errLine("e"), reported(testID, "success"), debugLine("y"))) }, "| x e y"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := holding(t, nil).running()
			r.HandleEvents(tc.events)
			before := r.messages(t)
			tc.last(r)
			after := strings.TrimPrefix(r.messages(t), before)
			if got := strings.Join(strings.Fields(before+" | "+after), " "); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			r.balance(t)
		})
	}
}

func TestRecorderLevels(t *testing.T) {
	lines := events(objectLine(`{"level":"TRACE","message":"t"}`), debugLine("d"), infoLine("i"), textLine("u"), objectLine(`{"level":"WARN","message":"w"}`))
	for _, tc := range []struct {
		name   string
		change func(*Options)
		before string // left at once
		after  string // left after a bad end
	}{
		{"TRACE", func(o *Options) { o.Hold = levelTrace }, "i u w", "i u w t"},
		{"DEBUG", nil, "i u w", "i u w t d"},
		{"INFO holds what does not tell", func(o *Options) { o.Hold = levelInfo }, "w", "w t d i u"},
		{"WARN", func(o *Options) { o.Hold = levelWarn }, "", "t d i u w"},
		{"ERROR itself is not held", func(o *Options) { o.Hold = levelCritical }, "", "t d i u w"},
		{"below the least level, all the same", func(o *Options) { o.Level = levelWarn }, "w", "w t d"},
		{"above the least level", func(o *Options) { o.Level = levelTrace }, "i u w", "i u w t d"},
		{"sampled", func(o *Options) { o.SampleRate = 1 }, "t d i u w", "t d i u w"},
		{"off", func(o *Options) { o.Hold = levelUnknown }, "i u w", "i u w"},
		{"excluded lines are not held", func(o *Options) { o.Exclude = regexp.MustCompile("DEBUG") }, "i u w", "i u w t"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := holding(t, tc.change).running()
			r.HandleEvents(lines)
			if got := r.messages(t); got != tc.before {
				t.Errorf("before: %q, want %q", got, tc.before)
			}
			r.HandleEvents(events(done(testID, "error", "")))
			if got := r.messages(t); got != tc.after {
				t.Errorf("after: %q, want %q", got, tc.after)
			}
			r.balance(t)
		})
	}
}

// TestRecorderWithoutAnInvocation: init code has none, its lines go their way.
func TestRecorderWithoutAnInvocation(t *testing.T) {
	r := holding(t, func(o *Options) { o.Hold = levelInfo })
	r.HandleEvents(events(debugLine("a"), infoLine("b")))
	if got := r.messages(t); got != "b" {
		t.Errorf("left: %q, want b", got)
	}
	r.balance(t)
}

// TestRecorderKeepsTimeAndKeys: a released line is what it would have been.
func TestRecorderKeepsTimeAndKeys(t *testing.T) {
	r := holding(t, func(o *Options) { o.Redact = redactor(t, "password") }).running()
	ev := textLine("[DEBUG]\tpassword=x\nsecond line")
	ev.Time = t0.Add(7 * time.Millisecond)
	r.HandleEvents(events(ev))
	complete := `{"level":"DEBUG","message":"known",` + stampOf + `,` + testTail + `}`
	r.HandleEvents(events(objectLine(complete)))
	r.HandleEvents(events(done(testID, "timeout", "")))
	want := []string{`{"level":"DEBUG","message":"[DEBUG]\tpassword=[redacted]\nsecond line","timestamp":"2024-01-15T11:30:45.130Z",` + testTail + `}`, complete}
	if diff := cmp.Diff(want, r.lines.got); diff != "" {
		t.Errorf("every (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:1], r.stdout.got); diff != "" {
		t.Errorf("stdout, which has the second line already (-want +got):\n%s", diff)
	}
}

// TestRecorderIsTold in the canonical event.
func TestRecorderIsTold(t *testing.T) {
	r := holding(t, func(o *Options) { o.HoldBytesEach, o.HoldBytes = 1024, 2048 }).running()
	for range 20 {
		r.HandleEvents(events(debugLine(strings.Repeat("x", 100))))
	}
	r.HandleEvents(events(done(testID, "error", ""), reported(testID, "error")))
	s := r.Stats()
	if s.HoldDropped == 0 || s.Passed == 0 || s.HoldDropped+s.Passed != 20 {
		t.Fatalf("%+v", s)
	}
	event := r.metrics.got[0]
	if member(t, event, "log_released") != float64(s.Passed) || member(t, event, "log_hold_dropped") != float64(s.HoldDropped) {
		t.Errorf("%s, stats %+v", event, s)
	}
	r.balance(t)
}

// I5: the recorder keeps its bounds, for each invocation and for all, and
// gives up what is oldest.
func TestRecorderIsBounded(t *testing.T) {
	const each, total = 8 << 10, 20 << 10
	r := newRecorder(&Options{Hold: levelDebug, HoldBytes: total, HoldBytesEach: each})
	attempts := make([]attempt, 6)
	for i := range 4000 {
		r.hold(r.lines(&attempts[i%5]), []byte(fmt.Sprintf("%05d", i)+strings.Repeat("x", i%300)), heldAs{})
		used := 0
		for t2 := range r.holders {
			if t2.bytes > each {
				t.Fatalf("%d bytes of one, at most %d", t2.bytes, each)
			}
			sum := 0
			for _, s := range t2.segments {
				sum += cap(s.buf)
			}
			if sum != t2.bytes {
				t.Fatalf("counted %d bytes, and it is %d", t2.bytes, sum)
			}
			used += sum
		}
		if used != r.used || used > total {
			t.Fatalf("%d bytes of all, counted %d, at most %d", used, r.used, total)
		}
	}
	if r.holding+r.dropped != 4000 || r.used < total-each/16 {
		t.Errorf("%d held, %d dropped, %d bytes", r.holding, r.dropped, r.used)
	}
	var left []string
	for held := range r.holders {
		var own []string
		r.release(held, func(line []byte, _ heldAs) { own = append(own, string(line[:5])) })
		if !slices.IsSorted(own) || len(own) == 0 || own[len(own)-1] < "03990" {
			t.Errorf("%v", own)
		}
		left = append(left, own...)
	}
	slices.Sort(left)
	if len(left) > 0 && left[0] < "03500" {
		t.Errorf("the oldest that is left is %s of 4000, with %d lines", left[0], len(left))
	}
	if r.used != 0 || r.holding != 0 {
		t.Errorf("%d bytes and %d lines after the end", r.used, r.holding)
	}
	// A line that is larger than the bound is dropped alone.
	r.hold(r.lines(&attempts[5]), make([]byte, each), heldAs{})
	if r.used != 0 {
		t.Errorf("%d bytes of a line that is too long", r.used)
	}
}

// TestRecorderForgetsInvocations: nothing is kept for each of a million.
func TestRecorderForgetsInvocations(t *testing.T) {
	r := holding(t, nil)
	for i := range 500 {
		id := fmt.Sprint(i)
		r.Begin(invoke(id))
		status := []string{"success", "error"}[i%2]
		r.HandleEvents(events(start(id), debugLine(id), done(id, status, ""), reported(id, status)))
	}
	if n := len(r.recorder.holders); n != 0 || r.recorder.used != 0 {
		t.Errorf("lines of %d attempts with %d bytes are left", n, r.recorder.used)
	}
	if got := len(r.lines.got); got != 250 {
		t.Errorf("%d lines left, want 250", got)
	}
	r.balance(t)
}

// TestHoldingDoesNotAllocate for the second and later invocations.
func TestHoldingDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	r := newRig(t, func(o *Options) {
		o.Hold, o.Lines, o.Metrics = levelDebug, []Destination{{Output: &nowhere{}}}, nil
	}).running()
	batch := batchOf(debugLine("x"))
	for range 200 { // until the recorder is full
		r.HandleEvents(batch)
	}
	if n := testing.AllocsPerRun(20, func() { r.HandleEvents(batch) }); n > 0 {
		t.Errorf("%v allocations per 64 lines, want 0", n)
	}
}

// recorderModel plays random invocations and checks what leaves against a
// recorder that is a map of slices.
func recorderModel(t *testing.T, seed uint64, managed bool) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 3))
	r := holding(t, nil)
	held, bad, ended := map[string][]string{}, map[string]bool{}, map[string]bool{}
	var want []string
	release := func(id string) {
		want = append(want, held[id]...)
		delete(held, id)
		bad[id] = true
	}
	ids := []string{"0b1c2d3e-0000-4fff-8abc-000000000000", "0b1c2d3e-0000-4fff-8abc-000000000001", "0b1c2d3e-0000-4fff-8abc-000000000002"}
	for i, id := range ids {
		if managed || i == 0 {
			r.HandleEvents(events(start(id)))
		}
	}
	for i := range 60 {
		id := ids[0]
		if managed {
			id = ids[rnd.IntN(3)]
		}
		text := fmt.Sprintf("m%d", i)
		line := func(level string) telemetry.Event {
			return objectLine(`{"level":"` + level + `","message":"` + text + `","requestId":"` + id + `"}`)
		}
		switch n := rnd.IntN(40); {
		case n < 25:
			r.HandleEvents(events(line("DEBUG")))
			switch {
			case bad[id]:
				want = append(want, text)
			case !ended[id]:
				held[id] = append(held[id], text)
			}
		case n < 36:
			r.HandleEvents(events(line("INFO")))
			want = append(want, text)
		case n < 38:
			r.HandleEvents(events(line("ERROR")))
			if !ended[id] {
				release(id)
			}
			want = append(want, text)
		default:
			status := []string{"success", "error"}[rnd.IntN(2)]
			r.HandleEvents(events(reported(id, status)))
			if !ended[id] && status == "error" {
				release(id)
			}
			delete(held, id)
			ended[id] = true
		}
	}
	if got := r.messages(t); got != strings.Join(want, " ") {
		t.Errorf("seed %d:\ngot  %s\nwant %s", seed, got, strings.Join(want, " "))
	}
	r.balance(t)
}

func TestRecorderAgainstModel(t *testing.T) {
	for seed := range uint64(500) {
		recorderModel(t, seed, seed%2 == 1)
	}
}

func FuzzRecorder(f *testing.F) {
	f.Add(uint64(1), true)
	f.Fuzz(recorderModel)
}
