package app

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/config"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/redact"
	"powertools-extension/internal/remote"
	"powertools-extension/internal/runtimeapi"
	"powertools-extension/internal/sink"
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

// tracer makes spans and sees to their ways out. Of one that is off every
// method does nothing.
type tracer struct {
	*spans.Tracer              // nil: off
	app           *App         // whose tracer it is
	daemon        *xray.Sender // nil: no spans to X-Ray
	outlets       []spanOutlet
	dropped       atomic.Int64 // too large, or refused by the kernel
	told          atomic.Int64 // of dropped, in canonical events
}

// spanOutlet is one destination behind a network.
type spanOutlet struct {
	*remote.Outlet
	own bool // it takes spans of traces that began here
}

// build makes what the configuration asks for. It comes before the ways out,
// which its destinations are among.
func (t *tracer) build(a *App) {
	cfg := &a.cfg.Tracing
	if t.app = a; !cfg.On() {
		return
	}
	headerless := false
	for i, d := range cfg.Destinations {
		if d.Kind == config.XRay {
			t.daemon = xray.New(t.address(cfg.Daemon))
			continue
		}
		out, err := t.sender(d)
		if err != nil {
			a.degrade(d.String(), err.Error())
			a.complain("POWERTOOLS_TRACE_DESTINATION", "entry "+strconv.Itoa(i+1)+" is not usable", "the other entries")
			continue
		}
		o := &remote.Outlet{
			Place: spanPlace + i, Spans: true, Half: uint64(a.cfg.BufferBytes) / 2, CloseIdle: out.CloseIdle,
			Guarded: sink.NewGuarded(out, sink.GuardOptions{Name: out.Name(), Buffer: otlp.SpanBounds(a.cfg.BufferBytes), TryTimeout: noTryTimeout, Log: a.log}),
		}
		t.outlets = append(t.outlets, spanOutlet{o, d.Kind == config.OTLP})
		headerless = headerless || d.Kind == config.OTLP
	}
	if cfg.Parent == "rewrite" && a.cfg.RuntimeProxy == "off" {
		a.complain("POWERTOOLS_TRACE_PARENT", "it needs the proxy, and POWERTOOLS_RUNTIME_PROXY is off; set it to auto", "keep")
	}
	t.Tracer = spans.New(spans.Options{
		Service: a.cfg.Service, FunctionName: a.cfg.FunctionName, Headerless: headerless,
		Rewrite: cfg.Parent == "rewrite", CaptureResponse: cfg.CaptureResponse, CaptureError: cfg.CaptureError,
		Proxied: func() bool { return a.proxy.greeted.Load() && a.proxies() },
		Redact:  redactor(a.cfg.LogsRedact),
		Emit:    func(s *tracing.Span) { a.guard("send a span", func() { t.send(s) }) },
	})
}

// on reports whether there are spans.
func (t *tracer) on() bool { return t.Tracer != nil }

// address reads the daemon's address that the user set, else takes Lambda's.
func (t *tracer) address(set string) string {
	if set == "" {
		return xray.DefaultAddress
	}
	address, err := xray.ParseAddress(set)
	if err != nil {
		t.app.complain("AWS_XRAY_DAEMON_ADDRESS", err.Error(), xray.DefaultAddress)
		return xray.DefaultAddress
	}
	return address
}

func (t *tracer) sender(d config.Destination) (*otlp.SpanSender, error) {
	if d.Kind == config.CloudWatch {
		return otlp.NewSpansThrough("cloudwatch spans", cloudwatch.PostSpans(t.app.aws), t.app.resource), nil
	}
	return otlp.NewSpans(d.URL, t.app.headersOf(t.app.cfg.Tracing.HTTPHeaders), t.app.resource, httppost.Options{UserAgent: t.app.userAgent()})
}

// redactor takes out of documents what POWERTOOLS_LOGS_REDACT names; what is
// wrong with that is told where lines are redacted.
func redactor(items []string) func([]byte, bool) []byte {
	if len(items) == 0 {
		return nil
	}
	rules, _ := redact.NewRules(items)
	if rules == nil {
		return nil
	}
	return func(text []byte, object bool) []byte {
		clean, _ := rules.Redactor().Apply(text, object)
		return clean
	}
}

// send hands a span to all destinations. It never waits.
func (t *tracer) send(s *tracing.Span) {
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
	t.app.ways.Spool.Touch()
}

