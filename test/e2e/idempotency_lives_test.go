package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// shop is a bash function without code of ours: it does as its event says, and
// leaves a mark for each time it runs. Its answers differ each time.
const shop = `#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
post() { curl --noproxy '*' -sS -o /dev/null "${@:2}" "$api/$id/$1"; }
ask() { curl --noproxy '*' -sS -H "X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN" "http://127.0.0.1:$POWERTOOLS_EXTENSION_HTTP_PORT/idempotency/$1" -d "$2"; }
while :; do
  event=event.$$
  id=$(curl --noproxy '*' -sS -o $event -D - "$api/next" | tr -d '\r' | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
  echo run >>"$RUNS"
  answer='{"charged": 1.0, "n":"'$RANDOM$RANDOM$RANDOM'"}'
  grep -q requestContext $event && answer='{"statusCode":200,"headers":{ },"body":"'$RANDOM$RANDOM$RANDOM'"}'
  case $(sed -n 's/.*"do":"\([a-z0-9]*\)".*/\1/p' $event) in
  fail) post error -d '{"errorMessage":"asked","errorType":"E"}'; continue ;;
  kill) kill -9 $$ ;;
  sleep) sleep 1 ;;
  s502) answer='{"statusCode":502,"body":"try again"}' ;;
  http) answer=$(ask begin '{"key":"part"}'); [[ $answer =~ \"id\":\"([0-9a-f]*)\" ]] && ask "complete?id=${BASH_REMATCH[1]}" '"done"' ;;
  text) post response -H 'Content-Type: text/html' -d "<p>$RANDOM"; continue ;;
  large) { printf '"'; head -c 400000 /dev/zero | tr '\0' x; printf '"'; } >large.$$; post response --data-binary @large.$$; continue ;;
  stream) echo "$answer" | post response -H 'Lambda-Runtime-Function-Response-Mode: streaming' -H 'Transfer-Encoding: chunked' --data-binary @-; continue ;;
  esac
  post response -d "$answer"
done
`

// till is a table and sandboxes of the shop that share it.
type till struct {
	t    *testing.T
	fake harness.Fake
	runs string // a file with a line for each run
	opt  lambdaemu.Options
}

func newTill(t *testing.T) *till {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), []byte(shop), 0o755); err != nil {
		t.Fatal(err)
	}
	return &till{t, harness.FakeAWSWith(t, ordersTable), filepath.Join(dir, "runs"),
		lambdaemu.Options{Dir: dir, Command: []string{filepath.Join(dir, "bootstrap")}, Timeout: 15 * time.Second}}
}

func (l *till) open(env ...string) *sandbox {
	l.t.Helper()
	opt := l.opt
	opt.Env = map[string]string{"AWS_ENDPOINT_URL": l.fake.URL, "RUNS": l.runs, "POWERTOOLS_IDEMPOTENCY_TABLE": "orders-idem", "POWERTOOLS_IDEMPOTENCY_KEY": "order || powertools_json(body).order"}
	return start(l.t, wrapped(l.t, opt, env...))
}

// ran counts the runs since the last question.
func (l *till) ran() int {
	l.t.Helper()
	text, err := os.ReadFile(l.runs)
	if err != nil && !os.IsNotExist(err) {
		l.t.Fatal(err)
	}
	_ = os.Remove(l.runs)
	return strings.Count(string(text), "run")
}

func (l *till) want(what string, res lambdaemu.Response, runs int, holds ...string) {
	l.t.Helper()
	if n := l.ran(); n != runs {
		l.t.Errorf("%s: ran %d times, want %d", what, n, runs)
	}
	for _, text := range holds {
		if !strings.Contains(res.FunctionError+" "+res.ErrorType+" "+string(res.Payload), text) {
			l.t.Errorf("%s: %s %s %.300s, want %s in it", what, res.FunctionError, res.ErrorType, res.Payload, text)
		}
	}
}

const httpOrder = `{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"POST"}},"body":"{\"order\":%d}","do":%q}`

