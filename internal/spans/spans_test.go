package spans_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/spans"
	"powertools-extension/internal/telemetry"
	"powertools-extension/internal/tracing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	root   = "1-6352a70e-1e2c502e358361800241fd45"
	parent = "35465b3a9e2f7c6a"
	header = "Root=" + root + ";Parent=" + parent + ";Sampled=1;Lineage=a:1"
)

// world is a tracer beside a tracker, and the spans that are out.
type world struct {
	*spans.Tracer
	t       *testing.T
	tracker *invocation.Tracker
	proxied bool

	mu  sync.Mutex
	out []*tracing.Span
}

func newWorld(t *testing.T, proxied bool, change ...func(*spans.Options)) *world {
	t.Helper()
	w := &world{t: t, proxied: proxied, tracker: invocation.New(invocation.Options{})}
	opt := spans.Options{
		Service: "shop", FunctionName: "orders", CaptureError: true,
		Proxied: func() bool { return w.proxied },
		Emit: func(s *tracing.Span) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.out = append(w.out, s)
		},
	}
	for _, f := range change {
		f(&opt)
	}
	w.Tracer = spans.New(opt)
	return w
}

// deliver gives the runtime an event, as the proxy does.
func (w *world) deliver(id, header string) (instead string, a *invocation.Attempt) {
	instead = w.Trace(id, header)
	a = w.tracker.Delivered(invocation.Delivery{RequestID: id, FunctionARN: "arn:x", TraceHeader: header})
	w.Delivered(id, spans.Event{Attempt: a, At: time.Now(), Source: "sqs", Trigger: "pubsub"})
	return instead, a
}

func (w *world) answer(a spans.Answer) {
	if a.Status == 0 {
		a.Status = 202
	}
	if a.At.IsZero() {
		a.At = time.Now()
	}
	w.Answered(a)
}

// done ends everything and returns the spans in the order in which they began.
func (w *world) done() []*tracing.Span {
	w.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.out)
}

func (w *world) one() *tracing.Span {
	w.t.Helper()
	all := w.done()
	if len(all) != 1 {
		w.t.Fatalf("%d spans", len(all))
	}
	return all[0]
}

func TestSpanOfAnAnswer(t *testing.T) {
	w := newWorld(t, true)
	w.SetHandler("app.handler")
	instead, a := w.deliver("a", header)
	r := a.Request()
	end := time.Now()
	w.answer(spans.Answer{ID: "a", At: end, Handler: 30 * time.Millisecond, Body: []byte(`{"secret":1}`), Whole: true, Bytes: 12})
	s := w.one()
	if instead != "" {
		t.Errorf("the parent was rewritten: %s", instead)
	}
	if s.Root != root || s.Parent != parent || s.Name != "## app.handler" || s.Kind != tracing.Consumer || s.End != end || end.Sub(s.Start) != 30*time.Millisecond || s.Fault || s.Response != nil {
		t.Errorf("span %+v", s)
	}
	if i := s.Invocation; !i.ColdStart || i.Service != "shop" || i.ARN != "arn:x" || i.RequestID != "a" || i.Trigger != "pubsub" || i.Handler != "app.handler" {
		t.Errorf("invocation %+v", i)
	}
	if r.SpanTraceID != tracing.W3C(root) || r.SpanID != s.ID {
		t.Errorf("lines carry %q %q, the span is %q", r.SpanTraceID, r.SpanID, s.ID)
	}
}

func TestRewrite(t *testing.T) {
	w := newWorld(t, true, func(o *spans.Options) { o.Rewrite, o.Headerless = true, true })
	instead, _ := w.deliver("a", header)
	w.answer(spans.Answer{ID: "a"})
	for _, kept := range []string{"", "Root=" + root + ";Parent=" + parent + ";Sampled=0", "garbage", "Root=" + root + ";Parent=" + parent + ";Parent=" + parent + ";Sampled=1"} {
		if instead, _ := w.deliver("b", kept); instead != "" {
			t.Errorf("%q became %q", kept, instead)
		}
	}
	all := w.done()
	if want := "Root=" + root + ";Parent=" + all[0].ID + ";Sampled=1;Lineage=a:1"; instead != want {
		t.Errorf("got %s, want %s", instead, want)
	}
}

