package lambdaemu

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"sync"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/internal/child"
	"powertools-extension/lambdaemu/internal/relay"
	"powertools-extension/lambdaemu/transcript"
)

// sandbox is one set of processes: from the start of the extensions to the
// death of all. A reset ends it, and the next invocation gets a new one with
// new identifiers in the same file system.
type sandbox struct {
	opt         *Options
	env         environment
	procs       *processes
	hooks       *notifier
	script      *transcript.Log
	faults      *fault.Set
	wire        *wire
	hub         *relay.Hub
	order       *order
	out         *printer
	cacheClient *http.Client
	gone        chan struct{} // closed at the end; frees suspended /next calls

	mu               sync.Mutex
	changed          chan struct{} // closed and replaced at every change of state
	agents           []*agent      // external ones in launch order, then internal ones
	runtime          runtimeMachine
	inv              *invocation // the open one; nil between invocations
	crowd            crowd       // managed instances: the open ones
	registrationOpen bool
	initialising     bool
	shuttingDown     bool
	fatal            *failure // the first unexpected exit
	firstError       string   // error type reported before it
	initReply        *reply   // what the runtime said about its failed init
	isSnapshot       bool     // SnapStart: initialised and not yet restored
	outOfMemory      bool     // fault: why the runtime died
}

// changedLocked wakes who waits for a state.
func (s *sandbox) changedLocked() {
	if s.initialising && s.allReadyLocked() {
		// Closed here and not by the waiter, so that a PUT after the last /next
		// always comes too late.
		s.hub.CloseSubscriptions()
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// await returns nil as soon as condLocked holds, else why it never will. A
// condition that holds wins over a death at the same moment: the answer counts.
func (s *sandbox) await(ctx context.Context, condLocked func() bool) *failure {
	for {
		ok, fatal, changed := s.check(condLocked)
		switch {
		case ok:
			return nil
		case fatal != nil:
			return fatal
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return failureOf(context.Cause(ctx))
		}
	}
}

func (s *sandbox) check(condLocked func() bool) (bool, *failure, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return condLocked(), s.fatal, s.changed
}

func failureOf(err error) *failure {
	if failed, ok := errors.AsType[*failure](err); ok {
		return failed
	}
	return &failure{status: "failure", errorType: "Sandbox.Failure", message: "the emulator was stopped"}
}

func (s *sandbox) externalLocked(name string) *agent {
	i := slices.IndexFunc(s.agents, func(a *agent) bool { return !a.internal && a.name == name })
	if i < 0 {
		return nil
	}
	return s.agents[i]
}

func (s *sandbox) allReadyLocked() bool {
	return s.runtimeReadyLocked() && !slices.ContainsFunc(s.agents, func(a *agent) bool { return a.state != agentReady })
}

// runtimeReadyLocked: under SnapStart a runtime that waits for the restore has
// finished its init.
func (s *sandbox) runtimeReadyLocked() bool {
	restorable := s.initialising && s.opt.snapStart() && s.runtime.state == runtimeRestoreReady
	return restorable || s.runtime.state == runtimeReady
}

func (s *sandbox) allRegisteredLocked() bool {
	return !slices.ContainsFunc(s.agents, func(a *agent) bool { return a.state == agentStarted })
}

// drain emits what an extension has printed.
func (s *sandbox) drain(a *agent) {
	s.mu.Lock()
	p := a.proc
	s.mu.Unlock()
	p.Drain()
}

// spawnExtension starts the process of a in the function's directory, as on
// AWS's emulator in /var/task; it gets no arguments (AWS source: rapid/handlers).
func (s *sandbox) spawnExtension(a *agent, path string) error {
	s.script.Add(a.name, "exec", filepath.Base(path))
	p, err := s.procs.start(child.Command{Name: a.name, Path: path, Dir: s.opt.Dir, Env: s.env.extension()}, child.Handlers{
		Print: func(msg child.Message) { s.out.printProcess(OriginExtension, a.name, msg) },
		Room:  s.hooks.waitRoom,
		Exit:  func(p *child.Process) { s.extensionExited(a, p) },
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.proc = p
	return nil
}

func (s *sandbox) spawnRuntime() error {
	s.script.Add(whoRuntime, "exec", filepath.Base(s.opt.Command[0]))
	p, err := s.procs.start(s.runtimeCommand(), child.Handlers{
		Print: s.order.line, Room: s.hooks.waitRoom, Exit: s.runtimeExited,
		Broken: func(err error) { s.script.Add(whoRuntime, "log descriptor", err.Error()) },
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runtime.proc = p
	return nil
}

// extensionExited is a crash outside of shutdown, exit code 0 included (AWS
// source: rapid/handlers watchEvents).
func (s *sandbox) extensionExited(a *agent, p *child.Process) {
	message := p.Text()
	if p.Code() == 0 {
		message = "exit code 0"
	}
	s.script.Add(a.name, "exit", p.Outcome())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shuttingDown && a.state == agentRunning {
		a.state = agentExited
		if p.Code() != 0 {
			a.state = agentShutdownFailed
		}
	}
	s.diedLocked("Extension.Crash", message)
}

func (s *sandbox) runtimeExited(p *child.Process) {
	message := "Runtime exited with error: " + p.Text()
	if p.Code() == 0 {
		message = "Runtime exited without providing a reason"
	}
	s.script.Add(whoRuntime, "exit", p.Outcome())
	s.mu.Lock()
	defer s.mu.Unlock()
	errorType := "Runtime.ExitError"
	if s.outOfMemory && s.opt.managed() {
		errorType = "Runtime.OutOfMemory"
	}
	s.diedLocked(errorType, message)
}

func (s *sandbox) diedLocked(errorType, message string) {
	if !s.shuttingDown && s.fatal == nil {
		s.fatal = &failure{status: statusError, errorType: or(s.firstError, errorType), message: message}
	}
	s.changedLocked()
}
