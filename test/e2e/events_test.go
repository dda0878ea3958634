package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// teller is a function in bash that says in its log that it saw an event, and
// answers with what the script in TELL prints, which reads the event from the
// file event.
func teller(t *testing.T, script string, files map[string]string) lambdaemu.Options {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{"tell": "#!/bin/bash\n" + script + "\n", "bootstrap": `#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
while :; do
  id=$(curl --noproxy '*' -sS -o "$work/event" -D - "$api/next" | tr -d '\r' | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
  echo 'the handler saw an event' >&2
  (cd "$work" && "$LAMBDA_TASK_ROOT/tell") >"$work/answer"
  curl --noproxy '*' -sS -o /dev/null --data-binary @"$work/answer" "$api/$id/response"
done
`}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return lambdaemu.Options{Dir: dir, Command: []string{filepath.Join(dir, "bootstrap")}, Timeout: 15 * time.Second,
		Env: map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}}
}

// ask is how a script calls the local API.
const ask = `ask() { curl --noproxy '*' -sS -H "X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN" "$@"; }
api=http://127.0.0.1:$POWERTOOLS_EXTENSION_HTTP_PORT
`

const orderSchema = `{"type":"object","required":["order"],"properties":{"qty":{"type":"integer","minimum":1}}}`

func restEvent(method, body string, headers string) string {
	return `{"resource":"/orders","path":"/orders","httpMethod":"` + method + `","headers":{` + headers + `},"multiValueHeaders":{},"requestContext":{"requestId":"r","stage":"prod"},"body":` + strconv.Quote(body) + `,"isBase64Encoded":false}`
}

// TestGuardsInBash: what the caller of a REST API gets, when the handler runs
// and when it does not, and that no value of a request is written anywhere.
func TestGuardsInBash(t *testing.T) {
	const page, canary = "https://app.example.com", "c4n4ry-77"
	opt := teller(t, ask+`ask "$api/context?event=true" | grep -q '"resource":"/orders"' && cat event`, map[string]string{"schemas/order.json": orderSchema})
	s := start(t, wrapped(t, opt, "POWERTOOLS_VALIDATION_EVENT_SCHEMA", "schemas/order.json", "POWERTOOLS_VALIDATION_EVENT_ENVELOPE", "BODY",
		"POWERTOOLS_EVENT_ENVELOPE", "BODY", "POWERTOOLS_RESPONSE_ENVELOPE", "http", "POWERTOOLS_CORS_ORIGINS", page))
	origin := `"Origin":"` + page + `"`

	res := s.Invoke(restEvent("POST", `{"qty":"`+canary+`"}`, origin))
	for _, want := range []string{`"statusCode":400`, `\"path\":\"/order\"`, `\"path\":\"/qty\"`, `\"code\":\"schema_validation\"`, `"access-control-allow-origin":"` + page + `"`} {
		if !strings.Contains(string(res.Payload), want) {
			t.Errorf("a bad request has no %s: %s", want, res.Payload)
		}
	}
	res = s.Invoke(restEvent("OPTIONS", "", origin+`,"Access-Control-Request-Method":"POST"`))
	if !strings.Contains(string(res.Payload), `"statusCode":204`) || !strings.Contains(string(res.Payload), "access-control-allow-methods") {
		t.Errorf("a preflight: %s", res.Payload)
	}
	if n := strings.Count(s.Text(), "the handler saw an event"); n != 0 {
		t.Errorf("the handler ran %d times for requests that are not its", n)
	}

	body := `{"order": 9007199254740993, "note":"` + canary + `"}`
	res = s.Invoke(restEvent("POST", body, origin))
	var answer struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	if err := json.Unmarshal(res.Payload, &answer); err != nil || answer.StatusCode != 200 || answer.Body != body || answer.Headers["access-control-allow-origin"] != page {
		t.Errorf("a good request: %v: %s", err, res.Payload)
	}
	s.Shutdown()
	if n := strings.Count(s.Text(), "the handler saw an event"); n == 0 {
		t.Error("the handler did not run for a good request")
	}
	if strings.Contains(s.Text(), canary) {
		t.Error("a value of a request is in an output")
	}
	if s.Saying("event does not fit its schema") != 1 {
		t.Error("not said once that the event does not fit")
	}
	invalid := 0
	for _, e := range s.Canonical() {
		if e["EventsInvalid"] == 1.0 {
			invalid++
		}
	}
	if invalid != 1 {
		t.Errorf("EventsInvalid in %d events, want 1", invalid)
	}
}

