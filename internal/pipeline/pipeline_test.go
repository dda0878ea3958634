package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/canonical"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

func events(kinds ...telemetry.Event) []telemetry.Event { return kinds }

func start(id string) telemetry.Event {
	return platform(telemetry.KindStart, t0, telemetry.Platform{RequestID: id})
}

func runtimeDone(id string) telemetry.Event {
	return platform(telemetry.KindRuntimeDone, t0.Add(time.Second), telemetry.Platform{RequestID: id, Status: "success", DurationMs: telemetry.Num(10)})
}

func report(id string) telemetry.Event {
	return platform(telemetry.KindReport, t0.Add(time.Second), telemetry.Platform{RequestID: id, Status: "success", DurationMs: telemetry.Num(12)})
}

func invoke(id string) invocation.Invoke { return invocation.Invoke{RequestID: id, At: t0} }

// member returns a member of the canonical event.
func member(t *testing.T, line, name string) any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return m[name]
}

// TestMetersAreTakenForTheRightInvocation: the counters up to the end of an
// invocation are its own, whichever of the two signs of the end comes first.
func TestMetersAreTakenForTheRightInvocation(t *testing.T) {
	for name, feed := range map[string]func(r *rig, use func(int64)){
		"runtimeDone first": func(r *rig, use func(int64)) {
			r.Begin(invoke("a"))
			use(1)
			r.HandleEvents(events(start("a"), runtimeDone("a")))
			r.Begin(invoke("b"))
			use(2)
			r.HandleEvents(events(report("a"), start("b"), runtimeDone("b"), report("b")))
		},
		"next INVOKE first": func(r *rig, use func(int64)) {
			r.Begin(invoke("a"))
			use(1)
			r.Begin(invoke("b"))
			use(2)
			r.HandleEvents(events(start("a"), runtimeDone("a"), report("a"), start("b"), runtimeDone("b"), report("b")))
		},
		"runtimeDone before its INVOKE": func(r *rig, use func(int64)) {
			use(1)
			r.HandleEvents(events(start("a"), runtimeDone("a")))
			r.Begin(invoke("a"))
			use(2)
			r.HandleEvents(events(start("b"), report("a"), runtimeDone("b"), report("b")))
		},
		"events come again": func(r *rig, use func(int64)) {
			r.Begin(invoke("a"))
			use(1)
			r.HandleEvents(events(start("a"), runtimeDone("a"), report("a")))
			use(2)
			r.HandleEvents(events(start("a"), runtimeDone("a"), report("a")))
			r.Begin(invoke("b"))
			r.HandleEvents(events(start("b"), report("b")))
		},
		"shutdown": func(r *rig, use func(int64)) {
			r.Begin(invoke("a"))
			use(1)
			r.HandleEvents(events(start("a"), runtimeDone("a")))
			r.Begin(invoke("b"))
			use(2)
			r.Flush("spindown", t0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			count := int64(0)
			r := newRig(t, func(o *Options) {
				o.Meters = []Meter{meterFunc(func() []emf.Property {
					n := count
					count = 0
					return []emf.Property{{Name: "used", Value: n}}
				})}
			})
			feed(r, func(n int64) { count += n })
			if len(r.metrics.got) != 2 {
				t.Fatalf("%d events, want 2", len(r.metrics.got))
			}
			for i, id := range []string{"a", "b"} {
				line := r.metrics.got[i]
				if member(t, line, "function_request_id") != id || member(t, line, "used") != float64(i+1) {
					t.Errorf("%s: %s", id, line)
				}
			}
		})
	}
}

type meterFunc func() []emf.Property

func (f meterFunc) Take() []emf.Property { return f() }

func TestNoMetrics(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"nothing is selected":            func(o *Options) { o.Platform = canonical.Selection{} },
		"no output":                      func(o *Options) { o.Metrics = nil },
		"nothing is selected, no output": func(o *Options) { o.Platform, o.Metrics = canonical.Selection{}, nil },
	} {
		r := newRig(t, change).running()
		r.HandleEvents(events(runtimeDone(testID), report(testID)))
		r.Begin(invoke("b"))
		r.Flush("spindown", t0)
		if len(r.metrics.got) != 0 {
			t.Errorf("%s: %v", name, r.metrics.got)
		}
	}
}

func TestDimensionsThatAreTaken(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.MetricsFunctionName = "alias"
		o.Dimensions = []emf.Dimension{{Name: "team", Value: "pay"}, {Name: "service", Value: "x"}, {Name: "Errors", Value: "x"}, {Name: "cold_start", Value: "x"}, {Name: "team", Value: "y"}}
	}).running()
	r.HandleEvents(events(report(testID)))
	if want := `"Dimensions":[["service","function_name","team"]]`; len(r.metrics.got) != 1 || !strings.Contains(r.metrics.got[0], want) {
		t.Errorf("%v, want %s", r.metrics.got, want)
	}
	if got := member(t, r.metrics.got[0], "function_name"); got != "alias" {
		t.Errorf("function_name %v", got)
	}
	if n := len(r.Problems()); n != 4 {
		t.Errorf("%d problems, want one for each", n)
	}
}

