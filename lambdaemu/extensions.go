package lambdaemu

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/internal/relay"
	"powertools-extension/lambdaemu/transcript"
)

// extensions are those of one sandbox and what the platform knows of them.
type extensions struct {
	*state
	opt    *Options
	script *transcript.Log
	faults *fault.Set
	procs  *processes

	agents []*agent // external ones in launch order, then internal ones
}

// allReadyLocked: every one has called /next and has nothing to do.
func (x *extensions) allReadyLocked() bool {
	return !slices.ContainsFunc(x.agents, func(a *agent) bool { return a.state != agentReady })
}

// nameOf is the name behind an identifier, or "".
func (x *extensions) nameOf(id string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, a := range x.agents {
		if strings.EqualFold(a.id, id) {
			return a.name
		}
	}
	return ""
}

func (x *extensions) externalLocked(name string) *agent {
	i := slices.IndexFunc(x.agents, func(a *agent) bool { return !a.internal && a.name == name })
	if i < 0 {
		return nil
	}
	return x.agents[i]
}

func (x *extensions) allRegisteredLocked() bool {
	return !slices.ContainsFunc(x.agents, func(a *agent) bool { return a.state == agentStarted })
}

// registration answers the account only to who accepts the feature.
func (x *extensions) registration(features string) registration {
	answer := registration{FunctionName: x.opt.FunctionName, FunctionVersion: x.opt.Version, Handler: x.opt.Handler}
	for feature := range strings.SplitSeq(features, ",") {
		if strings.TrimSpace(feature) == "accountId" {
			answer.AccountID = x.opt.AccountID
		}
	}
	return answer
}

