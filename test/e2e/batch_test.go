package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/awsemu"
	"powertools-extension/internal/eventsource"
	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// oneRecord are functions without a batch library: they get one record, say
// which, sleep as its body says, and throw when it says "fail".
func oneRecord(t *testing.T) map[string]lambdaemu.Options {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"app.py": `import base64, json, logging, time
def handler(event, context):
  r, = event["Records"]
  k, d = r.get("kinesis", {}), r.get("dynamodb", {})
  id = r.get("messageId") or k.get("sequenceNumber") or d.get("SequenceNumber")
  body = r.get("body") or (base64.b64decode(k["data"]).decode() if k else d["NewImage"]["Message"]["S"])
  print("CALLED", id, flush=True)
  logging.getLogger().error("got %s", id)
  if body.startswith("sleep "):
    time.sleep(float(body[6:]))
  if body == "fail":
    raise ValueError("asked")
  return {"statusCode": 500, "id": id}
`,
		"app.js": `exports.handler = async (event) => {
  const [r] = event.Records, k = r.kinesis, d = r.dynamodb
  if (event.Records.length !== 1) throw new Error('not one')
  const id = r.messageId || (k && k.sequenceNumber) || (d && d.SequenceNumber)
  const body = r.body || (k ? Buffer.from(k.data, 'base64').toString() : d.NewImage.Message.S)
  process.stdout.write('CALLED ' + id + '\n')
  console.error('got ' + id)
  if (body.startsWith('sleep ')) await new Promise(r => setTimeout(r, 1000 * body.slice(6)))
  if (body === 'fail') throw new RangeError('asked')
  return 'anything'
}
`,
		"bootstrap": `#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while :; do
  id=$(curl --noproxy '*' -sS -o event -D - "$api/next" | tr -d '\r' | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
  echo "CALLED $(sed 's/.*"messageId": *"\([^"]*\)".*/\1/' event)"
  if grep -q '"body": *"fail"' event; then
    curl --noproxy '*' -sS -o /dev/null -d '{"errorMessage":"asked","errorType":"E"}' "$api/$id/error"
  else
    if grep -q '"body": *"sleep ' event; then sleep "$(sed 's/.*"body": *"sleep \([0-9.]*\)".*/\1/' event)"; fi
    curl --noproxy '*' -sS -o /dev/null -d ok "$api/$id/response"
  fi
done
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	need := func(path string) string { return harness.Need(t, path) }
	return map[string]lambdaemu.Options{
		"python": {Dir: dir, Command: []string{need("python/bin/python"), "-m", "awslambdaric", "app.handler"}},
		"node":   {Dir: dir, Command: []string{harness.Tool(t, "node"), need("node/node_modules/aws-lambda-ric/bin/index.mjs"), "app.handler"}},
		"bash":   {Dir: dir, Command: []string{filepath.Join(dir, "bootstrap")}},
	}
}

// called are the records that ran, in order.
func called(s *sandbox) (ids []string) {
	for _, l := range s.Lines(lambdaemu.OriginFunction) {
		if _, id, is := strings.Cut(l.Text, "CALLED "); is {
			ids = append(ids, strings.TrimSpace(id))
		}
	}
	return ids
}

// batches is a function behind an event source, on lambdaemu.
func batches(t *testing.T, opt lambdaemu.Options, fake harness.Fake, env ...string) *sandbox {
	t.Helper()
	opt.InitTimeout = 30 * time.Second
	if opt.Timeout == 0 {
		opt.Timeout = 20 * time.Second
	}
	if opt.Env == nil {
		opt.Env = map[string]string{}
	}
	opt.Env["AWS_ENDPOINT_URL"] = fake.URL
	return start(t, wrapped(t, opt, append([]string{"POWERTOOLS_BATCH", "sqs,kinesis,dynamodb"}, env...)...))
}

// queue is a mapping in front of messages with these bodies; of a FIFO queue a
// body has its group in front of a colon.
func queue(t *testing.T, cfg eventsource.Config, fake harness.Fake, bodies ...string) *eventsource.Mapping {
	t.Helper()
	cfg.ARN = "arn:aws:sqs:us-east-1:123456789012:orders"
	var list []any
	for _, body := range bodies {
		group, rest, _ := strings.Cut(body, ":")
		switch cfg.Kind {
		case eventsource.FIFO:
			list = append(list, map[string]any{"body": rest, "messageGroupId": group})
		case eventsource.DynamoDB:
			list = append(list, map[string]any{"Message": body})
		default:
			list = append(list, body)
		}
	}
	switch cfg.Kind {
	case eventsource.FIFO:
		cfg.ARN += ".fifo"
	case eventsource.Kinesis:
		cfg.ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/orders"
	case eventsource.DynamoDB:
		cfg.ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := eventsource.Parse(cfg, text)
	if err != nil {
		t.Fatal(err)
	}
	fake.AddMapping(awsemu.Mapping{EventSource: cfg.ARN, Function: "function", ReportBatchItemFailures: cfg.ReportBatchItemFailures})
	return eventsource.New(cfg, messages)
}

// deliver invokes until nothing is left, and returns the answers.
func deliver(t *testing.T, s *sandbox, m *eventsource.Mapping) (answers []string) {
	t.Helper()
	for n := 0; ; n++ {
		b, more := m.Next()
		if !more {
			return answers
		}
		if n > 20 {
			t.Fatal("does not end")
		}
		res := s.Invoke(string(b.Event))
		answers = append(answers, strings.TrimSpace(res.FunctionError+" "+string(res.Payload)))
		m.Done(eventsource.Answer{FunctionError: res.FunctionError != "", Payload: res.Payload})
	}
}

func ends(m *eventsource.Mapping) string {
	var out []string
	for _, r := range m.Ledger().Records {
		out = append(out, fmt.Sprintf("%s after %d", r.End, r.Tries))
	}
	return strings.Join(out, ", ")
}

// TestBatchVectors: what the libraries answer, and the records they run, from
// functions that have no library, through the true proxy.
func TestBatchVectors(t *testing.T) {
	type vector struct {
		Name     string
		Event    json.RawMessage
		Options  struct{ ThrowOnFullBatchFailure, SkipGroupOnError *bool }
		Response json.RawMessage
		Error    string
		Called   []string `json:"handler_called_for"`
	}
	groups := map[string][]vector{}
	for _, library := range []string{"python", "typescript"} {
		text, err := os.ReadFile("../../internal/batch/testdata/batch_" + library + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Cases []vector }
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		for _, v := range file.Cases {
			raise := !strings.Contains(v.Name, "throwOnFullBatchFailure false") && (v.Options.ThrowOnFullBatchFailure == nil || *v.Options.ThrowOnFullBatchFailure)
			skip := strings.Contains(v.Name, "skipGroupOnError") || v.Options.SkipGroupOnError != nil && *v.Options.SkipGroupOnError
			key := fmt.Sprint(raise, " ", skip)
			groups[key] = append(groups[key], v)
		}
	}
	for _, runtime := range []string{"python", "node"} {
		for key, vectors := range groups {
			t.Run(runtime+" "+key, func(t *testing.T) {
				t.Parallel()
				raise, skip, _ := strings.Cut(key, " ")
				s := batches(t, oneRecord(t)[runtime], harness.FakeAWS(t), "POWERTOOLS_BATCH_VERIFY", "off", "POWERTOOLS_BATCH_STREAM_STOP", "false",
					"POWERTOOLS_BATCH_RAISE_ON_ENTIRE_FAILURE", raise, "POWERTOOLS_BATCH_SKIP_GROUP_ON_ERROR", skip)
				for _, v := range vectors {
					before := len(called(s))
					res := s.Invoke(string(v.Event))
					if v.Name == "event without Records" { // passes whole: docs/adr/0028
						if res.FunctionError == "" || strings.Contains(string(res.Payload), "UnexpectedBatchTypeError") {
							t.Errorf("%s: %s", v.Name, res.Payload)
						}
						continue
					}
					if got, want := strings.Join(called(s)[before:], " "), strings.Join(v.Called, " "); got != want {
						t.Errorf("%s: called %q, want %q", v.Name, got, want)
					}
					switch {
					case v.Error != "":
						if res.FunctionError == "" || !strings.Contains(string(res.Payload), `"errorType":"BatchProcessingError"`) || !strings.Contains(string(res.Payload), "All records failed processing.") {
							t.Errorf("%s: %s %s", v.Name, res.FunctionError, res.Payload)
						}
					case res.FunctionError != "" || !same(res.Payload, v.Response):
						t.Errorf("%s: %s %s, want %s", v.Name, res.FunctionError, res.Payload, v.Response)
					}
				}
			})
		}
	}
}

// TestBatchWithoutCode: one message of three fails, twice, and goes to the
// dead-letter queue alone; nothing else comes again. On any runtime.
func TestBatchWithoutCode(t *testing.T) {
	for _, name := range []string{"bash", "python", "node", "java", "rust"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := harness.FakeAWS(t)
			bodies, env := []string{"ok", "fail", "ok"}, []string{}
			var opt lambdaemu.Options
			if name == "java" || name == "rust" {
				// These fail at an event with "fail", which the envelope gives them.
				opt = languages()[name].options(t)
				bodies, env = []string{`{"n":1}`, `{"fail":true}`, `{"n":3}`}, []string{"POWERTOOLS_EVENT_ENVELOPE", "Records[0].powertools_json(body)"}
			} else {
				opt = oneRecord(t)[name]
			}
			s := batches(t, opt, fake, env...)
			m := queue(t, eventsource.Config{Kind: eventsource.SQS, ReportBatchItemFailures: true, Tries: 2, DeadLetter: true}, fake, bodies...)
			answers := deliver(t, s, m)
			if got := ends(m); got != "done after 1, dead-letter after 2, done after 1" {
				t.Errorf("%s; answers %q", got, answers)
			}
			s.Shutdown()
			events := s.Canonical()
			if len(events) != 2 || events[0]["outcome"] != "partial" || events[0]["batch_size"] != 3.0 || events[0]["batch_failed"] != 1.0 || events[0]["Errors"] != 0.0 ||
				events[0]["BatchRecordsFailed"] != 1.0 || events[0]["answered_by"] != "batch" || events[1]["outcome"] != "error" || events[1]["Errors"] != 1.0 {
				t.Errorf("events %v", events)
			}
			if n := fake.Calls("lambda:ListEventSourceMappings"); n != 1 {
				t.Errorf("%d calls for the mapping, want 1", n)
			}
		})
	}
}

// TestBatchLines: lines of a record have the id that Lambda knows, and the
// record's.
func TestBatchLines(t *testing.T) {
	for _, name := range []string{"python", "node"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := harness.FakeAWS(t)
			s := batches(t, oneRecord(t)[name], fake)
			m := queue(t, eventsource.Config{Kind: eventsource.SQS, ReportBatchItemFailures: true}, fake, "ok", "ok")
			b, _ := m.Next()
			res := s.Invoke(string(b.Event))
			s.Shutdown()
			got := map[string]bool{}
			for _, l := range s.Enriched() {
				if message, _ := l["message"].(string); strings.HasPrefix(message, "got ") {
					got[strings.TrimPrefix(message, "got ")] = l["batch_item"] == strings.TrimPrefix(message, "got ") && l["function_request_id"] == res.RequestID
				}
			}
			for _, r := range m.Ledger().Records {
				if !got[r.ID] {
					t.Errorf("no line of %s with the request's id and its own: %v", r.ID, s.Enriched())
				}
			}
		})
	}
}

// TestBatchLosesNothing: with and without ReportBatchItemFailures, in auto and
// strict, no message is deleted that failed.
func TestBatchLosesNothing(t *testing.T) {
	for _, verify := range []string{"auto", "strict"} {
		for _, reports := range []bool{true, false} {
			t.Run(fmt.Sprint(verify, " ", reports), func(t *testing.T) {
				t.Parallel()
				fake := harness.FakeAWS(t)
				s := batches(t, oneRecord(t)["bash"], fake, "POWERTOOLS_BATCH_VERIFY", verify)
				m := queue(t, eventsource.Config{Kind: eventsource.SQS, ReportBatchItemFailures: reports, Tries: 2, DeadLetter: true}, fake, "ok", "fail", "ok")
				answers := deliver(t, s, m)
				want := "done after 1, dead-letter after 2, done after 1"
				if !reports {
					want = "dead-letter after 2, dead-letter after 2, dead-letter after 2"
				}
				if got := ends(m); got != want || m.Ledger().Count(eventsource.Lost) != 0 {
					t.Errorf("%s; answers %q", got, answers)
				}
				s.Shutdown()
				if said := s.Saying("does not read which records failed"); said != map[bool]int{true: 0, false: 1}[reports] {
					t.Errorf("said %d times", said)
				}
			})
		}
	}
}

// TestBatchUnverified: who may not look the mapping up is trusted in auto and
// not in strict.
func TestBatchUnverified(t *testing.T) {
	for _, verify := range []string{"auto", "strict"} {
		t.Run(verify, func(t *testing.T) {
			t.Parallel()
			fake := harness.FakeAWS(t)
			s := batches(t, oneRecord(t)["bash"], fake, "POWERTOOLS_BATCH_VERIFY", verify)
			m := queue(t, eventsource.Config{Kind: eventsource.SQS, ReportBatchItemFailures: true, Tries: 1, DeadLetter: true}, fake, "ok", "fail")
			fake.AddMapping(awsemu.Mapping{EventSource: "arn:aws:sqs:us-east-1:123456789012:other", Function: "other", ReportBatchItemFailures: true})
			b, _ := m.Next()
			event := strings.ReplaceAll(string(b.Event), ":orders", ":unknown")
			res := s.Invoke(event)
			s.Shutdown()
			if (res.FunctionError != "") != (verify == "strict") || s.Saying("could not be verified") != 1 {
				t.Errorf("%s %s", res.FunctionError, res.Payload)
			}
		})
	}
}

// TestBatchLossWithVerifyOff is what the check is for: the setting is missing,
// nobody looks, and Lambda deletes what failed.
func TestBatchLossWithVerifyOff(t *testing.T) {
	fake := harness.FakeAWS(t)
	s := batches(t, oneRecord(t)["bash"], fake, "POWERTOOLS_BATCH_VERIFY", "off")
	m := queue(t, eventsource.Config{Kind: eventsource.SQS, Tries: 2, DeadLetter: true}, fake, "ok", "fail", "ok")
	deliver(t, s, m)
	if got := ends(m); got != "done after 1, lost after 1, done after 1" || fake.Calls("lambda:ListEventSourceMappings") != 0 {
		t.Error(got)
	}
}

// TestBatchOrder: FIFO with and without SKIP_GROUP_ON_ERROR, streams both ways.
func TestBatchOrder(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kind   eventsource.Kind
		env    []string
		bodies []string
		ran    int // in the first invocation
		failed int // reported by it
	}{
		{"fifo", eventsource.FIFO, nil, []string{"a:ok", "a:fail", "b:ok", "a:ok"}, 2, 3},
		{"fifo skips a group", eventsource.FIFO, []string{"POWERTOOLS_BATCH_SKIP_GROUP_ON_ERROR", "true"}, []string{"a:ok", "a:fail", "b:ok", "a:ok"}, 3, 2},
		{"kinesis stops", eventsource.Kinesis, nil, []string{"ok", "fail", "ok"}, 2, 1},
		{"kinesis goes on", eventsource.Kinesis, []string{"POWERTOOLS_BATCH_STREAM_STOP", "false"}, []string{"ok", "fail", "ok"}, 3, 1},
		{"dynamodb stops", eventsource.DynamoDB, nil, []string{"ok", "fail", "ok"}, 2, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake := harness.FakeAWS(t)
			s := batches(t, oneRecord(t)["python"], fake, tt.env...)
			m := queue(t, eventsource.Config{Kind: tt.kind, ReportBatchItemFailures: true, Tries: 2, DeadLetter: true}, fake, tt.bodies...)
			b, _ := m.Next()
			res := s.Invoke(string(b.Event))
			m.Done(eventsource.Answer{FunctionError: res.FunctionError != "", Payload: res.Payload})
			if n, failed := len(called(s)), strings.Count(string(res.Payload), "itemIdentifier"); n != tt.ran || failed != tt.failed {
				t.Errorf("%d records ran, want %d; %s names %d, want %d", n, tt.ran, res.Payload, failed, tt.failed)
			}
			deliver(t, s, m)
			for _, r := range m.Ledger().Records {
				if r.Overtaken || r.End == eventsource.Lost || r.End == eventsource.Waiting {
					t.Errorf("%s: %s, overtaken %v", r.Text, r.End, r.Overtaken)
				}
			}
		})
	}
}

// TestBatchShortOfTime: records for which there is no time are reported, do not
// run, and come again; those that succeeded do not.
func TestBatchShortOfTime(t *testing.T) {
	fake := harness.FakeAWS(t)
	opt := oneRecord(t)["bash"]
	opt.Timeout = 4 * time.Second
	s := batches(t, opt, fake)
	bodies := slices.Repeat([]string{"sleep 1"}, 6)
	m := queue(t, eventsource.Config{Kind: eventsource.SQS, ReportBatchItemFailures: true, Tries: 5, DeadLetter: true}, fake, bodies...)
	answers := deliver(t, s, m)
	s.Shutdown()
	if n := len(called(s)); n != 6 || m.Ledger().Count(eventsource.Done) != 6 || len(answers) < 2 {
		t.Errorf("%d records ran in %d invocations: %s", n, len(answers), ends(m))
	}
	if e := s.Canonical()[0]; e["batch_unprocessed"] == nil || e["BatchRecordsUnprocessed"] == nil || e["batch_failed"] != 0.0 || e["outcome"] != "partial" || s.Saying("there was no time for all records") == 0 {
		t.Errorf("%v", e)
	}
}

// TestBatchTimesOutWithIdempotency: record 7 of 10 takes the whole batch with
// it; with a record of idempotency for each, the retry runs four handlers.
func TestBatchTimesOutWithIdempotency(t *testing.T) {
	fake := harness.FakeAWSWith(t, ordersTable)
	opt := oneRecord(t)["bash"]
	opt.Timeout = 5 * time.Second
	mark := filepath.Join(opt.Dir, "once")
	// The seventh sleeps for ever the first time it runs.
	script, err := os.ReadFile(filepath.Join(opt.Dir, "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	hang := "  if grep -q '\"body\": *\"order 7\"' event && ! test -e " + mark + "; then touch " + mark + "; sleep 60; fi\n  if grep -q '\"body\": *\"fail\"' event; then"
	text := strings.Replace(string(script), "  if grep -q '\"body\": *\"fail\"' event; then", hang, 1)
	if err := os.WriteFile(filepath.Join(opt.Dir, "bootstrap"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	s := batches(t, opt, fake, "POWERTOOLS_IDEMPOTENCY_TABLE", "orders-idem", "POWERTOOLS_IDEMPOTENCY_KEY", "Records[0].messageId")
	var bodies []string
	for i := range 10 {
		bodies = append(bodies, fmt.Sprint("order ", i+1))
	}
	m := queue(t, eventsource.Config{Kind: eventsource.SQS, ReportBatchItemFailures: true, Tries: 2, DeadLetter: true}, fake, bodies...)
	b, _ := m.Next()
	res := s.Invoke(string(b.Event))
	m.Done(eventsource.Answer{FunctionError: res.FunctionError != "", Payload: res.Payload})
	if n := len(called(s)); res.FunctionError == "" || n != 7 {
		t.Fatalf("%d records ran: %s %s", n, res.FunctionError, res.Payload)
	}
	answers := deliver(t, s, m)
	s.Shutdown()
	if n := len(called(s)) - 7; n != 4 || m.Ledger().Count(eventsource.Done) != 10 {
		t.Errorf("%d handlers ran in the retry, want 4; %s; %q", n, ends(m), answers)
	}
}

// TestBatchOnManagedInstances: the records of a batch run one after another,
// while other events are served beside them.
func TestBatchOnManagedInstances(t *testing.T) {
	fake := harness.FakeAWS(t)
	opt := oneRecord(t)["bash"]
	worker, err := os.ReadFile(filepath.Join(opt.Dir, "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	// Four workers, each in a directory of its own.
	text := "#!/bin/bash\nfor i in 1 2 3 4; do (mkdir -p w$i && cd w$i && exec bash ../worker) & done\nwait\n"
	for name, content := range map[string]string{"worker": string(worker), "bootstrap": text} {
		if err := os.WriteFile(filepath.Join(opt.Dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	opt.InitType, opt.Concurrency = "lambda-managed-instances", 4
	s := batches(t, opt, fake)
	m := queue(t, eventsource.Config{Kind: eventsource.SQS, ReportBatchItemFailures: true, Tries: 1, DeadLetter: true}, fake, "sleep 0.3", "fail", "sleep 0.3", "ok")
	b, _ := m.Next()
	done := make(chan lambdaemu.Response, 1)
	go func() { done <- s.Invoke(string(b.Event)) }()
	beside := 0
	for len(done) == 0 {
		if res := s.Invoke(`{"body":"x"}`); res.FunctionError != "" {
			t.Errorf("beside the batch: %s", res.Payload)
		}
		beside++
	}
	res := <-done
	m.Done(eventsource.Answer{FunctionError: res.FunctionError != "", Payload: res.Payload})
	if got := ends(m); got != "done after 1, dead-letter after 1, done after 1, done after 1" || beside < 2 {
		t.Errorf("%s; %d beside; %s", got, beside, res.Payload)
	}
	var order []string
	ids := map[string]bool{}
	for _, r := range m.Ledger().Records {
		ids[r.ID] = true
	}
	for _, id := range called(s) {
		if ids[id] {
			order = append(order, id)
		}
	}
	for i, r := range m.Ledger().Records {
		if i >= len(order) || order[i] != r.ID {
			t.Errorf("ran %v", order)
			break
		}
	}
}

// TestBatchLarge: 10,000 records in 6 MB. The extension holds the event and
// little beside it.
func TestBatchLarge(t *testing.T) {
	const n = 10_000
	for _, name := range []string{"node", "python"} {
		t.Run(name, func(t *testing.T) {
			opt := oneRecord(t)[name]
			opt.Timeout, opt.MemoryMB = 5*time.Minute, 512
			quiet := map[string]string{
				"app.py": "def handler(event, context):\n  r, = event['Records']\n  if r['body'].startswith('bad'):\n    raise ValueError('asked')\n",
				"app.js": "exports.handler = async (event) => { if (event.Records.length !== 1 || event.Records[0].body.startsWith('bad')) throw new Error('asked') }\n",
			}
			for file, text := range quiet {
				if err := os.WriteFile(filepath.Join(opt.Dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			event := func(n int) string {
				var b strings.Builder
				b.WriteString(`{"Records":[`)
				for i := range n {
					body := strings.Repeat("x", 400)
					if i%2500 == 7 {
						body = "bad"
					}
					fmt.Fprintf(&b, `%s{"messageId":"%d-\"ä\u00e4","body":%q,"attributes":{},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q","awsRegion":"us-east-1"}`,
						map[bool]string{true: ",", false: ""}[i > 0], i, body)
				}
				return b.String() + "]}"
			}
			s := batches(t, opt, harness.FakeAWS(t), "POWERTOOLS_BATCH_VERIFY", "off", "POWERTOOLS_METRICS_PLATFORM", "all")
			s.Invoke(event(1))
			large := event(n)
			res := s.Invoke(large)
			s.Invoke(event(1)) // the report of the one before
			if want := `{"batchItemFailures":[{"itemIdentifier":"7-\"ä\u00e4"},{"itemIdentifier":"2507-\"ä\u00e4"},{"itemIdentifier":"5007-\"ä\u00e4"},{"itemIdentifier":"7507-\"ä\u00e4"}]}`; res.FunctionError != "" || string(res.Payload) != want {
				t.Fatalf("%s %.300s", res.FunctionError, res.Payload)
			}
			s.Shutdown()
			events := s.Canonical()
			before, _ := events[0]["ExtensionMemory"].(float64)
			after, _ := events[1]["ExtensionMemory"].(float64)
			size := float64(len(large)) / (1 << 20)
			if events[1]["batch_size"] != float64(n) || events[1]["batch_failed"] != 4.0 || before == 0 || after > before+2.5*size {
				t.Errorf("%v MiB before, %v after an event of %.1f MiB: %v", before, after, size, events[1])
			}
			t.Logf("%.1f MiB before, %.1f after an event of %.1f MiB; %v ms for %d records", before, after, size, events[1]["HandlerDuration"], n)
		})
	}
}

// TestBatchLinesInPlace: lines that are changed where they are written are read
// while their record runs, so that each has it, also one that names nothing.
func TestBatchLinesInPlace(t *testing.T) {
	for _, name := range []string{"bash", "python", "node"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := harness.FakeAWS(t)
			s := batches(t, oneRecord(t)[name], fake, "POWERTOOLS_LOGS_MODE", "in-place")
			m := queue(t, eventsource.Config{Kind: eventsource.SQS, ReportBatchItemFailures: true}, fake, "ok", "ok", "ok")
			b, _ := m.Next()
			res := s.Invoke(string(b.Event))
			s.Shutdown()
			n := 0
			for _, l := range s.Lines(lambdaemu.OriginFunction) {
				var m map[string]any
				if json.Unmarshal([]byte(l.Text), &m) != nil {
					continue
				}
				message, _ := m["message"].(string)
				id, is := strings.CutPrefix(message, "CALLED ")
				if !is {
					continue
				}
				if n++; m["batch_item"] != id || m["function_request_id"] != res.RequestID {
					t.Errorf("%s", l.Text)
				}
			}
			if n != 3 {
				t.Errorf("%d lines, want 3", n)
			}
		})
	}
}
