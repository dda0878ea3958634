package arm64

import (
	"cmp"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// qemu is in Debian's package qemu-user-static.
const qemu = "qemu-aarch64-static"

var (
	native harness.Builds
	arm    lazily
)

// lazily are the arm64 programs, built by the first test that needs them.
type lazily struct {
	dir   string
	once  sync.Once
	built harness.Builds
}

// telling is the argument that makes the test binary the function of TestWrapper.
const telling = "-telling"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "arm64-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	arm.dir = dir
	code := harness.Main(m, map[string]func(){telling: tellingFunction}, &native)
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// tellingFunction answers with a variable and with what the extension says of
// itself.
func tellingFunction() {
	lambda.Start(func(ctx context.Context, event struct{ Fail bool }) (any, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+os.Getenv("POWERTOOLS_EXTENSION_HTTP_PORT")+"/healthz", nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set(harness.TokenHeader, os.Getenv("AWS_SESSION_TOKEN"))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		var health map[string]any
		if err := json.NewDecoder(res.Body).Decode(&health); err != nil {
			return nil, err
		}
		if event.Fail {
			return nil, errors.New("the event asked for a failure")
		}
		return map[string]any{"greeting": os.Getenv("GREETING"), "health": health}, nil
	})
}

// programs are the arm64 extension and wrapper, each behind a script of its
// name: lambdaemu executes a file, as Lambda does, and takes the name of the
// extension from it.
func programs(t *testing.T) harness.Builds {
	t.Helper()
	arm.once.Do(func() { arm.built = build(t) })
	if arm.built.Extension == "" {
		t.Fatal("the arm64 programs were not built")
	}
	return arm.built
}

func build(t *testing.T) harness.Builds {
	t.Helper()
	emulator := ""
	if runtime.GOARCH != "arm64" {
		emulator = harness.Tool(t, qemu)
	}
	binaries, scripts := filepath.Join(arm.dir, "binaries"), filepath.Join(arm.dir, "scripts")
	for _, dir := range []string{binaries, scripts} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	out := harness.Builds{Function: native.Function}
	for name, path := range map[string]*string{"extension": &out.Extension, "wrapper": &out.Wrapper} {
		file := "powertools-" + name
		binary := filepath.Join(binaries, file)
		cmd := exec.Command("go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w -X main.version=arm64", "-o", binary, "../../cmd/"+name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v: %s", name, err, text)
		}
		isARM64(t, binary)
		if *path = binary; emulator == "" {
			continue
		}
		*path = filepath.Join(scripts, file)
		script := fmt.Sprintf("#!/bin/sh\nexec '%s' -0 \"$0\" '%s' \"$@\"\n", emulator, binary)
		if err := os.WriteFile(*path, []byte(script), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	return out
}

// isARM64 fails for a binary of another machine: it would run, and prove nothing.
func isARM64(t *testing.T, path string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != elf.EM_AARCH64 {
		t.Fatalf("%s is of %v", path, f.Machine)
	}
}

// checks counts what ran, and says it.
type checks struct {
	t    *testing.T
	done []string
}

func (c *checks) check(name string, ok bool, format string, args ...any) {
	c.t.Helper()
	c.done = append(c.done, name)
	if !ok {
		c.t.Errorf("%s: %s", name, fmt.Sprintf(format, args...))
	}
}

// wanted are the checks that must have run: one that is lost, say by an early
// return, fails.
func (c *checks) wanted(names ...string) {
	c.t.Helper()
	c.t.Logf("%d checks ran on arm64 (%s): %s", len(c.done), how(), strings.Join(c.done, ", "))
	if !slices.Equal(c.done, names) {
		c.t.Errorf("ran %q, want %q", c.done, names)
	}
}

func how() string {
	if runtime.GOARCH == "arm64" {
		return "this machine's own"
	}
	return qemu
}

// start runs a sandbox with the time-outs that an emulated program needs.
func start(t *testing.T, builds harness.Builds, opt lambdaemu.Options) *harness.Sandbox {
	t.Helper()
	opt.Timeout, opt.InitTimeout = cmp.Or(opt.Timeout, 30*time.Second), time.Minute
	return harness.Start(t, builds, opt)
}

// TestExtension: the life of the arm64 extension, from its registration to the
// account at its end.
func TestExtension(t *testing.T) {
	builds := programs(t)
	aws := harness.FakeAWS(t)
	s := start(t, builds, lambdaemu.Options{Env: map[string]string{"AWS_ENDPOINT_URL": aws.URL}})
	c := &checks{t: t}

	// A pause, as a caller makes it, and the function's own time: lines are
	// delivered before the sandbox freezes.
	first := s.Must(`{"sleep_ms":300}`)
	transcript := lambdaemu.Render(s.Emu.Transcript())
	c.check("register", strings.Contains(transcript, "register") && strings.Contains(transcript, "powertools-extension"), "%s", transcript)
	c.check("subscription", strings.Contains(transcript, "telemetry"), "%s", transcript)
	c.check("fetched read", first["cache"] == "miss" && first["greeting"] != "", "%v", first)
	second := s.Must(`{"sleep_ms":300}`)
	c.check("cached read", second["cache"] == "hit" && second["greeting"] == first["greeting"], "%v after %v", second, first)
	failed := s.Invoke(`{"fail":true,"sleep_ms":300}`)
	c.check("failed invocation", failed.FunctionError != "", "%+v", failed)
	exit := s.Shutdown()
	c.check("shutdown", exit.Clean() && len(exit.Extensions) == 1 && exit.Extensions[0].Name == "powertools-extension", "%+v", exit)

	enriched := s.Enriched()
	plain := slices.IndexFunc(enriched, func(l harness.Line) bool {
		text, _ := l["message"].(string)
		return strings.HasPrefix(text, "order placed") && l["service"] == "orders" && l["function_request_id"] != nil
	})
	c.check("lines", len(enriched) >= 6 && plain >= 0, "%d enriched lines", len(enriched))
	events := s.Canonical()
	c.check("canonical events", len(events) == 3 && events[0]["cold_start"] == true && events[1]["cold_start"] == false, "%v", events)
	c.check("outcome", len(events) == 3 && events[1]["outcome"] == "success" && events[2]["outcome"] == "error", "%v", events)
	orders := 0.0
	for _, doc := range s.Custom() {
		switch n := doc["OrdersPlaced"].(type) {
		case float64:
			orders += n
		case []any:
			orders += float64(len(n))
		}
	}
	c.check("metrics", orders == 3, "%v orders in %v", orders, s.Custom())
	ledger := s.Only(func(l harness.Line) bool { return l["lifetime_ms"] != nil })
	c.check("ledger", len(ledger) == 1, "%v", ledger)
	c.wanted("register", "subscription", "fetched read", "cached read", "failed invocation", "shutdown", "lines", "canonical events", "outcome", "metrics", "ledger")
}

// TestWrapper: the arm64 wrapper asks the extension, sets a variable that comes
// from a parameter, and becomes the function, whose calls go through the proxy.
func TestWrapper(t *testing.T) {
	builds := programs(t)
	aws := harness.FakeAWS(t)
	s := start(t, builds, lambdaemu.Options{
		Command: append([]string{builds.Wrapper}, harness.Self(t, telling)...),
		Env: map[string]string{
			"AWS_ENDPOINT_URL": aws.URL, "POWERTOOLS_RUNTIME_PROXY_PORT": harness.FreePort(t), "POWERTOOLS_RUNTIME_PROXY": "on",
			"GREETING": "powertools+ssm:/demo/greeting",
		},
	})
	c := &checks{t: t}
	answer := s.Must(`{}`)
	c.check("variable", answer["greeting"] == "Hello from Parameter Store", "%v", answer)
	health, _ := answer["health"].(map[string]any)
	c.check("health", health["version"] == "arm64", "%v", health)
	failed := s.Invoke(`{"fail":true}`)
	c.check("failed invocation", failed.FunctionError != "", "%+v", failed)
	exit := s.Shutdown()
	c.check("shutdown", exit.Clean(), "%+v", exit)
	events := s.Canonical()
	c.check("seen by the proxy", len(events) == 2 && events[1]["outcome"] == "error" && events[1]["outcome_from"] == "proxy", "%v", events)
	c.wanted("variable", "health", "failed invocation", "shutdown", "seen by the proxy")
}

// TestWrapperWithoutAnExtension: what was to come from a parameter is missing,
// and the runtime does not start.
func TestWrapperWithoutAnExtension(t *testing.T) {
	builds := programs(t)
	cmd := exec.Command(builds.Wrapper, "/bin/echo", "started")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DB=powertools+ssm:/db", "POWERTOOLS_RUNTIME_PROXY_PORT=" + harness.FreePort(t), "POWERTOOLS_PARAMETERS_ENV_TIMEOUT=100ms"}
	out, err := cmd.CombinedOutput()
	c := &checks{t: t}
	c.check("refused", err != nil && !strings.Contains(string(out), "started\n") && strings.Contains(string(out), "DB"), "%v %s", err, out)
	cmd = exec.Command(builds.Wrapper, "/bin/echo", "started")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err = cmd.CombinedOutput()
	c.check("passed on", err == nil && strings.HasSuffix(string(out), "started\n"), "%v %s", err, out)
	c.wanted("refused", "passed on")
}
