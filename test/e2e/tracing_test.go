package e2e

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"powertools-extension/internal/tracing"
	"powertools-extension/lambdaemu"
	"powertools-extension/lambdaemu/transcript"
	"powertools-extension/test/harness"
)

const traceRoot = "1-6352a70e-1e2c502e358361800241fd45"

// traced is a sandbox whose X-Ray daemon is the emulator's, and what crossed
// its wires.
type traced struct {
	*sandbox
	t *testing.T

	foreign bool // the documents are another's: whether they are valid is not our business

	mu       sync.Mutex
	segments []string // trace headers as the runtime's side of Lambda sent them
}

func startTraced(t *testing.T, opt lambdaemu.Options, env ...string) *traced {
	t.Helper()
	w := &traced{t: t}
	merged := map[string]string{"POWERTOOLS_TRACE_DESTINATION": "xray", "AWS_XRAY_DAEMON_ADDRESS": lambdaemu.XRayPlaceholder}
	maps.Copy(merged, opt.Env)
	for i := 0; i+1 < len(env); i += 2 {
		merged[env[i]] = env[i+1]
	}
	opt.Env = merged
	opt.OnWire = func(m lambdaemu.Message) {
		if header := m.Header.Get("Lambda-Runtime-Trace-Id"); m.Response && header != "" {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.segments = append(w.segments, header)
		}
	}
	w.sandbox = start(t, opt)
	return w
}

func (w *traced) invoke(payload, header string) lambdaemu.Response {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	res, err := w.Emu.Invoke(ctx, lambdaemu.Request{Payload: []byte(payload), TraceHeader: header})
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

// parent is the id of Lambda's own segment of the n-th invocation.
func (w *traced) parent(n int) string {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if n >= len(w.segments) {
		w.t.Fatalf("%d trace headers, none for invocation %d", len(w.segments), n+1)
	}
	_, rest, _ := strings.Cut(w.segments[n], "Parent=")
	id, _, _ := strings.Cut(rest, ";")
	return id
}

// documents are what reached the daemon. Each is valid by X-Ray's own page.
func (w *traced) documents() []map[string]any {
	w.t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../internal/tracing/testdata/xray_subsegment.schema.json")
	if err != nil {
		w.t.Fatal(err)
	}
	var list []map[string]any
	for _, e := range w.Emu.Transcript() {
		if e.What != transcript.XRay {
			continue
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(e.Detail))
		if err != nil {
			w.t.Fatalf("%v: %s", err, e.Detail)
		}
		if err := schema.Validate(value); err != nil && !w.foreign {
			w.t.Errorf("%v\n%s", err, e.Detail)
		}
		var d map[string]any
		if err := json.Unmarshal([]byte(e.Detail), &d); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, d)
	}
	return list
}

// handlers are the documents of invocations, their parts left out, in the order in
// which the invocations began: datagrams leave in any.
func (w *traced) handlers() (list []map[string]any) {
	for _, d := range w.documents() {
		if name, _ := d["name"].(string); strings.HasPrefix(name, "## ") {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b map[string]any) int {
		x, _ := a["start_time"].(float64)
		y, _ := b["start_time"].(float64)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return list
}

// TestSubsegments: what X-Ray gets of runtimes that have little in common,
// through the proxy: a cold start, a warm one and an error.
func TestSubsegments(t *testing.T) {
	for _, name := range []string{"python", "bash", "rust"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := languages()[name]
			opt := l.options(t)
			opt.Timeout, opt.Env = 20*time.Second, map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}
			w := startTraced(t, wrapped(t, opt))
			w.invoke(`{}`, "Root="+traceRoot+";Parent=00f067aa0ba902b7;Sampled=1;Lineage=a:1")
			w.invoke(`{}`, "")
			if res := w.invoke(`{"fail":true}`, ""); res.FunctionError == "" {
				t.Fatalf("no error: %s", res.Payload)
			}
			w.Shutdown()
			got := w.handlers()
			if len(got) != 3 {
				t.Fatalf("%d documents: %v", len(got), got)
			}
			for i, d := range got {
				if d["name"] != "## "+opt.Handler || d["parent_id"] != w.parent(i) {
					t.Errorf("%d: %v below %v, Lambda's segment is %s", i, d["name"], d["parent_id"], w.parent(i))
				}
				annotations := d["annotations"].(map[string]any)
				if annotations["ColdStart"] != (i == 0) || annotations["Service"] != "orders" || (d["fault"] == true) != (i == 2) {
					t.Errorf("%d: %v", i, d)
				}
				if start, end := d["start_time"].(float64), d["end_time"].(float64); end < start || end > start+20 {
					t.Errorf("%d: from %v to %v", i, start, end)
				}
				if _, ok := d["metadata"]; ok {
					t.Errorf("%d: a response that nobody asked for: %v", i, d)
				}
			}
			if got[0]["trace_id"] != traceRoot {
				t.Errorf("trace %v", got[0]["trace_id"])
			}
			e := got[2]["cause"].(map[string]any)["exceptions"].([]any)[0].(map[string]any)
			if !strings.Contains(e["message"].(string), "asked for a failure") || e["type"] == "" {
				t.Errorf("exception %v", e)
			}
			init := 0
			for _, d := range w.documents() {
				if d["name"] == "init" && d["parent_id"] == got[0]["id"] && d["trace_id"] == traceRoot {
					init++
				}
			}
			if init != 1 {
				t.Errorf("%d inits below the cold start", init)
			}
		})
	}
}

