package browser

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// violation is a rule of axe-core that the page breaks.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML string `json:"html"`
	} `json:"nodes"`
}

// axe judges what is shown. Nothing may be serious or critical.
func axe(t *testing.T, ctx context.Context, what string) {
	t.Helper()
	source, err := os.ReadFile(need(t, "axe/node_modules/axe-core/axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	type report struct {
		Violations []violation `json:"violations"`
		Passes     int         `json:"passes"`
	}
	script(t, ctx, string(source))
	got := value[report](t, ctx, `axe.run(document).then((r) => ({ violations: r.violations.map(({ id, impact, help, nodes }) => ({ id, impact: impact ?? "", help, nodes: nodes.map(({ html }) => ({ html })) })), passes: r.passes.length }))`)
	if got.Passes < 20 {
		t.Errorf("%s: %d rules of axe passed only", what, got.Passes)
	}
	body, err := json.MarshalIndent(got.Violations, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(t.ArtifactDir(), "axe-"+what+".json"), body)
	for _, v := range got.Violations {
		if v.Impact == "serious" || v.Impact == "critical" {
			t.Errorf("%s: %s (%s): %s, %d times, e.g. %.300s", what, v.ID, v.Impact, v.Help, len(v.Nodes), v.Nodes[0].HTML)
		} else {
			t.Logf("%s: %s (%s): %s, %d times", what, v.ID, v.Impact, v.Help, len(v.Nodes))
		}
	}
}

// A screen reader and a keyboard get all of it: empty, with a run, dark, narrow,
// with a fault, and ended.
func TestAccess(t *testing.T) {
	e := emulate(t, demo(), programs.function)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	eventually(t, ctx, "the empty page", "document.querySelector('#timeline .empty')")
	axe(t, ctx, "empty")
	for _, ev := range []string{`{}`, `{"fail":true}`, `{"max_age":0}`} {
		e.invoke(ev)
	}
	eventually(t, ctx, "three rows", rows(3))
	press(t, ctx, "Upstream down")
	eventually(t, ctx, "the fault in force", `document.querySelector("[data-fault=down]").getAttribute("aria-pressed") === "true"`)
	e.invoke(`{"max_age":0}`)
	eventually(t, ctx, "four rows", rows(4))
	press(t, ctx, "1")
	axe(t, ctx, "run")
	checkKeyboard(t, ctx)
	media(t, ctx, "prefers-color-scheme", "dark", "prefers-reduced-motion", "reduce")
	axe(t, ctx, "dark")
	if moving := value[int](t, ctx, "document.getAnimations().length"); moving != 0 {
		t.Errorf("%d animations with reduced motion", moving)
	}
	media(t, ctx)
	do(t, ctx, chromedp.EmulateViewport(320, 640))
	axe(t, ctx, "narrow")
	do(t, ctx, chromedp.EmulateViewport(1280, 800))
	e.interrupt()
	eventually(t, ctx, "the end", `document.querySelector("#state").innerText === "the run has ended"`)
	axe(t, ctx, "ended")
}

// checkKeyboard walks through the page with Tab: the sections come in their order,
// nothing is passed twice, everything that has focus can be seen, and Enter in a
// row shows its invocation.
func checkKeyboard(t *testing.T, ctx context.Context) {
	t.Helper()
	script(t, ctx, `document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex")`)
	type stop struct {
		Tag     string `json:"tag"`
		Section string `json:"section"`
		Name    string `json:"name"`
		Seen    bool   `json:"seen"`
	}
	var order []string
	last := ""
	for range 250 {
		do(t, ctx, chromedp.KeyEvent(kb.Tab))
		at := value[stop](t, ctx, `(() => { const a = document.activeElement; const r = a.getBoundingClientRect(); return { tag: a.tagName, section: a.closest("section")?.id ?? a.closest("header")?.className ?? "", name: a.getAttribute("aria-label") ?? a.innerText ?? "", seen: r.width > 0 && r.height > 0 }; })()`)
		if at.Tag == "BODY" {
			break
		}
		if !at.Seen {
			t.Errorf("focus on something that cannot be seen: %+v", at)
		}
		if at.Section != "" && at.Section != last {
			order = append(order, at.Section)
			last = at.Section
		}
	}
	if got, want := strings.Join(order, " "), "top timeline invocation metrics parameters controls extensions"; got != want {
		t.Errorf("Tab goes through %s, want %s", got, want)
	}
	script(t, ctx, `[...document.querySelectorAll("#timeline tbody button")].find((b) => b.innerText === "2").focus()`)
	do(t, ctx, chromedp.KeyEvent(kb.Enter))
	eventually(t, ctx, "invocation 2 by keyboard", `document.querySelector("#invocation .headline").innerText.startsWith("#2")`)
	if focus := value[string](t, ctx, `document.activeElement.getAttribute("aria-label") ?? ""`); focus != "Show invocation 2" {
		t.Errorf("after Enter the focus is on %q", focus)
	}
}

// Every table copies as TSV, and text can be selected while the run goes on.
func TestCopy(t *testing.T) {
	e := emulate(t, demo(), programs.function)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	script(t, ctx, `window.copied = []; Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => { window.copied.push(text); } } })`)
	e.invoke(`{}`)
	e.invoke(`{}`)
	eventually(t, ctx, "two rows", rows(2))
	script(t, ctx, `getSelection().selectAllChildren(document.querySelector("#timeline tbody tr:last-child")); window.selected = getSelection().toString()`)
	e.invoke(`{}`)
	eventually(t, ctx, "three rows", rows(3))
	if before, after := value[string](t, ctx, "window.selected"), value[string](t, ctx, "getSelection().toString()"); before == "" || before != after {
		t.Errorf("selected %q, later %q", before, after)
	}
	n := value[int](t, ctx, `(() => { const all = [...document.querySelectorAll("button[aria-label$='as TSV']")].filter((b) => b.checkVisibility()); for (const b of all) b.click(); return all.length; })()`)
	tables := value[int](t, ctx, `[...document.querySelectorAll("section .scroll > table")].filter((x) => x.checkVisibility()).length`)
	copied := value[[]string](t, ctx, "window.copied")
	if n < 6 || n < tables || len(copied) != n {
		t.Errorf("%d buttons, %d tables, %d copies", n, tables, len(copied))
	}
	for _, tsv := range copied {
		lines := strings.Split(strings.TrimSuffix(tsv, "\n"), "\n")
		for _, line := range lines {
			if strings.Count(line, "\t") != strings.Count(lines[0], "\t") || strings.Contains(line, "[object") {
				t.Errorf("%q in %q", line, lines[0])
			}
		}
	}
	if !strings.HasPrefix(copied[0], "#\tOutcome\tTime\tDuration\t") || strings.Count(copied[0], "\n") != 4 {
		t.Errorf("the timeline is copied as %q", copied[0])
	}
}
