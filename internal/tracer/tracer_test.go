package tracer_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/batch"
	"powertools-extension/internal/config"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/runtimeapi"
	"powertools-extension/internal/sink/otlp"
	"powertools-extension/internal/telemetry"
	"powertools-extension/internal/tracer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const header = "Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"

// world is a tracer and a daemon.
type world struct {
	*tracer.Tracer
	t      *testing.T
	daemon *net.UDPConn
	told   []string
}

func newWorld(t *testing.T, env ...string) *world {
	t.Helper()
	daemon, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Close() })
	w := &world{t: t, daemon: daemon}
	cfg, _ := config.Load(append([]string{"AWS_XRAY_DAEMON_ADDRESS=" + daemon.LocalAddr().String(), "POWERTOOLS_SERVICE_NAME=shop"}, env...))
	w.Tracer = tracer.New(tracer.Deps{
		Config: &cfg, Resource: func() otlp.Resource { return otlp.Resource{} }, Proxied: func() bool { return true }, Waiting: func() {},
		Headers:  func(context.Context) (http.Header, error) { return nil, nil },
		Complain: func(variable, reason, _ string) { w.told = append(w.told, variable+": "+reason) },
		Degrade:  func(string, string) {}, Guard: func(_ string, f func()) { f() },
	})
	return w
}

func (w *world) read() string {
	w.t.Helper()
	buf := make([]byte, 1<<16)
	_ = w.daemon.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := w.daemon.Read(buf)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(buf[:n])
}

func (w *world) invoke(id, header string) {
	w.Trace()(id, header)
	a := invocation.New(invocation.Options{}).Delivered(invocation.Delivery{RequestID: id})
	w.Delivered(a, &runtimeapi.Event{ID: id, At: time.Now()}, awsevent.Event{})
}

func (w *world) answer(id string) {
	w.Answered(&runtimeapi.Answer{ID: id, At: time.Now(), Status: 202}, 0)
}

// Hooks that wait for a service, and records of a batch, are parts of a span.
func TestParts(t *testing.T) {
	w := newWorld(t, "POWERTOOLS_TRACE_DESTINATION=xray")
	defer w.Close()
	failing := errors.New("no store")
	hooks := w.Timed([]middleware.Hook{
		{Name: "idempotency", Waits: true, Request: func(context.Context, *middleware.Request) (middleware.Action, error) {
			return middleware.Action{}, failing
		}},
		{Name: "batch", Waits: true, Request: func(context.Context, *middleware.Request) (middleware.Action, error) {
			return middleware.Action{}, nil
		}},
		{Name: "unwrap", Request: func(context.Context, *middleware.Request) (middleware.Action, error) { return middleware.Action{}, nil }},
	})
	w.invoke("a", header)
	for _, h := range hooks {
		_, err := h.Request(t.Context(), &middleware.Request{ID: "a"})
		if h.Name == "idempotency" && !errors.Is(err, failing) {
			t.Error("the hook's error is lost")
		}
	}
	heard := &watch{}
	records := w.Watch(heard)
	records.Began("a", "a-1", "m1", 0)
	records.Ended("a", "a-1", "m1", 0, time.Second, true)
	records.Ended("a", "a-2", "m2", 1, time.Second, false)
	records.Over("a", batch.Counts{}, true)
	w.answer("a")
	names := map[string]bool{}
	for range 4 {
		text := w.read()
		for _, name := range []string{`"name":"## "`, `"name":"idempotency"`, `"name":"record 1"`, `"name":"record 2"`} {
			if strings.Contains(text, strings.TrimSuffix(name, `"`)) {
				names[name] = strings.Contains(text, `"fault":true`)
			}
		}
	}
	if len(names) != 4 || !names[`"name":"idempotency"`] || names[`"name":"record 1"`] || !names[`"name":"record 2"`] || heard.n != 4 {
		t.Errorf("%v, heard %d", names, heard.n)
	}
	w.Close() // a datagram is counted once it is out
	if h := w.Health(); h.Datagrams != 4 || h.Dropped != 0 || len(h.Destinations) != 1 {
		t.Errorf("%+v", h)
	}
}

