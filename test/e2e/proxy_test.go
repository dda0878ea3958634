package e2e

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
	"powertools-extension/test/ontime"
)

// wrapped puts the wrapper before a runtime, in the way that its kind has: the
// variable on managed runtimes, the command itself elsewhere.
func wrapped(t *testing.T, opt lambdaemu.Options, env ...string) lambdaemu.Options {
	t.Helper()
	merged := map[string]string{"POWERTOOLS_RUNTIME_PROXY_PORT": harness.FreePort(t)}
	maps.Copy(merged, opt.Env)
	for i := 0; i+1 < len(env); i += 2 {
		merged[env[i]] = env[i+1]
	}
	opt.Env = merged
	if opt.Command == nil {
		opt.Command = []string{binaries.Function}
	}
	if managed := slices.ContainsFunc([]string{"python", "node", "java"}, func(name string) bool {
		return strings.Contains(opt.Command[0], name)
	}); managed {
		opt.Env["AWS_LAMBDA_EXEC_WRAPPER"] = binaries.Wrapper
	} else {
		opt.Command = append([]string{binaries.Wrapper}, opt.Command...)
	}
	return opt
}

// TestRuntimesThroughTheProxy: the same scenarios, the same transcripts, to
// the letter; and an error that only the proxy can see counts as one.
func TestRuntimesThroughTheProxy(t *testing.T) {
	for _, scenario := range []struct {
		name  string
		run   func(t *testing.T, l language, s *sandbox)
		limit time.Duration
	}{
		{"cold start", coldAnswers, 15 * time.Second},
		{"handler error", handlerError, 15 * time.Second},
		{"time-out", timeOut, 6 * time.Second},
	} {
		for _, name := range slices.Sorted(maps.Keys(languages())) {
			t.Run(scenario.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				l := languages()[name]
				opt := l.options(t)
				opt.Timeout = scenario.limit
				if l.slow {
					opt.Timeout, opt.InitTimeout = 20*time.Second, time.Minute
				}
				opt.Env = map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}
				s := start(t, wrapped(t, opt, "POWERTOOLS_RUNTIME_PROXY", "on"))
				scenario.run(t, l, s)
				transcript := lambdaemu.Render(s.Emu.Transcript())
				transcript = strings.ReplaceAll(transcript, "runtime      wrapper powertools-wrapper\n", "")
				golden(t, "runtimes-"+strings.ReplaceAll(scenario.name, " ", "-")+".golden", l.shape(transcript))
				for _, e := range s.Canonical() {
					if from := e["outcome_from"]; from != "proxy" && scenario.name != "time-out" {
						t.Errorf("outcome %v from %v, not from what passed the proxy", e["outcome"], from)
					}
				}
				if n := s.Saying("about to time out"); n != map[bool]int{true: 1}[scenario.name == "time-out"] {
					t.Errorf("said %d times that the time runs out", n)
				}
			})
		}
	}
}

// coldAnswers: a cold and a warm invocation, and what they answer.
func coldAnswers(t *testing.T, _ language, s *sandbox) {
	for i := range 2 {
		res := s.Invoke(`{"parameter":"/demo/greeting"}`)
		if res.FunctionError != "" || res.ColdStart != (i == 0) {
			t.Fatalf("invocation %d: cold start %t, error %s %s", i+1, res.ColdStart, res.ErrorType, res.Payload)
		}
		if !strings.Contains(string(res.Payload), greeting) {
			t.Errorf("invocation %d: %s", i+1, res.Payload)
		}
	}
	s.Shutdown()
}

