package harness

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
)

// Token opens the local API of every sandbox. It has the characters that real
// session tokens have and that URLs and headers trip over.
const Token = "e2e+session/token=="

// Sandbox is one Lambda environment under test.
type Sandbox struct {
	T    testing.TB
	Emu  *lambdaemu.Emulator
	Port string // of the local API

	mu    sync.Mutex
	lines []lambdaemu.Line
}

// Start runs a sandbox with the extension. Options left empty get what most
// tests want: the example function, a free port, a namespace.
func Start(t testing.TB, builds Builds, opt lambdaemu.Options) *Sandbox {
	t.Helper()
	s := &Sandbox{T: t, Port: FreePort(t)}
	env := map[string]string{
		"POWERTOOLS_SERVICE_NAME":        "orders",
		"POWERTOOLS_METRICS_NAMESPACE":   "shop",
		"POWERTOOLS_EXTENSION_HTTP_PORT": s.Port,
		"AWS_ACCESS_KEY_ID":              "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":          "wJalrXUtnFEMI-K7MDENG",
		"AWS_SESSION_TOKEN":              Token,
	}
	maps.Copy(env, opt.Env)
	opt.Env = env
	if opt.Command == nil {
		opt.Command = []string{builds.Function}
	}
	opt.Layers = append(opt.Layers, builds.Extension)
	opt.OnLine = s.keep
	emu, err := lambdaemu.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	s.Emu = emu
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, _ = emu.Shutdown(ctx) // a no-op after a shutdown of the test's own
		if t.Failed() {
			t.Logf("transcript:\n%s", lambdaemu.Render(emu.Transcript()))
			t.Logf("log stream:\n%s", s.Text())
		}
	})
	return s
}

// FreePort is a port of 127.0.0.1 that nobody listens on. It lies below those
// that the kernel hands out, so that no other test gets it by asking for any.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10240 + rand.IntN(20000))
		ln, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = ln.Close()
			return port
		}
	}
	t.Fatal("no free port among a hundred")
	return ""
}

func (s *Sandbox) keep(line lambdaemu.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

// Invoke runs one invocation, whatever its end.
func (s *Sandbox) Invoke(payload string) lambdaemu.Response {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	res, err := s.Emu.Invoke(ctx, lambdaemu.Request{Payload: []byte(payload)})
	if err != nil {
		s.T.Fatal(err)
	}
	return res
}

// Must invokes and wants success with a JSON object.
func (s *Sandbox) Must(payload string) map[string]any {
	s.T.Helper()
	res := s.Invoke(payload)
	if res.FunctionError != "" {
		s.T.Fatalf("invocation failed: %s %s", res.ErrorType, res.Payload)
	}
	var out map[string]any
	if err := json.Unmarshal(res.Payload, &out); err != nil {
		s.T.Fatalf("payload %s: %v", res.Payload, err)
	}
	return out
}

// Shutdown ends the sandbox and wants every extension to end cleanly.
func (s *Sandbox) Shutdown() lambdaemu.Exit {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	exit, err := s.Emu.Shutdown(ctx)
	if err != nil {
		s.T.Fatal(err)
	}
	if !exit.Clean() {
		s.T.Errorf("extension did not end cleanly: %+v", exit)
	}
	return exit
}