type watch struct{ n int }

func (w *watch) Began(string, string, string, int)                      { w.n++ }
func (w *watch) Ended(string, string, string, int, time.Duration, bool) { w.n++ }
func (w *watch) Over(string, batch.Counts, bool)                        { w.n++ }

// The daemon is where the wrapper says, else where the variable does.
func TestDaemonOfTheRuntime(t *testing.T) {
	w, other := newWorld(t, "POWERTOOLS_TRACE_DESTINATION=xray"), newWorld(t)
	defer w.Close()
	w.Greet(&runtimeapi.Hello{Handler: "app.handler", XRayDaemon: "nonsense"})
	w.invoke("a", header)
	w.answer("a")
	if text := w.read(); !strings.Contains(text, `"name":"## app.handler"`) {
		t.Error(text)
	}
	w.Greet(&runtimeapi.Hello{XRayDaemon: other.daemon.LocalAddr().String()})
	w.Restored()
	w.invoke("b", header)
	w.answer("b")
	other.read()
	if bad := newWorld(t, "POWERTOOLS_TRACE_DESTINATION=xray", "AWS_XRAY_DAEMON_ADDRESS=nowhere"); len(bad.told) != 1 || !strings.HasPrefix(bad.told[0], "AWS_XRAY_DAEMON_ADDRESS") {
		t.Errorf("%q", bad.told)
	}
}

// A trace that begins here is for collectors alone; what is lost is in the next
// summary, once.
func TestWhoGetsWhat(t *testing.T) {
	w := newWorld(t, "POWERTOOLS_TRACE_DESTINATION=xray,otlp+http://127.0.0.1:9,cloudwatch")
	w.invoke("own", "")
	w.answer("own")
	w.invoke("a", header)
	w.answer("a")
	w.invoke("b", "nonsense")
	w.read()
	w.Close()
	outlets := w.Outlets()
	if len(outlets) != 2 || outlets[0].Stats().Received.Lines != 2 || outlets[1].Stats().Received.Lines != 1 || !outlets[0].Spans || outlets[0].Place == outlets[1].Place {
		t.Errorf("%d outlets", len(outlets))
	}
	var s invocation.Summary
	w.Over(&s)
	if s.SpansSkipped != telemetry.Num(1) || s.SpansDropped.Set {
		t.Errorf("%+v %+v", s.SpansSkipped, s.SpansDropped)
	}
	s = invocation.Summary{}
	w.Over(&s)
	if s.SpansSkipped.Set {
		t.Error("told twice")
	}
	if l := w.Account(); l.Datagrams != 1 || l.Skipped != 1 {
		t.Errorf("%+v", l)
	}
}

// Without a destination nothing is there.
func TestOff(t *testing.T) {
	var missing *tracer.Tracer
	w := newWorld(t, "POWERTOOLS_TRACE_DISABLED=true", "POWERTOOLS_TRACE_DESTINATION=xray")
	hooks := []middleware.Hook{{Name: "idempotency", Waits: true}}
	if w.On() || missing.On() || w.Trace() != nil || w.Health() != nil || w.Account() != nil || w.Outlets() != nil || w.Watch(nil) != nil || len(w.Timed(hooks)) != 1 {
		t.Error("something is on")
	}
	missing.Greet(&runtimeapi.Hello{})
	w.Greet(&runtimeapi.Hello{})
	w.Delivered(nil, &runtimeapi.Event{}, awsevent.Event{})
	w.Answered(&runtimeapi.Answer{}, 0)
	w.Invoked(nil, header)
	var s invocation.Summary
	w.Over(&s)
	w.Restored()
	w.Close()
}
