package lambdaemu

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Status of runtimeDone and report, what the client gets, and the reason of the
// SHUTDOWN that follows (behaviour 17).
// [RIE:rapid/handlers.go doInvoke, handleReset, watchEvents; aws-samples #85]
func TestStatusMatrix(t *testing.T) {
	tests := []struct {
		name      string
		event     fnEvent
		ext       extConfig
		done      string // status and errorType of runtimeDone
		report    string
		client    string // FunctionError and ErrorType
		payload   string // with the request id as <id>
		reset     string
		logLine   string
		wantAgain bool // the next invocation has a new sandbox
	}{
		{name: "success", done: "success <nil>", report: "success <nil>", client: " ", payload: `{}`},
		{name: "handler error", event: fnEvent{Error: "Function.Broken"},
			done: "success <nil>", report: "success <nil>", client: "Unhandled Function.Broken",
			payload: `{"errorMessage":"it broke","errorType":"TestError","stackTrace":[]}`},
		{name: "timeout", event: fnEvent{SleepMs: 5000},
			done: "timeout <nil>", report: "timeout <nil>", client: "Unhandled Sandbox.Timedout",
			payload: `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: <id> Error: Task timed out after 2.50 seconds"}`,
			reset:   "timeout", logLine: " <id> Task timed out after 2.50 seconds", wantAgain: true},
		{name: "runtime exit", event: fnEvent{Exit: code(3)},
			done: "error Runtime.ExitError", report: "error Runtime.ExitError", client: "Unhandled Runtime.ExitError",
			payload: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: Runtime exited with error: exit status 3"}`,
			reset:   "failure", logLine: "RequestId: <id> Error: Runtime exited with error: exit status 3\nRuntime.ExitError", wantAgain: true},
		{name: "runtime exit 0", event: fnEvent{Exit: zero()},
			done: "error Runtime.ExitError", report: "error Runtime.ExitError", client: "Unhandled Runtime.ExitError",
			payload: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: Runtime exited without providing a reason"}`,
			reset:   "failure", logLine: "RequestId: <id> Error: Runtime exited without providing a reason\nRuntime.ExitError", wantAgain: true},
		{name: "exit after the answer", event: fnEvent{ExitNow: true, Bytes: 2},
			done: "error Runtime.ExitError", report: "error Runtime.ExitError", client: " Runtime.ExitError", payload: "yy",
			reset: "failure", wantAgain: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{Timeout: 2500 * time.Millisecond}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
			var resp Response
			if tt.payload == "{}" {
				resp = r.request(Request{})
			} else {
				resp = r.invoke(tt.event)
			}
			if got := strings.ReplaceAll(string(resp.Payload), resp.RequestID, "<id>"); got != tt.payload {
				t.Errorf("payload %s", got)
			}
			if got := resp.FunctionError + " " + resp.ErrorType; got != tt.client {
				t.Errorf("client got %q", got)
			}
			r.invoke(fnEvent{})
			r.stop()
			status := func(typ string) string {
				for _, e := range only(r.events("ext-a"), typ) {
					if e.get("requestId") == resp.RequestID {
						return fmt.Sprint(e.get("status"), " ", e.get("errorType"))
					}
				}
				return "none"
			}
			if got := status("platform.runtimeDone"); got != tt.done {
				t.Errorf("runtimeDone %q, want %q", got, tt.done)
			}
			if got := status("platform.report"); got != tt.report {
				t.Errorf("report %q, want %q", got, tt.report)
			}
			if tt.reset != "" && !contains(r.entries("ext-a"), "SHUTDOWN "+tt.reset) {
				t.Errorf("no SHUTDOWN %s: %v", tt.reset, r.entries("ext-a"))
			}
			if tt.logLine != "" && !contains(r.logs.texts(OriginPlatform), strings.ReplaceAll(tt.logLine, "<id>", resp.RequestID)) {
				t.Errorf("log %q", r.logs.texts(OriginPlatform))
			}
			if inits := strings.Count(strings.Join(r.entries(whoPlatform), "\n"), "init invoke"); (inits == 1) != tt.wantAgain {
				t.Errorf("%d inits inside invocations", inits)
			}
		})
	}
}