// register treats a name that was not launched as an internal extension, which
// is what makes a wrong name so hard to find on Lambda (AWS source:
// rapi/handler/agentregister).
func (x *extensions) register(name string, events []string) (*agent, *apiError) {
	switch {
	case x.faults.Hit("register-500"):
		return nil, internalServerError()
	case x.faults.Hit("register-403"):
		return nil, transitionFailed(agentStarted, agentRegistered, name)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.externalLocked(name)
	for _, event := range events {
		if text := x.eventProblem(event, a == nil); text != "" {
			return nil, forbidden("Extension.InvalidEventType", event+": "+text)
		}
	}
	if a == nil {
		var failed *apiError
		if a, failed = x.newInternalLocked(name); failed != nil {
			return nil, failed
		}
	}
	from := a.state
	if a.register(events) != nil {
		return nil, transitionFailed(from, agentRegistered, name)
	}
	x.script.AddData(name, transcript.Register, fmt.Sprintf("%s → 200 %s", strings.Join(events, ","), a.id), transcript.Registration{Events: a.events, Status: http.StatusOK, Internal: a.internal})
	x.changedLocked()
	return a, nil
}

// eventProblem: managed instances have no INVOKE, and internal extensions get no
// event at all there (AWS source: lambda-managed-instances core/agentutil).
func (x *extensions) eventProblem(event string, internal bool) string {
	switch {
	case event == eventInvoke && x.opt.managed():
		return "ErrorInvalidEventType"
	case event == eventInvoke:
		return ""
	case event != eventShutdown:
		return "ErrorInvalidEventType"
	case internal:
		return "ShutdownEventNotSupportedForInternalExtension"
	}
	return ""
}

func (x *extensions) newInternalLocked(name string) (*agent, *apiError) {
	switch {
	case !x.registrationOpen:
		return nil, forbidden("Extension.RegistrationClosed", "Extension registration closed already")
	case len(x.agents) >= maxAgents:
		return nil, forbidden("Extension.TooManyExtensions", fmt.Sprintf("Extension limit (%d) reached", maxAgents))
	case slices.ContainsFunc(x.agents, func(a *agent) bool { return a.name == name }):
		return nil, forbidden("Extension.InvalidExtensionState", "Extension with this name already registered")
	}
	a := newAgent(name, true)
	x.agents = append(x.agents, a)
	return a, nil
}

// identified returns the caller, or the 403 of an identifier that is none. The
// text for an unknown one differs per route.
func (x *extensions) identified(r *http.Request, unknown string) (*agent, *apiError) {
	id := r.Header.Get(headerID)
	switch {
	case id == "":
		return nil, forbidden("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
	case !isUUID(id):
		return nil, forbidden("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, a := range x.agents {
		if a.state != agentStarted && strings.EqualFold(a.id, id) {
			return a, nil
		}
	}
	return nil, forbidden(unknownIdentifier, strings.ReplaceAll(unknown, "{id}", strings.ToLower(id)))
}

func (x *extensions) suspend(a *agent) (<-chan agentEvent, *apiError) {
	switch {
	case x.faults.Hit("next-500"):
		return nil, internalServerError()
	case x.faults.Hit("next-403"):
		return nil, transitionFailed(agentReady, agentReady, a.id)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	from := a.state
	answer, err := a.ready()
	if err != nil {
		return nil, transitionFailed(from, agentReady, a.id)
	}
	x.script.Add(a.name, "next", "")
	x.changedLocked()
	return answer, nil
}

func (x *extensions) report(a *agent, errorType string, to agentState, report func(*agent, string) error) *apiError {
	x.mu.Lock()
	defer x.mu.Unlock()
	from := a.state
	if report(a, errorType) != nil {
		return transitionFailed(from, to, a.id)
	}
	if x.firstError == "" {
		x.firstError = "Extension." + string(to)
	}
	return nil
}

// drain emits what an extension has printed.
func (x *extensions) drain(a *agent) {
	x.mu.Lock()
	p := a.proc
	x.mu.Unlock()
	p.Drain()
}

func (x *extensions) launchFailed(a *agent, errorType string, err error) *failure {
	x.script.Add(a.name, "launch error", errorType)
	x.mu.Lock()
	defer x.mu.Unlock()
	a.state, a.errorType = agentLaunchError, errorType
	return &failure{status: statusError, errorType: "Extension.LaunchError", message: err.Error()}
}

func (x *extensions) records() []relay.ExtensionRecord {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := make([]relay.ExtensionRecord, len(x.agents))
	for i, a := range x.agents {
		list[i] = relay.ExtensionRecord{Name: a.name, State: string(a.state), Events: append([]string{}, a.events...), ErrorType: a.errorType}
	}
	return list
}

// alive are the external ones whose process lives.
func (x *extensions) alive() []*agent {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(x.agents), func(a *agent) bool { return a.internal || a.proc == nil || !a.proc.Alive() })
}

func (x *extensions) releaseInvoke(inv *invocation, early bool) (written []<-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	inv.doneTold = early
	for _, a := range x.agents {
		if a.subscribed(eventInvoke) {
			if w := a.release(invokeEvent(inv)); w != nil {
				written = append(written, w)
			}
		}
	}
	return written
}

// invokedReadyLocked ignores extensions without INVOKE: they prolong nothing.
func (x *extensions) invokedReadyLocked() bool {
	for _, a := range x.agents {
		if a.subscribed(eventInvoke) && a.state != agentReady {
			return false
		}
	}
	return true
}

func (x *extensions) budget(agents []*agent) time.Duration {
	switch {
	case len(agents) == 0:
		return 0
	case slices.ContainsFunc(agents, func(a *agent) bool { return !a.internal }):
		return x.faults.Millis("short-deadline", budgetExternal)
	}
	return budgetInternal
}

// stop sends SHUTDOWN to all who registered for it, kills the others,
// and waits for the former until the deadline. A busy extension finds the event
// at its next /next.
func (x *extensions) stop(agents []*agent, deadline time.Time, reason string) []ExtensionExit {
	ev := shutdownEvent(deadline.UnixMilli(), reason)
	agents = slices.DeleteFunc(agents, func(a *agent) bool { return a.internal || a.proc == nil })
	exits := make([]ExtensionExit, len(agents))
	for i, a := range agents {
		exits[i] = ExtensionExit{Name: a.name, Unsubscribed: !x.sendShutdown(a, ev)}
		if exits[i].Unsubscribed {
			x.procs.kill(a.proc)
		}
	}
	for i, a := range agents {
		x.awaitExtension(a, deadline, &exits[i])
	}
	return exits
}

// sendShutdown reports whether the extension is one of those who are told.
func (x *extensions) sendShutdown(a *agent, ev agentEvent) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	a.released = time.Now()
	told := a.subscribed(eventShutdown)
	if told {
		a.release(ev)
	}
	return told
}

func (x *extensions) awaitExtension(a *agent, deadline time.Time, exit *ExtensionExit) {
	if !a.proc.AwaitExit(deadline) {
		exit.Killed = true
		x.procs.kill(a.proc)
	}
	if a.proc.Alive() {
		exit.Code = -1
		return
	}
	exit.Code = a.proc.Code()
	if after := a.proc.At().Sub(a.released); after > 0 {
		exit.After = after
	}
}
