package browser

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "write the README's screenshot, docs/img/live-page.png")

// The demo function runs three times, then its upstream goes down: the page shows
// each of it as it was.
func TestDemo(t *testing.T) {
	stream := filepath.Join(t.TempDir(), "log")
	e := emulate(t, demo("--log-stream", stream), programs.function)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	eventually(t, ctx, "the empty page", "document.querySelector('#timeline .empty')")
	for i := range 3 {
		if i > 0 {
			time.Sleep(1100 * time.Millisecond) // a second of its own in the plots
		}
		e.invoke(`{"password":"p4ssw0rd"}`)
	}
	eventually(t, ctx, "three rows", rows(3))
	checkTimeline(t, ctx)

	press(t, ctx, "1")
	eventually(t, ctx, "invocation 1", `document.querySelector("#invocation .headline").innerText.startsWith("#1")`)
	checkLines(t, ctx)
	if got := text(t, ctx, "#invocation .tree"); strings.Contains(got, "p4ssw0rd") || !strings.Contains(got, "password") {
		t.Errorf("the event is shown as %q", got)
	}
	checkCanonical(t, ctx)
	checkMasked(t, ctx)

	press(t, ctx, "Upstream down")
	eventually(t, ctx, "the fault in force", `document.querySelector("[data-fault=down]").getAttribute("aria-pressed") === "true"`)
	time.Sleep(1100 * time.Millisecond) // older than max_age
	script(t, ctx, `document.querySelector("#event").value = '{"max_age": 1}'`)
	press(t, ctx, "Invoke")
	eventually(t, ctx, "the fourth row", rows(4))
	eventually(t, ctx, "the stale read", `document.querySelector("#invocation").innerText.includes('cache: "stale"')`)
	eventually(t, ctx, "calls under the fault", `[...document.querySelectorAll("#parameters tr.failed")].some((r) => r.innerText.includes("ssm:GetParameter") && r.innerText.includes("down"))`)
	press(t, ctx, "Upstream down")
	eventually(t, ctx, "the end of the fault", `document.querySelector("[data-fault=down]").getAttribute("aria-pressed") === "false"`)
	e.invoke(`{}`)
	eventually(t, ctx, "the fifth row", rows(5))

	screenshots(t, ctx, "demo")
	before := value[string](t, ctx, timelineText)
	do(t, ctx, chromedp.Reload())
	eventually(t, ctx, "the same run after a reload", fmt.Sprintf("%s === %q", timelineText, before))

	press(t, ctx, "Re-init")
	eventually(t, ctx, "the end of the first environment", `document.querySelector("#controls").innerText.includes("a new environment is ready")`)
	e.invoke(`{}`)
	eventually(t, ctx, "the sixth row is cold", rows(6)+` && document.querySelector("#timeline tbody tr").innerText.includes("cold")`)
	press(t, ctx, "Shut down …")
	press(t, ctx, "Shut down now")
	eventually(t, ctx, "the ledger", `document.querySelector("#ledger").innerText.includes("exit 0") && document.querySelector("#state").innerText === "the run has ended"`)
	e.interrupt()
	checkPlot(t, ctx, stream)
	if ledger := text(t, ctx, "#ledger"); !strings.Contains(ledger, "6 invocations, 0 failures") || !strings.Contains(ledger, "canonical_events 6") && !strings.Contains(ledger, "canonical_events") {
		t.Errorf("the ledger is %s", ledger)
	}
}

// A run with something of everything, for the README's picture.
func TestPicture(t *testing.T) {
	e := emulate(t, demo(), programs.function)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	for i, ev := range []string{`{}`, `{"sleep_ms":25}`, `{"max_age":0,"sleep_ms":8}`, `{"fail":true}`, `{"sleep_ms":14}`, `{"panic":true}`, `{"sleep_ms":18}`, `{"max_age":0}`, `{"sleep_ms":10}`} {
		if i == 7 {
			press(t, ctx, "Upstream down")
			eventually(t, ctx, "the fault in force", `document.querySelector("[data-fault=down]").getAttribute("aria-pressed") === "true"`)
		}
		e.invoke(ev)
	}
	eventually(t, ctx, "nine rows", rows(9))
	press(t, ctx, "5")
	eventually(t, ctx, "invocation 5 with its copies", `document.querySelector("#invocation .headline").innerText.startsWith("#5") && document.querySelectorAll("#invocation tr.function ins").length > 5`)
	script(t, ctx, `window.scrollTo(0, 0); document.activeElement?.blur()`)
	do(t, ctx, chromedp.Sleep(300*time.Millisecond))
	image := run(t, ctx, chromedp.CaptureScreenshot())
	if len(image) > 200_000 {
		t.Errorf("the picture has %d bytes, more than a README should load", len(image))
	}
	save(t, filepath.Join(t.ArtifactDir(), "live-page.png"), image)
	save(t, filepath.Join(t.ArtifactDir(), "live-page-full.png"), run(t, ctx, chromedp.FullScreenshot(100)))
	if *update {
		save(t, filepath.Join(root(), "docs/img/live-page.png"), image)
	}
}

const timelineText = `[...document.querySelectorAll("#timeline tbody tr")].map((r) => r.innerText.replace(/\s+/g, " ")).join("|")`

