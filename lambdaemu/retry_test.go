package lambdaemu

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// starts, ends and the rest of one request, in order, without times.
func (r *rig) storyOf(id string) (log, telemetry []string) {
	for _, text := range r.logs.texts(OriginPlatform) {
		if strings.Contains(text, id) {
			word, _, _ := strings.Cut(text, " ")
			log = append(log, word)
		}
	}
	for _, e := range r.events("ext-a") {
		if e.get("requestId") == id {
			telemetry = append(telemetry, e.Type)
		}
	}
	return log, telemetry
}

// An asynchronous invocation whose function failed is retried under its own id:
// in the same process, with a new INVOKE for the extensions, and with START, END
// and REPORT and their events again. [DOC:invocation-async-error-handling]
func TestRetrySameID(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
	pid := r.current().runtime.machine.proc.PID()
	outcomes, err := r.InvokeAsync(t.Context(), Request{Payload: mustJSON(fnEvent{Error: "Function.Broken"})}, 2)
	if err != nil || len(outcomes) != 3 {
		t.Fatalf("%d outcomes, error %v", len(outcomes), err)
	}
	id := outcomes[0].RequestID
	for i, o := range outcomes {
		if o.RequestID != id || o.ErrorType != "Function.Broken" || o.ColdStart != (i == 0) {
			t.Errorf("attempt %d: %+v", i+1, o)
		}
	}
	if now := r.current().runtime.machine.proc.PID(); now != pid {
		t.Error("a handler that threw has cost its process")
	}
	r.stop()
	log, telemetry := r.storyOf(id)
	if diff := cmp.Diff(strings.Fields("START END REPORT START END REPORT START END REPORT"), log); diff != "" {
		t.Error(diff)
	}
	once := []string{"platform.start", "platform.runtimeDone", "platform.report"}
	if diff := cmp.Diff(append(append(append([]string{}, once...), once...), once...), telemetry); diff != "" {
		t.Error(diff)
	}
	invokes := 0
	for _, entry := range r.entries("ext-a") {
		if entry == "INVOKE "+id {
			invokes++
		}
	}
	if invokes != 3 {
		t.Errorf("%d INVOKE for the extension", invokes)
	}
}

// Retries end with the first success, carry one trace, and survive a reset.
func TestRetryEnds(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
	file := r.dir + "/once"
	outcomes, err := r.InvokeAsync(t.Context(), Request{Payload: mustJSON(fnEvent{ExitOnce: file})}, 5)
	if err != nil || len(outcomes) != 2 {
		t.Fatalf("%d outcomes, error %v", len(outcomes), err)
	}
	if outcomes[0].ErrorType != "Runtime.ExitError" || outcomes[1].FunctionError != "" || outcomes[0].RequestID != outcomes[1].RequestID {
		t.Errorf("got %+v", outcomes)
	}
	r.stop()
	var traces []any
	for _, e := range only(r.events("ext-a"), "platform.start") {
		traces = append(traces, e.get("tracing", "value"))
	}
	if len(traces) != 2 || traces[0] == nil || traces[0] != traces[1] {
		t.Errorf("traces %v", traces)
	}
	if _, err := r.InvokeAsync(t.Context(), Request{}, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
}

// On managed instances, too, an id may come again once its invocation has ended,
// after a timeout as well; while it is open it is refused.
func TestManagedRetry(t *testing.T) {
	opt := managedOptions("2")
	opt.Timeout = 1200 * time.Millisecond
	r := newRig(t, opt, managedExtension())
	id := newUUID()
	var wg sync.WaitGroup
	wg.Go(func() {
		if resp := r.request(Request{RequestID: id, Payload: mustJSON(fnEvent{SleepMs: 4000})}); resp.ErrorType != "Sandbox.Timedout" {
			t.Errorf("first: %+v", resp)
		}
	})
	eventually(t, "the invocation is under way", func() bool { return r.current().runtime.isOpen(id) })
	if _, err := r.Invoke(t.Context(), Request{RequestID: id}); !errors.Is(err, ErrRequestOpen) {
		t.Errorf("while it is open: %v", err)
	}
	wg.Wait()
	if resp := r.request(Request{RequestID: id, Payload: mustJSON(fnEvent{Error: "Function.Broken"})}); resp.ErrorType != "Function.Broken" {
		t.Errorf("second: %+v", resp)
	}
	if resp := r.request(Request{RequestID: id}); resp.FunctionError != "" {
		t.Errorf("third: %+v", resp)
	}
	r.stop()
	_, telemetry := r.storyOf(id)
	once := []string{"platform.start", "platform.report"}
	if diff := cmp.Diff(append(append(append([]string{}, once...), once...), once...), telemetry); diff != "" {
		t.Error(diff)
	}
}
