package extapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Versions of the telemetry schema. Managed instances accept the newest only;
// a platform that does not know it answers 400 (Lambda Telemetry API reference).
const (
	SchemaNewest   = "2025-01-29"
	SchemaFallback = "2022-12-13"
)

// Streams a subscription can name. Whoever asks for TypeExtension receives
// what every extension prints, itself included: printing a line for each one
// received never ends.
const (
	TypePlatform  = "platform"
	TypeFunction  = "function"
	TypeExtension = "extension"
)

// Subscription is what to send where (Lambda Telemetry API reference).
type Subscription struct {
	SchemaVersion string
	Types         []string // at least one of TypePlatform, TypeFunction, TypeExtension
	Buffering     Buffering
	// URI must have the host sandbox.localdomain, and somebody must be
	// listening there already.
	URI string
}

// Buffering says when the platform closes a batch: at the first limit reached.
// Zero leaves a limit to the platform's default. Values out of range are
// answered with 400.
type Buffering struct {
	MaxItems int           // 1,000 to 10,000 events; the documentation disagrees about the default
	MaxBytes int           // 262,144 to 1,048,576; default 262,144
	Timeout  time.Duration // 25 ms to 30 s, sent in whole milliseconds; default 1 s
}

type wireSubscription struct {
	SchemaVersion string        `json:"schemaVersion"`
	Types         []string      `json:"types"`
	Buffering     wireBuffering `json:"buffering,omitzero"`
	Destination   wireTarget    `json:"destination"`
}

type wireBuffering struct {
	MaxItems  int   `json:"maxItems,omitempty"`
	MaxBytes  int   `json:"maxBytes,omitempty"`
	TimeoutMs int64 `json:"timeoutMs,omitempty"`
}

type wireTarget struct {
	Protocol string `json:"protocol"`
	URI      string `json:"URI"`
}

// Subscribe asks for the telemetry stream. It is legal after Register and
// before the first Next, once. Status 200 is the only success; everything else
// is an *APIError whose Status the caller judges. 202 is among them: it is how
// a local sandbox says that it has no telemetry.
func (c *Client) Subscribe(ctx context.Context, s Subscription) error {
	const operation = "subscribe"
	id, err := c.identified(operation)
	if err != nil {
		return err
	}
	body, err := json.Marshal(wireSubscription{
		SchemaVersion: s.SchemaVersion,
		Types:         s.Types,
		Buffering:     wireBuffering{s.Buffering.MaxItems, s.Buffering.MaxBytes, s.Buffering.Timeout.Milliseconds()},
		Destination:   wireTarget{"HTTP", s.URI},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	res, answer, err := c.do(ctx, call{
		operation: operation,
		method:    http.MethodPut,
		// The path is the same for all versions of the schema.
		path:   "/2022-07-01/telemetry",
		header: [][2]string{id, {"Content-Type", "application/json"}},
		body:   bytes.NewReader(body),
	})
	if res == nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return apiError(operation, res.StatusCode, answer)
	}
	return nil
}