// TestBadOptionsCostThatPart and not the event, as one problem each: a value
// that CloudWatch refuses takes nothing else with it.
func TestBadOptionsCostThatPart(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Namespace = "AWS/Lambda"
		o.MetricsFunctionName = "fn ö"
	})
	r.HandleEvents(events(start("a"), report("a"), start("b"), report("b")))
	if s := r.Stats(); s.Refused != 0 || s.Events != 2 || len(r.Problems()) != 2 || len(r.metrics.got) != 2 {
		t.Errorf("stats %+v, problems %v, %v", s, r.Problems(), r.metrics.got)
	}
}

// panicking is an Output with a defect.
type panicking struct{}

func (panicking) Put([]byte) { panic("secret value") }

// TestPanicCostsOneEvent, and the log does not quote it.
func TestPanicCostsOneEvent(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	r := newRig(t, func(o *Options) {
		o.Log = zap.New(core)
		o.Lines = []Destination{{Output: panicking{}, Stdout: true}}
	}).running()
	r.HandleEvents(events(textLine("a"), textLine("b"), runtimeDone(testID), report(testID)))
	if s := r.Stats(); s.Panics != 2 || s.Events != 1 {
		t.Errorf("stats %+v", s)
	}
	if logs.Len() != 1 {
		t.Fatalf("%d log lines, want 1", logs.Len())
	}
	if text := fmt.Sprint(logs.All()[0].ContextMap()); strings.Contains(text, "secret value") || !strings.Contains(text, "Put") {
		t.Errorf("log: %s", text)
	}
}

func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.Begin(invoke("a"))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		from := time.Now()
		go func() {
			time.Sleep(10 * time.Millisecond)
			r.HandleEvents(events(report("a")))
		}()
		r.Settled(ctx)
		if d := time.Since(from); d != 10*time.Millisecond {
			t.Errorf("settled after %v, want with the report", d)
		}
		r.Begin(invoke("b"))
		r.Settled(ctx)
		if d := time.Since(from); d != 100*time.Millisecond {
			t.Errorf("gave up after %v, want at the deadline", d)
		}
	})
}

// TestEvictedInvocationIsWritten: more open invocations than are kept.
func TestEvictedInvocationIsWritten(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	r := newRig(t, func(o *Options) { o.Log = zap.New(core) })
	r.tracker = invocation.New(invocation.Options{MaxBytes: 514 << 10, Now: func() time.Time { return t0 }})
	r.Pipeline = New(r.tracker, r.opt)
	for i := range 258 {
		r.Begin(invoke(fmt.Sprint(i)))
	}
	if n := logs.FilterMessageSnippet("too many requests at once").Len(); n != 1 {
		t.Errorf("said %d times, want once", n)
	}
	if len(r.metrics.got) != 2 || member(t, r.metrics.got[1], "complete") != false || member(t, r.metrics.got[1], "function_request_id") != "1" {
		t.Errorf("%d written, want the two oldest: %v", len(r.metrics.got), r.metrics.got)
	}
}

// TestEventsWithoutATime are stamped with ours.
func TestEventsWithoutATime(t *testing.T) {
	r := newRig(t, nil)
	got := r.one(telemetry.Event{Kind: telemetry.KindFunction, Line: []byte("x")})
	if !strings.Contains(got, stampOf) {
		t.Errorf("%s, want %s", got, stampOf)
	}
}

// I8: the memory of a batch is used again.
//
// TestNothingOfABatchIsKept: the decoder reuses its memory.
func TestNothingOfABatchIsKept(t *testing.T) {
	r := newRig(t, nil).running()
	body := []byte("[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n")
	r.HandleEvents(events(telemetry.Event{Kind: telemetry.KindFunction, Time: t0, Line: body}))
	copy(body, bytes.Repeat([]byte("#"), len(body)))
	r.HandleEvents(events(report(testID)))
	if got := member(t, r.metrics.got[0], "error_type"); got != "KeyError" {
		t.Errorf("error type %v", got)
	}
	if strings.Contains(r.lines.got[0], "#") {
		t.Errorf("line %s", r.lines.got[0])
	}
}

// locked makes an Output safe, as those of the product are.
type locked struct {
	mu sync.Mutex
	n  int
}

func (o *locked) Put([]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n++
}

// TestConcurrentUse: the event loop, the telemetry worker and a shutdown.
func TestConcurrentUse(t *testing.T) {
	lines, metrics := &locked{}, &locked{}
	r := newRig(t, func(o *Options) {
		o.Lines, o.Metrics = []Destination{{Output: lines}}, metrics
		o.Meters = []Meter{meterFunc(func() []emf.Property { return nil })}
	})
	var wg sync.WaitGroup
	const requests = 250 // fewer than finished ones are remembered: one goroutine may be that far behind
	wg.Go(func() {
		for i := range requests {
			r.Begin(invoke(fmt.Sprint(i)))
		}
	})
	wg.Go(func() {
		for i := range requests {
			id := fmt.Sprint(i)
			r.HandleEvents(events(start(id), textLine("x"), runtimeDone(id), report(id)))
		}
	})
	wg.Go(func() {
		for range 50 {
			r.Stats()
			r.tracker.Current()
		}
	})
	wg.Wait()
	r.Flush("spindown", t0)
	if lines.n != requests || metrics.n != requests {
		t.Errorf("%d lines and %d events, want %d each", lines.n, metrics.n, requests)
	}
}
