package lambdaemu

import "net/http"

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

// ranOut reports whether the memory was used up.
func (s *sandbox) ranOut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outOfMemory
}
