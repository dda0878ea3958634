package otlp_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/httppost"
	"powertools-extension/internal/sink/otlp"
)

// collector is the receiver and what it handed on.
type collector struct {
	url    string
	traces traces

	mu   sync.Mutex
	err  error // answered to the receiver, as a full pipeline does
	logs []plog.Logs
}

func (c *collector) take(_ context.Context, logs plog.Logs) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	copied := plog.NewLogs()
	logs.CopyTo(copied)
	c.logs = append(c.logs, copied)
	return nil
}

func (c *collector) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// records are the log records that were handed on, in order.
func (c *collector) records() (all []plog.LogRecord) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, logs := range c.logs {
		for _, r := range logs.ResourceLogs().All() {
			for _, s := range r.ScopeLogs().All() {
				for _, l := range s.LogRecords().All() {
					all = append(all, l)
				}
			}
		}
	}
	return all
}

// collect starts the receiver, of logs and of spans, on a port of its own.
func collect(t *testing.T) *collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	c := &collector{url: "http://" + addr}
	logs, err := consumer.NewLogs(c.take)
	if err != nil {
		t.Fatal(err)
	}
	spans, err := consumer.NewTraces(c.traces.take)
	if err != nil {
		t.Fatal(err)
	}
	factory := otlpreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig().(*otlpreceiver.Config)
	cfg.Protocols.HTTP.GetOrInsertDefault().ServerConfig.NetAddr.Endpoint = addr
	settings := receivertest.NewNopSettings(factory.Type())
	r, err := factory.CreateLogs(t.Context(), settings, cfg, logs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := factory.CreateTraces(t.Context(), settings, cfg, spans); err != nil { // it is the same receiver, which has one listener
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Shutdown(context.Background()) })
	return c
}

func outlet(t *testing.T, url string) *sink.Guarded {
	t.Helper()
	s, err := otlp.New(url, nil, func() otlp.Resource {
		return otlp.Resource{
			ServiceName: "orders", FunctionName: "orders-prod", FunctionVersion: "7", Instance: "2024/01/15/[7]8f3c",
			MemoryMB: 128, Region: "eu-central-1", AccountID: "123456789012", ExtensionVersion: "1.2.3",
		}
	}, httppost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.CloseIdle)
	return sink.NewGuarded(s, sink.GuardOptions{Name: s.Name(), Buffer: otlp.Bounds(0)})
}

func TestResourceAndScope(t *testing.T) {
	c := collect(t)
	g := outlet(t, c.url)
	g.Put([]byte(`{"message":"m"}`))
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := c.logs[0].ResourceLogs().At(0)
	want := map[string]any{
		"service.name": "orders", "faas.name": "orders-prod", "faas.version": "7", "faas.instance": "2024/01/15/[7]8f3c",
		"faas.max_memory": int64(134217728), "cloud.provider": "aws", "cloud.platform": "aws_lambda",
		"cloud.region": "eu-central-1", "cloud.account.id": "123456789012",
	}
	if diff := cmp.Diff(want, r.Resource().Attributes().AsRaw()); diff != "" {
		t.Errorf("resource (-want +got):\n%s", diff)
	}
	if s := r.ScopeLogs().At(0).Scope(); s.Name() != "powertools-extension" || s.Version() != "1.2.3" {
		t.Errorf("scope %s %s", s.Name(), s.Version())
	}
}