// The other reading of a handler error in the report, which managed instances
// have (behaviour 17). [LMI:invoke]
func TestReportHandlerError(t *testing.T) {
	r := newRig(t, Options{Faults: []Fault{{Name: "report-handler-error"}}}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
	resp := r.invoke(fnEvent{Error: "Function.Broken"})
	r.invoke(fnEvent{})
	report := only(r.events("ext-a"), "platform.report")[0]
	if report.get("status") != "error" || report.get("errorType") != "Function.Broken" || report.get("requestId") != resp.RequestID {
		t.Errorf("report %s", report.Record)
	}
}

// The exit of an extension outside shutdown is a crash, code 0 included, and the
// other extensions get SHUTDOWN with reason failure (behaviour 17).
// [RIE:rapid/handlers.go watchEvents] [Datadog issue #263]
func TestExtensionCrash(t *testing.T) {
	for _, exit := range []int{0, 2} {
		t.Run(fmt.Sprint(exit), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{}, map[string]extConfig{
				"ext-bad":  {InvokeExit: code(exit)},
				"ext-good": {Subscribe: []string{"platform"}, InvokeSleepMs: 500},
			})
			resp := r.invoke(fnEvent{SleepMs: 2500})
			message := map[int]string{0: "exit code 0", 2: "exit status 2"}[exit]
			want := `{"errorType":"Extension.Crash","errorMessage":"RequestId: ` + resp.RequestID + ` Error: ` + message + `"}`
			if string(resp.Payload) != want || resp.FunctionError != "Unhandled" {
				t.Errorf("got %s", resp.Payload)
			}
			if !contains(r.entries("ext-good"), "SHUTDOWN failure") {
				t.Errorf("the other extension: %v", r.entries("ext-good"))
			}
			done := only(r.events("ext-good"), "platform.runtimeDone")
			if len(done) != 1 || done[0].get("errorType") != "Extension.Crash" || done[0].get("status") != "error" {
				t.Errorf("runtimeDone %v", done)
			}
		})
	}
}

// The first error an extension reports names the failure; the exit brings it
// (behaviour 17). [RIE:rapi/handler/agentiniterror.go] [elastic/apm-aws-lambda PR #145]
func TestExtensionInitError(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {InitError: "Extension.NoKey", InitExit: zero()}})
	resp := r.invoke(fnEvent{})
	want := `{"errorType":"Extension.InitError","errorMessage":"RequestId: ` + resp.RequestID + ` Error: exit code 0"}`
	if string(resp.Payload) != want {
		t.Errorf("got %s", resp.Payload)
	}
	if !contains(r.logs.texts(OriginPlatform), "EXTENSION\tName: ext-a\tState: InitError\tEvents: [INVOKE,SHUTDOWN]\tError Type: Extension.NoKey") {
		t.Errorf("log %q", r.logs.texts(OriginPlatform))
	}
}

// Reported and still alive: init hangs until its limit (behaviour 17). [RIE]
func TestInitErrorWithoutExitHangs(t *testing.T) {
	r := newRig(t, Options{InitTimeout: 400 * time.Millisecond, Faults: []Fault{{Name: "short-deadline", Arg: "200"}}},
		map[string]extConfig{"ext-a": {InitError: "Extension.NoKey", Events: []string{"SHUTDOWN"}}})
	if !contains(r.logs.texts(OriginPlatform), "Phase: init\tStatus: timeout") {
		t.Errorf("log %q", r.logs.texts(OriginPlatform))
	}
}

// A runtime that reports init/error and exits: twice, and the client sees the
// runtime's own words (behaviour 17). [RIE:rapi/handler/initerror.go]
func TestRuntimeInitError(t *testing.T) {
	r := newRig(t, Options{Env: map[string]string{"FN_INIT": "error:Runtime.ImportModuleError"}},
		map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}}})
	resp := r.invoke(fnEvent{})
	if string(resp.Payload) != `{"errorMessage":"no module","errorType":"ImportError"}` || resp.ErrorType != "Runtime.ImportModuleError" {
		t.Errorf("got %+v %s", resp, resp.Payload)
	}
	text := strings.Join(r.logs.texts(OriginPlatform), "\n")
	order := regexp.MustCompile(`(?s)Phase: init\tStatus: error\tError Type: Runtime\.ImportModuleError.*Phase: invoke\tStatus: error\tError Type: Runtime\.ImportModuleError.*START RequestId.*END RequestId.*REPORT`)
	if !order.MatchString(text) {
		t.Errorf("log:\n%s", text)
	}
	if strings.Contains(text, "RequestId: "+resp.RequestID+" Error:") {
		t.Errorf("the platform repeats what the runtime has said:\n%s", text)
	}
}

