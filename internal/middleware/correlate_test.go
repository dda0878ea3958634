package middleware

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/correlation"
)

// splitter is a batch hook that gives one record after another.
func splitter(records ...string) Hook {
	answered := 0
	response := func(context.Context, *Response) (Reaction, error) {
		if answered++; answered < len(records) {
			return Reaction{Hold: true}, nil
		}
		return Reaction{Post: &Post{Body: []byte(`{"batchItemFailures":[]}`)}, For: "id"}, nil
	}
	return Hook{Name: "batch", Each: true, Response: response, Request: func(_ context.Context, r *Request) (Action, error) {
		if r.Source.Name != "sqs" {
			return Action{}, nil
		}
		left := records
		return Action{Split: func(context.Context) (Piece, *Post) {
			if len(left) == 0 {
				return Piece{}, &Post{Body: []byte(`{"batchItemFailures":[]}`)}
			}
			body := `{"Records":[` + left[0] + `]}`
			id := "id-" + string(rune('0'+len(records)-len(left)))
			left = left[1:]
			return Piece{id, []byte(body)}, nil
		}}, nil
	}}
}

// TestCorrelateRecords: where the function gets one record after another each
// has its own id, and a batch of several has none.
func TestCorrelateRecords(t *testing.T) {
	one := func(id string) string {
		return `{"messageId":"` + id + `","body":"{}","eventSource":"aws:sqs"}`
	}
	for name, tc := range map[string]struct {
		path, event string
		records     []string
		want        string
	}{
		"two":             {"auto", `{"Records":[` + one("m1") + "," + one("m2") + `]}`, []string{one("m1"), one("m2")}, "id-0/id=m1 id-1/id=m2"},
		"two, own path":   {"Records[0].messageId", `{"Records":[` + one("m1") + "," + one("m2") + `]}`, []string{one("m1"), one("m2")}, "id-0/id=m1 id-1/id=m2"},
		"one":             {"auto", `{"Records":[` + one("m1") + `]}`, []string{one("m1")}, "id/=m1 id-0/id=m1"},
		"of no batch":     {"id", `{"id":"ev","detail-type":"a","source":"b"}`, nil, "id/=ev"},
		"of no expected":  {"id", `{"other":1}`, nil, ""},
		"a durable event": {"Records[0].messageId", `{"DurableExecutionArn":"x","CheckpointToken":"y","Records":[{"messageId":"m1"},{}]}`, nil, "id/=m1"},
	} {
		t.Run(name, func(t *testing.T) {
			path, err := correlation.Compile(tc.path)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			c := Correlate{Path: path, Splits: []string{"sqs"}, Set: func(r *Request, id string) { got = append(got, r.ID+"/"+r.Whole+"="+id) }}
			chain := New(zap.NewNop(), append(c.Hooks(), splitter(tc.records...))...)
			out := chain.Request(t.Context(), Request{ID: "id", Body: []byte(tc.event)})
			for out.Split || out.Piece.ID != "" {
				if out.Piece.ID != "" {
					chain.Response(t.Context(), Response{ID: out.Piece.ID}, time.Time{})
				}
				out = chain.Piece(t.Context(), "id")
			}
			if got := strings.Join(got, " "); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func BenchmarkCorrelate(b *testing.B) {
	path, err := correlation.Compile("auto")
	if err != nil {
		b.Fatal(err)
	}
	set := 0
	c := New(zap.NewNop(), Correlate{Path: path, Set: func(*Request, string) { set++ }}.Hooks()...)
	event := []byte(`{"resource":"/o","httpMethod":"POST","headers":{"a":"` + strings.Repeat("x", 800) + `"},"requestContext":{"requestId":"rest-1"},"body":"{}"}`)
	b.ReportAllocs()
	for b.Loop() {
		c.Request(b.Context(), Request{ID: "id", Body: event})
		c.Response(b.Context(), Response{ID: "id"}, time.Time{})
	}
	if set == 0 {
		b.Error("nothing was found")
	}
}
