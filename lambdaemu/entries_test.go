package lambdaemu

import (
	"slices"
	"testing"
	"time"

	"powertools-extension/lambdaemu/transcript"
)

func dataOf[T any](t *testing.T, entries []Entry, what string) (list []T) {
	t.Helper()
	for _, e := range ofWhat(entries, what) {
		data, ok := e.Data.(T)
		if !ok {
			t.Fatalf("%s has data %T", e, e.Data)
		}
		list = append(list, data)
	}
	return list
}

// What a page about the run needs beside the words stands in the data: whose
// answer it was, the deadline, what was delivered, the bill, the end.
func TestEntryData(t *testing.T) {
	r := newRig(t, Options{Detailed: true, Timeout: 5 * time.Second}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}}})
	first := r.invoke(fnEvent{Print: []string{"x"}})
	second := r.invoke(fnEvent{})
	exit := r.stop()
	entries := r.Transcript()

	run := dataOf[transcript.Run](t, entries, transcript.RunTaken)
	if len(run) != 1 || run[0].Timeout != 5*time.Second || run[0].MemoryMB != 128 || !run[0].Freezes || run[0].InitType != "on-demand" {
		t.Errorf("run %+v", run)
	}
	if got := dataOf[transcript.Registration](t, entries, transcript.Register); len(got) != 1 || got[0].Status != 200 || !slices.Equal(got[0].Events, []string{"INVOKE", "SHUTDOWN"}) {
		t.Errorf("registrations %+v", got)
	}
	if got := dataOf[transcript.Subscription](t, entries, transcript.Subscribe); len(got) != 1 || got[0].Status != 200 || got[0].API != "Telemetry" || !slices.Equal(got[0].Types, []string{"platform"}) {
		t.Errorf("subscriptions %+v", got)
	}
	inits := dataOf[transcript.InitEnd](t, entries, transcript.InitDone)
	if len(inits) != 1 || inits[0].Status != "success" || inits[0].Took != first.Init || inits[0].Phase != "init" {
		t.Errorf("inits %+v, want %v", inits, first.Init)
	}
	checkInvocations(t, entries, 5*time.Second, first, second)
	events, bytes := 0, 0
	for _, d := range dataOf[transcript.Delivery](t, entries, transcript.Telemetry) {
		events, bytes = events+d.Events, bytes+d.Bytes
		if d.Status != 200 {
			t.Errorf("delivery %+v", d)
		}
	}
	end := dataOf[transcript.Ending](t, entries, transcript.ShutdownEnd)[0]
	if end.Delivered != events || bytes == 0 || end.Reason != "spindown" || len(end.Extensions) != 1 || end.Extensions[0].After != exit.Extensions[0].After || end.Extensions[0].Name != "ext-a" {
		t.Errorf("end %+v after %d events, %d bytes", end, events, bytes)
	}
}

func checkInvocations(t *testing.T, entries []Entry, timeout time.Duration, responses ...Response) {
	t.Helper()
	invocations := dataOf[transcript.Invocation](t, entries, transcript.Invoke)
	answers := dataOf[transcript.Answer](t, entries, transcript.Response)
	outcomes := dataOf[transcript.Outcome](t, entries, transcript.OutcomeTaken)
	if len(invocations) != len(responses) || len(answers) != len(responses) || len(outcomes) != len(responses) {
		t.Fatalf("%d invocations, %d answers, %d outcomes", len(invocations), len(answers), len(outcomes))
	}
	at := ofWhat(entries, transcript.Invoke)
	for i, resp := range responses {
		inv, answer, out := invocations[i], answers[i], outcomes[i]
		if inv.RequestID != resp.RequestID || inv.Number != i+1 || len(inv.Event) == 0 {
			t.Errorf("invocation %+v", inv)
		}
		if inv.Deadline.Sub(inv.Began) != timeout || at[i].At.Before(inv.Began) || at[i].At.Sub(inv.Began) > time.Minute {
			t.Errorf("began %s, told %s, deadline %s", inv.Began, at[i].At, inv.Deadline)
		}
		if answer.RequestID != resp.RequestID || answer.Bytes != len(resp.Payload) || answer.Status != 202 {
			t.Errorf("answer %+v", answer)
		}
		if out.RequestID != resp.RequestID || out.Status != "success" || out.Failed || out.Billed != resp.Billed || out.Duration != resp.Duration ||
			out.Cold != resp.ColdStart || string(out.Payload) != string(resp.Payload) {
			t.Errorf("outcome %+v of %+v", out, resp)
		}
	}
}

// Without Detailed no event and no answer is kept.
func TestEntryDataWithoutDetails(t *testing.T) {
	r := newRig(t, Options{}, nil)
	r.invoke(fnEvent{})
	r.stop()
	if inv := dataOf[transcript.Invocation](t, r.Transcript(), transcript.Invoke)[0]; inv.Event != nil || inv.Number != 1 {
		t.Errorf("got %+v", inv)
	}
	if n := len(ofWhat(r.Transcript(), transcript.OutcomeTaken)) + len(ofWhat(r.Transcript(), transcript.RunTaken)); n != 0 {
		t.Errorf("%d entries nobody asked for", n)
	}
}

// On managed instances, where answers cross, each entry names its request.
func TestEntryDataManaged(t *testing.T) {
	opt := managedOptions("4")
	opt.Detailed, opt.Timeout = true, 5*time.Second
	r := newRig(t, opt, managedExtension())
	resp := r.invoke(fnEvent{})
	checkInvocations(t, r.Transcript(), 5*time.Second, resp)
}

// A runtime that hangs runs into its time-out; the next invocation has a new one.
func TestFunctionHung(t *testing.T) {
	fault := []Fault{{Name: "function-hung", Arg: "1", From: 2}}
	t.Run("classic", func(t *testing.T) {
		r := newRig(t, Options{Faults: fault, Timeout: time.Second}, map[string]extConfig{"ext-a": {}})
		r.invoke(fnEvent{})
		if resp := r.invoke(fnEvent{}); resp.ErrorType != "Sandbox.Timedout" || resp.Duration != time.Second {
			t.Errorf("got %+v", resp)
		}
		if resp := r.invoke(fnEvent{}); resp.FunctionError != "" || !resp.ColdStart {
			t.Errorf("afterwards: %+v", resp)
		}
	})
	t.Run("managed", func(t *testing.T) {
		opt := managedOptions("1")
		opt.Faults, opt.Timeout = fault, time.Second
		r := newRig(t, opt, managedExtension())
		r.invoke(fnEvent{})
		if resp := r.invoke(fnEvent{}); resp.ErrorType != "Sandbox.Timedout" {
			t.Errorf("got %+v", resp)
		}
		if resp := r.invoke(fnEvent{}); resp.FunctionError != "" {
			t.Errorf("afterwards: %+v", resp)
		}
	})
}

// A restart shuts the environment down in order and has a new one ready.
func TestRestart(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {}})
	before := r.invoke(fnEvent{})
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := r.invoke(fnEvent{})
	if !before.ColdStart || !after.ColdStart || after.Init == 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	ends := dataOf[transcript.Ending](t, r.Transcript(), transcript.ShutdownEnd)
	if len(ends) != 1 || ends[0].Extensions[0].Code != 0 || ends[0].Extensions[0].Killed {
		t.Errorf("ends %+v", ends)
	}
	r.stop()
	if err := r.Restart(t.Context()); err != ErrClosed {
		t.Errorf("after the end: %v", err)
	}
}
