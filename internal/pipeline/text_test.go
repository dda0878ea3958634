package pipeline

import (
	"testing"

	"powertools-extension/internal/invocation"
)

// I10, I9: in texts, with the request they name.
//
// TestTextHeaders: lines as the runtimes and their usual loggers print them.
func TestTextHeaders(t *testing.T) {
	const id = "c6af9ac6-7b61-11e6-9a41-93e812345678"
	for _, tc := range []struct {
		name, text string
		level      invocation.Level
		id         string
	}{
		{"python logging", "[INFO]\t2024-01-15T11:30:45.123Z\t" + id + "\torder accepted", levelInfo, id},
		{"python logging, debug", "[DEBUG]\t2024-01-15T11:30:45.123Z\t" + id + "\tx", levelDebug, id},
		{"python logging, exception", "[ERROR]\t2024-01-15T11:30:45.123Z\t" + id + "\tfailed\nTraceback (most recent call last):", levelError, id},
		{"python runtime error", "[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n  File \"/var/task/app.py\", line 3", levelError, ""},
		{"python init, no id", "[WARNING]\t2024-01-15T11:30:45.123Z\t\tx", levelWarn, ""},
		{"python basicConfig", "CRITICAL:root:x", levelCritical, ""},
		{"python formatter", "2024-01-15 11:30:45,123 - app - INFO - x", levelInfo, ""},
		{"node console.log", "2024-01-15T11:30:45.123Z\t" + id + "\tINFO\torder accepted", levelInfo, id},
		{"node console.warn", "2024-01-15T11:30:45.123Z\t" + id + "\tWARN\tx", levelWarn, id},
		{"node init", "2024-01-15T11:30:45.123Z\tundefined\tERROR\tUncaught Exception", levelError, ""},
		{"node fatal", "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", levelCritical, ""},
		{"java log4j2 of Lambda", "2024-01-15 11:30:45 " + id + " INFO  App - order accepted", levelInfo, id},
		{"java log4j2 default", "11:30:45.123 [main] ERROR com.example.App - x", levelError, ""},
		{"java spring boot", "2024-01-15T11:30:45.123Z  WARN 1 --- [           main] c.e.App : x", levelWarn, ""},
		{"java logback with brackets", "2024-01-15 11:30:45,123 [pool-1-thread-1] DEBUG c.e.App - x", levelDebug, ""},
		{"java util logging", "Jan 15, 2024 11:30:45 AM com.example.App handle\nSEVERE: x", levelError, ""},
		{"dotnet runtime", "2024-01-15T11:30:45.123Z\t" + id + "\tinfo\torder accepted", levelInfo, id},
		{"dotnet runtime, fail", "2024-01-15T11:30:45.123Z\t" + id + "\tfail\tx", levelError, id},
		{"dotnet console logger", "warn: Shop.Orders[0]\n      order late", levelWarn, ""},
		{"dotnet serilog", "[11:30:45 INF] order accepted", levelInfo, ""},
		{"ruby logger", "W, [2024-01-15T11:30:45.123456 #8]  WARN -- : order late", levelWarn, ""},
		{"go log", "2024/01/15 11:30:45 order accepted", levelUnknown, ""},
		{"go slog default", "2024/01/15 11:30:45 INFO order accepted id=7", levelInfo, ""},
		{"go slog text", "time=2024-01-15T11:30:45.123Z level=ERROR msg=\"level=INFO\"", levelError, ""},
		{"go logrus", "time=\"2024-01-15T11:30:45Z\" level=warning msg=x", levelWarn, ""},
		{"go zap console", "2024-01-15T11:30:45.123Z\tDEBUG\tapp/main.go:7\tx", levelDebug, ""},
		{"go panic", "panic: runtime error: index out of range [1] with length 1", levelCritical, ""},
		{"rust tracing", "2024-01-15T11:30:45.123456Z  INFO orders: order accepted", levelInfo, ""},
		{"php monolog", "[2024-01-15T11:30:45.123456+00:00] app.ERROR: x [] []", levelError, ""},
		{"plain", "order accepted", levelUnknown, ""},
		{"plain, word inside", "the ERROR was found", levelUnknown, ""},
		{"plain, sentence", "Error while trying", levelUnknown, ""},
		{"plain, colon", "error: disk full", levelError, ""},
		{"plain, may be a message", "CONFIG loaded", levelUnknown, ""},
		{"plain, own bracket", "[orders] accepted", levelUnknown, ""},
		{"plain, id behind the header", "order for " + id, levelUnknown, ""},
		{"empty", "", levelUnknown, ""},
		{"spaces", " \t ", levelUnknown, ""},
		{"open bracket", "[", levelUnknown, ""},
		{"logfmt message first", "msg=\"x\" level=error", levelUnknown, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p parser
			ev := textLine(tc.text)
			l := p.parse(&ev)
			if l.facts.Level != tc.level || string(l.facts.RequestID) != tc.id {
				t.Errorf("%q: level %v, id %q; want %v, %q", tc.text, l.facts.Level, l.facts.RequestID, tc.level, tc.id)
			}
		})
	}
}

