package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// window is how long an accepted sample may be in memory.
const window = 100 * time.Millisecond

// posted are the values of the metric n that are in the log stream.
func posted(t *testing.T, s *sandbox) map[float64]int {
	t.Helper()
	got := map[float64]int{}
	for text := range strings.Lines(s.Text()) {
		_, object, _ := strings.Cut(text, "{")
		var doc struct {
			AWS any             `json:"_aws"`
			N   json.RawMessage `json:"n"`
		}
		if json.Unmarshal([]byte("{"+object), &doc) != nil || doc.AWS == nil || doc.N == nil {
			continue
		}
		var many []float64
		if json.Unmarshal(doc.N, &many) != nil {
			many = make([]float64, 1)
			if err := json.Unmarshal(doc.N, &many[0]); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range many {
			got[v]++
		}
	}
	return got
}

// TestMetricsOutliveTheExtension: it is killed at some moment of a long
// invocation. What it had answered a window before is in the log stream, once;
// the first sample of a quiet moment is there when its answer is.
func TestMetricsOutliveTheExtension(t *testing.T) {
	for name, tc := range map[string]struct {
		gap   time.Duration // most between two requests
		lasts time.Duration
	}{
		"the first one": {0, 0},
		"a burst":       {time.Millisecond, 300 * time.Millisecond},
		"now and then":  {250 * time.Millisecond, 1200 * time.Millisecond},
	} {
		for i := range 2 {
			t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
				t.Parallel()
				s := start(t, lambdaemu.Options{Command: harness.Self(t, plain)})
				held(s, quick)
				done := make(chan struct{})
				go func() {
					defer close(done)
					s.Invoke(`{"sleep_ms":4000}`) // fails when the extension dies
				}()
				time.Sleep(300 * time.Millisecond) // the invocation runs: the sandbox is not frozen
				answered, from := map[float64]time.Time{}, time.Now()
				for v := 1.0; ; v++ {
					if status, _, body := s.Send("POST", "/metrics", fmt.Sprintf(`{"metrics":[{"name":"n","value":%v}]}`, v), "X-Aws-Parameters-Secrets-Token", harness.Token); status != 202 {
						t.Fatalf("%d %s", status, body)
					}
					answered[v] = time.Now()
					if time.Since(from) >= tc.lasts {
						break
					}
					time.Sleep(rand.N(tc.gap) + 1)
				}
				killed := <-killAfter(t, s, 0)
				<-done
				got := posted(t, s)
				for v, at := range answered {
					if old := killed.Sub(at); got[v] == 0 && (old > window+slack || v == 1) {
						t.Errorf("sample %v was answered %v before the kill and is lost", v, old)
					}
				}
				for v, n := range got {
					if n > 1 {
						t.Errorf("sample %v is there %d times", v, n)
					}
				}
				t.Logf("%d of %d samples are out", len(got), len(answered))
			})
		}
	}
}

// TestMetricsOfALongInvocation do not wait for its end, and the same on
// managed instances, where no invocation ends anything for us.
func TestMetricsOfALongInvocation(t *testing.T) {
	for name, initType := range map[string]string{"on-demand": "", "managed instances": "lambda-managed-instances"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, lambdaemu.Options{Command: harness.Self(t, plain), InitType: initType})
			done := make(chan struct{})
			go func() {
				defer close(done)
				s.Invoke(`{"sleep_ms":2500}`)
			}()
			time.Sleep(500 * time.Millisecond)
			for v := range 3 {
				if status, _, body := s.Send("POST", "/metrics", fmt.Sprintf(`{"metrics":[{"name":"n","value":%d}]}`, v), "X-Aws-Parameters-Secrets-Token", harness.Token); status != 202 {
					t.Fatalf("%d %s", status, body)
				}
			}
			time.Sleep(time.Second)
			if got := posted(t, s); len(got) != 3 {
				t.Errorf("a second later: %v", got)
			}
			<-done
			s.Shutdown()
			if got := slices.Collect(maps.Values(posted(t, s))); !slices.Equal(got, []int{1, 1, 1}) {
				t.Errorf("at the end each is there %v times", got)
			}
		})
	}
}

