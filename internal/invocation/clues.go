package invocation

import (
	"bytes"
	"strings"
)

// maxErrorType bounds an error type taken from a line.
const maxErrorType = 128

// clues collects everything that hints at a bad end. Each source is unsure
// alone, so they are judged together and once.
type clues struct {
	runtimeStatus, runtimeError string // platform.runtimeDone
	reportStatus, reportError   string // platform.report
	closeStatus                 string // from the shutdown reason
	failedLine                  bool
	lineError                   string // error type of the first failed line
	outOfMemory                 bool   // a line had one of the phrases
	fault                       bool
}

func (c *clues) runtime(status, errorType string) {
	c.runtimeStatus, c.runtimeError = status, errorType
}

func (c *clues) report(status, errorType string) {
	c.reportStatus, c.reportError = status, errorType
}

// shutdown takes the reason of a shutdown in the middle of the invocation.
// The words are lower case on Lambda and not elsewhere (Lambda Extensions
// API reference; Runtime Interface Emulator).
func (c *clues) shutdown(reason string) {
	reason = strings.ToLower(reason)
	switch {
	case reason == "timeout":
		c.closeStatus = "timeout"
	case strings.Contains(reason, "fail"):
		c.closeStatus = "failure"
	}
}

func (c *clues) line(l *Line, oom bool) {
	c.outOfMemory = c.outOfMemory || oom
	if !l.Failure {
		return
	}
	c.failedLine = true
	if c.lineError == "" {
		c.lineError = string(l.ErrorType[:min(len(l.ErrorType), maxErrorType)])
	}
}

// judge fills in status, error type, outcome and the three judgements.
func (c *clues) judge(s *Summary, initError string) {
	s.Status = worst(c.reportStatus, c.runtimeStatus, c.closeStatus)
	s.ErrorType = first(c.reportError, c.runtimeError)
	s.TimedOut = s.Status == "timeout" || isTimeout(s.ErrorType)
	s.Failed = s.TimedOut || c.fault || c.failedLine || s.ErrorType != "" ||
		s.Status != "" && s.Status != "success"
	sure := c.outOfMemory || s.ErrorType == "Runtime.OutOfMemory"
	s.OutOfMemory = sure || s.Failed && memoryFull(s)
	s.Failed = s.Failed || s.OutOfMemory
	if s.Failed && s.ErrorType == "" {
		s.ErrorType = first(c.lineError, initError)
	}
	switch {
	case sure:
		s.Outcome = OutcomeOutOfMemory
	case s.TimedOut: // a full memory beside a timeout may be a coincidence
		s.Outcome = OutcomeTimeout
	case s.OutOfMemory:
		s.Outcome = OutcomeOutOfMemory
	case s.Failed:
		s.Outcome = OutcomeError
	case s.Status == "":
		s.Outcome = OutcomeUnknown
	default:
		s.Outcome = OutcomeSuccess
	}
}

// worst returns the first status that is not success, else success if any
// source said so.
func worst(statuses ...string) string {
	known := ""
	for _, s := range statuses {
		if s != "" && s != "success" {
			return s
		}
		known = first(known, s)
	}
	return known
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// isTimeout knows the error types that mean a timeout (error types of the
// Runtime Interface Emulator, both editions).
func isTimeout(errorType string) bool {
	switch errorType {
	case "Sandbox.Timeout", "Sandbox.Timedout", "Runtime.InvokeTimeout":
		return true
	}
	return false
}

// memoryFull reports whether all memory was in use. Both figures are MiB,
// rounded by the platform.
func memoryFull(s *Summary) bool {
	return s.MaxMemoryUsedMB.Set && s.MemorySizeMB.Set && s.MaxMemoryUsedMB.Value >= s.MemorySizeMB.Value
}

// tellsOutOfMemory looks for what runtimes print when memory ends. Every line
// without a level passes here, so two words are looked for first that all
// phrases have between them and that begin with rare letters: the search
// jumps from one first letter to the next.
func tellsOutOfMemory(text []byte) bool {
	if bytes.Contains(text, []byte("killed")) && bytes.Contains(text, []byte("Runtime exited with error: signal: killed")) {
		return true
	}
	if !bytes.Contains(text, []byte("mory")) {
		return false
	}
	for _, phrase := range [...]string{
		"fatal error: runtime: out of memory",       // Go
		"java.lang.OutOfMemoryError",                // Java
		"JavaScript heap out of memory",             // Node
		"MemoryError",                               // Python
		"failed to allocate memory (NoMemoryError)", // Ruby
		"OutOfMemoryException",                      // .NET
	} {
		if bytes.Contains(text, []byte(phrase)) {
			return true
		}
	}
	return false
}