// TestWhatTheProxySees: members of the canonical event, /healthz and /context.
func TestWhatTheProxySees(t *testing.T) {
	t.Parallel()
	opt := shell(t, embeddedAWS(t), "POWERTOOLS_RUNTIME_PROXY", "on", "POWERTOOLS_METRICS_PLATFORM", "all")
	opt.Command[len(opt.Command)-1] = strings.Replace(opt.Command[len(opt.Command)-1], `tr '\0' '\n' </proc/$$/environ`, `echo '{"statusCode":404,"body":"no"}'`, 1)
	opt.NoFreeze = true
	s := start(t, opt)
	if _, _, health := s.Get("/healthz"); !strings.Contains(health, `"proxy"`) {
		t.Errorf("health %s", health)
	}
	event := `{"version":"2.0","routeKey":"GET /a","requestContext":{"domainName":"x.lambda-url.eu-west-1.on.aws","http":{"method":"GET"}}}`
	s.Invoke(event)
	s.Invoke(`{"Records":[{"body":"x","eventSource":"aws:sqs"},{"body":"y","eventSource":"aws:sqs"}]}`)
	s.Shutdown()
	events := s.Canonical()
	if len(events) != 2 {
		t.Fatalf("%d canonical events", len(events))
	}
	for name, want := range map[string]any{"proxy": true, "event_source": "function_url", "http_status": 404.0, "request_bytes": float64(len(event)), "response_bytes": 31.0, "outcome": "success", "outcome_from": "proxy"} {
		if got := events[0][name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]any{"event_source": "sqs", "records": 2.0, "http_status": nil} {
		if got := events[1][name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"HandlerDuration", "ProxyDuration"} {
		if ms, _ := events[0][name].(float64); ms <= 0 {
			t.Errorf("%s is %v", name, events[0][name])
		}
	}
}

// secretWord must be in no output of anybody.
const secretWord = "canary-7f3a9c"

const envParams = `
parameters:
  /app/db/host: db.internal
  /app/name: /demo/greeting
  /demo/greeting: Hello from Parameter Store
  /web/log-level: DEBUG
  /web/deep/max.items: "12"
  /web/by-hand: never
secrets:
  app/db: '{"user":"u","password":"` + secretWord + `=\n\"x\"","port":5432}'
`

// TestVariablesFromParameters: every runtime reads them as it reads any other.
func TestVariablesFromParameters(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(languages())) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := languages()[name]
			opt := l.options(t)
			opt.Timeout = 15 * time.Second
			if l.slow {
				opt.Timeout, opt.InitTimeout = 20*time.Second, time.Minute
			}
			fake := harness.FakeAWSWith(t, envParams)
			opt.Env = map[string]string{"AWS_ENDPOINT_URL": fake.URL, "POWERTOOLS_EXTENSION_LOG_LEVEL": "DEBUG"}
			s := start(t, wrapped(t, opt,
				"DEMO_PARAMETER", "powertools+ssm:/app/name", "PARAMETER_NAME", "powertools+ssm:/app/name",
				"DB_PASSWORD", "powertools+secret:app/db#password"))
			res := s.Invoke(`{}`)
			if res.FunctionError != "" || !strings.Contains(string(res.Payload), greeting) {
				t.Errorf("%s %s", res.FunctionError, res.Payload)
			}
			s.Shutdown()
			if text := s.Text() + lambdaemu.Render(s.Emu.Transcript()); strings.Contains(text, secretWord) {
				t.Error("the secret is in an output")
			}
			if n := fake.Calls("ssm:GetParameters", "ssm:GetParameter"); n > 2 {
				t.Errorf("%d calls of SSM", n)
			}
		})
	}
}

// shell is an image's function: it prints what it was started with as its
// answer, and speaks the Runtime API itself.
func shell(t *testing.T, aws string, env ...string) lambdaemu.Options {
	t.Helper()
	harness.Tool(t, "curl")
	return wrapped(t, lambdaemu.Options{
		Command: []string{"/bin/bash", "-c", `
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while :; do
  id=$(curl --noproxy '*' -sS -o /dev/null -D - "$api/next" | tr -d '\r' | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
  tr '\0' '\n' </proc/$$/environ | curl --noproxy '*' -sS -o /dev/null --data-binary @- "$api/$id/response"
done`},
		Timeout: 10 * time.Second,
		Env:     map[string]string{"AWS_ENDPOINT_URL": aws},
	}, env...)
}

