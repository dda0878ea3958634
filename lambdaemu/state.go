package lambdaemu

import (
	"context"
	"errors"
	"sync"
)

// state is what the parts of a sandbox share: one lock, a way to wait for what
// it guards, and the first failure, after which nothing else is waited for.
type state struct {
	onChange func() // called by changedLocked, under the lock; may be nil

	mu               sync.Mutex
	changed          chan struct{} // closed and replaced at every change
	registrationOpen bool          // for internal extensions
	initialising     bool
	shuttingDown     bool
	fatal            *failure // the first unexpected exit
	firstError       string   // error type reported before it
}

func newState() *state {
	return &state{changed: make(chan struct{}), registrationOpen: true, initialising: true}
}

// changedLocked wakes who waits for a state.
func (s *state) changedLocked() {
	if s.onChange != nil {
		s.onChange()
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// await returns nil as soon as condLocked holds, else why it never will. A
// condition that holds wins over a death at the same moment: the answer counts.
func (s *state) await(ctx context.Context, condLocked func() bool) *failure {
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

func (s *state) check(condLocked func() bool) (bool, *failure, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return condLocked(), s.fatal, s.changed
}

// died reports an exit that happened while nobody looked.
func (s *state) died() *failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fatal
}

func (s *state) diedLocked(errorType, message string) {
	if !s.shuttingDown && s.fatal == nil {
		s.fatal = &failure{status: statusError, errorType: or(s.firstError, errorType), message: message}
	}
	s.changedLocked()
}

// abortAll fails what is under way, as a shutdown does (AWS source:
// lambda-managed-instances rapid/shutdown).
func (s *state) abortAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatal == nil {
		s.fatal = &failure{status: "failure", errorType: "Sandbox.Failure", message: "the environment is shutting down"}
	}
	s.changedLocked()
}

func failureOf(err error) *failure {
	if failed, ok := errors.AsType[*failure](err); ok {
		return failed
	}
	return &failure{status: "failure", errorType: "Sandbox.Failure", message: "the emulator was stopped"}
}
