package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/cmd/lambdaemu/show"
	"powertools-extension/lambdaemu"
)

// testExtension is this test binary as an extension. LAMBDAEMU_TEST_EXTENSION
// says how it ends: "stay" ignores SHUTDOWN, "crash" leaves at the first INVOKE.
func testExtension() int {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"
	req, _ := http.NewRequest("POST", api+"register", strings.NewReader(`{"events":["INVOKE","SHUTDOWN"]}`))
	req.Header.Set("Lambda-Extension-Name", filepath.Base(os.Args[0]))
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		return 1
	}
	resp.Body.Close()
	id := resp.Header.Get("Lambda-Extension-Identifier")
	for {
		next, _ := http.NewRequest("GET", api+"event/next", nil)
		next.Header.Set("Lambda-Extension-Identifier", id)
		resp, err := http.DefaultClient.Do(next)
		if err != nil {
			return 1
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		how := os.Getenv("LAMBDAEMU_TEST_EXTENSION")
		switch {
		case resp.StatusCode != 200:
			return 1
		case strings.Contains(string(body), `"SHUTDOWN"`) && how == "stay":
			select {}
		case strings.Contains(string(body), `"SHUTDOWN"`):
			return 0
		case how == "crash":
			return 0
		}
	}
}

// extensionFile makes this binary available as an extension.
func extensionFile(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ext-test")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// A recorded run holds both halves of every exchange, the lines and the
// transcript; a replay of the same function is the same, one of a function that
// behaves otherwise is different, with a diff and exit code 1.
func TestRecordAndReplay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.ndjson")
	t.Setenv("LAMBDAEMU_TEST_FUNCTION", "echo")
	got := realCommand(t, "--record", file, "--extension", extensionFile(t), "--invoke", `{"a": 1}`, "--invoke", `[2]`, "--env", "LAMBDAEMU_TEST_FUNCTION",
		"--env", "AWS_ENDPOINT_URL=http://127.0.0.1:1", "--timeout", "20")
	if got.code != 0 {
		t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	checkRecording(t, file)
	again := bareCommand(t, "replay", file)
	if again.code != 0 || !strings.HasPrefix(again.stdout, "same: 2 invocations") {
		t.Errorf("exit code %d\n%s%s", again.code, again.stdout, again.stderr)
	}
	t.Setenv("LAMBDAEMU_TEST_FUNCTION", "crash")
	again = bareCommand(t, "replay", file)
	for _, want := range []string{"different: - recorded ", "- #1 {\"a\": 1} → ok ", "+ #1 {\"a\": 1} → Unhandled Runtime.ExitError ", "+ runtime      exit 3"} {
		if !strings.Contains(again.stdout, want) {
			t.Errorf("misses %q:\n%s", want, again.stdout)
		}
	}
	if again.code != 1 {
		t.Errorf("exit code %d", again.code)
	}
}

func checkRecording(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	content, _ := os.ReadFile(file)
	kinds := map[string]int{}
	for line := range bytes.Lines(content) {
		var head struct{ Type string }
		if err := json.Unmarshal(line, &head); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		kinds[head.Type]++
	}
	if kinds["run"] != 1 || kinds["invocation"] != 2 || kinds["wire"] < 10 || kinds["line"] < 5 || kinds["entry"] < 10 {
		t.Errorf("recorded %v", kinds)
	}
	for _, want := range []string{`"url":"/2018-06-01/runtime/invocation/next"`, `"Lambda-Runtime-Deadline-Ms":["`, `"who":"ext-test","half":"request"`, `"body":"{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}"`} {
		if !bytes.Contains(content, []byte(want)) {
			t.Errorf("the recording misses %s", want)
		}
	}
}

// bareCommand runs a subcommand, which brings no function of this test.
func bareCommand(t *testing.T, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, process{
		stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, lookup: os.LookupEnv,
		environ: func() []string { return nil }, terminal: func(io.Writer) bool { return false }, start: startEmulator,
	})
	return ran{code, stdout.String(), stderr.String()}
}

func TestReplayRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/text", "hello\n", 0o600)
	write(t, dir+"/other", `{"type":"invocation"}`+"\n", 0o600)
	write(t, dir+"/killed", `{"type":"run","args":["--count","1","--","true"]}`+"\n", 0o600)
	for _, tt := range []struct {
		outcome, arg, want string
		code               int
	}{
		{"no such file", dir + "/none", "no such file", 2},
		{"a flag", "--json", "usage: lambdaemu replay FILE", 2},
		{"no JSON", dir + "/text", "line 1: invalid character", 1},
		{"no recording", dir + "/other", "no recording", 1},
		{"a run that was killed", dir + "/killed", "has no end: the run was killed", 1},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			if got := bareCommand(t, "replay", tt.arg); got.code != tt.code || !strings.Contains(got.stderr, tt.want) {
				t.Errorf("exit code %d, %s", got.code, got.stderr)
			}
		})
	}
}

func TestDiffLines(t *testing.T) {
	split := func(s string) []string { return strings.Split(s, "") }
	for _, tt := range []struct{ old, new, want string }{
		{"abc", "abc", ""},
		{"abcdef", "abXdef", "  a|  b|- c|+ X|  d|  e"},
		{"abc", "abcd", "  b|  c|+ d"},
		{"axbyc", "abc", "  a|- x|  b|- y|  c"},
		{"", "", ""},
	} {
		if got := strings.Join(show.DiffLines(split(tt.old), split(tt.new)), "|"); got != tt.want {
			t.Errorf("%s → %s: got %s, want %s", tt.old, tt.new, got, tt.want)
		}
	}
}

func FuzzDiffLines(f *testing.F) {
	f.Add("a\nb", "a\nc")
	f.Fuzz(func(t *testing.T, x, y string) {
		old, new := strings.Split(x, "\n"), strings.Split(y, "\n")
		diff := show.DiffLines(old, new)
		if (len(diff) == 0) != (x == y) {
			t.Errorf("%q and %q: %q", x, y, diff)
		}
	})
}

// FuzzReadRecording: whatever a file holds, reading it ends with a recording or
// an error.
func FuzzReadRecording(f *testing.F) {
	f.Add([]byte(`{"type":"run","args":["--","true"]}` + "\n" + `{"type":"entry","who":"platform","what":"init"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := readRecording(bytes.NewReader(data))
		if err == nil {
			rec.normalised()
		}
	})
}

// The JUnit file: a test case per invocation and one for the shutdown.
func TestJUnit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "junit.xml")
	box := &fakeBox{exit: lambdaemu.Exit{Extensions: []lambdaemu.ExtensionExit{{Name: "e", Killed: true, Code: -1}}}}
	box.invoke = func(n int, req lambdaemu.Request) (lambdaemu.Response, error) {
		if n == 1 {
			return ok(n, req)
		}
		box.says("broken \x01 <pipe>")
		return lambdaemu.Response{RequestID: "r", FunctionError: "Unhandled", Payload: []byte(`{"errorType":"Boom","errorMessage":"it <broke>"}`)}, nil
	}
	command(t, t.Context(), box, "--junit", file, "--count", "2", "--", "true")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var suite show.JUnitSuite
	if err := xml.Unmarshal(content, &suite); err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	var got []string
	for _, c := range suite.Cases {
		line := c.Class + " " + c.Name
		if c.Failure != nil {
			line += fmt.Sprintf(" | %s | %s | %s", c.Failure.Type, c.Failure.Message, strings.SplitN(c.Failure.Text, "\n", 2)[0])
		}
		got = append(got, line)
	}
	want := []string{"invocation #1 warm {}", "invocation #2 warm {} | Boom | it <broke> | function broken  <pipe>", "environment shutdown | shutdown | not clean | extension e: exit -1, killed true, after 0.00 ms"}
	if diff := cmp.Diff(want, got); diff != "" || suite.Tests != 3 || suite.Failures != 2 || suite.Name != "lambdaemu function" {
		t.Errorf("%+v\n%s", suite, diff)
	}
}
