package arm64

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// TestReads: reads of every source in every form over HTTP, and refusals with
// their cures, as on amd64.
func TestReads(t *testing.T) {
	builds := programs(t)
	aws := harness.FakeAWS(t)
	s := start(t, builds, lambdaemu.Options{NoFreeze: true, Env: map[string]string{"AWS_ENDPOINT_URL": aws.URL}})
	c := &checks{t: t}
	var names []string
	for _, row := range []struct {
		name, path string
		status     int
		body       string // is in the answer
	}{
		{"string", "/parameters/ssm/%2Fdemo%2Fgreeting?format=text", 200, "Hello from Parameter Store"},
		{"decrypted", "/parameters/ssm/%2Fdemo%2Fdb-password?decrypt=true&format=text", 200, "correct-horse-battery-staple"},
		{"list", "/parameters/ssm/%2Fdemo%2Fregions?format=text", 200, "eu-central-1,us-east-1"},
		{"version", "/parameters/ssm/%2Fdemo%2Frollout?version=1&format=text", 200, "10"},
		{"label", "/parameters/ssm/%2Fdemo%2Frollout?label=stable&format=text", 200, "25"},
		{"member", "/parameters/ssm/%2Fdemo%2Fconfig.json?key=limits.burst&format=text", 200, "50"},
		{"transform", "/parameters/ssm/%2Fdemo%2Fconfig.json?transform=json", 200, `"dark_mode":true`},
		{"several", "/parameters/ssm?name=/demo/greeting&name=/demo/retries", 200, `"3"`},
		{"path", "/parameters/ssm?path=/demo/&recursive=true", 200, "Hello from Parameter Store"},
		{"secret", "/parameters/secrets/demo%2Fapi-key?format=text", 200, "key-4f9a-example"},
		{"secret's member", "/parameters/secrets/demo%2Fdatabase?key=username&format=text", 200, "demo"},
		{"drop-in SSM", "/systemsmanager/parameters/get?name=/demo/greeting", 200, `"Value":"Hello from Parameter Store"`},
		{"drop-in secret", "/secretsmanager/get?secretId=demo/api-key", 200, `"SecretString":"key-4f9a-example"`},
		{"agent", "/v1/demo/api-key", 200, `"SecretString":"key-4f9a-example"`},
		{"not there", "/parameters/ssm/%2Fnone", 404, `"code":"not_found"`},
		{"misspelt argument", "/parameters/ssm/%2Fdemo%2Fgreeting?max_agee=1", 400, "max_age"},
		{"cached", "/parameters/cache", 200, "/demo/greeting"},
		{"context", "/context", 200, `"function_name"`},
		{"health", "/healthz", 200, `"state":"ok"`},
		{"API description", "/openapi.json", 200, `"openapi"`},
	} {
		status, _, body := s.Get(row.path)
		names = append(names, row.name)
		c.check(row.name, status == row.status && strings.Contains(body, row.body), "%d %.300s", status, body)
	}
	status, _, body := s.Ask(http.MethodGet, "/parameters/ssm/%2Fdemo%2Fgreeting", harness.TokenHeader, "wrong")
	c.check("wrong token", (status == 401 || status == 403) && !strings.Contains(body, "Hello"), "%d %s", status, body)
	status, _, body = s.Send(http.MethodPost, "/jmespath?expression="+url.QueryEscape("a[?b>`1`].b"), `{"a":[{"b":1},{"b":2}]}`, harness.TokenHeader, harness.Token)
	c.check("JMESPath", status == 200 && strings.Contains(body, "[2]"), "%d %s", status, body)
	status, _, body = s.Send(http.MethodPost, "/validate", `{"schema":{"type":"object","required":["id"]},"data":{}}`, harness.TokenHeader, harness.Token)
	c.check("JSON Schema", status == 200 && strings.Contains(body, "required"), "%d %s", status, body)
	status, _, body = s.Send(http.MethodPost, "/metrics", `{"metrics":[{"name":"orders","unit":"count","value":1}]}`, harness.TokenHeader, harness.Token)
	c.check("refused metric", status == 400 && strings.Contains(body, `did you mean \"Count\"?`), "%d %s", status, body)
	exit := s.Shutdown()
	c.check("shutdown", exit.Clean(), "%+v", exit)
	c.wanted(append(names, "wrong token", "JMESPath", "JSON Schema", "refused metric", "shutdown")...)
}