// pythonFunction writes a function and returns how it runs.
func pythonFunction(t *testing.T, text string, paths ...string) lambdaemu.Options {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return lambdaemu.Options{
		Dir: dir, Handler: "app.handler", Timeout: 20 * time.Second,
		Command: []string{harness.Need(t, "python/bin/python"), "-m", "awslambdaric", "app.handler"},
		Env:     map[string]string{"PYTHONPATH": strings.Join(paths, ":")},
	}
}

// TestNotSampled: not one datagram, and not one byte of the header changed.
func TestNotSampled(t *testing.T) {
	t.Parallel()
	const header = "Root=" + traceRoot + ";Parent=00f067aa0ba902b7;Sampled=0;Lineage=a:1"
	opt := pythonFunction(t, "import os\ndef handler(event, context):\n  print('hello')\n  return os.environ.get('_X_AMZN_TRACE_ID')\n")
	w := startTraced(t, wrapped(t, opt), "POWERTOOLS_TRACE_PARENT", "rewrite", "POWERTOOLS_TRACE_DESTINATION", "xray,cloudwatch", "AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	if res := w.invoke(`{}`, header); string(res.Payload) != `"`+header+`"` {
		t.Errorf("the runtime got %s", res.Payload)
	}
	w.invoke(`{}`, lambdaemu.NoTrace)
	w.invoke(`{}`, "Root="+traceRoot+";Lineage=a:1")
	w.Shutdown()
	if got := w.documents(); len(got) != 0 {
		t.Errorf("%d documents: %v", len(got), got)
	}
	for _, l := range w.Enriched() {
		if l["span_id"] != nil || l["trace_id"] != nil {
			t.Errorf("a line of a span that is not there: %v", l)
		}
	}
	if ledger := w.Only(func(l line) bool { return l["message"] == "powertools-extension shut down" }); len(ledger) != 1 || ledger[0]["spans"].(map[string]any)["skipped"] != 0.0 {
		t.Errorf("ledger %v", ledger)
	}
}

// TestRewrittenParent: a tracer inside the function nests below our span.
func TestRewrittenParent(t *testing.T) {
	t.Parallel()
	opt := pythonFunction(t, `from aws_xray_sdk.core import xray_recorder
def handler(event, context):
  with xray_recorder.in_subsegment("inside"):
    return {}
`, harness.Need(t, "powertools/python"))
	w := startTraced(t, wrapped(t, opt), "POWERTOOLS_TRACE_PARENT", "rewrite")
	w.invoke(`{}`, "")
	w.invoke(`{}`, "")
	w.Shutdown()
	ours := w.handlers()
	if len(ours) != 2 {
		t.Fatalf("%d spans", len(ours))
	}
	inside := 0
	for _, d := range w.documents() {
		if d["name"] == "inside" {
			if d["parent_id"] != ours[inside]["id"] || d["trace_id"] != ours[inside]["trace_id"] {
				t.Errorf("the SDK's is below %v, ours is %v", d["parent_id"], ours[inside]["id"])
			}
			inside++
		}
	}
	if inside != 2 || ours[0]["parent_id"] != w.parent(0) {
		t.Errorf("%d of the SDK; ours is below %v", inside, ours[0]["parent_id"])
	}
}