func checkTimeline(t *testing.T, ctx context.Context) {
	t.Helper()
	got := strings.Split(value[string](t, ctx, timelineText), "|")
	if len(got) != 3 || !strings.HasPrefix(got[2], "1 ok · cold") || !strings.HasPrefix(got[0], "3 ok ") || !strings.Contains(got[0], " ms") {
		t.Errorf("timeline %q", got)
	}
	steps := value[[]string](t, ctx, `[...document.querySelectorAll("#timeline tbody tr:last-child rect.phase:not(.call)")].map((r) => r.dataset.phase)`)
	want := []string{"init: extensions", "init: runtime", "platform", "handler", "runtime, until it asks for more"} // and extensions after, if one was still busy
	if !strings.HasPrefix(strings.Join(steps, ","), strings.Join(want, ",")) {
		t.Errorf("steps %q, want %q", steps, want)
	}
	if frozen := value[int](t, ctx, `document.querySelectorAll("#timeline tbody tr:last-child rect.gap.frozen").length`); frozen < 2 {
		t.Errorf("%d frozen stretches between three invocations", frozen)
	}
}

// checkLines: the enriched line stands beside the raw one it is a copy of.
func checkLines(t *testing.T, ctx context.Context) {
	t.Helper()
	type line struct{ Raw, Stored, Added string } // named as the script names them
	lines := value[[]line](t, ctx, `[...document.querySelectorAll("#invocation .block table tbody tr.function")].map((r) => ({ Raw: r.cells[1].innerText, Stored: r.cells[2].innerText, Added: [...r.querySelectorAll("ins")].map((i) => i.innerText).join(" ") }))`)
	if len(lines) != 2 {
		t.Fatalf("lines %+v", lines)
	}
	for i, want := range []string{`"message":"parameter read"`, "order placed, the greeting has 26 characters"} {
		l := lines[i]
		if !strings.Contains(l.Raw, want) || !strings.Contains(l.Added, "service=orders") || !strings.Contains(l.Added, "cold_start=true") || !strings.Contains(l.Stored, "in the log") {
			t.Errorf("line %+v, want %s", l, want)
		}
	}
	if strings.Contains(lines[0].Added, "took_ms") || !strings.Contains(lines[1].Stored, "order placed") {
		t.Errorf("lines %+v", lines)
	}
}

func checkCanonical(t *testing.T, ctx context.Context) {
	t.Helper()
	rows := value[[]string](t, ctx, `[...document.querySelectorAll("[aria-label='Canonical event'] tbody tr")].map((r) => r.innerText.replace(/\s+/g, " "))`)
	all := strings.Join(rows, "\n")
	if !strings.Contains(all, "ColdStart 1 Count metric · billed") || !strings.Contains(all, "outcome success member · free") {
		t.Errorf("canonical event:\n%s", all)
	}
}

func checkMasked(t *testing.T, ctx context.Context) {
	t.Helper()
	row := text(t, ctx, "[aria-label='Cached parameters'] tbody tr")
	if !strings.Contains(row, "/demo/greeting") || !strings.Contains(row, "••••••") || !strings.Contains(row, "fresh") {
		t.Errorf("cache row %q", row)
	}
	if body := text(t, ctx, "#parameters"); strings.Contains(body, "Hello from Parameter Store") {
		t.Error("a value stands among the parameters")
	}
}

// checkPlot compares a plot's last value with the documents in the log.
func checkPlot(t *testing.T, ctx context.Context, stream string) {
	t.Helper()
	log, err := os.ReadFile(stream)
	if err != nil {
		t.Fatal(err)
	}
	sums, last := map[int64]float64{}, int64(0)
	for line := range strings.Lines(string(log)) {
		var doc struct {
			AWS          struct{ Timestamp int64 } `json:"_aws"`
			OrdersPlaced *float64
		}
		if json.Unmarshal([]byte(line), &doc) == nil && doc.OrdersPlaced != nil {
			second := doc.AWS.Timestamp / 1000
			sums[second] += *doc.OrdersPlaced
			last = max(last, second)
		}
	}
	if got := text(t, ctx, "[data-metric=OrdersPlaced] .last"); got != fmt.Sprint(sums[last]) || last == 0 {
		t.Errorf("the plot ends with %s, the log with %v", got, sums[last])
	}
}

// screenshots are artefacts of the test; -update puts one into the README.
func screenshots(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	script(t, ctx, `window.scrollTo(0, 0); document.activeElement?.blur()`)
	for _, shot := range []struct {
		name          string
		width, height int64
		dark          bool
	}{{"1280x800", 1280, 800, false}, {"390x844", 390, 844, false}, {"dark", 1280, 800, true}, {"320x640", 320, 640, false}, {"3840x2160", 3840, 2160, false}} {
		scheme := "light"
		if shot.dark {
			scheme = "dark"
		}
		media(t, ctx, "prefers-color-scheme", scheme)
		do(t, ctx, chromedp.EmulateViewport(shot.width, shot.height), chromedp.Sleep(300*time.Millisecond))
		image := run(t, ctx, chromedp.CaptureScreenshot())
		if overflow := value[int](t, ctx, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); overflow > 0 {
			t.Errorf("%s: %d pixels wider than the window", shot.name, overflow)
		}
		full := run(t, ctx, chromedp.FullScreenshot(100))
		save(t, filepath.Join(t.ArtifactDir(), name+"-"+shot.name+".png"), image)
		save(t, filepath.Join(t.ArtifactDir(), name+"-"+shot.name+"-full.png"), full)
	}
	media(t, ctx)
	do(t, ctx, chromedp.EmulateViewport(1280, 800))
}

func save(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
