// Command bare is the yardstick: the smallest honest Go extension. It binds
// two listeners, registers, subscribes and calls next, with net/http and
// encoding/json only, and answers every GET with the same bytes.
//
// The rule a reader could break: it does no more and no less than that. Every
// figure of the benchmarks is a ratio to it.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

const value = `{"name":"/bench/p","value":"a value of some forty characters, no more","version":"1","source":"ssm"}`

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")

	local, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("POWERTOOLS_EXTENSION_HTTP_PORT"))
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		log.Fatal(http.Serve(local, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, value)
		})))
	}()
	stream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		log.Fatal(http.Serve(stream, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		})))
	}()

	id := call(http.MethodPost, api+"/2020-01-01/extension/register", map[string]string{
		"Lambda-Extension-Name": filepath.Base(os.Args[0]),
	}, map[string]any{"events": []string{"INVOKE", "SHUTDOWN"}}, nil)
	call(http.MethodPut, api+"/2022-07-01/telemetry", map[string]string{
		"Lambda-Extension-Identifier": id,
	}, map[string]any{
		"schemaVersion": "2025-01-29",
		"types":         []string{"platform", "function"},
		"destination": map[string]string{
			"protocol": "HTTP",
			"URI":      fmt.Sprintf("http://sandbox.localdomain:%d/", stream.Addr().(*net.TCPAddr).Port),
		},
	}, nil)
	for {
		var event struct{ EventType string }
		call(http.MethodGet, api+"/2020-01-01/extension/event/next", map[string]string{
			"Lambda-Extension-Identifier": id,
		}, nil, &event)
		if event.EventType == "SHUTDOWN" {
			return
		}
	}
}

// call sends one request and returns the identifier header of the answer.
func call(method, url string, header map[string]string, in, out any) string {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			log.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		log.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body) // whole, or the next call opens a connection of its own
	if err != nil {
		log.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			log.Fatal(err)
		}
	}
	return res.Header.Get("Lambda-Extension-Identifier")
}