// TestOneRun: the same order twice is one run and equal bytes; what freed its
// key runs again, what could not be stored does not.
func TestOneRun(t *testing.T) {
	l := newTill(t)
	s := l.open()
	first := s.Invoke(`{"order":1}`)
	l.want("the first", first, 1, `"charged": 1.0`)
	again := s.Invoke(`{"order":1,"again":true}`)
	l.want("the same order", again, 0)
	if string(first.Payload) != string(again.Payload) {
		t.Errorf("%s is not %s", again.Payload, first.Payload)
	}

	l.want("a failure", s.Invoke(`{"order":2,"do":"fail"}`), 1, "Unhandled", "asked")
	l.want("after it", s.Invoke(`{"order":2}`), 1, `"charged"`)

	l.want("a 502", s.Invoke(fmt.Sprintf(httpOrder, 3, "s502")), 1, "502")
	first = s.Invoke(fmt.Sprintf(httpOrder, 3, ""))
	l.want("after it", first, 1, `"statusCode":200`)
	again = s.Invoke(fmt.Sprintf(httpOrder, 3, ""))
	l.want("and again", again, 0, `"headers":{"idempotent-replayed":"true" }`)
	if want := strings.Replace(string(first.Payload), "{ }", `{"idempotent-replayed":"true" }`, 1); string(again.Payload) != want {
		t.Errorf("replayed %s, want %s", again.Payload, want)
	}

	first = s.Invoke(`{"order":4,"do":"text"}`)
	l.want("text", first, 1, "<p>")
	again = s.Invoke(`{"order":4}`)
	l.want("text again", again, 0, string(first.Payload))

	for i, c := range []struct{ do, reason string }{{"large", "too_large"}, {"stream", "streamed"}} {
		l.want(c.do, s.Invoke(fmt.Sprintf(httpOrder, 10+i, c.do)), 1)
		l.want(c.do+", again", s.Invoke(fmt.Sprintf(httpOrder, 10+i, c.do)), 0, `"statusCode":409`, "idempotency_not_replayable", c.reason)
		l.want(c.do+", a third time", s.Invoke(fmt.Sprintf(`{"order":%d}`, 10+i)), 0, "Function.IdempotencyNotReplayableError")
	}

	durable := `{"DurableExecutionArn":"arn:aws:lambda:eu-west-1:123456789012:function:f:1/durable-execution/a/b","CheckpointToken":"t","order":1}`
	l.want("a durable event", s.Invoke(durable), 1, "charged")
	l.want("a durable event again", s.Invoke(durable), 1, "charged")
	l.want("no key", s.Invoke(`{"other":1}`), 1, "charged")
	s.Shutdown()

	states, sums := map[string]int{}, map[string]float64{}
	for _, e := range s.Canonical() {
		state, _ := e["idempotency"].(string)
		states[state]++
		if key, _ := e["idempotency_key"].(string); (key != "") != (state != "" && state != "skipped") || key != "" && !strings.HasPrefix(key, "function#") {
			t.Errorf("state %q with key %q", state, key)
		}
		if (e["answered_by"] == "idempotency") != (state == "replayed" || state == "error") {
			t.Errorf("state %q, answered by %v", state, e["answered_by"])
		}
		for _, name := range []string{"IdempotentReplays", "IdempotencyInProgress", "IdempotencySkipped", "IdempotencyNotStored", "IdempotencyLost", "IdempotencyBypassed", "IdempotencyErrors"} {
			n, _ := e[name].(float64)
			sums[name] += n
		}
		if ms, ok := e["IdempotencyStoreTime"].(float64); ok != (state != "" && state != "skipped") || ms < 0 {
			t.Errorf("state %q with store time %v", state, e["IdempotencyStoreTime"])
		}
	}
	if want := map[string]int{"run": 8, "replayed": 3, "error": 4, "skipped": 1, "": 2}; fmt.Sprint(states) != fmt.Sprint(want) {
		t.Errorf("states %v, want %v", states, want)
	}
	if want := map[string]float64{"IdempotentReplays": 3, "IdempotencyInProgress": 0, "IdempotencySkipped": 1, "IdempotencyNotStored": 2, "IdempotencyLost": 0, "IdempotencyBypassed": 0, "IdempotencyErrors": 4}; fmt.Sprint(sums) != fmt.Sprint(want) {
		t.Errorf("metrics %v, want %v", sums, want)
	}
	if s.Saying("cannot be stored") != 2 {
		t.Errorf("said %d times that an answer cannot be stored, want once for each reason", s.Saying("cannot be stored"))
	}
}

// TestKilledRun: a runtime that is killed blocks its key until its time is
// over, and not longer.
func TestKilledRun(t *testing.T) {
	l := newTill(t)
	l.opt.Timeout = 4 * time.Second
	s := l.open()
	began := time.Now()
	l.want("killed", s.Invoke(`{"order":1,"do":"kill"}`), 1, "Runtime.ExitError")
	res := s.Invoke(`{"order":1}`)
	if time.Since(began) < l.opt.Timeout-500*time.Millisecond { // else the machine was busy for that long
		l.want("before its time is over", res, 0, "Function.IdempotencyAlreadyInProgressError")
	}
	time.Sleep(time.Until(began.Add(l.opt.Timeout + time.Second)))
	l.want("after it", s.Invoke(`{"order":1}`), 1, "charged")
	l.want("and again", s.Invoke(`{"order":1}`), 0, "charged")
}

