package otlp

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/httppost"
)

func TestTracesURL(t *testing.T) {
	for in, want := range map[string]string{"https://host": "https://host/v1/traces", "https://host/otlp/v1/traces": "https://host/otlp/v1/traces"} {
		if got := signalURL(in, "traces"); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// A request is compressed from 1 kB on; rejected spans are lost, and counted.
func TestSpanRequests(t *testing.T) {
	var bodies []string
	var encodings []string
	answer := `{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		text, _ := io.ReadAll(body)
		bodies, encodings = append(bodies, string(text)), append(encodings, r.Header.Get("Content-Encoding"))
		_, _ = io.WriteString(w, answer)
	}))
	defer srv.Close()
	s, err := NewSpans(srv.URL, nil, func() Resource { return Resource{ServiceName: "orders"} }, httppost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.CloseIdle()
	g := sink.NewGuarded(s, sink.GuardOptions{Name: s.Name(), Buffer: SpanBounds(0)})
	g.Put([]byte(`{"traceId":"a"}`))
	g.Put([]byte(`{"traceId":"b"}`))
	_ = g.Flush(t.Context())
	if stats := g.Stats(); stats.Delivered.Lines != 1 || stats.Losses.Lines()["rejected"] != 1 {
		t.Errorf("%+v %v", stats, stats.Losses.Lines())
	}
	g.Put([]byte(`{"traceId":"` + strings.Repeat("c", 2000) + `"}`))
	answer = ""
	_ = g.Flush(t.Context())
	if len(bodies) != 2 || encodings[0] != "" || encodings[1] != "gzip" {
		t.Fatalf("%d requests, %q", len(bodies), encodings)
	}
	for i, want := range []int{2, 1} {
		var request struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []json.RawMessage }
			}
		}
		if err := json.Unmarshal([]byte(bodies[i]), &request); err != nil || len(request.ResourceSpans[0].ScopeSpans[0].Spans) != want {
			t.Errorf("%v: %s", err, bodies[i])
		}
	}
}

func TestSpansThroughAnother(t *testing.T) {
	failure := &sink.RetryableError{Err: errors.New("throttled")}
	s := NewSpansThrough("cloudwatch spans", func(_ context.Context, _ string, _ []byte, zipped bool) ([]byte, error) { return nil, failure }, func() Resource { return Resource{} })
	g := sink.NewGuarded(s, sink.GuardOptions{Name: s.Name(), Buffer: SpanBounds(0)})
	g.Put([]byte(`{}`))
	if err := g.Flush(t.Context()); !errors.Is(err, failure.Err) || g.Stats().Pending.Lines != 1 {
		t.Errorf("%v, %+v", err, g.Stats())
	}
	s.CloseIdle()
}
