package localhttp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestListen(t *testing.T) {
	first := start(t, localhttp.Deps{}, localhttp.Options{})
	host, port, err := net.SplitHostPort(first.Addr())
	if err != nil || host != "127.0.0.1" {
		t.Fatalf("listens on %s", first.Addr())
	}
	var number int
	if _, err := fmt.Sscan(port, &number); err != nil {
		t.Fatal(err)
	}
	err = newServer(localhttp.Deps{}, localhttp.Options{Port: number}).Listen()
	if err == nil {
		t.Fatal("two servers on one port")
	}
	for _, text := range []string{first.Addr(), "POWERTOOLS_EXTENSION_HTTP_PORT", "AWS Parameters and Secrets Lambda Extension", "address already in use"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not name %s", err, text)
		}
	}
}

func TestShutdownBeforeListen(t *testing.T) {
	s := newServer(localhttp.Deps{}, localhttp.Options{})
	if err := s.Shutdown(context.Background()); err != nil || s.Addr() != "" {
		t.Errorf("%v %q", err, s.Addr())
	}
}

// TestShutdown: a waiting connection, one that never sent anything and one
// half-way through its head do not hold it up; a request in flight is answered.
func TestShutdown(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	fake := &fakeParameters{get: func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
		close(entered)
		<-release
		return textResult("v"), nil
	}}
	s := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	dial := func(first string) net.Conn {
		c, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, _ = io.WriteString(c, first)
		return c
	}
	dial("")
	waiting := dial("GET /ping HTTP/1.1\r\n" + withHost + "\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(waiting), nil); err != nil {
		t.Fatal(err)
	}
	busy := dial("GET /parameters/ssm/db HTTP/1.1\r\n" + withHost + "\r\n" + withToken + "\r\n\r\n")
	<-entered
	done := make(chan error)
	began := time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		done <- s.Shutdown(ctx)
	}()
	if _, err := waiting.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("waiting connection: %v", err)
	}
	close(release)
	answer, err := http.ReadResponse(bufio.NewReader(busy), nil)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("request in flight: %v %v", answer, err)
	}
	_ = answer.Body.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("still listens")
	}
}

// TestShutdownGivesUp: a handler that never returns costs the context's time.
func TestShutdownGivesUp(t *testing.T) {
	entered := make(chan struct{})
	fake := &fakeParameters{get: func(ctx context.Context, _ paramcache.Ref, _ paramcache.Options) (paramcache.Result, error) {
		close(entered)
		<-ctx.Done() // closing the connection ends the request's context
		return paramcache.Result{}, ctx.Err()
	}}
	s := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, head("GET /parameters/ssm/db", withHost, withToken))
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err == nil {
		t.Error("no error although a request was cut")
	}
}