// /tmp survives a reset, the process does not (behaviour 17).
// [DOC:lambda-runtime-environment]
func TestResetKeepsFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	r := newRig(t, Options{}, nil)
	r.invoke(fnEvent{Touch: file})
	r.invoke(fnEvent{Exit: code(1)})
	r.invoke(fnEvent{Touch: file})
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(data))
	if len(pids) != 2 || pids[0] == pids[1] {
		t.Errorf("process ids %v", pids)
	}
}

// The shutdown clock (behaviour 18). [RIE:rapid/shutdown.go] [DOC:lambda-runtime-environment]
func TestShutdownClock(t *testing.T) {
	deadline := regexp.MustCompile(`"deadlineMs":(\d+)`)
	t.Run("clean", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{}, map[string]extConfig{"ext-a": {}})
		r.invoke(fnEvent{})
		begin := time.Now()
		exit := r.stop()
		end := time.Now()
		if !exit.Clean() || exit.Reason != "spindown" || len(exit.Extensions) != 1 || exit.Extensions[0].After <= 0 {
			t.Errorf("got %+v", exit)
		}
		var ms int64
		for _, line := range r.logs.texts(OriginExtension) {
			if m := deadline.FindStringSubmatch(line); m != nil {
				fmt.Sscan(m[1], &ms)
			}
		}
		// Two seconds from a moment between the call and its return.
		if deadline := time.UnixMilli(ms); deadline.Sub(begin) < 1900*time.Millisecond || deadline.Sub(end) > 2*time.Second {
			t.Errorf("deadline %s after the start, %s after the end", deadline.Sub(begin), deadline.Sub(end))
		}
		order := strings.Join(r.entries(whoRuntime), ",")
		if !strings.HasSuffix(order, "SIGTERM,exit signal: terminated") {
			t.Errorf("runtime: %s", order)
		}
	})
	t.Run("hanging", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{}, map[string]extConfig{"ext-a": {ShutdownHang: true}, "ext-b": {ShutdownExit: 4}})
		exit := r.stop()
		if exit.Clean() || !exit.Extensions[0].Killed || exit.Extensions[0].Code != -1 || exit.Extensions[1].Code != 4 {
			t.Errorf("got %+v", exit)
		}
		if exit.Duration < 1900*time.Millisecond || exit.Duration > 4*time.Second {
			t.Errorf("took %s", exit.Duration)
		}
	})
	t.Run("short deadline", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{Faults: []Fault{{Name: "short-deadline", Arg: "300"}}}, map[string]extConfig{"ext-a": {ShutdownHang: true}})
		if exit := r.stop(); exit.Duration < 250*time.Millisecond || exit.Duration > 1500*time.Millisecond || !exit.Extensions[0].Killed {
			t.Errorf("got %+v", exit)
		}
	})
	t.Run("not subscribed", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{}, map[string]extConfig{"ext-a": {Events: []string{"INVOKE"}}, "ext-b": {ShutdownWaitMs: 100}})
		exit := r.stop()
		if !exit.Clean() || !exit.Extensions[0].Unsubscribed || contains(r.entries("ext-a"), "SHUTDOWN") || !contains(r.entries("ext-a"), "SIGKILL") {
			t.Errorf("got %+v %v", exit, r.entries("ext-a"))
		}
		if after := exit.Extensions[1].After; after < 90*time.Millisecond {
			t.Errorf("ext-b left after %s", after)
		}
	})
	t.Run("no extension", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{}, nil)
		r.stop()
		if contains(r.entries(whoRuntime), "SIGTERM") || !contains(r.entries(whoRuntime), "SIGKILL") {
			t.Errorf("runtime: %v", r.entries(whoRuntime))
		}
	})
}

