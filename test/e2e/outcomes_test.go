package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// outcomeRuntimes start the same function on each runtime's own client.
func outcomeRuntimes() map[string]func(t *testing.T) lambdaemu.Options {
	const dir = "testdata/outcomes"
	return map[string]func(t *testing.T) lambdaemu.Options{
		"Go": func(t *testing.T) lambdaemu.Options {
			bootstrap := filepath.Join(t.TempDir(), "bootstrap")
			run(t, "env", "CGO_ENABLED=0", "go", "build", "-o", bootstrap, "./"+dir+"/go")
			return lambdaemu.Options{Command: []string{bootstrap}, Runtime: "provided.al2023"}
		},
		"Python": func(t *testing.T) lambdaemu.Options {
			return lambdaemu.Options{Command: []string{harness.Need(t, "python/bin/python"), "-m", "awslambdaric", "outcomes.handler"}, Dir: full(t, dir), Handler: "outcomes.handler", Runtime: "python3.13",
				Env: map[string]string{"PYTHONDONTWRITEBYTECODE": "1"}}
		},
		"Node": func(t *testing.T) lambdaemu.Options {
			client := harness.Need(t, "node/node_modules/aws-lambda-ric/bin/index.mjs")
			return lambdaemu.Options{Command: []string{harness.Tool(t, "node"), "--max-old-space-size=24", client, "outcomes.handler"}, Dir: full(t, dir), Handler: "outcomes.handler", Runtime: "nodejs22.x"}
		},
		"Java": func(t *testing.T) lambdaemu.Options {
			javaTurn.Lock() // see languages
			t.Cleanup(javaTurn.Unlock)
			libraries := harness.Need(t, "java/lib") + "/*"
			classes := t.TempDir()
			run(t, harness.Tool(t, "javac"), "-cp", libraries, "-d", classes, filepath.Join(dir, "Outcomes.java"))
			return lambdaemu.Options{Command: []string{harness.Tool(t, "java"), "-Xmx32m", "-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
				"-cp", libraries + ":" + classes, "com.amazonaws.services.lambda.runtime.api.client.AWSLambda", "Outcomes"}, Handler: "Outcomes", Runtime: "java21", Timeout: 8 * time.Second, InitTimeout: time.Minute}
		},
		"Rust": func(t *testing.T) lambdaemu.Options {
			return lambdaemu.Options{Command: []string{rustOutcomes(t)}, Runtime: "provided.al2023"}
		},
		"bash": func(t *testing.T) lambdaemu.Options {
			harness.Tool(t, "curl")
			return lambdaemu.Options{Command: []string{"./bootstrap"}, Dir: full(t, dir), Runtime: "provided.al2023",
				// No runtime of its own that has last words: the platform's figures tell.
				Faults: []lambdaemu.Fault{{Name: "out-of-memory", Arg: "1", From: 5}}}
		},
	}
}

func full(t *testing.T, dir string) string {
	t.Helper()
	path, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, command ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
}

var rustOnce struct {
	sync.Mutex
	path string
}

// rustOutcomes links the function with the client that is compiled already.
func rustOutcomes(t *testing.T) string {
	t.Helper()
	rustOnce.Lock()
	defer rustOnce.Unlock()
	if rustOnce.path != "" {
		return rustOnce.path
	}
	dir, err := os.MkdirTemp("", "outcomes")
	if err != nil {
		t.Fatal(err)
	}
	rustOnce.path = filepath.Join(dir, "bootstrap")
	linkRust(t, rustOnce.path, "testdata/outcomes/outcomes.rs", "lambda_runtime", "serde_json", "tokio")
	return rustOnce.path
}

