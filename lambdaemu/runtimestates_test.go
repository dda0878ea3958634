package lambdaemu

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu/transcript"
)

func runtimeStates() []runtimeState {
	return []runtimeState{
		runtimeStarted, runtimeInitError, runtimeReady, runtimeRunning, runtimeResponse, runtimeErrorResponse, runtimeResponseSent,
		runtimeRestoreReady, runtimeRestoring, runtimeRestoreError,
	}
}

// Which calls a runtime may make in which state, and where they lead; "-" is
// 403 InvalidStateTransition, which changes nothing. A runtime may ask for its
// invocation again while it has one, and in no state may it answer twice.
// [RIE:core/states.go, rapi/handler]
func TestRuntimeCallsByState(t *testing.T) {
	const headerRow = "state next response error init/error restore/next restore/error"
	table := []string{
		"Started                 Ready   -                  -                       InitError RestoreReady -",
		"InitError               -       -                  -                       -         -            -",
		"Ready                   Ready   -                  -                       -         -            -",
		"Running                 Running InvocationResponse InvocationErrorResponse -         -            -",
		"InvocationResponse      -       -                  -                       -         -            -",
		"InvocationErrorResponse -       -                  -                       -         -            -",
		"ResponseSent            Ready   -                  -                       -         -            -",
		"RestoreReady            -       -                  -                       -         -            -",
		"Restoring               Ready   -                  -                       -         -            RestoreError",
		"RestoreError            -       -                  -                       -         -            -",
	}
	calls := strings.Fields(headerRow)[1:]
	var got []string
	for _, state := range runtimeStates() {
		row := []string{string(state)}
		for _, call := range calls {
			row = append(row, runtimeCall(t, state, call))
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

// runtimeCall makes one call in a state, with an invocation under way, and says
// where it led.
func runtimeCall(t *testing.T, from runtimeState, call string) string {
	t.Helper()
	inv := &invocation{id: newUUID()}
	r := &runtimeSide{
		state: newState(), opt: &Options{InitType: initSnapStart}, script: &transcript.Log{},
		machine: runtimeMachine{state: from, again: inv}, inv: inv,
	}
	req := httptest.NewRequest(http.MethodPost, "/", nil)
	req.SetPathValue("id", inv.id)
	var failed *apiError
	switch call {
	case "next":
		var answer <-chan *invocation
		if answer, failed = r.suspend(); from == runtimeRunning && (len(answer) != 1 || <-answer != inv) {
			t.Error("a runtime that asks again does not get its invocation again")
		}
	case "response":
		_, failed = r.begin(req, runtimeResponse)
	case "error":
		_, failed = r.begin(req, runtimeErrorResponse)
	case "init/error":
		failed = r.initError("Runtime.Broken", nil)
	case "restore/next":
		_, failed = r.suspendForRestore()
	case "restore/error":
		failed = r.restoreError("Runtime.Broken", nil)
	}
	switch {
	case failed == nil:
		return string(r.machine.state)
	case failed.status == http.StatusForbidden && failed.Type == "InvalidStateTransition" && r.machine.state == from &&
		strings.Contains(failed.Message, "State transition from "+string(from)+" to "):
		return "-"
	}
	t.Errorf("%s in %s: %+v, state now %s", call, from, failed, r.machine.state)
	return "?"
}

// An answer for another request than the one under way is 400, and neither the
// state nor the invocation changes. [RIE:rapi/handler/invocationresponse.go]
func TestAnswerForAnotherRequest(t *testing.T) {
	for _, open := range []bool{true, false} {
		inv := &invocation{id: newUUID()}
		r := &runtimeSide{state: newState(), opt: &Options{}, script: &transcript.Log{}, machine: runtimeMachine{state: runtimeRunning}}
		if open {
			r.inv = inv
		}
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.SetPathValue("id", newUUID())
		if _, failed := r.begin(req, runtimeResponse); failed == nil || failed.status != http.StatusBadRequest || failed.Type != "InvalidRequestID" || r.machine.state != runtimeRunning || inv.reply != nil {
			t.Errorf("open %t: %+v, state %s", open, failed, r.machine.state)
		}
	}
}

// What a runtime that came too late for its timeout is told: on managed
// instances that it timed out, elsewhere that its request is not known.
func TestLateAnswers(t *testing.T) {
	for init, want := range map[string]string{initOnDemand: "InvalidRequestID", initManaged: "InvokeTimeout"} {
		r := &runtimeSide{state: newState(), opt: &Options{InitType: init}}
		if got := r.lateAnswer(); got.Type != want {
			t.Errorf("%s: %+v", init, got)
		}
	}
}

// On managed instances each invocation is answered once, whoever answers; the
// answer to one that has timed out is 410, to one nobody knows 400.
// [LMI:rapi/handlers]
func TestConcurrentAnswers(t *testing.T) {
	r := &runtimeSide{state: newState(), opt: &Options{InitType: initManaged}, script: &transcript.Log{}}
	one, late := &invocation{id: newUUID()}, &invocation{id: newUUID(), closed: true}
	r.join(one)
	r.join(late)
	r.leave(late)
	for _, step := range []struct {
		id, failed string
	}{{one.id, ""}, {one.id, "InvalidStateTransition"}, {late.id, "InvokeTimeout"}, {newUUID(), "InvalidRequestID"}} {
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.SetPathValue("id", step.id)
		_, failed := r.begin(req, runtimeResponse)
		got := ""
		if failed != nil {
			got = failed.Type
		}
		if got != step.failed {
			t.Errorf("%s: %q, want %q", step.id, got, step.failed)
		}
	}
	if !r.isOpen(one.id) || r.isOpen(late.id) {
		t.Error("which invocations are open is not known")
	}
}

// Of the times-out that are remembered for their late answers there is a most.
func TestExpiredAreBounded(t *testing.T) {
	c := &crowd{}
	for range 2 * maxExpired {
		inv := &invocation{id: newUUID(), closed: true}
		c.add(inv)
		c.remove(inv.id, true)
	}
	if len(c.expired) != maxExpired || len(c.open) != 0 {
		t.Errorf("%d remembered, %d open", len(c.expired), len(c.open))
	}
}

// A worker that dies while it waits gives its place back, and what it had been
// handed goes to another. [LMI:rapi]
func TestWorkerThatDies(t *testing.T) {
	r := &runtimeSide{state: newState(), opt: &Options{InitType: initManaged}, script: &transcript.Log{}}
	dead, failed := r.suspend()
	if failed != nil {
		t.Fatal(failed)
	}
	r.abandon(dead)
	if len(r.machine.parked) != 0 {
		t.Error("its place is still taken")
	}
	dead, _ = r.suspend()
	inv := &invocation{id: newUUID()}
	r.machine.releaseConcurrent(inv, &r.crowd)
	other, _ := r.suspend()
	r.abandon(dead) // it had been handed the invocation, and was gone
	if len(other) != 1 || <-other != inv {
		t.Error("the invocation is lost with the worker")
	}
}
