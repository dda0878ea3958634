package foreign

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

const (
	ours  = "powertools-extension"
	plain = "-plain-function"
)

var binaries harness.Builds

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, map[string]func(){plain: plainFunction}, &binaries))
}

// plainFunction needs no extension. It prints two lines and then takes its
// time, so that they are delivered before the sandbox is frozen.
func plainFunction() {
	lambda.Start(func(_ context.Context, event struct {
		SleepMS int `json:"sleep_ms"`
	}) (any, error) {
		fmt.Println("a plain line")
		fmt.Println(`{"level":"INFO","message":"a JSON line","order":7}`)
		time.Sleep(time.Duration(event.SleepMS) * time.Millisecond)
		return map[string]any{"ok": true}, nil
	})
}

// world is a sandbox with any extensions.
type world struct {
	t   *testing.T
	emu *lambdaemu.Emulator
	ids []string // of the invocations

	mu    sync.Mutex
	lines []lambdaemu.Line
}

// begin starts the sandbox. withOurs adds the powertools extension and makes
// the example function, which reads from it, the default; alone it is the
// plain function.
func begin(t *testing.T, withOurs bool, opt lambdaemu.Options) *world {
	t.Helper()
	w := &world{t: t}
	env := map[string]string{"AWS_SESSION_TOKEN": harness.Token}
	command := harness.Self(t, plain)
	if withOurs {
		env["AWS_ENDPOINT_URL"] = harness.FakeAWS(t).URL
		env["POWERTOOLS_SERVICE_NAME"], env["POWERTOOLS_METRICS_NAMESPACE"] = "orders", "shop"
		env["POWERTOOLS_EXTENSION_HTTP_PORT"] = harness.FreePort(t)
		opt.Layers = append(opt.Layers, binaries.Extension)
		command = []string{binaries.Function}
	}
	maps.Copy(env, opt.Env)
	opt.Env, opt.OnLine = env, w.keep
	if opt.Command == nil {
		opt.Command = command
	}
	emu, err := lambdaemu.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	w.emu = emu
	t.Cleanup(func() {
		w.end()
		if t.Failed() {
			t.Logf("transcript:\n%s\nlog stream:\n%s", lambdaemu.Render(emu.Transcript()), w.text(""))
		}
	})
	return w
}

func (w *world) keep(line lambdaemu.Line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line)
}

// invoke wants success.
func (w *world) invoke() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	res, err := w.emu.Invoke(ctx, lambdaemu.Request{Payload: []byte(`{"sleep_ms":150}`)})
	if err != nil || res.FunctionError != "" {
		w.t.Fatalf("invocation: %v %s %s", err, res.ErrorType, res.Payload)
	}
	w.ids = append(w.ids, res.RequestID)
}

func (w *world) end() lambdaemu.Exit {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	exit, err := w.emu.Shutdown(ctx)
	if err != nil {
		w.t.Error(err)
	}
	return exit
}

// checkKilled wants one extension to be killed at the end of its two seconds
// and every other to have ended by itself.
func checkKilled(t *testing.T, exit lambdaemu.Exit, name string) {
	t.Helper()
	for _, x := range exit.Extensions {
		want := 0
		if x.Name == name {
			want = -1
		}
		if x.Code != want || x.After > 4*time.Second { // a busy machine kills late
			t.Errorf("%s: exit code %d after %s, want %d", x.Name, x.Code, x.After, want)
		}
	}
}

// text is what the extension of that name printed, or with "" the whole log.
func (w *world) text(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, l := range w.lines {
		if name == "" {
			fmt.Fprintf(&b, "%-9s %s\n", l.Origin, l.Text)
		} else if l.Name == name {
			fmt.Fprintln(&b, l.Text)
		}
	}
	return b.String()
}

// functionSays reports whether the function printed the line.
func (w *world) functionSays(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		if l.Origin == lambdaemu.OriginFunction && l.Text == text {
			return true
		}
	}
	return false
}

// canonical are the request ids of which the powertools extension printed a
// complete event.
func (w *world) canonical() []string {
	var ids []string
	for text := range strings.Lines(w.text(ours)) {
		var line struct {
			EMF      any    `json:"_aws"`
			ID       string `json:"function_request_id"`
			Complete bool   `json:"complete"`
		}
		if json.Unmarshal([]byte(text), &line) == nil && line.EMF != nil && line.Complete {
			ids = append(ids, line.ID)
		}
	}
	return ids
}

// here is a path of this folder, made absolute for other working directories.
func here(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}
