package e2e

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// language is one real function on its real runtime client: the same
// behaviour in each, so that what differs is the language's or the client's
// nature, and stands in a field here with its reason.
type language struct {
	options func(t *testing.T) lambdaemu.Options

	// Go's function is the example of the documentation, which reads in the
	// handler only, returns less than the others, and counts orders.
	example bool

	// initLine: the client itself prints a line before it asks for work.
	initLine bool

	// slow: a start takes seconds, on a busy machine more than ten. Lambda
	// repeats it inside an invocation, where it counts.
	slow bool

	// initRaces: the read of init is sent and not waited for, so that the
	// handler's first one may come before it.
	initRaces bool

	// exit is how the process may end after SIGTERM. Who does not handle the
	// signal dies of it. The JVM handles it and exits with 128 + 15, if it can
	// do so in the 600 ms that Lambda gives: on a busy machine it cannot.
	exit []string

	// errorType is what the client tells Lambda of a handler that throws, as
	// Lambda passes it on: names without the prefix Runtime. or Function. become
	// Runtime.Unknown.
	errorType string
}

// languages are all runtimes that are tested. Options are made when needed,
// because they skip the test when something is not prepared.
func languages() map[string]language {
	signal := []string{"signal: terminated"}
	return map[string]language{
		"go": {
			options: func(*testing.T) lambdaemu.Options { return lambdaemu.Options{} },
			example: true, exit: signal, errorType: "Runtime.Unknown",
		},
		"python": {
			options: func(t *testing.T) lambdaemu.Options {
				return function(t, "python", "app.handler", harness.Need(t, "python/bin/python"), "-m", "awslambdaric", "app.handler")
			},
			exit: signal, errorType: "Runtime.Unknown",
		},
		"node": {
			options: func(t *testing.T) lambdaemu.Options {
				client := harness.Need(t, "node/node_modules/aws-lambda-ric/bin/index.mjs")
				return function(t, "node", "app.handler", harness.Tool(t, "node"), client, "app.handler")
			},
			initLine: true, initRaces: true, exit: signal, errorType: "Runtime.Unknown",
		},
		"java": {
			options: func(t *testing.T) lambdaemu.Options {
				// The client unpacks its native part to one fixed name in
				// /tmp, where two at once break each other.
				javaTurn.Lock()
				t.Cleanup(javaTurn.Unlock)
				classes := harness.Need(t, "java/lib") + "/*:" + harness.Need(t, "java/classes")
				return function(t, "java", "Function", harness.Tool(t, "java"),
					// What Lambda's own Java runtimes are started with.
					"-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
					"-cp", classes, "com.amazonaws.services.lambda.runtime.api.client.AWSLambda", "Function")
			},
			slow: true, exit: []string{"143", "signal: killed"}, errorType: "Runtime.UserException",
		},
		"rust": {
			options: func(t *testing.T) lambdaemu.Options {
				return function(t, "rust", "bootstrap", harness.Need(t, "rust/bootstrap"))
			},
			exit: signal, errorType: "Runtime.Unknown",
		},
		"bash": {
			options: func(t *testing.T) lambdaemu.Options {
				harness.Tool(t, "bash")
				harness.Tool(t, "curl")
				return function(t, "bash", "bootstrap", "./bootstrap")
			},
			// The script handles SIGTERM once the command it waits for has
			// ended, which a busy machine may not do in time.
			exit:      []string{"0", "signal: killed"},
			errorType: "Function.Failed",
		},
	}
}

func function(t *testing.T, folder, handler string, command ...string) lambdaemu.Options {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("../runtimes", folder))
	if err != nil {
		t.Fatal(err)
	}
	return lambdaemu.Options{Command: command, Dir: dir, Handler: handler}
}

var javaTurn sync.Mutex

// Every scenario on every runtime. The transcripts of all runtimes are one
// golden file per scenario: what an extension sees does not depend on the
// language beside it.
func TestRuntimes(t *testing.T) {
	for _, scenario := range []struct {
		name  string
		run   func(t *testing.T, l language, s *sandbox)
		limit time.Duration // the function's time-out
		aws   func(t *testing.T) string
	}{
		{"cold start", coldStart, 15 * time.Second, realAWS},
		{"handler error", handlerError, 15 * time.Second, embeddedAWS},
		// Room for a start, which is repeated inside the invocation that follows.
		{"time-out", timeOut, 6 * time.Second, embeddedAWS},
	} {
		for _, name := range slices.Sorted(maps.Keys(languages())) {
			t.Run(scenario.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				l := languages()[name]
				opt := l.options(t)
				opt.Timeout = scenario.limit
				if l.slow {
					opt.Timeout, opt.InitTimeout = 20*time.Second, time.Minute
				}
				opt.Env = map[string]string{"AWS_ENDPOINT_URL": scenario.aws(t)}
				s := start(t, opt)
				scenario.run(t, l, s)
				transcript := lambdaemu.Render(s.Emu.Transcript())
				checkExit(t, l, transcript)
				golden(t, "runtimes-"+strings.ReplaceAll(scenario.name, " ", "-")+".golden", l.shape(transcript))
			})
		}
	}
}

func embeddedAWS(t *testing.T) string { return harness.FakeAWS(t).URL }

const greeting = "Hello from Parameter Store"

// coldStart: a cold and a warm invocation. The parameter is read during init
// and in the handler, each invocation prints a JSON line and a plain one, and
// each posts a custom metric.
func coldStart(t *testing.T, l language, s *sandbox) {
	for i := range 2 {
		res := s.Invoke(`{"parameter":"/demo/greeting"}`)
		if res.FunctionError != "" || res.ColdStart != (i == 0) {
			t.Fatalf("invocation %d: cold start %t, error %s %s", i+1, res.ColdStart, res.ErrorType, res.Payload)
		}
		l.checkAnswer(t, i, res)
	}
	s.Shutdown()
	checkCanonical(t, s)
	checkLines(t, s)
	checkCustom(t, s)
	checkLedger(t, s)
	l.checkMessages(t, s)
}