func TestInFlightLimit(t *testing.T) {
	const limit = 256
	var entered sync.WaitGroup
	entered.Add(limit)
	release := make(chan struct{})
	fake := &fakeParameters{get: func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
		entered.Done()
		<-release
		return textResult("v"), nil
	}}
	s := newServer(localhttp.Deps{Parameters: fake, Metrics: &fakeMetrics{}}, localhttp.Options{})
	codes := make(chan int, limit)
	for range limit {
		go func() { codes <- get(s, "/parameters/ssm/db").Code }()
	}
	entered.Wait()
	w := get(s, "/parameters/ssm/db")
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"code":"too_many_requests"`) {
		t.Errorf("257th: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := get(s, "/secretsmanager/get?secretId=x"); w.Code != 429 {
		t.Errorf("257th, drop-in: %d", w.Code)
	}
	if w := do(s, "POST", "/metrics", "{}"); w.Code != 429 {
		t.Errorf("metrics: %d", w.Code)
	}
	for _, open := range []string{"/ping", "/healthz"} {
		if w := get(s, open); w.Code != 200 {
			t.Errorf("%s: %d", open, w.Code)
		}
	}
	close(release)
	for range limit {
		if code := <-codes; code != 200 {
			t.Errorf("one of the 256: %d", code)
		}
	}
	fake.get = func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
		return textResult("v"), nil
	}
	if w := get(s, "/parameters/ssm/db"); w.Code != 200 {
		t.Errorf("afterwards: %d", w.Code)
	}
	if stats := s.Stats(); stats.Limited != 3 || stats.Requests != limit+6 {
		t.Errorf("stats %+v", stats)
	}
}

// TestPanic: the request is answered, the stack is logged, what the panic
// carried is not, and the next request works.
func TestPanic(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	fail := true
	fake := &fakeParameters{get: func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
		if fail {
			panic("CANARY-VALUE")
		}
		return textResult("v"), nil
	}}
	s := start(t, localhttp.Deps{Log: zap.New(core), Parameters: fake}, localhttp.Options{InFlight: 1})
	answer := raw(t, s.Addr(), head("GET /parameters/ssm/db", withHost, withToken))
	if status(answer) != "500" || !strings.Contains(answer, `"code":"internal_error"`) || strings.Contains(answer, "CANARY") {
		t.Errorf("got %s", answer)
	}
	entries := logs.FilterMessageSnippet("panic").AllUntimed()
	if len(entries) != 1 || entries[0].Level != zap.ErrorLevel {
		t.Fatalf("logged %v", logs.All())
	}
	if fields := fmt.Sprint(entries[0].ContextMap()); !strings.Contains(fields, "server_test.go") || strings.Contains(fields, "CANARY") {
		t.Errorf("logged %s", fields)
	}
	fail = false
	if answer := raw(t, s.Addr(), head("GET /parameters/ssm/db", withHost, withToken)); status(answer) != "200" {
		t.Errorf("afterwards: %s", answer)
	}
	if stats := s.Stats(); stats.Panics != 1 || stats.Failed != 1 {
		t.Errorf("stats %+v", stats)
	}
}

// TestInternalErrorIsLogged: the answer says nothing, so the log must.
func TestInternalErrorIsLogged(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{errAny("CANARY-VALUE"), "localhttp_test.errAny"},
		{&paramcache.Error{Kind: paramcache.KindInternal, Ref: paramcache.Ref{Source: "ssm", Name: "db"}, Message: "no shelf"}, "read ssm:db: no shelf"},
	} {
		core, logs := observer.New(zap.InfoLevel)
		s := newServer(localhttp.Deps{Log: zap.New(core), Parameters: failing(test.err)}, localhttp.Options{})
		if w := get(s, "/parameters/ssm/db"); w.Code != 500 {
			t.Errorf("got %d", w.Code)
		}
		entries := logs.AllUntimed()
		if len(entries) != 1 || entries[0].ContextMap()["cause"] != test.want {
			t.Errorf("logged %v", entries)
		}
	}
}

func TestContext(t *testing.T) {
	deadline := time.Date(2026, 1, 31, 12, 0, 3, 5_000_000, time.UTC)
	current := localhttp.Context{
		RequestID: "id", TraceID: "Root=1-2-3;Sampled=1", Deadline: deadline, ColdStart: true,
		FunctionARN: "arn:aws:lambda:eu-west-1:1:function:f", FunctionName: "f", FunctionVersion: "$LATEST", MemoryMB: 128,
		Service: `pay"ments`, InitType: "on-demand",
	}
	s := newServer(localhttp.Deps{Context: func(context.Context, string) localhttp.Context { return current }}, localhttp.Options{})
	w := get(s, "/context")
	want := `{"request_id":"id","trace_id":"Root=1-2-3;Sampled=1","deadline":"2026-01-31T12:00:03.005Z","deadline_ms":1769860803005,"remaining_ms":0,"cold_start":true,` +
		`"function_arn":"arn:aws:lambda:eu-west-1:1:function:f","function_name":"f","function_version":"$LATEST","function_memory_size":128,"service":"pay\"ments","init_type":"on-demand","correlation_id":null,"batch_item":null}`
	if time.Now().Before(deadline) {
		want = strings.Replace(want, `"remaining_ms":0`, `"remaining_ms":`+w.Body.String()[strings.Index(w.Body.String(), `"remaining_ms":`)+15:strings.Index(w.Body.String(), `,"cold_start"`)], 1)
	}
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s\nwant %s", w.Code, w.Body, want)
	}
	for key, want := range map[string]string{"request_id": "id", "deadline_ms": "1769860803005", "service": `pay"ments`, "cold_start": "true"} {
		if w := get(s, "/context?key="+key); w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d %s", key, w.Code, w.Body)
		}
	}
	if w := get(s, "/context?key=requestId"); w.Code != 400 || !strings.Contains(w.Body.String(), "request_id, trace_id") {
		t.Errorf("unknown key: %d %s", w.Code, w.Body)
	}
	current = localhttp.Context{FunctionName: "f"}
	var outside map[string]any
	if err := json.Unmarshal(get(s, "/context").Body.Bytes(), &outside); err != nil || outside["request_id"] != nil || outside["deadline_ms"] != nil || outside["function_name"] != "f" {
		t.Errorf("outside an invocation: %v %v", outside, err)
	}
	if w := get(s, "/context?key=request_id"); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("outside an invocation: %d %q", w.Code, w.Body)
	}
}

