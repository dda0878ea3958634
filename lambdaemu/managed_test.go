package lambdaemu

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func managedOptions(workers string) Options {
	return Options{InitType: "lambda-managed-instances", Concurrency: 4, Env: map[string]string{"FN_INIT": "workers:" + workers}}
}

func managedExtension() map[string]extConfig {
	return map[string]extConfig{"ext-a": {Events: []string{"SHUTDOWN"}, Subscribe: []string{"platform", "function"}, Schema: "2025-01-29", Env: true}}
}

// Managed instances: invocations side by side in one sandbox, no freeze, no
// runtimeDone, a report with the duration only, start with the function's ARN,
// and the maximum concurrency in the runtime's environment only (behaviour 19).
// [LMI:interop/events_api.go, rapidcore/env/environment.go] [DOC:lambda-managed-instances-execution-environment]
func TestManagedInstances(t *testing.T) {
	r := newRig(t, managedOptions("3"), managedExtension())
	begin := time.Now()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if resp := r.invoke(fnEvent{SleepMs: 1000}); resp.FunctionError != "" || resp.Duration < 990*time.Millisecond || resp.ColdStart {
				t.Errorf("got %+v", resp)
			}
		})
	}
	wg.Wait()
	if took := time.Since(begin); took > 2500*time.Millisecond {
		t.Errorf("three invocations of a second took %s: they did not run side by side", took)
	}
	env := string(r.invoke(fnEvent{Env: true}).Payload)
	if !strings.Contains(env, `"AWS_LAMBDA_MAX_CONCURRENCY=4"`) || strings.Contains(r.logs.texts(OriginExtension)[0], "AWS_LAMBDA_MAX_CONCURRENCY") {
		t.Error("the maximum concurrency is for the runtime only")
	}
	exit := r.stop()
	if exit.Reason != "spindown" || !exit.Clean() {
		t.Errorf("exit %+v", exit)
	}
	if contains(r.entries(whoPlatform), "freeze") {
		t.Errorf("it was frozen: %v", r.entries(whoPlatform))
	}
	checkManagedTelemetry(t, r)
}

