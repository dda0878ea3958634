package app_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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

// Every line of an invocation carries the id that its path finds, and so do the
// canonical event and the warning before a time-out; the lines of one whose
// event has none carry none. What is to be redacted of an id is.
func TestCorrelationIDs(t *testing.T) {
	var uri string
	line := func(p *proxied, id, text, answer, step string) {
		p.lambda.comes(event{id: id, text: text})
		p.takes()
		stream(t, &uri, `{"time":"2026-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"`+id+`","version":"$LATEST"}}`, functionLine("line of "+id))
		p.answer(id, step, answer)
	}
	third := "8a2e4d5f-0003-4000-8000-000000000003"
	p := viaProxy(t, "/var/task",
		func(p *proxied) { line(p, oldID, `{"order":{"id":"o-17"}}`, "1", "response") },
		func(p *proxied) { line(p, newID, `{"other":1}`, "1", "response") },
		func(p *proxied) {
			line(p, third, `{"order":{"id":"card-4111"}}`, `{"errorMessage":"no","errorType":"E"}`, "error")
		})
	p.onSubscribe = func(u string) { uri = u }
	p.next = []answer{call(oldID), call(newID), call(third), bye()}
	out := p.live(append(p.env, "POWERTOOLS_LOGGER_CORRELATION_ID_PATH=order.id", "POWERTOOLS_LOGS_REDACT=re:card-[0-9]+")...)
	if out.err != nil {
		t.Fatal(out.err)
	}
	want := map[string]any{oldID: "o-17", newID: nil, third: "[redacted]"}
	seen := 0
	for _, l := range out.objects(t) {
		id, _ := l["function_request_id"].(string)
		if value, ok := want[id]; ok {
			if seen++; !cmp.Equal(l["correlation_id"], value) {
				t.Errorf("%v, want %v: %v", l["correlation_id"], value, l)
			}
		}
	}
	if seen != 6 {
		t.Errorf("%d lines and events, want one of each for 3 invocations: %s", seen, out.stdout)
	}
}

// What is asked for is in the log: the event, the response, the error, without
// what is a credential or to be redacted. What is not asked for is not.
func TestEventsInTheLog(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		want []string // words of the lines beside the canonical events
	}{
		"nothing": {nil, nil},
		"event":   {[]string{"POWERTOOLS_LOGGER_LOG_EVENT=true"}, []string{"o-17", "o-18"}},
		"all": {[]string{"POWERTOOLS_LOGGER_LOG_EVENT=true", "POWERTOOLS_LOGGER_LOG_RESPONSE=true", "POWERTOOLS_LOGGER_LOG_ERROR=true"},
			[]string{"o-17", "paid", "o-18", "NoStock"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := make([]string, 2)
			p := viaProxy(t, "/var/task",
				runs(event{id: oldID, text: `{"order":"o-17","password":"s3cret","headers":{"Authorization":"s3cret"}}`}, "response", `{"state":"paid","password":"s3cret"}`, &got[0]),
				runs(event{id: newID, text: `{"order":"o-18"}`}, "error", `{"errorMessage":"none left","errorType":"NoStock"}`, &got[1]))
			p.next = []answer{call(oldID), call(newID), bye()}
			out := p.live(append(tt.env, append(p.env, "POWERTOOLS_LOGS_REDACT=password")...)...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			var lines []string
			for _, l := range out.objects(t) {
				if l["_aws"] == nil && l["lifetime_ms"] == nil {
					text, _ := json.Marshal(l)
					lines = append(lines, string(text))
				}
			}
			if len(lines) != len(tt.want) {
				t.Fatalf("%d lines, want %d: %q", len(lines), len(tt.want), lines)
			}
			for i, word := range tt.want {
				if !strings.Contains(lines[i], word) {
					t.Errorf("line %d: %s, want %s in it", i, lines[i], word)
				}
			}
			if strings.Contains(out.stdout, "s3cret") || !strings.Contains(got[0], "s3cret") {
				t.Errorf("a secret is in the log, or the function did not get its event: %q", got[0])
			}
		})
	}
}

