package e2e

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// programs run real loggers, one invocation for each: an error, "charge
// failed", and a plain line, "order accepted". Where a logger has a place for
// the request id, its line names it.
func programs() map[string]struct {
	loggers []string
	options func(t *testing.T) lambdaemu.Options
} {
	type program = struct {
		loggers []string
		options func(t *testing.T) lambdaemu.Options
	}
	return map[string]program{
		"go": {
			[]string{"slog", "slog text", "slog default", "zap", "zap development", "zerolog", "zerolog console", "logrus", "logrus json", "klog", "hclog", "hclog json", "charm"},
			func(t *testing.T) lambdaemu.Options {
				binary := filepath.Join(t.TempDir(), "loggers")
				build := exec.Command(harness.Tool(t, "go"), "build", "-o", binary, ".")
				build.Dir = "../loggers/testdata/go"
				if out, err := build.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				return lambdaemu.Options{Command: []string{binary}}
			},
		},
		"python": {
			[]string{"logging", "logging tutorial", "python-json-logger", "structlog", "structlog console", "loguru", "loguru serialized", "powertools"},
			func(t *testing.T) lambdaemu.Options {
				return inLoggers(t, "python", lambdaemu.Options{
					Command: []string{harness.Need(t, "python/bin/python"), "-m", "awslambdaric", "app.handler"}, Handler: "app.handler",
					Env: map[string]string{"LOGGERS": harness.Need(t, "loggers/python")},
				})
			},
		},
		"node": {
			[]string{"console", "console of an object", "pino", "winston", "winston simple", "bunyan", "powertools"},
			func(t *testing.T) lambdaemu.Options {
				client := harness.Need(t, "node/node_modules/aws-lambda-ric/bin/index.mjs")
				return inLoggers(t, "node", lambdaemu.Options{
					Command: []string{harness.Tool(t, "node"), client, "app.handler"}, Handler: "app.handler",
					Env: map[string]string{"LOGGERS": harness.Need(t, "loggers/node/node_modules")},
				})
			},
		},
		"java": {
			[]string{"log4j2", "log4j2 ecs", "log4j2 logstash", "logback", "logback logstash", "java.util.logging"},
			func(t *testing.T) lambdaemu.Options {
				folder, err := filepath.Abs("../loggers/java")
				if err != nil {
					t.Fatal(err)
				}
				classes := harness.Need(t, "loggers/java/lib") + "/*:" + harness.Need(t, "loggers/java/classes") + ":" + folder
				return lambdaemu.Options{
					Command:     []string{harness.Tool(t, "java"), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classes, "Loggers"},
					InitTimeout: time.Minute,
				}
			},
		},
		"ruby": {
			[]string{"Logger", "Logger json"},
			func(t *testing.T) lambdaemu.Options {
				jars := harness.Need(t, "loggers/java/lib")
				return inLoggers(t, "ruby", lambdaemu.Options{
					Command:     []string{harness.Tool(t, "java"), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jars + "/*", "org.jruby.Main", "loggers.rb"},
					InitTimeout: time.Minute,
				})
			},
		},
		"rust": {[]string{"env_logger"}, rustLogger("env_logger")},
		// One process has one logger.
		"rust, tracing":      {[]string{"tracing"}, rustLogger("tracing")},
		"rust, tracing json": {[]string{"tracing json"}, rustLogger("tracing json")},
	}
}

func inLoggers(t *testing.T, folder string, opt lambdaemu.Options) lambdaemu.Options {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("../loggers", folder))
	if err != nil {
		t.Fatal(err)
	}
	opt.Dir = dir
	return opt
}

func rustLogger(name string) func(t *testing.T) lambdaemu.Options {
	return func(t *testing.T) lambdaemu.Options {
		return lambdaemu.Options{Command: []string{harness.Need(t, "loggers/rust/loggers")}, Env: map[string]string{"LOGGER": name}}
	}
}

