package lambdaemu

import (
	"encoding/json"
	"testing"
	"time"
)

func jsonUnmarshal(s string, v any) error { return json.Unmarshal([]byte(s), v) }

func whole(e encoded) string { return e.head + string(e.record) + "}" }

// Record forms of lines (behaviour 16).
// [DOC:telemetry-schema-reference] [SAMP test.json] [HC:#173]
func TestLineForms(t *testing.T) {
	const head = `{"time":"2022-10-12T00:03:50.000Z","type":"function","record":`
	const object = `{"level":"INFO","message":"a<b"}`
	tests := []struct{ name, schema, format, line, want string }{
		{"text keeps the newline", "2022-12-13", "Text", "hello", `"hello\n"`},
		{"text keeps an object a string", "2025-01-29", "Text", object, `"{\"level\":\"INFO\",\"message\":\"a<b\"}\n"`},
		{"first schema knows only strings", "2022-07-01", "JSON", object, `"{\"level\":\"INFO\",\"message\":\"a<b\"}\n"`},
		{"object verbatim", "2022-12-13", "JSON", `{ "b":1, "a":2 }`, `{ "b":1, "a":2 }`},
		{"plain line wrapped", "2022-12-13", "JSON", "hello", `{"timestamp":"2022-10-12T00:03:50.000Z","level":"INFO","message":"hello"}`},
		{"broken object wrapped", "2025-01-29", "JSON", `{"a":`, `{"timestamp":"2022-10-12T00:03:50.000Z","level":"INFO","message":"{\"a\":"}`},
		{"array wrapped", "2025-01-29", "JSON", `[1]`, `{"timestamp":"2022-10-12T00:03:50.000Z","level":"INFO","message":"[1]"}`},
		{"empty line", "2022-12-13", "Text", "", `"\n"`},
	}
	at := time.Date(2022, 10, 12, 0, 3, 50, 0, time.UTC)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := event{at: at, typ: "function", category: "function", line: tt.line}
			if got := whole(e.encode(tt.schema, tt.format)); got != head+tt.want+"}" {
				t.Errorf("got %s", got)
			}
		})
	}
}

// Platform records against captures of the real thing.
// [C: telemetry-schema-reference, python-example-telemetry-api-extension/test.json]
func TestPlatformForms(t *testing.T) {
	at := time.Date(2022, 10, 21, 14, 5, 5, 766e6, time.UTC)
	tracing := &tracingRecord{"24cd7d670fa455f0", "X-Amzn-Trace-Id", "Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"}
	tests := []struct {
		typ    string
		record any
		want   string
	}{
		{"platform.start", startRecord{RequestID: "459921b5-681c-4a96-beb0-81e0aa586026", Version: "$LATEST", Tracing: tracing},
			`{"requestId":"459921b5-681c-4a96-beb0-81e0aa586026","version":"$LATEST","tracing":{"spanId":"24cd7d670fa455f0","type":"X-Amzn-Trace-Id","value":"Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"}}`},
		{"platform.runtimeDone", runtimeDoneRecord{RequestID: "d661f7cf", Status: "timeout", Metrics: runtimeDoneMetrics{DurationMs: 5001.182}},
			`{"requestId":"d661f7cf","status":"timeout","metrics":{"durationMs":5001.182,"producedBytes":0}}`},
		{"platform.report", reportRecord{RequestID: "459921b5", Status: "success", Metrics: reportMetrics{2599.4, 2600, 128, 94, 549.04}},
			`{"requestId":"459921b5","status":"success","metrics":{"durationMs":2599.4,"billedDurationMs":2600,"memorySizeMB":128,"maxMemoryUsedMB":94,"initDurationMs":549.04}}`},
		{"platform.initReport", initReportRecord{"on-demand", "invoke", "error", "Extension.Crash", initMetrics{4447.52}},
			`{"initializationType":"on-demand","phase":"invoke","status":"error","errorType":"Extension.Crash","metrics":{"durationMs":4447.52}}`},
		{"platform.extension", extensionRecord{Name: "my-extension", State: "Ready", Events: []string{"SHUTDOWN", "INVOKE"}},
			`{"name":"my-extension","state":"Ready","events":["SHUTDOWN","INVOKE"]}`},
		{"platform.logsDropped", droppedRecord{"Some logs were dropped because the downstream consumer is slower than the logs production rate", 123, 12345},
			`{"reason":"Some logs were dropped because the downstream consumer is slower than the logs production rate","droppedRecords":123,"droppedBytes":12345}`},
	}
	for _, tt := range tests {
		t.Run(tt.typ, func(t *testing.T) {
			e := event{at: at, typ: tt.typ, category: "platform", record: tt.record}
			want := `{"time":"2022-10-21T14:05:05.766Z","type":"` + tt.typ + `","record":` + tt.want + "}"
			if got := whole(e.encode("2022-12-13", "Text")); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// The three sides of one trace. [LMI:telemetry/xray/tracer.go]
func TestNewTrace(t *testing.T) {
	tests := []struct{ name, header, upstream, runtime string }{
		{"sampled", "Root=1-a-b;Parent=c;Sampled=1", "Root=1-a-b;Parent=c;Sampled=1", "Root=1-a-b;Parent=<span>;Sampled=1"},
		{"not sampled", "Root=1-a-b;Parent=c;Sampled=0", "Root=1-a-b;Parent=c;Sampled=0", "Root=1-a-b;Parent=c;Sampled=0"},
		{"lineage only", "Root=1-a-b;Lineage=1:73f724a8:0", "Root=1-a-b;Lineage=1:73f724a8:0", "Root=1-a-b;Lineage=1:73f724a8:0"},
		{"none", NoTrace, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newTrace(tt.header)
			runtime := got.runtime
			if got.spanID != "" {
				runtime = replaceOnce(runtime, got.spanID, "<span>")
			}
			if got.upstream != tt.upstream || runtime != tt.runtime {
				t.Errorf("got %+v", got)
			}
			if sampled := tt.name == "sampled"; (got.telemetryTracing() != nil) != sampled {
				t.Errorf("tracing in telemetry: %v", got.telemetryTracing())
			}
		})
	}
	if fresh := newTrace(""); fresh.spanID == "" || fresh.upstream == "" {
		t.Errorf("a new trace is %+v", fresh)
	}
}

func FuzzNewTrace(f *testing.F) {
	f.Add("Root=1-a-b;Parent=c;Sampled=1")
	f.Add(";;=;Sampled=1;Root=")
	f.Fuzz(func(t *testing.T, header string) {
		if got := newTrace(header); header != "" && header != NoTrace && got.upstream != header {
			t.Errorf("upstream header changed: %q", got.upstream)
		}
	})
}
