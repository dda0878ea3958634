// Command go is an example function: it reads a parameter and counts an order,
// both over the local API of the extension and with nothing but the standard
// library beside the runtime client. Copy it as a beginning of your own.
//
// To see it run on your machine, without AWS, with an extension beside it:
//
//	make build
//	bin/lambdaemu --extension bin/powertools-extension --params examples/params.yaml \
//	  --env POWERTOOLS_EXTENSION_HTTP_PORT={port} --invoke '{"max_age": 1}' --count 3 -- bin/example
//
// To deploy it, with the layer, the parameter and the permission to read it:
//
//	make layer && sam build && sam deploy --guided
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// event is what the function is invoked with. All of it may be missing.
type event struct {
	Parameter string `json:"parameter"` // default: PARAMETER_NAME, else /demo/greeting
	MaxAge    *int   `json:"max_age"`   // seconds the extension may answer from its cache; default: its setting
	Fail      bool   `json:"fail"`      // return an error, to see what becomes of it
	Panic     bool   `json:"panic"`     // crash
	SleepMS   int    `json:"sleep_ms"`  // be slow, perhaps beyond the time-out
}

type answer struct {
	Greeting string  `json:"greeting"`
	Cache    string  `json:"cache"` // hit, miss, stale, …: the extension's word
	TookMS   float64 `json:"took_ms"`
}

// function holds what outlives an invocation.
type function struct {
	api    string // base address of the extension's local API
	token  string // proves to the extension that the caller is this function
	client *http.Client
	log    *slog.Logger
}

func main() {
	lambda.Start(newFunction().handle)
}

func newFunction() *function {
	port := cmp.Or(os.Getenv("POWERTOOLS_EXTENSION_HTTP_PORT"), os.Getenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"), "2773")
	return &function{
		api:   "http://127.0.0.1:" + port,
		token: cmp.Or(os.Getenv("AWS_SESSION_TOKEN"), os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")), // the latter under SnapStart
		// A transport of its own, because the default one would send even this
		// through a proxy named in the environment.
		client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}},
		// The extension takes level and message from a JSON line and adds what
		// is missing: timestamp, service, function_name, function_request_id, …
		log: slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: renameKeys})),
	}
}

func renameKeys(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.MessageKey:
		a.Key = "message"
	case slog.TimeKey:
		return slog.Attr{}
	}
	return a
}

func (f *function) handle(ctx context.Context, e event) (answer, error) {
	name := cmp.Or(e.Parameter, os.Getenv("PARAMETER_NAME"), "/demo/greeting")
	begin := time.Now()
	value, cache, err := f.parameter(ctx, name, e.MaxAge)
	took := float64(time.Since(begin).Microseconds()) / 1000
	if err != nil {
		return answer{}, err
	}

	// One structured line and one plain one; the extension enriches both.
	f.log.Info("parameter read", "parameter", name, "cache", cache, "took_ms", took)
	fmt.Printf("order placed, the greeting has %d characters\n", len(value))

	// A metric is never worth a failed order.
	if err := f.count(ctx, "OrdersPlaced"); err != nil {
		f.log.Warn("metric not recorded", "error", err.Error())
	}

	time.Sleep(time.Duration(e.SleepMS) * time.Millisecond)
	switch {
	case e.Panic:
		panic("the event asked for a panic")
	case e.Fail:
		return answer{}, errors.New("the event asked for a failure")
	}
	return answer{Greeting: value, Cache: cache, TookMS: took}, nil
}

// parameter reads one parameter of SSM Parameter Store from the extension's
// cache, and how it was answered.
func (f *function) parameter(ctx context.Context, name string, maxAge *int) (value, cache string, err error) {
	path := "/parameters/ssm/" + url.PathEscape(name)
	if maxAge != nil {
		path += "?max_age=" + strconv.Itoa(*maxAge)
	}
	body, header, err := f.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return "", "", fmt.Errorf("read parameter %s: %w", name, err)
	}
	return string(body), header.Get("X-Powertools-Cache"), nil
}

// count adds one to a metric. The extension prints it for CloudWatch after the
// invocation.
func (f *function) count(ctx context.Context, metric string) error {
	body, err := json.Marshal(map[string]any{
		"metrics": []any{map[string]any{"name": metric, "unit": "Count", "value": 1}},
	})
	if err != nil {
		return err
	}
	_, _, err = f.call(ctx, http.MethodPost, "/metrics", bytes.NewReader(body))
	return err
}

func (f *function) call(ctx context.Context, method, path string, body io.Reader) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, f.api+path, body)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", f.token)
	req.Header.Set("Accept", "text/plain") // the bare value; an error stays JSON
	res, err := f.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, nil, err
	}
	if res.StatusCode/100 != 2 {
		return nil, nil, fmt.Errorf("%s: %s", res.Status, text) // says what would help, never a value
	}
	return text, res.Header, nil
}