func TestHealth(t *testing.T) {
	for name, test := range map[string]struct {
		health      *localhttp.Health
		unavailable string
		want        string
	}{
		"alone":       {nil, "", `{"state":"ok","version":"1.2.3","features":[],"degraded":[]}`},
		"fine":        {&localhttp.Health{Features: []string{"parameters", "metrics"}}, "", `{"state":"ok","version":"1.2.3","features":["parameters","metrics"],"degraded":[]}`},
		"billed":      {&localhttp.Health{BilledMetrics: new(int)}, "", `{"state":"ok","version":"1.2.3","features":[],"billed_metrics":0,"degraded":[]}`},
		"starting":    {&localhttp.Health{State: "starting"}, "", `{"state":"starting","version":"1.2.3","features":[],"degraded":[]}`},
		"degraded":    {&localhttp.Health{State: "ok", Degraded: []localhttp.Degradation{{"telemetry", "refused"}}}, "", `{"state":"degraded","version":"1.2.3","features":[],"degraded":[{"component":"telemetry","reason":"refused"}]}`},
		"unavailable": {nil, "no credentials", `{"state":"degraded","version":"1.2.3","features":[],"degraded":[{"component":"parameters","reason":"no credentials"}]}`},
		"told twice":  {&localhttp.Health{Degraded: []localhttp.Degradation{{"parameters", "own words"}}}, "no credentials", `{"state":"degraded","version":"1.2.3","features":[],"degraded":[{"component":"parameters","reason":"own words"}]}`},
		"token":       {&localhttp.Health{Degraded: []localhttp.Degradation{{"x", "bad " + token}}}, "", `{"state":"degraded","version":"1.2.3","features":[],"degraded":[{"component":"x","reason":"bad [redacted]"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			deps := localhttp.Deps{}
			if test.health != nil {
				deps.Health = func() localhttp.Health { return *test.health }
			}
			w := get(newServer(deps, localhttp.Options{Version: "1.2.3", Unavailable: test.unavailable}), "/healthz")
			if w.Code != 200 || w.Body.String() != test.want {
				t.Errorf("got %d %s\nwant %s", w.Code, w.Body, test.want)
			}
		})
	}
}

// TestNothingSecretIsLogged drives every kind of answer at DEBUG and greps
// what was logged and what refusals say.
func TestNothingSecretIsLogged(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	value := paramcache.Value{Name: "n", Text: "CANARY-VALUE", IsText: true, Binary: []byte("CANARY-VALUE"), Version: "1"}
	results := []func() (paramcache.Result, error){
		func() (paramcache.Result, error) { return paramcache.Result{Value: value, State: paramcache.Hit}, nil },
		func() (paramcache.Result, error) {
			return paramcache.Result{Value: value, State: paramcache.Stale, Err: errAny("CANARY-VALUE")}, nil
		},
		func() (paramcache.Result, error) { return paramcache.Result{}, errAny("CANARY-VALUE") },
		func() (paramcache.Result, error) {
			return paramcache.Result{Value: value}, &paramcache.Error{Kind: paramcache.KindUpstream, Message: "sent " + token, Code: token}
		},
		func() (paramcache.Result, error) { panic(fmt.Sprintf("%q", []byte("CANARY-VALUE"))) },
	}
	var next func() (paramcache.Result, error)
	fake := &fakeParameters{get: func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) { return next() }}
	s := newServer(localhttp.Deps{Log: zap.New(core), Parameters: fake, Metrics: &fakeMetrics{}}, localhttp.Options{Version: "1", Write: true})
	for _, next = range results {
		for _, target := range []string{
			"/parameters/ssm/n", "/parameters/ssm/n?transform=json", "/parameters/ssm/n?transform=binary", "/parameters/ssm/n?key=a", "/parameters/ssm/n?format=text",
			"/parameters/secrets/n?transform=json&raise_on_transform_error=false", "/parameters/dynamodb/t/k",
			"/parameters/ssm?name=n&name=m&transform=json", "/parameters/secrets?name=n&raise_on_error=true", "/parameters/ssm?path=/n", "/parameters/dynamodb/t?key=k",
			"/parameters/appconfig/a/b/c?flag=f", "/applications/a/environments/b/configurations/c?flag=f", "/v1/n", "/v1/n?" + strings.ReplaceAll(token, "+", "%2B") + "=1", "/parameters/cache",
			"/systemsmanager/parameters/get?name=n", "/secretsmanager/get?secretId=n", "/nothing?CANARY-TOKEN",
			"/parameters/ssm/n?" + strings.ReplaceAll(token, "+", "%2B") + "=1", "/context", "/healthz", "/openapi.json",
		} {
			w := get(s, target)
			if w.Code >= 300 {
				checkLeak(t, w.Body.String())
			}
			if headers := fmt.Sprint(w.Header()); strings.Contains(headers, "CANARY") {
				t.Errorf("%s: %s", target, headers)
			}
		}
	}
	fake.set = func(paramcache.Ref, paramcache.Setting) (string, error) { return "", errAny("CANARY-VALUE") }
	for _, target := range []string{"/parameters/ssm/n", "/parameters/secrets/n"} {
		w := do(s, "PUT", target, "CANARY-VALUE")
		checkLeak(t, w.Body.String())
		if w.Code != 500 {
			t.Errorf("PUT %s: %d", target, w.Code)
		}
	}
	do(s, "POST", "/metrics", `{"metrics":[{"name":"`+token+`","unti":"CANARY-VALUE"}]}`)
	if len(logs.All()) == 0 {
		t.Fatal("nothing was logged: the test proves nothing")
	}
	for _, entry := range logs.All() {
		if text := entry.Message + fmt.Sprint(entry.ContextMap()); strings.Contains(text, "CANARY") {
			t.Errorf("logged: %s", text)
		}
	}
}

// TestPooledExchanges: what one request got does not shine through in another
// one's answer, under the race detector too.
func TestPooledExchanges(t *testing.T) {
	fake := &fakeParameters{get: func(_ context.Context, ref paramcache.Ref, _ paramcache.Options) (paramcache.Result, error) {
		if strings.HasPrefix(ref.Name, "bad") {
			return paramcache.Result{}, &paramcache.Error{Kind: paramcache.KindNotFound, Message: ref.Name}
		}
		return paramcache.Result{Value: paramcache.Value{Name: ref.Name, Text: paramcache.Secret(strings.Repeat(ref.Name, 50)), IsText: true}}, nil
	}}
	s := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 200 {
				name := fmt.Sprintf("n%d.%d", worker, i)
				if w := get(s, "/parameters/ssm/"+name+"?format=text&max_age=1"); w.Body.String() != strings.Repeat(name, 50) {
					t.Errorf("%s: got %s", name, w.Body)
				}
				if w := get(s, "/parameters/ssm/bad"+name); w.Code != 404 || !strings.Contains(w.Body.String(), `"detail":"bad`+name+`"`) {
					t.Errorf("%s: got %s", name, w.Body)
				}
			}
		})
	}
	group.Wait()
}
