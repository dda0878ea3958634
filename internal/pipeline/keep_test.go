package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/canonical"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/telemetry"
)

// record is one thing that outlives the process.
type record struct {
	Kind Kept
	Data string
}

// opened returns copies of what Open shows.
func (r *rig) opened(reason string) []record {
	var all []record
	r.Open(reason, t0.Add(time.Minute), func(kind Kept, data []byte) { all = append(all, record{kind, string(data)}) })
	return all
}

// of returns the data of the records of some kinds.
func of(all []record, kinds ...Kept) (data []string) {
	for _, r := range all {
		if slices.Contains(kinds, r.Kind) {
			data = append(data, r.Data)
		}
	}
	return data
}

// flushed closes the rig and returns what left by it.
func (r *rig) flushed(reason string) (lines, stdout, metrics []string) {
	r.lines.got, r.stdout.got, r.metrics.got = nil, nil, nil
	r.Flush(reason, t0.Add(time.Minute))
	return r.lines.got, r.stdout.got, r.metrics.got
}

// emfLine is a metrics document of the function: stdout has it already.
func emfLine(s string) telemetry.Event {
	return objectLine(`{"_aws":{},"level":"DEBUG","message":"` + s + `"}`)
}

// knownLine needs no key any more: stdout has it already.
func knownLine(s string) telemetry.Event {
	return objectLine(`{"level":"DEBUG","message":"` + s + `",` + stampOf + `,` + testTail + `}`)
}

// randomLife are the events of some invocations that overlap, as functions so
// that they can be fed to several rigs.
func randomLife(rnd *rand.Rand) (life []func(r *rig)) {
	feed := func(evs ...telemetry.Event) { life = append(life, func(r *rig) { r.HandleEvents(evs) }) }
	for i := range 1 + rnd.IntN(4) {
		id := fmt.Sprint("request-", i)
		if rnd.IntN(5) > 0 {
			life = append(life, func(r *rig) { r.Begin(invoke(id)) })
		}
		if rnd.IntN(5) > 0 {
			feed(start(id))
		}
		for n := range rnd.IntN(8) {
			text := fmt.Sprint(i, "-", n)
			feed([]telemetry.Event{
				debugLine(text), debugLine(text), debugLine(text), textLine("[DEBUG]\t" + text), knownLine(text), knownLine(text),
				infoLine(text), infoLine(text), emfLine(text), emfLine(text), errLine(text), textLine("MemoryError"),
			}[rnd.IntN(12)])
		}
		if rnd.IntN(3) == 0 {
			feed(platform(telemetry.KindLogsDropped, t0, telemetry.Platform{DroppedRecords: telemetry.Num(3)}))
		}
		if rnd.IntN(3) == 0 {
			feed(done(id, []string{"success", "error", "timeout"}[rnd.IntN(3)], ""))
		}
		if rnd.IntN(4) == 0 {
			feed(reported(id, "success"))
		}
	}
	return life
}

// TestOpenShowsWhatFlushPrints, for random lives: the ids, the canonical
// events byte for byte, and the lines that the flight recorder would release.
func TestOpenShowsWhatFlushPrints(t *testing.T) {
	events, lines, known := 0, 0, 0
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 21))
		r := holding(t, func(o *Options) {
			if seed%5 == 0 { // lines get lost for lack of room
				o.HoldBytesEach, o.HoldBytes = 512, 1024
			}
		})
		for _, do := range randomLife(rnd) {
			do(r)
		}
		reason := []string{"failure", "timeout", "spindown"}[seed%3]
		got := r.opened(reason)
		wantLines, wantStdout, wantEvents := r.flushed(reason)
		if diff := cmp.Diff(wantEvents, of(got, KeptEvent)); diff != "" {
			t.Fatalf("seed %d: canonical events (-flushed +open):\n%s", seed, diff)
		}
		if diff := cmp.Diff(wantLines, of(got, KeptLine, KeptKnown)); diff != "" {
			t.Fatalf("seed %d: lines (-flushed +open):\n%s", seed, diff)
		}
		if diff := cmp.Diff(wantStdout, of(got, KeptLine)); diff != "" {
			t.Fatalf("seed %d: lines for stdout (-flushed +open):\n%s", seed, diff)
		}
		var ids []string
		for _, event := range wantEvents {
			ids = append(ids, member(t, event, "function_request_id").(string))
		}
		if diff := cmp.Diff(ids, of(got, KeptRequest)); diff != "" {
			t.Fatalf("seed %d: requests (-flushed +open):\n%s", seed, diff)
		}
		events, lines, known = events+len(wantEvents), lines+len(wantLines), known+len(of(got, KeptKnown))
	}
	if events < 300 || lines < 300 || known < 50 {
		t.Errorf("%d events, %d lines, %d known ones in all: too little was compared", events, lines, known)
	}
}