// A batch comes to the function record by record; Lambda is told which failed,
// once. Whether the mapping reads that is looked up, and what cannot be looked
// up is said, with the cure.
func TestBatchRecordByRecord(t *testing.T) {
	for verify, said := range map[string]int{"auto": 1, "off": 0} {
		t.Run(verify, func(t *testing.T) {
			const batch = `{"Records":[` +
				`{"messageId":"a","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q","body":"1"},` +
				`{"messageId":"b","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q","body":"2"},` +
				`{"messageId":"c","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q","body":"3"}]}`
			c := newCloud(t, nil)
			var bodies []string
			p := viaProxy(t, "/var/task", func(p *proxied) {
				p.lambda.comes(event{id: oldID, text: batch})
				for range 3 {
					e := p.takes()
					var one struct{ Records []struct{ Body string } }
					if err := json.Unmarshal([]byte(e.text), &one); err != nil || len(one.Records) != 1 {
						t.Errorf("%v: %s", err, e.text)
						return
					}
					bodies = append(bodies, one.Records[0].Body)
					step, body := "response", "1"
					if one.Records[0].Body == "2" {
						step, body = "error", `{"errorMessage":"no","errorType":"Bad"}`
					}
					p.answer(e.id, step, body)
				}
				eventually(t, "Lambda's answer", func() bool { return len(p.lambda.answered()) == 1 })
			})
			p.next = []answer{call(oldID), bye()}
			out := p.live(c.env(append(p.env, "POWERTOOLS_BATCH=sqs", "POWERTOOLS_BATCH_VERIFY="+verify)...)...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			if d := cmp.Diff([]string{"1", "2", "3"}, bodies); d != "" {
				t.Errorf("the function got (-want +got):\n%s", d)
			}
			if got := p.lambda.answered(); len(got) != 1 || !strings.HasPrefix(got[0], "response ") || strings.Count(got[0], "itemIdentifier") != 1 || !strings.Contains(got[0], `"b"`) {
				t.Errorf("Lambda got %q", got)
			}
			if n := out.said("whether the event source mapping reads"); n != said {
				t.Errorf("said %d times, want %d", n, said)
			}
		})
	}
}

// A record that does not fit its schema is counted, whether it comes again or is
// dropped: nothing else tells of one that is gone.
func TestBatchRecordsThatDoNotFit(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "s.json"), []byte(`{"properties":{"Records":{"items":{"properties":{"body":{"enum":["good"]}}}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		bodies []string
		want   map[string]any // of the canonical event
		answer string
	}{
		"error":         {[]string{"good", "bad", "good"}, map[string]any{"EventsInvalid": nil, "EventsDropped": nil, "BatchRecordsFailed": 1.0}, `response {"batchItemFailures":[{"itemIdentifier":"m1"}]}`},
		"drop":          {[]string{"good", "bad", "good"}, map[string]any{"EventsInvalid": 1.0, "EventsDropped": 1.0, "BatchRecordsFailed": nil}, `response {"batchItemFailures":[]}`},
		"drop several":  {[]string{"bad", "bad", "good"}, map[string]any{"EventsInvalid": 2.0, "EventsDropped": 2.0, "BatchRecordsFailed": nil}, `response {"batchItemFailures":[]}`},
		"drop the last": {[]string{"good", "bad"}, map[string]any{"EventsInvalid": 1.0, "EventsDropped": 1.0, "BatchRecordsFailed": nil}, `response {"batchItemFailures":[]}`},
		"drop none":     {[]string{"good"}, map[string]any{"EventsInvalid": nil, "EventsDropped": nil, "BatchRecordsFailed": nil}, `response {"batchItemFailures":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			var records []string
			good := 0
			for i, body := range tt.bodies {
				records = append(records, fmt.Sprintf(`{"messageId":"m%d","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q","body":%q}`, i, body))
				if body == "good" {
					good++
				}
			}
			p := viaProxy(t, root, func(p *proxied) {
				p.lambda.comes(event{id: oldID, text: `{"Records":[` + strings.Join(records, ",") + `]}`})
				for range good {
					p.answer(p.takes().id, "response", "1")
				}
				if tt.bodies[len(tt.bodies)-1] != "good" { // its answer is made when the next event is asked for
					done := make(chan struct{})
					go func() {
						defer close(done)
						if res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(next(t, p.function.port)); err == nil {
							_ = res.Body.Close()
						}
					}()
					t.Cleanup(func() { <-done })
				}
				eventually(t, "Lambda's answer", func() bool { return len(p.lambda.answered()) == 1 })
			})
			p.next = []answer{call(oldID), bye()}
			mode, _, _ := strings.Cut(name, " ")
			out := p.live(append(p.env, "POWERTOOLS_BATCH=sqs", "POWERTOOLS_BATCH_VERIFY=off", "POWERTOOLS_VALIDATION_EVENT_SCHEMA=s.json", "POWERTOOLS_VALIDATION_INVALID_EVENT="+mode)...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			if got := p.lambda.answered(); len(got) != 1 || got[0] != tt.answer {
				t.Errorf("Lambda got %q, want %s", got, tt.answer)
			}
			for _, l := range out.objects(t) {
				if l["_aws"] == nil || l["function_request_id"] != oldID {
					continue
				}
				for member, want := range tt.want {
					if !cmp.Equal(l[member], want) {
						t.Errorf("%s: %v, want %v: %v", member, l[member], want, l)
					}
				}
				return
			}
			t.Errorf("no canonical event: %s", out.stdout)
		})
	}
}

