package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// The runtime clients of Python and Node take the framed log descriptor that
// lambdaemu gives them, as a pipe and as a socket: what a logger says is one event
// with all its lines, also the traceback of a handler that threw,
// while print goes to stdout line by line. Without the descriptor every line is an
// event of its own. A wrapper in between changes nothing of it.
func TestFramedDescriptorOfRealClients(t *testing.T) {
	clients := map[string]struct {
		file, source string
		level        string // of a warning: Python says none in text format
		command      func(t *testing.T) []string
	}{
		"python": {file: "app.py", source: `
import logging
def handler(event, context):
    print("printed 1\nprinted 2")
    logging.getLogger().warning("logged 1\nlogged 2")
    if event.get("fail"):
        raise ValueError("broken")
`, command: func(t *testing.T) []string {
			return []string{harness.Need(t, "python/bin/python"), "-m", "awslambdaric", "app.handler"}
		}},
		"node": {file: "app.js", level: "WARN", source: `
exports.handler = async (event) => {
    process.stdout.write("printed 1\nprinted 2\n");
    console.warn("logged 1\nlogged 2");
    if (event.fail) throw new Error("broken");
};
`, command: func(t *testing.T) []string {
			return []string{harness.Tool(t, "node"), harness.Need(t, "node/node_modules/aws-lambda-ric/bin/index.mjs"), "app.handler"}
		}},
	}
	for name, c := range clients {
		for _, kind := range []string{"", "pipe", "socket", "off"} {
			for _, wrapped := range []bool{false, true} {
				if wrapped && kind != "socket" {
					continue
				}
				t.Run(strings.Join([]string{name, kind}, " "), func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.source), 0o600); err != nil {
						t.Fatal(err)
					}
					opt := lambdaemu.Options{Command: c.command(t), Dir: dir, LogDescriptor: kind, Env: map[string]string{}}
					if wrapped {
						opt.Env["AWS_LAMBDA_EXEC_WRAPPER"] = filepath.Join(dir, "wrapper")
						if err := os.WriteFile(opt.Env["AWS_LAMBDA_EXEC_WRAPPER"], []byte("#!/bin/bash\nexec \"$@\"\n"), 0o700); err != nil {
							t.Fatal(err)
						}
					}
					checkFramed(t, opt, kind != "off", c.level)
				})
			}
		}
	}
}

func checkFramed(t *testing.T, opt lambdaemu.Options, framed bool, level string) {
	t.Helper()
	var mu sync.Mutex
	var lines []lambdaemu.Line
	opt.OnLine = func(l lambdaemu.Line) {
		mu.Lock()
		defer mu.Unlock()
		if l.Origin == lambdaemu.OriginFunction {
			lines = append(lines, l)
		}
	}
	emu, err := lambdaemu.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{`{}`, `{"fail":true}`} {
		if resp, err := emu.Invoke(t.Context(), lambdaemu.Request{Payload: []byte(event)}); err != nil || (resp.FunctionError != "") != (event != `{}`) {
			t.Errorf("%s: %+v, %v", event, resp, err)
		}
	}
	if _, err := emu.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	find := func(part string) lambdaemu.Line {
		i := slices.IndexFunc(lines, func(l lambdaemu.Line) bool { return strings.Contains(l.Text, part) })
		if i < 0 {
			t.Fatalf("no line with %q in %+v", part, lines)
		}
		return lines[i]
	}
	if l := find("printed 1"); l.Framed || strings.Contains(l.Text, "printed 2") {
		t.Errorf("printed: %+v", l)
	}
	logged, failed := find("logged 1"), find("broken")
	if logged.Framed != framed || strings.Contains(logged.Text, "logged 1\nlogged 2") != framed || framed && logged.Level != level {
		t.Errorf("logged: %+v", logged)
	}
	if failed.Framed != framed || framed && failed.Level != "ERROR" {
		t.Errorf("the error: %+v", failed)
	}
	if got := emu.LogOrder(); got.Named == 0 || got.BeforeStart != 0 || got.AfterEnd != 0 {
		t.Errorf("order of lines: %+v", got)
	}
}
