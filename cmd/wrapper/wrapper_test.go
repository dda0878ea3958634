package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var binary string // the program, built once

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "wrapper")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "powertools-wrapper")
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// result is what a run left behind.
type result struct {
	code  int
	out   string
	lines []map[string]any // of stderr
}

// run starts the program with exactly this environment; os/exec would drop
// one of two variables of one name.
func run(t *testing.T, env []string, args ...string) result {
	t.Helper()
	var files [2]*os.File // stdout, stderr
	for i := range files {
		f, err := os.Create(filepath.Join(t.TempDir(), "output"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	p, err := os.StartProcess(binary, append([]string{binary}, args...), &os.ProcAttr{Env: env, Files: []*os.File{nil, files[0], files[1]}})
	if err != nil {
		t.Fatal(err)
	}
	state, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	out, _ := os.ReadFile(files[0].Name())
	stderr, _ := os.ReadFile(files[1].Name())
	r := result{out: string(out), code: state.ExitCode()}
	for _, line := range strings.Split(strings.TrimSpace(string(stderr)), "\n") {
		if line == "" {
			continue
		}
		var parsed map[string]any
		if err := json.Unmarshal([]byte(line), &parsed); err != nil {
			t.Errorf("stderr %q is no JSON line", line)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", fmt.Sprint(parsed["timestamp"])); err != nil {
			t.Error(err)
		}
		r.lines = append(r.lines, parsed)
	}
	return r
}

// extension answers the handshake and remembers what it was asked.
type extension struct {
	*httptest.Server
	body   map[string]any
	token  string
	asked  int
	status int
	answer string
}

func listen(t *testing.T, status int, answer string) *extension {
	t.Helper()
	e := &extension{status: status, answer: answer}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		e.asked++
		e.body = nil
		if err := json.Unmarshal(text, &e.body); err != nil || r.URL.Path != "/powertools/v1/runtime" || r.Method != "POST" {
			t.Errorf("%s %s %q: %v", r.Method, r.URL, text, err)
		}
		e.token = r.Header.Get("X-Aws-Parameters-Secrets-Token")
		w.Header().Set("Content-Length", fmt.Sprint(len(e.answer)))
		w.WriteHeader(e.status)
		_, _ = io.WriteString(w, e.answer)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *extension) port() string { return e.URL[strings.LastIndexByte(e.URL, ':')+1:] }

// closedPort is a port on which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
}

func TestHandshake(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		answer string
		api    string // what the runtime gets
		says   string
	}{
		"proxy":            {200, `{"proxy":true,"address":"127.0.0.1:9019"}`, "127.0.0.1:9019", ""},
		"no proxy":         {200, `{"proxy":false}`, "up:1", ""},
		"unknown members":  {200, ` {"x":[1,{"y":"\u00e9"}],"proxy" : true,"address":"127.0.0.1:9", "z":null}`, "127.0.0.1:9", ""},
		"foreign address":  {200, `{"proxy":true,"address":"10.0.0.1:9019"}`, "up:1", "not the extension"},
		"no address":       {200, `{"proxy":true}`, "up:1", "not the extension"},
		"wrong form":       {200, `<html>`, "up:1", "not the extension"},
		"cut":              {200, `{"proxy":true`, "up:1", "not the extension"},
		"refused":          {403, `{"errorMessage":"the token is not the one of this function"}`, "up:1", "403: the token is not"},
		"conflict":         {409, `{}`, "up:1", "refused the handshake with 409"},
		"redirect":         {301, ``, "up:1", "301"},
		"broken extension": {500, `no JSON`, "up:1", "500"},
	} {
		t.Run(name, func(t *testing.T) {
			e := listen(t, test.status, test.answer)
			r := run(t, []string{"AWS_LAMBDA_RUNTIME_API=up:1", "_HANDLER=app.h", "AWS_SESSION_TOKEN= to+k/en== ",
				"LAMBDA_TASK_ROOT=/t\"\\\n", "POWERTOOLS_RUNTIME_PROXY_PORT=" + e.port()}, "/bin/sh", "-c", `printf %s "$AWS_LAMBDA_RUNTIME_API"`)
			if r.code != 0 || r.out != test.api {
				t.Errorf("code %d, API %q, want %q", r.code, r.out, test.api)
			}
			if said := fmt.Sprint(r.lines); len(r.lines) > 1 || (len(r.lines) == 1) != (test.says != "") || !strings.Contains(said, test.says) {
				t.Errorf("said %v, want %q", r.lines, test.says)
			}
			want := map[string]any{"upstream": "up:1", "handler": "app.h", "execution_env": "", "task_root": "/t\"\\\n",
				"log_group": "", "log_stream": "", "xray_daemon": "", "max_concurrency": ""}
			if diff := cmp.Diff(want, e.body); diff != "" || e.token != "to+k/en==" {
				t.Errorf("asked with token %q:\n%s", e.token, diff)
			}
		})
	}
}

// TestFailOpen: whatever does not answer, the command runs as it was.
func TestFailOpen(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	garbage, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer garbage.Close()
	go func() {
		for {
			c, err := garbage.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH\r\n")
			c.Close()
		}
	}()
	for name, test := range map[string]struct{ port, says string }{
		"nobody":  {closedPort(t), ""},
		"silent":  {fmt.Sprint(silent.Addr().(*net.TCPAddr).Port), "no answer in time"},
		"garbage": {fmt.Sprint(garbage.Addr().(*net.TCPAddr).Port), "not the extension"},
	} {
		t.Run(name, func(t *testing.T) {
			env := []string{"AWS_LAMBDA_RUNTIME_API=up:1", "POWERTOOLS_RUNTIME_PROXY_PORT=" + test.port, "A=1", "A=2", "odd"}
			r := run(t, env, "/bin/cat", "/proc/self/environ")
			if r.code != 0 || r.out != strings.Join(env, "\x00")+"\x00" {
				t.Errorf("code %d, environment %q", r.code, r.out)
			}
			if said := fmt.Sprint(r.lines); (test.says == "") != (len(r.lines) == 0) || !strings.Contains(said, test.says) {
				t.Errorf("said %v, want %q", r.lines, test.says)
			}
		})
	}
}

func TestExecute(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("tool", "#!/bin/sh\necho tool \"$@\"\n", 0o755)
	plain := file("plain", "x", 0o644)
	bare := file("bare", "echo bare \"$1\"\n", 0o755) // no #!
	chain := file("chain", "#!/bin/sh\necho chained \"${POWERTOOLS_EXEC_WRAPPER_NEXT-none}\"\nexec \"$@\"\n", 0o755)
	loop := file("loop", "#!/bin/sh\nexec "+binary+" \"$@\"\n", 0o755)
	lost := file("lost", "#!/no/such/interpreter\n", 0o755)
	port := "POWERTOOLS_RUNTIME_PROXY_PORT=" + closedPort(t)
	for name, test := range map[string]struct {
		next string
		args []string
		out  string
		code int
		says string
	}{
		"path lookup":           {"", []string{"tool", "a b", ""}, "tool a b \n", 0, ""},
		"absolute":              {"", []string{dir + "/tool"}, "tool\n", 0, ""},
		"exit code":             {"", []string{"sh", "-c", "exit 7"}, "", 7, ""},
		"not found":             {"", []string{"absent"}, "", 127, "absent"},
		"no such file":          {"", []string{dir + "/absent"}, "", 127, "/absent"},
		"no interpreter":        {"", []string{lost}, "", 127, "lost"},
		"not executable":        {"", []string{"plain"}, "", 126, "plain"},
		"directory":             {"", []string{dir}, "", 126, dir},
		"no command":            {"", nil, "", 127, "no command"},
		"without #!":            {"", []string{bare, "x"}, "bare x\n", 0, ""},
		"next":                  {chain, []string{"tool", "x"}, "chained none\ntool x\n", 0, ""},
		"next by PATH":          {"chain", []string{"tool"}, "chained none\ntool\n", 0, ""},
		"next missing":          {"/no/next", []string{"tool"}, "", 127, "/no/next"},
		"next is a directory":   {dir, []string{"tool"}, "", 126, dir},
		"next not executable":   {plain, []string{"tool"}, "", 126, plain},
		"next is itself":        {binary, []string{"tool"}, "tool\n", 0, "names this wrapper itself"},
		"next leads back to us": {loop, []string{"tool"}, "tool\n", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			env := []string{"PATH=" + dir + ":/usr/bin:/bin", port}
			if test.next != "" {
				env = append(env, "POWERTOOLS_EXEC_WRAPPER_NEXT="+test.next)
			}
			r := run(t, env, test.args...)
			if r.out != test.out || r.code != test.code {
				t.Errorf("code %d, output %q, want %d, %q", r.code, r.out, test.code, test.out)
			}
			if said := fmt.Sprint(r.lines); len(r.lines) > 1 || (test.says == "") != (len(r.lines) == 0) || !strings.Contains(said, test.says) {
				t.Errorf("said %v, want %q", r.lines, test.says)
			}
		})
	}
}