// A word of POWERTOOLS_BATCH that is no source is told with what is used.
func TestBatchWords(t *testing.T) {
	found := effective([]string{"POWERTOOLS_METRICS_NAMESPACE=shop", "POWERTOOLS_BATCH=SQS,kafka"}).Problems
	if len(found) != 1 || !strings.Contains(found[0].Reason, "entry 2") || found[0].Used != "sqs" {
		t.Errorf("%+v", found)
	}
}

// While its feature is off no event reaches the function; without a document
// all do, and that is said.
func TestFeatureGate(t *testing.T) {
	for name, tt := range map[string]struct {
		document string
		through  bool
	}{
		"on":   {`{"orders":{"default":true}}`, true},
		"off":  {`{"orders":{"default":false}}`, false},
		"none": {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, map[string]string{})
			if tt.document != "" {
				c.set("/flags", tt.document)
			}
			var got string
			p := viaProxy(t, "/var/task", func(p *proxied) {
				p.lambda.comes(event{id: oldID, text: `{"n":1}`}, event{id: newID, text: `{"n":2}`})
				if tt.through {
					got = p.takes().text
					p.answer(oldID, "response", "1")
					return
				}
				done := make(chan struct{})
				go func() { // both events are answered in the function's place
					defer close(done)
					if res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(next(t, p.function.port)); err == nil {
						_ = res.Body.Close()
					}
				}()
				eventually(t, "answers", func() bool { return len(p.lambda.answered()) == 2 })
				t.Cleanup(func() { <-done })
			})
			p.next = []answer{call(oldID), bye()}
			out := p.live(c.env(append(p.env, "POWERTOOLS_FEATURE_FLAGS=ssm:/flags", "POWERTOOLS_FEATURE_GATE=orders")...)...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			answers := p.lambda.answered()
			if closed := strings.Contains(fmt.Sprint(answers), "FeatureGateClosed"); closed == tt.through || tt.through && got != `{"n":1}` {
				t.Errorf("the function got %q, Lambda %q", got, answers)
			}
		})
	}
}

// collected are the bodies that came to a collector of spans.
type collected struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

func newCollector(t *testing.T) *collected {
	c := &collected{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			zr, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			body = zr
		}
		text, _ := io.ReadAll(body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.bodies = append(c.bodies, string(text))
	}))
	t.Cleanup(c.Close)
	return c
}

