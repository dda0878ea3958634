package pipeline

import (
	"strings"
	"testing"

	"go.uber.org/zap"

	"powertools-extension/internal/batch/items"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// amended starts the test's invocation with what parts of the extension add.
func (r *rig) amended(change func(*invocation.Request)) *rig {
	a := r.tracker.Delivered(invocation.Delivery{RequestID: testID, At: t0})
	a.Amend(change)
	return r.running()
}

func TestLinesCarryWhatIsAdded(t *testing.T) {
	all := func(r *invocation.Request) {
		r.CorrelationID, r.BatchItem = `a"b`, "item-1"
		r.SpanTraceID, r.SpanID = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
	}
	const added = `"trace_id":"5759e988bd862e3fe1be46a994272793","span_id":"53995c3f42cd8ad8","batch_item":"item-1"}`
	for _, tc := range []struct{ name, in, want string }{
		{"text", "order accepted", added},
		{"object", `{"message":"m"}`, added},
		{"object with a trace id of its own", `{"message":"m","trace_id":"mine"}`, `"span_id":"53995c3f42cd8ad8","batch_item":"item-1"}`},
		{"a name with escapes", `{"message":"m","tr\u0061ce_id":1}`, `"xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793","span_id":"53995c3f42cd8ad8","batch_item":"item-1"}`},
		{"cut", strings.Repeat("x", DefaultMaxLineBytes), added[:len(added)-1] + `,"truncated":true}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := newRig(t, nil).amended(all).one(textLine(tc.in))
			if m := object(t, got); m["correlation_id"] != `a"b` || !strings.HasSuffix(got, tc.want) {
				t.Errorf("got  …%s\nwant …%s", got[max(0, len(got)-400):], tc.want)
			}
		})
	}
}

// A correlation id is what lines are looked for by. One that the log group has
// without it is printed again; for ids of spans it is not.
func TestCompleteLinesAreRepeatedForTheirCorrelationID(t *testing.T) {
	const complete = `{"level":"INFO","timestamp":"2024-01-15T11:30:45.123Z","requestId":"` + testID + `","message":"m"`
	correlated := func(r *invocation.Request) { r.CorrelationID = "order-7" }
	for _, tc := range []struct {
		name, in string
		change   func(*invocation.Request)
		keys     string
		repeated bool
	}{
		{"no id", complete + "}", func(*invocation.Request) {}, "", false},
		{"an id", complete + "}", correlated, "", true},
		{"an id of its own", complete + `,"correlation_id":"mine"}`, correlated, "", false},
		{"an id that is not wanted", complete + "}", correlated, "level,service", false},
		{"a span", complete + "}", func(r *invocation.Request) { r.SpanTraceID, r.SpanID = "1", "2" }, "", false},
		{"metrics", `{"_aws":{"CloudWatchMetrics":[]},"a":1}`, correlated, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			keys, err := ParseKeys(strings.Split(tc.keys, ","))
			if err != nil {
				t.Fatal(err)
			}
			r := newRig(t, func(o *Options) { o.Keys = keys }).amended(tc.change)
			r.one(textLine(tc.in))
			if len(r.stdout.got) > 0 != tc.repeated {
				t.Errorf("on stdout: %q", r.stdout.got)
			}
		})
	}
}

func TestCanonicalEventHasTheCorrelationID(t *testing.T) {
	r := newRig(t, nil).amended(func(r *invocation.Request) { r.CorrelationID = "order-7" })
	r.HandleEvents([]telemetry.Event{platform(telemetry.KindReport, t0, telemetry.Platform{RequestID: testID, Status: "success"})})
	if len(r.metrics.got) != 1 || object(t, r.metrics.got[0])["correlation_id"] != "order-7" {
		t.Errorf("got %q", r.metrics.got)
	}
}

// TestLinesOfRecords: a line that names a record's invocation is that record's
// and has the id that Lambda knows; one that names none, or two, is the batch's.
func TestLinesOfRecords(t *testing.T) {
	const at = "2024-01-15T11:30:45.123Z"
	id := func(n string) string { return testID + "-" + n }
	for _, tc := range []struct {
		name, in   string
		item, corr string
		has        string // of the line that leaves
	}{
		{"node", at + "\t" + id("1") + "\tINFO\tdone", "b", "order-2", `"level":"INFO","message":"done"`},
		{"python", "[ERROR]\t" + at + "\t" + id("0") + "\tno stock", "a", "whole", `"level":"ERROR","message":"no stock"`},
		{"of the batch", at + "\t" + testID + "\tINFO\tdone", "", "whole", `"message":"done"`},
		{"in the text", "record " + id("1") + " failed", "b", "order-2", `"message":"record ` + id("1") + ` failed"`},
		{"of two", "from " + id("0") + " to " + id("1"), "", "whole", `"message":"`},
		{"names nothing", "hello", "", "whole", `"message":"hello"`},
		{"an unknown record", at + "\t" + id("7") + "\tINFO\tdone", "", "", `"function_request_id":"` + id("7") + `"`},
		{"object", `{"level":"INFO","message":"m","function_request_id":"` + id("0") + `","n":1}`, "a", "whole", `"n":1`},
		{"complete object", `{"level":"INFO","timestamp":"` + at + `","function_request_id":"` + id("1") + `","message":"m"}`, "b", "order-2", `"message":"m"`},
		{"object of the platform", `{"timestamp":"` + at + `","level":"INFO","requestId":"` + id("1") + `","message":"m"}`, "b", "order-2", `"requestId":"` + id("1") + `"`},
		{"an item of its own", `{"message":"m","batch_item":"mine","function_request_id":"` + id("0") + `"}`, "mine", "whole", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			book := items.New(zap.NewNop())
			book.Began(testID, "", "a", 0)
			book.Began(testID, "", "b", 1)
			book.Correlate(id("1"), "order-2")
			r := newRig(t, func(o *Options) { o.Items = book }).amended(func(r *invocation.Request) { r.CorrelationID = "whole" })
			got := r.one(textLine(tc.in))
			m := object(t, got)
			item, _ := m["batch_item"].(string)
			corr, _ := m["correlation_id"].(string)
			if item != tc.item || corr != tc.corr || !strings.Contains(got, tc.has) || tc.name != "an unknown record" && m["function_request_id"] != testID {
				t.Errorf("got %s", got)
			}
			if len(r.stdout.got) != 1 {
				t.Errorf("%d lines on stdout", len(r.stdout.got))
			}
		})
	}
}
