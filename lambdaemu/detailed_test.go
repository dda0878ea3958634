package lambdaemu

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu/transcript"
)

func ofWhat(entries []Entry, what string) (list []Entry) {
	for _, e := range entries {
		if e.What == what {
			list = append(list, e)
		}
	}
	return list
}

// With Detailed the transcript has every line with its two moments, what each
// extension used, and the cache; without it has none of them, and Render is the
// same with and without.
func TestDetailed(t *testing.T) {
	token := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token <- r.Method + " " + r.URL.Path + " " + r.Header.Get("X-Aws-Parameters-Secrets-Token")
		fmt.Fprint(w, `{"entries":[{"ref":"ssm:/a"}]}`)
	}))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	var rendered []string
	for _, detailed := range []bool{true, false} {
		opt := Options{Detailed: detailed, CachePort: port, Runtime: "python3.13", Env: map[string]string{"AWS_SESSION_TOKEN": "secret-token"}}
		r := newRig(t, opt, map[string]extConfig{"ext-a": {}})
		for range 2 {
			r.invoke(fnEvent{Print: []string{"plain"}, Frames: []string{"framed\n"}})
		}
		r.stop()
		entries := r.Transcript()
		rendered = append(rendered, Render(entries))
		if !detailed {
			if n := len(ofWhat(entries, "line")) + len(ofWhat(entries, "usage")) + len(ofWhat(entries, "cache")); n != 0 {
				t.Errorf("%d entries nobody asked for", n)
			}
			continue
		}
		checkLineEntries(t, r, ofWhat(entries, transcript.LineTaken))
		usages := ofWhat(entries, transcript.UsageTaken)
		if len(usages) != 2 {
			t.Fatalf("%d usages", len(usages))
		}
		first, second := usages[0].Data.(transcript.Usage), usages[1].Data.(transcript.Usage)
		if usages[0].Who != "ext-a" || first.PeakKB < first.RSSKB || first.RSSKB == 0 || second.CPU < first.CPU || second.PeakKB < first.PeakKB {
			t.Errorf("usage %+v, then %+v", first, second)
		}
		for _, e := range ofWhat(entries, transcript.CacheTaken) {
			if string(e.Data.(transcript.Cache)) != `{"entries":[{"ref":"ssm:/a"}]}` {
				t.Errorf("cache %s", e.Data)
			}
			if got := <-token; got != "GET /parameters/cache secret-token" {
				t.Errorf("asked with %q", got)
			}
		}
		if n := len(ofWhat(entries, transcript.CacheTaken)); n != 2 {
			t.Errorf("%d times the cache", n)
		}
	}
	if diff := cmp.Diff(rendered[1], rendered[0]); diff != "" {
		t.Errorf("Render differs: %s", diff)
	}
	if len(token) != 0 {
		t.Error("the cache was asked without Detailed")
	}
}

func checkLineEntries(t *testing.T, r *rig, entries []Entry) {
	t.Helper()
	var got, want []string
	for _, e := range entries {
		line := e.Data.(transcript.Line)
		if line.Taken.Before(line.Printed) || line.Taken.Sub(line.Printed) > time.Minute {
			t.Errorf("printed %s, taken %s", line.Printed, line.Taken)
		}
		got = append(got, fmt.Sprint(e.Who, line.Framed, line.Text))
	}
	for _, line := range r.logs.of("") {
		want = append(want, fmt.Sprint(map[Origin]string{OriginFunction: "runtime", OriginExtension: line.Name, OriginPlatform: "platform"}[line.Origin], line.Framed, line.Text))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A cache that is not JSON, refused, slow or not there is left out, and holds
// nobody.
func TestCacheNotThere(t *testing.T) {
	slow := make(chan struct{})
	answers := map[string]http.HandlerFunc{
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"refused": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "{}", http.StatusForbidden) },
		"hanging": func(http.ResponseWriter, *http.Request) { <-slow },
	}
	for name, answer := range answers {
		server := httptest.NewServer(answer)
		r := newRig(t, Options{Detailed: true, CachePort: server.Listener.Addr().(*net.TCPAddr).Port}, nil)
		r.invoke(fnEvent{})
		if got := ofWhat(r.Transcript(), transcript.CacheTaken); len(got) != 0 {
			t.Errorf("%s: %s", name, got)
		}
		if name == "hanging" {
			close(slow)
		}
		server.Close()
	}
}

// Others may write into the transcript; hooks see it as well.
func TestNote(t *testing.T) {
	seen := make(chan Entry, 100)
	r := newRig(t, Options{OnEntry: func(e Entry) {
		if e.Who == "aws" {
			seen <- e
		}
	}}, nil)
	r.Note("aws", "call", "ssm GetParameter", 3)
	if e := <-seen; e.String() != "call ssm GetParameter" || e.Data != 3 {
		t.Errorf("got %+v", e)
	}
	if !strings.Contains(Render(r.Transcript()), "aws          call ssm GetParameter") {
		t.Errorf("rendered %s", Render(r.Transcript()))
	}
}