// TestSameDocumentAsPowertools: the newest Tracer of Powertools for Python
// around the same handler makes a document of the same shape.
func TestSameDocumentAsPowertools(t *testing.T) {
	t.Parallel()
	const handler = "def handler(event, context):\n  if event.get('fail'):\n    raise ValueError('no stock')\n  return {'ok': True, 'n': 1}\n"
	run := func(text string, env ...string) []map[string]any {
		w := startTraced(t, wrapped(t, pythonFunction(t, text, harness.Need(t, "powertools/python")), "POWERTOOLS_SERVICE_NAME", "shop"), env...)
		w.invoke(`{}`, "")
		w.invoke(`{"fail":true}`, "")
		w.Shutdown()
		return w.handlers()
	}
	ours := run(handler, "POWERTOOLS_TRACER_CAPTURE_RESPONSE", "true")
	// The library sends to the daemon itself, and ours is off.
	theirs := run("from aws_lambda_powertools import Tracer\ntracer = Tracer()\n@tracer.capture_lambda_handler\n"+handler, "POWERTOOLS_TRACE_DESTINATION", "none")
	if len(ours) != 2 || len(theirs) != 2 {
		t.Fatalf("%d of ours, %d of theirs", len(ours), len(theirs))
	}
	for i := range ours {
		if diff := cmp.Diff(shapeOf(theirs[i]), shapeOf(ours[i])); diff != "" {
			t.Errorf("%d (-Powertools +ours):\n%s", i, diff)
		}
	}
}

// TestSameDocumentAsPowertoolsForTypeScript: the same for the newest Tracer of
// the other library, in Node. It leaves two members out that Python's writes,
// and of some frames it writes a line of null.
func TestSameDocumentAsPowertoolsForTypeScript(t *testing.T) {
	t.Parallel()
	const handler = "async handler(event) { if (event.fail) throw new RangeError('no stock'); return { ok: true, n: 1 } }"
	run := func(text string, env ...string) []map[string]any {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "app.js"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		opt := lambdaemu.Options{
			Dir: dir, Handler: "app.handler", Timeout: 20 * time.Second, Runtime: "nodejs22.x",
			Command: []string{harness.Tool(t, "node"), harness.Need(t, "node/node_modules/aws-lambda-ric/bin/index.mjs"), "app.handler"},
			Env:     map[string]string{"NODE_PATH": harness.Need(t, "powertools/node_modules"), "AWS_LAMBDA_EXEC_WRAPPER": binaries.Wrapper, "POWERTOOLS_RUNTIME_PROXY_PORT": harness.FreePort(t)},
		}
		w := startTraced(t, opt, append(env, "POWERTOOLS_SERVICE_NAME", "shop")...)
		w.foreign = strings.Contains(text, "Tracer")
		w.invoke(`{}`, "")
		w.invoke(`{"fail":true}`, "")
		w.Shutdown()
		return w.handlers()
	}
	ours := run("class H { "+handler+" }\nexports.handler = (event) => new H().handler(event)\n", "POWERTOOLS_TRACER_CAPTURE_RESPONSE", "true")
	theirs := run(`const { Tracer } = require('@aws-lambda-powertools/tracer')
class H { `+handler+` }
const d = Object.getOwnPropertyDescriptor(H.prototype, 'handler')
new Tracer().captureLambdaHandler()(H.prototype, 'handler', d)
exports.handler = d.value.bind(new H())
`, "POWERTOOLS_TRACE_DESTINATION", "none")
	if len(ours) != 2 || len(theirs) != 2 {
		t.Fatalf("%d of ours, %d of theirs", len(ours), len(theirs))
	}
	for i := range ours {
		shape := shapeOf(ours[i])
		delete(shape, "in_progress")
		delete(shape, "namespace")
		if e, ok := shape["cause"].(map[string]any); ok {
			delete(e, "last frame") // the SDK and the runtime's client end a stack in different places
			delete(e, "remote")
		}
		want := shapeOf(theirs[i])
		if e, ok := want["cause"].(map[string]any); ok {
			delete(e, "last frame")
			delete(e, "remote")
		}
		if diff := cmp.Diff(want, shape); diff != "" {
			t.Errorf("%d (-Powertools +ours):\n%s", i, diff)
		}
	}
}

