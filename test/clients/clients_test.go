// Package clients_test runs examples/clients: the same order in ten languages,
// each as part of a function beside the true extension, on demand and under
// SnapStart, where the token has another name.
package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

const examples = "../../examples/clients"

// runs is the argument that makes the test binary the function: it runs the
// command of its event, with the function's own environment and descriptors.
const runs = "-runs"

var builds harness.Builds

func TestMain(m *testing.M) {
	code := harness.Main(m, map[string]func(){runs: function}, &builds)
	_ = os.RemoveAll(built.dir) // none, if nothing was compiled
	os.Exit(code)
}

func function() {
	lambda.Start(func(ctx context.Context, event struct {
		Command []string
		Dir     string
	}) (string, error) {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, event.Command[0], event.Command[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = event.Dir, os.Stdout, &stderr
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%w: %s", err, stderr.String())
		}
		return stderr.String(), nil
	})
}

// built is where the languages that are compiled lie, once for all tests.
var built struct {
	once sync.Once
	dir  string
	said string // of a compiler that failed
}

// compile builds them, as before a deployment.
func compile(t *testing.T) {
	t.Helper()
	goTool, javac, rustc := harness.Tool(t, "go"), harness.Tool(t, "javac"), harness.Tool(t, "rustc")
	built.once.Do(func() {
		var err error
		if built.dir, err = os.MkdirTemp("", "clients"); err != nil {
			built.said = err.Error()
			return
		}
		for _, command := range [][]string{
			{goTool, "build", "-o", filepath.Join(built.dir, "go"), "./go"},
			{javac, "-Xlint:all", "-Werror", "-d", filepath.Join(built.dir, "java"), "java/Powertools.java", "java/Order.java"},
			{rustc, "-D", "warnings", "-o", filepath.Join(built.dir, "rust"), "rust/order.rs"},
		} {
			cmd := exec.Command(command[0], command[1:]...)
			cmd.Dir, cmd.Env = examples, append(os.Environ(), "CGO_ENABLED=0")
			if text, err := cmd.CombinedOutput(); err != nil {
				built.said += fmt.Sprintf("%s: %v\n%s", command[0], err, text)
			}
		}
	})
	if built.said != "" {
		t.Fatal(built.said)
	}
}

// languages gives the command of each, without the order, which is the last
// argument.
func languages(t *testing.T) map[string][]string {
	t.Helper()
	compile(t)
	out := built.dir
	return map[string][]string{
		"bash":   {harness.Tool(t, "bash"), "bash/order.sh"},
		"go":     {filepath.Join(out, "go")},
		"java":   {harness.Tool(t, "java"), "-cp", filepath.Join(out, "java"), "Order"},
		"node":   {harness.Tool(t, "node"), "node/order.mjs"},
		"perl":   {harness.Tool(t, "perl"), "perl/order.pl"},
		"php":    {harness.Tool(t, "php"), "-d", "error_reporting=E_ALL", "-d", "display_errors=stderr", "php/order.php"},
		"python": {harness.Tool(t, "python3"), "-W", "error", "-B", "python/order.py"},
		"ruby":   {harness.Tool(t, "ruby"), "-w", "ruby/order.rb"},
		"rust":   {filepath.Join(out, "rust")},
	}
}

// TestClients: each order is placed twice. What a user sees is the same for all
// languages: an enriched line with what was read, one charge for two orders,
// and a metric that says two.
func TestClients(t *testing.T) {
	dir, err := filepath.Abs(examples)
	if err != nil {
		t.Fatal(err)
	}
	commands := languages(t)
	for _, initType := range []string{"on-demand", "snap-start"} {
		t.Run(initType, func(t *testing.T) {
			s := harness.Start(t, builds, lambdaemu.Options{
				Command: harness.Self(t, runs), InitType: initType, Timeout: 30 * time.Second,
				Env: map[string]string{
					"AWS_ENDPOINT_URL":             harness.FakeAWS(t).URL,
					"POWERTOOLS_FEATURE_FLAGS":     "appconfig:demo/prod/features",
					"POWERTOOLS_IDEMPOTENCY_TABLE": "demo-idempotency",
					"HTTP_PROXY":                   "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1",
				},
			})
			for language, command := range commands {
				order := language + "-42"
				for range 2 {
					event, err := json.Marshal(map[string]any{"command": append(slices.Clone(command), order), "dir": dir})
					if err != nil {
						t.Fatal(err)
					}
					if r := s.Invoke(string(event)); r.FunctionError != "" || string(r.Payload) != `""` {
						t.Errorf("%s: %s %s", language, r.FunctionError, r.Payload)
					}
				}
			}
			s.Shutdown()
			for language := range commands {
				seen(t, s, language)
			}
			counted := 0.0
			for _, line := range s.Custom() {
				switch v := line["OrdersPlaced"].(type) {
				case float64:
					counted += v
				case []any:
					counted += float64(len(v)) // each is 1
				}
			}
			if want := float64(2 * len(commands)); counted != want {
				t.Errorf("OrdersPlaced sums to %v, want %v", counted, want)
			}
		})
	}
}

