package pipeline

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"go.uber.org/zap"

	"powertools-extension/internal/batch"
	"powertools-extension/internal/batch/items"
	"powertools-extension/internal/canonical"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/telemetry"
)

// Failures that happened to others, each under the name it goes by in the
// reference.

// decodeAll decodes posted bodies and hands them in.
func (r *rig) decodeAll(t testing.TB, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		batch, err := telemetry.Decode(nil, []byte(body))
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		r.HandleEvents(batch)
	}
}

// I1: unknown types, records of every JSON kind and events with nothing in
// them cost nobody else anything.
func TestStrangeEventsPass(t *testing.T) {
	r := newRig(t, nil).running()
	r.decodeAll(t, `[
		{"time":"2024-01-15T11:30:45.123Z","type":"function","record":"before"},
		{"type":"platform.brandNew","record":{"a":1}}, {"type":"platform.start"}, {"type":"platform.start","record":7},
		{"type":"platform.report","record":{"requestId":null,"metrics":"x"}}, {"type":"platform.fault","record":{"x":1}},
		{"type":"function","record":12}, {"type":"function","record":[1,{"a":2}]}, {"type":"function","record":null}, {"type":"function"},
		{"time":"2024-01-15T11:30:45.123Z","type":"function","record":{"level":"INFO","message":"after"}}]`)
	r.HandleEvents([]telemetry.Event{{}, {Kind: telemetry.KindReport}, {Kind: telemetry.KindFault}, {Kind: telemetry.KindFunction}, {Kind: 250}})
	r.HandleEvents(events(report(testID)))
	if s := r.Stats(); s.Panics != 0 || s.Events != 1 {
		t.Errorf("stats %+v", s)
	}
	left := strings.Join(r.lines.got, "\n")
	if !strings.Contains(left, `"message":"before"`) || !strings.Contains(left, `"message":"after"`) {
		t.Errorf("left: %s", left)
	}
}

// I3: what goes in as a text comes out as the message, whole or as a prefix
// of it that is marked.
func TestTextInTextOut(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "\x00", "\x1f", "\"", "\\", "é", "☕", "😀", "\xff", "\xed\xa0\x80", "\n", "\r\n", "\u2028", "\t", "\x7f"}
	r := newRig(t, nil).running()
	for i := range 18 {
		size := []int{1, 10, 300, 256<<10 - 500, 256 << 10, 1 << 20}[i%6]
		var in strings.Builder
		for in.Len() < size {
			in.WriteString(alphabet[rnd.IntN(len(alphabet))])
		}
		got := r.one(textLine(in.String()))
		var m struct {
			Message   string
			Truncated bool
		}
		if err := json.Unmarshal([]byte(got), &m); err != nil || strings.ContainsAny(got, "\n\r") || len(got)+1 > 256<<10 {
			t.Fatalf("%d bytes: %v", len(got), err)
		}
		whole := validRunes([]byte(in.String()))
		if m.Truncated && (!strings.HasPrefix(whole, m.Message) || !utf8.ValidString(m.Message) || len(got) < 256<<10-20) || !m.Truncated && m.Message != whole {
			t.Errorf("%d bytes, truncated %v: not what went in", size, m.Truncated)
		}
	}
}

// I5: a flood through everything at once leaves nothing behind, and every
// line is counted.
func TestFloodIsCounted(t *testing.T) {
	out := &nowhere{}
	r := newRig(t, func(o *Options) {
		o.Hold, o.Lines = levelDebug, []Destination{{Output: out}}
		o.Redact = redactor(t, "password", "re:\\d{16}")
	}).running()
	batch := batchOf(debugLine(strings.Repeat("x", 200)))
	const n = 100_000
	for range n / len(batch) {
		r.HandleEvents(batch)
	}
	s := r.Stats()
	if s.Lines != s.Held+s.HoldDropped || s.HoldDropped == 0 || r.recorder.used > DefaultHoldBytesEach {
		t.Errorf("stats %+v, %d bytes", s, r.recorder.used)
	}
	r.HandleEvents(events(done(testID, "error", "")))
	if s := r.Stats(); s.Held != 0 || s.Passed+s.HoldDropped != s.Lines || r.recorder.used != 0 || out.n == 0 {
		t.Errorf("stats %+v, %d bytes", s, r.recorder.used)
	}
}

