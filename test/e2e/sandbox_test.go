package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/internal/lambdaemu"
)

// binaries are built once, as they ship.
var binaries struct{ extension, function string }

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "-plain-function" {
		plainFunction() // never returns
	}
	dir, err := os.MkdirTemp("", "e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binaries.extension = filepath.Join(dir, "powertools-extension")
	binaries.function = filepath.Join(dir, "bootstrap")
	for path, pkg := range map[string]string{binaries.extension: "./cmd/extension", binaries.function: "./examples/go"} {
		build := exec.Command("go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w -X main.version=e2e", "-o", path, pkg)
		build.Dir = "../.."
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build", pkg, err)
			os.Exit(1)
		}
	}
	code := m.Run()
	stopMoto()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// sandbox is one Lambda environment under test.
type sandbox struct {
	t    *testing.T
	emu  *lambdaemu.Emulator
	port string

	mu    sync.Mutex
	lines []lambdaemu.Line
}

// token opens the local API of every sandbox here.
const token = "e2e+session/token=="

// start runs a sandbox with the extension. Options left empty get what most
// tests want: the Go function, a free port, a namespace.
func start(t *testing.T, opt lambdaemu.Options) *sandbox {
	t.Helper()
	s := &sandbox{t: t, port: freePort(t)}
	env := map[string]string{
		"POWERTOOLS_SERVICE_NAME":        "orders",
		"POWERTOOLS_METRICS_NAMESPACE":   "shop",
		"POWERTOOLS_EXTENSION_HTTP_PORT": s.port,
		"AWS_ACCESS_KEY_ID":              "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":          "wJalrXUtnFEMI-K7MDENG",
		"AWS_SESSION_TOKEN":              token,
	}
	for k, v := range opt.Env {
		env[k] = v
	}
	opt.Env = env
	if opt.Command == nil {
		opt.Command = []string{binaries.function}
	}
	opt.Layers = append(opt.Layers, binaries.extension)
	opt.OnLine = s.keep
	emu, err := lambdaemu.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	s.emu = emu
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, _ = emu.Shutdown(ctx) // a no-op after a shutdown of the test's own
		if t.Failed() {
			t.Logf("transcript:\n%s", lambdaemu.Render(emu.Transcript()))
			t.Logf("log stream:\n%s", s.text())
		}
	})
	return s
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

func (s *sandbox) keep(line lambdaemu.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *sandbox) invoke(payload string) lambdaemu.Response {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	res, err := s.emu.Invoke(ctx, lambdaemu.Request{Payload: []byte(payload)})
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// must invokes and wants success.
func (s *sandbox) must(payload string) map[string]any {
	s.t.Helper()
	res := s.invoke(payload)
	if res.FunctionError != "" {
		s.t.Fatalf("invocation failed: %s %s", res.ErrorType, res.Payload)
	}
	var out map[string]any
	if err := json.Unmarshal(res.Payload, &out); err != nil {
		s.t.Fatalf("payload %s: %v", res.Payload, err)
	}
	return out
}

func (s *sandbox) shutdown() lambdaemu.Exit {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	exit, err := s.emu.Shutdown(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	if !exit.Clean() {
		s.t.Errorf("extension did not end cleanly: %+v", exit)
	}
	return exit
}

func (s *sandbox) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, l := range s.lines {
		fmt.Fprintf(&b, "%-9s %s\n", l.Origin, l.Text)
	}
	return b.String()
}

// line is one JSON line that the extension printed.
type line map[string]any

// printed are the extension's JSON lines, in order.
func (s *sandbox) printed() []line {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []line
	for _, l := range s.lines {
		if l.Origin != lambdaemu.OriginExtension {
			continue
		}
		var parsed line
		if err := json.Unmarshal([]byte(l.Text), &parsed); err != nil {
			s.t.Errorf("the extension printed a line that is no JSON object: %q", l.Text)
			continue
		}
		out = append(out, parsed)
	}
	return out
}

// canonical are the canonical events: EMF with a request id.
func (s *sandbox) canonical() []line {
	return s.only(func(l line) bool { return l["_aws"] != nil && l["function_request_id"] != nil })
}

// custom are the EMF documents of POST /metrics.
func (s *sandbox) custom() []line {
	return s.only(func(l line) bool { return l["_aws"] != nil && l["function_request_id"] == nil })
}

// enriched are the function's lines as the extension printed them.
func (s *sandbox) enriched() []line {
	return s.only(func(l line) bool { return l["_aws"] == nil && l["function_name"] != nil && l["lifetime_ms"] == nil })
}

// diagnostics are the extension's words about itself.
func (s *sandbox) diagnostics() []line {
	return s.only(func(l line) bool { return l["extension"] == "powertools-extension" })
}

func (s *sandbox) only(keep func(line) bool) []line {
	var out []line
	for _, l := range s.printed() {
		if keep(l) {
			out = append(out, l)
		}
	}
	return out
}