// shapeOf is a document without what differs from run to run, and without what
// is known to differ between the two: the handler's name, which the library
// takes of the function object; the working directory, which nobody outside
// knows; its own frames; and "handler error" in the metadata, where it has no
// content.
func shapeOf(d map[string]any) map[string]any {
	shape := map[string]any{}
	for name, value := range d {
		switch name {
		case "id", "parent_id", "trace_id", "start_time", "end_time":
			value = fmt.Sprintf("%T", value)
		case "name":
			value = strings.Replace(value.(string), "app.handler", "handler", 1)
		case "metadata":
			shop, _ := value.(map[string]any)["shop"].(map[string]any)
			response, has := shop["handler response"]
			if !has {
				response = shop["app.handler response"]
			}
			if response == nil {
				continue
			}
			value = response
		case "cause":
			e := value.(map[string]any)["exceptions"].([]any)[0].(map[string]any)
			stack := e["stack"].([]any)
			last := stack[len(stack)-1].(map[string]any)
			value = map[string]any{
				"id": fmt.Sprintf("%T", e["id"]), "message": e["message"], "type": e["type"], "remote": e["remote"],
				"last frame": fmt.Sprint(filepath.Base(last["path"].(string)), " ", last["label"]),
			}
		}
		shape[name] = value
	}
	return shape
}

// TestSpanOfATimeOut: the sandbox is killed, and its span is out at SHUTDOWN.
func TestSpanOfATimeOut(t *testing.T) {
	t.Parallel()
	opt := pythonFunction(t, "import time\ndef handler(event, context):\n  time.sleep(event.get('s', 0))\n")
	opt.Timeout = 3 * time.Second
	w := startTraced(t, wrapped(t, opt))
	w.invoke(`{}`, "")
	w.invoke(`{"s":60}`, "")
	w.invoke(`{}`, "")
	w.Shutdown()
	got := w.handlers()
	if len(got) != 3 {
		t.Fatalf("%d spans", len(got))
	}
	late := got[1]
	e := late["cause"].(map[string]any)["exceptions"].([]any)[0].(map[string]any)
	if took := late["end_time"].(float64) - late["start_time"].(float64); late["fault"] != true || e["type"] != "Timeout" || late["parent_id"] != w.parent(1) || took < 2 || took > 4 {
		t.Errorf("%v after %v s", late, took)
	}
	if got[0]["fault"] != nil || got[2]["fault"] != nil || got[2]["annotations"].(map[string]any)["ColdStart"] != true {
		t.Errorf("%v\n%v", got[0], got[2])
	}
}

// TestSpansWithoutWrapper: of what the platform tells, with the outcome of the
// canonical event.
func TestSpansWithoutWrapper(t *testing.T) {
	t.Parallel()
	opt := pythonFunction(t, "def handler(event, context):\n  if event.get('fail'):\n    raise ValueError('no stock')\n  return {'ok': True}\n")
	w := startTraced(t, opt)
	w.invoke(`{}`, "")
	w.invoke(`{"fail":true}`, "")
	w.Shutdown()
	got := w.handlers()
	if len(got) != 2 || got[0]["fault"] != nil || got[1]["fault"] != true || got[0]["parent_id"] != w.parent(0) || got[1]["parent_id"] != w.parent(1) {
		t.Fatalf("%v", got)
	}
	if e := got[1]["cause"].(map[string]any)["exceptions"].([]any)[0].(map[string]any); e["type"] != "ValueError" || !strings.Contains(e["message"].(string), "no stock") {
		t.Errorf("%v", e)
	}
	if n := w.Saying("spans are made of what the platform tells"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// TestSpansSideBySide: four invocations at once on a managed instance, each
// with its own trace, parent and id on its own lines.
func TestSpansSideBySide(t *testing.T) {
	t.Parallel()
	opt := pythonFunction(t, "import json, os, time\ndef handler(event, context):\n  time.sleep(0.3)\n  os.write(1, (json.dumps({'level':'INFO','message':'work','n':event['n'],'requestId':context.aws_request_id}) + '\\n').encode())\n  return {'n': event['n']}\n")
	opt.InitType, opt.Concurrency = "lambda-managed-instances", 4
	w := startTraced(t, wrapped(t, opt), "POWERTOOLS_TRACER_CAPTURE_RESPONSE", "true", "POWERTOOLS_LOGS_COPY", "all")
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			w.invoke(fmt.Sprintf(`{"n":%d}`, i), fmt.Sprintf("Root=%s%02d;Parent=00f067aa0ba902b7;Sampled=1", traceRoot[:33], i))
		})
	}
	all.Wait()
	time.Sleep(300 * time.Millisecond) // late lines
	w.Shutdown()
	got := w.handlers()
	if len(got) != 12 {
		t.Fatalf("%d spans", len(got))
	}
	ids := map[string]string{} // by the trace
	for _, d := range got {
		trace := d["trace_id"].(string)
		response := d["metadata"].(map[string]any)["orders"].(map[string]any)["app.handler response"].(map[string]any)
		if want := fmt.Sprintf("%02.0f", response["n"]); trace[33:] != want || ids[trace] != "" {
			t.Errorf("response %v in trace %s", response, trace)
		}
		ids[trace] = d["id"].(string)
	}
	lines := 0
	for _, l := range w.Enriched() {
		if l["message"] != "work" {
			continue
		}
		lines++
		trace := fmt.Sprintf("%s%02.0f", traceRoot[:33], l["n"])
		if l["span_id"] != ids[trace] || l["trace_id"] != tracing.W3C(trace) {
			t.Errorf("line of %v carries %v in %v, its span is %v", l["n"], l["span_id"], l["trace_id"], ids[trace])
		}
	}
	if lines != 12 {
		t.Errorf("%d lines", lines)
	}
}

