package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"powertools-extension/cmd/lambdaemu/show"
	"powertools-extension/lambdaemu"
)

func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "ext-") {
		os.Exit(testExtension())
	}
	if kind := os.Getenv("LAMBDAEMU_TEST_FUNCTION"); kind != "" {
		os.Exit(testFunction(kind))
	}
	testscript.Main(leakFree{m}, map[string]func(){"lambdaemu": main, "bootstrap": bootstrap, "ext-scripted": func() {}})
}

// fakeBox is a sandbox that does what the test says.
type fakeBox struct {
	opt     lambdaemu.Options
	invoke  func(n int, req lambdaemu.Request) (lambdaemu.Response, error)
	exit    lambdaemu.Exit
	exitErr error
	n       int
}

func (f *fakeBox) Invoke(_ context.Context, req lambdaemu.Request) (lambdaemu.Response, error) {
	f.n++
	resp, err := f.invoke(f.n, req)
	if resp.RequestID != "" {
		f.opt.OnLine(lambdaemu.Line{Origin: lambdaemu.OriginPlatform, Text: "REPORT RequestId: " + resp.RequestID + "\tDuration: 1.00 ms\t"})
	}
	return resp, err
}

func (f *fakeBox) Shutdown(context.Context) (lambdaemu.Exit, error) { return f.exit, f.exitErr }

func (f *fakeBox) Transcript() []lambdaemu.Entry {
	return []lambdaemu.Entry{{Who: "platform", What: "init"}}
}

// says prints a line of the function.
func (f *fakeBox) says(text string) {
	f.opt.OnLine(lambdaemu.Line{Origin: lambdaemu.OriginFunction, Text: text})
}

// ok is the answer of an invocation that went well.
func ok(int, lambdaemu.Request) (lambdaemu.Response, error) {
	return lambdaemu.Response{RequestID: "11111111-1111-1111-1111-111111111111", Payload: []byte(`{"a":1}`)}, nil
}

// ran is what a command left behind.
type ran struct {
	code           int
	stdout, stderr string
}

// command runs the command line against a fake sandbox.
func command(t *testing.T, ctx context.Context, box *fakeBox, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, process{
		stdin: strings.NewReader(`{"from":"stdin"}`), stdout: &stdout, stderr: &stderr,
		lookup: func(string) (string, bool) { return "", false }, environ: func() []string { return nil },
		terminal: func(io.Writer) bool { return false },
		start: func(_ context.Context, opt lambdaemu.Options) (sandbox, error) {
			if box == nil {
				return nil, errors.New("boom")
			}
			box.opt = opt
			if box.invoke == nil {
				box.invoke = ok
			}
			return box, nil
		},
	})
	return ran{code, stdout.String(), stderr.String()}
}

func TestExitCodes(t *testing.T) {
	failed := func(int, lambdaemu.Request) (lambdaemu.Response, error) {
		return lambdaemu.Response{RequestID: "r", FunctionError: "Unhandled", ErrorType: "Runtime.ExitError", Payload: []byte(`{}`)}, nil
	}
	for _, tt := range []struct {
		outcome string
		box     *fakeBox
		want    int
	}{
		{"all went well", &fakeBox{}, 0},
		{"an invocation failed", &fakeBox{invoke: failed}, 1},
		{"an extension was killed", &fakeBox{exit: lambdaemu.Exit{Extensions: []lambdaemu.ExtensionExit{{Name: "e", Code: -1, Killed: true}}}}, 1},
		{"an extension exited with 1", &fakeBox{exit: lambdaemu.Exit{Extensions: []lambdaemu.ExtensionExit{{Name: "e", Code: 1}}}}, 1},
		{"the shutdown failed", &fakeBox{exitErr: errors.New("x")}, 1},
		{"the sandbox did not start", nil, 1},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			if got := command(t, t.Context(), tt.box, "--count", "1", "--", "true"); got.code != tt.want {
				t.Errorf("exit code %d, want %d\n%s%s", got.code, tt.want, got.stdout, got.stderr)
			}
		})
	}
}