// Nothing at all of what is not sampled, or cannot be read; garbage is counted.
func TestNothing(t *testing.T) {
	for header, skipped := range map[string]int64{
		"Root=" + root + ";Parent=" + parent + ";Sampled=0": 0,
		"Root=" + root + ";Lineage=a:1":                     0,
		"":                                                  0,
		"nonsense":                                          1,
		"Root=1-2-3;Parent=" + parent + ";Sampled=1": 1,
	} {
		w := newWorld(t, true)
		_, a := w.deliver("a", header)
		w.Child("a", spans.Child{Name: "idempotency"})
		w.answer(spans.Answer{ID: "a", Failed: true, Body: []byte(`{"errorType":"E"}`)})
		if all := w.done(); len(all) != 0 || w.Skipped() != skipped || a.Request().SpanID != "" {
			t.Errorf("%q: %d spans, %d skipped, line %q", header, len(all), w.Skipped(), a.Request().SpanID)
		}
		if n := w.TakeSkipped(); n != skipped || w.TakeSkipped() != 0 {
			t.Errorf("%q: %d taken", header, n)
		}
	}
}

// Without a header a trace begins here, for those destinations that want it.
func TestHeaderless(t *testing.T) {
	w := newWorld(t, true, func(o *spans.Options) { o.Headerless = true })
	w.deliver("a", "")
	w.answer(spans.Answer{ID: "a"})
	if s := w.one(); !s.Own || s.Parent != "" || tracing.W3C(s.Root) == "" {
		t.Errorf("%+v", s)
	}
}

