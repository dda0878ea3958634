package pipeline

import (
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

const stampTab = "2026-01-31T12:00:00.000Z\t" + testID + "\t"

// What runtimes print of an error that nobody caught, and what only looks
// alike: a line alone decides nothing where the platform says that the handler
// answered.
func TestUnhandledErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []string // objects begin with a brace
		want  string   // error_type; empty: no such form
		text  string   // message of the canonical event
	}{
		"Python, a record":           {[]string{"[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n  File \"app.py\", line 1"}, "KeyError", "KeyError: 'x'"},
		"Python, carriage returns":   {[]string{"[ERROR] KeyError: 'x'\rTraceback (most recent call last):\r  File \"app.py\", line 1"}, "KeyError", "KeyError: 'x'"},
		"Python, no message":         {[]string{"[ERROR] MemoryError\rTraceback (most recent call last):\r"}, "MemoryError", "MemoryError"},
		"Python, import":             {[]string{"[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'x'\nTraceback (most recent call last):"}, "Runtime.ImportModuleError", "Runtime.ImportModuleError: Unable to import module 'app': No module named 'x'"},
		"Python, behind a log line":  {[]string{"KeyError: 'order'[ERROR] ValueError: no\rTraceback (most recent call last):\r  File"}, "ValueError", "ValueError: no"},
		"Python, JSON":               {[]string{`{"timestamp": "2026-01-31T12:00:00Z", "log_level": "ERROR", "errorMessage": "'x'", "errorType": "KeyError", "requestId": "` + testID + `", "stackTrace": ["  File"], "location": "a"}`}, "KeyError", "KeyError: 'x'"},
		"Node":                       {[]string{stampTab + "ERROR\tInvoke Error \t{\"errorType\":\"RangeError\",\"errorMessage\":\"quantity is negative\",\"stack\":[\"RangeError: quantity is negative\"]}"}, "RangeError", "RangeError: quantity is negative"},
		"Node, uncaught":             {[]string{stampTab + "ERROR\tUncaught Exception \t{\"errorType\":\"Error\",\"errorMessage\":\"late\",\"stack\":[]}"}, "Error", "Error: late"},
		"Node, rejection":            {[]string{"2026-01-31T12:00:00.000Z\tundefined\tERROR\tUnhandled Promise Rejection \t{\"errorType\":\"Runtime.UnhandledPromiseRejection\",\"errorMessage\":\"no\",\"trace\":[]}"}, "Runtime.UnhandledPromiseRejection", "Runtime.UnhandledPromiseRejection: no"},
		"Node, JSON":                 {[]string{`{"timestamp":"2026-01-31T12:00:00.000Z","level":"ERROR","requestId":"` + testID + `","message":{"errorType":"RangeError","errorMessage":"quantity is negative","stackTrace":["RangeError"]}}`}, "RangeError", "RangeError: quantity is negative"},
		"Java, a record":             {[]string{"boom: java.lang.IllegalStateException\njava.lang.IllegalStateException: boom\n\tat Fn.handleRequest(Fn.java:7)\n\n"}, "java.lang.IllegalStateException", "java.lang.IllegalStateException: boom"},
		"Java, a record, no message": {[]string{"java.lang.NullPointerException\njava.lang.NullPointerException\n\tat Fn.handleRequest(Fn.java:7)\n"}, "java.lang.NullPointerException", "java.lang.NullPointerException"},
		"Java, the stack at once":    {[]string{"java.lang.OutOfMemoryError: Java heap space\n\tat Fn.handleRequest(Fn.java:7)\n"}, "java.lang.OutOfMemoryError", "java.lang.OutOfMemoryError: Java heap space"},
		"Java, line by line":         {[]string{"boom: java.lang.IllegalStateException", "java.lang.IllegalStateException: boom", "\tat Fn.handleRequest(Fn.java:7)"}, "java.lang.IllegalStateException", "java.lang.IllegalStateException: boom"},
		"Java, JSON":                 {[]string{`{"timestamp":"2026-01-31T12:00:00.000Z","message":"boom: java.lang.IllegalStateException\njava.lang.IllegalStateException: boom\n\tat Fn.handleRequest(Fn.java:7)\n\n","level":"ERROR","AWSRequestId":"` + testID + `"}`}, "java.lang.IllegalStateException", "java.lang.IllegalStateException: boom"},
		"Java, wrapped line by line": {[]string{
			`{"timestamp":"2026-01-31T12:00:00.000Z","level":"INFO","message":"boom: java.lang.IllegalStateException"}`,
			`{"timestamp":"2026-01-31T12:00:00.000Z","level":"INFO","message":"java.lang.IllegalStateException: boom"}`}, "java.lang.IllegalStateException", "java.lang.IllegalStateException: boom"},
		".NET":        {[]string{stampTab + "fail\tSystem.InvalidOperationException: boom\n   at Fn.Handler() in Fn.cs:line 7"}, "System.InvalidOperationException", "System.InvalidOperationException: boom"},
		".NET, JSON":  {[]string{`{"timestamp":"2026-01-31T12:00:00.000Z","level":"Error","requestId":"` + testID + `","message":"","errorType":"System.InvalidOperationException","errorMessage":"boom","stackTrace":["at Fn"]}`}, "System.InvalidOperationException", "System.InvalidOperationException: boom"},
		"Ruby":        {[]string{`Error raised from handler method{"errorMessage":"boom","errorType":"Function<StandardError>","stackTrace":["app.rb:1"]}`}, "Function<StandardError>", "Function<StandardError>: boom"},
		"Go":          {[]string{`{"errorMessage":"boom","errorType":"errorString"}`}, "errorString", "errorString: boom"},
		"Go, dated":   {[]string{`2026/01/31 12:00:00 {"errorMessage":"boom","errorType":"errorString"}`}, "errorString", "errorString: boom"},
		"Go, wrapped": {[]string{`{"timestamp":"2026-01-31T12:00:00.000Z","level":"INFO","message":"2026/01/31 12:00:00 {\"errorMessage\":\"boom\",\"errorType\":\"errorString\"}"}`}, "errorString", "errorString: boom"},

		"Python's logger":                  {[]string{"[ERROR]\t2026-01-31T12:00:00.000Z\t" + testID + "\tno stock\nTraceback (most recent call last):\n  File \"app.py\"\nKeyError: 'x'"}, "", ""},
		"Python's logger, JSON":            {[]string{`{"timestamp":"2026-01-31T12:00:00Z","level":"ERROR","message":"no stock","logger":"root","stackTrace":["  File"],"errorType":"KeyError","errorMessage":"'x'","requestId":"` + testID + `"}`}, "", ""},
		"a text like Python's":             {[]string{"[ERROR] Timeout: upstream is slow"}, "", ""},
		"Node's console":                   {[]string{stampTab + "ERROR\tlookup failed TypeError: null\n    at handler (app.mjs:3)"}, "", ""},
		"Node's console, JSON":             {[]string{`{"timestamp":"2026-01-31T12:00:00.000Z","level":"ERROR","requestId":"` + testID + `","errorType":"TypeError","errorMessage":"null","stackTrace":["TypeError: null"],"message":"TypeError: null\n    at handler"}`}, "", ""},
		"Java's logger, JSON":              {[]string{`{"timestamp":"2026-01-31T12:00:00.000Z","level":"ERROR","message":"lookup failed, default used\njava.lang.IllegalStateException: boom\n\tat Fn.x(Fn.java:7)\n","AWSRequestId":"` + testID + `"}`}, "", ""},
		"Java's lines in another order":    {[]string{"java.lang.IllegalStateException: boom", "boom: java.lang.IllegalStateException"}, "", ""},
		"Java's lines, of two errors":      {[]string{"boom: java.lang.IllegalStateException", "java.lang.IllegalStateException: other"}, "", ""},
		"Java's lines, parted":             {[]string{"boom: java.lang.IllegalStateException", "x", "java.lang.IllegalStateException: boom"}, "", ""},
		".NET's logger":                    {[]string{stampTab + "fail\tlookup failed: System.InvalidOperationException: boom"}, "", ""},
		"Powertools for Python":            {[]string{`{"level":"ERROR","location":"handler:20","message":"no stock","timestamp":"2026-01-31 12:00:00,000+0000","service":"orders","exception":"Traceback","exception_name":"KeyError"}`}, "", ""},
		"Powertools for TypeScript":        {[]string{`{"level":"ERROR","message":"order not found","service":"orders","timestamp":"2026-01-31T12:00:00.000Z","error":{"name":"NotFound","location":"app.mjs:3","message":"x","stack":"NotFound: x"}}`}, "", ""},
		"zap":                              {[]string{`{"level":"error","ts":1769860800.123,"caller":"orders/main.go:12","msg":"attempt 1 failed, retrying","stacktrace":"main.order\n\tmain.go:12"}`}, "", ""},
		"slog with the error's members":    {[]string{`{"time":"2026-01-31T12:00:00Z","level":"ERROR","msg":"retrying","errorType":"Timeout","errorMessage":"slow"}`}, "", ""},
		"a deployment called stack":        {[]string{`{"level":"ERROR","message":"upstream said no","stack":"orders-prod"}`}, "", ""},
		"an INFO line that quotes one":     {[]string{`{"level":"INFO","message":"[ERROR] KeyError: 'x'\nTraceback (most recent call last):"}`}, "", ""},
		"an object that is no error":       {[]string{`{"level":"ERROR","message":{"order":7}}`}, "", ""},
		"an error that another one quotes": {[]string{`ERROR upstream answered {"errorMessage":"boom","errorType":"E"}`}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, produced := range []float64{0, 18} {
				r := newRig(t, nil)
				r.HandleEvents(events(platform(telemetry.KindInitStart, t0, telemetry.Platform{RuntimeVersion: "java:21.v1"})))
				r.running()
				for _, l := range tt.lines {
					r.one(telemetry.Event{Kind: telemetry.KindFunction, Time: t0, Line: []byte(l), Object: strings.HasPrefix(l, "{\"")})
				}
				r.HandleEvents(events(
					platform(telemetry.KindRuntimeDone, t0, telemetry.Platform{RequestID: testID, Status: "success", ProducedBytes: telemetry.Num(produced)}),
					platform(telemetry.KindReport, t0, telemetry.Platform{RequestID: testID, Status: "success"})))
				event := r.metrics.got[0]
				errorType, _ := member(t, event, "error_type").(string)
				message, _ := member(t, event, "message").(string)
				want, text, errors := tt.want, tt.text, 0.0
				if produced > 0 {
					want, text = "", ""
				}
				if want != "" {
					errors = 1
				}
				if errorType != want || message != text || member(t, event, "Errors") != errors {
					t.Errorf("%v bytes: type %q, message %q, Errors %v; want %q, %q, %v: %s", produced, errorType, message, member(t, event, "Errors"), want, text, errors, event)
				}
			}
		})
	}
}