func TestMistakesInTheCommandLine(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "ext")
	write(t, notExecutable, "#!/bin/sh\n", 0o644)
	empty := t.TempDir()
	badYAML := filepath.Join(t.TempDir(), "p.yaml")
	write(t, badYAML, "parameters:\n  /a: {tpye: String}\n", 0o644)
	for _, tt := range []struct {
		outcome string
		args    string
		code    int
		want    string
	}{
		{"no command", "--count 1", 2, "no function: name its command after the flags"},
		{"unknown flag", "--cuont 1 -- true", 2, "not defined: -cuont"},
		{"count of zero", "--count 0 -- true", 2, "want a number from 1"},
		{"memory too small", "--memory 64 -- true", 2, "want 128 to 10240"},
		{"no duration", "--timeout soon -- true", 2, "want a duration such as 500ms, 3s or 3"},
		{"unknown log format", "--log-format xml -- true", 2, "want one of text, json"},
		{"unknown platform fault", "--fault nope -- true", 2, `unknown fault "nope"`},
		{"unknown AWS fault", "--params x --aws-fault nope -- true", 2, `unknown fault "nope"`},
		{"fault from no number", "--params x --aws-fault down@x -- true", 2, `"x" after @ is not the number of an invocation`},
		{"AWS fault without embedded AWS", "--aws-fault down -- true", 2, "add --params FILE"},
		{"both AWS", "--params x --aws -- true", 2, "exclude each other"},
		{"real AWS without credentials", "--aws --count 1 -- true", 2, "AWS_ACCESS_KEY_ID is not set"},
		{"gap in serve mode", "--gap 1s -- true", 2, "--gap needs invocations"},
		{"side by side on demand", "--concurrency 2 -- true", 2, "--concurrency needs --init-type managed-instances"},
		{"text logs on managed instances", "--init-type managed-instances --log-format text -- true", 2, "managed instances have JSON only"},
		{"record in no directory", "--count 1 --record /nope/x -- true", 2, "no such file or directory"},
		{"JUnit in no directory", "--count 1 --junit /nope/x -- true", 2, "no such file or directory"},
		{"environment without name", "--env =x -- true", 2, "want NAME=VALUE or NAME"},
		{"environment that the host lacks", "--env NOPE --count 1 -- true", 2, "the host has no such variable"},
		{"event that is no file", "--invoke nope.json -- true", 2, "nope.json: no such file, and not JSON"},
		{"event that is broken JSON", `--invoke {"a": -- true`, 2, "the event is not JSON"},
		{"parameters that are not there", "--count 1 --params nope.yaml -- true", 2, "nope.yaml: no such file"},
		{"parameters with a mistake", "--count 1 --params " + badYAML + " -- true", 2, "line 2: parameters./a.tpye: is unknown here"},
		{"command not in PATH", "--count 1 -- no-such-command", 1, "not found in PATH"},
		{"command file not there", "--count 1 -- ./no-such-command", 1, "no such file"},
		{"command not executable", "--count 1 -- " + notExecutable, 1, "is not executable: chmod +x"},
		{"extension not there", "--count 1 --extension /nope -- true", 1, "extension /nope: no such file or directory"},
		{"extension not executable", "--count 1 --extension " + notExecutable + " -- true", 1, "is not executable: chmod +x"},
		{"directory without extensions", "--count 1 --extension " + empty + " -- true", 1, "no file there"},
		{"log stream in no directory", "--count 1 --log-stream /nope/x -- true", 2, "no such file or directory"},
		{"address without port", "--listen 127.0.0.1 -- true", 2, "missing port"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			got := command(t, t.Context(), &fakeBox{}, strings.Fields(tt.args)...)
			if got.code != tt.code || !strings.Contains(got.stderr, tt.want) {
				t.Errorf("exit code %d, want %d; stderr %q, want %q", got.code, tt.code, got.stderr, tt.want)
			}
		})
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func TestHelpAndVersion(t *testing.T) {
	help := command(t, t.Context(), nil, "--help")
	for _, want := range []string{"--extension PATH", "--aws-fault NAME[:ARG][@FROM]", "telemetry-202", "error-500", "exit code"} {
		if !strings.Contains(help.stdout, want) {
			t.Errorf("help misses %q", want)
		}
	}
	for line := range strings.Lines(help.stdout) {
		if show.Visible(line) > show.HelpWidth+1 && !strings.Contains(line, "http://") {
			t.Errorf("line is wider than %d: %s", show.HelpWidth, line)
		}
	}
	if got := command(t, t.Context(), nil, "-version"); help.code != 0 || got.code != 0 || !strings.HasPrefix(got.stdout, "lambdaemu ") {
		t.Errorf("exit codes %d, %d; version %q", help.code, got.code, got.stdout)
	}
}

func TestEventsTakeTurns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "event.json")
	write(t, file, "{\"from\": \"file\"}\n", 0o644)
	var got []string
	box := &fakeBox{}
	box.invoke = func(n int, req lambdaemu.Request) (lambdaemu.Response, error) {
		got = append(got, string(req.Payload))
		return ok(n, req)
	}
	command(t, t.Context(), box, "--invoke", file, "--invoke", "[1]", "--invoke", "-", "--count", "4", "--", "true")
	want := `{"from": "file"} [1] {"from":"stdin"} {"from": "file"}`
	if strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOptionsReachTheSandbox(t *testing.T) {
	box := &fakeBox{}
	dir := t.TempDir()
	ext := filepath.Join(dir, "my-extension")
	write(t, ext, "#!/bin/sh\n", 0o755)
	got := command(t, t.Context(), box, "--count", "1", "--dir", dir, "--extension", ext, "--env", "A=b=c", "--function-name", "f", "--handler", "h",
		"--timeout", "1.5", "--memory", "256MB", "--log-format", "JSON", "--init-type", "managed-instances", "--freeze=false", "--fault", "next-500:2@3", "--", "true", "x")
	if got.code != 0 {
		t.Fatal(got.stderr)
	}
	o := box.opt
	if o.Dir != dir || o.Layers[0] != ext || o.Env["A"] != "b=c" || o.FunctionName != "f" || o.Handler != "h" || o.Timeout != 1500*time.Millisecond ||
		o.MemoryMB != 256 || o.LogFormat != "JSON" || o.InitType != "lambda-managed-instances" || !o.NoFreeze || o.Command[1] != "x" ||
		o.Faults[0] != (lambdaemu.Fault{Name: "next-500", Arg: "2", From: 3}) {
		t.Errorf("got %+v", o)
	}
}