// TestRecords: what the collector reads out of a line.
func TestRecords(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	stamp := now.Format("2006-01-02T15:04:05.000Z")
	for _, tc := range []struct {
		name, line string
		body       any
		severity   plog.SeverityNumber
		text       string
		attributes map[string]any
		trace      string
		span       string
		at         time.Time
	}{
		{
			name: "an enriched line",
			line: `{"level":"ERROR","message":"order refused","timestamp":"` + stamp + `","service":"orders","cold_start":true,"function_arn":"arn:aws:lambda:eu-central-1:123456789012:function:orders-prod","function_memory_size":128,"function_name":"orders-prod","function_request_id":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef","xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"}`,
			body: "order refused", severity: plog.SeverityNumberError, text: "ERROR",
			attributes: map[string]any{
				"faas.coldstart": true, "aws.lambda.invoked_arn": "arn:aws:lambda:eu-central-1:123456789012:function:orders-prod",
				"function_memory_size": int64(128), "faas.invocation_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
			},
			trace: "5759e988bd862e3fe1be46a994272793", at: now,
		},
		{
			name: "values of every kind",
			line: `{"message":"m","i":-9007199254740993,"big":123456789012345678901234567890,"huge":1e999,"f":1.5,"t":true,"n":null,"s":"a\n\"b\" <☕>","o":{"a":{"b":[1,"x",null]}},"e":{},"l":[]}`,
			body: "m",
			attributes: map[string]any{
				"i": int64(-9007199254740993), "big": 123456789012345678901234567890.0, "huge": "1e999", "f": 1.5, "t": true, "n": nil,
				"s": "a\n\"b\" <☕>", "o": map[string]any{"a": map[string]any{"b": []any{int64(1), "x", nil}}}, "e": map[string]any{}, "l": []any{},
			},
		},
		{name: "an object as the message", line: `{"level":"WARN","message":{"order":1}}`, body: map[string]any{"order": int64(1)}, severity: plog.SeverityNumberWarn, text: "WARN"},
		{name: "half a surrogate pair", line: `{"message":"cut \ud83d","k\ud83d":"\ud83d\ude00"}`, body: "cut \uFFFD", attributes: map[string]any{"k\uFFFD": "😀"}},
		{name: "no object", line: "START of a text \"quoted\"", body: "START of a text \"quoted\""},
		{name: "bytes that are not UTF-8", line: "{\"message\":\"caf\xe9\"}", body: "caf\uFFFD"},
		{name: "unknown level", line: `{"level":"loud","message":"m"}`, body: "m", text: "loud"},
		{name: "numeric level", line: `{"level":30,"message":"m"}`, body: "m", severity: plog.SeverityNumberInfo, text: "INFO", attributes: map[string]any{"level": int64(30)}},
		{name: "level under another name", line: `{"level":400,"level_name":"ERROR","message":"m"}`, body: "m", severity: plog.SeverityNumberError, text: "ERROR", attributes: map[string]any{"level": int64(400), "level_name": "ERROR"}},
		{name: "level of a game", line: `{"level":3,"message":"m"}`, body: "m", attributes: map[string]any{"level": int64(3)}},
		{name: "not a number", line: `{"level":"WARN","message":"m","rate":NaN}`, body: "m", severity: plog.SeverityNumberWarn, text: "WARN", attributes: map[string]any{"rate": math.NaN()}},
		{name: "the platform's time", line: `{"timestamp":"noon","observed_timestamp":"` + stamp + `","message":"m"}`, body: "m", at: now, attributes: map[string]any{"timestamp": "noon"}},
		{
			name: "a line of a span", line: `{"xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793","trace_id":"5759e988bd862e3fe1be46a994272793","span_id":"53995c3f42cd8ad8","message":"m"}`,
			body: "m", trace: "5759e988bd862e3fe1be46a994272793", span: "53995c3f42cd8ad8",
		},
		{
			name: "a trace of the function's own", line: `{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"53995c3f42cd8ad8","message":"m","xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"}`,
			body: "m", trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "53995c3f42cd8ad8", attributes: map[string]any{"xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793"},
		},
		{name: "a span without a trace", line: `{"span_id":"53995c3f42cd8ad8","message":"m"}`, body: "m", attributes: map[string]any{"span_id": "53995c3f42cd8ad8"}},
		{
			name: "ids of another kind", line: `{"trace_id":"abc","span_id":7,"message":"m"}`,
			body: "m", attributes: map[string]any{"trace_id": "abc", "span_id": int64(7)},
		},
		{name: "another trace id", line: `{"xray_trace_id":"abc","message":"m"}`, body: "m", attributes: map[string]any{"xray_trace_id": "abc"}},
		{name: "another service", line: `{"service":"mine","message":"m"}`, body: "m", attributes: map[string]any{"service.name": "mine"}},
		{name: "a time nobody can read", line: `{"timestamp":"noon","message":"m"}`, body: "m", attributes: map[string]any{"timestamp": "noon"}},
		{name: "deep", line: `{"message":"m","d":` + strings.Repeat(`[`, 20) + strings.Repeat(`]`, 20) + `}`, body: "m", attributes: map[string]any{"d": deep(16, "[[[[]]]]")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := collect(t)
			g := outlet(t, c.url)
			g.Put([]byte(tc.line))
			if err := g.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			r := c.records()[0]
			if tc.attributes == nil {
				tc.attributes = map[string]any{}
			}
			if diff := cmp.Diff(tc.attributes, r.Attributes().AsRaw(), cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.body, r.Body().AsRaw()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if r.SeverityNumber() != tc.severity || r.SeverityText() != tc.text || r.TraceID().String() != tc.trace || r.SpanID().String() != tc.span {
				t.Errorf("severity %v %q, trace %s, span %s", r.SeverityNumber(), r.SeverityText(), r.TraceID(), r.SpanID())
			}
			at := r.Timestamp().AsTime()
			if !tc.at.IsZero() && !at.Equal(tc.at) || time.Since(at) > time.Minute || r.ObservedTimestamp() == 0 {
				t.Errorf("at %v, observed %v", at, r.ObservedTimestamp().AsTime())
			}
		})
	}
}

// deep is a text inside n arrays.
func deep(n int, s string) any {
	if n == 0 {
		return s
	}
	return []any{deep(n-1, s)}
}

// TestPathOfTheSignal: the URL may name the base or the signal.
func TestPathOfTheSignal(t *testing.T) {
	c := collect(t)
	for _, url := range []string{c.url, c.url + "/", c.url + "/v1/logs"} {
		g := outlet(t, url)
		g.Put([]byte(`{"message":"m"}`))
		if err := g.Flush(t.Context()); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if n := len(c.records()); n != 3 {
		t.Errorf("%d records", n)
	}
}

// TestManyBatches: ten thousand lines, in order, none lost, none twice.
func TestManyBatches(t *testing.T) {
	c := collect(t)
	g := outlet(t, c.url)
	for i := range 10_000 {
		g.Put(fmt.Appendf(nil, `{"message":"line %d","padding":"%s"}`, i, strings.Repeat("x", i%300)))
	}
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	records := c.records()
	for i, r := range records {
		if want := fmt.Sprint("line ", i); r.Body().AsString() != want {
			t.Fatalf("record %d is %q", i, r.Body().AsString())
		}
	}
	if s := g.Stats(); len(records) != 10_000 || s.Delivered.Lines != 10_000 || g.Counters().Tries < 5 {
		t.Errorf("%d records, %+v, %+v", len(records), s, g.Counters())
	}
}

// TestCollectorInTrouble: a pipeline that is full is asked again later, and
// then has everything once.
func TestCollectorInTrouble(t *testing.T) {
	c := collect(t)
	g := outlet(t, c.url)
	c.fail(errors.New("the queue is full"))
	g.Put([]byte(`{"message":"first"}`))
	if err := g.Flush(t.Context()); err == nil || g.Stats().Pending.Lines != 1 {
		t.Errorf("%v, %+v", err, g.Stats())
	}
	c.fail(nil)
	g.Put([]byte(`{"message":"second"}`))
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, r := range c.records() {
		got = append(got, r.Body().AsString())
	}
	if diff := cmp.Diff([]string{"first", "second"}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
