package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// hostile are lines that would become something else where text is taken for HTML,
// CSS, JavaScript, JSON or a direction of writing.
func hostile() []string {
	return []string{
		`<script>window.hacked = 1</script>`, `</script><script>window.hacked = 1</script>`, `<img src=x onerror="window.hacked = 1">`, `</style><style>body{display:none}</style>`,
		`<!--`, `]]>`, `&lt;b&gt;&amp;&#60;`, `javascript:window.hacked=1`, "${window.hacked=1}", `{"message":"<script>window.hacked = 1</script>","level":"INFO","<b>":1}`,
		`{"__proto__":{"hacked":1},"constructor":{"prototype":{"hacked":1}},"message":"polluted"}`, "right\u202Eto left\u202C", "\u2066isolate\u2069 \u200Bzero \uFEFFwidth", "bell\a and escape \x1b[31mred\x1b[0m",
		"line\u2028separator", `data: {"seq":1}`, "id: 1", strings.Repeat("long ", 50_000) + "end", `{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`,
		`{"_aws":{"Timestamp":1796032800000,"CloudWatchMetrics":[{"Namespace":"<i>n</i>","Dimensions":[["d"]],"Metrics":[{"Name":"<img src=x onerror=window.hacked=1>","Unit":"</style>"}]}]},"d":"<u>","<img src=x onerror=window.hacked=1>":5}`,
	}
}

// A hostile line is text: on the page, in the file, and in a late page.
func TestHostileLines(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "run.html")
	e := emulate(t, []string{"--page-file", file}, self, functionArg)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	for _, line := range hostile() {
		ev, err := json.Marshal(event{Lines: []string{line}})
		if err != nil {
			t.Fatal(err)
		}
		e.invoke(string(ev))
	}
	look := func(where string) {
		t.Helper()
		eventually(t, ctx, "all rows "+where, rows(len(hostile())))
		for i, line := range hostile() {
			press(t, ctx, fmt.Sprint(i+1))
			eventually(t, ctx, fmt.Sprint("invocation ", i+1), fmt.Sprintf(`document.querySelector("#invocation .headline").innerText.startsWith("#%d")`, i+1))
			raw := value[string](t, ctx, `document.querySelector("#invocation tr.function td").innerText`)
			if want := shownAs(line); !strings.Contains(raw, want) {
				t.Errorf("%s: line %d is shown as %.200q, want %.200q", where, i+1, raw, want)
			}
		}
		bad := value[string](t, ctx, `[window.hacked, ({}).hacked, document.querySelectorAll("main script, main style, main img, main iframe, main b, main i, main u").length || undefined, getComputedStyle(document.body).display === "none" || undefined].filter((x) => x !== undefined).join()`)
		if bad != "" {
			t.Errorf("%s: a line became %s", where, bad)
		}
	}
	look("on the page")
	do(t, ctx, chromedp.Reload())
	look("after a reload")
	if got := text(t, ctx, "#metrics .card figcaption strong"); got != "<img src=x onerror=window.hacked=1>" {
		t.Errorf("the metric is called %q", got)
	}
	e.interrupt()
	do(t, ctx, chromedp.Navigate("file://"+file))
	look("from the file")
}

// shownAs is the beginning of a line as a reader sees it.
func shownAs(line string) string {
	for _, c := range []rune{'\u202E', '\u202C', '\u2066', '\u2069', '\u200B', '\uFEFF', '\a', '\x1b', '\u2028'} {
		line = strings.ReplaceAll(line, string(c), fmt.Sprintf("U+%04X", c))
	}
	return line[:min(len(line), 1500)]
}

// Another site's page cannot do or see anything, in a browser that tries.
func TestOtherSites(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e := emulate(t, nil, self, functionArg)
	attack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>other</title><iframe name="f" hidden></iframe><form id="form" method="post" target="f" enctype="text/plain" action="%spage/invoke"><input name='{"count":1,"x":"' value='"}'></form>
<iframe id="framed" src="%s"></iframe>
<script>
window.tried = [];
const say = (what) => (r) => window.tried.push(what + " " + (r.status ?? r));
(async () => {
  for (const [what, init] of [["simple", { method: "POST", mode: "no-cors", body: '{"count":1}' }], ["header", { method: "POST", headers: { "X-Lambdaemu-Page": "1", "Content-Type": "application/json" }, body: '{"count":1}' }], ["read", {}]]) {
    await fetch("%spage/" + (what === "read" ? "stream" : "invoke"), init).then(say(what), () => say(what)("refused"));
  }
  document.getElementById("form").submit();
  const source = new EventSource("%spage/stream");
  source.onopen = () => say("stream")("open");
  source.onerror = () => { say("stream")("refused"); source.close(); window.done = true; };
})();
</script>`, e.url, e.url, e.url, e.url)
	}))
	defer attack.Close()
	ctx := chromium(t, 1280, 800)
	for _, site := range []string{attack.URL, strings.Replace(attack.URL, "127.0.0.1", "localhost", 1)} {
		do(t, ctx, chromedp.Navigate(site))
		eventually(t, ctx, "all tries", "window.done")
		if tried := value[[]string](t, ctx, "window.tried"); strings.Join(tried, ",") != "simple refused,header refused,read refused,stream refused" {
			t.Errorf("%s: %q", site, tried)
		}
	}
	e.invoke(`{}`)
	do(t, ctx, chromedp.Navigate(e.url))
	eventually(t, ctx, "the only row is our own", rows(1)+` && document.querySelector("#timeline tbody button").innerText === "1"`)
}
