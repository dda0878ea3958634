package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// bars are where the bars of the rows begin and end, oldest first.
func bars(t *testing.T, ctx context.Context) [][2]float64 {
	t.Helper()
	return value[[][2]float64](t, ctx, `[...document.querySelectorAll("#timeline tbody tr")].reverse().map((r) => { const b = [...r.querySelectorAll("rect.phase:not(.call)")].map((x) => x.getBoundingClientRect()); return [Math.min(...b.map((x) => x.left)), Math.max(...b.map((x) => x.right))]; })`)
}

// Managed instances run four at once: their rows overlap on one line of time, and
// every line stands with its own request.
func TestManagedInstances(t *testing.T) {
	e := emulate(t, []string{"--init-type", "managed-instances", "--concurrency", "4", "--timeout", "20s", "--extension", programs.extension, "--env", "POWERTOOLS_EXTENSION_HTTP_PORT={port}"}, self(t), functionArg)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { e.invoke(`{"sleep_ms":700}`) })
	}
	wg.Wait()
	eventually(t, ctx, "four rows", rows(4))
	list := bars(t, ctx)
	for i, a := range list {
		for j, b := range list {
			if i != j && (a[1] <= b[0] || b[1] <= a[0]) {
				t.Errorf("rows %d and %d do not overlap: %v %v", i+1, j+1, a, b)
			}
		}
	}
	if range_ := text(t, ctx, "#timeline .range"); !strings.Contains(range_, "up to 4 at once") {
		t.Errorf("the timeline says %q", range_)
	}
	for i := range 4 {
		press(t, ctx, fmt.Sprint(i+1))
		eventually(t, ctx, fmt.Sprint("the line of invocation ", i+1), fmt.Sprintf(`(() => { const inv = document.querySelector("#invocation"); const id = inv.querySelector(".facts .mono").innerText; return inv.querySelector(".headline").innerText.startsWith("#%d") && [...inv.querySelectorAll("tr.function")].length === 1 && inv.querySelector("tr.function").innerText.includes(id); })()`, i+1))
	}
	axe(t, ctx, "managed")
	screenshots(t, ctx, "managed")
}

// A frozen sandbox says so, and its freeze is a gap in the line of time however
// long it was; a start that fails is a row with its init in red.
func TestFrozenAndFailing(t *testing.T) {
	e := emulate(t, []string{"--extension", programs.extension, "--env", "POWERTOOLS_EXTENSION_HTTP_PORT={port}"}, self(t), functionArg)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	e.invoke(`{"sleep_ms":50,"lines":["before the freeze"]}`)
	time.Sleep(2500 * time.Millisecond)
	eventually(t, ctx, "frozen", `document.querySelector("#state").innerText === "frozen" && document.querySelector("#invocation").innerText.includes("wait while frozen") && document.querySelector("#invocation").innerText.includes("a copy may come after the thaw")`)
	e.invoke(`{"sleep_ms":50}`)
	eventually(t, ctx, "two rows", rows(2))
	gap := value[[]float64](t, ctx, `(() => { const r = [...document.querySelectorAll("#timeline tbody tr:first-child rect.gap.frozen")].at(-1).getBoundingClientRect(); const s = document.querySelector("#timeline tbody tr:first-child svg").getBoundingClientRect(); return [r.width / s.width]; })()`)
	if list := bars(t, ctx); list[0][1] >= list[1][0] || gap[0] > 0.1 {
		t.Errorf("bars %v, the gap of 2.5 s takes %v of the line", list, gap)
	}
	press(t, ctx, "1")
	eventually(t, ctx, "the copy after the thaw", `[...document.querySelectorAll("#invocation tr.function")].some((r) => r.cells[1].innerText.includes("before the freeze") && /in the log [23]\.\d\d s later/.test(r.cells[2].innerText))`)

	failing := emulate(t, []string{"--env", "FAIL_INIT=1", "--extension", programs.extension, "--env", "POWERTOOLS_EXTENSION_HTTP_PORT={port}"}, self(t), functionArg)
	do(t, ctx, chromedp.Navigate(failing.url))
	failing.invoke(`{}`)
	eventually(t, ctx, "the failed row", rows(1)+` && document.querySelector("#timeline tbody tr").innerText.includes("Runtime.ExitError")`)
	if n := value[int](t, ctx, `document.querySelectorAll("#timeline rect.phase.init.failed").length`); n != 2 {
		t.Errorf("%d inits in red, want the first and its repetition inside the invocation", n)
	}
	if got := text(t, ctx, "#invocation"); !strings.Contains(got, "sandbox reset: failure") || !strings.Contains(got, "the function cannot start") {
		t.Errorf("the invocation is shown as %s", got)
	}
	axe(t, ctx, "failing")
	screenshots(t, ctx, "failing")
}

