package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// loop is a runtime in bash whose script is run for each event, which lies in
// the file event; $api and $id say where the answer goes.
func loop(poll, script string) []string {
	return []string{"/bin/bash", "-c", `
cd "$(mktemp -d)"
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
curl() { command curl --noproxy '*' -sS "$@"; }
answer() { curl -o /dev/null --data-binary "$@" "$api/$id/response"; }
while :; do
  id=
  while [ -z "$id" ]; do
    id=$(` + poll + ` -o event -D - "$api/next" | tr -d '\r' | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
  done
  ` + script + `
done`}
}

// proxied runs a runtime through the proxy.
func proxied(t *testing.T, command []string, env ...string) (*sandbox, string) {
	t.Helper()
	harness.Tool(t, "curl")
	opt := wrapped(t, lambdaemu.Options{Command: command, Timeout: 20 * time.Second, Env: map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}},
		append([]string{"POWERTOOLS_RUNTIME_PROXY", "on"}, env...)...)
	return start(t, opt), opt.Env["POWERTOOLS_RUNTIME_PROXY_PORT"]
}

func wantAnswer(t *testing.T, res lambdaemu.Response, want string) {
	t.Helper()
	if res.FunctionError != "" || string(res.Payload) != want {
		t.Errorf("%s %s %.200s, want %.200s", res.FunctionError, res.ErrorType, res.Payload, want)
	}
}

// TestProxyFaults: under every fault of the proxy's own the answer is the one
// that the function would have had, or a clear error, and the next invocation
// works. One row each; make faults prints them.
func TestProxyFaults(t *testing.T) {
	echo := loop("curl", "answer @event")
	t.Run("port taken by somebody silent", func(t *testing.T) {
		t.Parallel()
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		s, _ := proxied(t, echo, "POWERTOOLS_RUNTIME_PROXY_PORT", port)
		wantAnswer(t, s.Invoke(`{"a":1}`), `{"a":1}`)
		s.Shutdown()
		if s.Saying("POWERTOOLS_RUNTIME_PROXY_PORT") == 0 || !strings.Contains(s.Text(), "no answer in time") {
			t.Error("not said which port is taken, or that the runtime runs without the proxy")
		}
	})
	t.Run("runtime leaves while polling", func(t *testing.T) {
		t.Parallel()
		// It gives up each poll after 0.2 s, and asks again; lambdaemu, as
		// Lambda, holds the first poll open, so what follows must be as it is
		// without a proxy.
		impatient := loop("curl --max-time 0.2", "answer @event")
		direct := start(t, lambdaemu.Options{Command: impatient, Timeout: 5 * time.Second})
		through, _ := proxied(t, impatient)
		time.Sleep(500 * time.Millisecond)
		for range 2 {
			a, b := direct.Invoke(`{}`), through.Invoke(`{}`)
			if a.FunctionError != b.FunctionError || a.ErrorType != b.ErrorType {
				t.Errorf("direct %s %s, through the proxy %s %s", a.FunctionError, a.ErrorType, b.FunctionError, b.ErrorType)
			}
		}
	})
	t.Run("answer cut in the middle", func(t *testing.T) {
		t.Parallel()
		cut := loop("curl", `if grep -q cut event; then
    exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/://}"
    printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"half' "$id" >&3
    exec 3>&- 3<&-
    sleep 0.2
  else answer @event; fi`)
		direct := start(t, lambdaemu.Options{Command: cut, Timeout: 5 * time.Second})
		through, _ := proxied(t, cut)
		a, b := direct.Invoke(`"cut"`), through.Invoke(`"cut"`)
		if a.ErrorType != b.ErrorType || b.FunctionError == "" {
			t.Errorf("direct %s %s, through the proxy %s %s", a.ErrorType, a.Payload, b.ErrorType, b.Payload)
		}
		wantAnswer(t, through.Invoke(`"whole"`), `"whole"`)
	})
	t.Run("6 MiB both ways", func(t *testing.T) {
		t.Parallel()
		s, _ := proxied(t, echo)
		large := `"` + strings.Repeat("x", 6<<20-100) + `"`
		for range 2 {
			wantAnswer(t, s.Invoke(large), large)
		}
	})
	t.Run("413", func(t *testing.T) {
		t.Parallel()
		s, _ := proxied(t, loop("curl", `if grep -q large event; then head -c 7000000 /dev/zero | tr '\0' 'x' >big; answer @big; else answer @event; fi`))
		if res := s.Invoke(`"large"`); res.ErrorType != "Function.ResponseSizeTooLarge" {
			t.Errorf("%s %.200s", res.ErrorType, res.Payload)
		}
		wantAnswer(t, s.Invoke(`"small"`), `"small"`)
	})
	t.Run("extension stopped for 5 s", func(t *testing.T) {
		t.Parallel()
		s, port := proxied(t, loop("curl", "sleep 0.5; answer @event"))
		wantAnswer(t, s.Invoke(`1`), `1`)
		time.AfterFunc(200*time.Millisecond, func() { stopFor(port, 5*time.Second) })
		wantAnswer(t, s.Invoke(`2`), `2`)
		wantAnswer(t, s.Invoke(`3`), `3`)
	})
	t.Run("upstream resets", func(t *testing.T) {
		t.Parallel()
		upstreamResets(t, echo)
	})
	t.Run("init error", func(t *testing.T) {
		t.Parallel()
		s, _ := proxied(t, []string{"/bin/bash", "-c", `curl --noproxy '*' -sS -o /dev/null -d '{"errorMessage":"no luck","errorType":"Init"}' -H 'Lambda-Runtime-Function-Error-Type: Function.Init' "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/init/error"; exit 1`})
		if res := s.Invoke(`{}`); !strings.Contains(string(res.Payload), "no luck") || res.ErrorType != "Function.Init" {
			t.Errorf("%s %s", res.ErrorType, res.Payload)
		}
	})
}