// TestOpenChangesNothing: a rig that is asked after each event goes on as one
// that never is.
func TestOpenChangesNothing(t *testing.T) {
	for seed := range uint64(200) {
		asked, left := holding(t, nil), holding(t, nil)
		for i, do := range randomLife(rand.New(rand.NewPCG(seed, 22))) {
			do(asked)
			do(left)
			asked.opened([]string{"failure", "timeout", "spindown"}[i%3])
		}
		asked.Flush("failure", t0)
		left.Flush("failure", t0)
		for _, d := range []struct {
			what      string
			want, got any
		}{
			{"lines", left.lines.got, asked.lines.got}, {"stdout", left.stdout.got, asked.stdout.got},
			{"metrics", left.metrics.got, asked.metrics.got}, {"stats", left.Stats(), asked.Stats()},
			{"tracker", left.tracker.Stats(), asked.tracker.Stats()},
		} {
			if diff := cmp.Diff(d.want, d.got); diff != "" {
				t.Fatalf("seed %d: %s (-left alone +asked):\n%s", seed, d.what, diff)
			}
		}
	}
}

// TestOpenInvocation: what is shown of one, and in which order.
func TestOpenInvocation(t *testing.T) {
	for _, tc := range []struct {
		name   string
		events []telemetry.Event
		reason string
		want   string // kinds, and the messages of lines
	}{
		{"running when the process ends", events(debugLine("a"), infoLine("b"), knownLine("c"), emfLine("m"), debugLine("d")), "failure", "r l:a k:c l:d e"},
		{"running at a spindown", events(debugLine("a")), "spindown", "r e"},
		{"runtimeDone told of success", events(debugLine("a"), done(testID, "success", "")), "failure", "r e"},
		{"an ERROR has released the lines", events(debugLine("a"), errLine("b"), debugLine("c")), "failure", "r e"},
		{"runtimeDone has released the lines", events(debugLine("a"), done(testID, "error", "")), "failure", "r e"},
		{"memory ended, at a spindown", events(debugLine("a"), textLine("MemoryError")), "spindown", "r l:a e"},
		{"reported", events(debugLine("a"), reported(testID, "error")), "failure", ""},
		{"the next one is running", events(debugLine("a"), start("next"), debugLine("b")), "failure", "r e r l:b e"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := holding(t, nil).running()
			r.HandleEvents(tc.events)
			var got []string
			for _, rec := range r.opened(tc.reason) {
				text := string(rune(rec.Kind))
				if rec.Kind == KeptLine || rec.Kind == KeptKnown {
					text += ":" + member(t, rec.Data, "message").(string)
				}
				got = append(got, text)
			}
			if shown := strings.Join(got, " "); shown != tc.want {
				t.Errorf("got  %s\nwant %s", shown, tc.want)
			}
		})
	}
}

// bare is a canonical event without what a look leaves out.
func bare(t *testing.T, event string) map[string]any {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(event), &root); err != nil {
		t.Fatalf("%v: %s", err, event)
	}
	delete(root, "parameter_hits")
	directive := root["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
	for _, p := range canonical.Metrics() {
		if p.Preset != canonical.PresetAll || p.Name == "EstimatedCost" {
			continue
		}
		delete(root, p.Name)
		directive["Metrics"] = slices.DeleteFunc(directive["Metrics"].([]any), func(m any) bool { return m.(map[string]any)["Name"] == p.Name })
	}
	return root
}