// I7: lines of extensions, our own among them, lead to nothing.
func TestOwnLinesAreNotFedBack(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Level, o.Hold = levelTrace, levelTrace }).running()
	before := r.Stats()
	r.decodeAll(t, `[{"type":"extension","record":"[ERROR] x\n"},{"type":"extension","record":{"level":"ERROR","message":"y","errorType":"E"}},
		{"type":"extension","record":{"_aws":{"CloudWatchMetrics":[]}}}]`)
	if s := r.Stats(); s != before || len(r.lines.got)+len(r.stdout.got)+len(r.metrics.got) != 0 {
		t.Errorf("stats %+v, lines %v", s, r.lines.got)
	}
	r.HandleEvents(events(report(testID)))
	if member(t, r.metrics.got[0], "log_error") != nil || member(t, r.metrics.got[0], "outcome") != "success" {
		t.Errorf("counted as the function's: %s", r.metrics.got[0])
	}
}

// I8: a held line is a copy: the batch's memory is used again at once.
func TestHeldLinesAreCopies(t *testing.T) {
	r := holding(t, func(o *Options) { o.Hold = levelInfo }).running()
	var want []string
	buf := make([]byte, 200)
	for i := range 50 {
		line := fmt.Sprintf(`{"level":"INFO","message":"m%d%s"}`, i, strings.Repeat("x", i))
		ev := telemetry.Event{Kind: telemetry.KindFunction, Time: t0, Line: buf[:copy(buf, line)], Object: i%2 == 0}
		r.HandleEvents(events(ev))
		copy(buf, strings.Repeat("#", len(buf)))
		want = append(want, fmt.Sprintf("m%d%s", i, strings.Repeat("x", i)))
	}
	r.HandleEvents(events(done(testID, "error", "")))
	if diff := cmp.Diff(strings.Join(want, " "), r.messages(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// I9: requests of a managed instance interleave, and each line has the id it
// names; a line that names none has none while several run.
func TestInterleavedRequests(t *testing.T) {
	r := newRig(t, nil)
	r.tracker = invocation.New(invocation.Options{InitType: "lambda-managed-instances"})
	opt := r.opt
	r.Pipeline = New(r.tracker, opt)
	ids := make([]string, 12) // more than there are tails in memory
	for i := range ids {
		ids[i] = fmt.Sprintf("0b1c2d3e-0000-4fff-8abc-%012d", i)
		r.HandleEvents(events(start(ids[i])))
	}
	for i := range 200 {
		id := ids[i*7%len(ids)]
		for _, line := range []string{`{"requestId":"` + id + `","message":"m"}`, "2024-01-15T11:30:45.123Z\t" + id + "\tINFO\tm"} {
			if got := r.one(textLine(line)); member(t, got, "function_request_id") != id {
				t.Fatalf("line of %s: %s", id, got)
			}
		}
		if got := r.one(textLine("plain")); member(t, got, "function_request_id") != nil {
			t.Fatalf("line of nobody: %s", got)
		}
	}
	r.HandleEvents(events(report(ids[3])))
	if got := r.one(textLine(`{"requestId":"` + ids[3] + `"}`)); member(t, got, "function_request_id") != ids[3] {
		t.Errorf("late line: %s", got)
	}
}

// I11: the report comes with the next invocation, at shutdown, or never.
func TestReportWhenever(t *testing.T) {
	for _, tc := range []struct {
		name     string
		feed     func(r *rig)
		complete bool
	}{
		{"next invocation", func(r *rig) {
			r.Begin(invoke("b"))
			r.HandleEvents(events(report("a"), start("b")))
		}, true},
		{"at shutdown", func(r *rig) { r.HandleEvents(events(report("a"))) }, true},
		{"after the one behind it", func(r *rig) {
			r.Begin(invoke("b"))
			r.HandleEvents(events(start("b"), runtimeDone("b"), report("b"), report("a")))
		}, true},
		{"twice", func(r *rig) { r.HandleEvents(events(report("a"), report("a"))) }, true},
		{"never", func(r *rig) { r.Begin(invoke("b")) }, false},
		{"never, and no runtimeDone", func(*rig) {}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, nil)
			r.Begin(invoke("a"))
			r.HandleEvents(events(start("a")))
			if tc.name != "never, and no runtimeDone" {
				r.HandleEvents(events(runtimeDone("a")))
			}
			tc.feed(r)
			r.Flush("spindown", t0)
			r.HandleEvents(events(report("a"))) // too late
			r.Flush("spindown", t0)
			n := 0
			for _, line := range r.metrics.got {
				if member(t, line, "function_request_id") == "a" {
					n++
					if member(t, line, "complete") != tc.complete {
						t.Errorf("complete %v, want %v", member(t, line, "complete"), tc.complete)
					}
				}
			}
			if n != 1 {
				t.Errorf("%d events of it, want 1", n)
			}
		})
	}
}

// I12: what the platform dropped is a metric of the next canonical event.
func TestDroppedByThePlatform(t *testing.T) {
	r := newRig(t, nil).running()
	r.decodeAll(t, `[{"type":"platform.logsDropped","record":{"droppedBytes":12345,"droppedRecords":123,"reason":"Some logs were dropped because the downstream consumer is slower than the logs production rate"}}]`)
	r.HandleEvents(events(report(testID)))
	if got := member(t, r.metrics.got[0], "LogsDropped"); got != float64(123) {
		t.Errorf("%s", r.metrics.got[0])
	}
}

// M3: reports of all kinds and ages, as they were captured. Memory is MiB and
// its share is of like units; an invocation that failed is measured, too.
func TestReportFigures(t *testing.T) {
	const id = "459921b5-681c-4a96-beb0-81e0aa586026"
	for _, tc := range []struct {
		name, initType, report string
		want                   map[string]float64 // and no other figure of a report
	}{
		{"2022, without a status", "on-demand",
			`"metrics":{"durationMs":2599.4,"billedDurationMs":2600,"memorySizeMB":128,"maxMemoryUsedMB":94,"initDurationMs":549.04}`,
			map[string]float64{"Duration": 2599.4, "BilledDuration": 2600, "InitDuration": 549.04, "MaxMemoryUsed": 94, "MemoryUtilization": 73.44}},
		{"timeout", "on-demand",
			`"status":"timeout","metrics":{"durationMs":5000.0,"billedDurationMs":5000,"memorySizeMB":128,"maxMemoryUsedMB":61}`,
			map[string]float64{"Duration": 5000, "BilledDuration": 5000, "MaxMemoryUsed": 61, "MemoryUtilization": 47.66}},
		{"managed instance", "lambda-managed-instances",
			`"status":"success","metrics":{"durationMs":1.148},"spans":[{"name":"responseLatency","start":"2025-09-19T19:36:50.880Z","durationMs":0.847},{"name":"responseDuration","start":"2025-09-19T19:36:50.880Z","durationMs":0.127}]`,
			map[string]float64{"Duration": 1.148, "ResponseLatency": 0.847, "ResponseDuration": 0.127}},
		{"restored", "snap-start",
			`"status":"success","metrics":{"durationMs":90.5,"billedDurationMs":242,"memorySizeMB":512,"maxMemoryUsedMB":128,"restoreDurationMs":150.5,"billedRestoreDurationMs":151}`,
			map[string]float64{"Duration": 90.5, "BilledDuration": 242, "RestoreDuration": 150.5, "MaxMemoryUsed": 128, "MemoryUtilization": 25}},
		{"error, large memory", "provisioned-concurrency",
			`"status":"error","errorType":"Runtime.ExitError","metrics":{"durationMs":0.5,"billedDurationMs":1,"memorySizeMB":10240,"maxMemoryUsedMB":10240}`,
			map[string]float64{"Duration": 0.5, "BilledDuration": 1, "MaxMemoryUsed": 10240, "MemoryUtilization": 100}},
		{"nothing but the id", "on-demand", `"status":"success"`, map[string]float64{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.MemoryMB = 0 })
			r.tracker = invocation.New(invocation.Options{InitType: tc.initType, Now: func() time.Time { return t0 }})
			r.Pipeline = New(r.tracker, r.opt)
			r.decodeAll(t, `[{"time":"2025-09-19T19:36:50.880Z","type":"platform.start","record":{"requestId":"`+id+`"}}]`,
				`[{"time":"2025-09-19T19:36:50.990Z","type":"platform.report","record":{"requestId":"`+id+`",`+tc.report+`}}]`)
			r.Flush("spindown", t0) // a managed instance's waits for late lines
			got := map[string]float64{}
			for _, m := range canonical.Metrics() {
				if v, ok := member(t, r.metrics.got[0], m.Name).(float64); ok && (strings.Contains(m.Source, "report") || m.Source == "span") && m.Unit != "Count" && m.Name != "EstimatedCost" {
					got[m.Name] = v
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// M4: the ways to end badly, and what each leaves behind: no agent inside the
// function would live to tell.
func TestBadEnds(t *testing.T) {
	const event = `{"time":"2024-01-15T11:30:46.000Z","type":`
	done := func(rest string) string {
		return event + `"platform.runtimeDone","record":{"requestId":"` + testID + `",` + rest + `}}`
	}
	line := func(s string) string {
		return event + `"function","record":` + quoted(s) + `}`
	}
	for _, tc := range []struct {
		name, events, shutdown string
		outcome, errorType     string
	}{
		{"timeout", done(`"status":"timeout","metrics":{"durationMs":3000.1,"producedBytes":0}`), "timeout", "timeout", ""},
		{"timeout, nothing but the shutdown", line("x"), "timeout", "timeout", ""},
		{"exit 0", done(`"status":"error","errorType":"Runtime.ExitError"`), "failure", "error", "Runtime.ExitError"},
		{"exit 1", line("panic: boom\n\ngoroutine 1 [running]:") + "," + done(`"status":"error","errorType":"Runtime.ExitError"`), "failure", "error", "Runtime.ExitError"},
		{"exit, nothing but the shutdown", line("bye"), "failure", "error", ""},
		{"SIGKILL", line("RequestId: x Error: Runtime exited with error: signal: killed") + "," + done(`"status":"error","errorType":"Runtime.ExitError"`), "failure", "error", "Runtime.ExitError"},
		{"handler error", line("[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n  File \"/x\"") + "," + done(`"status":"success"`), "spindown", "error", "KeyError"},
		{"init error", `{"time":"2024-01-15T11:30:44Z","type":"platform.initReport","record":{"phase":"init","errorType":"Runtime.ExitError"}},` + done(`"status":"error"`), "failure", "error", "Runtime.ExitError"},
		{"response too large", done(`"status":"error","errorType":"Function.ResponseSizeTooLarge"`), "spindown", "error", "Function.ResponseSizeTooLarge"},
		{"platform", done(`"status":"failure","errorType":"Sandbox.Failure"`), "failure", "error", "Sandbox.Failure"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, nil).running()
			r.decodeAll(t, "["+tc.events+"]")
			r.Flush(tc.shutdown, t0.Add(4*time.Second))
			if len(r.metrics.got) != 1 {
				t.Fatalf("%d events, want 1", len(r.metrics.got))
			}
			event := r.metrics.got[0]
			errorType, _ := member(t, event, "error_type").(string)
			if member(t, event, "outcome") != tc.outcome || errorType != tc.errorType || member(t, event, "Errors") != float64(1) || member(t, event, "complete") != false {
				t.Errorf("want %s, %s: %s", tc.outcome, tc.errorType, event)
			}
		})
	}
}

// M5: the fullest canonical event there can be is valid, on one line, and
// within what CloudWatch takes.
func TestFullestEvent(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Platform, _ = canonical.Select("all")
		o.Process = &fakeProcess{}
		o.Idempotent = func(*invocation.Attempt) *idempotency.Tally {
			return &idempotency.Tally{State: "run", Key: "fn#0", Store: time.Millisecond, Replays: 1, InProgress: 1, Skipped: 1, NotStored: 1, Lost: 1, Bypassed: 1, Errors: 1}
		}
		o.Over = func(s *invocation.Summary) { s.SpansDropped, s.SpansSkipped = telemetry.Num(1), telemetry.Num(2) }
		o.Items = items.New(zap.NewNop())
		o.Items.Over(testID, batch.Counts{Records: 3, Failed: 1, Unprocessed: 1, Slowest: time.Millisecond}, true)
		for i := range 27 { // with service and function_name: 29
			o.Dimensions = append(o.Dimensions, emf.Dimension{Name: fmt.Sprintf("d%d", i), Value: strings.Repeat("v", 100)})
		}
	})
	r.opt.Bypassed = func() uint64 { return 2 }
	r.tracker = invocation.New(invocation.Options{InitType: "on-demand", Now: func() time.Time { return t0 }})
	r.Pipeline = New(r.tracker, r.opt)
	r.HandleEvents([]telemetry.Event{platform(telemetry.KindRestoreReport, t0, telemetry.Platform{DurationMs: telemetry.Num(150.5)}),
		platform(telemetry.KindLogsDropped, t0, telemetry.Platform{DroppedRecords: telemetry.Num(3)})})
	r.running()
	for _, level := range []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"} {
		r.HandleEvents(events(objectLine(`{"level":"` + level + `","message":"x"}`)))
	}
	n := telemetry.Num
	r.tracker.Delivered(invocation.Delivery{RequestID: testID, At: t0, Bytes: 3, EventSource: "sqs", Records: 2})
	r.tracker.Answered(invocation.Answer{RequestID: testID, At: t0, Timed: true, Handler: time.Millisecond, Proxy: time.Millisecond, Status: 202,
		HTTPStatus: 200, Streamed: true, AnsweredBy: "idempotency", HookErrors: 1, Bytes: 7, Guards: invocation.Guards{Invalid: 1, Dropped: 1, Closed: 1}})
	r.HandleEvents(events(textLine("x"),
		platform(telemetry.KindRuntimeDone, t0, telemetry.Platform{RequestID: testID, Status: "error", ErrorType: "Runtime.ExitError", TenantID: "t", DurationMs: n(10), ProducedBytes: n(7), ResponseLatencyMs: n(1), ResponseDurationMs: n(2)}),
		platform(telemetry.KindReport, t0, telemetry.Platform{RequestID: testID, Status: "error", DurationMs: n(12), BilledDurationMs: n(12), MemorySizeMB: n(128), MaxMemoryUsedMB: n(64), InitDurationMs: n(100), ExtensionOverheadMs: n(1)})))
	if len(r.metrics.got) != 1 {
		t.Fatalf("%d events, stats %+v", len(r.metrics.got), r.Stats())
	}
	doc := r.metrics.got[0]
	for _, m := range canonical.Metrics() {
		if member(t, doc, m.Name) == nil {
			t.Errorf("no %s", m.Name)
		}
	}
	v := member(t, doc, "_aws").(map[string]any)
	set := v["CloudWatchMetrics"].([]any)[0].(map[string]any)
	metrics, dimensions := set["Metrics"].([]any), set["Dimensions"].([]any)[0].([]any)
	if len(metrics) > 100 || len(dimensions) != 29 || len(doc) > 256<<10 || strings.ContainsAny(doc, "\n\r") || v["Timestamp"] != float64(t0.UnixMilli()) {
		t.Errorf("%d metrics, %d dimensions, %d bytes, time %v", len(metrics), len(dimensions), len(doc), v["Timestamp"])
	}
	if err := emfSchema(t).Validate(mustJSON(t, r.metrics.got[0])); err != nil {
		t.Error(err)
	}
}

func mustJSON(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestReadingIsCheap: a reading of this machine takes far less than a
// millisecond; the benchmark of procstat has the figure.
func TestReadingIsCheap(t *testing.T) {
	source := procstat.New(procstat.Options{})
	best := time.Hour
	for range 20 {
		from := time.Now()
		source.Read(procstat.Counters | procstat.Tmp | procstat.FDs | procstat.Threads | procstat.OwnMemory)
		best = min(best, time.Since(from))
	}
	if best > 2*time.Millisecond {
		t.Errorf("the best of 20 readings took %v", best)
	}
}
