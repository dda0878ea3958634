package e2e

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"powertools-extension/lambdaemu"
	"powertools-extension/lambdaemu/transcript"
)

const traceRoot = "1-6352a70e-1e2c502e358361800241fd45"

// traced is a sandbox whose X-Ray daemon is the emulator's, and what crossed
// its wires.
type traced struct {
	*sandbox
	t *testing.T

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
		if err := schema.Validate(value); err != nil {
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

// handlers are the documents of invocations, their parts left out.
func (w *traced) handlers() (list []map[string]any) {
	for _, d := range w.documents() {
		if name, _ := d["name"].(string); strings.HasPrefix(name, "## ") {
			list = append(list, d)
		}
	}
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