// TestOpenAsksNobody: the counters of the parameter cache and the readings of
// the sandbox go into the true event, whole.
func TestOpenAsksNobody(t *testing.T) {
	hits := int64(0)
	source := &fakeProcess{}
	r := newRig(t, func(o *Options) {
		o.Process = source
		o.Platform, _ = canonical.Select("all")
		o.Meters = []Meter{meterFunc(func() []emf.Property {
			n := hits
			hits = 0
			return []emf.Property{{Name: "parameter_hits", Value: n}}
		})}
	}).running()
	hits = 5
	asked := len(source.asked)
	got := of(r.opened("failure"), KeptEvent)
	if hits != 5 || len(source.asked) != asked {
		t.Errorf("%d hits are left of 5, and the sandbox was read %d times", hits, len(source.asked)-asked)
	}
	_, _, want := r.flushed("failure")
	if len(got) != 1 || len(want) != 1 {
		t.Fatalf("%d events shown, %d printed; want one each", len(got), len(want))
	}
	if diff := cmp.Diff(bare(t, want[0]), bare(t, got[0])); diff != "" {
		t.Errorf("(-flushed +open):\n%s", diff)
	}
	if member(t, want[0], "parameter_hits") != 5.0 || member(t, want[0], "CpuUser") != 10.0 {
		t.Errorf("the true event has lost its figures: %s", want[0])
	}
}

// TestOpenWithoutCanonicalEvents: the request is shown all the same, so that
// the next process knows it.
func TestOpenWithoutCanonicalEvents(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no output":    func(o *Options) { o.Metrics = nil },
		"no metrics":   func(o *Options) { o.Platform, _ = canonical.Select("none") },
		"broken limit": func(o *Options) { o.Namespace = "AWS/Lambda" },
	} {
		t.Run(name, func(t *testing.T) {
			r := holding(t, change).running()
			r.HandleEvents(events(debugLine("a")))
			got := r.opened("failure")
			if len(got) != 2 || got[0] != (record{KeptRequest, testID}) || got[1].Kind != KeptLine {
				t.Errorf("shown: %v", got)
			}
			if s := r.Stats(); s.Refused != 0 || s.Events != 0 {
				t.Errorf("a look is counted: %+v", s)
			}
		})
	}
}

// TestRestore: what one process had open, another one writes in its place.
func TestRestore(t *testing.T) {
	killed, other := holding(t, nil), "another request"
	killed.HandleEvents(events(start(other), debugLine("x"), done(other, "success", "")))
	killed.running()
	killed.HandleEvents(events(debugLine("a"), infoLine("b"), knownLine("c"), textLine("[DEBUG]\tf")))
	kept := killed.opened("failure")
	lines, stdout, metrics := killed.flushed("failure")

	next := holding(t, nil)
	for _, r := range kept {
		next.Restore(r.Kind, []byte(r.Data))
	}
	for _, d := range []struct {
		what      string
		want, got []string
	}{{"lines", lines, next.lines.got}, {"stdout", stdout, next.stdout.got}, {"metrics", metrics, next.metrics.got}} {
		if diff := cmp.Diff(marked(d.want), d.got); diff != "" || len(d.want) == 0 {
			t.Errorf("%s (-want +got):\n%s", d.what, diff)
		}
	}
	if len(next.stdout.got) != 2 || len(next.lines.got) != 3 {
		t.Errorf("%d lines, %d of them on stdout; want 3 and 2, for one is known there", len(next.lines.got), len(next.stdout.got))
	}
	next.balance(t)
	if s := next.Stats(); s.Lines != 3 || s.Passed != 3 || s.Held+s.Released+s.Events != 0 {
		t.Errorf("stats: %+v", s)
	}
	if more := next.opened("failure"); len(more) != 0 {
		t.Errorf("open, though all was written: %v", more)
	}

	// What the platform still says of them is not written again.
	next.HandleEvents(events(reported(other, "success"), done(testID, "error", ""), reported(testID, "error")))
	next.Flush("spindown", t0)
	if len(next.metrics.got) != 2 || next.tracker.Stats().Foreign != 3 {
		t.Errorf("%d events, want 2; tracker %+v", len(next.metrics.got), next.tracker.Stats())
	}
}

// marked are the lines as they are when another process sends them.
func marked(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.TrimSuffix(l, "}") + `,"replayed":true}`
	}
	return out
}

