// Package tracer makes spans of what passes and what the platform tells, and
// sees to their ways out: the X-Ray daemon, CloudWatch, collectors.
//
// The rule a reader could break: of a Tracer without a destination every method
// does nothing, and none ever waits.
package tracer

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/batch"
	"powertools-extension/internal/config"
	"powertools-extension/internal/eventlog"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/redact"
	"powertools-extension/internal/remote"
	"powertools-extension/internal/runtimeapi"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/awsout"
	"powertools-extension/internal/sink/cloudwatch"
	"powertools-extension/internal/sink/httppost"
	"powertools-extension/internal/sink/otlp"
	"powertools-extension/internal/spans"
	"powertools-extension/internal/telemetry"
	"powertools-extension/internal/tracing"
	"powertools-extension/internal/tracing/xray"
)

// spanPlace is the place of the first destination of spans among all
// destinations, behind those of lines.
const spanPlace = 1000

// Deps are what the assembly gives.
type Deps struct {
	Config    *config.Config
	AWS       awsout.Caller
	Headers   httppost.Headers // of collectors; nil: none
	Resource  func() otlp.Resource
	UserAgent string

	// Proxied reports whether the runtime talks to Lambda through the proxy.
	Proxied func() bool

	// Waiting is called when spans are in the buffers of destinations.
	Waiting func()

	Complain func(variable, reason, used string)
	Degrade  func(component, reason string)
	Guard    func(step string, f func())
	Log      *zap.Logger
}

// Tracer makes spans and sees to their ways out. Safe for concurrent use.
type Tracer struct {
	deps    Deps
	spans   *spans.Tracer // nil: off
	daemon  *xray.Sender  // nil: no spans to X-Ray
	outlets []spanOutlet
	dropped atomic.Int64 // too large, or refused by the kernel
	told    atomic.Int64 // of dropped, in canonical events
}

// spanOutlet is one destination behind a network.
type spanOutlet struct {
	*remote.Outlet
	own bool // it takes spans of traces that began here
}

// New makes what the configuration asks for. Its destinations are among the
// ways out, so it comes before them.
func New(deps Deps) *Tracer {
	t := &Tracer{deps: deps}
	all, cfg := deps.Config, &deps.Config.Tracing
	if !cfg.On() {
		return t
	}
	headerless := false
	for i, d := range cfg.Destinations {
		if d.Kind == config.XRay {
			t.daemon = xray.New(t.address(cfg.Daemon))
			continue
		}
		out, err := t.sender(d)
		if err != nil {
			deps.Degrade(d.String(), err.Error())
			deps.Complain("POWERTOOLS_TRACE_DESTINATION", "entry "+strconv.Itoa(i+1)+" is not usable", "the other entries")
			continue
		}
		o := &remote.Outlet{
			Place: spanPlace + i, Spans: true, Half: uint64(all.BufferBytes) / 2, CloseIdle: out.CloseIdle,
			Guarded: sink.NewGuarded(out, sink.GuardOptions{Name: out.Name(), Buffer: otlp.SpanBounds(all.BufferBytes), TryTimeout: remote.NoTryTimeout, Log: deps.Log}),
		}
		t.outlets = append(t.outlets, spanOutlet{o, d.Kind == config.OTLP})
		headerless = headerless || d.Kind == config.OTLP
	}
	if cfg.Parent == "rewrite" && all.RuntimeProxy == "off" {
		deps.Complain("POWERTOOLS_TRACE_PARENT", "it needs the proxy, and POWERTOOLS_RUNTIME_PROXY is off; set it to auto", "keep")
	}
	t.spans = spans.New(spans.Options{
		Service: all.Service, FunctionName: all.FunctionName, Headerless: headerless,
		Rewrite: cfg.Parent == "rewrite", CaptureResponse: cfg.CaptureResponse, CaptureError: cfg.CaptureError,
		Proxied: deps.Proxied,
		Redact:  redactor(all.LogsRedact),
		Emit:    func(s *tracing.Span) { deps.Guard("send a span", func() { t.send(s) }) },
	})
	return t
}

// On reports whether there are spans.
func (t *Tracer) On() bool { return t != nil && t.spans != nil }

// address reads the daemon's address that the user set, else takes Lambda's.
func (t *Tracer) address(set string) string {
	if set == "" {
		return xray.DefaultAddress
	}
	address, err := xray.ParseAddress(set)
	if err != nil {
		t.deps.Complain("AWS_XRAY_DAEMON_ADDRESS", err.Error(), xray.DefaultAddress)
		return xray.DefaultAddress
	}
	return address
}

