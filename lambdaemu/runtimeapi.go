package lambdaemu

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"powertools-extension/lambdaemu/internal/relay"
	"powertools-extension/lambdaemu/transcript"
)

// Headers and trailers of the Runtime API (AWS page: runtimes-api, runtimes-custom).
const (
	headerFunctionError = "Lambda-Runtime-Function-Error-Type"
	trailerErrorBody    = "Lambda-Runtime-Function-Error-Body"
	headerResponseMode  = "Lambda-Runtime-Function-Response-Mode"
	errorCauseType      = "application/vnd.aws.lambda.error.cause+json"
)

func runtimeTransitionFailed(from, to runtimeState) *apiError {
	return forbidden("InvalidStateTransition", fmt.Sprintf(
		"State transition from %s to %s failed for runtime. Error: %s", from, to, errNotAllowed))
}

func invalidRequestID() *apiError {
	return &apiError{http.StatusBadRequest, "Invalid request ID", "InvalidRequestID"}
}

// handleRuntimeNext suspends the runtime until there is an invocation. Calling
// it is what ends the one before.
func handleRuntimeNext(s *sandbox, w http.ResponseWriter, r *http.Request) {
	s.procs.drain()
	answer, failed := s.runtime.suspend()
	if failed != nil {
		s.script.Add(whoRuntime, "next", fmt.Sprintf("→ %d %s", failed.status, failed.Type))
		writeAPIError(w, failed)
		return
	}
	select {
	case inv := <-answer:
		s.script.Add(whoRuntime, "invocation", inv.id)
		writeInvocation(w, inv)
		s.exhaustMemory(w)
		hang(s, w)
	case <-s.runtime.workerGone(r):
		s.runtime.abandon(answer)
	case <-s.gone:
		writeAPIError(w, internalServerError())
	}
}

// writeInvocation leaves empty headers out (AWS source: rapi/rendering).
func writeInvocation(w http.ResponseWriter, inv *invocation) {
	for _, h := range [...]struct{ key, value string }{
		{"Lambda-Runtime-Aws-Request-Id", inv.id},
		{"Lambda-Runtime-Trace-Id", inv.trace.runtime},
		{"Lambda-Runtime-Client-Context", inv.req.ClientContext},
		{"Lambda-Runtime-Invoked-Function-Arn", inv.arn},
		{"Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10)},
		{"Lambda-Runtime-Aws-Tenant-Id", inv.req.TenantID},
		{"Content-Type", "application/json"},
	} {
		if h.value != "" {
			w.Header().Set(h.key, h.value)
		}
	}
	w.Write(inv.req.Payload)
}

func handleResponse(s *sandbox, w http.ResponseWriter, r *http.Request) {
	inv, failed := s.runtime.begin(r, runtimeResponse)
	if failed != nil {
		s.script.Add(whoRuntime, "response", fmt.Sprintf("→ %d %s", failed.status, failed.Type))
		writeAPIError(w, failed)
		return
	}
	answer, failed := s.runtime.readResponse(inv, r)
	status := http.StatusAccepted
	if failed != nil {
		status = failed.status
	}
	s.script.AddData(whoRuntime, transcript.Response, fmt.Sprintf("%s→ %d", modeLabel(r), status), transcript.Answer{RequestID: inv.id, Status: status, Bytes: answer.produced, ErrorType: answer.errorType})
	s.runtime.finish(inv, answer)
	if failed != nil {
		writeAPIError(w, failed)
		return
	}
	writeAccepted(w)
}

func modeLabel(r *http.Request) string {
	if mode := r.Header.Get(headerResponseMode); mode != "" {
		return mode + " "
	}
	return ""
}

// received judges a body that was read up to one byte over its limit.
func (inv *invocation) received(body []byte, err error, limit int) (*reply, *apiError) {
	switch {
	case err != nil:
		return inv.refused("Runtime.TruncatedResponse", "Response truncated"),
			&apiError{http.StatusBadRequest, "HTTP request detected as truncated", "TruncatedHTTPRequest"}
	case len(body) > limit:
		message := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limit)
		return tooLarge(message), &apiError{http.StatusRequestEntityTooLarge,
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", limit), "RequestEntityTooLarge"}
	}
	return &reply{payload: body, produced: len(body)}, nil
}

func (inv *invocation) refused(errorType, message string) *reply {
	return (&failure{status: statusError, errorType: errorType, message: message}).reply(inv.id)
}

func tooLarge(message string) *reply {
	const errorType = "Function.ResponseSizeTooLarge"
	return &reply{errorType: errorType, payload: relay.Marshal(struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}{errorType, message})}
}

