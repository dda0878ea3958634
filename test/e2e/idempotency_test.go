package e2e

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"powertools-extension/test/harness"
)

const ordersTable = `
tables:
  orders-idem: {}
`

// TestIdempotencyWithoutCode: a function of any runtime, a wrapper and two
// variables. The same order runs once, a failed one again, a bad one never.
func TestIdempotencyWithoutCode(t *testing.T) {
	functions := echoes(t)
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := harness.FakeAWSWith(t, ordersTable)
			opt := functions[name]
			opt.Timeout, opt.InitTimeout = 15*time.Second, 30*time.Second
			opt.Env = map[string]string{"AWS_ENDPOINT_URL": fake.URL}
			s := start(t, wrapped(t, opt, "POWERTOOLS_IDEMPOTENCY_TABLE", "orders-idem", "POWERTOOLS_IDEMPOTENCY_KEY", "order"))
			first := s.Invoke(`{"order":17,"at":1.0}`)
			again := s.Invoke(`{"order":17,"at":2}`)
			if first.FunctionError != "" || string(first.Payload) != string(again.Payload) || !strings.Contains(string(first.Payload), "1.0") && name == "bash" {
				t.Errorf("first %s, again %s", first.Payload, again.Payload)
			}
			if writes := fake.Calls("dynamodb:PutItem", "dynamodb:UpdateItem"); writes != 3 {
				t.Errorf("%d writes for a request and its repeat, want 2 and 1", writes)
			}
			if res := s.Invoke(`{"order":18,"fail":true}`); res.FunctionError == "" {
				t.Errorf("the function's own error did not go out: %s", res.Payload)
			}
			if res := s.Invoke(`{"order":18}`); res.FunctionError != "" {
				t.Errorf("after a failure: %s", res.Payload)
			}
			s.Shutdown()
			byHook := 0
			for _, e := range s.Canonical() {
				if e["answered_by"] == "idempotency" {
					byHook++
				}
			}
			if byHook != 1 {
				t.Errorf("%d invocations answered by idempotency, want 1", byHook)
			}
		})
	}
}

// TestValidationWithoutCode: a schema beside the function; a request that does
// not fit it is answered with paths, and no value of it is written anywhere.
func TestValidationWithoutCode(t *testing.T) {
	opt := echoes(t)["bash"]
	if err := os.MkdirAll(opt.Dir+"/schemas", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(opt.Dir+"/schemas/order.json", []byte(`{"type":"object","required":["order"],"properties":{"qty":{"type":"integer","minimum":1}}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	opt.Timeout = 15 * time.Second
	opt.Env = map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}
	s := start(t, wrapped(t, opt, "POWERTOOLS_VALIDATION_EVENT_SCHEMA", "schemas/order.json", "POWERTOOLS_VALIDATION_EVENT_ENVELOPE", "powertools_json(body)"))
	event := func(body string) string {
		return `{"version":"2.0","rawPath":"/","requestContext":{"domainName":"x","http":{"method":"POST"}},"body":` + strconv.Quote(body) + `}`
	}
	if res := s.Invoke(event(`{"order":1,"qty":2}`)); res.FunctionError != "" || !strings.Contains(string(res.Payload), "rawPath") {
		t.Errorf("a good request: %s %s", res.FunctionError, res.Payload)
	}
	res := s.Invoke(event(`{"qty":"c4n4ry-41"}`))
	if text := string(res.Payload); !strings.Contains(text, `"statusCode":400`) || !strings.Contains(text, `/order`) || !strings.Contains(text, `/qty`) {
		t.Errorf("a bad request: %s", text)
	}
	s.Shutdown()
	if strings.Contains(s.Text(), "c4n4ry-41") {
		t.Error("a value of the request is in an output")
	}
	if s.Saying("event does not fit its schema") != 1 {
		t.Error("not said once that the event does not fit")
	}
}
