package extapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// InitError reports that the extension cannot start. It is legal after
// Register and before the first Next. The platform acts on it when the process
// exits: one that reports and lives on holds init until its limit (Lambda
// Extensions API reference).
//
// errorType has the form Extension.Reason. It travels in a header: whatever is
// not printable ASCII is taken out of it.
func (c *Client) InitError(ctx context.Context, errorType, message string) error {
	return c.report(ctx, "init/error", errorType, message)
}

// ExitError reports that the extension is about to exit because of an error.
// It is legal at any time after Register. See InitError for errorType and for
// when it takes effect.
func (c *Client) ExitError(ctx context.Context, errorType, message string) error {
	return c.report(ctx, "exit/error", errorType, message)
}

func (c *Client) report(ctx context.Context, operation, errorType, message string) error {
	id, err := c.identified(operation)
	if err != nil {
		return err
	}
	errorType = headerWord(errorType)
	body, err := json.Marshal(struct {
		ErrorMessage string   `json:"errorMessage"`
		ErrorType    string   `json:"errorType"`
		StackTrace   []string `json:"stackTrace"`
	}{message, errorType, []string{}})
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	res, answer, err := c.do(ctx, call{
		operation: operation,
		method:    http.MethodPost,
		path:      "/2020-01-01/extension/" + operation,
		header: [][2]string{
			id,
			{"Content-Type", "application/json"},
			{"Lambda-Extension-Function-Error-Type", errorType},
		},
		body: bytes.NewReader(body),
	})
	if res == nil {
		return err
	}
	if res.StatusCode != http.StatusAccepted && res.StatusCode != http.StatusOK {
		return apiError(operation, res.StatusCode, answer)
	}
	return nil
}

// headerWord makes text fit for a header: printable ASCII in one line. Go's
// client refuses to send anything else, and the report would be lost.
func headerWord(text string) string {
	word := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	if len(word) > 256 {
		word = word[:256]
	}
	if word = strings.TrimSpace(word); word == "" {
		return "Extension.Unknown"
	}
	return word
}
