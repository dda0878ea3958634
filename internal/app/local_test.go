package app_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/config"
	"powertools-extension/test/harness"
)

// GET /context is of the invocation that runs: of none during init, of each in
// turn afterwards. A request that is asked for by an id that does not run is
// not told as the one that does.
func TestContextIsOfTheRunningInvocation(t *testing.T) {
	type told struct{ id, trace, cold any }
	var got []told
	look := func(path string) func(function) {
		return func(f function) {
			c := f.get(path).object(t)
			got = append(got, told{c["request_id"], c["trace_id"], c["cold_start"]})
			if c["function_name"] != "f" || c["init_type"] != "on-demand" || c["service"] != "orders" {
				t.Errorf("%s: %v", path, c)
			}
		}
	}
	p, port := withFunction(t, look("/context"), look("/context"), look("/context?request_id="+newID), look("/context?request_id=8a2e4d5f-ffff-4000-8000-000000000009"))
	p.next = []answer{call(oldID), call(newID), call("8a2e4d5f-0003-4000-8000-000000000003"), bye()}
	if out := p.live(port, "POWERTOOLS_SERVICE_NAME=orders"); out.err != nil {
		t.Fatal(out.err)
	}
	const trace = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"
	if d := cmp.Diff([]told{{}, {oldID, trace, true}, {newID, trace, false}, {}}, got, cmp.AllowUnexported(told{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// What the cache did in an invocation stands in its event, and in that of no
// other: one value was fetched in the first, by a single read and by one of
// several, and all came from the cache in the second.
func TestReadsStandInTheirInvocation(t *testing.T) {
	c := newCloud(t, map[string]string{"/a": "1", "/b": "2"})
	read := func(f function) {
		if r := f.get("/parameters/ssm/%2Fa?format=text"); r.status != 200 || r.body != "1" {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r := f.get("/parameters/ssm?name=/a&name=/b"); r.status != 200 || !strings.Contains(r.body, `"2"`) {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	p, port := withFunction(t, nil, read, read)
	p.next = []answer{call(oldID), call(newID), bye()}
	out := p.live(c.env(port)...)
	if out.err != nil {
		t.Fatal(out.err)
	}
	events := out.events(t)
	for id, want := range map[string]map[string]any{
		oldID: {"parameter_misses": 2.0, "parameter_hits": 1.0, "parameter_errors": 0.0, "parameter_upstream_calls": 2.0},
		newID: {"parameter_misses": 0.0, "parameter_hits": 3.0, "parameter_errors": 0.0, "parameter_upstream_calls": 0.0},
	} {
		for name, n := range want {
			if events[id][name] != n {
				t.Errorf("%s of %s: %v, want %v", name, id, events[id][name], n)
			}
		}
	}
}

// Nothing that is read before a snapshot lies in it: such a read is answered
// and stored nowhere. From the first invocation on values are kept.
func TestNothingIsKeptForASnapshot(t *testing.T) {
	for name, path := range map[string]string{"one": "/parameters/ssm/%2Fa?format=text", "several": "/parameters/ssm?name=/a"} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, map[string]string{"/a": "old"})
			read := func(f function, want string) {
				for range 3 {
					if r := f.get(path); r.status != 200 || !strings.Contains(r.body, want) {
						t.Errorf("%d %s, want %s", r.status, r.body, want)
					}
				}
			}
			p, port := withFunction(t, func(f function) {
				read(f, "old")
				if cached := f.get("/parameters/cache").body; strings.Contains(cached, "/a") {
					t.Errorf("in the snapshot: %s", cached)
				}
				if n := c.calls("/a"); n != 3 {
					t.Errorf("%d calls for 3 reads before the snapshot", n)
				}
				c.set("/a", "new") // while the snapshot lies there
			}, func(f function) {
				read(f, "new")
				if n := c.calls("/a"); n != 4 {
					t.Errorf("%d calls after the restore, want one for 3 reads", n-3)
				}
			})
			p.next = []answer{call(oldID), bye()}
			if out := p.live(c.env(port, "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start")...); out.err != nil {
				t.Fatal(out.err)
			}
		})
	}
}

// A port that somebody else has costs what is behind it and nothing more: the
// function runs, its invocations have events, and the log and the ledger say
// what does not work.
func TestPortsThatAreTaken(t *testing.T) {
	for component, env := range map[string][]string{
		"local api": {"POWERTOOLS_EXTENSION_HTTP_PORT="},
		"proxy":     {"POWERTOOLS_RUNTIME_PROXY=on", "POWERTOOLS_RUNTIME_PROXY_PORT="},
	} {
		t.Run(component, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			_, port, _ := net.SplitHostPort(ln.Addr().String())
			env[len(env)-1] += port
			p := newPlatform(t)
			p.next = []answer{call(oldID), bye()}
			out := p.live(env...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			if e := out.events(t)[oldID]; e["outcome"] == nil {
				t.Errorf("no event of the invocation: %s", out.stdout)
			}
			ledger := out.objects(t)
			if d := cmp.Diff([]any{component}, ledger[len(ledger)-1]["degraded"]); d != "" {
				t.Errorf("degraded (-want +got):\n%s", d)
			}
			var said []string
			for _, entry := range out.logs.All() {
				if entry.Level.String() == "error" {
					said = append(said, entry.Message)
				}
			}
			if len(said) != 1 {
				t.Errorf("said %q, want one error", said)
			}
		})
	}
}

// GET /healthz says what is on and why something is not, before and after the
// first invocation; the words that the log has are the ones it tells.
func TestHealthSaysWhatDoesNotWork(t *testing.T) {
	var before, after map[string]any
	p, port := withFunction(t, func(f function) { before = f.get("/healthz").object(t) }, func(f function) { after = f.get("/healthz").object(t) })
	p.subscribe = []answer{{http.StatusAccepted, `{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}` + "\n"}}
	p.next = []answer{call(oldID), bye()}
	out := p.live(port, "POWERTOOLS_LOGS_DESTINATION=none", "POWERTOOLS_RUNTIME_PROXY=on", "POWERTOOLS_RUNTIME_PROXY_PORT="+harness.FreePort(t))
	if out.err != nil {
		t.Fatal(out.err)
	}
	names := func(h map[string]any) (names []string) {
		list, _ := h["degraded"].([]any)
		for _, d := range list {
			one, _ := d.(map[string]any)
			names = append(names, one["component"].(string)+": "+one["reason"].(string))
		}
		return names
	}
	if got := names(before); len(got) != 1 || !strings.HasPrefix(got[0], "telemetry: no telemetry stream: ") || before["state"] != "degraded" {
		t.Errorf("before: %v", before)
	}
	if got := names(after); len(got) != 2 || got[1] != "proxy: the runtime did not come through the wrapper" {
		t.Errorf("after an invocation without a wrapper: %v", after)
	}
	if d := cmp.Diff([]any{"parameters", "metrics"}, after["features"]); d != "" {
		t.Errorf("features without lines (-want +got):\n%s", d)
	}
	if n := out.said("the runtime did not come through the wrapper"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// What only a room can judge is told with the configuration, as what config
// itself finds, by GET /config and by the words of the log; the rest of each
// list is in force.
func TestProblemsOfTheRooms(t *testing.T) {
	for variable, tt := range map[string]struct{ value, reason, used string }{
		"POWERTOOLS_METRICS_PLATFORM":           {"Duration,Durration", "entry 2", "the other entries"},
		"POWERTOOLS_LOGS_REDACT":                {"password,re:(", "item 2", "the other entries"},
		"POWERTOOLS_FEATURE_FLAGS":              {"not a place", "APP/ENV/PROFILE", "no document"},
		"POWERTOOLS_EVENT_ENVELOPE":             {"a[", "", ""},
		"POWERTOOLS_FEATURE_FLAGS_ENVELOPE":     {"a[", "", "no document"},
		"POWERTOOLS_LOGGER_CORRELATION_ID_PATH": {"a[", "", "no correlation id"},
		"AWS_XRAY_DAEMON_ADDRESS":               {"nowhere", "", "169.254.79.129:2000"},
		"POWERTOOLS_TRACE_PARENT":               {"rewrite", "POWERTOOLS_RUNTIME_PROXY is off", "keep"},
		"POWERTOOLS_LOG_LEVEL":                  {"DEBUG", "lines below ERROR are lost", ""},
	} {
		t.Run(variable, func(t *testing.T) {
			environ := []string{variable + "=" + tt.value, "POWERTOOLS_METRICS_NAMESPACE=shop"}
			environ = append(environ, "AWS_LAMBDA_LOG_LEVEL=ERROR", "POWERTOOLS_TRACE_DESTINATION=xray")
			if variable == "POWERTOOLS_TRACE_PARENT" {
				environ = append(environ, "POWERTOOLS_RUNTIME_PROXY=off")
			}
			if variable == "POWERTOOLS_FEATURE_FLAGS_ENVELOPE" {
				environ = append(environ, "POWERTOOLS_FEATURE_FLAGS=a/b/c")
			}
			var found []config.Problem
			for _, problem := range effective(environ).Problems {
				if problem.Var == variable {
					found = append(found, problem)
				}
			}
			if len(found) != 1 || !strings.Contains(found[0].Reason, tt.reason) || found[0].Used != tt.used {
				t.Errorf("%+v", found)
			}
		})
	}
}

// A path that nearly names a built-in one is told with that name, and is used as
// the expression that it is; one that cannot work because the proxy is off says
// so.
func TestCorrelationPathsThatAreTold(t *testing.T) {
	for name, tt := range map[string]struct {
		env    []string
		reason string
	}{
		"misspelt":  {[]string{"POWERTOOLS_LOGGER_CORRELATION_ID_PATH=API_GATEWAY_RES"}, "did you mean API_GATEWAY_REST?"},
		"proxy off": {[]string{"POWERTOOLS_LOGGER_CORRELATION_ID_PATH=auto", "POWERTOOLS_RUNTIME_PROXY=off"}, "POWERTOOLS_RUNTIME_PROXY is off"},
		"good":      {[]string{"POWERTOOLS_LOGGER_CORRELATION_ID_PATH=auto"}, ""},
	} {
		found := effective(append(tt.env, "POWERTOOLS_METRICS_NAMESPACE=shop")).Problems
		if (len(found) == 1) != (tt.reason != "") || len(found) == 1 && !strings.Contains(found[0].Reason, tt.reason) {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
