package lambdaemu

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// agentStates are all states of an extension.
func agentStates() []agentState {
	return []agentState{agentStarted, agentRegistered, agentReady, agentRunning, agentInitError, agentExitError, agentShutdownFailed, agentExited, agentLaunchError}
}

// What every call of an extension does in every state: the new state, or "-" for
// a refusal with 403 that changes nothing. The identifier is taken in any case.
// Before register there is none, so that such a caller is unknown.
// [RIE:core/externalagent_states.go, rapi/handler/agentregister.go, agentnext.go, agentiniterror.go, agentexiterror.go]
func TestCallsByState(t *testing.T) {
	const headerRow = "state register next init/error exit/error"
	table := strings.Split(strings.TrimSpace(`
Started        Registered  unknown  unknown    unknown
Registered     -           Ready    InitError  ExitError
Ready          -           -        -          ExitError
Running        -           Ready    -          ExitError
InitError      -           -        InitError  -
ExitError      -           -        -          ExitError
ShutdownFailed -           -        -          -
Exited         -           -        -          -
LaunchError    -           -        -          -`), "\n")
	calls := strings.Fields(headerRow)[1:]
	var got []string
	for _, state := range agentStates() {
		row := []string{string(state)}
		for _, call := range calls {
			row = append(row, callIn(t, state, call))
		}
		got = append(got, strings.Join(row, " "))
	}
	var want []string
	for _, row := range table {
		want = append(want, strings.Join(strings.Fields(row), " "))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", headerRow, diff)
	}
}

// callIn makes one call of an extension in a state and says what came of it.
func callIn(t *testing.T, state agentState, call string) string {
	t.Helper()
	r := newAPIRig(t)
	a := r.box.ext.agents[0]
	a.state, a.events = state, []string{eventInvoke, eventShutdown}
	headers := []string{headerID, strings.ToUpper(a.id), headerErrorType, "Extension.Broken"}
	var got answer
	switch call {
	case "register":
		got = r.do("POST", "/2020-01-01/extension/register", `{"events":["INVOKE","SHUTDOWN"]}`, headerName, "shim")
	case "next":
		r.box.mu.Lock()
		if state == agentRegistered || state == agentRunning { // it would wait
			a.waiting = &agentEvent{typ: eventInvoke, body: []byte("{}")}
		}
		r.box.mu.Unlock()
		got = r.do("GET", "/2020-01-01/extension/event/next", "", headers...)
	default:
		got = r.do("POST", "/2020-01-01/extension/"+call, "{}", headers...)
	}
	r.box.mu.Lock()
	defer r.box.mu.Unlock()
	switch {
	case got.status == 403 && strings.Contains(got.body, unknownIdentifier) && a.state == state:
		return "unknown"
	case got.status == 403 && strings.Contains(got.body, "State transition from "+string(state)+" to ") && a.state == state:
		return "-"
	case got.status == 200 && call == "next" && a.state == agentRunning:
		return string(agentReady) // and out of it with the event that waited
	case got.status == 200 && call == "register", got.status == 202:
		return string(a.state)
	}
	t.Errorf("%s in %s: %d %s, state now %s", call, state, got.status, got.body, a.state)
	return "?"
}

// An extension without INVOKE prolongs no invocation, whatever it is doing; one
// with INVOKE does until it is in /next. [RIE:rapid/handlers.go doInvoke]
func TestWhoProlongsAnInvocation(t *testing.T) {
	for _, state := range agentStates() {
		for _, c := range []struct {
			events []string
			over   bool
		}{
			{nil, true}, {[]string{eventShutdown}, true},
			{[]string{eventInvoke}, state == agentReady}, {[]string{eventInvoke, eventShutdown}, state == agentReady},
		} {
			ext := &extensions{agents: []*agent{{state: agentReady, events: []string{eventInvoke}}, {state: state, events: c.events}}}
			if got := ext.invokedReadyLocked(); got != c.over {
				t.Errorf("%s with %v: the invocation is over: %t", state, c.events, got)
			}
		}
	}
}

// An extension that registered for SHUTDOWN only and has said that it will end
// does not hold an invocation, in a run with processes as well.
func TestBusyExtensionWithoutInvoke(t *testing.T) {
	r := newRig(t, Options{NoFreeze: true}, map[string]extConfig{"ext-a": {Events: []string{"SHUTDOWN"}, ExitError: true}})
	eventually(t, "exit/error", func() bool { return contains(r.entries("ext-a"), "exit/error") })
	if resp := r.invoke(fnEvent{}); resp.FunctionError != "" {
		t.Errorf("got %+v", resp)
	}
}

// The runtime has three tenths of the budget after SIGTERM, the extensions the
// rest. [RIE:rapid/shutdown.go]
func TestRuntimeShare(t *testing.T) {
	for budget, want := range map[time.Duration]time.Duration{budgetExternal: 600 * time.Millisecond, budgetInternal: 150 * time.Millisecond, 0: 0} {
		if got := runtimeShare(budget); got != want {
			t.Errorf("of %s: %s, want %s", budget, got, want)
		}
	}
}

// No route answers a wrong method with a body. [RIE:rapi/router.go]
func TestMethodNotAllowed(t *testing.T) {
	r := newAPIRig(t)
	for _, call := range []string{"POST /2018-06-01/ping", "PUT /2018-06-01/runtime/invocation/next", "GET /2018-06-01/runtime/invocation/x/response",
		"DELETE /2020-01-01/extension/register", "POST /2020-01-01/extension/event/next", "POST /2022-07-01/telemetry", "GET /2020-08-15/logs"} {
		method, path, _ := strings.Cut(call, " ")
		r.want(r.do(method, path, ""), 405, "")
	}
}

// A report is never shorter than its runtimeDone, however the invocation ended;
// a timeout is as long as the limit. [RIE:rapid/handlers.go]
func TestReportIsNotShorter(t *testing.T) {
	opt := Options{Timeout: 1100 * time.Millisecond}
	r := newRig(t, opt, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
	for range 5 {
		r.invoke(fnEvent{})
		r.invoke(fnEvent{Exit: code(1)})
	}
	r.invoke(fnEvent{SleepMs: 60_000})
	r.stop()
	done := make(map[any]float64)
	for _, e := range r.events("ext-a") {
		ms, _ := e.get("metrics", "durationMs").(float64)
		switch id := e.get("requestId"); e.Type {
		case "platform.runtimeDone":
			done[id] = ms
		case "platform.report":
			if ms < done[id] {
				t.Errorf("report of %v ms, runtimeDone of %v ms: %s", ms, done[id], e.Record)
			}
			if e.get("status") == "timeout" && ms != 1100 {
				t.Errorf("a timeout after %v ms", ms)
			}
		}
	}
	if len(done) != 11 {
		t.Errorf("%d invocations", len(done))
	}
}
