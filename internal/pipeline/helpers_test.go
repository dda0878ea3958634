package pipeline

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"powertools-extension/internal/canonical"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// t0 is the time of the first event of most tests.
var t0 = time.Date(2024, 1, 15, 11, 30, 45, 123_000_000, time.UTC)

const (
	testID    = "c6af9ac6-7b61-11e6-9a41-93e812345678"
	testARN   = "arn:aws:lambda:eu-west-1:123456789012:function:my-fn"
	testTrace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=1"
)

// lines is an Output that keeps what it gets.
type lines struct{ got []string }

func (l *lines) Put(line []byte) { l.got = append(l.got, string(line)) }

// nowhere is an Output that keeps nothing.
type nowhere struct{ n int }

func (o *nowhere) Put(line []byte) { o.n += len(line) }

// rig is a pipeline with everything around it.
type rig struct {
	*Pipeline
	tracker *invocation.Tracker
	lines   *lines // a destination that takes every line
	stdout  *lines
	metrics *lines
}

func newRig(t testing.TB, change func(*Options)) *rig {
	t.Helper()
	r := &rig{lines: &lines{}, stdout: &lines{}, metrics: &lines{}}
	platform, unknown := canonical.Select("default")
	if len(unknown) > 0 {
		t.Fatalf("unknown metrics %v", unknown)
	}
	opt := Options{
		Lines:   []Destination{{Output: r.lines}, {Output: r.stdout, Stdout: true}},
		Metrics: r.metrics,
		Service: "orders", FunctionName: "my-fn", MemoryMB: 128,
		Level: invocation.LevelInfo, Platform: platform, Namespace: "shop",
		Now: func() time.Time { return t0 },
	}
	if change != nil {
		change(&opt)
	}
	r.tracker = invocation.New(invocation.Options{InitType: "on-demand", MemoryMB: float64(opt.MemoryMB), Now: func() time.Time { return t0 }})
	r.Pipeline = New(r.tracker, opt)
	return r
}

// running starts the test's invocation.
func (r *rig) running() *rig {
	r.Begin(invocation.Invoke{RequestID: testID, FunctionARN: testARN, TraceHeader: testTrace, Deadline: t0.Add(3 * time.Second), At: t0})
	r.HandleEvents([]telemetry.Event{platform(telemetry.KindStart, t0, telemetry.Platform{RequestID: testID, FunctionVersion: "$LATEST"})})
	return r
}

func platform(kind telemetry.Kind, at time.Time, p telemetry.Platform) telemetry.Event {
	return telemetry.Event{Kind: kind, Time: at, Platform: &p}
}

func textLine(s string) telemetry.Event {
	return telemetry.Event{Kind: telemetry.KindFunction, Time: t0, Line: []byte(s)}
}

func objectLine(s string) telemetry.Event {
	return telemetry.Event{Kind: telemetry.KindFunction, Time: t0, Line: []byte(s), Object: true}
}

// one hands in one line and returns what leaves, "" if nothing does.
func (r *rig) one(ev telemetry.Event) string {
	r.lines.got, r.stdout.got = nil, nil
	r.HandleEvents([]telemetry.Event{ev})
	return strings.Join(r.lines.got, "\n")
}

// testTail is what every line of the running invocation ends with.
const testTail = `"service":"orders","cold_start":true,"function_request_id":"` + testID + `","xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"`

// every adds all keys to lines.
func every(o *Options) { o.Keys = Keys{allKeys} }

// object is a line that left, read.
func object(t testing.TB, line string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return m
}