// Time runs out: the page's own button does it, and the deadline stands as a line.
func TestTimeOut(t *testing.T) {
	e := emulate(t, []string{"--timeout", "1s"}, self(t), functionArg)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	eventually(t, ctx, "the controls", `document.querySelector("[data-fault=function-hung]")`)
	press(t, ctx, "Time-out")
	eventually(t, ctx, "the fault in force", `document.querySelector("[data-fault=function-hung]").getAttribute("aria-pressed") === "true"`)
	press(t, ctx, "Invoke")
	eventually(t, ctx, "the time-out", rows(1)+` && document.querySelector("#timeline tbody tr").innerText.includes("time-out")`)
	if n := value[int](t, ctx, `document.querySelectorAll("#timeline line.deadline").length`); n != 1 {
		t.Errorf("%d deadlines", n)
	}
	press(t, ctx, "Time-out")
	eventually(t, ctx, "the end of the fault", `document.querySelector("[data-fault=function-hung]").getAttribute("aria-pressed") === "false"`)
	press(t, ctx, "Invoke again")
	eventually(t, ctx, "a good one", rows(2)+` && document.querySelector("#timeline tbody tr").innerText.includes("ok · cold")`)
}

// An extension of somebody else beside ours: both are there with what they use, and
// nothing of one is taken for the other's.
func TestForeignExtension(t *testing.T) {
	foreign := need(t, "rust/foreign-rust")
	e := emulate(t, demo("--extension", foreign, "--env", "FOREIGN_MODE=telemetry", "--env", "FOREIGN_PORT={port2}"), programs.function)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	for range 3 {
		e.invoke(`{"sleep_ms":150}`) // awake long enough for telemetry to arrive
	}
	eventually(t, ctx, "three rows", rows(3))
	list := value[[]string](t, ctx, `[...document.querySelectorAll("#extensions tbody tr")].map((r) => r.innerText.replace(/\s+/g, " "))`)
	if len(list) != 2 {
		t.Fatalf("extensions %q", list)
	}
	for _, name := range []string{filepath.Base(foreign), "powertools-extension"} {
		row := ""
		for _, r := range list {
			if strings.HasPrefix(r, name+" ") {
				row = r
			}
		}
		if !strings.Contains(row, "registered") || !strings.Contains(row, "INVOKE") || !strings.Contains(row, "MB") || !strings.Contains(row, "kB") {
			t.Errorf("%s: %q", name, row)
		}
	}
	press(t, ctx, "1")
	eventually(t, ctx, "the copy of our extension", `[...document.querySelectorAll("#invocation tr.function ins")].some((i) => i.innerText === "service=orders")`)
	axe(t, ctx, "foreign")
	screenshots(t, ctx, "foreign")
}

// A finished run as one file opens from disk without a network and shows the same.
func TestPageFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.html")
	e := emulate(t, demo("--page-file", file), programs.function)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	for _, ev := range []string{`{}`, `{"password":"p4ssw0rd"}`, `{"fail":true}`} {
		e.invoke(ev)
	}
	eventually(t, ctx, "three rows", rows(3))
	want := value[string](t, ctx, timelineText)
	e.interrupt()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"https://", "p4ssw0rd", `src="/`, `href="/`} {
		if strings.Contains(string(content), no) {
			t.Errorf("the file has %q", no)
		}
	}
	// A browser whose every way out, to this machine too, ends at a proxy that is not there.
	ctx = chromium(t, 1280, 800, chromedp.Flag("proxy-server", "127.0.0.1:9"), chromedp.Flag("proxy-bypass-list", "<-loopback>"))
	do(t, ctx, chromedp.Navigate("file://"+file))
	eventually(t, ctx, "three rows from the file", rows(3))
	if got := value[string](t, ctx, timelineText); got != want {
		t.Errorf("the file shows %q, the page %q", got, want)
	}
	eventually(t, ctx, "the ledger", `document.querySelector("#ledger").innerText.includes("exit 0") && document.querySelector("#controls").innerText.includes("can only be watched")`)
	if errors := value[int](t, ctx, `performance.getEntriesByType("resource").length`); errors != 0 {
		t.Errorf("%d things were loaded", errors)
	}
	axe(t, ctx, "file")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
}