// TestDescriptors: what was open stays open (_LAMBDA_TELEMETRY_LOG_FD is such
// a one), and none of ours is left.
func TestDescriptors(t *testing.T) {
	e := listen(t, 200, `{"proxy":true,"address":"127.0.0.1:9019"}`)
	extra, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer extra.Close()
	env := []string{"PATH=/usr/bin:/bin", "POWERTOOLS_RUNTIME_PROXY_PORT=" + e.port()}
	for _, command := range [][]string{{"/bin/ls", "/proc/self/fd"}, {"/bin/sh", "-c", "ulimit -n"}} {
		got, err := (&exec.Cmd{Path: binary, Args: append([]string{binary}, command...), Env: env, ExtraFiles: []*os.File{extra}}).Output()
		want, wantErr := (&exec.Cmd{Path: command[0], Args: command, Env: env, ExtraFiles: []*os.File{extra}}).Output()
		if err != nil || wantErr != nil || string(got) != string(want) {
			t.Errorf("%v: %q, without the wrapper %q (%v, %v)", command, got, want, err, wantErr)
		}
	}
}

const canary = "s3cr3t-\u00e9\U0001F511"

func TestValues(t *testing.T) {
	hard := canary + "\n\"quoted\" = a\\b\t\x7f" + strings.Repeat("x", 100<<10)
	values, err := json.Marshal(map[string]any{"proxy": false, "env": map[string]string{
		"DB": hard, "FROM_PATH": "p", "BY_HAND": "never", "AWS_REGION_OF_PATH": "never", "EMPTY": "",
	}})
	if err != nil {
		t.Fatal(err)
	}
	e := listen(t, 200, string(values))
	r := run(t, []string{"DB=first", "DB=powertools+secret:app/db#password", "BY_HAND=mine", "EMPTY=powertools+ssm:/e",
		"POWERTOOLS_X=powertools+ssm:/no", "POWERTOOLS_PARAMETERS_ENV_PATH=/app/", "AWS_LAMBDA_RUNTIME_API=up:1",
		"POWERTOOLS_RUNTIME_PROXY_PORT=" + e.port()}, "/bin/cat", "/proc/self/environ")
	want := []string{"DB=" + hard, "DB=" + hard, "BY_HAND=mine", "EMPTY=", "POWERTOOLS_X=powertools+ssm:/no",
		"POWERTOOLS_PARAMETERS_ENV_PATH=/app/", "AWS_LAMBDA_RUNTIME_API=up:1", "POWERTOOLS_RUNTIME_PROXY_PORT=" + e.port(), "FROM_PATH=p"}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSuffix(r.out, "\x00"), "\x00")); diff != "" || r.code != 0 {
		t.Errorf("code %d, environment:\n%s", r.code, diff)
	}
	if asked := map[string]any{"DB": "powertools+secret:app/db#password", "EMPTY": "powertools+ssm:/e"}; !cmp.Equal(e.body["env"], any(asked)) || e.body["env_path"] != "/app/" {
		t.Errorf("asked %v", e.body)
	}
	if len(r.lines) != 0 {
		t.Errorf("said %v", r.lines)
	}
}