// Provisioned concurrency (behaviour 19). [DOC:lambda-runtime-environment]
func TestProvisionedConcurrency(t *testing.T) {
	r := newRig(t, Options{InitType: "provisioned-concurrency"}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
	resp := r.invoke(fnEvent{})
	if resp.ColdStart || resp.Init != 0 {
		t.Errorf("the client waited for init: %+v", resp)
	}
	for _, typ := range []string{"platform.initStart", "platform.initRuntimeDone", "platform.initReport"} {
		if got := only(r.events("ext-a"), typ)[0].get("initializationType"); got != "provisioned-concurrency" {
			t.Errorf("%s: %v", typ, got)
		}
	}
	if !contains(r.logs.texts(OriginPlatform), "INIT_REPORT Init Duration: ") {
		t.Errorf("log %q", r.logs.texts(OriginPlatform))
	}
}

// An extension inside the runtime's process (behaviour 1). [RIE:rapi/handler/agentregister.go]
func TestInternalExtension(t *testing.T) {
	r := newRig(t, Options{Env: map[string]string{"FN_INIT": `internal:"SHUTDOWN"`}}, nil)
	if !contains(r.logs.texts(OriginFunction), "internal 403") {
		t.Errorf("with SHUTDOWN: %q", r.logs.texts(OriginFunction))
	}
	r.stop()
	r = newRig(t, Options{InitTimeout: 2 * time.Second, Env: map[string]string{"FN_INIT": `internal:"INVOKE"`}}, nil)
	if !contains(r.logs.texts(OriginFunction), "internal 200") || !contains(r.logs.texts(OriginPlatform), "Status: timeout") {
		t.Errorf("one that never calls /next: %q %q", r.logs.texts(OriginFunction), r.logs.texts(OriginPlatform))
	}
}

// Streamed answers, trailers included, and the limit of a buffered one
// (behaviour 20). [DOC:runtimes-custom] [RIE:core/directinvoke]
func TestResponses(t *testing.T) {
	r := newRig(t, Options{}, nil)
	if resp := r.invoke(fnEvent{Stream: true}); string(resp.Payload) != "part 0\npart 1\npart 2\n" || resp.ProducedBytes != 21 {
		t.Errorf("streamed: %s, %d bytes", resp.Payload, resp.ProducedBytes)
	}
	if resp := r.invoke(fnEvent{Stream: true, Trailer: "Function.Late"}); string(resp.Payload) != `{"errorMessage":"late"}` || resp.ErrorType != "Function.Late" {
		t.Errorf("error in the trailer: %s %s", resp.Payload, resp.ErrorType)
	}
	resp := r.invoke(fnEvent{Bytes: 6*1024*1024 + 101})
	if resp.ErrorType != "Function.ResponseSizeTooLarge" || !contains(r.logs.texts(OriginFunction), "response 413") {
		t.Errorf("too large: %s", resp.ErrorType)
	}
	if _, err := r.Invoke(t.Context(), Request{Payload: make([]byte, 6*1024*1024+101)}); err != ErrRequestTooLarge {
		t.Errorf("request too large: %v", err)
	}
}

// A flood of lines is read completely and stands before END (behaviour 20).
func TestFlood(t *testing.T) {
	r := newRig(t, Options{Timeout: 20 * time.Second}, nil)
	r.invoke(fnEvent{Flood: 20_000})
	r.stop()
	if n := len(r.logs.texts(OriginFunction)); n != 20_000 {
		t.Errorf("%d lines", n)
	}
	all := r.logs.texts("")
	if last := all[len(all)-1]; !strings.HasPrefix(last, "REPORT") {
		t.Errorf("last line %q", last)
	}
}

// Callers queue, and each gets its own answer.
func TestConcurrentInvokes(t *testing.T) {
	r := newRig(t, Options{}, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			resp, err := r.Invoke(t.Context(), Request{Payload: fmt.Appendf(nil, `{"n":%d}`, i)})
			if err != nil || string(resp.Payload) != fmt.Sprintf(`{"n":%d}`, i) {
				t.Errorf("%d: %s %v", i, resp.Payload, err)
			}
		})
	}
	wg.Wait()
}

