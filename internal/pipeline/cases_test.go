package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/telemetry"
)

// TestObjectsOfLoggers: what a line of a logger with names of its own gets,
// and that what it wrote stays.
func TestObjectsOfLoggers(t *testing.T) {
	const tail = `,"service":"orders","cold_start":true,"function_request_id":"` + testID + `","xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"}`
	for _, tc := range []struct{ name, in, added string }{
		{"Python's levelname", `{"asctime":"2024-01-15 11:30:45,000","levelname":"ERROR","name":"root","message":"charge failed","aws_request_id":"` + testID + `"}`,
			`"level":"ERROR","timestamp":"2024-01-15T11:30:45.000Z"`},
		{"Monolog", `{"message":"charge failed","context":{},"level":400,"level_name":"ERROR","channel":"app","datetime":"2024-01-15T11:30:44.000000+00:00","extra":{}}`,
			`"timestamp":"2024-01-15T11:30:44.000Z"`},
		{"Serilog", `{"Timestamp":"2024-01-15T11:30:44.5000000+00:00","Level":"Error","MessageTemplate":"charge {Id} failed","Properties":{"Id":7}}`,
			`"level":"ERROR","message":"charge {Id} failed","timestamp":"2024-01-15T11:30:44.500Z"`},
		{"lambda-log", `{"_logLevel":"error","msg":"charge failed","_tags":["log","error"]}`, `"level":"ERROR","message":"charge failed",` + stampOf},
		{"ECS", `{"log":{"level":"error"},"@timestamp":"2024-01-15T11:30:44.000Z","message":"charge failed"}`, `"level":"ERROR","timestamp":"2024-01-15T11:30:44.000Z"`},
		{"OpenTelemetry", `{"severityText":"ERROR","severityNumber":17,"body":"charge failed"}`, `"level":"ERROR","message":"charge failed",` + stampOf},
		{"loguru", `{"text":"charge failed\n","record":{"level":{"name":"ERROR","no":40},"message":"charge failed"}}`, `"level":"ERROR","message":"charge failed",` + stampOf},
		{"pino", `{"level":50,"time":1705318244000,"pid":8,"hostname":"x","msg":"charge failed"}`, `"message":"charge failed","timestamp":"2024-01-15T11:30:44.000Z"`},
		{"zap", `{"level":"error","ts":1705318244.5,"caller":"app/main.go:7","msg":"charge failed"}`, `"message":"charge failed","timestamp":"2024-01-15T11:30:44.500Z"`},
		{"structlog", `{"event":"charge failed","level":"error"}`, `"message":"charge failed",` + stampOf},
		{"Rust tracing", `{"timestamp":"2024-01-15T11:30:44.1Z","level":"ERROR","fields":{"message":"charge failed"},"target":"app"}`, `"message":"charge failed"`},
		{"an event of the business", `{"event":"order.created","order":7}`, stampOf},
		{"a time without a zone, hours off", `{"level":"ERROR","message":"x","time":"2024-01-15 13:30:45"}`, stampOf},
		{"a timestamp without a zone, hours off", `{"level":"ERROR","message":"x","timestamp":"2024-01-15 13:30:45"}`, `"observed_timestamp":"2024-01-15T11:30:45.123Z"`},
		{"an old time of another name", `{"level":"ERROR","message":"x","datetime":"2023-01-31T12:00:00.000000+00:00"}`, `"timestamp":"2023-01-31T12:00:00.000Z","observed_timestamp":"2024-01-15T11:30:45.123Z"`},
		{"a null timestamp", `{"level":"ERROR","message":"payment failed","timestamp":null}`, `"observed_timestamp":"2024-01-15T11:30:45.123Z"`},
		{"a timestamp of another form", `{"level":"ERROR","message":"payment failed too","timestamp":"30/Nov/2026 15:00:00"}`, `"observed_timestamp":"2024-01-15T11:30:45.123Z"`},
		{"a timestamp of ten days ago", `{"level":"INFO","message":"invoice","timestamp":"2024-01-05T00:00:00Z"}`, ``},
		{"a timestamp of years ago", `{"level":"INFO","message":"invoice","timestamp":"2020-01-05T00:00:00Z"}`, `"observed_timestamp":"2024-01-15T11:30:45.123Z"`},
		{"_aws is no metrics", `{"level":"ERROR","message":"charge failed","_aws":{"region":"eu-west-1"}}`, stampOf},
		{"_aws is empty", `{"level":"ERROR","message":"charge failed","_aws":{}}`, stampOf},
		{"_aws with another CloudWatchMetrics", `{"level":"ERROR","message":"charge failed","_aws":{"CloudWatchMetrics":{}}}`, stampOf},
		{"not a number", `{"level":"ERROR","message":"charge failed","rate":NaN,"a":[-Infinity,Infinity]}`, stampOf},
		{"not a number, in a string", `{"level":"ERROR","message":"NaN"}`, stampOf},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, nil).running()
			want := strings.TrimSuffix(tc.in, "}")
			if tc.added != "" {
				want += "," + tc.added
			}
			if got := r.one(textLine(tc.in)); got != want+tail {
				t.Errorf("got  %s\nwant %s", got, want+tail)
			}
		})
	}
}