// TestValuesFail: without its values the runtime does not start, or starts
// without the variables, as the user chose; never with the text of a ref.
func TestValuesFail(t *testing.T) {
	failed := listen(t, 200, `{"proxy":true,"address":"127.0.0.1:7","env":{"GOOD":"`+canary+`"},"env_error":[{"name":"DB","ref":"ssm:/db","code":"not_found","cure":"create it","more":1}]}`)
	short := listen(t, 200, `{"proxy":false,"env":{"GOOD":"`+canary+`"}}`)
	wrong := listen(t, 403, `{"errorMessage":"wrong token"}`)
	for name, test := range map[string]struct {
		port, code string
		started    string // with ON_FAILURE=start
	}{
		"not found":    {failed.port(), "not_found", "GOOD=" + canary + " 127.0.0.1:7"},
		"not answered": {short.port(), "not_answered", "GOOD=" + canary + " up:1"},
		"refused":      {wrong.port(), "no_extension", "GOOD=unset up:1"},
		"absent":       {closedPort(t), "no_extension", "GOOD=unset up:1"},
	} {
		t.Run(name, func(t *testing.T) {
			env := []string{"GOOD=powertools+ssm:/good", "DB=powertools+ssm:/db", "AWS_LAMBDA_RUNTIME_API=up:1", "POWERTOOLS_RUNTIME_PROXY_PORT=" + test.port}
			show := []string{"/bin/sh", "-c", `printf %s "${DB-}GOOD=${GOOD-unset} $AWS_LAMBDA_RUNTIME_API"`}
			r := run(t, env, show...)
			if r.code != 1 || r.out != "" || len(r.lines) != 1 || r.lines[0]["level"] != "ERROR" {
				t.Fatalf("code %d, output %q, said %v", r.code, r.out, r.lines)
			}
			if said := fmt.Sprint(r.lines); !strings.Contains(said, "code:"+test.code) || !strings.Contains(said, "name:DB") || strings.Contains(said, canary) {
				t.Errorf("said %v", said)
			}
			r = run(t, append(env, "POWERTOOLS_PARAMETERS_ENV_ON_FAILURE=start"), show...)
			if r.code != 0 || r.out != test.started || len(r.lines) != 1 || r.lines[0]["level"] != "WARN" {
				t.Errorf("start: code %d, output %q, said %v", r.code, r.out, r.lines)
			}
		})
	}
}

