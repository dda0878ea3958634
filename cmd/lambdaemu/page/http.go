package page

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"powertools-extension/lambdaemu/transcript"
)

//go:embed assets
var assets embed.FS

// header is sent by the page with everything that changes something. Another
// site's page cannot send it without asking first, which is never allowed.
const header = "X-Lambdaemu-Page"

// policy lets the page load nothing but what is served here.
const policy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Limits of what the page asks for.
const (
	maxRequest = 6<<20 + 1<<10
	maxAtOnce  = 1000
)

func (p *Page) routes() {
	p.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { serveAsset(w, "index.html") })
	p.mux.HandleFunc("GET /page/{name}", func(w http.ResponseWriter, r *http.Request) { serveAsset(w, r.PathValue("name")) })
	p.mux.HandleFunc("GET /page/stream", p.stream)
	p.mux.HandleFunc("GET /page/controls", p.controls)
	if c := p.opt.Controls; c != nil {
		p.mux.HandleFunc("POST /page/invoke", p.invoke)
		p.mux.HandleFunc("POST /page/fault", p.fault)
		p.mux.HandleFunc("POST /page/restart", func(w http.ResponseWriter, r *http.Request) { answer(w, c.Restart(r.Context())) })
		p.mux.HandleFunc("POST /page/shutdown", func(w http.ResponseWriter, r *http.Request) {
			answer(w, nil)
			c.Shutdown()
		})
	}
}

// ServeHTTP refuses whoever is not this machine's own page: it can start
// invocations, and it shows what the function was told.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if reason := refusal(r); reason != "" {
		writeJSON(w, http.StatusForbidden, map[string]string{"message": reason})
		return
	}
	p.mux.ServeHTTP(w, r)
}

// refusal says why a request is not the page's own; "" when it is.
func refusal(r *http.Request) string {
	if !loopback(r.Host) || !loopback(r.RemoteAddr) {
		return "the page is for this machine only: open it at 127.0.0.1"
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && (site != "none" || r.Method != http.MethodGet) && !plainNavigation(r) {
		return "requests of other pages are refused"
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "http" || u.Host != r.Host {
			return "requests of other pages are refused"
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Header.Get(header) == "" {
		return "the header " + header + " is missing"
	}
	return ""
}

// plainNavigation is a link to the page on somebody's site.
func plainNavigation(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

func loopback(hostPort string) bool {
	host := hostPort
	if h, _, err := net.SplitHostPort(hostPort); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func serveAsset(w http.ResponseWriter, name string) {
	body, err := assets.ReadFile("assets/" + name)
	if err != nil {
		writeJSON(w, http.StatusNotFound, map[string]string{"message": "no such file"})
		return
	}
	w.Header().Set("Content-Type", contentType(name))
	_, _ = w.Write(body) // the browser has gone
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// stream sends the run as server-sent events, from where a page has left off.
func (p *Page) stream(w http.ResponseWriter, r *http.Request) {
	seq := p.seen(r.Header.Get("Last-Event-ID"))
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	for {
		b, ok := p.nextBatch(r.Context(), seq)
		if !ok {
			return
		}
		if b.fresh {
			fmt.Fprintf(w, "event: fresh\ndata: {\"forgotten\":%d}\n\n", b.forgotten)
		}
		if len(b.body) > 2 {
			fmt.Fprintf(w, "id: %s-%d\ndata: %s\n\n", p.run, b.last, b.body)
		} else if !b.ended {
			fmt.Fprint(w, ": still there\n\n")
		}
		if b.ended {
			fmt.Fprint(w, "event: ended\ndata: {}\n\n")
		}
		if rc.Flush() != nil || b.ended {
			return
		}
		seq = b.last
	}
}

// heartbeat shows a dead connection, and is told to nobody else.
const heartbeat = 15 * time.Second

// nextBatch is an empty batch when nothing has come for a while.
func (p *Page) nextBatch(ctx context.Context, seq int) (batch, bool) {
	limited, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	b, ok := p.history.after(limited, seq)
	if !ok && ctx.Err() == nil {
		return batch{last: seq, body: []byte("[]")}, true
	}
	return b, ok
}

// seen is the last message that a page has of this run, 0 for none.
func (p *Page) seen(id string) int {
	run, n, _ := strings.Cut(id, "-")
	seq, err := strconv.Atoi(n)
	if run != p.run || err != nil || seq < 0 {
		return 0
	}
	return seq
}

// controls say what the page may offer.
func (p *Page) controls(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Live     bool     `json:"live"`
		Switches []Switch `json:"switches"`
	}{p.opt.Controls != nil, slices.Concat([]Switch{}, p.opt.Switches)})
}

// invoke starts invocations; how they end is in the transcript.
func (p *Page) invoke(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Event json.RawMessage `json:"event"`
		Count int             `json:"count"`
	}
	if err := readJSON(w, r, &asked); err != nil {
		answer(w, err)
		return
	}
	if len(asked.Event) == 0 {
		asked.Event = json.RawMessage("{}")
	}
	if asked.Count < 1 || asked.Count > maxAtOnce {
		answer(w, fmt.Errorf("count %d: use 1 to %d", asked.Count, maxAtOnce))
		return
	}
	for range asked.Count {
		p.opt.Controls.Invoke(asked.Event)
	}
	answer(w, nil)
}

func (p *Page) fault(w http.ResponseWriter, r *http.Request) {
	var change transcript.FaultChange
	err := readJSON(w, r, &change)
	if err == nil && !slices.ContainsFunc(p.opt.Switches, func(s Switch) bool { return s.Of == change.Of && s.Name == change.Name }) {
		err = fmt.Errorf("there is no fault %q of %q here", change.Name, change.Of)
	}
	if err == nil {
		err = p.opt.Controls.Fault(change)
	}
	answer(w, err)
}

func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return errors.New("the body must be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// answer is 204, or 400 with what is wrong.
func answer(w http.ResponseWriter, err error) {
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the browser has gone
}