// TestIdempotency: the same request runs once, a failed one again, through the
// arm64 proxy and without a line in the function.
func TestIdempotency(t *testing.T) {
	builds := programs(t)
	fake := harness.FakeAWSWith(t, "tables:\n  orders-idem: {}\nparameters:\n  /demo/greeting: hello\n")
	s := start(t, builds, lambdaemu.Options{
		Command: []string{builds.Wrapper, builds.Function},
		Env: map[string]string{
			"AWS_ENDPOINT_URL": fake.URL, "POWERTOOLS_RUNTIME_PROXY_PORT": harness.FreePort(t),
			"POWERTOOLS_IDEMPOTENCY_TABLE": "orders-idem", "POWERTOOLS_IDEMPOTENCY_KEY": "order",
		},
	})
	c := &checks{t: t}
	first, again := s.Invoke(`{"order":17,"at":1}`), s.Invoke(`{"order":17,"at":2}`)
	c.check("first", first.FunctionError == "" && strings.Contains(string(first.Payload), "hello"), "%s", first.Payload)
	c.check("replayed", string(again.Payload) == string(first.Payload), "%s after %s", again.Payload, first.Payload) // its took_ms is of the first
	writes := fake.Calls("dynamodb:PutItem", "dynamodb:UpdateItem")
	c.check("writes", writes == 3, "%d, want 2 and 1", writes)
	failed := s.Invoke(`{"order":18,"fail":true}`)
	c.check("failed", failed.FunctionError != "", "%s", failed.Payload)
	retried := s.Invoke(`{"order":18}`)
	c.check("runs again", retried.FunctionError == "", "%s", retried.Payload)
	s.Shutdown()
	by := 0
	for _, e := range s.Canonical() {
		if e["answered_by"] == "idempotency" {
			by++
		}
	}
	c.check("answered by idempotency", by == 1, "%d of %d", by, len(s.Canonical()))
	c.wanted("first", "replayed", "writes", "failed", "runs again", "answered by idempotency")
}