// stopFor stops the extension of the sandbox whose proxy has the port.
func stopFor(port string, d time.Duration) {
	paths, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range paths {
		exe, _ := os.Readlink(path + "/exe")
		env, _ := os.ReadFile(path + "/environ")
		var pid int
		_, _ = fmt.Sscan(filepath.Base(path), &pid)
		if exe == binaries.Extension && strings.Contains(string(env), "POWERTOOLS_RUNTIME_PROXY_PORT="+port+"\x00") {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
			time.Sleep(d)
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
}

// foreign is a second proxy, that is not ours: a plain ReverseProxy, before an
// address that a wrapper script writes into a file. reset closes connections
// instead.
func foreign(t *testing.T) (addr, file string, reset *atomic.Bool, requests *atomic.Int64) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "upstream")
	reset, requests = new(atomic.Bool), new(atomic.Int64)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			to, _ := os.ReadFile(file)
			r.SetURL(&url.URL{Scheme: "http", Host: strings.TrimSpace(string(to))})
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(502) },
		Transport:    &http.Transport{MaxResponseHeaderBytes: 2 << 20},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Method == "POST" && reset.CompareAndSwap(true, false) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return strings.TrimPrefix(srv.URL, "http://"), file, reset, requests
}

// detour is a wrapper script of a foreign proxy.
func detour(t *testing.T, addr, file string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wrapper")
	script := "#!/bin/bash\necho \"$AWS_LAMBDA_RUNTIME_API\" >" + file + "\nexport AWS_LAMBDA_RUNTIME_API=" + addr + "\nexec \"$@\"\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// upstreamResets: the runtime is told 502 and ends, Lambda starts anew, and
// the next invocation works. Never an empty success.
func upstreamResets(t *testing.T, echo []string) {
	addr, file, reset, _ := foreign(t)
	command := append([]string{detour(t, addr, file), binaries.Wrapper}, loop("curl --fail", `curl --fail -o /dev/null --data-binary @event "$api/$id/response" || exit 1`)...)
	opt := wrapped(t, lambdaemu.Options{Command: echo, Timeout: 20 * time.Second, Env: map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}}, "POWERTOOLS_RUNTIME_PROXY", "on")
	opt.Command = command
	s := start(t, opt)
	wantAnswer(t, s.Invoke(`1`), `1`)
	reset.Store(true)
	if res := s.Invoke(`2`); res.ErrorType != "Runtime.ExitError" {
		t.Errorf("%s %s %s", res.FunctionError, res.ErrorType, res.Payload)
	}
	wantAnswer(t, s.Invoke(`3`), `3`)
	s.Shutdown()
	if s.Saying("the Runtime API did not answer") == 0 {
		t.Error("not said that the Runtime API did not answer")
	}
}

// TestForeignProxies: one above ours and one below it, in the order of the
// wrappers, on a real client.
func TestForeignProxies(t *testing.T) {
	python := languages()["python"].options(t)
	t.Run("above", func(t *testing.T) {
		t.Parallel()
		addr, file, _, requests := foreign(t)
		opt := wrapped(t, python, "POWERTOOLS_RUNTIME_PROXY", "on", "AWS_ENDPOINT_URL", embeddedAWS(t))
		opt.Env["AWS_LAMBDA_EXEC_WRAPPER"] = ""
		opt.Command = append([]string{detour(t, addr, file), binaries.Wrapper}, python.Command...)
		through(t, opt, requests)
	})
	t.Run("below", func(t *testing.T) {
		t.Parallel()
		addr, file, _, requests := foreign(t)
		opt := wrapped(t, python, "POWERTOOLS_RUNTIME_PROXY", "on", "AWS_ENDPOINT_URL", embeddedAWS(t), "POWERTOOLS_EXEC_WRAPPER_NEXT", detour(t, addr, file),
			"DEMO_PARAMETER", "powertools+ssm:/demo/greeting")
		through(t, opt, requests)
	})
}