// linkRust compiles one file with crates that are compiled already.
func linkRust(t *testing.T, path, source string, crates ...string) {
	t.Helper()
	deps := filepath.Join(filepath.Dir(harness.Need(t, "rust/bootstrap")), "target", "release", "deps")
	command := []string{harness.Tool(t, "rustc"), "--edition", "2021", "-C", "panic=abort", "-L", "dependency=" + deps, "-o", path}
	for _, crate := range crates {
		found, err := filepath.Glob(filepath.Join(deps, "lib"+crate+"-*.rlib"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no %s in %s: %v", crate, deps, err)
		}
		command = append(command, "--extern", crate+"="+found[0])
	}
	run(t, append(command, source)...)
}

// endings are what the functions do, in the order in which it is asked for:
// what ends the process comes last.
var endings = []struct{ do, title string }{
	{"catch", "catches and answers"}, {"throw", "throws"}, {"empty", "answers nothing"},
	{"exit", "exits"}, {"memory", "runs out of memory"}, {"sleep", "times out"},
}

// cell is what the canonical event says of one ending.
func cell(e line) string {
	text := func(name string) string { v, _ := e[name].(string); return v }
	words := []string{text("outcome")}
	if v := text("error_type"); v != "" {
		words = append(words, "`"+v+"`")
	}
	if v := text("error_logged"); v != "" {
		words = append(words, "(logged `"+v+"`)")
	}
	words = append(words, "· "+cmp.Or(text("outcome_from"), "nobody"))
	return strings.Join(words, " ")
}

var updateOutcomes = flag.Bool("update-outcomes", false, "write the table of docs/outcomes.md")

// TestOutcomes is the table of docs/outcomes.md, from the true binary and the
// real runtime clients: how each ending is judged, and by whom.
func TestOutcomes(t *testing.T) {
	var mu sync.Mutex
	cells := map[string]map[string]string{} // by runtime and format, by what was done
	names := slices.Sorted(maps.Keys(outcomeRuntimes()))
	t.Run("runtimes", func(t *testing.T) {
		for _, name := range names {
			for _, format := range []string{"Text", "JSON"} {
				t.Run(name+"/"+format, func(t *testing.T) {
					t.Parallel()
					got := endAll(t, outcomeRuntimes()[name](t), format)
					mu.Lock()
					defer mu.Unlock()
					cells[name+", "+format] = got
				})
			}
		}
	})
	if t.Failed() || len(cells) < 2*len(names) {
		return
	}
	table := outcomeTable(cells)
	t.Logf("\n%s", table)
	const page, begin, end = "../../docs/outcomes.md", "<!-- table -->\n", "<!-- end of table -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), begin)
	was, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%s has no place for the table", page)
	}
	if *updateOutcomes {
		if err := os.WriteFile(page, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != table {
		t.Errorf("docs/outcomes.md says\n%s\nand it is\n%s\nwrite it with -update-outcomes if that is right", was, table)
	}
}

// endAll runs all endings in one sandbox and returns what is said of each.
func endAll(t *testing.T, opt lambdaemu.Options, format string) map[string]string {
	t.Helper()
	opt.LogFormat = format
	if opt.Timeout == 0 {
		opt.Timeout = 3 * time.Second
	}
	s := start(t, opt)
	ids := map[string]string{}
	for _, e := range endings {
		ids[s.Invoke(`{"do":"`+e.do+`"}`).RequestID] = e.do
	}
	s.Shutdown()
	got := map[string]string{}
	for _, e := range s.Canonical() {
		do := ids[e["function_request_id"].(string)]
		if got[do] != "" {
			t.Errorf("%s: a second event: %v", do, e)
		}
		got[do] = cell(e)
		failed := e["outcome"] != "success"
		if message, _ := e["message"].(string); failed != (message != "") || failed != (e["level"] == "ERROR") {
			t.Errorf("%s: level %v, message %q: %v", do, e["level"], message, e)
		}
	}
	if len(got) != len(endings) {
		t.Errorf("events for %d of %d endings: %v", len(got), len(endings), got)
	}
	return got
}

func outcomeTable(cells map[string]map[string]string) string {
	var b strings.Builder
	b.WriteString("| runtime, log format |")
	for _, e := range endings {
		fmt.Fprintf(&b, " %s |", e.title)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(endings)) + "\n")
	for _, name := range slices.Sorted(maps.Keys(cells)) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, e := range endings {
			fmt.Fprintf(&b, " %s |", cells[name][e.do])
		}
		b.WriteString("\n")
	}
	return b.String()
}