// TestRuntimeHeads: what the runtimes put in front of a line becomes keys.
func TestRuntimeHeads(t *testing.T) {
	const tail = `,"service":"orders","cold_start":true,"function_request_id":"` + testID + `","xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"`
	const head = "2024-01-15T11:30:45.777Z\t" + testID + "\t"
	const at = `,"timestamp":"2024-01-15T11:30:45.777Z"`
	for _, tc := range []struct{ name, in, want string }{
		{"Node", head + "INFO\torder accepted", `{"level":"INFO","message":"order accepted"` + at + tail + `}`},
		{"Node, several lines", head + "WARN\ta\n  b\tc", `{"level":"WARN","message":"a\n  b\tc"` + at + tail + `}`},
		{"Node, no id", "2024-01-15T11:30:45.777Z\tundefined\tINFO\tmodule loaded", `{"level":"INFO","message":"module loaded"` + at + tail + `}`},
		{"Node, object", head + `INFO	{"level":"error","message":"charge failed","order":7}`, `{"level":"error","message":"charge failed","order":7` + at + tail + `}`},
		{"Node, object without a level", head + `WARN	{"message":"slow","order":7}`, `{"message":"slow","order":7,"level":"WARN"` + at + tail + `}`},
		{"Node 8, object", head + `{"level":"error","message":"charge failed","order":7}`, `{"level":"error","message":"charge failed","order":7` + at + tail + `}`},
		{"Node, object over lines", head + "INFO\t{\n  \"a\": 1\n}", `{   "a": 1 ,"level":"INFO"` + at + tail + `}`},
		{"Node, no object", head + "INFO\t{ order: 7 }", `{"level":"INFO","message":"{ order: 7 }"` + at + tail + `}`},
		{"Node, NaN", head + `INFO	{"a":NaN}`, `{"a":NaN,"level":"INFO"` + at + tail + `}`},
		{"Node, a word that is no level", head + "ORDER\taccepted", `{"message":"ORDER\taccepted"` + at + tail + `}`},
		{"Node, pino", head + `INFO	{"level":50,"time":1705318244000,"msg":"x"}`, `{"level":50,"time":1705318244000,"msg":"x","message":"x","timestamp":"2024-01-15T11:30:44.000Z"` + tail + `}`},
		{".NET", head + "fail\tcharge failed", `{"level":"ERROR","message":"charge failed"` + at + tail + `}`},
		{"Python", "[WARNING]\t2024-01-15T11:30:45.777Z\t" + testID + "\tslow\n", `{"level":"WARN","message":"slow\n"` + at + tail + `}`},
		{"Python, init", "[INFO]\t2024-01-15T11:30:45.777Z\t\tmodule loaded", `{"level":"INFO","message":"module loaded"` + at + tail + `}`},
		{"Python, a level of its own", "[AUDIT]\t2024-01-15T11:30:45.777Z\t" + testID + "\tx", `{"message":"x"` + at + tail + `}`},
		{"Python, object", "[INFO]\t2024-01-15T11:30:45.777Z\t" + testID + "\t{\"message\":\"m\",\"level\":\"ERROR\"}", `{"message":"m","level":"ERROR"` + at + tail + `}`},
		{"another id", "2024-01-15T11:30:45.777Z\t00000000-0000-4000-8000-000000000000\tINFO\tx", `{"level":"INFO","message":"x"` + at + `,"service":"orders","function_request_id":"00000000-0000-4000-8000-000000000000"}`},
		{"a runtime's time of another day", "2026-01-31T12:00:00.000Z\t" + testID + "\tINFO\tx", `{"level":"INFO","message":"x","timestamp":"2026-01-31T12:00:00.000Z","observed_timestamp":"2024-01-15T11:30:45.123Z"` + tail + `}`},
		{"no head: a blank", "2024-01-15T11:30:45.777Z " + testID + "\tINFO\tx", `{"level":"INFO","message":"2024-01-15T11:30:45.777Z ` + testID + `\tINFO\tx"` + at + tail + `}`},
		{"no head: no time", "2024-01-15T11:30:99.777Z\t" + testID + "\tINFO\tx", `{"level":"INFO","message":"2024-01-15T11:30:99.777Z\t` + testID + `\tINFO\tx",` + stampOf + tail + `}`},
		{"a logger's own time", "time=2024-01-15T11:30:44.500Z level=ERROR msg=x", `{"level":"ERROR","message":"time=2024-01-15T11:30:44.500Z level=ERROR msg=x","timestamp":"2024-01-15T11:30:44.500Z"` + tail + `}`},
		{"a business date in front", "2020-01-15T11:30:44Z is the date of the invoice", `{"message":"2020-01-15T11:30:44Z is the date of the invoice",` + stampOf + tail + `}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, nil).running()
			if got := r.one(textLine(tc.in)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if n := len(r.stdout.got); n != 1 {
				t.Errorf("%d copies on stdout: a text is always repeated", n)
			}
		})
	}
	r := newRig(t, nil).running()
	if r.one(textLine(head + `INFO	{"_aws":{"CloudWatchMetrics":[]},"n":1}`)); len(r.stdout.got) != 0 {
		t.Errorf("a metrics document is repeated: %s", r.stdout.got)
	}
}

// TestWrappedTexts: in the JSON log format the platform puts a text into an
// object and calls it INFO.
func TestWrappedTexts(t *testing.T) {
	const tail = `,"service":"orders","cold_start":true,"function_request_id":"` + testID + `","xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"`
	for _, tc := range []struct{ name, in, want string }{
		{"an error", `{"timestamp":"2024-01-15T11:30:44.000Z","level":"INFO","message":"E0131 12:00:00.123456       8 main.go:12] \"charge\" failed"}`,
			`{"level":"ERROR","message":"E0131 12:00:00.123456       8 main.go:12] \"charge\" failed","timestamp":"2024-01-15T11:30:44.000Z"` + tail + `}`},
		{"no level", `{"timestamp":"2024-01-15T11:30:44.000Z","level":"INFO","message":"order accepted"}`,
			`{"timestamp":"2024-01-15T11:30:44.000Z","level":"INFO","message":"order accepted"` + tail + `}`},
		{"prose", `{"timestamp":"2024-01-15T11:30:44.000Z","level":"INFO","message":"no ERROR"}`,
			`{"timestamp":"2024-01-15T11:30:44.000Z","level":"INFO","message":"no ERROR"` + tail + `}`},
		{"a logger's own", `{"timestamp":"2024-01-15T11:30:44.000Z","level":"INFO","message":"[ERROR] x","order":7}`,
			`{"timestamp":"2024-01-15T11:30:44.000Z","level":"INFO","message":"[ERROR] x","order":7` + tail + `}`},
		{"a level of its own", `{"timestamp":"2024-01-15T11:30:44.000Z","level":"WARN","message":"[ERROR] x"}`,
			`{"timestamp":"2024-01-15T11:30:44.000Z","level":"WARN","message":"[ERROR] x"` + tail + `}`},
	} {
		r := newRig(t, nil).running()
		if got := r.one(objectLine(tc.in)); got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

// TestErrorsOfRuntimes: the three keys that make an error found and read.
func TestErrorsOfRuntimes(t *testing.T) {
	const head = "2024-01-15T11:30:45.123Z\t" + testID + "\t"
	for _, tc := range []struct{ name, in, errorType, message, stack string }{
		{"Python", "[ERROR] ValueError: no: never\nTraceback (most recent call last):\n  File \"app.py\", line 3\n    raise", "ValueError", "no: never", "Traceback (most recent call last):\n  File \"app.py\", line 3\n    raise"},
		{"Python, carriage returns", "[ERROR] ValueError: no\rTraceback (most recent call last):\r  File \"app.py\", line 3", "ValueError", "no", "Traceback (most recent call last):\n  File \"app.py\", line 3"},
		{"Python, an error of another name", "[ERROR] Boom: no\nTraceback (most recent call last):\n  File \"app.py\", line 3", "Boom", "no", "Traceback (most recent call last):\n  File \"app.py\", line 3"},
		{"Python, import", "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'x'\nTraceback (most recent call last):", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'x'", "Traceback (most recent call last):"},
		{"Python, logging", "[ERROR]\t2024-01-15T11:30:45.123Z\t" + testID + "\tfailed\nTraceback (most recent call last):\n  File \"app.py\"\nKeyError: 'x'", "KeyError", "'x'", "Traceback (most recent call last):\n  File \"app.py\"\nKeyError: 'x'"},
		{"Node", head + "ERROR\tInvoke Error \t{\"errorType\":\"TypeError\",\"errorMessage\":\"no \\\"x\\\"\",\"stack\":[\"TypeError: no\",\"    at f (/a.js:1:2)\"]}", "TypeError", `no "x"`, "TypeError: no\n    at f (/a.js:1:2)"},
		{"Node, printed", head + "ERROR\tTypeError: no\n    at f (/a.js:1:2)", "TypeError", "no", "TypeError: no\n    at f (/a.js:1:2)"},
		{"Java, message first", "no: java.lang.IllegalStateException\njava.lang.IllegalStateException: no\n\tat App.handle(App.java:7)\n", "java.lang.IllegalStateException", "no", "java.lang.IllegalStateException: no\n\tat App.handle(App.java:7)"},
		{"Java", "java.lang.IllegalStateException: no\n\tat App.handle(App.java:7)", "java.lang.IllegalStateException", "no", "java.lang.IllegalStateException: no\n\tat App.handle(App.java:7)"},
		{"Java, a thread", "Exception in thread \"main\" java.lang.IllegalStateException: no\n\tat App.main(App.java:7)", "java.lang.IllegalStateException", "no", "java.lang.IllegalStateException: no\n\tat App.main(App.java:7)"},
		{".NET", head + "fail\tSystem.InvalidOperationException: no\n   at Shop.Function.Handle()", "System.InvalidOperationException", "no", "System.InvalidOperationException: no\n   at Shop.Function.Handle()"},
		{".NET, unhandled", "Unhandled exception. System.InvalidOperationException: no\n   at Shop.Main()", "System.InvalidOperationException", "no", "System.InvalidOperationException: no\n   at Shop.Main()"},
		{"Ruby", "Error raised from handler method\n{\n  \"errorMessage\": \"no\",\n  \"errorType\": \"Function<RuntimeError>\",\n  \"stackTrace\": [\n    \"/var/task/app.rb:2:in 'handler'\"\n  ]\n}", "Function<RuntimeError>", "no", "/var/task/app.rb:2:in 'handler'"},
		{"Go", `2024/01/15 11:30:45 {"errorMessage":"no","errorType":"errorString"}`, "errorString", "no", ""},
		{"Go panic", "panic: no\n\ngoroutine 1 [running]:\nmain.main()", "panic", "no", "goroutine 1 [running]:\nmain.main()"},
		{"Rust panic", "thread 'main' panicked at src/main.rs:5:9:\nno\nnote: run with `RUST_BACKTRACE=1`", "panic", "no", ""},
		{"Rust panic, before 1.73", "thread 'main' panicked at 'no', src/main.rs:5:9", "panic", "no", ""},
		{"Rust panic, with a backtrace", "thread 'main' panicked at src/main.rs:5:9:\nno\nstack backtrace:\n   0: f", "panic", "no", "stack backtrace:\n   0: f"},
		{"JSON of Python", `{"level":"ERROR","errorType":"KeyError","errorMessage":"'x'","stackTrace":["  File \"a.py\"\n","    raise\n"]}`, "KeyError", "'x'", "  File \"a.py\"\n    raise\n"},
		{"JSON of Node", `{"level":"ERROR","message":{"errorType":"TypeError","errorMessage":"no","stackTrace":["TypeError: no","    at f"]}}`, "TypeError", "no", "TypeError: no\n    at f"},
		{"JSON of Java", `{"timestamp":"2024-01-15T11:30:45.123Z","message":"no: java.lang.IllegalStateException\njava.lang.IllegalStateException: no\n\tat App.handle(App.java:7)\n","level":"ERROR","AWSRequestId":"x"}`, "java.lang.IllegalStateException", "no", "java.lang.IllegalStateException: no\n\tat App.handle(App.java:7)"},
		{"a logger's line", "[ERROR]\t2024-01-15T11:30:45.123Z\t" + testID + "\tpayment refused", "", "", ""},
		{"prose about an error", "the ValueError: is known\nTraceback is here", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, nil).running()
			m := object(t, r.one(textLine(tc.in)))
			for key, want := range map[string]string{"error_type": tc.errorType, "error_message": tc.message, "stack_trace": tc.stack} {
				if got, _ := m[key].(string); got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
			if s, _ := m["message"].(string); strings.Contains(s, "\r") {
				t.Errorf("message has carriage returns: %q", s)
			}
		})
	}
}

// TestCopies: which lines are repeated on stdout.
func TestCopies(t *testing.T) {
	const when = `"timestamp":"2024-01-15T11:30:45.123Z"`
	for _, tc := range []struct {
		in             string
		missing, every bool
	}{
		{`{"level":"INFO","message":"m",` + when + `,"requestId":"` + testID + `"}`, false, true},
		{`{"levelname":"INFO","msg":"m","asctime":"2024-01-15 11:30:45,1","aws_request_id":"` + testID + `"}`, false, true},
		{`{"level":30,"time":1705318244000,"msg":"m","awsRequestId":"` + testID + `"}`, false, true},
		{`{"level":"INFO",` + when + `,"AWSRequestId":"` + testID + `"}`, false, true},
		{`{"level":"INFO",` + when + `,"function_request_id":"` + testID + `"}`, false, true},
		{`{"level":"INFO","message":"m",` + when + `}`, true, true},
		{`{"message":"m",` + when + `,"requestId":"` + testID + `"}`, true, true},
		{`{"level":"INFO","message":"m","requestId":"` + testID + `"}`, true, true},
		{`{"level":"INFO","message":"m","timestamp":null,"requestId":"` + testID + `"}`, true, true},
		{`{"level":"INFO","message":"m",` + when + `,"requestId":""}`, true, true},
		// An id of another system does not say whose the line is.
		{`{"level":"INFO","message":"m",` + when + `,"requestId":"JKJaXmPLvHcESHA="}`, true, true},
		{`{"level":"INFO","message":"m",` + when + `,"requestId":"41b45ea3-70b5-11e6-b7bd-69b5aaebc7d9"}`, true, true},
		{`{"level":"INFO","message":"m",` + when + `,"requestId":"JKJaXmPLvHcESHA=","function_request_id":"` + testID + `"}`, false, true},
		{`{"level":"INFO","message":"m",` + when + `,"function_request_id":"` + testID + `","requestId":"JKJaXmPLvHcESHA="}`, false, true},
		{"2024-01-15T11:30:45.123Z\t" + testID + "\tINFO\tm", true, true},
		{`{"_aws":{"CloudWatchMetrics":[]},"n":1}`, false, false},
	} {
		for _, all := range []bool{false, true} {
			r := newRig(t, func(o *Options) { o.CopyAll = all }).running()
			r.one(textLine(tc.in))
			if got, want := len(r.stdout.got) == 1, all && tc.every || !all && tc.missing; got != want {
				t.Errorf("all %v: repeated %v, want %v: %s", all, got, want, tc.in)
			}
		}
	}
}

func TestParseKeys(t *testing.T) {
	for _, tc := range []struct{ keys, want string }{
		{"", "level message timestamp service cold_start function_request_id sampling_rate xray_trace_id tenant_id"},
		{"lean", "level message timestamp service cold_start function_request_id sampling_rate xray_trace_id tenant_id"},
		{"all", "level message timestamp service cold_start function_arn function_memory_size function_name function_request_id sampling_rate xray_trace_id tenant_id"},
		{"lean, function_name", "level message timestamp service cold_start function_name function_request_id sampling_rate xray_trace_id tenant_id"},
		{"Service", "message service"},
		{"cold_start,level", "level message cold_start"},
	} {
		keys, err := ParseKeys(strings.Split(tc.keys, ","))
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, func(o *Options) {
			o.Keys, o.SampleRate = keys, 1
			o.Lines = o.Lines[1:] // stdout alone
		}).running()
		r.HandleEvents([]telemetry.Event{platform(telemetry.KindRuntimeDone, t0, telemetry.Platform{RequestID: testID, TenantID: "blue"})})
		r.one(textLine("[INFO] x"))
		if got := strings.Join(topKeys(t, r.stdout.got[0]), " "); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.keys, got, tc.want)
		}
	}
	if _, err := ParseKeys([]string{"lean", "colour"}); err == nil {
		t.Error("an unknown key is taken")
	}
	r := newRig(t, func(o *Options) { o.Keys, _ = ParseKeys([]string{"all"}) }).running()
	if got := r.one(textLine("x")); !strings.Contains(got, `"function_memory_size":"128"`) {
		t.Errorf("the size is no string: %s", got)
	}
}

// TestLevelAtTheEndOfALongLine: the whole line is looked at before it is cut.
func TestLevelAtTheEndOfALongLine(t *testing.T) {
	r := newRig(t, nil).running()
	got := r.one(textLine(`{"message":"` + strings.Repeat("é", 140<<10) + `","level":"ERROR"}`))
	m := object(t, got)
	if m["level"] != "ERROR" || m["truncated"] != true || len(got) >= DefaultMaxLineBytes {
		t.Errorf("level %v, truncated %v, %d bytes", m["level"], m["truncated"], len(got))
	}
	got = r.one(textLine("thread 'main' panicked at x:\n" + strings.Repeat("é", 140<<10)))
	m = object(t, got)
	if m["level"] != "ERROR" || m["truncated"] != true || len(got) >= DefaultMaxLineBytes {
		t.Errorf("level %v, truncated %v, %d bytes", m["level"], m["truncated"], len(got))
	}
}

// TestInterleavedRequestsDoNotAllocate: on managed instances the lines of many
// requests come in turns.
func TestInterleavedRequestsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, n := range []int{1, 9, 16, 64} {
		r := newRig(t, func(o *Options) { o.Lines = []Destination{{Output: &nowhere{}, Stdout: true}} })
		var batch []telemetry.Event
		for i := range n {
			id := fmt.Sprintf("%08d-2222-4333-8444-555555555555", i)
			r.HandleEvents(events(platform(telemetry.KindStart, t0.Add(time.Duration(i)*time.Millisecond), telemetry.Platform{RequestID: id, TraceHeader: testTrace})))
			batch = append(batch, objectLine(`{"level":"INFO","message":"order accepted","requestId":"`+id+`"}`), textLine("2024-01-15T11:30:45.123Z\t"+id+"\tINFO\torder accepted"))
		}
		r.HandleEvents(batch)
		if got := testing.AllocsPerRun(20, func() { r.HandleEvents(batch) }); got > 0 {
			t.Errorf("%d requests: %v allocations for %d lines, want none", n, got, len(batch))
		}
	}
}
