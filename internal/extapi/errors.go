package extapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrNextPending is returned by Next while another Next is under way. No
// request was sent.
var ErrNextPending = errors.New("next: another call is under way")

// APIError is an answer of the platform that is not the success of its
// operation (Lambda Extensions API reference, Lambda Telemetry API reference).
type APIError struct {
	Operation string // register, next, subscribe, init/error, exit/error
	Status    int    // the HTTP status, e.g. 403
	Type      string // errorType, e.g. Telemetry.SubscriptionClosed; empty if the answer had none
	Message   string // errorMessage, or the start of a body that was not JSON
}

// Error returns the operation, the status, the type and the message in one line.
func (e *APIError) Error() string {
	text := fmt.Sprintf("%s: status %d", e.Operation, e.Status)
	if e.Type != "" {
		text += " " + e.Type
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Temporary reports whether the same call may succeed later: too many requests
// or a server error.
func (e *APIError) Temporary() bool {
	return e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError
}

// maxMessage bounds the message of an APIError, in bytes.
const maxMessage = 1 << 10

// apiError reads an error answer. A body of another form is the message.
func apiError(operation string, status int, body []byte) *APIError {
	var answer struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}
	// A body that is not JSON, or is other JSON, leaves both empty.
	_ = json.Unmarshal(body, &answer)
	if answer.ErrorType == "" && answer.ErrorMessage == "" {
		answer.ErrorMessage = string(body[:min(len(body), maxMessage)])
	}
	return &APIError{
		Operation: operation,
		Status:    status,
		Type:      oneLine(answer.ErrorType, maxMessage),
		Message:   oneLine(answer.ErrorMessage, maxMessage),
	}
}

// oneLine replaces line breaks and other control characters by spaces, trims
// the ends and cuts at limit bytes, without leaving half a character.
func oneLine(text string, limit int) string {
	if len(text) > limit {
		text = text[:limit]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "")))
}