func TestResponses(t *testing.T) {
	long := `"` + strings.Repeat("x", 16<<10) + `"`
	for _, c := range []struct {
		name   string
		answer spans.Answer
		want   string
	}{
		{"an object", spans.Answer{Body: []byte(` {"ok":true} `), Whole: true}, `{"ok":true}`},
		{"a text that is no JSON", spans.Answer{Body: []byte("plain \x00"), Whole: true}, `"plain \u0000"`},
		{"binary", spans.Answer{Body: []byte{0xff, 0xfe}, Whole: true, Bytes: 2}, `{"bytes":2}`},
		{"too long", spans.Answer{Body: []byte(long), Whole: true, Bytes: int64(len(long))}, `{"truncated":true,"bytes":16386}`},
		{"not whole", spans.Answer{Body: []byte(`{"a":`), Bytes: 6 << 20}, `{"truncated":true,"bytes":6291456}`},
		{"a stream", spans.Answer{Streamed: true, Bytes: 5}, `{"truncated":true,"bytes":5}`},
		{"nothing", spans.Answer{Whole: true}, ``},
		{"redacted", spans.Answer{Body: []byte(`{"card":"4111111111111111"}`), Whole: true}, `{"card":"[redacted]"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, true, func(o *spans.Options) {
				o.CaptureResponse = true
				o.Redact = func(text []byte, _ bool) []byte {
					return []byte(strings.ReplaceAll(string(text), "4111111111111111", "[redacted]"))
				}
			})
			w.deliver("a", header)
			c.answer.ID = "a"
			w.answer(c.answer)
			if s := w.one(); string(s.Response) != c.want {
				t.Errorf("%.80s, want %s", s.Response, c.want)
			}
		})
	}
}

// What the proxy is shown is its own: nothing of it may be kept.
func TestAnswerIsCopied(t *testing.T) {
	w := newWorld(t, true, func(o *spans.Options) { o.CaptureResponse = true })
	w.deliver("a", header)
	body := []byte(`{"a":"one"}`)
	w.answer(spans.Answer{ID: "a", Body: body, Whole: true})
	copy(body, `{"a":"two"}`)
	if s := w.one(); string(s.Response) != `{"a":"one"}` {
		t.Errorf("%s", s.Response)
	}
}

func TestChildrenAreBounded(t *testing.T) {
	w := newWorld(t, true)
	w.deliver("a", header)
	for i := range spans.MaxChildren + 5 {
		w.Child("a", spans.Child{Name: "record " + strconv.Itoa(i)})
	}
	w.answer(spans.Answer{ID: "a"})
	all := w.done()
	if len(all) != 1+spans.MaxChildren || w.Skipped() != 5 {
		t.Fatalf("%d spans, %d skipped", len(all), w.Skipped())
	}
	ids := map[string]bool{}
	for _, s := range all {
		ids[s.ID] = true
		if s != all[0] && (s.Parent != all[0].ID || s.Root != root) {
			t.Errorf("%+v", s)
		}
	}
	if len(ids) != len(all) {
		t.Error("ids are not unique")
	}
}

// Invocations side by side: each answer ends its own span.
func TestSpansDoNotMix(t *testing.T) {
	w := newWorld(t, true)
	want := map[string]string{}
	for i := range 8 {
		id := strconv.Itoa(i)
		trace := root[:len(root)-1] + id
		_, a := w.deliver(id, "Root="+trace+";Parent="+parent+";Sampled=1")
		want[a.Request().SpanID] = id + trace
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { w.answer(spans.Answer{ID: strconv.Itoa(7 - i)}) })
	}
	all.Wait()
	got := w.done()
	for _, s := range got {
		if want[s.ID] != s.Invocation.RequestID+s.Root {
			t.Errorf("span %s of %s in %s, want %s", s.ID, s.Invocation.RequestID, s.Root, want[s.ID])
		}
	}
	if len(got) != 8 {
		t.Errorf("%d spans", len(got))
	}
}

func start(id, header, segment string, at time.Time) telemetry.Event {
	return telemetry.Event{Kind: telemetry.KindStart, Time: at, Platform: &telemetry.Platform{RequestID: id, TraceHeader: header, SpanID: segment}}
}

func ended(kind telemetry.Kind, id, status, errorType string, ms float64, at time.Time) telemetry.Event {
	return telemetry.Event{Kind: kind, Time: at, Platform: &telemetry.Platform{RequestID: id, Status: status, ErrorType: errorType, DurationMs: telemetry.Num(ms)}}
}

// observe tells both what the platform says, and the tracer what is over.
func (w *world) observe(events ...telemetry.Event) {
	for i := range events {
		w.Observe(w.tracker.Observe(&events[i]), &events[i])
	}
	w.over()
}

// phases tells the tracer alone of inits and restores.
func (w *world) phases(events ...telemetry.Event) {
	for i := range events {
		w.Observe(nil, &events[i])
	}
}

func (w *world) over() {
	for _, s := range w.tracker.Over(time.Now()) {
		w.Over(&s, time.Now())
	}
}

// Without a proxy spans are made of what the platform tells: below Lambda's
// own segment, with the tracker's judgement.
func TestWithoutProxy(t *testing.T) {
	at := time.Now().Round(0).Add(-time.Second)
	const segment = "24cd7d670fa455f0"
	for _, c := range []struct {
		name, invoke, start, segment string
		status, errorType            string
		want                         string // parent and exception; empty: no span
	}{
		{"success", header, header, segment, "success", "", segment + " "},
		{"passed through", header, "", "", "success", "", parent + " "},
		{"time-out", header, header, segment, "timeout", "", segment + " Timeout"},
		{"exit", header, header, segment, "error", "Runtime.ExitError", segment + " Runtime.ExitError"},
		{"not sampled", "Root=" + root + ";Sampled=0", "", "", "success", "", ""},
		{"sampled by Lambda", "Root=" + root, "Root=" + root, segment, "success", "", segment + " "},
		{"refused by the caller", "Root=" + root + ";Sampled=0", "Root=" + root + ";Sampled=0", segment, "success", "", ""},
		{"no header", "", "", "", "success", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, false)
			a := w.tracker.Begin(invocation.Invoke{RequestID: "a", TraceHeader: c.invoke})
			w.Invoked(a, c.invoke)
			produced := ended(telemetry.KindRuntimeDone, "a", c.status, c.errorType, 120, at.Add(120*time.Millisecond))
			produced.Platform.ProducedBytes = telemetry.Num(7)
			w.observe(start("a", c.start, c.segment, at), produced, ended(telemetry.KindReport, "a", c.status, c.errorType, 130, at.Add(130*time.Millisecond)))
			all := w.done()
			if c.want == "" {
				if len(all) != 0 {
					t.Errorf("%+v", all[0])
				}
				return
			}
			if len(all) != 1 {
				t.Fatalf("%d spans", len(all))
			}
			s := all[0]
			got := s.Parent + " "
			if s.Exception != nil {
				got += s.Exception.Type
			}
			if got != c.want || s.Root != root || s.Start != at || s.End.Sub(s.Start) != 120*time.Millisecond || s.Fault != (c.status != "success") || s.Name != "## orders" {
				t.Errorf("%q, %+v", got, s)
			}
			if a.Request().SpanID != s.ID {
				t.Errorf("lines carry %q", a.Request().SpanID)
			}
		})
	}
}

// Through the proxy, an invocation that is killed has no answer: its span ends
// as the tracker judges, at the platform's word or at SHUTDOWN.
func TestKilled(t *testing.T) {
	for reason, want := range map[string]string{"timeout": "Timeout", "failure": "Runtime.ExitError"} {
		w := newWorld(t, true)
		w.deliver("a", header)
		if reason == "failure" {
			w.observe(ended(telemetry.KindRuntimeDone, "a", "error", "Runtime.ExitError", 50, time.Now()))
		}
		w.tracker.Close(reason, time.Now())
		w.over()
		s := w.one()
		if !s.Fault || s.Exception == nil || s.Exception.Type != want || s.Exception.Message == "" || s.End.Before(s.Start) || s.Parent != parent {
			t.Errorf("%s: %+v %+v", reason, s, s.Exception)
		}
	}
	// A spindown with an open invocation: nobody knows how it went.
	w := newWorld(t, true)
	w.deliver("a", header)
	if all := w.done(); len(all) != 0 || w.Skipped() != 1 {
		t.Errorf("%d spans, %d skipped", len(all), w.Skipped())
	}
}

// An answer that Lambda refuses is not the end.
func TestRefusedAnswer(t *testing.T) {
	w := newWorld(t, true)
	w.deliver("a", header)
	w.answer(spans.Answer{ID: "a", Status: 413})
	w.answer(spans.Answer{ID: "a", Failed: true, Body: []byte(`{"errorType":"TooLarge","errorMessage":"m"}`)})
	if s := w.one(); s.Exception == nil || s.Exception.Type != "TooLarge" {
		t.Errorf("%+v", s)
	}
}

// The init belongs to the invocation that waited for it, in whatever order
// things are heard, and to that one alone.
func TestInitAndRestore(t *testing.T) {
	at := time.Now().Round(0).Add(-time.Minute)
	begin := telemetry.Event{Kind: telemetry.KindInitStart, Time: at, Platform: &telemetry.Platform{InitType: "on-demand", Phase: "init"}}
	end := telemetry.Event{Kind: telemetry.KindInitReport, Time: at.Add(time.Second), Platform: &telemetry.Platform{Phase: "init", DurationMs: telemetry.Num(1000)}}
	for _, before := range []bool{true, false} {
		w := newWorld(t, true)
		if before {
			w.phases(begin, end)
		}
		w.deliver("a", header)
		w.answer(spans.Answer{ID: "a"})
		w.deliver("b", header)
		w.answer(spans.Answer{ID: "b"})
		w.phases(begin, end, end)
		all := w.done()
		var inits []*tracing.Span
		first := ""
		for _, s := range all {
			if s.Name == "init" {
				inits = append(inits, s)
			} else if s.Invocation.RequestID == "a" {
				first = s.ID
			}
		}
		if len(all) != 3 || len(inits) != 1 || inits[0].Parent != first || !inits[0].Start.Equal(at) || inits[0].End.Sub(at) != time.Second {
			t.Errorf("before %t: %d spans, %d inits", before, len(all), len(inits))
		}
	}

	// Nobody waited for an init that was ahead, and everybody for a restore.
	w := newWorld(t, true)
	w.tracker = invocation.New(invocation.Options{InitType: "snap-start"})
	w.phases(begin, end,
		telemetry.Event{Kind: telemetry.KindRestoreStart, Time: at.Add(2 * time.Second), Platform: &telemetry.Platform{}},
		telemetry.Event{Kind: telemetry.KindRestoreReport, Time: at.Add(3 * time.Second), Platform: &telemetry.Platform{Status: "success"}})
	w.deliver("a", header)
	w.answer(spans.Answer{ID: "a"})
	all := w.done()
	if len(all) != 2 || all[1].Name != "restore" || all[1].Parent != all[0].ID || all[1].Fault {
		t.Errorf("%d spans", len(all))
	}

	// Of a first invocation that is not sampled nothing is sent, later either.
	w = newWorld(t, true)
	w.deliver("a", "Root="+root+";Sampled=0")
	w.answer(spans.Answer{ID: "a"})
	w.deliver("b", header)
	w.answer(spans.Answer{ID: "b"})
	w.phases(begin, end)
	if all := w.done(); len(all) != 1 || all[0].Invocation.RequestID != "b" {
		t.Errorf("%d spans", len(all))
	}
}

// Without a proxy as with one: the restore is the first invocation's, and that
// one is not sampled.
func TestRestoreOfOneThatIsNotSampled(t *testing.T) {
	const refused = "Root=" + root + ";Parent=" + parent + ";Sampled=0"
	at := time.Now().Round(0).Add(-time.Minute)
	w := newWorld(t, false)
	w.tracker = invocation.New(invocation.Options{InitType: "snap-start"})
	w.observe(telemetry.Event{Kind: telemetry.KindRestoreStart, Time: at, Platform: &telemetry.Platform{}},
		telemetry.Event{Kind: telemetry.KindRestoreReport, Time: at.Add(time.Second), Platform: &telemetry.Platform{Status: "success"}})
	for i, header := range []string{refused, header} {
		id, begun := strconv.Itoa(i), at.Add(time.Duration(2+i)*time.Second)
		w.Invoked(w.tracker.Begin(invocation.Invoke{RequestID: id, TraceHeader: header, At: begun}), header)
		w.observe(start(id, header, "24cd7d670fa455f0", begun), ended(telemetry.KindRuntimeDone, id, "success", "", 120, begun.Add(120*time.Millisecond)),
			ended(telemetry.KindReport, id, "success", "", 120, begun.Add(120*time.Millisecond)))
	}
	if s := w.one(); s.Invocation == nil || s.Invocation.RequestID != "1" {
		t.Errorf("%+v", s)
	}
}

// No tracer, no spans, no crash.
func TestOff(t *testing.T) {
	var off *spans.Tracer
	off.SetHandler("x")
	off.Delivered("a", spans.Event{})
	off.Child("a", spans.Child{})
	off.Answered(spans.Answer{ID: "a"})
	off.Invoked(nil, header)
	off.Over(&invocation.Summary{}, time.Now())
	off.Close()
}

func BenchmarkSpan(b *testing.B) {
	for name, header := range map[string]string{"sampled": header, "not sampled": "Root=" + root + ";Parent=" + parent + ";Sampled=0"} {
		b.Run(name, func(b *testing.B) {
			var xray, otlp []byte
			tr := spans.New(spans.Options{Service: "shop", CaptureError: true, Proxied: func() bool { return true }, Go: func(f func()) { f() },
				Emit: func(s *tracing.Span) {
					xray, _ = tracing.AppendXRay(xray[:0], s)
					otlp, _ = tracing.AppendOTLP(otlp[:0], s)
				}})
			tracker := invocation.New(invocation.Options{})
			a := tracker.Delivered(invocation.Delivery{RequestID: "a"})
			body := []byte(`{"ok":true}`)
			b.ReportAllocs()
			for b.Loop() {
				tr.Trace("a", header)
				tr.Delivered("a", spans.Event{Attempt: a, At: time.Now(), Trigger: "other"})
				tr.Answered(spans.Answer{ID: "a", Status: 202, At: time.Now(), Handler: time.Millisecond, Body: body, Whole: true})
			}
		})
	}
}
