package lambdaemu

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"powertools-extension/lambdaemu/internal/relay"
	"powertools-extension/lambdaemu/transcript"
)

// Headers of the Extensions API (AWS page: runtimes-extensions-api).
const (
	headerName      = "Lambda-Extension-Name"
	headerID        = "Lambda-Extension-Identifier"
	headerEventID   = "Lambda-Extension-Event-Identifier"
	headerFeatures  = "Lambda-Extension-Accept-Feature"
	headerErrorType = "Lambda-Extension-Function-Error-Type"
)

const unknownIdentifier = "Extension.UnknownExtensionIdentifier"

func transitionFailed(from, to agentState, who string) *apiError {
	return forbidden("Extension.InvalidExtensionState", fmt.Sprintf(
		"State transition from %s to %s failed for extension %s. Error: %s", from, to, who, errNotAllowed))
}

// parseRegister returns the events asked for.
func parseRegister(r *http.Request) ([]string, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	var req struct {
		Events            []string `json:"events"`
		ConfigurationKeys []string `json:"configurationKeys"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, err
	}
	if len(req.ConfigurationKeys) != 0 {
		return nil, errors.New("configurationKeys are deprecated; use environment variables instead")
	}
	return req.Events, nil
}

func handleRegister(s *sandbox, w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get(headerName)
	if name == "" {
		writeAPIError(w, forbidden("Extension.InvalidExtensionName", "Empty extension name"))
		return
	}
	events, err := parseRegister(r)
	if err != nil {
		writeAPIError(w, forbidden("InvalidRequestFormat", err.Error()))
		return
	}
	a, failed := s.ext.register(name, events)
	if failed != nil {
		s.script.AddData(name, transcript.Register, fmt.Sprintf("%s → %d %s", strings.Join(events, ","), failed.status, failed.Type), transcript.Registration{Events: events, Status: failed.status})
		writeAPIError(w, failed)
		return
	}
	w.Header().Set(headerID, a.id)
	writeJSON(w, http.StatusOK, s.ext.registration(r.Header.Get(headerFeatures)))
}

type registration struct {
	AccountID       string `json:"accountId,omitempty"`
	FunctionName    string `json:"functionName"`
	FunctionVersion string `json:"functionVersion"`
	Handler         string `json:"handler"`
}

// handleNext suspends the caller until there is an event. It has no time limit,
// and a client that goes away does not free its place: the event is then lost
// (AWS source: core/externalagent_states).
func handleNext(s *sandbox, w http.ResponseWriter, r *http.Request) {
	a, failed := s.ext.identified(r, "Unknown extension {id}")
	if failed != nil {
		writeAPIError(w, failed)
		return
	}
	s.ext.drain(a)
	answer, failed := s.ext.suspend(a)
	if failed != nil {
		s.script.Add(a.name, "next", fmt.Sprintf("→ %d %s", failed.status, failed.Type))
		writeAPIError(w, failed)
		return
	}
	select {
	case ev := <-answer:
		s.script.Add(a.name, ev.typ, ev.detail)
		writeEvent(w, ev)
	case <-s.gone:
		writeAPIError(w, internalServerError())
	}
}

// writeEvent sets an event identifier and a content type for INVOKE only
// (AWS source: rapi/rendering).
func writeEvent(w http.ResponseWriter, ev agentEvent) {
	if ev.typ == eventInvoke {
		w.Header().Set(headerEventID, newUUID())
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(ev.body)))
	w.Write(ev.body)
	if ev.written != nil {
		_ = http.NewResponseController(w).Flush() // who has gone misses it
		close(ev.written)
	}
}

type tracingEvent struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

func invokeEvent(inv *invocation) agentEvent {
	var tracing *tracingEvent
	if inv.trace.upstream != "" {
		tracing = &tracingEvent{"X-Amzn-Trace-Id", inv.trace.upstream}
	}
	body := relay.Marshal(struct {
		EventType          string        `json:"eventType"`
		DeadlineMs         int64         `json:"deadlineMs"`
		RequestID          string        `json:"requestId"`
		InvokedFunctionArn string        `json:"invokedFunctionArn"`
		Tracing            *tracingEvent `json:"tracing,omitempty"`
	}{eventInvoke, inv.deadline.UnixMilli(), inv.id, inv.arn, tracing})
	return agentEvent{typ: eventInvoke, detail: inv.id, body: body}
}

func shutdownEvent(deadlineMs int64, reason string) agentEvent {
	body := relay.Marshal(struct {
		EventType      string `json:"eventType"`
		DeadlineMs     int64  `json:"deadlineMs"`
		ShutdownReason string `json:"shutdownReason"`
	}{eventShutdown, deadlineMs, reason})
	return agentEvent{typ: eventShutdown, detail: reason, body: body}
}

func handleInitError(s *sandbox, w http.ResponseWriter, r *http.Request) {
	handleReport(s, w, r, "init/error", agentInitError, (*agent).reportInitError)
}

func handleExitError(s *sandbox, w http.ResponseWriter, r *http.Request) {
	handleReport(s, w, r, "exit/error", agentExitError, (*agent).reportExitError)
}

// handleReport only remembers the error: the platform acts when the process
// exits (AWS source: rapi/handler/agentiniterror, agentexiterror).
func handleReport(s *sandbox, w http.ResponseWriter, r *http.Request, what string, to agentState, report func(*agent, string) error) {
	a, failed := s.ext.identified(r, "Unknown Lambda-Extension-Identifier")
	errorType := r.Header.Get(headerErrorType)
	switch {
	case errorType == "" && (failed == nil || failed.Type == unknownIdentifier):
		failed = forbidden("Extension.MissingHeader", headerErrorType+" not found")
	case failed != nil:
	default:
		failed = s.ext.report(a, errorType, to, report)
	}
	if failed != nil {
		writeAPIError(w, failed)
		return
	}
	s.script.Add(a.name, what, errorType)
	writeAccepted(w)
}