// TestLoggers: real loggers, run from their packages. Of each line level, time
// and request id are right, on stdout and through OTLP.
func TestLoggers(t *testing.T) {
	for name, p := range programs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := p.options(t)
			records, url := newRecords(t)
			if opt.Env == nil {
				opt.Env = map[string]string{}
			}
			opt.Env["POWERTOOLS_LOGS_DESTINATION"] = "stdout,otlp+" + url
			opt.Env["POWERTOOLS_LOGS_COPY"] = "all" // also those that need no copy
			opt.Timeout = time.Minute
			s := start(t, opt)
			began := time.Now().Add(-time.Second)
			ids := map[string]string{}
			for _, logger := range p.loggers {
				res := s.Invoke(fmt.Sprintf(`{"logger":%q}`, logger))
				if res.FunctionError != "" {
					t.Fatalf("%s: %s %s", logger, res.ErrorType, res.Payload)
				}
				ids[logger] = res.RequestID
			}
			s.Shutdown()
			ended := time.Now().Add(time.Second)
			for _, logger := range p.loggers {
				for words, level := range map[string]string{"charge failed": "ERROR", "order accepted": "INFO"} {
					onStdout(t, s, logger, ids[logger], words, level, began, ended)
					records.check(t, logger, ids[logger], words, level, began, ended)
				}
			}
		})
	}
}

// numbers are what pino and bunyan write for a level, and keep.
func numbers(level any) any {
	switch level {
	case 50.0:
		return "ERROR"
	case 30.0:
		return "INFO"
	}
	if word, ok := level.(string); ok {
		return strings.ToUpper(word)
	}
	return level
}

func onStdout(t *testing.T, s *sandbox, logger, id, words, level string, began, ended time.Time) {
	t.Helper()
	lines := s.Only(func(l line) bool {
		message, _ := l["message"].(string)
		return l["_aws"] == nil && l["function_request_id"] == id && strings.Contains(message, words)
	})
	if len(lines) != 1 {
		t.Errorf("%s: %d lines say %q under their request", logger, len(lines), words)
		return
	}
	l := lines[0]
	if got := numbers(l["level"]); got != level {
		t.Errorf("%s, %s: level %v, want %s: %v", logger, words, got, level, l)
	}
	text, _ := l["timestamp"].(string)
	if observed, ok := l["observed_timestamp"].(string); ok {
		text = observed
	}
	at, err := time.Parse(time.RFC3339Nano, strings.Replace(strings.Replace(text, "+0000", "Z", 1), ",", ".", 1))
	if err != nil {
		at, err = time.Parse("2006-01-02 15:04:05.000Z", strings.Replace(strings.Replace(text, "+0000", "Z", 1), ",", ".", 1))
	}
	if err != nil || at.Before(began.Truncate(time.Second)) || at.After(ended) {
		t.Errorf("%s, %s: time %q, want one from %v to %v: %v", logger, words, text, began, ended, err)
	}
	t.Logf("| %s | %s | stdout | %v | %v | right |", logger, words, l["level"], text)
}

// records takes OTLP logs.
type records struct {
	mu   sync.Mutex
	logs []record
}

type record struct {
	Time       string `json:"timeUnixNano"`
	Severity   int    `json:"severityNumber"`
	Text       string `json:"severityText"`
	Body       struct{ StringValue string }
	Attributes []struct {
		Key   string
		Value struct{ StringValue string }
	}
}

func newRecords(t *testing.T) (*records, string) {
	r := &records{}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return r, srv.URL
}

func (r *records) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var in struct {
		ResourceLogs []struct {
			ScopeLogs []struct{ LogRecords []record }
		}
	}
	body, err := gzip.NewReader(req.Body)
	if err != nil || json.NewDecoder(body).Decode(&in) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range in.ResourceLogs {
		for _, scope := range resource.ScopeLogs {
			r.logs = append(r.logs, scope.LogRecords...)
		}
	}
	_, _ = io.WriteString(w, "{}")
}

func (r *records) check(t *testing.T, logger, id, words, level string, began, ended time.Time) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []record
	for _, l := range r.logs {
		for _, a := range l.Attributes {
			if a.Key == "faas.invocation_id" && a.Value.StringValue == id && strings.Contains(l.Body.StringValue, words) {
				found = append(found, l)
			}
		}
	}
	if len(found) != 1 {
		t.Errorf("%s: %d records say %q under their request", logger, len(found), words)
		return
	}
	l := found[0]
	if want := map[string]int{"ERROR": 17, "INFO": 9}[level]; l.Severity != want {
		t.Errorf("%s, %s: severity %d %q, want %d", logger, words, l.Severity, l.Text, want)
	}
	nanos, err := strconv.ParseInt(l.Time, 10, 64)
	if at := time.Unix(0, nanos); err != nil || at.Before(began.Truncate(time.Second)) || at.After(ended) {
		t.Errorf("%s, %s: time %v, want one from %v to %v", logger, words, at, began, ended)
	}
	t.Logf("| %s | %s | OTLP | %d %s | %s | right |", logger, words, l.Severity, l.Text, time.Unix(0, nanos).UTC().Format("15:04:05.000"))
}
