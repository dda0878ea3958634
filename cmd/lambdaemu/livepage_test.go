package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsemu"
	"powertools-extension/lambdaemu/transcript"
	"powertools-extension/test/harness"
)

// Serve mode has a page, other runs when it is asked for.
func TestWhoHasAPage(t *testing.T) {
	for line, want := range map[string][2]bool{ // shows a page, listens
		"-- true":                               {true, true},
		"--page=false -- true":                  {false, true},
		"--count 1 -- true":                     {false, false},
		"--count 1 --page -- true":              {true, true},
		"--invoke {} --page=true -- true":       {true, true},
		"--count 1 --page-file f -- true":       {false, false},
		"--count 1 --page=false -- true":        {false, false},
		"--page --page=false --count 1 -- true": {false, false},
	} {
		set, err := parseFlags(strings.Fields(line))
		if err != nil || set.showsPage() != want[0] || set.listens() != want[1] {
			t.Errorf("%s: page %t, listens %t, %v", line, set.showsPage(), set.listens(), err)
		}
	}
	if _, err := parseFlags([]string{"--page=perhaps", "--", "true"}); err == nil {
		t.Error("--page=perhaps is taken")
	}
}

func TestCachePort(t *testing.T) {
	set := settings{extensions: []string{"/opt/powertools-extension"}}
	for _, tt := range []struct {
		env  map[string]string
		want int
	}{
		{map[string]string{"POWERTOOLS_EXTENSION_HTTP_PORT": "4000", "POWERTOOLS_RUNTIME_PROXY_PORT": "4001"}, 4000},
		{map[string]string{"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "4002"}, 4002},
		{nil, 2773},
		{map[string]string{"POWERTOOLS_EXTENSION_HTTP_PORT": "many"}, 2773},
	} {
		if got := set.cachePort(tt.env); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.env, got, tt.want)
		}
	}
	if got := (&settings{}).cachePort(nil); got != 0 {
		t.Errorf("without an extension: %d", got)
	}
}