// TestHooks: an event that does not fit its schema never reaches the function,
// and what does is what the envelope finds.
func TestHooks(t *testing.T) {
	builds := programs(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "order.json"), []byte(`{"type":"object","required":["order"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, builds, lambdaemu.Options{
		Dir: dir, Command: []string{builds.Wrapper, builds.Function},
		Env: map[string]string{
			"AWS_ENDPOINT_URL": harness.FakeAWS(t).URL, "POWERTOOLS_RUNTIME_PROXY_PORT": harness.FreePort(t),
			"POWERTOOLS_VALIDATION_EVENT_SCHEMA": "order.json", "POWERTOOLS_VALIDATION_EVENT_ENVELOPE": "powertools_json(body)",
		},
	})
	c := &checks{t: t}
	event := func(body string) string {
		return `{"version":"2.0","rawPath":"/","requestContext":{"domainName":"x","http":{"method":"POST"}},"body":` + strconv.Quote(body) + `}`
	}
	good := s.Invoke(event(`{"order":1}`))
	c.check("fits", good.FunctionError == "" && strings.Contains(string(good.Payload), "greeting"), "%s %s", good.FunctionError, good.Payload)
	bad := s.Invoke(event(`{"qty":"c4n4ry"}`))
	c.check("does not fit", strings.Contains(string(bad.Payload), `"statusCode":400`) && strings.Contains(string(bad.Payload), "/order"), "%s", bad.Payload)
	s.Shutdown()
	c.check("tells no value", !strings.Contains(s.Text(), "c4n4ry"), "%s", s.Text())
	events := s.Canonical()
	c.check("events", len(events) == 2 && events[1]["answered_by"] == "validate" && events[1]["http_status"] == 400.0, "%v", events)
	c.wanted("fits", "does not fit", "tells no value", "events")
}

// TestTimeout: the platform ends an invocation; the event says so, and the next
// process of the sandbox serves the next one.
func TestTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, programs(t), lambdaemu.Options{Timeout: 12 * time.Second, Env: map[string]string{"AWS_ENDPOINT_URL": harness.FakeAWS(t).URL}})
	c := &checks{t: t}
	late := s.Invoke(`{"sleep_ms":60000}`)
	c.check("times out", late.ErrorType == "Sandbox.Timedout", "%s %s", late.ErrorType, late.Payload)
	next := s.Invoke(`{}`)
	c.check("goes on", next.FunctionError == "", "%s %s", next.ErrorType, next.Payload)
	s.Shutdown()
	var outcomes []string
	for _, e := range s.Canonical() {
		if e["function_request_id"] == late.RequestID {
			outcomes = append(outcomes, fmt.Sprint(e["outcome"], " ", e["Timeouts"]))
		}
	}
	c.check("event", strings.Join(outcomes, ",") == "timeout 1", "%q", outcomes)
	c.wanted("times out", "goes on", "event")
}

// TestKilled: what waits for a receiver outlives a SIGKILL in /tmp, and the
// next arm64 process delivers it, marked.
func TestKilled(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var delivered strings.Builder
	refuse := true
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if refuse {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if zr, err := gzip.NewReader(r.Body); err == nil {
			_, _ = io.Copy(&delivered, zr)
		}
	}))
	defer receiver.Close()
	s := start(t, programs(t), lambdaemu.Options{NoFreeze: true, Env: map[string]string{
		"AWS_ENDPOINT_URL": harness.FakeAWS(t).URL, "TMPDIR": t.TempDir(),
		"POWERTOOLS_LOGS_DESTINATION": receiver.URL, "POWERTOOLS_EXTENSION_SPOOL_BYTES": "16000000",
	}})
	c := &checks{t: t}
	s.Must(`{"sleep_ms":1000}`) // its lines are refused, and on disk
	time.Sleep(time.Second)
	if err := syscall.Kill(processOf(t, s), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	refuse = false
	mu.Unlock()
	for range 5 { // one of them finds the death, as on Lambda
		if s.Invoke(`{"sleep_ms":500}`).FunctionError == "" {
			break
		}
	}
	exit := s.Shutdown()
	c.check("next process", exit.Clean(), "%+v", exit)
	mu.Lock()
	defer mu.Unlock()
	c.check("replayed", strings.Contains(delivered.String(), `"replayed":true`) && strings.Contains(delivered.String(), "order placed"), "%s", delivered.String())
	c.check("said", s.Saying("was killed") == 1, "%v", s.Diagnostics())
	c.wanted("next process", "replayed", "said")
}

// processOf is the extension's process, by the port that only it has.
func processOf(t *testing.T, s *harness.Sandbox) int {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		dir := filepath.Dir(path)
		command, _ := os.ReadFile(path)
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if strings.Contains(string(command), "powertools-extension") && strings.Contains(string(env), "POWERTOOLS_EXTENSION_HTTP_PORT="+s.Port+"\x00") {
			pid, err := strconv.Atoi(filepath.Base(dir))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatal("the extension's process is not there")
	return 0
}

// TestTelemetry: JSON log format, a level and a redaction: what was printed is
// accounted for to the line.
func TestTelemetry(t *testing.T) {
	t.Parallel()
	s := start(t, programs(t), lambdaemu.Options{LogFormat: "JSON", Env: map[string]string{
		"AWS_ENDPOINT_URL": harness.FakeAWS(t).URL, "POWERTOOLS_LOGS_REDACT": "re:greeting has [0-9]+", "POWERTOOLS_LOGS_EXCLUDE": "parameter read",
	}})
	c := &checks{t: t}
	for range 3 {
		s.Must(`{"sleep_ms":300}`)
	}
	s.Shutdown()
	text := ""
	for _, l := range s.Enriched() {
		message, _ := l["message"].(string)
		text += message + "\n"
	}
	c.check("redacted", strings.Count(text, "the [redacted] characters") == 3 && !strings.Contains(text, "greeting has"), "%s", text)
	c.check("excluded", !strings.Contains(text, "parameter read"), "%s", text)
	events := s.Canonical()
	complete := 0
	for _, e := range events {
		if e["complete"] != false && e["outcome"] == "success" {
			complete++
		}
	}
	c.check("reports", len(events) == 3 && complete >= 2, "%v", events) // the last report may come after the end
	ledger := s.Only(func(l harness.Line) bool { return l["lifetime_ms"] != nil })
	lines, _ := ledger[0]["lines"].(map[string]any)
	sum := 0.0
	for _, part := range []string{"passed", "filtered", "excluded", "held", "forgotten", "hold_dropped"} {
		n, _ := lines[part].(float64)
		sum += n
	}
	c.check("account", sum == lines["received"] && lines["excluded"] == 3.0, "%v", lines)
	c.wanted("redacted", "excluded", "reports", "account")
}

// TestManagedInstances: several invocations at once in one arm64 sandbox.
func TestManagedInstances(t *testing.T) {
	t.Parallel()
	s := start(t, programs(t), lambdaemu.Options{InitType: "lambda-managed-instances", Concurrency: 4, Env: map[string]string{"AWS_ENDPOINT_URL": harness.FakeAWS(t).URL}})
	c := &checks{t: t}
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := 0
	for range 8 {
		wg.Go(func() {
			if res := s.Invoke(`{"sleep_ms":200}`); res.FunctionError != "" {
				mu.Lock()
				defer mu.Unlock()
				failed++
			}
		})
	}
	wg.Wait()
	time.Sleep(time.Second)
	exit := s.Shutdown()
	c.check("answers", failed == 0, "%d of 8 failed", failed)
	c.check("shutdown", exit.Clean(), "%+v", exit)
	events := map[any]int{}
	for _, e := range s.Canonical() {
		events[e["function_request_id"]]++
	}
	c.check("one event each", len(events) == 8, "%v", events)
	c.wanted("answers", "shutdown", "one event each")
}