// seen checks the lines of one language's orders.
func seen(t *testing.T, s *harness.Sandbox, language string) {
	t.Helper()
	order := language + "-42"
	charged, placed := 0, 0
	for _, line := range s.Enriched() {
		if line["order"] != order {
			continue
		}
		if line["service"] != "orders" || line["function_request_id"] == nil {
			t.Errorf("%s: a line without its request: %v", language, line)
		}
		switch line["message"] {
		case "charging":
			charged++
		case "order placed":
			placed++
			got := map[string]any{}
			for _, name := range []string{"level", "greeting", "burst", "password_length", "premium", "charge"} {
				got[name] = line[name]
			}
			want := map[string]any{"level": "INFO", "greeting": "Hello from Parameter Store", "burst": 50.0, "password_length": 19.0, "premium": true, "charge": "charged " + order}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", language, diff)
			}
		}
	}
	if charged != 1 || placed != 2 {
		t.Errorf("%s: charged %d times for %d orders, want 1 for 2", language, charged, placed)
	}
}

// TestClientsWithoutTheExtension: in a unit test there is none, and the clients
// take what the variables say, or say which variable is missing.
func TestClientsWithoutTheExtension(t *testing.T) {
	commands := languages(t)
	for _, language := range []string{"python", "node", "java", "go"} {
		t.Run(language, func(t *testing.T) {
			run := func(env ...string) (string, error) {
				cmd := exec.CommandContext(t.Context(), commands[language][0], append(slices.Clone(commands[language][1:]), "42")...)
				cmd.Dir = examples
				cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			config := `POWERTOOLS_FALLBACK_DEMO_CONFIG_JSON={"limits":{"burst":7}}`
			if language == "java" { // reads the member
				config = "POWERTOOLS_FALLBACK_DEMO_CONFIG_JSON=7"
			}
			out, err := run("POWERTOOLS_FALLBACK_DEMO_GREETING=hello", config, "POWERTOOLS_FALLBACK_DEMO_DATABASE=secret")
			lines := strings.Split(strings.TrimSpace(out), "\n")
			var placed map[string]any
			if err != nil || json.Unmarshal([]byte(lines[len(lines)-1]), &placed) != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := map[string]any{"level": "INFO", "message": "order placed", "order": "42", "greeting": "hello", "burst": 7.0, "password_length": 6.0, "premium": false, "charge": "charged 42"}
			if diff := cmp.Diff(want, placed); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if out, err := run(); err == nil || !strings.Contains(out, "set POWERTOOLS_FALLBACK_DEMO_GREETING") {
				t.Errorf("%v, and not which variable is missing:\n%s", err, out)
			}
		})
	}
}

// TestDotnetParses: there is no .NET here to run its example with, so that only
// its syntax is looked at.
func TestDotnetParses(t *testing.T) {
	const program = `
import sys, tree_sitter, tree_sitter_c_sharp
language = tree_sitter.Language(tree_sitter_c_sharp.language())
root = tree_sitter.Parser(language).parse(open(sys.argv[1], "rb").read()).root_node
def wrong(node):
    if node.is_error or node.is_missing:
        print(node.start_point, node.type)
    for child in node.children:
        wrong(child)
wrong(root)
print(root.descendant_count)
`
	parse := func(path string) string {
		out, err := exec.CommandContext(t.Context(), harness.Need(t, "deploy/python/bin/python"), "-c", program, path).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	path := filepath.Join(examples, "dotnet/Order.cs")
	if got := parse(path); strings.Contains(got, "\n") {
		t.Errorf("does not parse at:\n%s", got)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "Broken.cs")
	if err := os.WriteFile(broken, bytes.Replace(text, []byte("await client.SendAsync(request);"), []byte("await client.SendAsync(request;"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := parse(broken); !strings.Contains(got, "\n") {
		t.Error("a missing parenthesis is not seen")
	}
}
