package invocation

import (
	"cmp"
	"fmt"
	"strings"

	"powertools-extension/internal/telemetry"
)

// Bounds of what is kept of a line.
const (
	maxErrorType    = 128
	maxErrorMessage = 512
)

// The sources of a judgement, as the member outcome_from names them.
const (
	FromProxy         = "proxy"          // what the runtime posted, seen by the proxy
	FromPlatform      = "platform"       // status or error type of runtimeDone or report, or the reason of a shutdown
	FromProducedBytes = "produced_bytes" // platform.runtimeDone counted the bytes of an answer
	FromRuntimeLine   = "runtime_line"   // a line in a form that runtimes print for an error nobody caught
	FromEmptyResponse = "empty_response" // no answer and no such line: as the runtime or the setting has it
)

// EmptyResponse is a word of POWERTOOLS_METRICS_EMPTY_RESPONSE: what an
// invocation is that answered no byte and printed no error of the runtime's.
type EmptyResponse string

// The words. Auto, also when empty, goes by the runtime.
const (
	EmptyAuto    EmptyResponse = "auto"
	EmptyError   EmptyResponse = "error"
	EmptySuccess EmptyResponse = "success"
)

// clues collects everything that hints at a bad end. Each source is unsure
// alone, so they are judged together and once.
type clues struct {
	runtimeStatus, runtimeError string // platform.runtimeDone
	reportStatus, reportError   string // platform.report
	closeStatus                 string // from the shutdown reason
	fault                       bool   // platform.fault
	faultText                   string // what it says of the end: "exit status 1"

	unhandled bool      // a line in a runtime's own form
	own       lineError // of the last of them
	logged    lineError // of the last line of a logger with a stack or an error type
	lastWords bool      // a line that a runtime prints when memory ends
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

func (c *clues) line(l *Line, lastWords bool) {
	c.lastWords = c.lastWords || lastWords
	switch {
	case l.Unhandled:
		c.unhandled = true
		c.own.set(l)
	case l.Failure:
		c.logged.set(l)
	}
}

// lineError is what a line tells of an error. Its memory is used again for the
// next line.
type lineError struct{ name, message []byte }

func (e *lineError) set(l *Line) {
	if len(l.ErrorType) == 0 && len(e.name) > 0 {
		return // one that names its error says more
	}
	e.name = append(e.name[:0], bounded(l.ErrorType, maxErrorType)...)
	e.message = append(e.message[:0], bounded(l.ErrorMessage, maxErrorMessage)...)
}

// bounded returns the text, cut between two characters.
func bounded(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xC0 == 0x80 {
		most--
	}
	return text[:most]
}

// setting is what a judgement is made with beside the clues.
type setting struct {
	managed       bool
	runtime       string // runtimeVersion of platform.initStart
	initError     string
	emptyResponse EmptyResponse
}

// judge fills in the status, how it went, who says so, and what went wrong.
// The first source that knows decides.
func (c *clues) judge(s *Summary, answer *Answer, set setting) {
	s.Status = worst(c.reportStatus, c.runtimeStatus, c.closeStatus)
	platformError := cmp.Or(c.reportError, c.runtimeError)
	switch {
	case answer != nil && answer.taken():
		s.OutcomeFrom = FromProxy
		s.Failed = answer.Failed
		s.Partial = answer.Partial && !answer.Failed
	case platformError != "" || c.fault || s.Status != "" && s.Status != "success":
		s.OutcomeFrom, s.Failed = FromPlatform, true
		s.TimedOut = s.Status == "timeout" || isTimeout(platformError)
	case s.ProducedBytes.Set && s.ProducedBytes.Value > 0:
		s.OutcomeFrom = FromProducedBytes
	case set.managed && s.Status == "success":
		s.OutcomeFrom = FromPlatform // a report there says error when the handler fails
	case c.unhandled:
		s.OutcomeFrom, s.Failed = FromRuntimeLine, true
	case s.ProducedBytes.Set:
		s.OutcomeFrom = FromEmptyResponse
		s.Failed, s.EmptyUnsure = set.emptyFails()
	case s.Status == "success":
		s.OutcomeFrom = FromPlatform
	}
	s.OutOfMemory = s.Failed && !s.TimedOut && c.outOfMemory(s, platformError)
	s.Outcome = s.outcome()
	c.explain(s, answer, platformError, set.initError)
}

// emptyFails judges an answer of no bytes without a line of the runtime's. A
// runtime that prints every error nobody caught would have printed one, and a
// void handler of Java and .NET answers that way each time. Others may have
// posted an error and printed nothing; unsure says that the setting would help.
func (set setting) emptyFails() (fails, unsure bool) {
	switch set.emptyResponse {
	case EmptyError:
		return true, false
	case EmptySuccess:
		return false, false
	}
	for _, name := range [...]string{"python", "nodejs", "java", "ruby", "dotnet"} {
		if strings.HasPrefix(set.runtime, name) {
			return false, false
		}
	}
	return true, true
}

// outOfMemory needs the platform's word, or an end of the process with the
// memory full or with the runtime's last words for it. A line that speaks of
// it proves nothing: functions forward alerts.
func (c *clues) outOfMemory(s *Summary, platformError string) bool {
	if platformError == "Runtime.OutOfMemory" {
		return true
	}
	exited := platformError == "Runtime.ExitError"
	ended := exited || c.fault || c.closeStatus == "failure" || platformError == "" && s.Status == "failure"
	return exited && memoryFull(s) || ended && c.lastWords
}

func (s *Summary) outcome() Outcome {
	switch {
	case s.OutOfMemory:
		return OutcomeOutOfMemory
	case s.TimedOut:
		return OutcomeTimeout
	case s.Failed:
		return OutcomeError
	case s.Partial:
		return OutcomePartial
	case s.OutcomeFrom == "":
		return OutcomeUnknown
	}
	return OutcomeSuccess
}

// explain names the error: the type that the runtime itself printed, else what
// the proxy or the platform says, else that of the last failing line. What a
// success logged is no error of its own.
func (c *clues) explain(s *Summary, answer *Answer, platformError, initError string) {
	own, logged := string(c.own.name), string(c.logged.name)
	if !s.Failed {
		s.ErrorLogged = cmp.Or(logged, own)
		return
	}
	if s.TimedOut { // lines explain no timeout
		s.ErrorType = platformError
		s.Message = timeoutMessage(s)
		return
	}
	var posted Answer
	if answer != nil && answer.Failed {
		posted = *answer
	}
	s.ErrorType = cmp.Or(own, posted.ErrorType, platformError, logged, initError)
	text := ""
	switch s.ErrorType {
	case own:
		text = string(c.own.message)
	case posted.ErrorType:
		text = posted.ErrorMessage
	case platformError:
		text = c.faultText
	case logged:
		text = string(c.logged.message)
	}
	if s.OutcomeFrom == FromEmptyResponse && s.ErrorType == "" {
		s.ErrorType, text = "Unknown", "no response body and no error line of the runtime"
	}
	s.Message = errorMessage(s, text, c.faultText)
}

// errorMessage is what a person reads who searches for errors.
func errorMessage(s *Summary, text, fault string) string {
	switch {
	case s.OutOfMemory && s.MaxMemoryUsedMB.Set && s.MemorySizeMB.Set:
		return fmt.Sprintf("out of memory: %v of %v MB used", s.MaxMemoryUsedMB.Value, s.MemorySizeMB.Value)
	case s.OutOfMemory:
		return "out of memory"
	case fault != "" && (text == "" || text == fault):
		return fault
	case s.ErrorType != "" && text != "":
		return s.ErrorType + ": " + text
	}
	return cmp.Or(s.ErrorType, text, s.Status, "failed")
}

func timeoutMessage(s *Summary) string {
	for _, ms := range [...]telemetry.Number{s.DurationMs, s.RuntimeDurationMs} {
		if ms.Set {
			return fmt.Sprintf("timed out after %.2f s", ms.Value/1000)
		}
	}
	if d := s.Request.Deadline; !d.IsZero() && d.After(s.Start) {
		return fmt.Sprintf("timed out after %.2f s", d.Sub(s.Start).Seconds())
	}
	return "timed out"
}

// worst returns the first status that is not success, else success if any
// source said so.
func worst(statuses ...string) string {
	known := ""
	for _, s := range statuses {
		if s != "" && s != "success" {
			return s
		}
		known = cmp.Or(known, s)
	}
	return known
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

// memoryFull reports whether nearly all memory was in use. Both figures are
// MiB, rounded by the platform.
func memoryFull(s *Summary) bool {
	return s.MaxMemoryUsedMB.Set && s.MemorySizeMB.Set && s.MaxMemoryUsedMB.Value >= 0.98*s.MemorySizeMB.Value
}
