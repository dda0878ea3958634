package pipeline

import (
	"strings"
	"testing"

	"powertools-extension/internal/invocation"
)

// TestTextLoggers: error lines of text loggers as they are with their
// defaults, and others of their kinds.
func TestTextLoggers(t *testing.T) {
	for _, tc := range []struct {
		name  string
		level invocation.Level
		text  string
	}{
		{"Rust tracing, colours", levelError, "\x1b[2m2026-01-31T12:00:00.123456Z\x1b[0m \x1b[31mERROR\x1b[0m \x1b[2morders\x1b[0m\x1b[2m:\x1b[0m charge failed"},
		{"Nest, colours", levelError, "\x1b[31m[Nest] 8  - \x1b[39m01/31/2026, 12:00:00 PM \x1b[31m  ERROR\x1b[39m \x1b[38;5;3m[ExceptionHandler] \x1b[39m\x1b[31mcharge failed\x1b[39m"},
		{"Nest", levelWarn, "[Nest] 8  - 01/31/2026, 12:00:00 PM    WARN [App] x"},
		{"Python tutorial", levelError, "2026-01-31 12:00:00,123 - orders - ERROR - charge failed"},
		{"Python tutorial, dotted name", levelDebug, "2026-01-31 12:00:00,123 - app.db.pool - DEBUG - x"},
		{"Python, name first", levelError, "orders - ERROR - charge failed"},
		{"Python, with the line", levelWarn, "2026-01-31 12:00:00,123 - orders - app.py:7 - WARNING - x"},
		{"Python, tabs", levelError, "2026-01-31 12:00:00,123\torders\tERROR\tcharge failed"},
		{"Swift", levelError, "2026-01-31T12:00:00+0000 error orders: [main] charge failed"},
		{"Swift, trace", levelTrace, "2026-01-31T12:00:00+0000 trace orders: x"},
		{"log15", levelError, `t=2026-01-31T12:00:00+0000 lvl=eror msg="charge failed"`},
		{"logrus", levelError, `time="2026-01-31T12:00:00Z" level=error msg="charge failed"`},
		{"logrus, time with a blank", levelError, `time="2026-01-31 12:00:00" level=error msg="charge failed"`},
		{"logrus, terminal", levelError, "ERRO[0012] charge failed                order=7"},
		{"logrus, colours", levelError, "\x1b[31mERRO\x1b[0m[0012] charge failed"},
		{"PHP", levelError, "PHP Fatal error:  Uncaught Exception: charge failed in /var/task/index.php:3"},
		{"PHP, time", levelError, "[31-Jan-2026 12:00:00 UTC] PHP Parse error:  syntax error in /var/task/index.php on line 3"},
		{"PHP, warning", levelWarn, "PHP Warning:  Undefined variable $x in /var/task/index.php on line 3"},
		{"PHP, notice", levelInfo, "PHP Notice:  x in /var/task/index.php on line 3"},
		{"PHP-FPM", levelError, "NOTICE: PHP message: PHP Fatal error:  Uncaught Exception: charge failed"},
		{"PHP, display_errors", levelError, "Fatal error: Uncaught Exception: charge failed in /var/task/index.php:3"},
		{"Laravel", levelError, "[2026-01-31 12:00:00] production.ERROR: charge failed {\"order\":7}"},
		{"klog", levelError, "E0131 12:00:00.123456       8 main.go:12] charge failed"},
		{"klog, warning", levelWarn, "W0131 12:00:00.123456       8 main.go:12] x"},
		{"glog, year", levelCritical, "F20260131 12:00:00.123456       8 main.cc:12] x"},
		{"charm", levelError, "2026/01/31 12:00:00 ERRO charge failed order=7"},
		{"zerolog console", levelError, "12:00PM ERR charge failed order=7"},
		{"zerolog console, colours", levelDebug, "\x1b[90m12:00PM\x1b[0m \x1b[33mDBG\x1b[0m x"},
		{"Rust panic", levelError, "thread 'main' panicked at src/main.rs:5:9:"},
		{"Rust panic, id", levelError, "thread 'tokio-runtime-worker' (12) panicked at src/main.rs:5:9:"},
		{"env_logger", levelError, "[2026-01-31T12:00:00Z ERROR orders] charge failed"},
		{"simple_logger", levelWarn, "2026-01-31T12:00:00.123Z WARN  [orders] x"},
		{"slog-term", levelError, "Jan 31 12:00:00.123 ERRO charge failed, order: 7"},
		{"loguru", levelError, "2026-01-31 12:00:00.123 | ERROR    | app:handler:7 - charge failed"},
		{"loguru, success", levelInfo, "2026-01-31 12:00:00.123 | SUCCESS  | app:handler:7 - x"},
		{"structlog", levelError, "2026-01-31 12:00:00 [error    ] charge failed                  order=7"},
		{"structlog, colours", levelError, "\x1b[2m2026-01-31 12:00:00\x1b[0m [\x1b[31m\x1b[1merror    \x1b[0m] \x1b[1mcharge failed\x1b[0m"},
		{"uvicorn", levelInfo, "INFO:     127.0.0.1:1234 - \"GET / HTTP/1.1\" 500 Internal Server Error"},
		{"gunicorn", levelError, "[2026-01-31 12:00:00 +0000] [8] [ERROR] charge failed"},
		{"Celery", levelError, "[2026-01-31 12:00:00,123: ERROR/MainProcess] charge failed"},
		{"Flask", levelError, "[2026-01-31 12:00:00,123] ERROR in app: charge failed"},
		{"tornado", levelError, "[E 260131 12:00:00 app:12] charge failed"},
		{"hclog", levelError, "2026-01-31T12:00:00.123Z [ERROR] orders: charge failed"},
		{"zap, development", levelError, "2026-01-31T12:00:00.123Z\tERROR\tapp/main.go:7\tcharge failed"},
		{"pino-pretty", levelError, "[12:00:00.123] \x1b[31mERROR\x1b[39m (8): \x1b[36mcharge failed\x1b[39m"},
		{"log4js", levelError, "[2026-01-31T12:00:00.123] [ERROR] default - charge failed"},
		{"log4js, colours", levelError, "\x1b[91m[2026-01-31T12:00:00.123] [ERROR] default - \x1b[39mcharge failed"},
		{"winston simple", levelError, "error: charge failed {\"order\":7}"},
		{"winston colorize", levelError, "\x1b[31merror\x1b[39m: charge failed"},
		{"logback", levelError, "12:00:00.123 [main] ERROR com.example.App -- charge failed"},
		{"Spring Boot, offset", levelError, "2026-01-31T12:00:00.123+01:00 ERROR 8 --- [app] [main] c.e.App : charge failed"},
		{"slf4j-simple", levelError, "[main] ERROR com.example.App - charge failed"},
		{"Quarkus", levelError, "2026-01-31 12:00:00,123 ERROR [com.exa.App] (main) charge failed"},
		{"log4j 1", levelError, "0    [main] ERROR com.example.App  - charge failed"},
		{"java.util.logging", levelError, "Jan 31, 2026 12:00:00 PM com.example.App handle\nSEVERE: charge failed"},
		{"Microsoft console", levelError, "fail: Shop.Orders[0]\n      charge failed"},
		{"Microsoft systemd", levelError, "<3>Shop.Orders[0] charge failed"},
		{"Serilog console", levelError, "[12:00:00 ERR] charge failed"},
		{"Serilog file", levelError, "2026-01-31 12:00:00.123 +00:00 [ERR] charge failed"},
		{"NLog", levelError, "2026-01-31 12:00:00.1234|ERROR|Shop.Orders|charge failed"},
		{"log4net", levelError, "2026-01-31 12:00:00,123 [1] ERROR Shop.Orders - charge failed"},
		{"Ruby", levelError, "E, [2026-01-31T12:00:00.123456 #8] ERROR -- : charge failed"},
		{"Elixir", levelError, "12:00:00.123 [error] charge failed"},
		{"bash", levelError, "ERROR: charge failed"},
		{"syslog", levelError, "<11>Jan 31 12:00:00 host app: charge failed"},
		{"a level of one letter", levelWarn, "2026-01-31 12:00:00 | W | orders | x"},
		{"a level in a bracket", levelError, "[E] charge failed"},

		{"winston with a time", levelError, "2026-01-31T12:00:00.123Z error: charge failed"},
		{"winston printf", levelError, "2026-01-31 12:00:00 [error]: charge failed"},
		{"bunyan's own tool", levelError, "[2026-01-31T12:00:00.123Z] ERROR: orders/8 on host: charge failed"},
		{"Django", levelError, "ERROR 2026-01-31 12:00:00,123 views 8 140 charge failed"},
		{"java.util.logging, a line of its own", levelDebug, "FINE: x"},
		{"syslog levels of winston", levelInfo, "notice: x"},
		{"Android", levelUnknown, "E/Orders: charge failed"},

		{"a tag", levelUnknown, "[http] GET /"},
		{"a tag of a part", levelUnknown, "[config] loaded"},
		{"a fine", levelUnknown, "Fine: 12 EUR"},
		{"a note", levelUnknown, "Note: the order is late"},
		{"a success", levelUnknown, "Success: order placed"},
		{"a part between separators", levelUnknown, "2026-01-31 12:00:00 - HTTP - GET /"},
		{"an address", levelUnknown, "http://localhost is up"},
		{"prose", levelUnknown, "the ERROR was found"},
		{"prose, number in front", levelUnknown, "404 ERROR pages served"},
		{"prose, count", levelUnknown, "0 ERROR, 3 WARN"},
		{"prose behind a time", levelUnknown, "2026-01-31T12:00:00.123Z got ERROR from the bank"},
		{"prose, lower case", levelUnknown, "error rates are fine today"},
		{"prose, dashes", levelUnknown, "state of the day - ERROR - and more"},
		{"prose, May", levelUnknown, "May ERROR be with you"},
		{"a status", levelUnknown, `127.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /ERROR HTTP/1.1" 500 12`},
		{"a protocol", levelUnknown, "2026-01-31T12:00:00Z HTTP 500 from the bank"},
		{"markup", levelUnknown, "<one>ERROR</one>"},
		{"a number in angle brackets", levelUnknown, "<1000>x"},
		{"a name in a bracket", levelUnknown, "[orders] accepted"},
		{"a check box", levelUnknown, "[x] done"},
		{"logfmt of others", levelUnknown, "user=error count=3"},
		{"nearly klog", levelUnknown, "E0131 is a part number"},
		{"nearly PHP", levelUnknown, "PHP Fatal error handling is on"},
		{"a thread that did not panic", levelUnknown, "thread 'main' started"},
		{"only colours", levelUnknown, "\x1b[31m\x1b[0m"},
		{"half a colour", levelUnknown, "\x1b[31"},
		{"behind 256 bytes", levelUnknown, strings.Repeat("x", 300) + " - ERROR - y"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.Level = levelTrace }).running()
			got := r.one(textLine(tc.text))
			level, has := object(t, got)["level"].(string)
			if want := tc.level.String(); has != (tc.level != levelUnknown) || has && level != want {
				t.Errorf("%q: level %q, want %s", tc.text, level, want)
			}
			if message := object(t, got)["message"]; message != tc.text {
				t.Errorf("%q became %q", tc.text, message)
			}
		})
	}
}
