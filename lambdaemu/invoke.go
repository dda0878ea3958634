package lambdaemu

import (
	"context"
	"time"
)

// invoke runs one invocation in an initialised sandbox and returns when the
// runtime and every extension registered for INVOKE have called /next (AWS
// source: rapid/handlers doInvoke). onReply is called as soon as the client has
// its answer, which is earlier.
func (s *sandbox) invoke(ctx context.Context, inv *invocation, onReply func()) *failure {
	s.release(inv)
	if failed := s.await(ctx, func() bool { return inv.reply != nil }); failed != nil {
		return failed
	}
	onReply()
	if failed := s.await(ctx, func() bool { return !inv.ready.IsZero() }); failed != nil {
		return failed
	}
	s.out.logRuntimeDone(inv, nil)
	return s.await(ctx, s.ext.invokedReadyLocked)
}

// releaseWait bounds how long the runtime waits for INVOKE to be written.
const releaseWait = 100 * time.Millisecond

// release hands the invocation out: INVOKE is on the extensions' connections
// before the runtime has the event. Nobody waits for it to be read: a function
// that is quick enough can still be ahead of the extension.
func (s *sandbox) release(inv *invocation) {
	early := s.faults.Hit("runtime-done-early")
	if early {
		s.out.logRuntimeDone(inv, nil)
	}
	late := time.NewTimer(releaseWait)
	defer late.Stop()
	for _, written := range s.ext.releaseInvoke(inv, early) {
		select {
		case <-written:
		case <-late.C:
			late.Reset(0) // none of the others is waited for
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	inv.released = time.Now()
	s.runtime.machine.release(inv)
}
