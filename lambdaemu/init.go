package lambdaemu

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"powertools-extension/lambdaemu/internal/child"
)

// Phases of platform.initStart and its kin.
const (
	phaseInit   = "init"
	phaseInvoke = "invoke"
)

// initialise starts the extensions, then the runtime, and returns when all have
// called /next (AWS source: rapid/handlers doRuntimeDomainInit). After a failure
// the sandbox is good for shutdown only.
func (s *sandbox) initialise(ctx context.Context, phase string) (time.Duration, *failure) {
	begin := time.Now()
	s.script.Add(whoPlatform, "init", phase+" "+s.opt.InitType)
	s.out.logInitStart(phase)
	failed := s.startExtensions(ctx)
	if failed == nil {
		failed = s.startRuntime(ctx, phase)
	}
	s.endInit()
	s.out.logExtensions(s.ext.records())
	took := time.Since(begin)
	s.out.logInitReport(phase, took, failed)
	notes{s.opt, s.script}.init(phase, took, failed)
	return took, failed
}

func initOutcome(failed *failure) string {
	switch {
	case failed == nil:
		return statusSuccess
	case failed.errorType == "":
		return failed.status
	}
	return failed.status + " " + failed.errorType
}

func (s *sandbox) endInit() {
	s.procs.drain()
	s.hub.CloseSubscriptions()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.initialising, s.registrationOpen = false, false
}

// startExtensions starts every extension at once and waits until each has
// registered under the name of its file.
func (s *sandbox) startExtensions(ctx context.Context) *failure {
	for i, path := range s.opt.Layers {
		a := newAgent(filepath.Base(path), false)
		s.mu.Lock()
		s.ext.agents = append(s.ext.agents, a)
		s.mu.Unlock()
		if i >= maxAgents {
			return s.ext.launchFailed(a, "TooManyExtensions", errors.New("too many extensions"))
		}
		if err := s.spawnExtension(a, path); err != nil {
			return s.ext.launchFailed(a, child.LaunchErrorType(err), err)
		}
	}
	return s.await(ctx, s.ext.allRegisteredLocked)
}

// startRuntime returns when the runtime and then every extension are ready.
// Managed instances say initRuntimeDone in between (AWS source:
// lambda-managed-instances rapid). Without a runtime there is none.
func (s *sandbox) startRuntime(ctx context.Context, phase string) *failure {
	if err := s.spawnRuntime(); err != nil {
		failed := &failure{status: statusError, errorType: "Runtime.InvalidEntrypoint", message: err.Error()}
		s.out.logInitRuntimeDone(phase, failed)
		return failed
	}
	if s.opt.managed() {
		failed := s.await(ctx, s.runtime.readyLocked)
		s.procs.drain()
		s.out.logInitRuntimeDone(phase, failed)
		if failed != nil {
			return failed
		}
		return s.await(ctx, s.allReadyLocked)
	}
	failed := s.await(ctx, s.allReadyLocked)
	s.out.logInitRuntimeDone(phase, failed)
	return failed
}