// TestSecondWrapper: who finds the proxy's address asks no more.
func TestSecondWrapper(t *testing.T) {
	e := listen(t, 400, `{}`)
	r := run(t, []string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:" + e.port(), "POWERTOOLS_RUNTIME_PROXY_PORT=" + e.port()}, "/bin/true")
	if r.code != 0 || e.asked != 0 || len(r.lines) != 0 {
		t.Errorf("code %d, asked %d, said %v", r.code, e.asked, r.lines)
	}
}

// TestStopped: an extension that is stopped costs 200 ms and nothing else.
func TestStopped(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	began := time.Now()
	r := run(t, []string{fmt.Sprintf("POWERTOOLS_RUNTIME_PROXY_PORT=%d", ln.Addr().(*net.TCPAddr).Port)}, "/bin/true")
	if took := time.Since(began); r.code != 0 || took < handshakeTime {
		t.Errorf("code %d after %v", r.code, took)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(`{"proxy":true,"address":"127.0.0.1:9019","env":{"A":"\ud83d\ude00"},"env_error":[{"name":"B"}]}`)
	f.Add(`{"proxy":false,"x":[[[{}]]],"env":{"A":"\ud800"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAnswer(text)
		var other struct {
			Proxy   *bool
			Address string
			Env     map[string]string
		}
		if err != nil || json.Unmarshal([]byte(text), &other) != nil {
			return
		}
		for _, v := range a.values {
			if _, same := other.Env[v.key]; !same && !strings.Contains(text, `\u`) && !hasFold(text) {
				t.Errorf("%q: %q is not there", text, v.key)
			}
		}
	})
}

// hasFold: encoding/json knows member names of any case, and replaces what is
// no UTF-8.
func hasFold(text string) bool {
	return strings.ToValidUTF8(text, "") != text || strings.Count(strings.ToLower(text), `"env"`) != 1
}

func TestStamp(t *testing.T) {
	for at := time.Date(1999, 12, 31, 23, 59, 59, 999e6, time.UTC); at.Year() < 2200; at = at.Add(37*time.Hour + 1001*time.Millisecond) {
		if got, want := stamp(at.UnixMilli()), at.Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}
