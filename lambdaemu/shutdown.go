package lambdaemu

import (
	"slices"
	"syscall"
	"time"

	"powertools-extension/lambdaemu/internal/child"
)

// Budgets of the shutdown phase (AWS page: lambda-runtime-environment).
const (
	budgetExternal = 2000 * time.Millisecond
	budgetInternal = 500 * time.Millisecond
)

// flushLimit is how long SHUTDOWN waits for telemetry under way. Lambda spins
// down after minutes of freeze, when every batch is overdue and leaves at the
// thaw; without the wait a test that shuts down at once would be a race that
// Lambda does not have. It is long because a busy machine may run a subscriber
// late. Managed instances flush up to 1 s at this place (AWS source:
// lambda-managed-instances rapid/shutdown).
const flushLimit = 500 * time.Millisecond

// thawLimit is how long SIGCONT may take to show.
const thawLimit = 50 * time.Millisecond

// lastWait is how long a SIGKILLed process may need to vanish.
const lastWait = 5 * time.Second

// shutdown ends the sandbox: the runtime first, by SIGTERM and 30 % of the budget
// later by SIGKILL, then SHUTDOWN to the extensions, then SIGKILL to what is left
// at the deadline (AWS source: rapid/shutdown). runtimeGone, if any, runs between
// the two. Afterwards no process of the sandbox lives.
func (s *sandbox) shutdown(reason string, runtimeGone func()) Exit {
	begin := time.Now()
	agents, runtime := s.beginShutdown()
	budget := s.ext.budget(agents)
	if len(agents) == 0 {
		s.procs.kill(runtime)
	} else {
		s.procs.terminate(runtime, begin.Add(runtimeShare(budget)))
	}
	if runtimeGone != nil {
		runtimeGone()
	}
	s.order.close()
	s.flushTelemetry()
	exits := s.ext.stop(agents, begin.Add(budget), reason)
	s.procs.signal(syscall.SIGKILL)
	s.hub.Close()
	close(s.gone)
	return Exit{Reason: reason, Extensions: exits, Duration: time.Since(begin)}
}

// flushTelemetry ends the stream and gives what is queued a short chance.
func (s *sandbox) flushTelemetry() {
	s.hub.EndOfStream()
	if s.faults.Hit("shutdown-unflushed") {
		return
	}
	for until := time.Now().Add(flushLimit); s.hub.Pending() > 0 && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
}

func (s *sandbox) beginShutdown() ([]*agent, *child.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shuttingDown = true
	return slices.Clone(s.ext.agents), s.runtime.machine.proc
}

// runtimeShare is how much of the budget the runtime may use after SIGTERM; the
// rest is the extensions' (AWS source: rapid/shutdown).
func runtimeShare(budget time.Duration) time.Duration { return budget * 3 / 10 }
