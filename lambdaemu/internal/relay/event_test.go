package relay

import (
	"testing"
	"time"
)

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
			e := Event{At: at, Type: "function", Category: "function", Line: tt.line}
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
	tracing := &TracingRecord{"24cd7d670fa455f0", "X-Amzn-Trace-Id", "Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"}
	tests := []struct {
		typ    string
		record any
		want   string
	}{
		{"platform.start", StartRecord{RequestID: "459921b5-681c-4a96-beb0-81e0aa586026", Version: "$LATEST", Tracing: tracing},
			`{"requestId":"459921b5-681c-4a96-beb0-81e0aa586026","version":"$LATEST","tracing":{"spanId":"24cd7d670fa455f0","type":"X-Amzn-Trace-Id","value":"Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"}}`},
		{"platform.runtimeDone", RuntimeDoneRecord{RequestID: "d661f7cf", Status: "timeout", Metrics: RuntimeDoneMetrics{DurationMs: 5001.182}},
			`{"requestId":"d661f7cf","status":"timeout","metrics":{"durationMs":5001.182,"producedBytes":0}}`},
		{"platform.report", ReportRecord{RequestID: "459921b5", Status: "success", Metrics: ReportMetrics{2599.4, 2600, 128, 94, 549.04}},
			`{"requestId":"459921b5","status":"success","metrics":{"durationMs":2599.4,"billedDurationMs":2600,"memorySizeMB":128,"maxMemoryUsedMB":94,"initDurationMs":549.04}}`},
		{"platform.initReport", InitReportRecord{"on-demand", "invoke", "error", "Extension.Crash", InitMetrics{4447.52}},
			`{"initializationType":"on-demand","phase":"invoke","status":"error","errorType":"Extension.Crash","metrics":{"durationMs":4447.52}}`},
		{"platform.extension", ExtensionRecord{Name: "my-extension", State: "Ready", Events: []string{"SHUTDOWN", "INVOKE"}},
			`{"name":"my-extension","state":"Ready","events":["SHUTDOWN","INVOKE"]}`},
		{"platform.logsDropped", DroppedRecord{"Some logs were dropped because the downstream consumer is slower than the logs production rate", 123, 12345},
			`{"reason":"Some logs were dropped because the downstream consumer is slower than the logs production rate","droppedRecords":123,"droppedBytes":12345}`},
	}
	for _, tt := range tests {
		t.Run(tt.typ, func(t *testing.T) {
			e := Event{At: at, Type: tt.typ, Category: "platform", Record: tt.record}
			want := `{"time":"2022-10-21T14:05:05.766Z","type":"` + tt.typ + `","record":` + tt.want + "}"
			if got := whole(e.encode("2022-12-13", "Text")); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}