// TestFailures: which lines are the trace of an error nobody caught.
func TestFailures(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		object     bool
		failure    bool
		errorType  string
	}{
		{"python runtime", "[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n  File \"/var/task/app.py\", line 3, in handler", false, true, "KeyError"},
		{"python runtime, one line", "[ERROR] KeyError: 'x'\rTraceback (most recent call last):\r  File \"/var/task/app.py\", line 3, in handler", false, true, "KeyError"},
		{"python import", "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'x'\nTraceback (most recent call last):", false, true, "Runtime.ImportModuleError"},
		{"python logger.exception", "[ERROR]\t2024-01-15T11:30:45.123Z\t" + testID + "\tpayment failed\nTraceback (most recent call last):\n  File \"/var/task/app.py\", line 3\nValueError: no", false, true, "ValueError"},
		{"node", "2024-01-15T11:30:45.123Z\t" + testID + "\tERROR\tInvoke Error \t{\"errorType\":\"TypeError\",\"errorMessage\":\"x is not a function\",\"stack\":[\"TypeError: x\"]}", false, true, "TypeError"},
		{"node, print of a stack", "TypeError: x is not a function\n    at handler (/var/task/index.js:3:9)", false, true, "TypeError"},
		{"go handler error", `2024/01/15 11:30:45 {"errorMessage":"boom","errorType":"errorString"}`, false, true, "errorString"},
		{"go panic", "panic: boom\n\ngoroutine 1 [running]:", false, true, ""},
		{"java", "boom: java.lang.IllegalStateException\njava.lang.IllegalStateException: boom\n\tat com.example.App.handle(App.java:7)", false, true, "java.lang.IllegalStateException"},
		{"java, type first", "java.lang.IllegalStateException: boom\n\tat com.example.App.handle(App.java:7)", false, true, "java.lang.IllegalStateException"},
		{"dotnet", "2024-01-15T11:30:45.123Z\t" + testID + "\tfail\tSystem.InvalidOperationException: boom\n   at Shop.Function.Handle()", false, true, "System.InvalidOperationException"},
		{"json of the runtimes", `{"timestamp":"2024-01-15T11:30:45.123Z","level":"ERROR","requestId":"` + testID + `","errorType":"KeyError","errorMessage":"'x'","stackTrace":["  File"]}`, true, true, "KeyError"},
		{"powertools typescript", `{"level":"ERROR","message":"failed","error":{"name":"TypeError","location":"/var/task/index.js:10","message":"boom","stack":"TypeError: boom\n at x"}}`, true, true, "TypeError"},
		{"powertools python", `{"level":"ERROR","message":"failed","exception":"Traceback (most recent call last)","exception_name":"KeyError"}`, true, true, "KeyError"},
		{"pino", `{"level":50,"err":{"type":"Error","message":"boom","stack":"Error: boom"},"msg":"boom"}`, true, true, "Error"},
		{"error without a stack", `{"level":"ERROR","message":"payment refused","error":"refused"}`, true, false, ""},
		{"stack is empty", `{"level":"ERROR","message":"payment refused","stack":"","errorType":null}`, true, false, ""},
		{"caught and told at INFO", `{"level":"INFO","message":"went on","stack":"Error: boom\n at x","errorType":"Error"}`, true, false, ""},
		{"text at ERROR without a stack", "[ERROR] payment refused", false, false, ""},
		{"many lines, no error", "table:\n\tat home\n\tabroad", false, false, ""},
		{"metrics document", `{"_aws":{"CloudWatchMetrics":[]},"level":"ERROR","errorType":"x","errorMessage":"y"}`, true, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p parser
			ev := textLine(tc.line)
			ev.Object = tc.object
			f := p.parse(&ev).facts
			if f.Failure != tc.failure || tc.failure && string(f.ErrorType) != tc.errorType {
				t.Errorf("failure %v of type %q, want %v, %q", f.Failure, f.ErrorType, tc.failure, tc.errorType)
			}
			if f.Failure && f.Level < levelError {
				t.Errorf("failure at level %v", f.Level)
			}
		})
	}
}
