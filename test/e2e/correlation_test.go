package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
)

// correlated are events with an id of their source, and the id.
func correlated() map[string]string {
	return map[string]string{
		`{"resource":"/o","httpMethod":"POST","headers":{"Host":"x"},"requestContext":{"resourceId":"r","requestId":"gateway-id"},"parameter":"/demo/greeting"}`: "gateway-id",
		`{"Records":[{"messageId":"queue-id","body":"{}","eventSource":"aws:sqs"}],"parameter":"/demo/greeting"}`:                                                "queue-id",
		`{"version":"0","id":"bus-id","detail-type":"Order","source":"shop","detail":{},"parameter":"/demo/greeting"}`:                                           "bus-id",
	}
}

// TestCorrelationIDs: every line of an invocation, plain and JSON, has the id
// that its event came with, on every runtime; and the canonical event has it.
func TestCorrelationIDs(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(languages())) {
		t.Run(name, func(t *testing.T) { correlationIDs(t, name, "Text") })
	}
	for _, name := range []string{"java", "node", "python"} { // their clients write the JSON format
		t.Run(name+" in JSON", func(t *testing.T) { correlationIDs(t, name, "JSON") })
	}
}

func correlationIDs(t *testing.T, name, format string) {
	t.Parallel()
	l := languages()[name]
	opt := l.options(t)
	opt.Timeout, opt.LogFormat = 15*time.Second, format
	if l.slow {
		opt.Timeout, opt.InitTimeout = 20*time.Second, time.Minute
	}
	opt.Env = map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}
	s := start(t, wrapped(t, opt, "POWERTOOLS_LOGGER_CORRELATION_ID_PATH", "auto"))
	ids := map[any]string{}
	for event, id := range correlated() {
		res := s.Invoke(event)
		if res.FunctionError != "" {
			t.Fatalf("%s %s", res.ErrorType, res.Payload)
		}
		ids[res.RequestID] = id
	}
	s.Shutdown()
	texts, objects := 0, 0
	for _, line := range s.Enriched() {
		id, known := ids[line["function_request_id"]]
		switch {
		case !known:
			if line["correlation_id"] != nil {
				t.Errorf("a line of no invocation: %v", line)
			}
		case line["correlation_id"] != id:
			t.Errorf("want %s: %v", id, line)
		case line["parameter"] != nil:
			objects++
		default:
			texts++
		}
	}
	if texts == 0 || objects < len(ids) {
		t.Errorf("%d plain lines and %d objects", texts, objects)
	}
	for _, e := range s.Canonical() {
		if id := ids[e["function_request_id"]]; id == "" || e["correlation_id"] != id {
			t.Errorf("want %s: %v", id, e)
		}
	}
}

// TestCorrelationWithoutItsMeans: what the user hears when it cannot work.
func TestCorrelationWithoutItsMeans(t *testing.T) {
	for name, tc := range map[string]struct {
		path, mode string
		bare       bool // without the wrapper
		level, say string
	}{
		"no wrapper":      {"auto", "auto", true, "WARN", "did not come through the wrapper"},
		"proxy off":       {"auto", "off", true, "WARN", "POWERTOOLS_RUNTIME_PROXY is off"},
		"does not parse":  {"a.[", "auto", false, "ERROR", "position 3"},
		"fails":           {"starts_with(id, 'a')", "auto", false, "WARN", "starts_with()"},
		"nearly a name":   {"EVENTBRIDGE", "auto", false, "WARN", "did you mean EVENT_BRIDGE?"},
		"nothing is said": {"id", "auto", false, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := languages()["python"].options(t)
			opt.Timeout = 15 * time.Second
			opt.Env = map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t), "POWERTOOLS_METRICS_NAMESPACE": "shop"}
			env := []string{"POWERTOOLS_LOGGER_CORRELATION_ID_PATH", tc.path, "POWERTOOLS_RUNTIME_PROXY", tc.mode}
			full := wrapped(t, opt, env...)
			if tc.bare {
				delete(full.Env, "AWS_LAMBDA_EXEC_WRAPPER")
			}
			s := start(t, full)
			const canary = "canary-51"
			for range 2 {
				if res := s.Invoke(`{"parameter":"/demo/greeting","id":{"secret":"` + canary + `"}}`); res.FunctionError != "" {
					t.Fatalf("%s %s", res.ErrorType, res.Payload)
				}
			}
			s.Shutdown()
			said := s.Only(func(l line) bool {
				return l["extension"] == "powertools-extension" && (l["level"] == "WARN" || l["level"] == "ERROR")
			})
			if tc.say == "" && len(said) > 0 || tc.say != "" && len(said) != 1 {
				t.Fatalf("said: %v", said)
			}
			if tc.say != "" && (said[0]["level"] != tc.level || s.Saying(tc.say) != 1) {
				t.Errorf("want %s with %q: %v", tc.level, tc.say, said[0])
			}
			for _, l := range slices.Concat(s.Enriched(), s.Canonical()) {
				if l["correlation_id"] != nil {
					t.Errorf("an id from nowhere: %v", l)
				}
			}
			if strings.Contains(s.Text()+lambdaemu.Render(s.Emu.Transcript()), canary) {
				t.Error("a value of the event is in an output")
			}
		})
	}
}

