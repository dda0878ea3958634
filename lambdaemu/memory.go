package lambdaemu

import (
	"net/http"
	"syscall"
)

// exhaustMemory is the fault out-of-memory: Lambda kills the runtime without a
// word, REPORT says that all of the memory was used, and the error is the one of
// any other death (AWS page: troubleshooting-invocation). Only managed instances
// name the cause.
func (s *sandbox) exhaustMemory(w http.ResponseWriter) {
	if !s.faults.Hit("out-of-memory") {
		return
	}
	_ = http.NewResponseController(w).Flush() // a runtime that is gone is killed all the same
	s.mu.Lock()
	s.outOfMemory = true
	p := s.runtime.machine.proc
	s.mu.Unlock()
	s.procs.kill(p)
}

// hang is the fault function-hung: as an endless loop in the handler. The reset
// after the time-out kills the stopped runtime.
func hang(s *sandbox, w http.ResponseWriter) {
	if s.opt.managed() || !s.faults.Hit("function-hung") {
		return
	}
	_ = http.NewResponseController(w).Flush() // a runtime that is gone hangs as well
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runtime.machine.proc.Signal(syscall.SIGSTOP)
}

// ranOut reports whether the memory was used up.
func (s *sandbox) ranOut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outOfMemory
}