// When Start's context ends, everything dies at once, stopped processes too.
func TestContextKillsEverything(t *testing.T) {
	r := &rig{t: t, dir: t.TempDir(), logs: &lineLog{}}
	ctx, cancel := context.WithCancel(t.Context())
	e, err := Start(ctx, r.options(Options{}, map[string]extConfig{"ext-a": {ShutdownHang: true}}))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, "death of all", func() bool { return len(processesWith(r.dir)) == 0 })
	eventually(t, "end of the emulator", e.isClosed)
	if _, err := e.Invoke(t.Context(), Request{}); err != ErrClosed {
		t.Errorf("Invoke: %v", err)
	}
	if _, err := e.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// A client that hangs up does not stop the invocation; a cancelled Shutdown
// kills it.
func TestCancelledCalls(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Invoke(ctx, Request{Payload: mustJSON(fnEvent{SleepMs: 1000})}); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	r.invoke(fnEvent{})
	if n := strings.Count(strings.Join(r.logs.texts(OriginPlatform), "\n"), "REPORT"); n != 2 {
		t.Errorf("%d invocations ended", n)
	}
	go r.Invoke(t.Context(), Request{Payload: mustJSON(fnEvent{SleepMs: 2500})})
	eventually(t, "third invocation", func() bool {
		all := strings.Join(r.entries(whoPlatform), "\n")
		return strings.Count(all, "\ninvoke ")-strings.Count(all, "\ninvoke end") == 3
	})
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Errorf("Shutdown: %v", err)
	}
	r.noProcessLeft()
}

// An extension that dies while frozen surfaces at the next invocation.
// [derived from RIE:rapid/handlers.go watchEvents]
func TestCrashBetweenInvocations(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {}})
	r.invoke(fnEvent{})
	r.box.mu.Lock()
	p := r.box.ext.agents[0].proc
	r.box.mu.Unlock()
	p.Signal(syscall.SIGKILL)
	<-p.Exited()
	eventually(t, "notice of the death", func() bool { return r.box.died() != nil })
	resp := r.invoke(fnEvent{})
	if resp.ErrorType != "Extension.Crash" || !strings.HasSuffix(string(resp.Payload), `Error: signal: killed"}`) {
		t.Errorf("got %s %s", resp.ErrorType, resp.Payload)
	}
	if again := r.invoke(fnEvent{}); again.FunctionError != "" || !again.ColdStart {
		t.Errorf("after the reset: %+v", again)
	}
}

// A function on the real aws-lambda-go: answers, errors, panics, exits and
// timeouts (behaviours 4, 17 and 20 with a client that is not ours).
func TestRealGoFunction(t *testing.T) {
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-o", bootstrap, "./testdata/gofunction")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := newRig(t, Options{Command: []string{bootstrap}, Timeout: 2 * time.Second}, map[string]extConfig{"ext-a": {}})
	tests := []struct{ do, function, platform, payload string }{
		{"work", "", "", `"function":"function"`},
		{"error", "Unhandled", "Runtime.Unknown", `{"errorMessage":"it broke","errorType":"errorString"}`},
		{"panic", "Unhandled", "Runtime.Unknown", `"errorMessage":"no way"`},
		{"work", "", "", `"left":true`},
		{"exit", "Unhandled", "Runtime.ExitError", "exit status 7"},
		{"sleep", "Unhandled", "Sandbox.Timedout", "Task timed out after 2.00 seconds"},
		{"work", "", "", `"requestId":"mine"`},
	}
	for _, tt := range tests {
		resp := r.request(Request{Payload: fmt.Appendf(nil, `{"do":%q}`, tt.do), RequestID: "mine"})
		if resp.FunctionError != tt.function || resp.ErrorType != tt.platform || !strings.Contains(string(resp.Payload), tt.payload) {
			t.Errorf("%s: %q %q %s", tt.do, resp.FunctionError, resp.ErrorType, resp.Payload)
		}
	}
	if !contains(r.logs.texts(OriginFunction), "did sleep") {
		t.Errorf("log %q", r.logs.texts(OriginFunction))
	}
}
