package extapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Registration is what the platform tells about the function. A field the
// answer lacks is empty; AWS_LAMBDA_FUNCTION_NAME and _VERSION say the same.
type Registration struct {
	AccountID       string `json:"accountId"` // 12 digits
	FunctionName    string `json:"functionName"`
	FunctionVersion string `json:"functionVersion"` // $LATEST or a number
	Handler         string `json:"handler"`         // may be empty for container images
}

// Register announces the extension and subscribes it to events. The name must
// be the base name of the executable in /opt/extensions: under any other name
// the platform takes the caller for part of the runtime, and waits for the
// real one until init times out. It is legal once in the life of a process.
//
// The identifier of the answer stays inside the client. An answer with status
// 200 and an identifier is a success even if its body cannot be read, because
// the platform counts the extension as registered and refuses a second call.
func (c *Client) Register(ctx context.Context, name string, events []EventType) (Registration, error) {
	const operation = "register"
	if events == nil {
		events = []EventType{}
	}
	body, err := json.Marshal(struct {
		Events []EventType `json:"events"`
	}{events})
	if err != nil {
		return Registration{}, fmt.Errorf("%s: %w", operation, err)
	}
	res, answer, err := c.do(ctx, call{
		operation: operation,
		method:    http.MethodPost,
		path:      "/2020-01-01/extension/register",
		header: [][2]string{
			{"Content-Type", "application/json"},
			{"Lambda-Extension-Name", name},
			{"Lambda-Extension-Accept-Feature", "accountId"},
		},
		body: bytes.NewReader(body),
	})
	if res == nil {
		return Registration{}, err
	}
	if res.StatusCode != http.StatusOK {
		return Registration{}, apiError(operation, res.StatusCode, answer)
	}
	id := res.Header.Get("Lambda-Extension-Identifier")
	if id == "" {
		return Registration{}, errors.New("register: answer without an identifier")
	}
	c.setIdentifier(id)
	var reg Registration
	// Fields of a wrong type or a torn body leave their fields empty.
	_ = json.Unmarshal(answer, &reg)
	return reg, nil
}