// greet takes what the wrapper says of the runtime's environment.
func (t *tracer) greet(hello *runtimeapi.Hello) {
	t.SetHandler(hello.Handler)
	if t.daemon == nil {
		return
	}
	if address, err := xray.ParseAddress(hello.XRayDaemon); err == nil {
		t.daemon.Point(address)
	}
}

// trace is what the proxy asks before a runtime gets an event; nil: nothing.
func (t *tracer) trace() func(id, header string) string {
	if !t.on() {
		return nil
	}
	return t.Trace
}

func (t *tracer) delivered(a *invocation.Attempt, e *runtimeapi.Event, source awsevent.Event) {
	t.Delivered(e.ID, spans.Event{Attempt: a, At: e.At.Round(0), Source: source.Name, Trigger: source.Trigger, HTTP: source.HTTP})
}

func (t *tracer) answered(a *runtimeapi.Answer, httpStatus int) {
	t.Answered(spans.Answer{
		ID: a.ID, At: a.At, Handler: a.Handler, Failed: a.Failed, ErrorType: a.ErrorType, Status: a.Status, HTTPStatus: httpStatus,
		By: a.By, Bytes: a.Bytes, Body: a.Beginning, Whole: a.Whole, Streamed: a.Streamed, Cause: a.Cause,
	})
}

// over ends the span of an attempt of which no answer was seen, and says in
// its summary what was lost since the last one.
func (t *tracer) over(s *invocation.Summary) {
	if !t.on() {
		return
	}
	t.Over(s, time.Now().Round(0))
	dropped := t.dropped.Load()
	for _, o := range t.outlets {
		dropped += int64(o.Stats().Dropped.Lines)
	}
	since := func(n int64) telemetry.Number { return telemetry.Number{Value: float64(n), Set: n > 0} }
	s.SpansDropped, s.SpansSkipped = since(dropped-t.told.Swap(dropped)), since(t.TakeSkipped())
}

// timed gives hooks that wait for a service spans of their own.
func (t *tracer) timed(hooks []middleware.Hook) []middleware.Hook {
	if !t.on() {
		return hooks
	}
	out := make([]middleware.Hook, len(hooks))
	for i, h := range hooks {
		if out[i] = h; !h.Waits {
			continue
		}
		child := func(id, name string, began time.Time, err error) {
			c := spans.Child{Name: name, Start: began.Round(0), End: time.Now().Round(0)}
			if err != nil {
				c.Error = "HookError"
			}
			t.Child(id, c)
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

// handler shows the tracer the platform's events before the next handler has
// them.
func (t *tracer) handler(next telemetry.Handler) telemetry.Handler {
	if !t.on() {
		return next
	}
	return tracedEvents{next, t}
}

type tracedEvents struct {
	next telemetry.Handler
	*tracer
}

// HandleEvents implements telemetry.Handler.
func (h tracedEvents) HandleEvents(events []telemetry.Event) {
	h.Observe(events)
	h.next.HandleEvents(events)
}

// close waits for the spans that are being made; they are in the buffers then.
func (t *tracer) close() {
	t.Close()
	if t.daemon != nil {
		t.daemon.Forget()
	}
}

// restored drops what a snapshot held.
func (t *tracer) restored() {
	if t.daemon != nil {
		t.daemon.Forget()
	}
}

// lost counts spans that no destination got, outlets apart.
func (t *tracer) lost() (skipped, dropped int64) {
	if !t.on() {
		return 0, 0
	}
	return t.Skipped(), t.dropped.Load()
}

// health is what GET /healthz tells of spans; nil: they are off.
func (t *tracer) health() *localhttp.SpansHealth {
	if !t.on() {
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

// ledger is what became of spans; nil: they are off.
func (t *tracer) ledger() *spansLedger {
	if !t.on() {
		return nil
	}
	skipped, dropped := t.lost()
	l := &spansLedger{Skipped: skipped, Dropped: dropped}
	if t.daemon != nil {
		l.Datagrams, _ = t.daemon.Sent()
	}
	l.Sinks = ledgerOf(t.app.ways.Outlets, true)
	return l
}

// alone reports whether nothing but spans needs the wrapper: they are made
// without one, too.
func (t *tracer) alone() bool {
	c := &t.app.cfg
	return t.on() && len(t.app.hooks) == 0 && c.RuntimeProxy != "on" && !c.EnvFromParameters()
}

// missed says what spans lack without the proxy.
func (t *tracer) missed(cure string) {
	t.app.log.Warn("the runtime did not come through the wrapper: spans are made of what the platform tells, without response, error document and HTTP status", zap.String("cure", cure))
}