// What the log leaves out, the page leaves out of events and answers.
func TestPageRedacts(t *testing.T) {
	redact := redactor(map[string]string{"POWERTOOLS_LOGS_REDACT": `password,re:\d{13,16}`})
	for in, want := range map[string]string{
		`{"password":"p","a":1}`:       `{"password":"[redacted]","a":1}`,
		`{"card":"4111111111111111"}`:  `{"card":"[redacted]"}`,
		`{"a":[{"password":"p"}]}`:     `{"a":[{"password":"[redacted]"}]}`,
		`"text with 4111111111111111"`: `"text with [redacted]"`,
	} {
		if got := string(redact([]byte(in))); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
	if redactor(nil) != nil || redactor(map[string]string{"POWERTOOLS_LOGS_REDACT": "re:("}) != nil {
		t.Error("no rules, and yet a redactor")
	}
}

// Calls of the init are told once there is a transcript, in their order.
func TestEarlyCalls(t *testing.T) {
	var c awsCalls
	var got []string
	c.tell(awsemu.Call{Operation: "a"})
	c.open(&noting{told: func(what, detail string) { got = append(got, what+" "+detail) }})
	c.tell(awsemu.Call{Operation: "b"})
	if diff := cmp.Diff([]string{"aws call a", "aws call b"}, got); diff != "" {
		t.Error(diff)
	}
}

type noting struct {
	fakeBox
	pageBox
	told func(what, detail string)
}

func (n *noting) Note(_, what, detail string, _ any) { n.told(what, detail) }

// pageRun is a run with a page, watched over HTTP.
type pageRun struct {
	t    *testing.T
	url  string
	stop context.CancelFunc
	done chan ran
}

func startPageRun(t *testing.T, args ...string) *pageRun {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	address := "127.0.0.1:" + harness.FreePort(t)
	r := &pageRun{t: t, url: "http://" + address + "/", stop: cancel, done: make(chan ran, 1)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		var stdout, stderr bytes.Buffer
		code := run(ctx, append(append([]string{"--listen", address}, args...), "--", self), process{
			stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, lookup: os.LookupEnv,
			environ: func() []string { return nil }, terminal: func(io.Writer) bool { return false }, start: startEmulator,
		})
		r.done <- ran{code, stdout.String(), stderr.String()}
	}()
	for t.Context().Err() == nil {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return r
}

func (r *pageRun) post(what, body string) {
	r.t.Helper()
	req, _ := http.NewRequestWithContext(r.t.Context(), "POST", r.url+"page/"+what, strings.NewReader(body))
	req.Header.Set("X-Lambdaemu-Page", "1")
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		text, _ := io.ReadAll(resp.Body)
		r.t.Fatalf("%s: %d %s", what, resp.StatusCode, text)
	}
}

// await reads the stream until so many entries of a kind are in it, and returns
// all of it.
func (r *pageRun) await(what string, n int) []entryOnPage {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", r.url+"page/stream", nil)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []entryOnPage
	var text []byte
	for buf := make([]byte, 64<<10); ; {
		k, err := resp.Body.Read(buf)
		text = append(text, buf[:k]...)
		for {
			line, rest, whole := bytes.Cut(text, []byte("\n"))
			if !whole {
				break
			}
			text = rest
			var list []entryOnPage
			if data, ok := bytes.CutPrefix(line, []byte("data: [")); ok && json.Unmarshal(append([]byte("["), data...), &list) == nil {
				all = append(all, list...)
			}
		}
		seen := 0
		for _, e := range all {
			if e.What == what {
				seen++
			}
		}
		if seen >= n {
			return all
		}
		if err != nil {
			r.t.Fatalf("%d of %d %q: %v", seen, n, what, err)
		}
	}
}

type entryOnPage struct {
	Who, What, Detail string
	Data              json.RawMessage
}

// A run of the command line stays on its page until Ctrl-C; what the page asks
// for happens, and its file holds the end.
func TestRunWithAPage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.html")
	r := startPageRun(t, "--page", "--count", "2", "--page-file", file, "--params", "../../examples/params.yaml", "--env", "LAMBDAEMU_TEST_FUNCTION=echo", "--timeout", "20")
	r.await(transcript.OutcomeTaken, 2)
	r.post("fault", `{"of":"aws","name":"throttled","on":true}`)
	r.post("invoke", `{"event":{"n":3},"count":1}`)
	r.await(transcript.OutcomeTaken, 3)
	r.post("fault", `{"of":"aws","name":"throttled","on":false}`)
	r.post("restart", ``)
	r.post("invoke", `{"event":{"n":4},"count":2}`)
	all := r.await(transcript.OutcomeTaken, 5)
	r.stop()
	got := <-r.done
	if got.code != 0 || !strings.Contains(got.stdout, "summary · 5 invocations") || !strings.Contains(got.stderr, "in a browser") || !strings.Contains(got.stderr, "the page stays at "+r.url) {
		t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	var calls, cold []string
	for _, e := range all {
		switch e.What {
		case transcript.CallTaken:
			var call transcript.AWSCall
			if err := json.Unmarshal(e.Data, &call); err != nil {
				t.Fatal(err)
			}
			calls = append(calls, strings.TrimSpace(call.Operation+" "+call.Error+" "+call.Fault))
		case transcript.OutcomeTaken:
			var o transcript.Outcome
			if err := json.Unmarshal(bytes.ReplaceAll(e.Data, []byte(`"payload"`), []byte(`"_"`)), &o); err != nil {
				t.Fatal(err)
			}
			cold = append(cold, map[bool]string{true: "cold", false: "warm"}[o.Cold])
		}
	}
	if diff := cmp.Diff([]string{"ssm:GetParameter", "ssm:GetParameter", "ssm:GetParameter ThrottlingException throttled", "ssm:GetParameter", "ssm:GetParameter"}, calls); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"cold", "warm", "warm", "cold", "warm"}, cold); diff != "" {
		t.Error(diff)
	}
	content, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(content, []byte(`"what":"shutdown end"`)) || bytes.Contains(content, []byte(`src="/page`)) {
		t.Errorf("the file has %d bytes: %v", len(content), err)
	}
}

// The page ends a run in serve mode as Ctrl-C does, and its stream has the end.
func TestShutdownFromThePage(t *testing.T) {
	r := startPageRun(t, "--env", "LAMBDAEMU_TEST_FUNCTION=echo")
	r.post("invoke", `{"count":1}`)
	r.await(transcript.OutcomeTaken, 1)
	ended := make(chan []entryOnPage, 1)
	go func() { ended <- r.await(transcript.ShutdownEnd, 1) }()
	time.Sleep(50 * time.Millisecond)
	r.post("shutdown", ``)
	if got := <-r.done; got.code != 0 || !strings.Contains(got.stdout, "shutdown · spindown") {
		t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	<-ended
}
