package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/test/harness"
)

type event struct {
	id, text string
	limit    time.Duration // 0: a minute
	trace    string        // header; "": none
}

func (e event) within() time.Duration {
	if e.limit > 0 {
		return e.limit
	}
	return time.Minute
}

// lambda is the Runtime API that the proxy stands before: it hands out events
// and keeps what it is answered.
type lambda struct {
	mu      sync.Mutex
	events  []event  // the first is handed out until it is answered
	answers []string // how it was answered: response or error, and the body
}

func (l *lambda) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !l.serve(w, r) {
		<-r.Context().Done() // there is no event
	}
}

func (l *lambda) serve(w http.ResponseWriter, r *http.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	step := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	body, _ := io.ReadAll(r.Body)
	if r.Method == http.MethodPost {
		l.answers = append(l.answers, step+" "+string(body))
		l.events = l.events[1:]
		w.WriteHeader(http.StatusAccepted)
		return true
	}
	if strings.HasSuffix(r.URL.Path, "/restore/next") {
		return true
	}
	if len(l.events) == 0 {
		return false
	}
	w.Header().Set("Lambda-Runtime-Aws-Request-Id", l.events[0].id)
	w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(l.events[0].within()).UnixMilli()))
	if trace := l.events[0].trace; trace != "" {
		w.Header().Set("Lambda-Runtime-Trace-Id", trace)
	}
	w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
	_, _ = io.WriteString(w, l.events[0].text)
	return true
}

// proxied is an extension whose proxy stands between a function and lambda.
type proxied struct {
	*platform
	lambda   *lambda
	function // speaks to the proxy
	env      []string
}

// viaProxy has the function call while the extension asks for its n-th event.
// The wrapper has asked before, with task as the function's directory.
func viaProxy(t *testing.T, task string, calls ...func(*proxied)) *proxied {
	p := &proxied{platform: newPlatform(t), lambda: &lambda{}, function: function{t, harness.FreePort(t)}}
	p.platform.runtime = p.lambda
	p.env = []string{"POWERTOOLS_RUNTIME_PROXY=on", "POWERTOOLS_RUNTIME_PROXY_PORT=" + p.function.port}
	each := []func(){func() {
		hello, _ := json.Marshal(map[string]any{"upstream": strings.TrimPrefix(p.srv.URL, "http://"), "task_root": task})
		r := p.function.send(http.MethodPost, "/powertools/v1/runtime", string(hello))
		if r.status != 200 || r.object(t)["proxy"] != true {
			t.Errorf("the wrapper is answered %d %s", r.status, r.body)
		}
	}}
	for _, call := range calls {
		each = append(each, func() { call(p) })
	}
	p.onNext = onNth(each...)
	return p
}

// comes has events wait for the function.
func (l *lambda) comes(events ...event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, events...)
}

func (l *lambda) answered() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.answers)
}

// takes is the event that the runtime gets, with its id.
func (p *proxied) takes() event {
	r := p.function.get("/2018-06-01/runtime/invocation/next")
	return event{id: r.header.Get("Lambda-Runtime-Aws-Request-Id"), text: r.body}
}

func (p *proxied) answer(id, step, body string) {
	if r := p.function.send(http.MethodPost, "/2018-06-01/runtime/invocation/"+id+"/"+step, body); r.status != http.StatusAccepted {
		p.function.t.Errorf("the runtime is answered %d %s", r.status, r.body)
	}
}

// runs is one invocation of the function: it gets the event and answers.
func runs(e event, step, answer string, got *string) func(*proxied) {
	return func(p *proxied) {
		p.lambda.comes(e)
		*got = p.takes().text
		p.answer(e.id, step, answer)
	}
}