// TestUnusableSchema: every event is refused, one ERROR has the place and the
// variable, and it counts as degraded; whoever called learns no name of a file.
func TestUnusableSchema(t *testing.T) {
	for place, want := range map[string]string{"schemas/none.json": "no regular file", "schemas/bad.json": "/properties/qty/type"} {
		opt := teller(t, `cat event`, map[string]string{"schemas/bad.json": `{"properties":{"qty":{"type":"wrong"}}}`})
		s := start(t, wrapped(t, opt, "POWERTOOLS_VALIDATION_EVENT_SCHEMA", place))
		for range 2 {
			if res := s.Invoke(restEvent("POST", "{}", "")); !strings.Contains(string(res.Payload), `"statusCode":500`) || strings.Contains(string(res.Payload), "schemas/") {
				t.Errorf("%s: %s", place, res.Payload)
			}
		}
		if res := s.Invoke(`{}`); res.ErrorType != "Function.SchemaUnusableError" {
			t.Errorf("%s: %s %s", place, res.ErrorType, res.Payload)
		}
		s.Shutdown()
		if !strings.Contains(s.Text(), `"degraded":["validation"]`) {
			t.Errorf("%s: the last line does not say what is degraded", place)
		}
		if s.Saying("a schema cannot be used") != 1 || !strings.Contains(s.Text(), want) || !strings.Contains(s.Text(), "POWERTOOLS_VALIDATION_EVENT_SCHEMA") {
			t.Errorf("%s: not said once and with its place", place)
		}
		if strings.Contains(s.Text(), "the handler saw an event") {
			t.Errorf("%s: the handler ran", place)
		}
	}
}

// TestResponseModes: an answer that does not fit goes out and is said, or is
// replaced.
func TestResponseModes(t *testing.T) {
	for mode, failed := range map[string]bool{"log": false, "enforce": true} {
		opt := teller(t, `echo '{"no":"c4n4ry-78"}'`, map[string]string{"answer.json": `{"required":["ok"]}`})
		s := start(t, wrapped(t, opt, "POWERTOOLS_VALIDATION_RESPONSE_SCHEMA", "answer.json", "POWERTOOLS_VALIDATION_RESPONSE_MODE", mode))
		res := s.Invoke(`{}`)
		if (res.FunctionError != "") != failed || failed != strings.Contains(string(res.Payload), "ResponseSchemaValidationError") {
			t.Errorf("%s: %s %s", mode, res.FunctionError, res.Payload)
		}
		s.Shutdown()
		if s.Saying("response does not fit its schema") != 1 || strings.Contains(s.Text(), "c4n4ry-78") {
			t.Errorf("%s: not said once, or with a value", mode)
		}
	}
}

// TestHTTPFormsInBash: decode, validate, an expression and a flag, each in one
// call of a shell.
func TestHTTPFormsInBash(t *testing.T) {
	const kinesis = `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"partitionKey":"p","sequenceNumber":"4959","data":"eyJpZCI6OTAwNzE5OTI1NDc0MDk5M30="}}]}`
	opt := teller(t, ask+`
printf '{"decoded":%s,"valid":"%s","id":%s,"flag":"%s"}' \
  "$(ask --data-binary @event "$api/events/decode")" \
  "$(ask -d '{"schema":"order.json","data":{"qty":0}}' "$api/validate?format=text" | tr '\n' ';')" \
  "$(ask --data-binary @event "$api/jmespath?expression=Records%5B0%5D.kinesis.powertools_json(powertools_base64(data)).id")" \
  "$([ "$(ask "$api/flags/premium?source=appconfig:demo/prod/features&context.tier=gold&format=text")" = true ] && echo on)"`,
		map[string]string{"order.json": orderSchema})
	s := start(t, wrapped(t, opt, "POWERTOOLS_RUNTIME_PROXY", "on"))
	res := s.Invoke(kinesis)
	const want = `{"decoded":{"source":"kinesis","http":false,"records":[{"id":"4959","partition_key":"p","data":"{\"id\":9007199254740993}","json":{"id":9007199254740993}}]},"valid":"/order required;/qty minimum","id":9007199254740993,"flag":"on"}`
	if got := string(res.Payload); got != want {
		t.Errorf("%s %s\nwant %s", res.FunctionError, got, want)
	}
	s.Shutdown()
}