// TestOthersWhileOneRuns: 409 with Retry-After, or with WAIT the answer of the
// one that runs.
func TestOthersWhileOneRuns(t *testing.T) {
	for _, wait := range []string{"0", "10s"} {
		t.Run("wait "+wait, func(t *testing.T) {
			l := newTill(t)
			a, b := l.open("POWERTOOLS_IDEMPOTENCY_WAIT", wait), l.open("POWERTOOLS_IDEMPOTENCY_WAIT", wait)
			for _, s := range []*sandbox{a, b} { // both are warm
				s.Invoke(`{"warm":1}`)
			}
			l.ran()
			first := make(chan lambdaemu.Response, 1)
			go func() { first <- a.Invoke(fmt.Sprintf(httpOrder, 1, "sleep")) }()
			for l.fake.Calls("dynamodb:PutItem") < 1 {
				time.Sleep(5 * time.Millisecond)
			}
			second := b.Invoke(fmt.Sprintf(httpOrder, 1, "sleep"))
			one := <-first
			if wait == "0" {
				l.want("the second", second, 1, `"statusCode":409`, "in_progress", `"retry-after":"`)
				return
			}
			want := strings.Replace(string(one.Payload), "{ }", `{"idempotent-replayed":"true" }`, 1)
			l.want("the second", second, 1)
			if string(second.Payload) != want {
				t.Errorf("waited for %s, want %s", second.Payload, want)
			}
		})
	}
}

// TestFourSandboxes: 64 equal requests over four sandboxes are one run.
func TestFourSandboxes(t *testing.T) {
	l := newTill(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	for range 4 {
		s := l.open("POWERTOOLS_IDEMPOTENCY_WAIT", "10s")
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 16 {
				res := s.Invoke(`{"order":1,"do":"sleep"}`)
				mu.Lock()
				answers[string(res.Payload)]++
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if n := l.ran(); n != 1 || len(answers) != 1 {
		t.Errorf("%d runs of 64 equal requests: %v", n, answers)
	}
}

// TestRepeatedRecord: behind batch a record is a request. One that comes again
// in another batch is not run again, and a time-out of the batch does not undo
// those that are done.
func TestRepeatedRecord(t *testing.T) {
	l := newTill(t)
	s := l.open("POWERTOOLS_BATCH", "sqs", "POWERTOOLS_BATCH_VERIFY", "off", "POWERTOOLS_IDEMPOTENCY_KEY", "powertools_json(Records[0].body).order")
	batch := func(orders ...int) string {
		var records []string
		for i, order := range orders {
			records = append(records, fmt.Sprintf(`{"messageId":"m%d-%d","receiptHandle":"r","body":"{\"order\":%d}","attributes":{},"messageAttributes":{},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q","awsRegion":"us-east-1"}`, i, order, order))
		}
		return `{"Records":[` + strings.Join(records, ",") + `]}`
	}
	const done = `{"batchItemFailures":[]}`
	l.want("two orders", s.Invoke(batch(1, 2)), 2, done)
	l.want("one of them again, and a new one", s.Invoke(batch(2, 3)), 1, done)
	l.want("one three times in a batch", s.Invoke(batch(4, 4, 4)), 1, done)
	s.Shutdown()
	var replays, stated float64
	for _, e := range s.Canonical() {
		n, _ := e["IdempotentReplays"].(float64)
		if replays += n; e["idempotency"] != nil {
			stated++
		}
	}
	if replays != 3 || stated != 1 { // of the first batch alone all records have one state
		t.Errorf("%v replays, %v batches with one state", replays, stated)
	}
}

// TestPartOfAHandler: over HTTP, without the proxy, a part runs once, and the
// canonical event says so as it does for a whole handler.
func TestPartOfAHandler(t *testing.T) {
	l := newTill(t)
	s := l.open("POWERTOOLS_RUNTIME_PROXY", "off")
	l.want("the first", s.Invoke(`{"do":"http"}`), 1, `"state":"started"`)
	l.want("the second", s.Invoke(`{"do":"http"}`), 1, `{"state":"completed","data":"done"}`)
	s.Shutdown()
	var states []string
	for _, e := range s.Canonical() {
		states = append(states, fmt.Sprintf("%v %v %v %v", e["idempotency"], e["IdempotentReplays"], e["proxy"], e["answered_by"]))
		if key, _ := e["idempotency_key"].(string); !strings.HasPrefix(key, "function#") {
			t.Errorf("key %q", key)
		}
	}
	if want := []string{"run <nil> <nil> <nil>", "replayed 1 <nil> <nil>"}; strings.Join(states, "|") != strings.Join(want, "|") {
		t.Errorf("%q, want %q", states, want)
	}
}