// TestRestoreIsMarkedOnce, however many processes were killed on the way.
func TestRestoreIsMarkedOnce(t *testing.T) {
	r := newRig(t, nil)
	for _, kind := range []Kept{KeptEvent, KeptLine} {
		r.Restore(kind, Replayed(Replayed([]byte(`{"a":1}`))))
	}
	want := []string{`{"a":1,"replayed":true}`}
	if diff := cmp.Diff([][]string{want, want}, [][]string{r.metrics.got, r.lines.got}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRestoreWithNowhereToGo: another configuration than that of the process
// before, or a record of a kind that is not known here.
func TestRestoreWithNowhereToGo(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Metrics, o.Lines = nil, nil })
	for _, kind := range []Kept{KeptRequest, KeptEvent, KeptLine, KeptKnown, 'x', 0} {
		r.Restore(kind, []byte(`{"a":1}`))
		r.Restore(kind, nil)
	}
	if s := r.Stats(); s.Lines != 4 || s.Passed != 4 || s.Panics != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// TestRestoredRequestRunsAgain under its id: then it is one of this process.
func TestRestoredRequestRunsAgain(t *testing.T) {
	r := newRig(t, nil)
	r.Restore(KeptRequest, []byte(testID))
	r.running()
	r.HandleEvents(events(done(testID, "success", ""), reported(testID, "success")))
	if len(r.metrics.got) != 1 || member(t, r.metrics.got[0], "replayed") != nil {
		t.Errorf("events: %v", r.metrics.got)
	}
}

// TestRestoreDoesNotKeepTheData, which are valid during the call only.
func TestRestoreDoesNotKeepTheData(t *testing.T) {
	r := newRig(t, nil)
	id := []byte(testID)
	r.Restore(KeptRequest, id)
	copy(id, "overwritten")
	r.HandleEvents(events(done(testID, "success", "")))
	if r.tracker.Holds(testID) {
		t.Error("the id was not copied")
	}
}

func TestReplayed(t *testing.T) {
	long := func(size int) string { return `{"a":"` + strings.Repeat("x", size-len(`{"a":""}`)) + `"}` }
	const added = len(`,"replayed":true`)
	for _, tc := range []struct{ name, line, want string }{
		{"object", `{"a":1}`, `{"a":1,"replayed":true}`},
		{"empty object", `{}`, `{"replayed":true}`},
		{"empty object with room", "{ \n }", `{"replayed":true}`},
		{"indented object", "{\n    \"a\": 1\n}", "{\n    \"a\": 1,\"replayed\":true}"},
		{"nested object at the end", `{"a":{"b":{}}}`, `{"a":{"b":{}},"replayed":true}`},
		{"mark of a nested object", `{"a":{"replayed":true}}`, `{"a":{"replayed":true},"replayed":true}`},
		{"mark in a text", `{"a":"\"replayed\":true"}`, `{"a":"\"replayed\":true","replayed":true}`},
		{"brace in a text", `{"a":"}"}`, `{"a":"}","replayed":true}`},
		{"trailing newline", "{\"a\":1}\r\n", `{"a":1,"replayed":true}`},
		{"already marked", `{"a":1,"replayed":true}`, `{"a":1,"replayed":true}`},
		{"already marked, and nothing else", `{"replayed":true}`, `{"replayed":true}`},
		{"already marked, indented", "{\"a\":1,\"replayed\":true\n}", "{\"a\":1,\"replayed\":true\n}"},
		{"not replayed, says the function", `{"replayed":false}`, `{"replayed":false,"replayed":true}`},
		{"text", "order accepted", "order accepted"},
		{"text with a newline", "order accepted\n", "order accepted\n"},
		{"text in front of an object", `INFO {"a":1}`, `INFO {"a":1}`},
		{"text behind an object", `{"a":1} done`, `{"a":1} done`},
		{"array", `[{"a":1}]`, `[{"a":1}]`},
		{"string", `"{}"`, `"{}"`},
		{"opening brace alone", `{`, `{`},
		{"nothing", ``, ``},
		{"newline alone", "\n", "\n"},
		{"no room, with the newline", long(DefaultMaxLineBytes - added), long(DefaultMaxLineBytes - added)},
		{"just room", long(DefaultMaxLineBytes - added - 1), marked([]string{long(DefaultMaxLineBytes - added - 1)})[0]},
	} {
		t.Run(tc.name, func(t *testing.T) {
			line := append(make([]byte, 0, len(tc.line)+64), tc.line...) // room to write where it may not
			got := Replayed(line)
			if string(got) != tc.want {
				t.Errorf("got  %.200s\nwant %.200s", got, tc.want)
			}
			if string(line) != tc.line || !bytes.Equal(line[len(line):cap(line)], make([]byte, cap(line)-len(line))) {
				t.Errorf("the line itself was written to: %.200q", line[:cap(line)])
			}
			if again := Replayed(got); string(again) != tc.want {
				t.Errorf("again: %.200s", again)
			}
		})
	}
}

// replayedProperty: an object keeps its bytes up to the brace and has the mark
// behind its members; every other line stays as it is.
func replayedProperty(t *testing.T, line []byte) {
	t.Helper()
	got := Replayed(bytes.Clone(line))
	if again := Replayed(got); !bytes.Equal(again, got) {
		t.Fatalf("%q is marked twice: %q", line, again)
	}
	body := bytes.Trim(line, " \t\r\n")
	if !json.Valid(line) || body[0] != '{' {
		if !jsonbytes.LooksLikeObject(body) && !bytes.Equal(got, line) {
			t.Fatalf("%q is no object and became %q", line, got)
		}
		return
	}
	before := topKeys(t, string(body))
	if bytes.Equal(got, line) {
		// A member whose name ends in the mark's is rare enough to go without.
		if end := string(bytes.TrimRight(body[:len(body)-1], " \t\r\n")); line[0] == '{' && !strings.HasSuffix(end, `"replayed":true`) && len(line)+17 <= DefaultMaxLineBytes {
			t.Fatalf("%q is not marked", line)
		}
		return
	}
	if !json.Valid(got) || !bytes.HasPrefix(got, bytes.TrimRight(body[:len(body)-1], " \t\r\n")) || member(t, string(got), "replayed") != true {
		t.Fatalf("%q became %q", line, got)
	}
	if diff := cmp.Diff(append(before, "replayed"), topKeys(t, string(got))); diff != "" {
		t.Fatalf("%q became %q:\n%s", line, got, diff)
	}
}

// randomDocument writes a JSON object of any form.
func randomDocument(rnd *rand.Rand, depth int) string {
	members := make([]string, 1+rnd.IntN(4))
	for i := range members {
		value := []string{"12", "null", `"a \"b\" }"`, "[1,{}]"}[rnd.IntN(4)]
		if depth > 0 && rnd.IntN(3) == 0 {
			value = randomDocument(rnd, depth-1)
		}
		members[i] = fmt.Sprintf(`"k%d"%s:%s%s`, i, []string{"", " "}[rnd.IntN(2)], []string{"", "\t"}[rnd.IntN(2)], value)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestReplayedProperty(t *testing.T) {
	for seed := range uint64(1000) {
		rnd := rand.New(rand.NewPCG(seed, 23))
		doc := randomDocument(rnd, 2)
		replayedProperty(t, []byte(doc))
		replayedProperty(t, []byte(doc+"\n"))
		replayedProperty(t, []byte(doc[:rnd.IntN(len(doc))]))
		var laidOut bytes.Buffer
		if err := json.Indent(&laidOut, []byte(doc), "", "    "); err != nil {
			t.Fatal(err)
		}
		replayedProperty(t, laidOut.Bytes())
	}
}

func FuzzReplayed(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, "{\n  \"a\": [{}]\n}\n", `{"a\"replayed":true}`, `[{}]`, `text {}`, `{`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) { replayedProperty(t, line) })
}

// TestOpenWhileEventsCome: a look from another goroutine sees each invocation
// whole. The race detector judges the rest.
func TestOpenWhileEventsCome(t *testing.T) {
	r := holding(t, nil)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			var last Kept
			r.Open("failure", t0, func(kind Kept, data []byte) {
				if kind != KeptRequest && last == 0 || kind == KeptRequest && last != 0 && last != KeptEvent {
					t.Errorf("%c behind %c", kind, last)
				}
				if last = kind; kind != KeptRequest && !json.Valid(data) {
					t.Errorf("%c: %s", kind, data)
				}
			})
		}
	}()
	for i := range 200 {
		id := fmt.Sprint(i)
		r.Begin(invocation.Invoke{RequestID: id, At: t0})
		r.HandleEvents(events(start(id), debugLine(id), infoLine(id), done(id, []string{"success", "error"}[i%2], ""), reported(id, "success")))
	}
	close(stop)
	<-stopped
	r.balance(t)
}
