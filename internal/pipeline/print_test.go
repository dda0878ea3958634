package pipeline

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/eventlog"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// delivered starts the test's invocation as the proxy sees it begin.
func (r *rig) delivered() *invocation.Attempt {
	a := r.tracker.Delivered(invocation.Delivery{RequestID: testID, TraceHeader: testTrace, At: t0, Deadline: t0.Add(time.Second)})
	a.Amend(func(q *invocation.Request) { q.CorrelationID = "order-7" })
	return a
}

func TestPrint(t *testing.T) {
	const tail = `"timestamp":"2024-01-15T11:30:45.123Z","service":"orders","cold_start":true,"function_request_id":"` + testID + `","correlation_id":"order-7","xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"}`
	for _, tc := range []struct {
		name, in string
		change   func(*Options)
		want     string
	}{
		{"event", `{"level":"INFO","message":{"a":1}}`, nil, `{"level":"INFO","message":{"a":1},` + tail},
		{"an event that looks like a line", `{"level":"INFO","message":{"level":"ERROR","service":"x","errorType":"E","correlation_id":"no","_aws":{"CloudWatchMetrics":[]}}}`, nil,
			`{"level":"INFO","message":{"level":"ERROR","service":"x","errorType":"E","correlation_id":"no","_aws":{"CloudWatchMetrics":[]}},` + tail},
		{"text", `{"level":"INFO","message":"[ERROR] not a line"}`, nil, `{"level":"INFO","message":"[ERROR] not a line",` + tail},
		{"below the level", `{"level":"INFO","message":{}}`, func(o *Options) { o.Level = levelWarn }, ""},
		{"of a sampled request", `{"level":"INFO","message":{}}`, func(o *Options) { o.Level, o.SampleRate = levelWarn, 1 }, `"sampling_rate":1`},
		{"excluded", `{"level":"INFO","message":{"path":"/health"}}`, func(o *Options) { o.Exclude = regexp.MustCompile("/health") }, ""},
		{"held", `{"level":"INFO","message":{}}`, func(o *Options) { o.Hold = levelInfo }, ""},
		{"error", `{"level":"ERROR","message":"Lambda error","error":{"type":"E","message":"m","stack":["s"]}}`, func(o *Options) { o.Hold = levelInfo },
			`{"level":"ERROR","message":"Lambda error","error":{"type":"E","message":"m","stack":["s"]},` + tail},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, tc.change)
			flushed := 0
			r.opt.FlushOutputs = func() { flushed++ }
			r.Print(r.delivered(), []byte(tc.in))
			got := strings.Join(r.lines.got, "\n")
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if len(r.stdout.got) != len(r.lines.got) || flushed != 1 {
				t.Errorf("%d lines on stdout, %d flushes", len(r.stdout.got), flushed)
			}
			s := r.Stats()
			if s.Lines != 1 || s.Passed+s.Filtered+s.Excluded+s.Held != 1 {
				t.Errorf("the account does not add up: %+v", s)
			}
		})
	}
}

// A line of ours is no word of the function: it counts in no figure, and no
// outcome follows from it.
func TestPrintConcludesNothing(t *testing.T) {
	r := newRig(t, nil)
	a := r.delivered()
	r.HandleEvents([]telemetry.Event{platform(telemetry.KindStart, t0, telemetry.Platform{RequestID: testID})})
	r.Print(a, []byte(`{"level":"ERROR","message":"Lambda error","error":{"type":"MemoryError","message":"m"}}`))
	r.HandleEvents([]telemetry.Event{
		platform(telemetry.KindRuntimeDone, t0, telemetry.Platform{RequestID: testID, Status: "success", ProducedBytes: telemetry.Num(2)}),
		platform(telemetry.KindReport, t0, telemetry.Platform{RequestID: testID, Status: "success"}),
	})
	e := object(t, r.metrics.got[0])
	if e["outcome"] != "success" || e["log_error"] != nil || e["error_logged"] != nil || e["error_fingerprint"] != nil {
		t.Errorf("%v", e)
	}
}

// An ERROR line of ours releases what the flight recorder holds of its
// invocation, and a line that is held comes out with it.
func TestPrintAndTheFlightRecorder(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Hold = levelInfo })
	a := r.delivered()
	r.Print(a, []byte(`{"level":"INFO","message":{"event":1}}`))
	if len(r.lines.got) != 0 {
		t.Fatalf("not held: %q", r.lines.got)
	}
	r.Print(a, []byte(`{"level":"ERROR","message":"Lambda error","error":{}}`))
	if len(r.lines.got) != 2 || !strings.Contains(r.lines.got[0], `{"event":1}`) {
		t.Errorf("released: %q", r.lines.got)
	}
}

func TestPrintOfNoAttempt(t *testing.T) {
	r := newRig(t, nil)
	r.Print(nil, []byte(`{"level":"INFO","message":1}`))
	if len(r.lines.got) != 1 || strings.Contains(r.lines.got[0], "request_id") {
		t.Errorf("got %q", r.lines.got)
	}
}

// TestPythonsEventLine: the line of an event and one with a correlation id have
// the members and values that Powertools for Python gives them: all but the
// place in the code, and the time's and the memory's form, which are
// TypeScript's on every line.
func TestPythonsEventLine(t *testing.T) {
	var v struct {
		Cases []struct {
			Name  string   `json:"name"`
			Lines []string `json:"stdout_lines"`
		} `json:"cases"`
	}
	readVectors(t, "logger_python.json", &v)
	lines := map[string]string{}
	for _, c := range v.Cases {
		if len(c.Lines) > 0 {
			lines[c.Name] = c.Lines[0]
		}
	}
	for name, id := range map[string]string{"log_event env": "", "correlation id path ALB": "Root=1-xyz"} {
		want := object(t, lines[name])
		r := newRig(t, every)
		a := r.tracker.Delivered(invocation.Delivery{RequestID: testID, FunctionARN: "arn:aws:lambda:eu-west-1:123456789012:function:my-fn", TraceHeader: testTrace, At: t0})
		a.Amend(func(q *invocation.Request) { q.CorrelationID = id })
		printer := eventlog.New(nil, 1000)
		line := printer.Event([]byte(`{"k":"v"}`))
		if id != "" {
			line = []byte(`{"level":"INFO","message":"x"}`)
		}
		r.Print(a, line)
		got := object(t, r.lines.got[0])
		for _, other := range []string{"location", "timestamp", "function_memory_size"} {
			delete(want, other)
			delete(got, other)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Powertools +ours):\n%s", name, diff)
		}
	}
}