// TestCollectorOfSpans: a collector gets each span with its trace, lines carry
// its ids; one that hangs costs one invocation once, and nothing of the event
// or the answer is in what it gets.
func TestCollectorOfSpans(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry-4111111111111111"
	var mu sync.Mutex
	var bodies []string
	hang := make(chan struct{})
	var hung atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if hung.Load() {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
			return
		}
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		text, _ := io.ReadAll(body)
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path != "/v1/traces" || r.Header.Get("Authorization") != "Bearer key" {
			t.Errorf("%s with %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		bodies = append(bodies, string(text))
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(hang) })
	opt := pythonFunction(t, "import json\ndef handler(event, context):\n  print('a line')\n  if event.get('fail'):\n    raise ValueError('no stock')\n  return {'card': event['card'], 'n': 1}\n")
	w := startTraced(t, wrapped(t, opt), "POWERTOOLS_TRACE_DESTINATION", "otlp+"+srv.URL+",xray", "POWERTOOLS_TRACE_HTTP_HEADERS", "Authorization: Bearer key",
		"POWERTOOLS_EXTENSION_FLUSH", "end", "POWERTOOLS_LOGS_REDACT", "card")
	w.invoke(`{"card":"`+canary+`"}`, "Root="+traceRoot+";Parent=00f067aa0ba902b7;Sampled=1")
	w.invoke(`{"card":"`+canary+`"}`, lambdaemu.NoTrace)
	w.invoke(`{"fail":true,"card":"`+canary+`"}`, "")
	hung.Store(true)
	var slowest, last time.Duration
	for range 4 {
		began := time.Now()
		w.invoke(`{"card":"`+canary+`"}`, "")
		last = time.Since(began)
		slowest = max(slowest, last)
	}
	t.Logf("beside a collector that hangs: slowest %v, the last %v", slowest, last)
	w.Shutdown()
	mu.Lock()
	defer mu.Unlock()
	text := strings.Join(bodies, "\n")
	if !strings.Contains(text, `"traceId":"`+tracing.W3C(traceRoot)+`"`) || !strings.Contains(text, `"parentSpanId":"`+w.parent(0)+`"`) || strings.Count(text, `"name":"## app.handler"`) != 3 || !strings.Contains(text, "no stock") {
		t.Errorf("the collector got %s", text)
	}
	if got := len(w.handlers()); got != 6 {
		t.Errorf("%d documents for X-Ray; the invocation without a header has none", got)
	}
	for _, e := range w.Emu.Transcript() {
		if e.What == transcript.XRay && strings.Contains(e.Detail, canary) {
			t.Errorf("canary in %s", e.Detail)
		}
	}
	if strings.Contains(text, canary) {
		t.Errorf("canary in %s", text)
	}
	found := false
	for _, l := range w.Enriched() {
		if l["message"] == "a line" && l["trace_id"] == tracing.W3C(traceRoot) {
			found = strings.Contains(text, `"spanId":"`+l["span_id"].(string)+`"`)
		}
	}
	if !found {
		t.Error("no line carries the ids of the first span")
	}
	ledger := w.Only(func(l line) bool { return l["message"] == "powertools-extension shut down" })
	if len(ledger) != 1 || ledger[0]["sinks"] != nil {
		t.Fatalf("ledger %v", ledger)
	}
	sinks := ledger[0]["spans"].(map[string]any)["sinks"].([]any)[0].(map[string]any)
	if sinks["received"].(float64) != sinks["delivered"].(float64)+sinks["dropped"].(float64)+sinks["pending"].(float64) || sinks["delivered"].(float64) < 3 {
		t.Errorf("spans %v", sinks)
	}
}