func TestHostEndpointIsHandedDown(t *testing.T) {
	box := &fakeBox{}
	p := process{
		stdout: io.Discard, stderr: io.Discard, terminal: func(io.Writer) bool { return false },
		lookup:  func(string) (string, bool) { return "", false },
		environ: func() []string { return []string{"AWS_ENDPOINT_URL_SSM=http://127.0.0.1:5000", "OTHER=x"} },
		start: func(_ context.Context, opt lambdaemu.Options) (sandbox, error) {
			box.opt, box.invoke = opt, ok
			return box, nil
		},
	}
	run(t.Context(), []string{"--count", "1", "--", "true"}, p)
	if len(box.opt.Env) != 1 || box.opt.Env["AWS_ENDPOINT_URL_SSM"] != "http://127.0.0.1:5000" {
		t.Errorf("environment %v", box.opt.Env)
	}
}

func TestFilesAreWritten(t *testing.T) {
	dir := t.TempDir()
	box := &fakeBox{}
	box.invoke = func(n int, req lambdaemu.Request) (lambdaemu.Response, error) {
		box.says("hello\tworld")
		return ok(n, req)
	}
	got := command(t, t.Context(), box, "--count", "1", "--log-stream", dir+"/log", "--transcript", dir+"/script", "--", "true")
	log, _ := os.ReadFile(dir + "/log")
	script, _ := os.ReadFile(dir + "/script")
	want := "hello\tworld\nREPORT RequestId: 11111111-1111-1111-1111-111111111111\tDuration: 1.00 ms\t\n"
	if got.code != 0 || string(log) != want || !strings.Contains(string(script), "init") {
		t.Errorf("log %q\nscript %q\n%s", log, script, got.stderr)
	}
}

// The end of the context stands for Ctrl-C: no further invocation, a shutdown,
// a summary, and exit code 1 because not everything was done.
func TestInterruptEndsThePause(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	box := &fakeBox{}
	box.invoke = func(n int, req lambdaemu.Request) (lambdaemu.Response, error) {
		cancel()
		return ok(n, req)
	}
	got := command(t, ctx, box, "--count", "5", "--gap", "1h", "--", "true")
	if got.code != 1 || box.n != 1 || !strings.Contains(got.stdout, "summary · 1 invocation") || !strings.Contains(got.stdout, "interrupted") {
		t.Errorf("exit code %d after %d invocations\n%s", got.code, box.n, got.stdout)
	}
}

func TestQuietShowsFailuresOnly(t *testing.T) {
	box := &fakeBox{}
	box.invoke = func(n int, req lambdaemu.Request) (lambdaemu.Response, error) {
		box.says("line " + string(rune('0'+n)))
		if n == 2 {
			return lambdaemu.Response{RequestID: "r", FunctionError: "Unhandled", Payload: []byte(`{"errorType":"E","errorMessage":"m"}`)}, nil
		}
		return ok(n, req)
	}
	got := command(t, t.Context(), box, "--count", "3", "--quiet", "--", "true")
	if strings.Contains(got.stdout, "line 1") || !strings.Contains(got.stdout, "line 2") || !strings.Contains(got.stdout, "1 failed") {
		t.Error(got.stdout)
	}
}

func TestRealAWSGetsTheHostsCredentials(t *testing.T) {
	host := map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://x"}
	p := process{lookup: func(name string) (string, bool) { v, ok := host[name]; return v, ok }, environ: func() []string { return []string{"AWS_ENDPOINT_URL=http://x"} }}
	opt, err := settings{command: []string{"true"}, realAWS: true}.options(p, "")
	if err != nil {
		t.Fatal(err)
	}
	token, given := opt.Env["AWS_SESSION_TOKEN"]
	if opt.Env["AWS_ACCESS_KEY_ID"] != "AKID" || opt.Env["AWS_SECRET_ACCESS_KEY"] != "s" || token != "" || !given || opt.Region != "eu-west-1" || opt.Env["AWS_ENDPOINT_URL"] != "" {
		t.Errorf("region %s, environment %v", opt.Region, opt.Env)
	}
}
