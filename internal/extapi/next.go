package extapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

// EventType is the kind of a life-cycle event.
type EventType string

// The kinds of events the platform is known to send.
const (
	Invoke   EventType = "INVOKE"
	Shutdown EventType = "SHUTDOWN"
)

// Event is one life-cycle event. Fields that do not belong to its type, or
// that the platform left out, are empty.
type Event struct {
	Type EventType // the platform's word; one that is not known is kept as it came

	// Deadline is the wall-clock time at which the invocation times out, or
	// the sandbox is killed. Zero if the platform gave none.
	Deadline time.Time

	RequestID   string // INVOKE
	FunctionARN string // INVOKE: the ARN the caller used, with its alias or version
	TraceHeader string // INVOKE: the upstream X-Ray header; empty without a trace

	// Reason of a SHUTDOWN in lower case: spindown, timeout, failure, or a
	// word of a local emulator. The documentation prints capitals.
	Reason string
}

// wireEvent is an event as it crosses the wire (Lambda Extensions API reference).
type wireEvent struct {
	EventType          EventType `json:"eventType"`
	DeadlineMs         float64   `json:"deadlineMs"`
	RequestID          string    `json:"requestId"`
	InvokedFunctionARN string    `json:"invokedFunctionArn"`
	Tracing            struct {
		Value string `json:"value"`
	} `json:"tracing"`
	ShutdownReason string `json:"shutdownReason"`
}

// Next tells the platform that the extension is done and waits for the next
// event. It waits for as long as it takes, hours if the sandbox is frozen: ctx
// is for tests and must carry no deadline in production. After a call that was
// cancelled the platform still holds the first one and answers the next with
// 403. While another Next is under way, it returns ErrNextPending at once.
//
// An event of an unknown type is an event, not an error. Status codes other
// than 200 are an *APIError; what cannot be read is another error.
func (c *Client) Next(ctx context.Context) (Event, error) {
	const operation = "next"
	if !c.waiting.CompareAndSwap(false, true) {
		return Event{}, ErrNextPending
	}
	defer c.waiting.Store(false)
	id, err := c.identified(operation)
	if err != nil {
		return Event{}, err
	}
	c.Taken()
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		w, _ := info.Conn.(*watched)
		c.next.Store(w)
		c.Taken()
	}}
	res, answer, err := c.do(httptrace.WithClientTrace(ctx, trace), call{
		operation: operation,
		method:    http.MethodGet,
		path:      "/2020-01-01/extension/event/next",
		header:    [][2]string{id},
		body:      once{},
	})
	if res != nil && res.StatusCode != http.StatusOK {
		return Event{}, apiError(operation, res.StatusCode, answer)
	}
	if err != nil {
		return Event{}, err
	}
	return decodeEvent(answer)
}

// decodeEvent reads an event. A field of a wrong type is left empty and costs
// nothing else.
func decodeEvent(body []byte) (Event, error) {
	var w wireEvent
	var wrongType *json.UnmarshalTypeError
	if err := json.Unmarshal(body, &w); err != nil && !errors.As(err, &wrongType) {
		return Event{}, fmt.Errorf("next: read event: %w", err)
	}
	return Event{
		Type:        w.EventType,
		Deadline:    fromMillis(w.DeadlineMs),
		RequestID:   w.RequestID,
		FunctionARN: w.InvokedFunctionARN,
		TraceHeader: w.Tracing.Value,
		Reason:      strings.ToLower(w.ShutdownReason),
	}, nil
}