// environ is the answer of shell, by name.
func environ(t *testing.T, s *sandbox) map[string]string {
	t.Helper()
	res := s.Invoke(`{}`)
	if res.FunctionError != "" {
		t.Fatalf("%s %s", res.ErrorType, res.Payload)
	}
	out := map[string]string{}
	for _, line := range strings.Split(string(res.Payload), "\n") {
		if name, value, ok := strings.Cut(line, "="); ok {
			out[name] = value
		}
	}
	return out
}

// TestVariablesKinds: sources, members, paths, and what wins.
func TestVariablesKinds(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWSWith(t, envParams)
	opt := shell(t, fake.URL, "DB_HOST", "powertools+ssm:/app/db/host", "DB_PORT", "powertools+secret:app/db#port",
		"POWERTOOLS_PARAMETERS_ENV_PATH", "/web/", "BY_HAND", "mine", "POWERTOOLS_SERVICE_NAME", "powertools+ssm:/app/name")
	s := start(t, opt)
	got := environ(t, s)
	for name, want := range map[string]string{"DB_HOST": "db.internal", "DB_PORT": "5432", "LOG_LEVEL": "DEBUG", "MAX_ITEMS": "12", "BY_HAND": "mine"} {
		if got[name] != want {
			t.Errorf("%s=%q, want %q", name, got[name], want)
		}
	}
	// Nothing needs the proxy, so the runtime talks to Lambda itself.
	if strings.HasSuffix(got["AWS_LAMBDA_RUNTIME_API"], ":"+opt.Env["POWERTOOLS_RUNTIME_PROXY_PORT"]) {
		t.Error("the runtime was sent through the proxy")
	}
	s.Shutdown()
	if s.Saying("cannot come from a parameter") == 0 {
		t.Error("not said that POWERTOOLS_SERVICE_NAME cannot come from a parameter")
	}
}

// TestVariablesFail: missing, denied and malformed ones, and no extension's
// port; the runtime does not start, or starts without, and never sees a ref.
func TestVariablesFail(t *testing.T) {
	for name, test := range map[string]struct {
		env  []string
		code string
	}{
		"missing":      {[]string{"X", "powertools+ssm:/none"}, "not_found"},
		"no member":    {[]string{"X", "powertools+secret:app/db#none"}, "not_found"},
		"no JSON":      {[]string{"X", "powertools+ssm:/app/name#a"}, "transform_failed"},
		"empty key":    {[]string{"X", "powertools+secret:app/db#"}, "bad_ref"},
		"empty ref":    {[]string{"X", "powertools+"}, "bad_ref"},
		"no source":    {[]string{"X", "powertools+vault:a"}, "bad_ref"},
		"not allowed":  {[]string{"X", "powertools+ssm:/app/name", "POWERTOOLS_PARAMETERS_ALLOW", "ssm:/other/*,secret:*"}, "access_denied"},
		"several":      {[]string{"X", "powertools+ssm-path:/web"}, "bad_ref"},
		"path missing": {[]string{"X", "powertools+ssm:/app/name", "POWERTOOLS_PARAMETERS_ENV_PATH", "/web", "AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1", "POWERTOOLS_PARAMETERS_ENV_TIMEOUT", "1s"}, "upstream_unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := harness.FakeAWSWith(t, envParams)
			s := start(t, shell(t, fake.URL, append(test.env, "DB_PASSWORD", "powertools+secret:app/db#password")...))
			if res := s.Invoke(`{}`); res.FunctionError == "" {
				t.Errorf("the runtime started: %s", res.Payload)
			}
			s.Shutdown()
			text := s.Text()
			if !strings.Contains(text, `"code":"`+test.code+`"`) || !strings.Contains(text, `"name":"X"`) || strings.Contains(text, secretWord) {
				t.Errorf("want code %s in:\n%s", test.code, text)
			}

			opt := shell(t, fake.URL, append(test.env, "DB_PASSWORD", "powertools+secret:app/db#password", "POWERTOOLS_PARAMETERS_ENV_ON_FAILURE", "start")...)
			got := environ(t, start(t, opt))
			if _, there := got["X"]; there || !strings.HasPrefix(got["DB_PASSWORD"], secretWord) {
				t.Errorf("X=%q, DB_PASSWORD=%q", got["X"], got["DB_PASSWORD"])
			}
		})
	}
}