// withTrailers applies an error that the function met after it began to answer
// (AWS page: runtimes-custom, response streaming).
func withTrailers(answer *reply, trailer http.Header) *reply {
	errorType := trailer.Get(headerFunctionError)
	if errorType == "" {
		return answer
	}
	answer.errorType = validErrorType(errorType)
	if body, err := base64.StdEncoding.DecodeString(trailer.Get(trailerErrorBody)); err == nil && len(body) > 0 {
		answer.payload = body
	}
	return answer
}

// stamped notes when the first byte of the answer came.
type stamped struct {
	io.Reader
	inv *invocation
	s   *state
}

func (t *stamped) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if n > 0 && !t.inv.closed && t.inv.firstByte.IsZero() {
		t.inv.firstByte = time.Now()
	}
	return n, err
}

// handleError is the handler that threw. For the platform that is a normal end
// of the invocation (AWS source: rapid/handlers doInvoke).
func handleError(s *sandbox, w http.ResponseWriter, r *http.Request) {
	inv, failed := s.runtime.begin(r, runtimeErrorResponse)
	if failed != nil {
		s.script.Add(whoRuntime, "error", fmt.Sprintf("→ %d %s", failed.status, failed.Type))
		writeAPIError(w, failed)
		return
	}
	errorType := validErrorType(r.Header.Get(headerFunctionError))
	answer := &reply{payload: errorBody(r), errorType: errorType}
	s.script.AddData(whoRuntime, transcript.Error, errorType+" → 202", transcript.Answer{RequestID: inv.id, Status: http.StatusAccepted, Bytes: len(answer.payload), ErrorType: errorType})
	s.runtime.finish(inv, answer)
	writeAccepted(w)
}

// errorBody is what the caller sees: without the cause, which is for X-Ray.
func errorBody(r *http.Request) []byte {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload))
	if err != nil || r.Header.Get("Content-Type") != errorCauseType {
		return body
	}
	var visible struct {
		ErrorMessage string          `json:"errorMessage"`
		ErrorType    string          `json:"errorType"`
		StackTrace   json.RawMessage `json:"stackTrace,omitempty"`
	}
	if json.Unmarshal(body, &visible) != nil {
		return []byte(`"Invalid error body"`)
	}
	return relay.Marshal(visible)
}

// validErrorType keeps what matches (Runtime|Function).Name and replaces the
// rest (AWS source: fatalerror).
func validErrorType(s string) string {
	prefix, name, _ := strings.Cut(s, ".")
	known := prefix == "Runtime" || prefix == "Function"
	if known && len(name) > 1 && unicode.IsUpper(rune(name[0])) && !strings.ContainsFunc(name, notLatin) {
		return s
	}
	if prefix == "Function" {
		return "Function.Unknown"
	}
	return "Runtime.Unknown"
}

func notLatin(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// handleRuntimeInitError remembers the error; init fails when the runtime exits.
func handleRuntimeInitError(s *sandbox, w http.ResponseWriter, r *http.Request) {
	errorType := validErrorType(r.Header.Get(headerFunctionError))
	body := errorBody(r)
	if failed := s.runtime.initError(errorType, body); failed != nil {
		writeAPIError(w, failed)
		return
	}
	s.script.Add(whoRuntime, "init/error", errorType+" → 202")
	writeAccepted(w)
}
