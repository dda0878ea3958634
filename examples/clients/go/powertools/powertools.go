// Package powertools is a thin client of the Powertools extension: copy this
// file, it needs nothing else.
//
// Outside Lambda, in unit tests, there is no extension: Parameter and Secret read
// POWERTOOLS_FALLBACK_<NAME> (upper case, _ for what is no letter or digit), Flag
// gives its default, Metric does nothing, Idempotent calls the function.
package powertools

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Error is what the extension answered: Word is its word for it, Status the
// HTTP status.
type Error struct {
	Status int
	Word   string `json:"error"`
	Detail string `json:"detail"`
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%d): %s", e.Word, e.Status, e.Detail) }

// A proxy in the environment is not for the sandbox's own port.
var client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{Proxy: nil}}

func absent() bool { return os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" }

func call(ctx context.Context, method, path string, body any) (int, []byte, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	address := "http://127.0.0.1:" + cmp.Or(os.Getenv("POWERTOOLS_EXTENSION_HTTP_PORT"), "2773") + path
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	// Under SnapStart the token is in the second variable. It is read for each
	// call, because a restored sandbox has another one.
	req.Header.Set("X-Aws-Parameters-Secrets-Token", cmp.Or(os.Getenv("AWS_SESSION_TOKEN"), os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")))
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		problem := &Error{Status: res.StatusCode, Word: "failed"}
		_ = json.Unmarshal(answer, problem) // what is not ours stays "failed"
		err = problem
	}
	return res.StatusCode, answer, err
}

func fallback(name string) (string, error) {
	variable := "POWERTOOLS_FALLBACK_" + strings.ToUpper(strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, strings.Trim(name, "/")))
	if value, ok := os.LookupEnv(variable); ok {
		return value, nil
	}
	return "", &Error{Word: "absent", Detail: "no extension outside Lambda: set " + variable}
}

func read(ctx context.Context, store, name string, options url.Values) (string, error) {
	if absent() {
		return fallback(name)
	}
	query := url.Values{"format": {"text"}}
	for key, values := range options {
		query[key] = values
	}
	path := (&url.URL{Path: "/parameters/" + store + "/" + strings.TrimLeft(name, "/")}).EscapedPath()
	_, text, err := call(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
	return string(text), err
}

// Parameter is an SSM parameter's value as text. Options are those of the route:
// max_age, key and so on; nil is none.
func Parameter(ctx context.Context, name string, options url.Values) (string, error) {
	return read(ctx, "ssm", name, options)
}

// Secret is a secret's value as text; the option key=password is one member of
// its JSON.
func Secret(ctx context.Context, name string, options url.Values) (string, error) {
	return read(ctx, "secrets", name, options)
}

// Flag is a feature's value for the context, or the default where there is none.
func Flag[T any](ctx context.Context, name string, attributes map[string]any, otherwise T) (T, error) {
	if absent() {
		return otherwise, nil
	}
	answer := struct{ Value T }{otherwise}
	_, text, err := call(ctx, http.MethodPost, "/flags/"+url.PathEscape(name), map[string]any{"context": attributes, "default": otherwise})
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	return answer.Value, err
}

// Metric counts something, in the function's namespace.
func Metric(ctx context.Context, name string, value float64, unit string) error {
	if absent() {
		return nil
	}
	_, _, err := call(ctx, http.MethodPost, "/metrics", map[string]any{"metrics": []any{map[string]any{"name": name, "unit": unit, "value": value}}})
	return err
}

// Idempotent calls the function once for a key; a repeat gets the stored answer.
func Idempotent[T any](ctx context.Context, key string, run func() (T, error)) (T, error) {
	if absent() {
		return run()
	}
	var state struct {
		ID   string
		Data T
	}
	status, text, err := call(ctx, http.MethodPost, "/idempotency/begin", map[string]string{"key": key})
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil || status == http.StatusOK {
		return state.Data, err
	}
	result, err := run()
	if err != nil {
		_, _, _ = call(ctx, http.MethodPost, "/idempotency/fail?id="+state.ID, nil) // the function's own error matters more
		return result, err
	}
	_, _, err = call(ctx, http.MethodPost, "/idempotency/complete?id="+state.ID, result)
	return result, err
}
