package ndjson_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/httppost"
	"powertools-extension/internal/sink/ndjson"
)

func TestRequest(t *testing.T) {
	var got http.Header
	var path, body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, path = r.Header.Clone(), r.URL.RequestURI()
		body, _ = unzip(r.Body)
	}))
	defer server.Close()
	g := outlet(t, strings.Replace(server.URL, "http://", "http://user:pass@", 1)+"/in?tenant=a#x", httppost.Options{UserAgent: "powertools-extension/1"}, ndjson.Bounds(0))
	g.Put([]byte(`{"message":"one"}`))
	g.Put([]byte("{\n    \"message\": \"a\\nb\"\n}")) // laid out for people
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "{\"message\":\"one\"}\n{     \"message\": \"a\\nb\" }\n"; body != want {
		t.Errorf("body %q, want %q", body, want)
	}
	if len(got.Get("Idempotency-Key")) != 32 || path != "/in?tenant=a" {
		t.Errorf("path %s, headers %v", path, got)
	}
	got.Del("Idempotency-Key")
	got.Del("Content-Length")
	want := http.Header{
		"Content-Type":     {"application/x-ndjson"},
		"Content-Encoding": {"gzip"},
		"User-Agent":       {"powertools-extension/1"},
		"Authorization":    {"Basic dXNlcjpwYXNz"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// TestAnswers: what each answer means for the lines.
func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		status int
		lost   sink.Reason
		kept   bool
	}{
		{200, 0, false}, {202, 0, false}, {204, 0, false},
		{301, sink.Refused, false}, {307, sink.Refused, false}, {400, sink.Refused, false}, {401, sink.Refused, false},
		{403, sink.Refused, false}, {404, sink.Refused, false}, {413, sink.Refused, false},
		{408, 0, true}, {429, 0, true}, {500, 0, true}, {503, 0, true},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(tc.status)
		}))
		g := outlet(t, server.URL, httppost.Options{}, ndjson.Bounds(0))
		g.Put([]byte("line"))
		_ = g.Flush(t.Context())
		server.Close()
		s, n := g.Stats(), g.Counters()
		good := tc.status < 300
		if n.Tries != 1 || (s.Delivered.Lines == 1) != good || (s.Pending.Lines == 1) != tc.kept ||
			!good && !tc.kept && s.Losses[tc.lost].Lines != 1 || g.Ready() == tc.kept || !balanced(s) {
			t.Errorf("%d: %+v, %+v", tc.status, s, n)
		}
	}
}

// TestTroubleNeverQuotesSecrets: what errors may say of the receiver is its
// host.
func TestTroubleNeverQuotesSecrets(t *testing.T) {
	const canary = "c4n4ry"
	for _, url := range []string{
		"http://user:" + canary + "@127.0.0.1:1/" + canary + "?key=" + canary,
		"http://user:" + canary + "@host:port/", "ftp://" + canary + "@host/", "://" + canary, "https://", "http://[::1:" + canary,
	} {
		s, err := ndjson.New(url, nil, httppost.Options{})
		if err == nil {
			g := sink.NewGuarded(s, sink.GuardOptions{Name: s.Name(), Buffer: ndjson.Bounds(0)})
			g.Put([]byte("line"))
			_, err = flush(g, time.Second)
			if strings.Contains(s.Name(), canary) || strings.Contains(g.Health().Err, canary) {
				t.Errorf("%q, %q", s.Name(), g.Health().Err)
			}
		}
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := ndjson.New("host/path", nil, httppost.Options{}); err == nil {
		t.Error("a URL without a scheme is taken")
	}
}
