// Command probe tells what it sees inside a sandbox, as JSON lines with the member
// verify. As a function (bootstrap) it looks at the sandbox and ends as its event
// says; in extensions/ it is an extension that repeats the telemetry it gets.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() {
	if filepath.Base(filepath.Dir(os.Args[0])) == "extensions" || os.Getenv("_HANDLER") == "" {
		say("extension_failed", map[string]any{"error": extension(filepath.Base(os.Args[0])).Error()})
		select {} // an extension that exits takes the function with it
	}
	lambda.Start(handle)
}

// say prints one observation.
func say(kind string, facts map[string]any) {
	facts["verify"] = kind
	line, err := json.Marshal(facts)
	if err != nil {
		return
	}
	fmt.Println(string(line))
}

// event is what the function is told to do.
type event struct {
	Name  string // printed in a line, so that it can be found again
	Fail  bool   // with a handler error
	Hosts []string
	Get   string // path at the local port of AWS's Parameters and Secrets extension
}

func handle(ctx context.Context, e event) (string, error) {
	id := ""
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		id = lc.AwsRequestID
	}
	say("line", map[string]any{"name": e.Name, "request_id": id})
	for _, host := range e.Hosts {
		addresses, err := net.DefaultResolver.LookupHost(ctx, host)
		say("host", map[string]any{"host": host, "addresses": addresses, "found": err == nil})
	}
	if e.Get != "" {
		status, body := get(ctx, e.Get)
		say("get", map[string]any{"path": e.Get, "status": status, "body": body})
	}
	if e.Fail {
		return "", errors.New("the probe fails as it was told to")
	}
	return "ok", nil
}

func get(ctx context.Context, path string) (status int, body string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost:2773"+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", os.Getenv("AWS_SESSION_TOKEN"))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "no answer"
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 2048))
	if err != nil {
		return res.StatusCode, "broken off"
	}
	return res.StatusCode, string(text)
}

// extension registers, subscribes, and repeats what it hears until it is shut down;
// it returns only what keeps it from that.
func extension(name string) error {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")
	listener, err := net.Listen("tcp", ":0") //nolint:gosec // the platform's address is not known before
	if err != nil {
		return err
	}
	var heard telemetry
	go func() {
		_ = http.Serve(listener, &heard) //nolint:gosec // ends with the process
	}()
	events := []string{"INVOKE", "SHUTDOWN"}
	if os.Getenv("AWS_LAMBDA_INITIALIZATION_TYPE") == "lambda-managed-instances" {
		events = []string{"SHUTDOWN"} // there is no INVOKE there
	}
	id, _, err := call(api+"/2020-01-01/extension/register", http.MethodPost, map[string]string{"Lambda-Extension-Name": name}, map[string]any{"events": events})
	if err != nil {
		return err
	}
	headers := map[string]string{"Lambda-Extension-Identifier": id}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	if _, _, err := call(api+"/2022-07-01/telemetry", http.MethodPut, headers, map[string]any{
		"schemaVersion": "2025-01-29", "types": []string{"platform", "function"},
		"destination": map[string]any{"protocol": "HTTP", "URI": "http://sandbox.localdomain:" + port},
		"buffering":   map[string]any{"timeoutMs": 25, "maxBytes": 262144, "maxItems": 1000},
	}); err != nil {
		return err
	}
	for first := true; ; {
		_, next, err := call(api+"/2020-01-01/extension/event/next", http.MethodGet, headers, nil)
		if err != nil {
			return err
		}
		if next.EventType == "SHUTDOWN" {
			time.Sleep(time.Second) // what is on its way may still come
			say("shutdown", map[string]any{"reason": next.ShutdownReason, "reports": heard.all()})
			os.Exit(0)
		}
		if first {
			first = false
			segment(next.Tracing.Value)
		}
	}
}

// telemetry is the receiver of the stream.
type telemetry struct {
	mu      sync.Mutex
	seen    int
	reports []string // request ids
}

func (t *telemetry) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string{}, t.reports...)
}

// ServeHTTP repeats each event of a batch, in the order of arrival.
func (t *telemetry) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var batch []struct {
		Type   string
		Record json.RawMessage
	}
	if json.NewDecoder(r.Body).Decode(&batch) != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range batch {
		t.seen++
		facts := map[string]any{"seq": t.seen, "type": e.Type}
		var record struct {
			RequestID string
			Status    string
			Metrics   struct{ ProducedBytes *int }
		}
		if e.Type == "function" {
			text := string(e.Record)
			if _ = json.Unmarshal(e.Record, &text); !strings.Contains(text, `"verify"`) {
				continue
			}
			facts["line"] = text
		} else if json.Unmarshal(e.Record, &record) == nil {
			facts["request_id"], facts["status"], facts["produced_bytes"] = record.RequestID, record.Status, record.Metrics.ProducedBytes
		}
		if e.Type == "platform.report" {
			t.reports = append(t.reports, record.RequestID)
		}
		say("telemetry", facts)
	}
}

// segment sends one subsegment to the daemon of the sandbox.
func segment(header string) {
	fields := map[string]string{}
	for part := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(part, "=")
		fields[name] = value
	}
	address := os.Getenv("AWS_XRAY_DAEMON_ADDRESS")
	if address == "" || fields["Root"] == "" {
		return
	}
	conn, err := net.Dial("udp", address)
	if err != nil {
		return
	}
	defer conn.Close()
	now := float64(time.Now().UnixMicro()) / 1e6
	document, err := json.Marshal(map[string]any{"type": "subsegment", "id": fmt.Sprintf("%016x", time.Now().UnixNano()), "trace_id": fields["Root"],
		"parent_id": fields["Parent"], "name": "verify-probe", "start_time": now, "end_time": now})
	if err != nil {
		return
	}
	if _, err := conn.Write(append([]byte("{\"format\":\"json\",\"version\":1}\n"), document...)); err == nil {
		say("xray_sent", map[string]any{"trace_id": fields["Root"], "sampled": fields["Sampled"]})
	}
}

// next is an event of the Extensions API.
type next struct {
	EventType      string
	ShutdownReason string
	Tracing        struct{ Value string }
}

func call(url, method string, headers map[string]string, body any) (id string, answer next, err error) {
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return "", next{}, err
		}
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(text))
	if err != nil {
		return "", next{}, err
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", next{}, err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return "", next{}, fmt.Errorf("%s: %s", url, res.Status)
	}
	if method == http.MethodGet {
		err = json.NewDecoder(res.Body).Decode(&answer)
	}
	return res.Header.Get("Lambda-Extension-Identifier"), answer, err
}