func (t *Tracer) sender(d config.Destination) (*otlp.SpanSender, error) {
	if d.Kind == config.CloudWatch {
		return otlp.NewSpansThrough("cloudwatch spans", cloudwatch.PostSpans(t.deps.AWS), t.deps.Resource), nil
	}
	return otlp.NewSpans(d.URL, t.deps.Headers, t.deps.Resource, httppost.Options{UserAgent: t.deps.UserAgent})
}

// redactor takes out of documents what POWERTOOLS_LOGS_REDACT names, and
// credentials in any case; what is wrong with the items is told where lines are
// redacted.
func redactor(items []string) func([]byte, bool) []byte {
	rules, _ := redact.NewRules(append(eventlog.FixedKeys(), items...))
	return func(text []byte, object bool) []byte {
		clean, _ := rules.Redactor().Apply(text, object)
		return clean
	}
}

// send hands a span to all destinations. It never waits.
func (t *Tracer) send(s *tracing.Span) {
	if t.daemon != nil && !s.Own && s.Parent != "" {
		datagram, err := tracing.AppendXRay(nil, s)
		if err == nil {
			err = t.daemon.Send(datagram)
		}
		if err != nil {
			t.dropped.Add(1)
		}
	}
	if len(t.outlets) == 0 {
		return
	}
	line, err := tracing.AppendOTLP(nil, s)
	if err != nil {
		t.dropped.Add(1)
		return
	}
	for _, o := range t.outlets {
		if o.own || !s.Own {
			o.Put(line)
		}
	}
	t.deps.Waiting()
}

// Greet takes what the wrapper says of the runtime's environment.
func (t *Tracer) Greet(hello *runtimeapi.Hello) {
	if !t.On() {
		return
	}
	t.spans.SetHandler(hello.Handler)
	if t.daemon == nil {
		return
	}
	if address, err := xray.ParseAddress(hello.XRayDaemon); err == nil {
		t.daemon.Point(address)
	}
}

// Trace is what the proxy asks before a runtime gets an event; nil: nothing.
func (t *Tracer) Trace() func(id, header string) string {
	if !t.On() {
		return nil
	}
	return t.spans.Trace
}

// Delivered takes an event before the runtime has it. a: nil, it is not
// followed.
func (t *Tracer) Delivered(a *invocation.Attempt, e *runtimeapi.Event, source awsevent.Event) {
	t.spans.Delivered(e.ID, spans.Event{Attempt: a, At: e.At.Round(0), Source: source.Name, Trigger: source.Trigger, HTTP: source.HTTP})
}

// Answered takes an answer that Lambda has judged. httpStatus: of an HTTP
// answer; 0: none.
func (t *Tracer) Answered(a *runtimeapi.Answer, httpStatus int) {
	t.spans.Answered(spans.Answer{
		ID: a.ID, At: a.At, Handler: a.Handler, Failed: a.Failed, ErrorType: a.ErrorType, Status: a.Status, HTTPStatus: httpStatus,
		By: a.By, Bytes: a.Bytes, Body: a.Beginning, Whole: a.Whole, Streamed: a.Streamed, Cause: a.Cause,
	})
}

// Over ends the span of an attempt of which no answer was seen, and says in
// its summary what was lost since the last one.
func (t *Tracer) Over(s *invocation.Summary) {
	if !t.On() {
		return
	}
	t.spans.Over(s, time.Now().Round(0))
	dropped := t.dropped.Load()
	for _, o := range t.outlets {
		dropped += int64(o.Stats().Dropped.Lines)
	}
	since := func(n int64) telemetry.Number { return telemetry.Number{Value: float64(n), Set: n > 0} }
	s.SpansDropped, s.SpansSkipped = since(dropped-t.told.Swap(dropped)), since(t.spans.TakeSkipped())
}

// Timed gives hooks that wait for a service spans of their own.
func (t *Tracer) Timed(hooks []middleware.Hook) []middleware.Hook {
	if !t.On() {
		return hooks
	}
	out := make([]middleware.Hook, len(hooks))
	for i, h := range hooks {
		if out[i] = h; !h.Waits || h.Name == "batch" { // batch waits for nothing but its records, which are seen one by one
			continue
		}
		child := func(id, name string, began time.Time, err error) {
			c := spans.Child{Name: name, Start: began.Round(0), End: time.Now().Round(0)}
			if err != nil {
				c.Error = "HookError"
			}
			t.spans.Child(id, c)
		}
		if h.Request != nil {
			out[i].Request = func(ctx context.Context, r *middleware.Request) (action middleware.Action, err error) {
				began := time.Now()
				action, err = h.Request(ctx, r)
				child(r.ID, h.Name, began, err)
				return action, err
			}
		}
		if h.Response != nil {
			out[i].Response = func(ctx context.Context, r *middleware.Response) (reaction middleware.Reaction, err error) {
				began := time.Now()
				reaction, err = h.Response(ctx, r)
				child(r.ID, h.Name+" response", began, err)
				return reaction, err
			}
		}
	}
	return out
}

