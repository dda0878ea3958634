package browser

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// programs are what the tests run, built once.
var programs struct{ lambdaemu, extension, function string }

func TestMain(m *testing.M) { os.Exit(mainCode(m)) }

func mainCode(m *testing.M) int {
	if len(os.Args) == 2 && os.Args[1] == functionArg {
		serveFunction()
		return 0
	}
	dir, err := os.MkdirTemp("", "page")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for pkg, path := range map[string]*string{"./cmd/lambdaemu": &programs.lambdaemu, "./cmd/extension": &programs.extension, "./examples/go": &programs.function} {
		*path = filepath.Join(dir, filepath.Base(pkg))
		if pkg == "./cmd/extension" {
			*path = filepath.Join(dir, "powertools-extension")
		}
		build := exec.Command("go", "build", "-trimpath", "-o", *path, pkg)
		build.Dir, build.Env = root(), append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", pkg, err, out)
			return 1
		}
	}
	return m.Run()
}

// root is the repository's directory.
func root() string {
	dir, err := filepath.Abs("../../../..")
	if err != nil {
		return "."
	}
	return dir
}

// need returns the path of something prepared under .cache, or skips loudly; in
// CI nothing may be missing.
func need(t testing.TB, path string) string {
	t.Helper()
	full := filepath.Join(root(), ".cache", path)
	if _, err := os.Stat(full); err != nil {
		missing(t, path+" is missing: run make runtimes")
	}
	return full
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip("SKIPPED, NOT TESTED: " + why)
}

// emulator is a running lambdaemu with its page.
type emulator struct {
	t   testing.TB
	cmd *exec.Cmd
	url string // of the page

	mu     sync.Mutex
	stderr bytes.Buffer
	ended  chan struct{}
	once   sync.Once
}

// demo are the flags of the demo function beside our extension.
func demo(more ...string) []string {
	return append([]string{
		"--extension", programs.extension, "--params", filepath.Join(root(), "examples/params.yaml"), "--env", "POWERTOOLS_EXTENSION_HTTP_PORT={port}",
		"--env", "POWERTOOLS_SERVICE_NAME=orders", "--env", "POWERTOOLS_METRICS_NAMESPACE=shop", "--env", "POWERTOOLS_LOGS_REDACT=password",
	}, more...)
}

// emulate starts lambdaemu with the flags and the function's command, and waits
// until it serves.
func emulate(t testing.TB, flags []string, command ...string) *emulator {
	t.Helper()
	args := append(append([]string{"--listen", "127.0.0.1:" + freePort(t), "--quiet"}, flags...), "--")
	e := &emulator{t: t, cmd: exec.Command(programs.lambdaemu, append(args, command...)...), ended: make(chan struct{})}
	e.cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL=")
	out, err := e.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	go e.listen(out, address)
	t.Cleanup(func() { e.interrupt() })
	select {
	case e.url = <-address:
	case <-e.ended:
		t.Fatalf("lambdaemu ended: %s", e.said())
	case <-time.After(60 * time.Second):
		t.Fatalf("lambdaemu does not serve: %s", e.said())
	}
	return e
}

func (e *emulator) listen(out io.Reader, address chan<- string) {
	defer close(e.ended)
	found := regexp.MustCompile(`(http://127\.0\.0\.1:\d+/) +in a browser`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		e.mu.Lock()
		e.stderr.WriteString(lines.Text() + "\n")
		e.mu.Unlock()
		if m := found.FindStringSubmatch(lines.Text()); m != nil {
			address <- m[1]
		}
	}
	_ = e.cmd.Wait()
}

func (e *emulator) said() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stderr.String()
}

// interrupt is Ctrl-C; it returns when lambdaemu has ended.
func (e *emulator) interrupt() {
	e.once.Do(func() {
		_ = e.cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-e.ended:
		case <-time.After(30 * time.Second):
			e.t.Errorf("lambdaemu does not end: %s", e.said())
			_ = e.cmd.Process.Kill()
			<-e.ended
		}
	})
}

// invoke calls the function over HTTP and returns its answer.
func (e *emulator) invoke(event string) string {
	e.t.Helper()
	resp, err := http.Post(e.url+"2015-03-31/functions/function/invocations", "application/json", strings.NewReader(event))
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(body)
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// chromium is a tab of a browser of its own.
func chromium(t testing.TB, width, height int, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browserPath(t)), chromedp.WindowSize(width, height),
		chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("enable-precise-memory-info", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(options, more...)...)
	t.Cleanup(cancel)
	ctx, cancelTab := chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancelTab)
	ctx, cancelTime := context.WithTimeout(ctx, 9*time.Minute)
	t.Cleanup(cancelTime)
	do(t, ctx, chromedp.EmulateViewport(int64(width), int64(height))) // a window's size counts its frame
	return ctx
}

// browserPath is Debian's Chromium, or Chrome where that is what a machine has.
func browserPath(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "there is no chromium: apt-get install chromium")
	return ""
}

// do runs actions, each of which must succeed.
func do(t testing.TB, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	for _, action := range actions {
		run(t, ctx, action)
	}
}

// run is do for one action that has a result.
func run[T any](t testing.TB, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// script runs statements in the page.
func script(t testing.TB, ctx context.Context, statements string) {
	t.Helper()
	run(t, ctx, chromedp.Evaluate[int](statements+";0"))
}

// media sets what the page's media queries find; nothing: what the browser has.
func media(t testing.TB, ctx context.Context, features ...string) {
	t.Helper()
	var params emulation.SetEmulatedMediaParams
	for i := 0; i+1 < len(features); i += 2 {
		params.Features = append(params.Features, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, params)
		return err
	}))
}

// value is what an expression of the page amounts to.
func value[T any](t testing.TB, ctx context.Context, expression string) T {
	t.Helper()
	return run(t, ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// text is what stands in the first element of a selector.
func text(t testing.TB, ctx context.Context, selector string) string {
	t.Helper()
	return value[string](t, ctx, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

// eventually waits until an expression of the page is true.
func eventually(t testing.TB, ctx context.Context, what, expression string) {
	t.Helper()
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if value[bool](t, ctx, "!!("+expression+")") {
			return
		}
	}
	t.Fatalf("never happened: %s\n%.3000s", what, text(t, ctx, "body"))
}

// rows says that the timeline has so many.
func rows(n int) string {
	return fmt.Sprintf("document.querySelectorAll('#timeline tbody tr').length === %d && document.querySelectorAll('#timeline .chip.running').length === 0", n)
}

// button presses the button with the text.
func press(t testing.TB, ctx context.Context, label string) {
	t.Helper()
	if !value[bool](t, ctx, fmt.Sprintf(`(() => { const b = [...document.querySelectorAll("button")].find((b) => b.innerText.trim() === %q && !b.disabled && b.checkVisibility()); b?.click(); return !!b; })()`, label)) {
		t.Fatalf("there is no button %q", label)
	}
}
