package otlp_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/httppost"
	"powertools-extension/internal/sink/otlp"
	"powertools-extension/internal/tracing"
)

// traces are the spans that the receiver handed on.
type traces struct {
	mu    sync.Mutex
	spans []ptrace.Span
	from  []map[string]any // resource attributes, one for each span
}

func (c *traces) take(_ context.Context, batch ptrace.Traces) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range batch.ResourceSpans().All() {
		for _, s := range r.ScopeSpans().All() {
			for _, span := range s.Spans().All() {
				copied := ptrace.NewSpan()
				span.CopyTo(copied)
				c.spans, c.from = append(c.spans, copied), append(c.from, r.Resource().Attributes().AsRaw())
			}
		}
	}
	return nil
}

// TestSpans: what the collector reads out of our spans, of one, which goes
// plain, and of so many that the request is compressed.
func TestSpans(t *testing.T) {
	began := time.Unix(1796070341, 655_468_250).UTC()
	const header = "Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"
	h, _ := tracing.ParseHeader(header)
	failed := &tracing.Span{
		Root: h.Root, ID: "0123456789abcdef", Parent: h.Parent, Name: "## app.handler", Kind: tracing.Server, Start: began, End: began.Add(time.Millisecond),
		Invocation: &tracing.Invocation{Service: "orders", RequestID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", ARN: "arn:x", Trigger: "http", ColdStart: true},
		Fault:      true, HTTPStatus: 502, Response: []byte(`{"a":1}`),
		Exception:  &tracing.Exception{Type: "ValueError", Message: "no \x00stock", Frames: []tracing.Frame{{Path: "app.py", Line: 6, Label: "handler"}}},
		Attributes: []tracing.Attribute{{Key: "correlation_id", Value: "order-7"}},
	}
	for _, n := range []int{1, 50} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			receiver := collect(t)
			c := &receiver.traces
			s, err := otlp.NewSpans(receiver.url, nil, func() otlp.Resource {
				return otlp.Resource{ServiceName: "orders", FunctionName: "orders-prod", FunctionVersion: "7", Region: "eu-central-1", AccountID: "123456789012"}
			}, httppost.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.CloseIdle)
			g := sink.NewGuarded(s, sink.GuardOptions{Name: s.Name(), Buffer: otlp.SpanBounds(0)})
			line, err := tracing.AppendOTLP(nil, failed)
			if err != nil {
				t.Fatal(err)
			}
			for range n {
				g.Put(line)
			}
			if err := g.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(c.spans) != n {
				t.Fatalf("%d spans", len(c.spans))
			}
			span := c.spans[n-1]
			if span.TraceID().String() != "6352a70e1e2c502e358361800241fd45" || span.SpanID().String() != failed.ID || span.ParentSpanID().String() != h.Parent {
				t.Errorf("ids %s %s %s", span.TraceID(), span.SpanID(), span.ParentSpanID())
			}
			if span.Name() != failed.Name || span.Kind() != ptrace.SpanKindServer || !span.StartTimestamp().AsTime().Equal(began) || !span.EndTimestamp().AsTime().Equal(failed.End) || span.Status().Code() != ptrace.StatusCodeError {
				t.Errorf("%s %v %v %v %v", span.Name(), span.Kind(), span.StartTimestamp(), span.EndTimestamp(), span.Status().Code())
			}
			if diff := cmp.Diff(map[string]any{"faas.coldstart": true, "faas.invocation_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "faas.trigger": "http", "aws.lambda.invoked_arn": "arn:x",
				"http.response.status_code": int64(502), "correlation_id": "order-7"}, span.Attributes().AsRaw()); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]any{"service.name": "orders", "faas.name": "orders-prod", "faas.version": "7", "cloud.provider": "aws", "cloud.platform": "aws_lambda",
				"cloud.region": "eu-central-1", "cloud.account.id": "123456789012"}, c.from[n-1]); diff != "" {
				t.Errorf("resource (-want +got):\n%s", diff)
			}
			events := map[string]map[string]any{}
			for _, e := range span.Events().All() {
				events[e.Name()] = e.Attributes().AsRaw()
			}
			if diff := cmp.Diff(map[string]map[string]any{"response": {"body": `{"a":1}`},
				"exception": {"exception.type": "ValueError", "exception.message": "no \x00stock", "exception.stacktrace": "handler (app.py:6)"}}, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}
