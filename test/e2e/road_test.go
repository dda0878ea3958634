package e2e

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

var update = flag.Bool("update", false, "write golden files instead of comparing")

// runtimes are the real functions on their real runtime interface clients.
// Each reads a parameter, prints a JSON line and a plain line, and posts a
// custom metric; Python and Node read one during init as well.
func runtimes(t *testing.T) map[string]func(t *testing.T) lambdaemu.Options {
	dir := func(name string) string {
		full, err := filepath.Abs(filepath.Join("../runtimes", name))
		if err != nil {
			t.Fatal(err)
		}
		return full
	}
	return map[string]func(t *testing.T) lambdaemu.Options{
		"go": func(*testing.T) lambdaemu.Options { return lambdaemu.Options{} },
		"python": func(t *testing.T) lambdaemu.Options {
			return lambdaemu.Options{Command: []string{harness.Need(t, "python/bin/python"), "-m", "awslambdaric", "app.handler"}, Dir: dir("python")}
		},
		"node": func(t *testing.T) lambdaemu.Options {
			node, err := exec.LookPath("node")
			if err != nil {
				node = harness.Need(t, "node/bin/node") // says what is missing
			}
			return lambdaemu.Options{Command: []string{node, harness.Need(t, "node/node_modules/aws-lambda-ric/bin/index.mjs"), "app.handler"}, Dir: dir("node")}
		},
	}
}

// The whole road: cold start, warm invocation, shutdown, for every runtime,
// against an AWS emulator that is not ours.
func TestRoad(t *testing.T) {
	for name, options := range runtimes(t) {
		t.Run(name, func(t *testing.T) {
			opt := options(t)
			opt.Env = map[string]string{"AWS_ENDPOINT_URL": realAWS(t)}
			s := start(t, opt)
			s.Must(`{"parameter":"/demo/greeting"}`)
			s.Must(`{"parameter":"/demo/greeting"}`)
			s.Shutdown()
			checkCanonical(t, s)
			checkLines(t, s)
			checkCustom(t, s)
			checkLedger(t, s)
			golden(t, "transcript-"+name+".golden", lambdaemu.Render(s.Emu.Transcript()))
		})
	}
}

func checkCanonical(t *testing.T, s *sandbox) {
	t.Helper()
	events := s.Canonical()
	if len(events) != 2 {
		t.Fatalf("%d canonical events, want one per invocation", len(events))
	}
	for i, e := range events {
		for key, want := range map[string]any{
			"service": "orders", "function_name": "function", "outcome": "success", "complete": true,
			"cold_start": i == 0, "init_type": "on-demand", "Invocations": 1.0, "Errors": 0.0,
		} {
			if e[key] != want {
				t.Errorf("event %d: %s = %v, want %v", i, key, e[key], want)
			}
		}
		for _, key := range []string{"Duration", "BilledDuration", "MaxMemoryUsed", "MemoryUtilization", "RuntimeDuration"} {
			if v, ok := e[key].(float64); !ok || v <= 0 {
				t.Errorf("event %d: %s = %v, want a positive number", i, key, e[key])
			}
		}
	}
	if events[0]["ColdStart"] != 1.0 || events[1]["ColdStart"] != nil {
		t.Errorf("ColdStart = %v, then %v; want 1, then nothing", events[0]["ColdStart"], events[1]["ColdStart"])
	}
	if v, ok := events[0]["InitDuration"].(float64); !ok || v <= 0 {
		t.Errorf("InitDuration of the cold start = %v", events[0]["InitDuration"])
	}
	if events[0]["function_request_id"] == events[1]["function_request_id"] {
		t.Error("both events have one request id")
	}
}

// checkLines: every line of an invocation carries its request id, and the
// plain text became a message.
func checkLines(t *testing.T, s *sandbox) {
	t.Helper()
	ids := map[any]int{}
	for _, l := range s.Enriched() {
		for _, key := range []string{"timestamp", "message", "service"} {
			if l[key] == nil {
				t.Errorf("line without %s: %v", key, l)
			}
		}
		if id := l["function_request_id"]; id != nil {
			ids[id]++
		}
	}
	for _, e := range s.Canonical() {
		if ids[e["function_request_id"]] < 2 {
			t.Errorf("request %v has %d enriched lines, want at least a JSON and a plain one", e["function_request_id"], ids[e["function_request_id"]])
		}
	}
}

func checkCustom(t *testing.T, s *sandbox) {
	t.Helper()
	sum := 0.0
	for _, e := range s.Custom() {
		for _, name := range []string{"OrdersPlaced", "Greetings"} {
			switch v := e[name].(type) {
			case float64:
				sum += v
			case []any:
				for _, n := range v {
					sum += n.(float64)
				}
			}
		}
	}
	if sum != 2 {
		t.Errorf("the custom metric adds up to %v, want one per invocation: %v", sum, s.Custom())
	}
}