// TestVariablesThrottled: two seconds of throttling at the cold start cost
// time and nothing else.
func TestVariablesThrottled(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWSWith(t, envParams)
	if err := fake.SetFault("throttled"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*time.Second, func() { _ = fake.SetFault("") })
	if got := environ(t, start(t, shell(t, fake.URL, "DB_HOST", "powertools+ssm:/app/db/host"))); got["DB_HOST"] != "db.internal" {
		t.Errorf("DB_HOST=%q", got["DB_HOST"])
	}
}

// TestVariablesMany: batches, and the bar of calls.
func TestVariablesMany(t *testing.T) {
	t.Parallel()
	yaml, env := "parameters:\n", []string{}
	for i := range 25 {
		yaml += fmt.Sprintf("  /n/%d: p%d\n", i, i)
		env = append(env, fmt.Sprint("P", i), fmt.Sprint("powertools+ssm:/n/", i))
	}
	yaml += "secrets:\n"
	for i := range 30 {
		yaml += fmt.Sprintf("  n/%d: s%d\n", i, i)
		env = append(env, fmt.Sprint("S", i), fmt.Sprint("powertools+secret:n/", i))
	}
	fake := harness.FakeAWSWith(t, yaml)
	got := environ(t, start(t, shell(t, fake.URL, env...)))
	if got["P24"] != "p24" || got["S29"] != "s29" {
		t.Errorf("P24=%q S29=%q", got["P24"], got["S29"])
	}
	if ssm, secrets := fake.Calls("ssm:GetParameters", "ssm:GetParameter"), fake.Calls("secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"); ssm != 3 || secrets != 2 {
		t.Errorf("%d calls of SSM and %d of Secrets Manager, want 3 and 2", ssm, secrets)
	}
}

// TestProxyUnused: without a wrapper there is no port, and with nothing to do
// the runtime is let go to Lambda directly.
func TestProxyUnused(t *testing.T) {
	t.Parallel()
	port := harness.FreePort(t)
	s := start(t, lambdaemu.Options{Env: map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t), "POWERTOOLS_RUNTIME_PROXY_PORT": port}})
	s.Must(`{}`)
	if listens(port) {
		t.Error("the port is open")
	}
	opt := shell(t, embeddedAWS(t))
	if got := environ(t, start(t, opt)); strings.HasSuffix(got["AWS_LAMBDA_RUNTIME_API"], ":"+opt.Env["POWERTOOLS_RUNTIME_PROXY_PORT"]) {
		t.Error("the runtime was sent through the proxy")
	}
}

func listens(port string) bool {
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// TestContextThroughTheProxy: who asks first thing in a handler is told of the
// invocation that runs, each time.
func TestContextThroughTheProxy(t *testing.T) {
	t.Parallel()
	s, _ := proxied(t, loop("curl", `curl -o context -H "X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN" "http://127.0.0.1:$POWERTOOLS_EXTENSION_HTTP_PORT/context?key=request_id"
  answer @context`))
	for range 30 {
		res := s.Invoke(`{}`)
		wantAnswer(t, res, res.RequestID)
	}
}

// TestNoWrapper: variables that wait for a wrapper which nobody attached are
// an ERROR with the cure, once.
func TestNoWrapper(t *testing.T) {
	t.Parallel()
	s := start(t, lambdaemu.Options{NoFreeze: true, Env: map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t), "DB_PASSWORD": "powertools+secret:demo/database#password",
		"POWERTOOLS_RUNTIME_PROXY_PORT": harness.FreePort(t)}})
	s.Must(`{}`)
	s.Must(`{}`)
	if _, _, health := s.Get("/healthz"); !strings.Contains(health, "did not come through the wrapper") {
		t.Errorf("health %s", health)
	}
	s.Shutdown()
	if s.Saying("the runtime did not come through the wrapper") != 1 || s.Saying("AWS_LAMBDA_EXEC_WRAPPER=/opt/powertools-wrapper") == 0 {
		t.Error("want one line with the cure")
	}
}