// A sampled invocation is a span at each destination, below the function's own
// segment; one that is not sampled is none. A failed one says how. The account
// of spans is in the ledger and in GET /healthz.
func TestSpansOfInvocations(t *testing.T) {
	daemon, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	collector := newCollector(t)
	const root = "1-5f35ae12-0c0fec141ab77a00bc047aa2"
	header := func(sampled int) string {
		return fmt.Sprintf("Root=%s;Parent=2be948a625588e32;Sampled=%d", root, sampled)
	}
	third := "8a2e4d5f-0003-4000-8000-000000000003"
	var got string
	var health map[string]any
	local := function{t, harness.FreePort(t)}
	p := viaProxy(t, "/var/task",
		runs(event{id: oldID, text: `{}`, trace: header(1)}, "response", `{"state":"paid"}`, &got),
		runs(event{id: newID, text: `{}`, trace: header(0)}, "response", `1`, &got),
		runs(event{id: third, text: `{}`, trace: header(1)}, "error", `{"errorMessage":"none left","errorType":"NoStock"}`, &got),
		func(*proxied) { health, _ = local.get("/healthz").object(t)["spans"].(map[string]any) })
	p.next = []answer{call(oldID), call(newID), call(third), call("8a2e4d5f-0004-4000-8000-000000000004"), bye()}
	out := p.live(append(p.env, "POWERTOOLS_TRACE_DESTINATION=xray,otlp+"+collector.URL+"/v1/traces", "NO_PROXY=*",
		"AWS_XRAY_DAEMON_ADDRESS="+daemon.LocalAddr().String(), "POWERTOOLS_EXTENSION_HTTP_PORT="+local.port)...)
	if out.err != nil {
		t.Fatal(out.err)
	}
	segments := readAll(t, daemon)
	if len(segments) != 2 || !strings.Contains(segments[0], root) || strings.Contains(segments[0], "fault") || !strings.Contains(segments[1], "NoStock") {
		t.Errorf("X-Ray got %q", segments)
	}
	spans := strings.Join(collector.bodies, "")
	if strings.Count(spans, oldID) != 1 || strings.Count(spans, third) != 1 || strings.Contains(spans, newID) || !strings.Contains(spans, strings.ReplaceAll(root[2:], "-", "")) || !strings.Contains(spans, "NoStock") {
		t.Errorf("the collector got %s", spans)
	}
	if strings.Contains(spans+fmt.Sprint(segments), "paid") {
		t.Error("a response is in a span, although nobody asked for it")
	}
	if destinations, _ := health["destinations"].([]any); len(destinations) != 2 || destinations[0] != "xray" {
		t.Errorf("health: %v", health)
	}
	all := out.objects(t)
	if account, _ := all[len(all)-1]["spans"].(map[string]any); account["datagrams_sent"] != 2.0 {
		t.Errorf("ledger: %v", all[len(all)-1])
	}
}

// readAll are the datagrams that have come.
func readAll(t *testing.T, from net.PacketConn) (out []string) {
	t.Helper()
	buf := make([]byte, 64<<10)
	for {
		_ = from.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, _, err := from.ReadFrom(buf)
		if err != nil {
			slices.Sort(out)
			slices.SortFunc(out, func(a, b string) int { return strings.Compare(after(a, "start_time"), after(b, "start_time")) })
			return out
		}
		out = append(out, string(buf[:n]))
	}
}

func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	return rest
}

// A span carries the response only when it was asked for, and redacted; what
// idempotency waited for is a span below it. Without the wrapper spans are made
// too, of what the platform tells, and what they lack is said once.
func TestWhatSpansCarry(t *testing.T) {
	collector := newCollector(t)
	c := newCloud(t, nil)
	const header = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"
	var got string
	p := viaProxy(t, "/var/task", runs(event{id: oldID, text: `{"order":1}`, trace: header}, "response", `{"state":"paid","card":"card-4111"}`, &got))
	p.next = []answer{call(oldID), bye()}
	out := p.live(c.env(append(p.env, "POWERTOOLS_TRACE_DESTINATION=otlp+"+collector.URL+"/v1/traces", "NO_PROXY=*", "POWERTOOLS_TRACER_CAPTURE_RESPONSE=true",
		"POWERTOOLS_LOGS_REDACT=re:card-[0-9]+", "POWERTOOLS_IDEMPOTENCY_TABLE=t", "POWERTOOLS_IDEMPOTENCY_KEY=order", "POWERTOOLS_IDEMPOTENCY_ON_STORE_FAILURE=open")...)...)
	if out.err != nil {
		t.Fatal(out.err)
	}
	spans := strings.Join(collector.bodies, "")
	if !strings.Contains(spans, "paid") || strings.Contains(spans, "card-4111") || !strings.Contains(spans, "idempotency") {
		t.Errorf("%s", spans)
	}
}

