package page

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"powertools-extension/lambdaemu/transcript"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked records what the page was asked to do.
type asked struct{ done []string }

func (a *asked) controls() *Controls {
	return &Controls{
		Invoke: func(event []byte) { a.done = append(a.done, "invoke "+string(event)) },
		Fault: func(c transcript.FaultChange) error {
			if c.Arg == "wrong" {
				return errors.New("wrong argument")
			}
			a.done = append(a.done, fmt.Sprint("fault ", c.Name, " ", c.Arg, " ", c.On))
			return nil
		},
		Restart:  func(context.Context) error { a.done = append(a.done, "restart"); return nil },
		Shutdown: func() { a.done = append(a.done, "shutdown") },
	}
}

func call(p *Page, method, path, body string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host, r.RemoteAddr = "127.0.0.1:9000", "127.0.0.1:5555"
	for k, v := range header {
		if k == "Host" {
			r.Host = v
		} else if k == "RemoteAddr" {
			r.RemoteAddr = v
		} else {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

// Nobody but the page itself gets anything done or sees anything: not another
// site, not another page of this machine, not a name that resolves here, not
// another machine.
func TestGuard(t *testing.T) {
	own := map[string]string{"X-Lambdaemu-Page": "1", "Content-Type": "application/json", "Origin": "http://127.0.0.1:9000", "Sec-Fetch-Site": "same-origin"}
	with := func(change map[string]string) map[string]string {
		out := map[string]string{}
		for k, v := range own {
			out[k] = v
		}
		for k, v := range change {
			if out[k] = v; v == "" {
				delete(out, k)
			}
		}
		return out
	}
	for name, tt := range map[string]struct {
		method, path string
		header       map[string]string
		status       int
	}{
		"own":                         {"POST", "/page/restart", own, 204},
		"own, by name":                {"POST", "/page/restart", with(map[string]string{"Host": "localhost:9000", "Origin": "http://localhost:9000"}), 204},
		"own, IPv6":                   {"POST", "/page/restart", with(map[string]string{"Host": "[::1]:9000", "Origin": "http://[::1]:9000", "RemoteAddr": "[::1]:1"}), 204},
		"a tool without a browser":    {"POST", "/page/restart", map[string]string{"X-Lambdaemu-Page": "1"}, 204},
		"without the header":          {"POST", "/page/restart", with(map[string]string{"X-Lambdaemu-Page": ""}), 403},
		"another site":                {"POST", "/page/restart", with(map[string]string{"Origin": "https://example.com", "Sec-Fetch-Site": "cross-site"}), 403},
		"another site, old browser":   {"POST", "/page/restart", with(map[string]string{"Origin": "https://example.com", "Sec-Fetch-Site": ""}), 403},
		"another port of the machine": {"POST", "/page/restart", with(map[string]string{"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"}), 403},
		"no origin that can be named": {"POST", "/page/restart", with(map[string]string{"Origin": "null"}), 403},
		"same site only":              {"POST", "/page/restart", with(map[string]string{"Sec-Fetch-Site": "same-site", "Origin": ""}), 403},
		"a name that resolves here":   {"POST", "/page/restart", with(map[string]string{"Host": "evil.example:9000", "Origin": "http://evil.example:9000"}), 403},
		"no host":                     {"GET", "/", map[string]string{"Host": ""}, 403},
		"another machine":             {"GET", "/", map[string]string{"RemoteAddr": "192.0.2.1:80"}, 403},
		"a page of another site":      {"GET", "/page/stream", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, 403},
		"a frame of another site":     {"GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403},
		"a link on another site":      {"GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200},
		"typed in":                    {"GET", "/", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200},
		"a method nobody asked for":   {"PUT", "/page/restart", own, 405},
		"a preflight":                 {"OPTIONS", "/page/restart", map[string]string{"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}, 403},
		"a path outside":              {"GET", "/page/..%2fpage.go", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			a := &asked{}
			w := call(New(Options{Controls: a.controls()}), tt.method, tt.path, "", tt.header)
			if w.Code != tt.status || (len(a.done) > 0) != (tt.status == 204) {
				t.Errorf("status %d, done %v: %s", w.Code, a.done, w.Body)
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" || !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'self'") || w.Header().Get("X-Frame-Options") != "DENY" {
				t.Errorf("header %v", w.Header())
			}
		})
	}
}

func TestControls(t *testing.T) {
	switches := []Switch{{Of: "aws", Name: "down", Title: "Upstream down"}, {Of: "platform", Name: "sink-slow", Arg: "milliseconds"}}
	for _, tt := range []struct {
		path, body string
		status     int
		done       []string
		message    string
	}{
		{"invoke", `{"event":{"a":1},"count":2}`, 204, []string{`invoke {"a":1}`, `invoke {"a":1}`}, ""},
		{"invoke", `{"count":1}`, 204, []string{"invoke {}"}, ""},
		{"invoke", `{"event":{},"count":0}`, 400, nil, "count 0"},
		{"invoke", `{"event":{},"count":1001}`, 400, nil, "count 1001"},
		{"invoke", `{"event":`, 400, nil, "unexpected end"},
		{"fault", `{"of":"aws","name":"down","on":true}`, 204, []string{"fault down  true"}, ""},
		{"fault", `{"of":"platform","name":"sink-slow","arg":"5","on":true}`, 204, []string{"fault sink-slow 5 true"}, ""},
		{"fault", `{"of":"platform","name":"sink-slow","arg":"wrong","on":true}`, 400, nil, "wrong argument"},
		{"fault", `{"of":"platform","name":"down","on":true}`, 400, nil, "there is no fault"},
		{"restart", ``, 204, []string{"restart"}, ""},
		{"shutdown", ``, 204, []string{"shutdown"}, ""},
	} {
		a := &asked{}
		p := New(Options{Controls: a.controls(), Switches: switches})
		w := call(p, "POST", "/page/"+tt.path, tt.body, map[string]string{"X-Lambdaemu-Page": "1", "Content-Type": "application/json"})
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.message) {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, w.Code, w.Body)
		}
		if diff := cmp.Diff(tt.done, a.done); diff != "" {
			t.Errorf("%s %s: %s", tt.path, tt.body, diff)
		}
	}
	p := New(Options{Controls: (&asked{}).controls()})
	if w := call(p, "POST", "/page/invoke", `{"count":1}`, map[string]string{"X-Lambdaemu-Page": "1", "Content-Type": "text/plain"}); w.Code != 400 {
		t.Errorf("text/plain: %d", w.Code)
	}
	if w := call(New(Options{}), "POST", "/page/restart", "", map[string]string{"X-Lambdaemu-Page": "1"}); w.Code != 405 {
		t.Errorf("a run that can only be watched: %d", w.Code)
	}
}

// Everything that the page asks for is there, of the right type.
func TestAssets(t *testing.T) {
	p := New(Options{})
	for path, kind := range map[string]string{"/": "text/html", "/page/page.css": "text/css", "/page/app.js": "text/javascript", "/page/run.js": "text/javascript", "/page/events.json": "application/json", "/page/icon.svg": "image/svg+xml", "/page/controls": "application/json"} {
		if w := call(p, "GET", path, "", nil); w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
	}
	var samples []struct {
		Source, Name string
		Event        json.RawMessage
	}
	if err := json.Unmarshal(call(p, "GET", "/page/events.json", "", nil).Body.Bytes(), &samples); err != nil || len(samples) < 20 {
		t.Fatalf("%d sample events: %v", len(samples), err)
	}
	for _, s := range samples {
		if s.Source == "" || s.Name == "" || len(s.Event) < 2 || s.Event[0] != '{' {
			t.Errorf("sample %+v", s)
		}
	}
}

func invoke(id string, n int) transcript.Entry {
	return transcript.Entry{At: time.Now(), Who: "platform", What: transcript.Invoke, Detail: id, Data: transcript.Invocation{RequestID: id, Number: n, Event: []byte(`{"password":"p4ss"}`)}}
}

// What a late page gets is bounded in invocations and in bytes, and has what a
// page must know however long the run is.
func TestHistoryIsBounded(t *testing.T) {
	h := newHistory()
	h.add(transcript.Entry{Who: "ext", What: transcript.Register, Detail: "first"})
	for i := range 3000 {
		h.add(invoke(fmt.Sprint("r-", i), i+1))
	}
	b, _ := h.take(0)
	var got []struct{ What, Detail string }
	if err := json.Unmarshal(b.body, &got); err != nil || !b.fresh || b.forgotten != 2000 {
		t.Fatalf("%v %+v", err, b.forgotten)
	}
	if got[0].What != transcript.Register || got[1].Detail != "r-2000" {
		t.Errorf("begins with %+v", got[:2])
	}
	text := strings.Repeat("x", 256<<10)
	for range 100 {
		h.add(transcript.Entry{Who: "runtime", What: transcript.LineTaken, Data: transcript.Line{Text: text}})
	}
	if body, _ := h.all(); len(body) > maxBytes+maxText*2 || len(body) < maxBytes/2 {
		t.Errorf("%d bytes are kept", len(body))
	}
}

// A page that reads at its own pace gets everything once and in order; one that
// was away too long begins anew.
func TestHistoryInOrder(t *testing.T) {
	h := newHistory()
	for i := range 5000 {
		h.add(transcript.Entry{Who: "runtime", What: transcript.LineTaken, Data: transcript.Line{Text: strings.Repeat("x", 300)}, Detail: fmt.Sprint(i)})
	}
	next := 0
	for seq := 0; seq < 5000; {
		b, ok := h.after(t.Context(), seq)
		if !ok || b.last <= seq || len(b.body) > maxBatch+2048 {
			t.Fatalf("after %d: %+v", seq, b.last)
		}
		var got []struct{ Detail string }
		if err := json.Unmarshal(b.body, &got); err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			if e.Detail != fmt.Sprint(next) {
				t.Fatalf("got %s, want %d", e.Detail, next)
			}
			next++
		}
		seq = b.last
	}
	for i := range 2 * maxInvocations {
		h.add(invoke(fmt.Sprint(i), i+1))
	}
	if b, _ := h.take(5000); !b.fresh || b.forgotten == 0 {
		t.Errorf("a page that was away: %+v", b.fresh)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := h.after(ctx, h.last); ok {
		t.Error("something came of nothing")
	}
}

// The stream carries on where a page was, for the same run only, and says when
// nothing comes any more.
func TestStream(t *testing.T) {
	p := New(Options{Redact: func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "p4ss", "[redacted]")) }})
	p.Entry(invoke("r-1", 1))
	p.Entry(transcript.Entry{Who: "platform", What: transcript.OutcomeTaken, Data: transcript.Outcome{RequestID: "r-1", Payload: []byte("plain p4ss")}})
	server := httptest.NewServer(p)
	defer server.Close()
	read := func(last string) (ids []string, body string) {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/page/stream", nil)
		req.Header.Set("Last-Event-ID", last)
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		all, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(strings.NewReader(string(all))); lines.Scan(); {
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				ids = append(ids, id)
			}
		}
		return ids, string(all)
	}
	p.Close()
	ids, body := read("")
	if len(ids) != 1 || !strings.Contains(body, `"event: fresh`) && !strings.HasPrefix(body, "event: fresh\n") || !strings.HasSuffix(body, "event: ended\ndata: {}\n\n") {
		t.Errorf("ids %v: %s", ids, body)
	}
	if strings.Contains(body, "p4ss") || !strings.Contains(body, `"password":"[redacted]"`) || !strings.Contains(body, `"payload":"plain [redacted]","payloadBytes":10`) {
		t.Errorf("not redacted: %s", body)
	}
	if _, again := read(ids[0]); strings.Contains(again, "r-1") || strings.Contains(again, "fresh") {
		t.Errorf("after %s: %s", ids[0], again)
	}
	if _, other := read("another-run-2"); !strings.Contains(other, "r-1") {
		t.Errorf("of another run: %s", other)
	}
}

// A large event is told by its beginning, and a line ends where Lambda cuts it.
func TestLargeIsCut(t *testing.T) {
	p := New(Options{})
	e := invoke("r", 1)
	e.Data = transcript.Invocation{Event: []byte(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`)}
	p.Entry(e)
	p.Entry(transcript.Entry{What: transcript.LineTaken, Data: transcript.Line{Text: strings.Repeat("y", 1<<20)}})
	body, _ := p.history.all()
	if len(body) > maxText+4096 || !json.Valid(body) {
		t.Errorf("%d bytes", len(body))
	}
}