// TestPoison: a message that does not fit goes back and to the dead-letter
// queue; dropped it is gone, and the run says so. The good ones are done.
func TestPoison(t *testing.T) {
	messages := filepath.Join(t.TempDir(), "messages.json")
	if err := os.WriteFile(messages, []byte(`["{\"order\":1}","{\"qty\":0}","{\"order\":3}"]`), 0o644); err != nil {
		t.Fatal(err)
	}
	emulator := filepath.Join(t.TempDir(), "lambdaemu")
	if out, err := exec.Command("go", "build", "-o", emulator, "../../cmd/lambdaemu").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	opt := teller(t, `cat event`, map[string]string{"order.json": orderSchema})
	for invalid, want := range map[string]string{"error": `2  dead-letter queue  {"qty":0}`, "drop": "all done"} {
		cmd := exec.Command(emulator, "--extension", binaries.Extension, "--event-source", "sqs", "--batch", messages, "--batch-size", "1", "--dead-letter-after", "2",
			"--env", "POWERTOOLS_VALIDATION_EVENT_SCHEMA=order.json", "--env", "POWERTOOLS_VALIDATION_EVENT_ENVELOPE=SQS_RECORD", "--env", "POWERTOOLS_VALIDATION_INVALID_EVENT="+invalid,
			"--env", "POWERTOOLS_EXTENSION_HTTP_PORT="+harness.FreePort(t), "--env", "POWERTOOLS_RUNTIME_PROXY_PORT="+harness.FreePort(t), "--", binaries.Wrapper, opt.Command[0])
		cmd.Dir = opt.Dir              // the task root
		out, _ := cmd.CombinedOutput() // it exits with 1 where a message was not done
		t.Logf("%s:\n%s", invalid, out)
		if !strings.Contains(string(out), want) {
			t.Errorf("%s: the run does not say %q", invalid, want)
		}
	}
}

// TestDocumentSnippets: the snippets of the pages on events, flags and
// validation print what the pages say.
func TestDocumentSnippets(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	snippets, err := filepath.Abs("../../examples/snippets")
	if err != nil {
		t.Fatal(err)
	}
	opt := teller(t, `
printf '{"id":"o-1","qty":0}' >order
cat <<END
{"decoded":"$(sh `+snippets+`/decode.sh event | tr '\n"' ' ~')","flag":"$(sh `+snippets+`/flag.sh gold && echo on)$(sh `+snippets+`/flag.sh silver && echo on)","verdict":"$(sh `+snippets+`/validate.sh order)"}
END`, map[string]string{"schemas/order.json": `{"type":"object","required":["id","qty"],"properties":{"qty":{"type":"integer","minimum":1}}}`})
	s := start(t, wrapped(t, opt, "POWERTOOLS_RUNTIME_PROXY", "on", "POWERTOOLS_FEATURE_FLAGS", "demo/prod/features"))
	res := s.Invoke(`{"Records":[{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1","data":"eyJpZCI6MX0="}},{"kinesis":{"sequenceNumber":"2","data":"WzJd"}}]}`)
	if got, want := string(res.Payload), `{"decoded":"{~id~:1} [2] ","flag":"on","verdict":"/qty minimum"}`+"\n"; got != want {
		t.Errorf("%s %s\nwant %s", res.FunctionError, got, want)
	}
	s.Shutdown()
}

// TestDomainObjects: a Rust function that knows orders and no queues gets one
// order after another out of SQS. An order that it does not take fails alone.
func TestDomainObjects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bootstrap")
	linkRust(t, path, "testdata/events/order.rs", "lambda_runtime", "serde", "tokio")
	opt := lambdaemu.Options{Command: []string{path}, Timeout: 20 * time.Second, Env: map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}}
	s := start(t, wrapped(t, opt, "POWERTOOLS_BATCH", "sqs", "POWERTOOLS_BATCH_VERIFY", "off", "POWERTOOLS_EVENT_ENVELOPE", "SQS_RECORD"))
	record := func(id, body string) string {
		return `{"messageId":"` + id + `","receiptHandle":"r","body":` + strconv.Quote(body) + `,"attributes":{},"messageAttributes":{},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:orders","awsRegion":"us-east-1"}`
	}
	res := s.Invoke(`{"Records":[` + record("a", `{"id":9007199254740993,"qty":1}`) + "," + record("b", `{"id":2,"qty":1,"extra":true}`) + "," + record("c", `{"id":3,"qty":3}`) + `]}`)
	if got, want := string(res.Payload), `{"batchItemFailures":[{"itemIdentifier":"b"}]}`; res.FunctionError != "" || got != want {
		t.Errorf("%s %s, want %s", res.FunctionError, got, want)
	}
	s.Shutdown()
	for _, line := range []string{"order 9007199254740993 of 1", "order 3 of 3"} {
		if !strings.Contains(s.Text(), line) {
			t.Errorf("the function did not print %q", line)
		}
	}
}
