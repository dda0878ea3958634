package lambdaemu

import (
	"errors"
	"slices"
	"time"

	"powertools-extension/lambdaemu/internal/child"
)

// agentState is a state of an extension; the words appear in error texts and in
// platform.extension (AWS source: core/agent_state_names).
type agentState string

const (
	agentStarted        agentState = "Started"
	agentRegistered     agentState = "Registered"
	agentReady          agentState = "Ready"
	agentRunning        agentState = "Running"
	agentInitError      agentState = "InitError"
	agentExitError      agentState = "ExitError"
	agentShutdownFailed agentState = "ShutdownFailed"
	agentExited         agentState = "Exited"
	agentLaunchError    agentState = "LaunchError"
)

// Events an extension may register for.
const (
	eventInvoke   = "INVOKE"
	eventShutdown = "SHUTDOWN"
)

// maxAgents is the limit of extensions, internal ones included (AWS source:
// core/registrations).
const maxAgents = 10

// errNotAllowed is the platform's own text and part of its answers.
//
//lint:ignore ST1005 the words are the platform's
var errNotAllowed = errors.New("State transition is not allowed")

// agent is one extension. Its methods move it through its states; the sandbox's
// lock must be held. The allowed moves are AWS's (AWS source:
// core/externalagent_states).
type agent struct {
	name     string
	id       string
	internal bool // runs inside the runtime's process
	proc     *child.Process

	state     agentState
	events    []string
	errorType string

	parked   chan agentEvent // the suspended /next; nil when there is none
	waiting  *agentEvent     // released while no /next was suspended
	released time.Time       // when SHUTDOWN was
}

// agentEvent is what /next answers.
type agentEvent struct {
	typ     string
	detail  string // request id or reason, for the transcript
	body    []byte
	written chan struct{} // closed when it is on the connection; nil: nobody asks
}

func newAgent(name string, internal bool) *agent {
	return &agent{name: name, id: newUUID(), internal: internal, state: agentStarted}
}

func (a *agent) subscribed(event string) bool { return slices.Contains(a.events, event) }

func (a *agent) register(events []string) error {
	if a.state != agentStarted {
		return errNotAllowed
	}
	a.state, a.events = agentRegistered, slices.Compact(slices.Sorted(slices.Values(events)))
	return nil
}

// ready suspends the caller of /next. The channel gets exactly one event; it is
// sent even when the client has gone, as on Lambda.
func (a *agent) ready() (<-chan agentEvent, error) {
	if a.state != agentRegistered && a.state != agentRunning {
		return nil, errNotAllowed
	}
	a.state = agentReady
	a.parked = make(chan agentEvent, 1)
	parked := a.parked
	if a.waiting != nil {
		ev := *a.waiting
		a.waiting = nil
		a.release(ev)
	}
	return parked, nil
}

// release hands an event to the suspended /next, or keeps it for the next one.
// The channel is closed once the event is on the connection; nil: nobody waits
// for it.
func (a *agent) release(ev agentEvent) (written <-chan struct{}) {
	if a.parked == nil || a.state != agentReady {
		a.waiting = &ev
		return nil
	}
	done := make(chan struct{})
	ev.written = done
	a.state = agentRunning
	a.parked <- ev
	a.parked = nil
	return done
}

// reportInitError records what the extension says about itself. Nothing fails
// before its process exits.
func (a *agent) reportInitError(errorType string) error {
	switch a.state {
	case agentInitError:
		return nil
	case agentRegistered:
		a.state, a.errorType = agentInitError, errorType
		return nil
	}
	return errNotAllowed
}

func (a *agent) reportExitError(errorType string) error {
	switch a.state {
	case agentExitError:
		return nil
	case agentRegistered, agentReady, agentRunning:
		a.state, a.errorType = agentExitError, errorType
		return nil
	}
	return errNotAllowed
}

// runtimeState is a state of the runtime (AWS source: core/states).
type runtimeState string

const (
	runtimeStarted       runtimeState = "Started"
	runtimeInitError     runtimeState = "InitError"
	runtimeReady         runtimeState = "Ready"
	runtimeRunning       runtimeState = "Running"
	runtimeResponse      runtimeState = "InvocationResponse"
	runtimeErrorResponse runtimeState = "InvocationErrorResponse"
	runtimeResponseSent  runtimeState = "ResponseSent"
	runtimeRestoreReady  runtimeState = "RestoreReady"
	runtimeRestoring     runtimeState = "Restoring"
	runtimeRestoreError  runtimeState = "RestoreError"
)

// runtimeMachine is the function's side. The sandbox's lock must be held.
type runtimeMachine struct {
	state  runtimeState
	proc   *child.Process
	parked []chan *invocation
	again  *invocation // the open invocation, handed out again to a /next that repeats

	restore chan struct{} // the suspended /restore/next; closed by the restore
}

// ready suspends the caller of /next. While an invocation is open the call gets
// that invocation again, so that a runtime may retry (AWS source: core/states
// RuntimeRunningState).
func (r *runtimeMachine) ready() (<-chan *invocation, error) {
	answer := make(chan *invocation, 1)
	switch r.state {
	case runtimeRunning:
		answer <- r.again
		return answer, nil
	case runtimeStarted, runtimeReady, runtimeResponseSent, runtimeRestoring:
		r.state = runtimeReady
		r.parked = append(r.parked, answer)
		return answer, nil
	}
	return nil, errNotAllowed
}

// release hands the invocation to the call that has waited longest.
func (r *runtimeMachine) release(inv *invocation) {
	r.state, r.again = runtimeRunning, inv
	if len(r.parked) > 0 {
		r.parked[0] <- inv
		r.parked = r.parked[1:]
	}
}

// move is the transition of POST /response and /error.
func (r *runtimeMachine) move(to runtimeState) error {
	from := runtimeRunning
	if to == runtimeInitError {
		from = runtimeStarted
	}
	if r.state != from {
		return errNotAllowed
	}
	r.state = to
	return nil
}
