package lambdaemu

import (
	"net/http"
	"path/filepath"

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
	hub         *relay.Hub
	order       *order
	out         *printer
	cacheClient *http.Client
	gone        chan struct{} // closed at the end; frees suspended /next calls

	*state
	ext         *extensions
	runtime     *runtimeSide
	isSnapshot  bool // SnapStart: initialised and not yet restored
	outOfMemory bool // fault: why the runtime died
}

func (s *sandbox) allReadyLocked() bool {
	return s.runtime.readyLocked() && s.ext.allReadyLocked()
}

// closeSubscriptionsLocked is called at every change and not by who waits for
// the end of init, so that a PUT after the last /next always comes too late.
func (s *sandbox) closeSubscriptionsLocked() {
	if s.initialising && s.allReadyLocked() {
		s.hub.CloseSubscriptions()
	}
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
	s.runtime.machine.proc = p
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