func through(t *testing.T, opt lambdaemu.Options, requests *atomic.Int64) {
	t.Helper()
	opt.Timeout = 10 * time.Second
	s := start(t, opt)
	for range 3 {
		s.Must(`{"parameter":"/demo/greeting"}`)
	}
	if res := s.Invoke(`{"fail":true}`); !strings.Contains(string(res.Payload), "asked for a failure") {
		t.Errorf("%s", res.Payload)
	}
	s.Shutdown()
	if n := requests.Load(); n < 8 {
		t.Errorf("%d requests passed the other proxy", n)
	}
	for i, e := range s.Canonical() {
		if e["outcome_from"] != "proxy" || (e["outcome"] == "error") != (i == 3) {
			t.Errorf("%d: outcome %v from %v", i, e["outcome"], e["outcome_from"])
		}
	}
}

// TestStreamThroughTheProxy: parts arrive, an error after three parts is an
// error for the caller, and 200 MB take no memory.
func TestStreamThroughTheProxy(t *testing.T) {
	client := harness.Need(t, "node/node_modules/aws-lambda-ric/bin/index.mjs")
	dir := t.TempDir()
	code := `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.big) { const part = Buffer.alloc(1 << 20, 'x'); for (let i = 0; i < event.big; i++) { if (!stream.write(part)) await new Promise(r => stream.once('drain', r)) } stream.end(); return }
  for (const part of ['one', 'two', 'three']) { stream.write(part); await new Promise(r => setTimeout(r, 20)) }
  if (event.fail) { stream.destroy ? stream.emit('error', new Error('mid-stream')) : 0; throw new Error('mid-stream') }
  stream.end()
})`
	if err := os.WriteFile(filepath.Join(dir, "app.js"), []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	opt := wrapped(t, lambdaemu.Options{Dir: dir, Command: []string{harness.Tool(t, "node"), client, "app.handler"}, Timeout: 60 * time.Second},
		"POWERTOOLS_RUNTIME_PROXY", "on")
	s := start(t, opt)
	wantAnswer(t, s.Invoke(`{}`), "onetwothree")
	if res := s.Invoke(`{"fail":true}`); res.FunctionError == "" || !strings.Contains(string(res.Payload)+res.ErrorType, "mid-stream") && res.ErrorType == "" {
		t.Errorf("%q %s %s", res.FunctionError, res.ErrorType, res.Payload)
	}
	wantAnswer(t, s.Invoke(`{}`), "onetwothree")
	s.Shutdown()
	if e := s.Canonical(); len(e) != 3 || e[0]["streamed"] != true || e[1]["outcome"] != "error" || e[2]["outcome"] != "success" {
		t.Errorf("canonical %v", e)
	}
}

// TestSnapStartThroughTheProxy: restore/next passes, and the invocation after
// it works.
func TestSnapStartThroughTheProxy(t *testing.T) {
	t.Parallel()
	opt := languages()["python"].options(t)
	opt.InitType, opt.Timeout = "snap-start", 10*time.Second
	opt.Env = map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}
	s := start(t, wrapped(t, opt, "POWERTOOLS_RUNTIME_PROXY", "on", "DEMO_PARAMETER", "powertools+ssm:/demo/greeting"))
	for range 2 {
		if res := s.Invoke(`{"parameter":"/demo/greeting"}`); res.FunctionError != "" {
			t.Errorf("%s %s", res.ErrorType, res.Payload)
		}
	}
	s.Shutdown()
	if s.Saying("read before the snapshot") != 1 {
		t.Error("not said that the values lie in the snapshot")
	}
}

// TestProxyKeepsAnswering: whatever else is sent to the port, the runtime is
// served.
func TestProxyKeepsAnswering(t *testing.T) {
	t.Parallel()
	s, port := proxied(t, loop("curl", "answer @event"))
	wantAnswer(t, s.Invoke(`1`), `1`)
	// Whatever is sent to the port in between, the runtime's way stays open.
	for _, text := range []string{"", "x", "GET / HTTP/1.1\r\n", "GET / HTTP/9.9\r\n\r\n", strings.Repeat("a", 100_000), "POST /powertools/v1/runtime HTTP/1.1\r\nHost: x\r\n\r\n"} {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue // frozen
		}
		_, _ = io.WriteString(c, text)
		c.Close()
	}
	wantAnswer(t, s.Invoke(`2`), `2`)
}