// checkAnswer looks at what the function got from the local API.
func (l language) checkAnswer(t *testing.T, i int, res lambdaemu.Response) {
	t.Helper()
	body := decode(t, res.Payload)
	if l.example {
		if body["greeting"] != greeting || body["cache"] != []any{"miss", "hit"}[i] {
			t.Errorf("invocation %d: the function read %v", i+1, body)
		}
		return
	}
	atInit, inHandler := object(body["init"]), object(body["parameter"])
	handlerWasFirst := l.initRaces && atInit["cache"] != "miss"
	if atInit["status"] != 200.0 || atInit["value"] != greeting || atInit["cache"] != "miss" && !handlerWasFirst {
		t.Errorf("during init the function read %v", atInit)
	}
	if fetches := handlerWasFirst && i == 0; inHandler["status"] != 200.0 || inHandler["value"] != greeting || (inHandler["cache"] == "miss") != fetches {
		t.Errorf("invocation %d: the handler read %v and init %v, want one fetch for both", i+1, inHandler, atInit)
	}
	if body["metric_status"] != 202.0 || body["request_id"] != res.RequestID {
		t.Errorf("invocation %d: metric %v, request id %v", i+1, body["metric_status"], body["request_id"])
	}
}

// checkMessages: of each invocation the JSON line keeps its members and the
// plain line becomes a message.
func (l language) checkMessages(t *testing.T, s *sandbox) {
	t.Helper()
	structured, plain := "reading parameter", " read /demo/greeting: 200 "
	if l.example {
		structured, plain = "parameter read", "order placed"
	}
	for _, e := range s.Canonical() {
		id := e["function_request_id"]
		lines := s.Only(func(line line) bool { return line["_aws"] == nil && line["function_request_id"] == id })
		if len(lines) != 2 || lines[0]["message"] != structured || lines[0]["parameter"] != "/demo/greeting" || lines[0]["level"] != "INFO" {
			t.Errorf("request %v: lines %v", id, lines)
			continue
		}
		if message, _ := lines[1]["message"].(string); !strings.Contains(message, plain) {
			t.Errorf("request %v: plain line %q", id, message)
		}
	}
}

// handlerError: the client gets the function's error, the platform calls the
// invocation a success, and the next one works in the same sandbox.
func handlerError(t *testing.T, l language, s *sandbox) {
	res := s.Invoke(`{"fail":true}`)
	if res.FunctionError != "Unhandled" || res.ErrorType != l.errorType || !strings.Contains(string(res.Payload), "asked for a failure") {
		t.Fatalf("error %q of type %q, want %q: %s", res.FunctionError, res.ErrorType, l.errorType, res.Payload)
	}
	s.Must(`{}`)
	s.Shutdown()
	checkLedger(t, s)
	checkOutcomes(t, s, "error", "success")
}

// timeOut: the sandbox is reset, and the invocation after it starts all anew.
func timeOut(t *testing.T, l language, s *sandbox) {
	res := s.Invoke(`{"sleep_ms":60000}`)
	limit := "6.00"
	if l.slow {
		limit = "20.00"
	}
	if res.ErrorType != "Sandbox.Timedout" || !strings.Contains(string(res.Payload), "Task timed out after "+limit+" seconds") {
		t.Fatalf("error type %q: %s", res.ErrorType, res.Payload)
	}
	s.Must(`{}`)
	s.Shutdown()
	checkOutcomes(t, s, "timeout", "success")
	if events := s.Canonical(); events[0]["Timeouts"] != 1.0 || events[1]["cold_start"] != true {
		t.Errorf("Timeouts %v, then cold start %v", events[0]["Timeouts"], events[1]["cold_start"])
	}
}

func checkOutcomes(t *testing.T, s *sandbox, want ...string) {
	t.Helper()
	var got []string
	for _, e := range s.Canonical() {
		outcome, _ := e["outcome"].(string)
		got = append(got, outcome)
		if failed := outcome != "success"; e["Errors"] == 1.0 != failed {
			t.Errorf("outcome %s with Errors = %v", outcome, e["Errors"])
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("outcomes %v, want %v", got, want)
	}
}

func checkExit(t *testing.T, l language, transcript string) {
	t.Helper()
	for _, found := range regexp.MustCompile(`(?m)^runtime +exit (.*)$`).FindAllStringSubmatch(transcript, -1) {
		if !slices.Contains(l.exit, found[1]) {
			t.Errorf("the runtime's exit: %s, want %v", found[1], l.exit)
		}
	}
}

// shape takes out of a transcript what the fields of language describe, and
// how many lines a function prints.
func (l language) shape(transcript string) string {
	for _, r := range []struct{ from, to string }{
		{`(?m)^(runtime +exec) .*$`, "$1 FUNCTION"},
		{`(?m)^runtime +SIGKILL\n`, ""},
		{`(?m)^(runtime +exit) .*$`, "$1"},
		{`(?m)^(runtime +error) .* → 202$`, "$1 TYPE → 202"},
		{`(?m)^function ×\d+$`, "function"},
	} {
		transcript = regexp.MustCompile(r.from).ReplaceAllString(transcript, r.to)
	}
	if l.initLine {
		transcript = strings.ReplaceAll(transcript, "function\nplatform.initRuntimeDone", "platform.initRuntimeDone")
	}
	return transcript
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func decode(t *testing.T, payload []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(payload, &out); err != nil {
		t.Fatalf("payload %s: %v", payload, err)
	}
	return out
}