// checkLedger: nothing was lost and nothing is missing.
func checkLedger(t *testing.T, s *sandbox) {
	t.Helper()
	ledgers := s.Only(func(l line) bool { return l["lifetime_ms"] != nil })
	if len(ledgers) != 1 {
		t.Fatalf("%d ledgers, want one", len(ledgers))
	}
	stdout, ok := ledgers[0]["stdout"].(map[string]any)
	if !ok {
		t.Fatalf("ledger: %v", ledgers[0])
	}
	lines := len(s.Printed()) - len(s.Diagnostics()) - 1 // the ledger is not in its own sums
	if stdout["received"] != float64(lines) || stdout["delivered"] != float64(lines) || stdout["dropped"] != 0.0 || stdout["pending"] != 0.0 {
		t.Errorf("%d lines were printed, the ledger says %v", lines, stdout)
	}
}

// TestOnceSnippets: each charges an order once, and prints the stored answer
// for the second; one that runs elsewhere is no success.
func TestOnceSnippets(t *testing.T) {
	t.Parallel()
	aws := harness.FakeAWS(t)
	s := awake(t, lambdaemu.Options{Env: map[string]string{"AWS_ENDPOINT_URL": aws.URL, "POWERTOOLS_IDEMPOTENCY_TABLE": "demo-idempotency", "POWERTOOLS_RUNTIME_PROXY": "off"}})
	rust := filepath.Join(t.TempDir(), "once")
	for name, command := range map[string][]string{
		"curl": {"sh", "once.sh"}, "python": {"python3", "once.py"}, "node": {"node", "once.mjs"}, "go": {"go", "run", "./once"}, "java": {"java", "Once.java"}, "rust": {rust},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(command ...string) (stdout, stderr string, err error) {
				cmd := exec.Command(command[0], command[1:]...)
				cmd.Dir = "../../examples/snippets"
				cmd.Env = append(os.Environ(), "AWS_SESSION_TOKEN="+token, "POWERTOOLS_EXTENSION_HTTP_PORT="+s.Port)
				var diagnostics strings.Builder
				cmd.Stderr = &diagnostics
				out, err := cmd.Output()
				return string(out), diagnostics.String(), err
			}
			if name == "rust" {
				if _, stderr, err := run(harness.Tool(t, "rustc"), "-o", rust, "once.rs"); err != nil {
					t.Fatal(err, stderr)
				}
			} else {
				command[0] = harness.Tool(t, command[0])
			}
			for i := range 2 {
				out, stderr, err := run(append(command, "order-"+name)...)
				if charges := strings.Count(stderr, "charging"); err != nil || out != "charged order-"+name || charges != 1-i {
					t.Errorf("run %d printed %q, charged %d times, %v\n%s", i+1, out, charges, err, stderr)
				}
			}
			if status, _, answer := s.Send("POST", "/idempotency/begin", `{"key":"busy-`+name+`"}`, harness.TokenHeader, token); status != 201 {
				t.Fatal(status, answer)
			}
			if out, stderr, err := run(append(command, "busy-"+name)...); err == nil || out != "" || strings.Contains(stderr, "charging") || !strings.Contains(stderr, "409") {
				t.Errorf("while it runs elsewhere: %q, %v\n%s", out, err, stderr)
			}
		})
	}
	s.Shutdown()
}

// Every snippet of the README prints the parameter's value and nothing else.
func TestSnippets(t *testing.T) {
	t.Parallel()
	aws := harness.FakeAWS(t)
	s := awake(t, lambdaemu.Options{Env: map[string]string{"AWS_ENDPOINT_URL": aws.URL}})
	for _, tt := range []struct {
		name    string
		command []string
	}{
		{"curl", []string{"sh", "read.sh"}},
		{"python", []string{"python3", "read.py"}},
		{"node", []string{"node", "read.mjs"}},
		{"go", []string{"go", "run", "./go"}},
		{"java", []string{"java", "Read.java"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := exec.LookPath(tt.command[0]); err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatal(err)
				}
				t.Skipf("SKIPPED, NOT TESTED: %v", err)
			}
			cmd := exec.Command(tt.command[0], tt.command[1:]...)
			cmd.Dir = "../../examples/snippets"
			cmd.Env = append(os.Environ(), "AWS_SESSION_TOKEN="+token, "POWERTOOLS_EXTENSION_HTTP_PORT="+s.Port)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || string(out) != "Hello from Parameter Store" {
				t.Errorf("printed %q, %v\n%s", out, err, stderr.String())
			}
		})
	}
	s.Shutdown()
}