// What passes the proxy stands in the invocation's event: where it came from,
// how much of it, and how the function answered. Bytes go through untouched.
func TestWhatPassesTheProxy(t *testing.T) {
	const (
		queue  = `{"Records":[{"messageId":"a","eventSource":"aws:sqs","body":"1"},{"messageId":"b","eventSource":"aws:sqs","body":"2"}]}`
		rest   = `{"resource":"/","path":"/","httpMethod":"GET","headers":{},"requestContext":{"stage":"prod","httpMethod":"GET"}}`
		thrown = `{"errorMessage":"no","errorType":"TypeError","stackTrace":[]}`
	)
	large := `{"x":"` + strings.Repeat("x", 100<<10) + `"}` // its mark could stand behind what was seen of it
	ids := []string{oldID, newID, "8a2e4d5f-0003-4000-8000-000000000003", "8a2e4d5f-0004-4000-8000-000000000004"}
	got := make([]string, 4)
	p := viaProxy(t, "/var/task",
		runs(event{id: ids[0], text: queue}, "response", `{"batchItemFailures":[]}`, &got[0]),
		runs(event{id: ids[1], text: rest}, "response", `{"statusCode":503,"body":""}`, &got[1]),
		runs(event{id: ids[2], text: `{"x":1}`}, "error", thrown, &got[2]),
		runs(event{id: ids[3], text: large}, "response", `1`, &got[3]))
	p.next = []answer{call(ids[0]), call(ids[1]), call(ids[2]), call(ids[3]), bye()}
	out := p.live(p.env...)
	if out.err != nil {
		t.Fatal(out.err)
	}
	if d := cmp.Diff([]string{queue, rest, `{"x":1}`, large}, got); d != "" {
		t.Errorf("the function got (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{`response {"batchItemFailures":[]}`, `response {"statusCode":503,"body":""}`, "error " + thrown, "response 1"}, p.lambda.answered()); d != "" {
		t.Errorf("Lambda got (-want +got):\n%s", d)
	}
	events := out.events(t)
	for i, want := range []map[string]any{
		{"event_source": "sqs", "records": 2.0, "request_bytes": float64(len(queue)), "outcome": "success", "proxy": true},
		{"event_source": "api_gateway_v1", "records": nil, "http_status": 503.0, "proxy": true},
		{"outcome": "error", "outcome_from": "proxy", "error_type": "TypeError", "http_status": nil, "response_bytes": float64(len(thrown)), "event_source": "unknown"},
		{"event_source": nil, "records": nil, "request_bytes": nil, "outcome": "success"},
	} {
		for name, value := range want {
			if got := events[ids[i]][name]; !cmp.Equal(got, value) {
				t.Errorf("invocation %d: %s is %v, want %v", i+1, name, got, value)
			}
		}
	}
}

// Shortly before its time-out an invocation is said to be late, once, with its
// id; one that has its time is not.
func TestLateIsSaidBeforeATimeout(t *testing.T) {
	p := viaProxy(t, "/var/task", func(p *proxied) {
		p.lambda.comes(event{id: oldID, text: "{}", limit: 700 * time.Millisecond})
		p.takes()
		time.Sleep(700 * time.Millisecond) // the function works
		p.answer(oldID, "response", "1")
	}, func(p *proxied) {
		p.lambda.comes(event{id: newID, text: "{}"})
		p.takes()
		p.answer(newID, "response", "1")
	})
	p.next = []answer{call(oldID), call(newID), bye()}
	out := p.live(p.env...)
	if out.err != nil {
		t.Fatal(out.err)
	}
	var late []any
	for _, entry := range out.logs.FilterMessage("about to time out").All() {
		late = append(late, entry.ContextMap()["function_request_id"])
	}
	if d := cmp.Diff([]any{oldID}, late); d != "" {
		t.Errorf("said of (-want +got):\n%s", d)
	}
}

// A runtime that comes back from a snapshot is the moment to forget what lies
// in it, before its hooks read anything.
func TestRestoreThroughTheProxy(t *testing.T) {
	c := newCloud(t, map[string]string{"/a": "1"})
	local := function{t, harness.FreePort(t)}
	p := newPlatform(t)
	l := &lambda{}
	p.runtime = l
	runtime := function{t, harness.FreePort(t)}
	p.onNext = onNth(func() {
		runtime.send(http.MethodPost, "/powertools/v1/runtime", `{"upstream":"`+strings.TrimPrefix(p.srv.URL, "http://")+`"}`)
		local.get("/parameters/ssm/%2Fa")
		runtime.get("/2018-06-01/runtime/restore/next") // returns with the restore
		for range 2 {
			local.get("/parameters/ssm/%2Fa")
		}
		if n := c.calls("/a"); n != 2 {
			t.Errorf("%d calls, want one before and one after the restore", n)
		}
	})
	out := p.live(c.env("POWERTOOLS_RUNTIME_PROXY=on", "POWERTOOLS_RUNTIME_PROXY_PORT="+runtime.port,
		"POWERTOOLS_EXTENSION_HTTP_PORT="+local.port, "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start")...)
	if out.err != nil {
		t.Fatal(out.err)
	}
}

// A schema below the task root that the wrapper names, with one that it refers
// to, keeps the function from an event that does not fit; a fitting one comes
// through as it is.
func TestSchemaOfTheTaskRoot(t *testing.T) {
	task := t.TempDir()
	write(t, filepath.Join(task, "schemas", "order.json"), `{"type":"object","required":["id"],"properties":{"id":{"$ref":"id.json"}},"wat":1}`)
	write(t, filepath.Join(task, "schemas", "id.json"), `{"type":"integer"}`)
	got := make([]string, 2)
	p := viaProxy(t, task,
		runs(event{id: oldID, text: `{"id": 7}`}, "response", `1`, &got[0]),
		func(p *proxied) {
			p.lambda.comes(event{id: newID, text: `{"id":"seven, a secret"}`}, event{id: "8a2e4d5f-0003-4000-8000-000000000003", text: `{"id":8}`})
			got[1] = p.takes().text // the one that fits
		})
	p.next = []answer{call(oldID), call(newID), bye()}
	out := p.live(append(p.env, "POWERTOOLS_VALIDATION_EVENT_SCHEMA=schemas/order.json")...)
	if out.err != nil {
		t.Fatal(out.err)
	}
	if d := cmp.Diff([]string{`{"id": 7}`, `{"id":8}`}, got); d != "" {
		t.Errorf("the function got (-want +got):\n%s", d)
	}
	answers := p.lambda.answered()
	if len(answers) != 2 || !strings.HasPrefix(answers[1], "error ") || !strings.Contains(answers[1], "SchemaValidationError") || strings.Contains(answers[1], "secret") {
		t.Errorf("Lambda got %q", answers)
	}
	if e := out.events(t)[newID]; e["answered_by"] != "validate" || e["outcome"] != "error" {
		t.Errorf("event: %v", e)
	}
	unknown := 0
	for _, entry := range out.logs.All() {
		if strings.Contains(entry.Message, "a keyword that no dialect knows") {
			unknown++
		}
	}
	if unknown != 1 {
		t.Errorf("the unknown keyword was said %d times", unknown)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
