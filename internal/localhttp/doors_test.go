package localhttp_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestAppConfigPort: on the second port the agent's route needs no token, and
// nothing else is there; the other checks hold as on the first.
func TestAppConfigPort(t *testing.T) {
	v := paramcache.Value{Name: "a/b/c", Text: `{"f":{"on":true}}`, IsText: true, Version: "12", ContentType: "application/json"}
	s := start(t, localhttp.Deps{Parameters: always(paramcache.Result{Value: v})}, localhttp.Options{AppConfigPort: -1})
	const route = "GET /applications/a/environments/b/configurations/c"
	const answered = "\r\n\r\n" + `{"f":{"on":true}}`
	type test struct {
		request, status, text string
	}
	for name, test := range map[string]test{
		"no token":         {head(route, withHost), "200", answered},
		"agent's host":     {head(route, "Host: localhost:2772"), "200", answered},
		"any token":        {head(route, withHost, withToken+"x"), "200", answered},
		"right token":      {head(route, withHost, withToken), "200", answered},
		"flag":             {head(route+"?flag=f", withHost), "200", "\r\n\r\n" + `{"on":true}`},
		"version":          {head(route, withHost), "200", "\r\nConfiguration-Version: 12\r\n"},
		"ping":             {head("GET /ping", withHost), "200", "\r\n\r\nhealthy"},
		"forwarded":        {head(route, withHost, "X-Forwarded-For: 10.0.0.1"), "400", "forwarded_request"},
		"Via":              {head(route, withHost, "Via: 1.1 x"), "400", "forwarded_request"},
		"Host":             {head(route, "Host: evil.com"), "421", "misdirected_request"},
		"Host with prefix": {head(route, "Host: localhost.evil.com:2772"), "421", "misdirected_request"},
		"Host twice":       {head(route, withHost, withHost), "400", "Bad Request"},
		"Host empty":       {head(route, "Host:"), "421", "misdirected_request"},
		"absolute form":    {head(strings.Replace(route, "/app", "http://127.0.0.1:2772/app", 1), withHost), "421", "misdirected_request"},
		"Origin":           {head(route, withHost, "Origin: null"), "403", "origin_not_allowed"},
		"other method":     {head("POST /applications/a/environments/b/configurations/c", withHost), "405", "\r\nAllow: GET\r\n"},
		"body":             {head(route, withHost, "Content-Length: 4") + "abcd", "400", "unexpected_body"},
		"our route":        {head("GET /parameters/ssm/db", withHost, withToken), "404", `"unknown_route"`},
		"a drop-in":        {head("GET /secretsmanager/get?secretId=x", withHost, withToken), "404", `"unknown_route"`},
		"the agent":        {head("GET /v1/x", withHost, withToken), "404", `"unknown_route"`},
		"the cache":        {head("GET /parameters/cache", withHost, withToken), "404", `"unknown_route"`},
		"metrics":          {head("POST /metrics", withHost, withToken), "404", `"unknown_route"`},
		"write":            {head("PUT /parameters/ssm/db", withHost, withToken), "404", `"unknown_route"`},
		"context":          {head("GET /context", withHost, withToken), "404", `"unknown_route"`},
		"health":           {head("GET /healthz", withHost), "404", `"unknown_route"`},
		"near":             {head("GET /application/a", withHost), "404", `"near":["GET /applications/{application}/`},
	} {
		t.Run(name, func(t *testing.T) {
			answer := raw(t, s.AppConfigAddr(), test.request)
			if status(answer) != test.status || !strings.Contains(answer, test.text) {
				t.Errorf("want %s with %q, got\n%s", test.status, test.text, answer)
			}
			if test.status != "200" && strings.Contains(answer, answered) {
				t.Errorf("answers the configuration:\n%s", answer)
			}
		})
	}
	// The first port has the same route, with a token.
	for headers, want := range map[string]string{withToken: "200", "X-A: b": "403"} {
		if answer := raw(t, s.Addr(), head(route, withHost, headers)); status(answer) != want || strings.Contains(answer, answered) != (want == "200") {
			t.Errorf("main port, %s: %s", headers, answer)
		}
	}
}

// TestAppConfigPortTaken: it costs the second port and nothing else, and is
// told in the log and in /healthz.
func TestAppConfigPortTaken(t *testing.T) {
	other, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, port, _ := net.SplitHostPort(other.Addr().String())
	number, _ := strconv.Atoi(port)
	core, logs := observer.New(zap.InfoLevel)
	s := start(t, localhttp.Deps{Log: zap.New(core), Parameters: always(textResult("v"))}, localhttp.Options{AppConfigPort: number})
	if answer := raw(t, s.Addr(), head("GET /parameters/ssm/db", withHost, withToken)); status(answer) != "200" {
		t.Errorf("main port: %s", answer)
	}
	health := raw(t, s.Addr(), head("GET /healthz", withHost))
	for _, text := range []string{`"state":"degraded"`, `"component":"appconfig port"`, "POWERTOOLS_EXTENSION_APPCONFIG_PORT", "AWS AppConfig Agent"} {
		if !strings.Contains(health, text) {
			t.Errorf("no %s in %s", text, health)
		}
	}
	if logs.FilterMessageSnippet("AppConfig port").Len() != 1 || s.AppConfigAddr() != "" {
		t.Errorf("logged %v, address %q", logs.All(), s.AppConfigAddr())
	}
}

// TestBothPortsShutDown: requests in flight on both are answered.
func TestBothPortsShutDown(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	fake := &fakeParameters{get: func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
		entered <- struct{}{}
		<-release
		return textResult("v"), nil
	}}
	s := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{AppConfigPort: -1})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	answers := make(chan string, 2)
	go func() { answers <- raw(t, s.Addr(), head("GET /parameters/ssm/db", withHost, withToken)) }()
	go func() {
		answers <- raw(t, s.AppConfigAddr(), head("GET /applications/a/environments/b/configurations/c", withHost))
	}()
	<-entered
	<-entered
	done := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		done <- s.Shutdown(ctx)
	}()
	close(release)
	for range 2 {
		if answer := <-answers; status(answer) != "200" {
			t.Errorf("got %s", answer)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