func TestSpansWithoutTheWrapper(t *testing.T) {
	collector := newCollector(t)
	p := newPlatform(t)
	var uri string
	p.onSubscribe = func(u string) { uri = u }
	const tracing = `"tracing":{"type":"X-Amzn-Trace-Id","spanId":"54565fb41ac79632","value":"Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"}`
	p.onNext = onNth(nil, func() {
		stream(t, &uri, `{"time":"2026-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"`+oldID+`","version":"$LATEST",`+tracing+`}}`,
			`{"time":"2026-01-01T00:00:00.102Z","type":"platform.runtimeDone","record":{"requestId":"`+oldID+`","status":"error","errorType":"Runtime.ExitError",`+tracing+`,"metrics":{"durationMs":102}}}`,
			`{"time":"2026-01-01T00:00:00.103Z","type":"platform.report","record":{"requestId":"`+oldID+`","status":"error","errorType":"Runtime.ExitError",`+tracing+`,"metrics":{"durationMs":103,"billedDurationMs":103,"memorySizeMB":128,"maxMemoryUsedMB":64}}}`)
	})
	p.next = []answer{call(oldID), bye()}
	out := p.live("POWERTOOLS_TRACE_DESTINATION=otlp+"+collector.URL+"/v1/traces", "NO_PROXY=*", "AWS_LAMBDA_EXEC_WRAPPER=/opt/powertools-wrapper", "POWERTOOLS_RUNTIME_PROXY_PORT="+harness.FreePort(t))
	if out.err != nil {
		t.Fatal(out.err)
	}
	spans := strings.Join(collector.bodies, "")
	if strings.Count(spans, oldID) != 1 || !strings.Contains(spans, "54565fb41ac79632") || !strings.Contains(spans, "Runtime.ExitError") {
		t.Errorf("%s", spans)
	}
	if n := out.said("the runtime did not come through the wrapper"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// A mapping that does not read which records failed would delete them: then the
// batch fails as a whole, so that all of it comes again, and the cure is said.
// One that does is told of the failed one.
func TestBatchWhoseMappingDoesNotRead(t *testing.T) {
	const batch = `{"Records":[` +
		`{"messageId":"a","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q","body":"1"},` +
		`{"messageId":"b","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q","body":"2"}]}`
	for name, tt := range map[string]struct {
		types []string
		step  string
		said  int
	}{
		"reads":         {[]string{"ReportBatchItemFailures"}, "response ", 0},
		"does not read": {[]string{}, "error ", 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, nil)
			c.responseTypes = tt.types
			p := viaProxy(t, "/var/task", func(p *proxied) {
				p.lambda.comes(event{id: oldID, text: batch})
				p.answer(p.takes().id, "response", "1")
				p.answer(p.takes().id, "error", `{"errorMessage":"no","errorType":"Bad"}`)
				eventually(t, "Lambda's answer", func() bool { return len(p.lambda.answered()) == 1 })
			})
			p.next = []answer{call(oldID), bye()}
			out := p.live(c.env(append(p.env, "POWERTOOLS_BATCH=sqs")...)...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			got := p.lambda.answered()
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.step) {
				t.Errorf("Lambda got %q", got)
			}
			if n := out.said("the event source mapping does not read which records failed"); n != tt.said {
				t.Errorf("said %d times, want %d: %v", n, tt.said, out.logs.All())
			}
		})
	}
}