// TestCapturedResponses: what is captured is redacted.
func TestCapturedResponses(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry-4111111111111111"
	opt := pythonFunction(t, "def handler(event, context):\n  if event.get('fail'):\n    raise ValueError('card=c4n4ry-4111111111111111')\n  return {'card': 'c4n4ry-4111111111111111', 'n': 1, 'long': 'x' * event.get('x', 0)}\n")
	w := startTraced(t, wrapped(t, opt), "POWERTOOLS_TRACER_CAPTURE_RESPONSE", "true", "POWERTOOLS_LOGS_REDACT", "card")
	w.invoke(`{}`, "")
	w.invoke(`{"fail":true}`, "")
	w.invoke(`{"x":5000000}`, "")
	w.Shutdown()
	got := w.handlers()
	if len(got) != 3 {
		t.Fatalf("%d spans", len(got))
	}
	response := func(d map[string]any) any {
		return d["metadata"].(map[string]any)["orders"].(map[string]any)["app.handler response"]
	}
	if diff := cmp.Diff(map[string]any{"card": "[redacted]", "n": 1.0, "long": ""}, response(got[0])); diff != "" {
		t.Error(diff)
	}
	if r := response(got[2]).(map[string]any); r["truncated"] != true || r["bytes"].(float64) < 5000000 {
		t.Errorf("%v", r)
	}
	for _, e := range w.Emu.Transcript() {
		if e.What == transcript.XRay && strings.Contains(e.Detail, canary) {
			t.Errorf("canary in %s", e.Detail)
		}
	}
}

// TestPartsOfAnInvocation: reading and writing a record of idempotency, and
// records of a batch, lie below the invocation that they are part of.
func TestPartsOfAnInvocation(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWSWith(t, ordersTable)
	const handler = "def handler(event, context):\n  if event.get('Records', [{}])[0].get('body') == 'bad':\n    raise ValueError('no stock')\n  return {}\n"
	below := func(w *traced) map[string]int {
		w.t.Helper()
		ours, names := w.handlers(), map[string]int{}
		if len(ours) != 1 {
			w.t.Fatalf("%d spans", len(ours))
		}
		for _, d := range w.documents() {
			if d["parent_id"] == ours[0]["id"] && d["trace_id"] == ours[0]["trace_id"] && d["name"] != "init" {
				name := d["name"].(string)
				if d["fault"] == true {
					name += " failed"
				}
				names[name]++
			}
		}
		return names
	}
	w := startTraced(t, wrapped(t, pythonFunction(t, handler), "POWERTOOLS_IDEMPOTENCY_TABLE", "orders-idem", "AWS_ENDPOINT_URL", fake.URL))
	w.invoke(`{"order":1}`, "")
	w.Shutdown()
	if diff := cmp.Diff(map[string]int{"idempotency": 1, "idempotency response": 1}, below(w)); diff != "" {
		t.Error(diff)
	}
	w = startTraced(t, wrapped(t, pythonFunction(t, handler), "POWERTOOLS_BATCH", "sqs", "POWERTOOLS_BATCH_VERIFY", "off"))
	record := func(id, body string) string {
		return `{"messageId":"` + id + `","body":"` + body + `","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q","attributes":{},"messageAttributes":{}}`
	}
	res := w.invoke(`{"Records":[`+record("m1", "good")+`,`+record("m2", "bad")+`,`+record("m3", "good")+`]}`, "")
	w.Shutdown()
	if !strings.Contains(string(res.Payload), `"m2"`) {
		t.Errorf("answer %s", res.Payload)
	}
	if diff := cmp.Diff(map[string]int{"record 1": 1, "record 2 failed": 1, "record 3": 1}, below(w)); diff != "" {
		t.Error(diff)
	}
}
