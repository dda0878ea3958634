package telemetry

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// Platform events as they were captured, or as the schema reference prints them.
func TestDecodePlatformEvents(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		want Event
	}{
		"initStart": {
			`{"time":"2024-04-25T17:35:59.944Z","type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init","runtimeVersion":"nodejs:20.v22","runtimeVersionArn":"arn:aws:lambda:us-east-1::runtime:da57c20c","functionName":"hello-world","functionVersion":"$LATEST"}}`,
			Event{Kind: KindInitStart, Time: at("2024-04-25T17:35:59.944Z"), Platform: &Platform{
				InitType: "on-demand", Phase: "init", RuntimeVersion: "nodejs:20.v22", FunctionName: "hello-world", FunctionVersion: "$LATEST"}},
		},
		"initStart on managed instances": {
			`{"time":"2025-11-22T12:00:15.064Z","type":"platform.initStart","record":{"initializationType":"lambda-managed-instances","phase":"init","runtimeVersion":"python:3.13.v70","functionName":"orders","functionVersion":"7","instanceId":"2025/11/22/orders[7]3f9c","instanceMaxMemory":2147483648}}`,
			Event{Kind: KindInitStart, Time: at("2025-11-22T12:00:15.064Z"), Platform: &Platform{
				InitType: "lambda-managed-instances", Phase: "init", RuntimeVersion: "python:3.13.v70", FunctionName: "orders", FunctionVersion: "7", InstanceID: "2025/11/22/orders[7]3f9c"}},
		},
		"initRuntimeDone": {
			`{"time":"2025-11-22T12:00:16.136Z","type":"platform.initRuntimeDone","record":{"initializationType":"on-demand","phase":"init","status":"error","errorType":"Runtime.ExitError"}}`,
			Event{Kind: KindInitRuntimeDone, Time: at("2025-11-22T12:00:16.136Z"), Platform: &Platform{
				InitType: "on-demand", Phase: "init", Status: "error", ErrorType: "Runtime.ExitError"}},
		},
		"initReport": {
			`{"time":"2022-10-19T13:52:16.136Z","type":"platform.initReport","record":{"initializationType":"on-demand","metrics":{"durationMs":500.0},"phase":"init"}}`,
			Event{Kind: KindInitReport, Time: at("2022-10-19T13:52:16.136Z"), Platform: &Platform{
				InitType: "on-demand", Phase: "init", DurationMs: Number{500, true}}},
		},
		"restoreStart without anything": {
			`{"time":"2022-10-12T00:00:15.064Z","type":"platform.restoreStart","record":{}}`,
			Event{Kind: KindRestoreStart, Time: at("2022-10-12T00:00:15.064Z"), Platform: &Platform{}},
		},
		"restoreRuntimeDone": {
			`{"time":"2022-10-12T00:00:15.900Z","type":"platform.restoreRuntimeDone","record":{"status":"success"}}`,
			Event{Kind: KindRestoreRuntimeDone, Time: at("2022-10-12T00:00:15.900Z"), Platform: &Platform{Status: "success"}},
		},
		"restoreReport": {
			`{"time":"2022-10-19T13:52:16.136Z","type":"platform.restoreReport","record":{"status":"success","metrics":{"durationMs":150.5}}}`,
			Event{Kind: KindRestoreReport, Time: at("2022-10-19T13:52:16.136Z"), Platform: &Platform{Status: "success", DurationMs: Number{150.5, true}}},
		},
		"start": {
			`{"time":"2022-10-21T14:05:03.165Z","type":"platform.start","record":{"requestId":"459921b5-681c-4a96-beb0-81e0aa586026","version":"$LATEST","tracing":{"spanId":"24cd7d670fa455f0","type":"X-Amzn-Trace-Id","value":"Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"}}}`,
			Event{Kind: KindStart, Time: at("2022-10-21T14:05:03.165Z"), Platform: &Platform{
				RequestID: "459921b5-681c-4a96-beb0-81e0aa586026", FunctionVersion: "$LATEST", SpanID: "24cd7d670fa455f0",
				TraceHeader: "Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"}},
		},
		"start on managed instances with a tenant": {
			`{"time":"2022-10-21T14:05:03.165Z","type":"platform.start","record":{"requestId":"r","functionArn":"arn:aws:lambda:us-east-1:123456789012:function:f","tenantId":"t-1"}}`,
			Event{Kind: KindStart, Time: at("2022-10-21T14:05:03.165Z"), Platform: &Platform{
				RequestID: "r", FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:f", TenantID: "t-1"}},
		},
		"runtimeDone": {
			`{"time":"2024-02-09T08:42:44.079Z","type":"platform.runtimeDone","record":{"requestId":"d661f7cf-9208-46b9-85b0-213b04a91065","status":"success","spans":[{"name":"responseLatency","start":"2024-02-09T08:42:44.078Z","durationMs":0.677},{"name":"responseDuration","start":"2024-02-09T08:42:44.079Z","durationMs":0.035},{"name":"runtimeOverhead","start":"2024-02-09T08:42:44.079Z","durationMs":0.211}],"metrics":{"durationMs":1.056,"producedBytes":50}}}`,
			Event{Kind: KindRuntimeDone, Time: at("2024-02-09T08:42:44.079Z"), Platform: &Platform{
				RequestID: "d661f7cf-9208-46b9-85b0-213b04a91065", Status: "success",
				DurationMs: Number{1.056, true}, ProducedBytes: Number{50, true},
				ResponseLatencyMs: Number{0.677, true}, ResponseDurationMs: Number{0.035, true}, RuntimeOverheadMs: Number{0.211, true}}},
		},
		"runtimeDone of a timeout: zero is not missing": {
			`{"time":"2024-02-09T08:43:10.002Z","type":"platform.runtimeDone","record":{"requestId":"d661f7cf","status":"timeout","metrics":{"durationMs":5001.182,"producedBytes":0}}}`,
			Event{Kind: KindRuntimeDone, Time: at("2024-02-09T08:43:10.002Z"), Platform: &Platform{
				RequestID: "d661f7cf", Status: "timeout", DurationMs: Number{5001.182, true}, ProducedBytes: Number{0, true}}},
		},
		"report": {
			`{"time":"2022-10-21T14:05:05.766Z","type":"platform.report","record":{"requestId":"459921b5","metrics":{"durationMs":2599.4,"billedDurationMs":2600,"memorySizeMB":128,"maxMemoryUsedMB":94,"initDurationMs":549.04},"tracing":{"spanId":"24cd7d670fa455f0","type":"X-Amzn-Trace-Id","value":"Root=1-6352a70e;Parent=35465b3a9e2f7c6a;Sampled=1"},"status":"success"}}`,
			Event{Kind: KindReport, Time: at("2022-10-21T14:05:05.766Z"), Platform: &Platform{
				RequestID: "459921b5", Status: "success", SpanID: "24cd7d670fa455f0", TraceHeader: "Root=1-6352a70e;Parent=35465b3a9e2f7c6a;Sampled=1",
				DurationMs: Number{2599.4, true}, BilledDurationMs: Number{2600, true}, MemorySizeMB: Number{128, true}, MaxMemoryUsedMB: Number{94, true}, InitDurationMs: Number{549.04, true}}},
		},
		"report after a restore, with the extension's overhead": {
			`{"time":"2022-10-21T14:05:05.766Z","type":"platform.report","record":{"requestId":"r","metrics":{"durationMs":1,"restoreDurationMs":300.25,"billedRestoreDurationMs":12},"spans":[{"name":"extensionOverhead","start":"2024-02-09T08:42:44.078Z","durationMs":2.5},{"name":"later","durationMs":9}]}}`,
			Event{Kind: KindReport, Time: at("2022-10-21T14:05:05.766Z"), Platform: &Platform{
				RequestID: "r", DurationMs: Number{1, true}, RestoreDurationMs: Number{300.25, true}, BilledRestoreDurationMs: Number{12, true}, ExtensionOverheadMs: Number{2.5, true}}},
		},
		"extension": {
			`{"time":"2022-10-19T13:52:16.136Z","type":"platform.extension","record":{"name":"my-extension","state":"Ready","events":["SHUTDOWN","INVOKE"]}}`,
			Event{Kind: KindExtensionState, Time: at("2022-10-19T13:52:16.136Z"), Platform: &Platform{ExtensionName: "my-extension", ExtensionState: "Ready"}},
		},
		"telemetrySubscription": {
			`{"time":"2022-10-19T13:52:15.667Z","type":"platform.telemetrySubscription","record":{"name":"my-extension","state":"Subscribed","types":["platform","function"]}}`,
			Event{Kind: KindSubscription, Time: at("2022-10-19T13:52:15.667Z"), Platform: &Platform{ExtensionName: "my-extension", ExtensionState: "Subscribed"}},
		},
		"logsDropped": {
			`{"time":"2022-10-12T00:02:35.000Z","type":"platform.logsDropped","record":{"droppedBytes":12345,"droppedRecords":123,"reason":"Some logs were dropped"}}`,
			Event{Kind: KindLogsDropped, Time: at("2022-10-12T00:02:35.000Z"), Platform: &Platform{
				DroppedBytes: Number{12345, true}, DroppedRecords: Number{123, true}, Reason: "Some logs were dropped"}},
		},
		"fault": {
			`{"time":"2020-08-20T12:31:32.123Z","type":"platform.fault","record":"RequestId: d783b35e-a91d-4251-af17-035953428a2c Process exited before completing request"}`,
			Event{Kind: KindFault, Time: at("2020-08-20T12:31:32.123Z"),
				Line: []byte("RequestId: d783b35e-a91d-4251-af17-035953428a2c Process exited before completing request"),
				Platform: &Platform{RequestID: "d783b35e-a91d-4251-af17-035953428a2c",
					Reason: "RequestId: d783b35e-a91d-4251-af17-035953428a2c Process exited before completing request"}},
		},
		"fault as an object": {
			`{"time":"2020-08-20T12:31:32.123Z","type":"platform.fault","record":{"requestId":"r","status":"error"}}`,
			Event{Kind: KindFault, Time: at("2020-08-20T12:31:32.123Z"), Line: []byte(`{"requestId":"r","status":"error"}`), Object: true,
				Platform: &Platform{RequestID: "r", Status: "error"}},
		},
		"end": {
			`{"time":"2020-08-20T12:31:32.123Z","type":"platform.end","record":{"requestId":"r"}}`,
			Event{Kind: KindEnd, Time: at("2020-08-20T12:31:32.123Z"), Platform: &Platform{RequestID: "r"}},
		},
		"wrong types cost their own field only": {
			`{"time":"2022-10-21T14:05:05.766Z","type":"platform.report","record":{"status":7,"requestId":"r","metrics":{"durationMs":"1","billedDurationMs":2,"memorySizeMB":null,"maxMemoryUsedMB":1e999},"spans":[3,{"name":"responseLatency","durationMs":4},{"name":5}],"tracing":"none","errorType":"E","reason":["x"]}}`,
			Event{Kind: KindReport, Time: at("2022-10-21T14:05:05.766Z"), Platform: &Platform{
				RequestID: "r", ErrorType: "E", BilledDurationMs: Number{2, true}, ResponseLatencyMs: Number{4, true}}},
		},
		"record of a wrong kind": {
			`{"time":"2022-10-21T14:05:05.766Z","type":"platform.start","record":"odd"}`,
			Event{Kind: KindStart, Time: at("2022-10-21T14:05:05.766Z"), Platform: &Platform{}},
		},
		"no record": {
			`{"type":"platform.runtimeDone"}`,
			Event{Kind: KindRuntimeDone, Platform: &Platform{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode(nil, []byte("["+tt.in+"]"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Event{tt.want}, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeLines(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		want Event
	}{
		"text": {
			`{"time":"2022-10-12T00:03:50.000Z","type":"function","record":"[INFO] Hello world, I am a function!\n"}`,
			Event{Kind: KindFunction, Time: at("2022-10-12T00:03:50.000Z"), Line: []byte("[INFO] Hello world, I am a function!")},
		},
		"object": {
			`{"time":"2022-10-12T00:03:50.000Z","type":"function","record":{"timestamp":"2022-10-12T00:03:50.000Z","level":"INFO","requestId":"79b4f56e-95b1-4643-9700-2807f4e68189","message":"Hello \"world\"\n"}}`,
			Event{Kind: KindFunction, Time: at("2022-10-12T00:03:50.000Z"), Object: true,
				Line: []byte(`{"timestamp":"2022-10-12T00:03:50.000Z","level":"INFO","requestId":"79b4f56e-95b1-4643-9700-2807f4e68189","message":"Hello \"world\"\n"}`)},
		},
		"extension text": {
			`{"time":"2022-10-12T00:03:50.000Z","type":"extension","record":"[INFO] Hello world, I am an extension!\n"}`,
			Event{Kind: KindExtension, Time: at("2022-10-12T00:03:50.000Z"), Line: []byte("[INFO] Hello world, I am an extension!")},
		},
		"JSON printed as text": {
			`{"type":"function","record":"{\"level\":\"INFO\",\"path\":\"a\\\\b\"}\n"}`,
			Event{Kind: KindFunction, Line: []byte(`{"level":"INFO","path":"a\\b"}`)},
		},
		"stack trace": {
			`{"type":"function","record":"Traceback\n  File \"a.py\"\r\n"}`,
			Event{Kind: KindFunction, Line: []byte("Traceback\n  File \"a.py\"")},
		},
		"without a newline": {`{"type":"function","record":"dot"}`, Event{Kind: KindFunction, Line: []byte("dot")}},
		"control characters": {`{"type":"function","record":"\u001b[31mred\u0000\u001b[0m\n"}`,
			Event{Kind: KindFunction, Line: []byte("\x1b[31mred\x00\x1b[0m")}},
		"bytes that are not UTF-8": {"{\"type\":\"function\",\"record\":\"\xff\xfe\\n\"}", Event{Kind: KindFunction, Line: []byte("\xff\xfe")}},
		"empty text":               {`{"type":"function","record":""}`, Event{Kind: KindFunction, Line: []byte{}}},
		"number":                   {`{"type":"function","record":-1.5e3}`, Event{Kind: KindFunction, Line: []byte("-1.5e3")}},
		"true":                     {`{"type":"function","record":true}`, Event{Kind: KindFunction, Line: []byte("true")}},
		"null":                     {`{"type":"function","record":null}`, Event{Kind: KindFunction, Line: []byte("null")}},
		"array":                    {`{"type":"function","record":[1, "a"]}`, Event{Kind: KindFunction, Line: []byte(`[1, "a"]`)}},
		"no record":                {`{"type":"function"}`, Event{Kind: KindFunction}},
		"object over several lines": {"{\"type\":\"function\",\"record\":{\n\t\"a\":\r\n 1}}",
			Event{Kind: KindFunction, Object: true, Line: []byte("{ \t\"a\":   1}")}},
		"record first, other fields between": {`{ "record" : "a" , "sequence":[{"x":"}"}], "type" : "function" , "time" : "2022-10-12T00:03:50.000Z" }`,
			Event{Kind: KindFunction, Time: at("2022-10-12T00:03:50.000Z"), Line: []byte("a")}},
		"time that is none": {`{"time":5,"type":"function","record":"a"}`, Event{Kind: KindFunction, Line: []byte("a")}},
		"type with escapes": {`{"type":"func\u0074ion","record":"a"}`, Event{Kind: KindFunction, Line: []byte("a")}},
		"unknown type": {`{"time":"2022-10-12T00:03:50.000Z","type":"platform.newThing","record":{"requestId":"r"}}`,
			Event{Kind: KindUnknown, Type: "platform.newThing", Time: at("2022-10-12T00:03:50.000Z"), Line: []byte(`{"requestId":"r"}`), Object: true}},
		"unknown type with text": {`{"type":"sidecar","record":"a\n"}`, Event{Kind: KindUnknown, Type: "sidecar", Line: []byte(`"a\n"`)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode(nil, []byte("["+tt.in+"]"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Event{tt.want}, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// What is unreadable costs itself. "<" and ">" are the lines of valid
// neighbours before and after it.
func TestDecodeDamage(t *testing.T) {
	const behind = 68 // offset of what stands behind BEFORE and a comma
	for name, tt := range map[string]struct {
		body   string // BEFORE and AFTER stand for the neighbours
		lines  string
		count  int
		offset int
	}{
		"nothing":                    {``, ``, 0, 0},
		"white space":                {" \n", ``, 0, 0},
		"no events":                  {`[]`, ``, 0, 0},
		"null":                       {`null`, ``, 1, 0},
		"no JSON":                    {`hello`, ``, 1, 0},
		"one event without an array": {`BEFORE`, `<`, 0, 0},
		"events line by line":        {"BEFORE\nAFTER\n", `<>`, 0, 0},
		"no end":                     {`[BEFORE,AFTER`, `<>`, 0, 0},
		"two arrays":                 {`[BEFORE][AFTER]`, `<>`, 0, 0},
		"number":                     {`[BEFORE,1,AFTER]`, `<>`, 1, behind},
		"string":                     {`[BEFORE,"x",AFTER]`, `<>`, 1, behind},
		"object that is no event":    {`[BEFORE,{"a":{"b":[1]}},AFTER]`, `<>`, 1, behind},
		"type is no string":          {`[BEFORE,{"time":"x","type":7,"record":"a"},AFTER]`, `<>`, 1, behind},
		"no type, record is an event": {`[BEFORE,{"time":"x","record":{"time":"x","type":"function","record":"no"}},AFTER]`,
			`<>`, 1, behind},
		"bare word":              {`[BEFORE,{"time":"x","type":function,"record":"a"},AFTER]`, `<>`, 1, behind},
		"missing quote":          {`[BEFORE,{"time":"x","type":"function","record":"a},AFTER]`, `<>`, 1, behind},
		"missing quote at start": {`[BEFORE,{time":"x","type":"function","record":"a"},AFTER]`, `<>`, 1, behind},
		"missing brace":          {`[BEFORE,{"time":"x","type":"function","record":"a",AFTER]`, `<>`, 1, behind},
		"brace too many":         {`[BEFORE,{"type":"function","record":"a"}},AFTER]`, `<a>`, 1, behind + 32},
		"bracket too many":       {`[BEFORE],AFTER]`, `<>`, 0, 0},
		"open array":             {`[BEFORE,{"time":"x","type":"function","record":[1,AFTER]`, `<>`, 1, behind},
		"bad escape":             {`[BEFORE,{"time":"x","type":"function","record":"\x"},AFTER]`, `<>`, 1, behind},
		"control character":      {"[BEFORE,{\"time\":\"x\",\"type\":\"function\",\"record\":\"a\x01\"},AFTER]", `<>`, 1, behind},
		"zero bytes":             {"[BEFORE,\x00\x00\x00,AFTER]", `<>`, 1, behind},
		"unreadable object record that begins like an event": {
			`[BEFORE,{"time":"x","type":"function","record":{"time":"y","type":"function","record":"no"},AFTER]`, `<>`, 1, behind},
		"in damage, what only resembles an event": {
			`[BEFORE,{"time":"x","type":"function","record":{"a":[{"time":"x","type":"function","record":"no"}],bad},{"time":"2022-10-12T00:03:50.000Z","type":"new"},AFTER]`,
			`<>`, 4, behind},
		"cut at the end": {`[BEFORE,AFTER,{"time":"x","type":"fun`, `<>`, 1, behind + 67},
		"two of them":    {`[{"time":"x","type":},BEFORE,{"time":"x" "y"},AFTER]`, `<>`, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			body := strings.NewReplacer(
				"BEFORE", `{"time":"2022-10-12T00:03:50.000Z","type":"function","record":"<"}`,
				"AFTER", `{"time":"2022-10-12T00:03:50.000Z","type":"function","record":">"}`,
			).Replace(tt.body)
			events, err := Decode(nil, []byte(body))
			var lines []byte
			for _, ev := range events {
				lines = append(lines, ev.Line...)
			}
			if string(lines) != tt.lines {
				t.Errorf("lines = %q, want %q", lines, tt.lines)
			}
			var bad *DecodeError
			if tt.count == 0 {
				if err != nil {
					t.Errorf("error = %v", err)
				}
				return
			}
			if !errors.As(err, &bad) || bad.Count != tt.count || bad.Offset != tt.offset {
				t.Errorf("error = %v, want %d unreadable at %d", err, tt.count, tt.offset)
			}
		})
	}
}

func TestDecodeAppends(t *testing.T) {
	have := []Event{{Kind: KindEnd}}
	got, err := Decode(have, []byte(`[{"type":"function","record":"a"}]`))
	if err != nil || len(got) != 2 || got[0].Kind != KindEnd || got[1].Kind != KindFunction {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestDecodeErrorDoesNotQuote(t *testing.T) {
	_, err := Decode(nil, []byte(`[{"secret":"hunter2"`))
	if want := "decode telemetry: 1 unreadable, the first at byte 1"; err == nil || err.Error() != want {
		t.Errorf("error = %v, want %q", err, want)
	}
}

// Traps that make each place an element could begin at worth a long look: the
// look-outs end, and with them the batch, when they have cost enough.
func TestDecodeIsNotQuadratic(t *testing.T) {
	for name, trap := range map[string]string{
		"nested":  `[{"time":`,
		"strings": `,{"time":"\"`,
		"arrays":  `,{"time":[0`,
	} {
		t.Run(name, func(t *testing.T) {
			body := []byte(strings.Repeat(trap, (1<<20)/len(trap)))
			d := newDecoder(body)
			allowed := d.work
			if d.next(new(Event)) {
				t.Error("found an event")
			}
			if spent := allowed - d.work; spent > 7*len(body) {
				t.Errorf("looked at %d bytes for a body of %d", spent, len(body))
			}
		})
	}
}

func TestDecodeDeepNesting(t *testing.T) {
	body := `[{"type":"function","record":` + strings.Repeat("[", 1<<20) + `,{"time":"2022-10-12T00:03:50.000Z","type":"function","record":"after"}]`
	events, err := Decode(nil, []byte(body))
	if err == nil || len(events) != 1 || string(events[0].Line) != "after" {
		t.Errorf("%d events, %v", len(events), err)
	}
}