func checkManagedTelemetry(t *testing.T, r *rig) {
	t.Helper()
	events := r.events("ext-a")
	// The runtime is ready before or after the extension has subscribed: both
	// were started and nothing holds the one back for the other.
	want := []string{"platform.initStart", "platform.initRuntimeDone", "platform.telemetrySubscription", "platform.extension", "platform.initReport"}
	got := types(events)[:len(want)]
	slices.Sort(got[1:3])
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(only(events, "platform.runtimeDone")); n != 0 {
		t.Errorf("%d runtimeDone", n)
	}
	for _, e := range only(events, "platform.start") {
		if e.get("functionArn") != "arn:aws:lambda:us-east-1:123456789012:function:function:1" {
			t.Errorf("start %s", e.Record)
		}
	}
	reports := only(events, "platform.report")
	if len(reports) != 4 {
		t.Fatalf("%d reports", len(reports))
	}
	for _, e := range reports {
		metrics, _ := e.get("metrics").(map[string]any)
		if _, there := metrics["durationMs"]; !there || len(metrics) != 1 || e.get("status") != "success" {
			t.Errorf("report %s", e.Record)
		}
	}
	for _, line := range r.logs.texts(OriginPlatform) {
		if !strings.HasPrefix(line, `{"time":`) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// What managed instances refuse: INVOKE at registration, older schema versions,
// the Logs API. [LMI:core/agentutil.go, rapi/server.go; aws-lambda-rie/internal/telemetry/schema]
func TestManagedRefusals(t *testing.T) {
	r := newAPIRig(t)
	r.box.opt.InitType = "lambda-managed-instances"
	got := r.do("POST", "/2020-01-01/extension/register", `{"events":["INVOKE","SHUTDOWN"]}`, "Lambda-Extension-Name", "shim")
	r.want(got, 403, `{"errorMessage":"INVOKE: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}`+"\n")
	got = r.do("POST", "/2020-01-01/extension/register", `{"events":["SHUTDOWN"]}`, "Lambda-Extension-Name", "shim")
	id := got.header.Get("Lambda-Extension-Identifier")
	body := `{"schemaVersion":"2022-12-13","types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:1234"}}`
	got = r.do("PUT", "/2022-07-01/telemetry", body, "Lambda-Extension-Identifier", id)
	r.want(got, 400, `{"errorType":"ValidationError","errorMessage":"schemaVersion '2022-12-13' is not supported"}`)
	got = r.do("PUT", "/2022-07-01/telemetry", strings.Replace(body, "2022-12-13", "2025-01-29", 1), "Lambda-Extension-Identifier", id)
	r.want(got, 200, `"OK"`)
	if got := r.do("PUT", "/2020-08-15/logs", `{}`, "Lambda-Extension-Identifier", id); got.status != 404 {
		t.Errorf("Logs API: %d", got.status)
	}
}

// A timeout ends its invocation only; the late answer gets 410. An answer to an
// unknown request is a 400 as ever. [LMI:rapi, rapid/model/customer_error.go]
func TestManagedTimeout(t *testing.T) {
	opt := managedOptions("2")
	opt.Timeout = 1500 * time.Millisecond
	r := newRig(t, opt, managedExtension())
	pid := r.current().runtime.machine.proc.PID()
	resp := r.invoke(fnEvent{SleepMs: 2500})
	if resp.ErrorType != "Sandbox.Timedout" || !strings.Contains(string(resp.Payload), "Task timed out after 1.50 seconds") {
		t.Errorf("got %s %s", resp.ErrorType, resp.Payload)
	}
	eventually(t, "the late answer is refused", func() bool {
		return contains(r.logs.texts(OriginFunction), `response 410 {"errorMessage":"Invoke timeout","errorType":"InvokeTimeout"}`)
	})
	if resp := r.invoke(fnEvent{}); resp.FunctionError != "" {
		t.Errorf("afterwards: %+v", resp)
	}
	if now := r.current().runtime.machine.proc.PID(); now != pid || contains(r.entries(whoPlatform), "reset") {
		t.Error("the environment was reset")
	}
	if !contains(r.logs.texts(OriginPlatform), `"status":"timeout"`) {
		t.Errorf("no report of the timeout: %q", r.logs.texts(OriginPlatform))
	}
}

// A handler that threw makes the report an error, and a process that dies makes
// Lambda replace the environment. [LMI:invoke, rapid/shutdown.go processTermination]
func TestManagedErrors(t *testing.T) {
	r := newRig(t, managedOptions("1"), managedExtension())
	if resp := r.invoke(fnEvent{Error: "Function.Broken"}); resp.ErrorType != "Function.Broken" {
		t.Errorf("got %+v", resp)
	}
	if !contains(r.logs.texts(OriginPlatform), `"status":"error","errorType":"Function.Broken","metrics":{"durationMs":`) {
		t.Errorf("report: %q", r.logs.texts(OriginPlatform))
	}
	if resp := r.invoke(fnEvent{Exit: code(3)}); resp.ErrorType != "Runtime.ExitError" {
		t.Errorf("got %+v", resp)
	}
	if resp := r.invoke(fnEvent{}); resp.FunctionError != "" {
		t.Errorf("after the replacement: %+v", resp)
	}
	if !contains(r.entries("ext-a"), "SHUTDOWN failure") || !contains(r.entries(whoPlatform), "reset failure") {
		t.Errorf("entries %v", r.entries("ext-a"))
	}
}

// More invocations than workers wait for a worker, and a shutdown aborts what is
// under way. [LMI:rapid/shutdown.go]
func TestManagedBacklogAndShutdown(t *testing.T) {
	r := newRig(t, managedOptions("1"), managedExtension())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if resp := r.invoke(fnEvent{SleepMs: 20}); resp.FunctionError != "" {
				t.Errorf("got %+v", resp)
			}
		})
	}
	wg.Wait()
	done := make(chan Response, 1)
	go func() {
		resp, _ := r.Invoke(context.Background(), Request{Payload: mustJSON(fnEvent{SleepMs: 2000})})
		done <- resp
	}()
	eventually(t, "the invocation is under way", func() bool {
		r.current().mu.Lock()
		defer r.current().mu.Unlock()
		return len(r.current().runtime.crowd.open) == 1
	})
	r.stop()
	if resp := <-done; resp.ErrorType != "Sandbox.Failure" {
		t.Errorf("got %+v", resp)
	}
	if _, err := r.Invoke(t.Context(), Request{}); err != ErrClosed {
		t.Errorf("afterwards: %v", err)
	}
}
