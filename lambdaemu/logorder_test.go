package lambdaemu

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu/transcript"
)

// The framed descriptor is there for managed runtimes and told by its variable to
// the function only; a frame is one event with its level, in the log and in
// telemetry, as long as its newline was. [DOC:telemetry-api]
func TestLogDescriptor(t *testing.T) {
	for _, c := range []struct{ runtime, kind, want string }{
		{"python3.13", "", "pipe"}, {"nodejs22.x", "socket", "socket"}, {"java21", "off", ""}, {"provided.al2023", "", ""}, {"provided.al2023", "pipe", "pipe"},
	} {
		t.Run(c.runtime+" "+c.kind, func(t *testing.T) {
			r := newRig(t, Options{Runtime: c.runtime, LogDescriptor: c.kind}, map[string]extConfig{"ext-a": {Subscribe: []string{"function"}, Env: true}})
			env := string(r.invoke(fnEvent{Env: true}).Payload)
			if got := strings.Contains(env, `"_LAMBDA_TELEMETRY_LOG_FD=3"`); got != (c.want != "") {
				t.Errorf("in the function's environment: %t", got)
			}
			if contains(r.logs.texts(OriginExtension), "_LAMBDA_TELEMETRY_LOG_FD") {
				t.Error("in the extension's environment")
			}
			r.invoke(fnEvent{Frames: []string{"one\ntwo\n", "no newline"}})
			r.stop()
			var got []string
			for _, line := range r.logs.of(OriginFunction) {
				got = append(got, strconv.Quote(line.Text)+" "+strconv.FormatBool(line.Framed)+" "+line.Level)
			}
			var records []string
			for _, e := range r.events("ext-a") {
				records = append(records, string(e.Record))
			}
			want, wantRecords := []string{`"no framed descriptor" false `}, []string{`"no framed descriptor\n"`}
			if c.want != "" {
				want = []string{`"one\ntwo" true WARN`, `"no newline" true WARN`}
				wantRecords = []string{`"one\ntwo\n"`, `"no newline"`}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(wantRecords, records); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is no frame is told in the transcript and read as lines.
func TestBrokenFrames(t *testing.T) {
	r := newRig(t, Options{Runtime: "python3.13"}, nil)
	r.invoke(fnEvent{Shell: "echo this is plain text >&3"})
	if !contains(r.entries(whoRuntime), "log descriptor not a frame: type 0x74686973") || !contains(r.logs.texts(OriginFunction), "this is plain text") {
		t.Errorf("entries %q, lines %q", r.entries(whoRuntime), r.logs.texts(OriginFunction))
	}
}

// START stands before and END after every line that names its request, whichever
// descriptor it took; one that comes later is counted and told, unless its request
// has no answer.
func TestLogOrder(t *testing.T) {
	r := newRig(t, Options{Runtime: "python3.13", NoFreeze: true, SplitOutput: true}, map[string]extConfig{"ext-a": {}})
	for range 20 {
		r.invoke(fnEvent{Print: []string{"of REQUEST-ID"}, Shell: "echo of REQUEST-ID >&2"})
	}
	if diff := cmp.Diff(LogOrderStats{Named: 40}, r.LogOrder()); diff != "" {
		t.Error(diff)
	}
	resp := r.invoke(fnEvent{Later: []string{"late of ID", "later of ID"}})
	r.invoke(fnEvent{SleepMs: 500})
	if diff := cmp.Diff(LogOrderStats{Named: 42, AfterEnd: 2}, r.LogOrder()); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(r.entries(whoRuntime), "log order a line came after END of "+resp.RequestID) {
		t.Errorf("not told: %q", r.entries(whoRuntime))
	}
	again := Request{RequestID: resp.RequestID, Payload: mustJSON(fnEvent{Print: []string{"retry of REQUEST-ID"}})}
	r.request(again) // START of the same id again
	if diff := cmp.Diff(LogOrderStats{Named: 43, AfterEnd: 2}, r.LogOrder()); diff != "" {
		t.Error(diff)
	}
}

func TestLogOrderCounts(t *testing.T) {
	const a, b = "1f3870be-274f-4c49-b3e3-1a0c6728957f", "2f3870be-274f-4c49-b3e3-1a0c6728957f"
	hooks := newNotifier(nil, nil)
	defer hooks.close()
	o := newLogOrder(&transcript.Log{})
	say := func(origin Origin, text, ends string) { o.line(Line{Origin: origin, Text: text}, ends, func(Line) {}) }
	say(OriginFunction, "early "+a, "")
	o.start(a)
	say(OriginFunction, "in time "+a+", nobody's "+b, "")
	say(OriginExtension, "not the function's "+a, "")
	say(OriginPlatform, "END RequestId: "+a, a)
	say(OriginFunction, "late "+a, "")
	say(OriginPlatform, "REPORT RequestId: "+a, "")
	for range remembered + 1 {
		o.start(newUUID())
	}
	say(OriginFunction, "forgotten "+a, "")
	if diff := cmp.Diff(LogOrderStats{Named: 3, BeforeStart: 1, AfterEnd: 1}, o.stats); diff != "" {
		t.Error(diff)
	}
	if len(o.state) != remembered || len(o.ids) != remembered {
		t.Errorf("%d remembered", len(o.state))
	}
}

func TestUUIDs(t *testing.T) {
	const id = "1f3870be-274f-4c49-b3e3-1a0c6728957f"
	for text, want := range map[string]int{
		"": 0, "-": 0, id: 1, "x" + id + "y": 1, id + id: 2, id + "-" + id: 2, id[:35]: 0, "1f3870be-" + id: 1, strings.Repeat("-", 100): 0,
	} {
		if got := len(slices.Collect(uuids(text))); got != want {
			t.Errorf("%q has %d, want %d", text, got, want)
		}
	}
}

// A runtime that has ended while somebody has its descriptors is not missed under
// the fault log-reader-eof: its invocation ends with the timeout. Otherwise it is
// missed at once. [LMI:rapid, supervisor: exec.Cmd.Wait]
func TestLogReaderFaults(t *testing.T) {
	for name, want := range map[string]string{"": "Runtime.ExitError", "log-reader-eof": "Sandbox.Timedout"} {
		opt := Options{}
		if name != "" {
			opt.Faults = []Fault{{Name: name}}
		}
		r := newRig(t, opt, nil)
		if resp := r.invoke(fnEvent{Child: true, ChildPrints: true, Exit: code(1)}); resp.ErrorType != want {
			t.Errorf("fault %q: %s, want %s", name, resp.ErrorType, want)
		}
	}
	r := newRig(t, Options{Faults: []Fault{{Name: "log-reader-slow", Arg: "200000"}}}, nil)
	resp := r.invoke(fnEvent{Flood: 3000}) // 300 kB against a pipe of 64 kB
	if resp.Latency.Seconds() < 0.5 {
		t.Errorf("the function was not held: %s", resp.Latency)
	}
}