// An event is tried again later under its request id, with others between.
func TestRetryIsAnAttempt(t *testing.T) {
	const other = "11111111-2222-3333-4444-555555555555"
	r := newRig(t, nil)
	at := t0
	invoke := func(id string, lines ...string) {
		at = at.Add(time.Minute)
		r.Begin(invocation.Invoke{RequestID: id, FunctionARN: testARN, Deadline: at.Add(3 * time.Second), At: at})
		evs := events(platform(telemetry.KindStart, at, telemetry.Platform{RequestID: id}))
		for _, l := range lines {
			ev := textLine(l)
			ev.Time = at
			evs = append(evs, ev)
		}
		r.HandleEvents(append(evs,
			platform(telemetry.KindRuntimeDone, at.Add(10*time.Millisecond), telemetry.Platform{RequestID: id, Status: "success", ProducedBytes: telemetry.Num(0)}),
			platform(telemetry.KindReport, at.Add(11*time.Millisecond), telemetry.Platform{RequestID: id, Status: "success"})))
	}
	boom := "[ERROR] ValueError: no\nTraceback (most recent call last):\n  File \"app.py\", line 1"
	invoke(testID, boom)
	invoke(other, "fine")
	invoke(testID, "second try of A", boom)
	invoke(other + "x")
	invoke(testID, "third try of A", boom)
	if n := len(r.metrics.got); n != 5 {
		t.Fatalf("%d canonical events for 5 attempts", n)
	}
	for i, want := range []any{nil, nil, 2.0, nil, 3.0} {
		if got := member(t, r.metrics.got[i], "attempt"); got != want {
			t.Errorf("event %d: attempt %v, want %v", i, got, want)
		}
	}
	for _, l := range r.lines.got {
		if strings.Contains(l, "try of A") && (!strings.Contains(l, testID) || strings.Contains(l, `"cold_start":true`)) {
			t.Errorf("line of a retry: %s", l)
		}
	}
}