// Watch gives records of batches spans of their own, and tells next what it
// hears. nil: nobody wants to hear anything.
func (t *Tracer) Watch(next middleware.BatchWatch) middleware.BatchWatch {
	if !t.On() {
		return next
	}
	return tracedRecords{t, next}
}

type tracedRecords struct {
	*Tracer
	next middleware.BatchWatch // nil: nobody
}

// Began implements middleware.BatchWatch.
func (t tracedRecords) Began(whole, piece, record string, n int) {
	if t.next != nil {
		t.next.Began(whole, piece, record, n)
	}
}

// Ended implements middleware.BatchWatch. The span of a record that failed says
// no more: what failed is the function's.
func (t tracedRecords) Ended(whole, piece, record string, n int, took time.Duration, ok bool) {
	now := time.Now().Round(0)
	c := spans.Child{Name: "record " + strconv.Itoa(n+1), Start: now.Add(-took), End: now}
	if !ok {
		c.Error = "RecordFailed"
	}
	t.spans.Child(whole, c)
	if t.next != nil {
		t.next.Ended(whole, piece, record, n, took, ok)
	}
}

// Over implements middleware.BatchWatch.
func (t tracedRecords) Over(whole string, counts batch.Counts, partial bool) {
	if t.next != nil {
		t.next.Over(whole, counts, partial)
	}
}

// Observe takes an event of the platform once the tracker has it. a: the
// attempt it belongs to; nil: none.
func (t *Tracer) Observe(a *invocation.Attempt, ev *telemetry.Event) { t.spans.Observe(a, ev) }

// Close waits for the spans that are being made; they are in the buffers then.
func (t *Tracer) Close() {
	t.spans.Close()
	if t.daemon != nil {
		t.daemon.Forget()
	}
}

// Restored drops what a snapshot held.
func (t *Tracer) Restored() {
	if t.daemon != nil {
		t.daemon.Forget()
	}
}

// lost counts spans that no destination got, outlets apart.
func (t *Tracer) lost() (skipped, dropped int64) {
	if !t.On() {
		return 0, 0
	}
	return t.spans.Skipped(), t.dropped.Load()
}

// Health is what GET /healthz tells of spans; nil: they are off.
func (t *Tracer) Health() *localhttp.SpansHealth {
	if !t.On() {
		return nil
	}
	h := &localhttp.SpansHealth{Destinations: make([]string, 0, 1+len(t.outlets))}
	if t.daemon != nil {
		h.Destinations = append(h.Destinations, string(config.XRay))
		sent, _ := t.daemon.Sent()
		h.Datagrams = int(sent)
	}
	for _, o := range t.outlets {
		h.Destinations = append(h.Destinations, o.Name())
	}
	skipped, dropped := t.lost()
	h.Skipped, h.Dropped = int(skipped), int(dropped)
	return h
}

// Outlets are the destinations behind a network.
func (t *Tracer) Outlets() (list remote.Outlets) {
	for _, o := range t.outlets {
		list = append(list, o.Outlet)
	}
	return list
}

// Invoked takes an invocation that the platform announced.
func (t *Tracer) Invoked(a *invocation.Attempt, header string) { t.spans.Invoked(a, header) }

// Ledger is the account of spans at the end of a sandbox, but for that of the
// destinations behind a network.
type Ledger struct {
	Datagrams int64 `json:"datagrams_sent"` // to the X-Ray daemon, which answers none
	Skipped   int64 `json:"skipped"`        // garbage in the trace header, or beyond a bound
	Dropped   int64 `json:"dropped"`        // too large, or not taken by the kernel
}

// Account is what became of spans; nil: they are off.
func (t *Tracer) Account() *Ledger {
	if !t.On() {
		return nil
	}
	skipped, dropped := t.lost()
	l := &Ledger{Skipped: skipped, Dropped: dropped}
	if t.daemon != nil {
		l.Datagrams, _ = t.daemon.Sent()
	}
	return l
}