// TestMetricsRefused: curl -f fails when nothing is accepted, each reason is
// one warning, and the ledger counts them. A dimension without a value costs
// the dimension.
func TestMetricsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, lambdaemu.Options{Command: harness.Self(t, plain)})
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Invoke(`{"sleep_ms":2000}`)
	}()
	time.Sleep(300 * time.Millisecond)
	for range 3 {
		for body, want := range map[string]string{
			`{"metrics":[{"name":"n","unit":"count","value":1}]}`: `400 {"accepted":0,"rejected":[{"index":0,"field":"metrics[0].unit"`,
			`{"metrics":[{"name":"","value":1}]}`:                 `400 {"accepted":0,"rejected":[{"index":0,"field":"metrics[0].name"`,
			`n=1`:                                                 `400 {"accepted":0,"rejected":[{"index":0,"field":"","reason":"not JSON`,
			`{"metrics":[{"name":"n","unit":"count","value":1},{"name":"ok","value":1}]}`:                        `202 {"accepted":1,"rejected":[{"index":0,"field":"metrics[0].unit"`,
			`{"dimensions":{"stage":"","team":"pay"},"metrics":[{"name":"sold","unit":"Count","value":1}]}`:      `202 {"accepted":1,"rejected":[{"index":0,"field":"dimensions.stage"`,
			`{"dimensions":{"stage":"` + strings.Repeat("x", 1025) + `"},"metrics":[{"name":"sold","value":1}]}`: `400 {"accepted":0,"rejected":[{"index":0,"field":"dimensions"`,
		} {
			status, _, answer := s.Send("POST", "/metrics", body, "X-Aws-Parameters-Secrets-Token", harness.Token)
			if got := fmt.Sprint(status, " ", answer); !strings.HasPrefix(got, want) {
				t.Errorf("%.60s: %.300s", body, got)
			}
		}
	}
	<-done
	s.Shutdown()
	if n := s.Saying("custom metrics are refused"); n != 4 {
		t.Errorf("%d warnings, want one for each of 4 reasons", n)
	}
	text := s.Text()
	for _, want := range []string{`"rejected_samples":15`, `"rejected_by":{"body: not JSON":3,"dimensions: value too long":3,"name: empty":3,"unit: unknown":6}`, `"skipped_dimensions":3`, `"Dimensions":[["service","team"]]`} {
		if !strings.Contains(text, want) {
			t.Errorf("the log stream lacks %s", want)
		}
	}
}

// TestNamesThatAreNoDimensions: a name that CloudWatch refuses costs the
// dimension, and nothing of the events, the lines and the custom metrics.
func TestNamesThatAreNoDimensions(t *testing.T) {
	for name, tc := range map[string]struct {
		variable, value string
		service         string // dimension
		real            any    // member service_name
		function        string // dimension
	}{
		"umlaut":            {"POWERTOOLS_SERVICE_NAME", "Zahlung Müller", "service_undefined", "Zahlung Müller", "function"},
		"1,100 characters":  {"POWERTOOLS_SERVICE_NAME", strings.Repeat("s", 1100), "service_undefined", strings.Repeat("s", 1100), "function"},
		"control character": {"POWERTOOLS_SERVICE_NAME", "a\tb", "service_undefined", "a\tb", "function"},
		"1,024 characters":  {"POWERTOOLS_SERVICE_NAME", strings.Repeat("s", 1024), strings.Repeat("s", 1024), nil, "function"},
		"function's name":   {"POWERTOOLS_METRICS_FUNCTION_NAME", "fn ö", "orders", nil, "function"},
		"another name":      {"POWERTOOLS_METRICS_FUNCTION_NAME", "fn", "orders", nil, "fn"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, lambdaemu.Options{Command: harness.Self(t, plain), Env: map[string]string{tc.variable: tc.value}})
			for range 3 {
				held(s, `{"count":1}`)
			}
			s.Shutdown()
			events := s.Canonical()
			if len(events) != 3 {
				t.Fatalf("%d events of 3 invocations", len(events))
			}
			for _, e := range events {
				if e["service"] != tc.service || e["service_name"] != tc.real || e["function_name"] != tc.function || e["outcome"] != "success" || e["Duration"] == nil || e["function_request_id"] == nil {
					t.Errorf("event %v", e)
				}
			}
			// Samples of the same 100 ms share a document.
			samples := 0
			for _, document := range s.Custom() {
				if document["service"] != tc.service {
					t.Errorf("custom metrics %v", document)
				}
				if several, ok := document["Orders"].([]any); ok {
					samples += len(several)
				} else if document["Orders"] != nil {
					samples++
				}
			}
			if samples != 3 {
				t.Errorf("%d samples of 3 invocations", samples)
			}
			lines := s.Only(func(l line) bool { return l["message"] == "a plain line" })
			if want := tc.real; len(lines) != 3 || want != nil && lines[0]["service"] != want {
				t.Errorf("lines %v", lines)
			}
			want := 1
			if tc.real == nil && tc.value != "fn ö" {
				want = 0
			}
			if n := s.Saying("not the value of a CloudWatch dimension"); n != want {
				t.Errorf("said %d times, want %d", n, want)
			}
		})
	}
}

// TestColdStartBesideALibrary: what the function's own document counts in the
// same namespace with the same dimensions is not counted again; in another one
// it is.
func TestColdStartBesideALibrary(t *testing.T) {
	for name, tc := range map[string]struct {
		namespace string
		listed    bool
	}{"the same namespace": {"shop", false}, "another namespace": {"other", true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, lambdaemu.Options{Command: harness.Self(t, plain)})
			own := `{"_aws":{"Timestamp":1700000000000,"CloudWatchMetrics":[{"Namespace":"` + tc.namespace + `","Dimensions":[["service","function_name"]],"Metrics":[{"Name":"ColdStart","Unit":"Count"}]}]},"service":"orders","function_name":"function","ColdStart":1}`
			payload, err := json.Marshal(map[string]any{"print": []string{own}})
			if err != nil {
				t.Fatal(err)
			}
			held(s, string(payload))
			held(s, quick)
			s.Shutdown()
			events := s.Canonical()
			if len(events) != 2 || events[0]["ColdStart"] != 1.0 || events[1]["ColdStart"] != nil {
				t.Fatalf("events %v", events)
			}
			if listed := strings.Contains(fmt.Sprint(events[0]["_aws"]), "Name:ColdStart"); listed != tc.listed {
				t.Errorf("listed %t: %v", listed, events[0]["_aws"])
			}
		})
	}
}
