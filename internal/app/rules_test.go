package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/test/harness"
)

// messages are those of a life's enriched lines, in order.
func (o outcome) messages(t *testing.T) (out []string) {
	t.Helper()
	for _, l := range o.objects(t) {
		text, _ := l["message"].(string)
		if l["lifetime_ms"] == nil && l["_aws"] == nil {
			out = append(out, text)
		}
	}
	return out
}

// What the variables for lines say is what comes out: which lines, which
// members they get, what is kept out of them; and the ledger accounts for each.
func TestRulesForLines(t *testing.T) {
	lines := []string{"order placed password=hunter2", "health check", `{\"level\":\"DEBUG\",\"message\":\"detail\"}`, `{\"level\":\"ERROR\",\"message\":\"it failed\"}`}
	for name, tt := range map[string]struct {
		env     []string
		want    []string
		account map[string]float64 // of the ledger, beside received
	}{
		"all":     {nil, []string{"order placed password=hunter2", "health check", "it failed"}, map[string]float64{"passed": 3, "filtered": 1}},
		"level":   {[]string{"POWERTOOLS_LOG_LEVEL=ERROR"}, []string{"it failed"}, map[string]float64{"passed": 1, "filtered": 3}},
		"include": {[]string{"POWERTOOLS_LOGS_INCLUDE=placed|failed"}, []string{"order placed password=hunter2", "it failed"}, map[string]float64{"passed": 2, "excluded": 2}},
		"exclude": {[]string{"POWERTOOLS_LOGS_EXCLUDE=^health"}, []string{"order placed password=hunter2", "it failed"}, map[string]float64{"passed": 2, "filtered": 1, "excluded": 1}},
		"redact":  {[]string{"POWERTOOLS_LOGS_REDACT=re:hunter[0-9]"}, []string{"order placed password=[redacted]", "health check", "it failed"}, map[string]float64{"passed": 3, "filtered": 1}},
		"hold":    {[]string{"POWERTOOLS_LOG_LEVEL=DEBUG", "POWERTOOLS_LOGS_BUFFER=INFO"}, []string{"order placed password=hunter2", "health check", "detail", "it failed"}, map[string]float64{"passed": 4}},
		"none":    {[]string{"POWERTOOLS_LOGS_DESTINATION=none"}, nil, map[string]float64{"passed": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t)
			seen := &paper{}
			var uri string
			p.stdout, p.onSubscribe = seen, func(u string) { uri = u }
			p.onNext = onNth(nil, func() {
				events := []string{`{"time":"2026-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"` + oldID + `","version":"$LATEST"}}`}
				for _, l := range lines {
					events = append(events, functionLine(l))
				}
				stream(t, &uri, append(events,
					`{"time":"2026-01-01T00:00:00.002Z","type":"platform.runtimeDone","record":{"requestId":"`+oldID+`","status":"success","metrics":{"durationMs":2.5}}}`,
					`{"time":"2026-01-01T00:00:00.003Z","type":"platform.report","record":{"requestId":"`+oldID+`","metrics":{"durationMs":3,"billedDurationMs":3,"memorySizeMB":128,"maxMemoryUsedMB":64}}}`)...)
				eventually(t, "the event", seen.has(`"complete"`))
			})
			p.next = []answer{call(oldID), bye()}
			out := p.live(tt.env...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			if d := cmp.Diff(tt.want, out.messages(t)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			all := out.objects(t)
			account, _ := all[len(all)-1]["lines"].(map[string]any)
			sum := 0.0
			for _, part := range []string{"passed", "filtered", "excluded", "held", "forgotten", "hold_dropped"} {
				n, _ := account[part].(float64)
				if sum += n; tt.account["passed"] > 0 && n != tt.account[part] {
					t.Errorf("%s: %v, want %v", part, n, tt.account[part])
				}
			}
			if account["received"] != 4.0 || sum != 4 && name != "none" {
				t.Errorf("the account does not add up: %v", account)
			}
		})
	}
}

// Every destination that is named is there in its order, under a name without a
// key; without a line none of them is called.
func TestDestinations(t *testing.T) {
	p := newPlatform(t)
	out := p.live("POWERTOOLS_LOGS_DESTINATION=cloudwatch:/shop/orders,firehose:audit,http://127.0.0.1:9/x?key=s3cret,otlp+http://127.0.0.1:9/v1/logs", "NO_PROXY=*",
		"AWS_ENDPOINT_URL=http://127.0.0.1:9")
	if out.err != nil {
		t.Fatal(out.err)
	}
	all := out.objects(t)
	var names []string
	sinks, _ := all[len(all)-1]["sinks"].([]any)
	for _, s := range sinks {
		one, _ := s.(map[string]any)
		names = append(names, one["name"].(string))
		if one["tries"] != 0.0 || one["state"] != "closed" {
			t.Errorf("%v", one)
		}
	}
	if len(names) != 4 || !strings.Contains(names[0], "/shop/orders") || !strings.Contains(names[1], "audit") {
		t.Errorf("%q", names)
	}
	if text := out.stdout + fmt.Sprint(out.logs.All()); strings.Contains(text, "s3cret") {
		t.Errorf("a key is told: %s", text)
	}
}

// Which hooks stand before the function, in their order, for what is
// configured: one that guards and cannot work stays, to refuse, unless it may
// be left out.
func TestHooksThatAreOn(t *testing.T) {
	table := []string{"POWERTOOLS_IDEMPOTENCY_TABLE=t"}
	for name, tt := range map[string]struct {
		env  []string
		want []any
		said string
	}{
		"none":                          {nil, []any{}, ""},
		"idempotency":                   {table, []any{"idempotency"}, ""},
		"idempotency, disabled":         {append(table, "POWERTOOLS_IDEMPOTENCY_DISABLED=true"), []any{}, "idempotency is switched off"},
		"idempotency, bad key":          {append(table, "POWERTOOLS_IDEMPOTENCY_KEY=a["), []any{"idempotency"}, "POWERTOOLS_IDEMPOTENCY_KEY"},
		"idempotency, bad key, open":    {append(table, "POWERTOOLS_IDEMPOTENCY_KEY=a[", "POWERTOOLS_IDEMPOTENCY_ON_STORE_FAILURE=open"), []any{}, "POWERTOOLS_IDEMPOTENCY_KEY"},
		"idempotency, bad payload":      {append(table, "POWERTOOLS_IDEMPOTENCY_PAYLOAD_VALIDATION=a["), []any{"idempotency"}, "POWERTOOLS_IDEMPOTENCY_PAYLOAD_VALIDATION"},
		"idempotency, one key for both": {append(table, "POWERTOOLS_IDEMPOTENCY_SORT_KEY_ATTR=id"), []any{"idempotency"}, "POWERTOOLS_IDEMPOTENCY_SORT_KEY_ATTR"},
		"validation":                    {[]string{"POWERTOOLS_VALIDATION_EVENT_SCHEMA=a.json", "POWERTOOLS_VALIDATION_EVENT_ENVELOPE=SQS"}, []any{"validate"}, ""},
		"validation, bad envelope":      {[]string{"POWERTOOLS_VALIDATION_EVENT_SCHEMA=a.json", "POWERTOOLS_VALIDATION_EVENT_ENVELOPE=a["}, []any{"validate"}, "POWERTOOLS_VALIDATION_EVENT_ENVELOPE"},
		"validation of answers":         {[]string{"POWERTOOLS_VALIDATION_RESPONSE_SCHEMA=a.json", "POWERTOOLS_VALIDATION_RESPONSE_ENVELOPE=a["}, []any{"validate"}, "POWERTOOLS_VALIDATION_RESPONSE_ENVELOPE"},
		"envelope":                      {[]string{"POWERTOOLS_EVENT_ENVELOPE=SQS", "POWERTOOLS_RESPONSE_ENVELOPE=http"}, []any{"unwrap"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var hooks []any
			p, port := withFunction(t, func(f function) {
				proxy, _ := f.get("/healthz").object(t)["proxy"].(map[string]any)
				hooks, _ = proxy["hooks"].([]any)
			})
			env := append(slices.Clone(tt.env), port, "POWERTOOLS_RUNTIME_PROXY=on", "POWERTOOLS_RUNTIME_PROXY_PORT="+harness.FreePort(t))
			out := p.live(env...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			if d := cmp.Diff(tt.want, hooks); d != "" {
				t.Errorf("(-want +got):\n%s\nlog: %v", d, out.logs.All()) // e.g. a port that another process took
			}
			said := 0
			for _, entry := range out.logs.All() {
				if entry.Level.String() == "warn" && tt.said != "" && strings.Contains(entry.Message, tt.said) {
					said++
				}
			}
			if (said > 0) != (tt.said != "") {
				t.Errorf("said %d times: %v", said, out.logs.All())
			}
		})
	}
}

// An event passes no guard whose envelope cannot be used: the answer names the
// variable, and never what the event holds.
func TestGuardThatCannotWork(t *testing.T) {
	for name, env := range map[string][]string{
		"envelope":    {"POWERTOOLS_VALIDATION_EVENT_SCHEMA=a.json", "POWERTOOLS_VALIDATION_EVENT_ENVELOPE=a["},
		"schema":      {"POWERTOOLS_VALIDATION_EVENT_SCHEMA=none.json"},
		"idempotency": {"POWERTOOLS_IDEMPOTENCY_TABLE=t", "POWERTOOLS_IDEMPOTENCY_KEY=a["},
	} {
		t.Run(name, func(t *testing.T) {
			gone := make(chan struct{})
			p := viaProxy(t, t.TempDir(), func(p *proxied) {
				p.lambda.comes(event{id: oldID, text: `{"card":"s3cret"}`})
				go func() { // the runtime waits for an event that is for it, in vain
					defer close(gone)
					if res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(next(t, p.function.port)); err == nil {
						_ = res.Body.Close()
					}
				}()
				eventually(t, "an answer", func() bool { return len(p.lambda.answered()) > 0 })
			})
			p.next = []answer{call(oldID), bye()}
			out := p.live(append(env, p.env...)...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			<-gone
			answers := p.lambda.answered()
			if len(answers) != 1 || !strings.HasPrefix(answers[0], "error ") || strings.Contains(fmt.Sprint(answers, out.stdout, out.logs.All()), "s3cret") {
				t.Errorf("%q", answers)
			}
			if e := out.events(t)[oldID]; e["outcome"] != "error" || e["answered_by"] == nil {
				t.Errorf("%v", e)
			}
		})
	}
}

func next(t *testing.T, port string) *http.Request {
	req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+port+"/2018-06-01/runtime/invocation/next", nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// Features come from the place that is configured, through its envelope, and
// are read again once they are older than they may be.
func TestFeaturesFromAParameter(t *testing.T) {
	document := func(on bool) string {
		text, _ := json.Marshal(map[string]any{"features": map[string]any{"ten_percent_off": map[string]any{"default": on}}})
		return string(text)
	}
	c := newCloud(t, map[string]string{"/flags": document(false)})
	value := func(f function) any { return f.get("/flags/ten_percent_off").object(t)["value"] }
	p, port := withFunction(t, func(f function) {
		if v := value(f); v != false {
			t.Errorf("first: %v", v)
		}
		c.set("/flags", document(true))
		if v := value(f); v != true {
			t.Errorf("after a change: %v, although nothing may be older than 0", v)
		}
	})
	out := p.live(c.env(port, "POWERTOOLS_FEATURE_FLAGS=ssm:/flags", "POWERTOOLS_FEATURE_FLAGS_ENVELOPE=features", "POWERTOOLS_FEATURE_FLAGS_MAX_AGE=0s")...)
	if out.err != nil {
		t.Fatal(out.err)
	}
}

// Metrics that are refused are named in the answer each time, and said in the
// log once for each reason; they stand in the ledger.
func TestRefusedMetrics(t *testing.T) {
	p, port := withFunction(t, func(f function) {
		for range 3 {
			if r := f.send(http.MethodPost, "/metrics", `{"metrics":[{"name":"orders","unit":"count","value":1}]}`); r.status != 400 || !strings.Contains(r.body, "Count") {
				t.Errorf("%d %s", r.status, r.body)
			}
		}
		f.send(http.MethodPost, "/metrics", `{"metrics":[{"name":"","unit":"Count","value":1},{"name":"orders","unit":"Count","value":2}]}`)
	})
	out := p.live(port)
	if out.err != nil {
		t.Fatal(out.err)
	}
	if n := out.said("custom metrics are refused"); n != 2 {
		t.Errorf("said %d times, want once for each reason", n)
	}
	all := out.objects(t)
	if m, _ := all[len(all)-1]["metrics"].(map[string]any); m["samples"] != 1.0 || m["rejected_samples"] != 4.0 {
		t.Errorf("%v", m)
	}
	if all[0]["orders"] != 2.0 {
		t.Errorf("the good one of two: %v", all[0])
	}
}

// Platform metrics are those that were asked for; switched off, the event of
// preset event stays, as a line without metrics.
func TestPlatformMetrics(t *testing.T) {
	for name, tt := range map[string]struct {
		env     []string
		event   bool
		metrics bool
	}{
		"default":         {nil, true, true},
		"none":            {[]string{"POWERTOOLS_METRICS_PLATFORM=none"}, false, false},
		"event":           {[]string{"POWERTOOLS_METRICS_PLATFORM=event"}, true, false},
		"disabled":        {[]string{"POWERTOOLS_METRICS_DISABLED=true"}, false, false},
		"disabled, event": {[]string{"POWERTOOLS_METRICS_DISABLED=true", "POWERTOOLS_METRICS_PLATFORM=event"}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t)
			p.next = []answer{call(oldID), bye()}
			out := p.live(tt.env...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			e, there := out.events(t)[oldID]
			if there != tt.event || (e["_aws"] != nil) != tt.metrics {
				t.Errorf("event %t, with metrics %t: %v", there, e["_aws"] != nil, e)
			}
		})
	}
}

// Fixed dimensions are on the function's own metrics and on the platform's.
func TestFixedDimensions(t *testing.T) {
	p, port := withFunction(t, nil, func(f function) {
		f.send(http.MethodPost, "/metrics", `{"metrics":[{"name":"orders","unit":"Count","value":1}]}`)
	})
	p.next = []answer{call(oldID), bye()}
	out := p.live(port, "POWERTOOLS_METRICS_DIMENSIONS=stage=prod,team=pay")
	if out.err != nil {
		t.Fatal(out.err)
	}
	documents := 0
	for _, l := range out.objects(t) {
		if l["_aws"] == nil {
			continue
		}
		documents++
		text, _ := json.Marshal(l["_aws"])
		if l["stage"] != "prod" || l["team"] != "pay" || !strings.Contains(string(text), `"stage"`) || !strings.Contains(string(text), `"team"`) {
			t.Errorf("%v", l)
		}
	}
	if documents != 2 {
		t.Errorf("%d documents, want the function's and the platform's", documents)
	}
}

// A report of the end that the platform refuses changes nothing about the end.
func TestExitThatCannotBeReported(t *testing.T) {
	p := newPlatform(t)
	p.next, p.exit = []answer{{500, ""}}, answer{500, ""}
	out := p.live()
	if out.err == nil || p.counts["exit/error"] != 1 || out.said("exit not reported") != 1 || !strings.Contains(out.stdout, "lifetime_ms") {
		t.Errorf("%v, %d reports, %v", out.err, p.counts["exit/error"], out.logs.All())
	}
}

// A token file that is missing costs its own token: the others open the API.
func TestTokenFileThatIsMissing(t *testing.T) {
	p, port := withFunction(t, func(f function) {
		if r := f.get("/context"); r.status != 200 {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	if out := p.live(port, "AWS_TOKEN=file:///none"); out.err != nil || out.said("token not usable") != 1 {
		t.Errorf("%v %v", out.err, out.logs.All())
	}
}
