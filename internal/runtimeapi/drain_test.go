package runtimeapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// draining notes what a drain was asked, and may not return.
type draining struct {
	mu    sync.Mutex
	told  []string
	block chan struct{} // nil: it returns at once
	left  chan struct{} // closed when stop was
}

func (d *draining) Drain(stop <-chan struct{}, limit time.Duration, before Ending) {
	d.note(fmt.Sprintf("drain %+v limit %v", before, limit))
	if d.block == nil {
		return
	}
	select {
	case <-d.block:
	case <-stop:
		close(d.left)
	}
}

func (d *draining) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, what)
}

// asked is a chain that notes when it sees an answer, and lets all pass.
type asked struct{ d *draining }

func (asked) Request(context.Context, *Event) Verdict { return Verdict{} }
func (asked) Piece(context.Context, string) Verdict   { return Verdict{} }
func (asked) Forget(string)                           {}
func (a asked) Response(context.Context, *Answer) Verdict {
	a.d.note("hook")
	return Verdict{}
}

// What the function has printed goes out before Lambda hears of what comes
// behind it; nothing else is kept waiting.
func TestDrainBefore(t *testing.T) {
	for _, hooks := range []bool{false, true} {
		t.Run(fmt.Sprint("hooks ", hooks), func(t *testing.T) {
			d := &draining{}
			upstream := lambda(t, func(w http.ResponseWriter, r *http.Request) {
				d.note(r.Method + " " + r.URL.Path)
				if r.URL.Path == nextPath {
					w.Header().Set("Lambda-Runtime-Aws-Request-Id", "id-1")
				}
				_, _ = io.WriteString(w, "{}")
			})
			s := start(t, upstream, func(o *Options) {
				o.Drain = d
				if hooks {
					o.Chain = asked{d}
				}
			})
			c := &http.Client{Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			for _, path := range []string{"GET " + nextPath, "POST /2018-06-01/runtime/invocation/id-1/response", "POST /2018-06-01/runtime/invocation/id-1/error", "POST /2018-06-01/runtime/init/error", "GET /2018-06-01/ping"} {
				method, path, _ := strings.Cut(path, " ")
				req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+path, strings.NewReader(map[string]string{"POST": "{}"}[method]))
				if err != nil {
					t.Fatal(err)
				}
				res, err := c.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
			want := []string{
				"drain {Polls:true Failed:false ID:} limit 0s", "GET " + nextPath,
				"drain {Polls:false Failed:false ID:id-1} limit 250ms", "hook", "POST /2018-06-01/runtime/invocation/id-1/response",
				"drain {Polls:false Failed:true ID:id-1} limit 250ms", "hook", "POST /2018-06-01/runtime/invocation/id-1/error",
				"drain {Polls:false Failed:true ID:} limit 250ms", "POST /2018-06-01/runtime/init/error",
				"GET /2018-06-01/ping",
			}
			if !hooks {
				want = append(want[:3:3], append([]string{want[4], want[5]}, want[7:]...)...)
			}
			if diff := cmp.Diff(want, d.told); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A poll waits as long as its runtime does: one that leaves, and a shutdown,
// end it.
func TestDrainOfALeaver(t *testing.T) {
	d := &draining{block: make(chan struct{}), left: make(chan struct{})}
	s := start(t, lambda(t, func(http.ResponseWriter, *http.Request) {}), func(o *Options) { o.Drain = d })
	c, _ := connect(t, s.Addr())
	if _, err := io.WriteString(c, "GET "+nextPath+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		d.mu.Lock()
		n := len(d.told)
		d.mu.Unlock()
		if n > 0 {
			break
		}
	}
	_ = c.Close()
	select {
	case <-d.left:
	case <-time.After(10 * time.Second):
		t.Fatal("the drain outlives its runtime")
	}
}
