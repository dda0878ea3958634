package show

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu"
)

const request = "7a44bd8e-831a-4bc1-9319-581982bc6496"

func fn(text string) lambdaemu.Line {
	return lambdaemu.Line{Origin: lambdaemu.OriginFunction, Text: text}
}

func ext(name, text string) lambdaemu.Line {
	return lambdaemu.Line{Origin: lambdaemu.OriginExtension, Name: name, Text: text}
}

func sys(text string) lambdaemu.Line {
	return lambdaemu.Line{Origin: lambdaemu.OriginPlatform, Text: text}
}

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		outcome string
		in      []lambdaemu.Line
		want    []string
	}{
		{"text as it is", []lambdaemu.Line{fn("hello  world")}, []string{"fn  │ hello  world"}},
		{"Node's prefix goes into the level", []lambdaemu.Line{fn("2026-01-02T03:04:05.678Z\t" + request + "\tINFO\thello\tworld")}, []string{"fn  │ INFO  hello  world"}},
		{"Python's prefix too", []lambdaemu.Line{fn("[WARNING]\t2026-01-02T03:04:05.678Z\t" + request + "\thello")}, []string{"fn  │ WARN  hello"}},
		{"a carriage return is a line break", []lambdaemu.Line{fn("[ERROR] E: x\rTraceback\r  a")}, []string{"fn  │ [ERROR] E: x", "    │ Traceback", "    │   a"}},
		{"level, message, keys without the time", []lambdaemu.Line{fn(`{"time":"t","level":"warning","msg":"m","n":1,"s":"a b","e":""}`)}, []string{`fn  │ WARN  m n=1 s="a b" e=""`}},
		{"pino's numbers", []lambdaemu.Line{fn(`{"level":30,"msg":"m"}`)}, []string{"fn  │ INFO  m"}},
		{"a stack below", []lambdaemu.Line{fn(`{"level":"ERROR","message":"m","stackTrace":["a\n","b"]}`)}, []string{"fn  │ ERROR m", "    │ a", "    │ b"}},
		{"no JSON object is text", []lambdaemu.Line{fn(`{"a":1} and more`), fn(`[1]`), fn(`{"a":`)}, []string{`fn  │ {"a":1} and more`, "fn  │ [1]", `fn  │ {"a":`}},
		{"control characters are shown", []lambdaemu.Line{fn("a\x1b]0;title\x07b\x1b[31mred\x1b[0m\u202ex")}, []string{`fn  │ a\x1b]0;title\x07bred\u202ex`}},
		{"platform lines that the heading repeats are folded", []lambdaemu.Line{
			sys("INIT_START Runtime Version: x"), sys("START RequestId: " + request + " Version: $LATEST"), sys("END RequestId: " + request), sys("REPORT RequestId: " + request + "\tDuration: 1 ms"),
			sys(`{"time":"t","type":"platform.report","record":{"requestId":"` + request + `","status":"success"}}`),
			sys(`{"time":"t","type":"platform.runtimeDone","record":{"status":"success"}}`),
			sys("2026-01-02T03:04:05.678Z " + request + " Task timed out after 3.00 seconds"), sys("RequestId: " + request + " Error: x\nRuntime.ExitError"),
		}, nil},
		{"others are kept", []lambdaemu.Line{
			sys("EXTENSION\tName: e\tState: Ready\tEvents: [INVOKE,SHUTDOWN]"), sys("TELEMETRY\tName: e\tState: Subscribed\tTypes: [Platform, Function]"),
			sys(`{"type":"platform.extension","record":{"name":"e","state":"Ready","events":["INVOKE"]}}`),
			sys(`{"type":"platform.initReport","record":{"status":"timeout"}}`), sys("INIT_REPORT Init Duration: 1 ms\tPhase: init\tStatus: timeout"),
		}, []string{"sys │ e: ready (INVOKE, SHUTDOWN)", "sys │ e: telemetry subscribed (Platform, Function)", "sys │ e: ready (INVOKE)", "sys │ platform.initReport  timeout", "sys │ INIT_REPORT Init Duration: 1 ms  Phase: init  Status: timeout"}},
		{"a copy is shown by what it adds", []lambdaemu.Line{
			fn("one"), fn(`{"level":"INFO","message":"two","n":1}`),
			ext("e", `{"level":"INFO","message":"one","service":"s","id":"`+request+`"}`),
			ext("e", `{"level": "INFO","message":"two","n":1,"service":"s","timestamp":"t","extra":true}`),
			ext("e", `{"level":"INFO","message":"two","n":1}`),
		}, []string{"fn  │ one", "fn  │ INFO  two n=1", "ext │ ↳ INFO  one +service=s", "ext │ ↳ INFO  two +extra=true +1 as before", "ext │ INFO  two n=1"}},
		{"a copy of what the runtime had prefixed", []lambdaemu.Line{
			fn("2026-01-02T03:04:05.678Z\t" + request + "\tINFO\thello"), ext("e", `{"message":"hello","a":1}`),
		}, []string{"fn  │ INFO  hello", "ext │ ↳ hello +a=1"}},
		{"many copies in a row that add nothing new become one line", []lambdaemu.Line{
			fn("one"), fn("two"), fn("three"), fn("four"),
			ext("e", `{"message":"one","service":"s"}`), ext("e", `{"message":"two","service":"s"}`), ext("e", `{"message":"three","service":"s"}`), ext("e", `{"message":"four","service":"s"}`),
			fn("five"),
		}, []string{"fn  │ one", "fn  │ two", "fn  │ three", "fn  │ four", "ext │ ↳ one +service=s", "ext │ ↳ 3 lines again, each with the same keys added", "fn  │ five"}},
		{"an object in a record has its own line", []lambdaemu.Line{
			ext("e", `{"level":"INFO","message":"m","lines":{"received":12345,"filtered":0,"truncated":0},"small":{"a":1}}`),
		}, []string{`ext │ INFO  m small={"a":1}`, "    │   lines: received=12345 filtered=0 truncated=0"}},
		{"trouble is told in full", []lambdaemu.Line{ext("e", `{"level":"ERROR","message":"m","error":"`+strings.Repeat("x", 200)+`"}`)}, []string{"ext │ ERROR m error=" + strings.Repeat("x", 200)}},
		{"metrics are a table", []lambdaemu.Line{
			ext("e", `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["service"],["service","stage"]],"Metrics":[{"Name":"Long name","Unit":"Milliseconds"},{"Name":"B","Unit":"Count"},{"Name":"C"}]}]},"service":"s","stage":"p","Long name":12.3456,"B":[1,2,5],"x":1}`),
		}, []string{"ext │ metrics  N  service=s stage=p", "    │   Long name     12.346  ms", "    │   B          3× 1…5 Σ8  count", "    │   C            missing", "    │   and 1 property"}},
		{"the function's own metrics too", []lambdaemu.Line{
			fn(`{"_aws":{"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[[]],"Metrics":[{"Name":"A","Unit":"None"}]}]},"A":0.00001}`),
		}, []string{"fn  │ metrics  N", "    │   A  1e-05"}},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			v := newTextView(&bytes.Buffer{}, Style{}, TextOptions{})
			var got []string
			for _, line := range v.newBlock(request, 1).render(tt.in) {
				got = append(got, strings.TrimPrefix(line, "  "))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSeveralExtensionsAreNamed(t *testing.T) {
	v := newTextView(&bytes.Buffer{}, Style{}, TextOptions{})
	v.Extensions = 2
	got := v.newBlock(request, 1).render([]lambdaemu.Line{ext("a", "1"), ext("a", "2"), ext("b", "3")})
	want := []string{"  ext │ ── a", "      │ 1", "  ext │ 2", "  ext │ ── b", "      │ 3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLongStacksAreCut(t *testing.T) {
	v := newTextView(&bytes.Buffer{}, Style{}, TextOptions{})
	got := v.newBlock(request, 1).render([]lambdaemu.Line{fn(strings.Repeat("x\n", 100))})
	if len(got) != 13 || !strings.Contains(got[12], "88 more lines") {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
}

func TestLikelyCause(t *testing.T) {
	for _, tt := range []struct {
		outcome, errorType, says, want string
	}{
		{"runtime client missing", "Runtime.ExitError", "/usr/bin/python3: No module named awslambdaric", "python3 -m pip install awslambdaric"},
		{"Node package missing", "Runtime.ExitError", "Error: Cannot find module 'aws-lambda-ric'", "npm install"},
		{"silent end", "Runtime.ExitError", "", "must start a runtime"},
		{"end with words", "Runtime.ExitError", "bad config", "its last lines above say why"},
		{"timeout", "Sandbox.Timedout", "", "no answer within 3s; --timeout"},
		{"extension crashed", "Extension.Crash", "", "its lines above say why"},
		{"the handler's own error", "ValueError", "", ""},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			o := Outcome{Number: 1, Response: lambdaemu.Response{FunctionError: "Unhandled", ErrorType: tt.errorType}}
			if tt.says != "" {
				o.Lines = []lambdaemu.Line{fn(tt.says)}
			}
			got := likelyCause(o, []string{"python3"}, 0)
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSummaryOfALongRun(t *testing.T) {
	var out bytes.Buffer
	v := newTextView(&out, Style{}, TextOptions{})
	var counts Tally
	for i := range 500 {
		o := Outcome{Number: i + 1, Response: lambdaemu.Response{RequestID: fmt.Sprint(i), ColdStart: i == 0}}
		if i == 250 {
			o.Response.FunctionError, o.Response.ErrorType = "Unhandled", "Sandbox.Timedout"
		}
		o.Response.Duration = fromMs(float64(i%100) + 1)
		counts.Add(o)
	}
	v.summary(Ending{Rows: counts.Rows, Failed: counts.Failed})
	text := out.String()
	for _, want := range []string{"500 invocations", "1 failed", "  1  cold", "251  warm   Sandbox.Timedout", "500  warm", "and 492 more", "median 51.00 ms, p90 91.00 ms, longest 100.00 ms"} {
		if !strings.Contains(text, want) {
			t.Errorf("summary misses %q:\n%s", want, text)
		}
	}
}

// FuzzLine feeds the view whatever a process may print: no panic, and nothing
// that reaches the terminal as a control sequence.
func FuzzLine(f *testing.F) {
	f.Add("plain\ttext", `{"level":"INFO","message":"m","stack":["a"],"_aws":{"CloudWatchMetrics":[{"Metrics":[{"Name":"a"}]}]}}`)
	f.Add("EXTENSION\tName: e", "\x1b[31m\r\n\u202e\xff")
	f.Fuzz(func(t *testing.T, first, second string) {
		v := newTextView(&bytes.Buffer{}, Style{}, TextOptions{})
		v.Extensions = 2
		for _, line := range v.newBlock(request, 1).render([]lambdaemu.Line{fn(first), ext("a", first), ext("b", second), sys(second), fn(second)}) {
			if strings.ContainsAny(line, "\x1b\r\n\x00\x07") {
				t.Errorf("control character in %q", line)
			}
		}
	})
}

// Invocations that ran side by side end in any order, and some may be beyond
// what is kept.
func TestNotableRowsOfASideBySideRun(t *testing.T) {
	var rows []Digest
	for n := range 40 {
		rows = append(rows, Digest{Number: 1 + (n*7)%100, ok: n != 3, response: lambdaemu.Response{Duration: time.Duration(n) * time.Millisecond}})
	}
	got := notable(rows)
	failed := slices.ContainsFunc(got, func(d Digest) bool { return !d.ok })
	slowest := slices.ContainsFunc(got, func(d Digest) bool { return d.Number == rows[39].Number })
	if len(got) > maxListed || !failed || !slowest {
		t.Errorf("%d rows, failed %t, slowest %t", len(got), failed, slowest)
	}
}