// TestCorrelationOfATimeOut: what is said of an invocation that runs out of time
// has its id, and the next one has another.
func TestCorrelationOfATimeOut(t *testing.T) {
	t.Parallel()
	opt := languages()["python"].options(t)
	opt.Timeout = 4 * time.Second
	opt.Env = map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}
	s := start(t, wrapped(t, opt, "POWERTOOLS_LOGGER_CORRELATION_ID_PATH", "auto"))
	event := func(id, more string) string {
		return `{"version":"0","id":"` + id + `","detail-type":"Order","source":"shop","detail":{}` + more + `}`
	}
	if res := s.Invoke(event("slow-id", `,"sleep_ms":60000`)); res.ErrorType != "Sandbox.Timedout" {
		t.Fatalf("%s %s", res.ErrorType, res.Payload)
	}
	s.Must(event("next-id", ""))
	s.Shutdown()
	late := s.Only(func(l line) bool { return l["message"] == "about to time out" })
	if len(late) != 1 || late[0]["correlation_id"] != "slow-id" {
		t.Errorf("%v", late)
	}
	events := s.Canonical()
	if len(events) != 2 || events[0]["correlation_id"] != "slow-id" || events[0]["outcome"] != "timeout" || events[1]["correlation_id"] != "next-id" {
		t.Errorf("%v", events)
	}
	ids := map[any]int{}
	for _, l := range s.Enriched() {
		ids[l["correlation_id"]]++
	}
	if ids["slow-id"] == 0 || ids["next-id"] == 0 || len(ids) != 2 {
		t.Errorf("lines by id: %v", ids)
	}
}

// TestManagedCorrelationIDs: four requests at once, and no line has another's id.
func TestManagedCorrelationIDs(t *testing.T) {
	t.Parallel()
	worker := loop("curl", `echo "{\"requestId\":\"$id\",\"n\":1}"; sleep 0.05; answer @event`)
	worker[2] = "for n in 1 2 3 4; do (" + worker[2] + "\n) & done; wait"
	s := start(t, wrapped(t, lambdaemu.Options{Command: worker, Timeout: 20 * time.Second, InitType: "lambda-managed-instances", Concurrency: 4,
		Env: map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}}, "POWERTOOLS_LOGGER_CORRELATION_ID_PATH", "auto", "POWERTOOLS_LOGGER_LOG_EVENT", "true"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[any]string{}
	for i := range 4 {
		wg.Go(func() {
			for j := range 5 {
				id := fmt.Sprintf("event-%d-%d", i, j)
				res, err := s.Emu.Invoke(t.Context(), lambdaemu.Request{Payload: []byte(`{"id":"` + id + `","detail-type":"Order","source":"shop","detail":{}}`)})
				if err != nil || res.FunctionError != "" {
					t.Errorf("%s: %v %s", id, err, res.FunctionError)
				}
				mu.Lock()
				ids[res.RequestID] = id
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	time.Sleep(300 * time.Millisecond) // late lines
	s.Shutdown()
	shown, named := 0, 0
	for _, l := range s.Enriched() {
		request := l["function_request_id"]
		if request == nil {
			request = l["requestId"]
		}
		if event, _ := l["message"].(map[string]any); event != nil {
			shown++
			if event["id"] != ids[request] {
				t.Errorf("the event of another request: %v", l)
			}
		} else if l["n"] != nil {
			named++
		}
		if l["correlation_id"] != ids[request] {
			t.Errorf("want %s: %v", ids[request], l)
		}
	}
	if shown != 20 || named != 20 {
		t.Errorf("%d events and %d lines of the function", shown, named)
	}
	for _, e := range s.Canonical() {
		if e["correlation_id"] != ids[e["function_request_id"]] {
			t.Errorf("want %s: %v", ids[e["function_request_id"]], e)
		}
	}
}

// TestCorrelationOfRecords: where the function gets one record after another,
// the lines of each have its own id, and what is of the whole batch has none.
func TestCorrelationOfRecords(t *testing.T) {
	t.Parallel()
	opt := wrapped(t, lambdaemu.Options{Command: loop("curl", `echo "{\"requestId\":\"$id\",\"n\":1}"; answer @event`), Timeout: 20 * time.Second,
		Env: map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}}, "POWERTOOLS_BATCH", "sqs", "POWERTOOLS_BATCH_VERIFY", "off",
		"POWERTOOLS_LOGGER_CORRELATION_ID_PATH", "Records[0].messageAttributes.order.stringValue", "POWERTOOLS_LOGGER_LOG_EVENT", "true", "POWERTOOLS_LOGGER_LOG_RESPONSE", "true")
	s := start(t, opt)
	record := func(id string) string {
		return `{"messageId":"m-` + id + `","body":"{}","messageAttributes":{"order":{"stringValue":"order-` + id + `","dataType":"String"}},` +
			`"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:orders"}`
	}
	if res := s.Invoke(`{"Records":[` + record("a") + "," + record("b") + "," + record("c") + `]}`); res.FunctionError != "" {
		t.Fatalf("%s %s", res.ErrorType, res.Payload)
	}
	s.Shutdown()
	var ids []string
	events, responses := 0, 0
	for _, l := range s.Enriched() {
		id, _ := l["correlation_id"].(string)
		switch {
		case l["n"] != nil:
			if item, _ := l["batch_item"].(string); strings.TrimPrefix(item, "m-") != strings.TrimPrefix(id, "order-") {
				t.Errorf("another record's id: %v", l)
			}
			ids = append(ids, id)
		case l["message"] == "Lambda response":
			responses++
			fallthrough
		default:
			if message, _ := l["message"].(map[string]any); message["Records"] != nil {
				events++
			}
			if id != "" {
				t.Errorf("one record's id on a line of the batch: %v", l)
			}
		}
	}
	if !slices.Equal(ids, []string{"order-a", "order-b", "order-c"}) || events != 1 || responses != 1 {
		t.Errorf("ids %v, %d events, %d responses", ids, events, responses)
	}
	for _, e := range s.Canonical() {
		if e["correlation_id"] != nil {
			t.Errorf("%v", e)
		}
	}
}