// TestVariablesColdStart: ten parameters and three secrets cost about one
// round trip, because they are fetched beside the start.
func TestVariablesColdStart(t *testing.T) {
	const trip = 20 * time.Millisecond
	yaml, env := "parameters:\n", []string{}
	for i := range 10 {
		yaml += fmt.Sprintf("  /n/%d: p%d\n", i, i)
		env = append(env, fmt.Sprint("P", i), fmt.Sprint("powertools+ssm:/n/", i))
	}
	yaml += "secrets:\n"
	for i := range 3 {
		yaml += fmt.Sprintf("  n/%d: s%d\n", i, i)
		env = append(env, fmt.Sprint("S", i), fmt.Sprint("powertools+secret:n/", i))
	}
	ontime.Run(t, func(late ontime.Late) {
		fake := harness.FakeAWSWith(t, yaml)
		if err := fake.SetFault("slow:" + trip.String()); err != nil {
			t.Fatal(err)
		}
		took := func(env ...string) float64 {
			s := start(t, shell(t, fake.URL, env...))
			environ(t, s)
			s.Shutdown()
			ms, _ := s.Canonical()[0]["InitDuration"].(float64)
			return ms
		}
		const pairs = 7
		var more []float64 // what the variables add, pair by pair
		for range pairs {
			plain := took()
			more = append(more, took(env...)-plain)
		}
		slices.Sort(more)
		t.Logf("the variables add %.1f ms", more)
		if median := more[pairs/2]; median > float64(trip.Milliseconds())+10 {
			late("the variables add %.1f ms in the median of %.1f", median, more)
		}
		if ssm, secrets := fake.Calls("ssm:GetParameters", "ssm:GetParameter"), fake.Calls("secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"); ssm != pairs || secrets != pairs {
			t.Errorf("%d calls of SSM and %d of Secrets Manager", ssm, secrets)
		}
	})
}

// TestManagedThroughTheProxy: several workers poll and answer at once, and the
// proxy is where their invocations begin and end.
func TestManagedThroughTheProxy(t *testing.T) {
	t.Parallel()
	worker := loop("curl", "sleep 0.05; answer @event")
	worker[2] = "for n in 1 2 3 4; do (" + worker[2] + "\n) & done; wait"
	opt := wrapped(t, lambdaemu.Options{Command: worker, Timeout: 20 * time.Second, InitType: "lambda-managed-instances", Concurrency: 4,
		Env: map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}}, "POWERTOOLS_RUNTIME_PROXY", "on")
	s := start(t, opt)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 5 {
				event := fmt.Sprintf(`"%d-%d"`, i, j)
				res, err := s.Emu.Invoke(t.Context(), lambdaemu.Request{Payload: []byte(event)})
				if err != nil || res.FunctionError != "" || string(res.Payload) != event {
					t.Errorf("%s: %v %s %s", event, err, res.FunctionError, res.Payload)
				}
			}
		})
	}
	wg.Wait()
	s.Shutdown()
	events := s.Canonical()
	if len(events) != 20 {
		t.Errorf("%d canonical events", len(events))
	}
	for _, e := range events {
		ms, _ := e["RuntimeDuration"].(float64)
		if e["outcome"] != "success" || e["outcome_from"] != "proxy" || e["proxy"] != true || ms < 50 {
			t.Errorf("outcome %v from %v after %v ms", e["outcome"], e["outcome_from"], e["RuntimeDuration"])
		}
	}
}
