package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// withCredentials is an event that has one in every place of its kind, and a
// card number in a body.
const withCredentials = `{"version":"2.0","routeKey":"POST /o","cookies":["sid=CANARY","a=CANARY"],` +
	`"headers":{"Authorization":"Bearer CANARY","X-API-Key":"CANARY","cookie":"sid=CANARY"},` +
	`"multiValueHeaders":{"AUTHORIZATION":["CANARY","CANARY"],"x-amz-security-token":["CANARY"],"Proxy-Authorization":["Basic CANARY"]},` +
	`"authorizationToken":"CANARY","identitySource":["CANARY"],"requestContext":{"requestId":"gateway-id","http":{"method":"POST"},"identity":{"apiKey":"CANARY"}},` +
	`"body":"{\"card\":\"4111 1111 1111 1111\",\"note\":\"CANARY-pin\",\"pin\":\"CANARY\"}","parameter":"/demo/greeting","fail":FAIL}`

// TestEventsInTheLog: the event, the response and the error are lines of the
// invocation on every runtime, and nothing that must not leave is in any output
// of anybody, the extension's own diagnostics at DEBUG among them.
func TestEventsInTheLog(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(languages())) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := languages()[name]
			opt := l.options(t)
			opt.Timeout = 15 * time.Second
			if l.slow {
				opt.Timeout, opt.InitTimeout = 20*time.Second, time.Minute
			}
			opt.Env = map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}
			s := start(t, wrapped(t, opt, "POWERTOOLS_LOGGER_CORRELATION_ID_PATH", "auto", "POWERTOOLS_EXTENSION_LOG_LEVEL", "DEBUG",
				"POWERTOOLS_LOGGER_LOG_EVENT", "true", "POWERTOOLS_LOGGER_LOG_RESPONSE", "true", "POWERTOOLS_LOGGER_LOG_ERROR", "true",
				"POWERTOOLS_LOGS_REDACT", `pin,re:\b\d{4} ?\d{4} ?\d{4} ?\d{4}\b,re:CANAR[Y]-\w+`))
			event := strings.ReplaceAll(withCredentials, "FAIL", "false")
			if res := s.Invoke(event); res.FunctionError != "" {
				t.Fatalf("%s %s", res.ErrorType, res.Payload)
			}
			failed := s.Invoke(strings.ReplaceAll(withCredentials, "FAIL", "true"))
			if failed.FunctionError == "" && !l.example {
				t.Fatalf("%s", failed.Payload)
			}
			s.Shutdown()
			var events, responses, errors []line
			for _, p := range s.Enriched() {
				message, _ := p["message"].(map[string]any)
				switch {
				case message["routeKey"] != nil:
					events = append(events, p)
				case p["message"] == "Lambda response":
					responses = append(responses, p)
				case p["message"] == "Lambda error":
					errors = append(errors, p)
				}
			}
			if len(events) != 2 || len(responses)+len(errors) != 2 || len(errors) != map[bool]int{true: 1}[failed.FunctionError != ""] {
				t.Fatalf("%d events, %d responses, %d errors", len(events), len(responses), len(errors))
			}
			for _, p := range slices.Concat(events, responses, errors) {
				if p["correlation_id"] != "gateway-id" || p["function_request_id"] == nil || p["service"] != "orders" || p["timestamp"] == nil {
					t.Errorf("not like the other lines: %v", p)
				}
			}
			if len(errors) > 0 {
				if e, _ := errors[0]["error"].(map[string]any); errors[0]["level"] != "ERROR" || !strings.Contains(e["message"].(string), "asked for a failure") || e["type"] == nil {
					t.Errorf("%v", errors[0])
				}
			}
			text := s.Text() + lambdaemu.Render(s.Emu.Transcript())
			for _, secret := range []string{"CANARY", "4111 1111", "1111 1111"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s is in an output", secret)
				}
			}
			if !strings.Contains(text, `"routeKey":"POST /o"`) {
				t.Error("the event is not in the log")
			}
		})
	}
}

// TestStreamsInTheLog: of a stream there are its size and when it began, and of
// bytes that are no text their number.
func TestStreamsInTheLog(t *testing.T) {
	t.Parallel()
	harness.Tool(t, "curl")
	script := `
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
mode=streaming
while :; do
  id=$(curl --noproxy '*' -sS -o /dev/null -D - "$api/next" | tr -d '\r' | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
  if [ $mode = streaming ]; then
    (printf secret; sleep 0.2; printf secret) | curl --noproxy '*' -sS -o /dev/null -T - -X POST -H "Lambda-Runtime-Function-Response-Mode: streaming" "$api/$id/response"
    mode=bytes
  else
    printf '\377\376\000' | curl --noproxy '*' -sS -o /dev/null --data-binary @- "$api/$id/response"
  fi
done`
	opt := shell(t, embeddedAWS(t), "POWERTOOLS_LOGGER_LOG_RESPONSE", "true")
	opt.Command[len(opt.Command)-1] = script
	s := start(t, opt)
	for range 2 {
		if res := s.Invoke(`{}`); res.FunctionError != "" {
			t.Fatalf("%s %s", res.ErrorType, res.Payload)
		}
	}
	s.Shutdown()
	lines := s.Only(func(l line) bool { return l["message"] == "Lambda response" })
	if len(lines) != 2 {
		t.Fatalf("%v", lines)
	}
	first, _ := lines[0]["first_byte_ms"].(float64)
	if lines[0]["streamed"] != true || lines[0]["response_bytes"] != 12.0 || first <= 0 || lines[0]["response"] != nil {
		t.Errorf("%v", lines[0])
	}
	if bytes, _ := lines[1]["response"].(map[string]any); bytes["bytes"] != 3.0 {
		t.Errorf("%v", lines[1])
	}
	if strings.Contains(s.Text(), "secret") {
		t.Error("bytes of the stream are in the log")
	}
}
