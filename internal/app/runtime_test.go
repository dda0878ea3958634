package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/config"
	"powertools-extension/internal/runtimeapi"
)

// TestNeedsPort: who does not use the wrapper pays no port.
func TestNeedsPort(t *testing.T) {
	for name, test := range map[string]struct {
		env           []string
		port, proxies bool
	}{
		"nothing":             {nil, false, false},
		"off":                 {[]string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/powertools-wrapper", "POWERTOOLS_RUNTIME_PROXY=off"}, false, false},
		"on":                  {[]string{"POWERTOOLS_RUNTIME_PROXY=on"}, true, true},
		"wrapper":             {[]string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/powertools-wrapper"}, true, false},
		"other wrapper":       {[]string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/otel-handler"}, false, false},
		"ref":                 {[]string{"X=powertools+ssm:/a"}, true, false},
		"ref, off":            {[]string{"X=powertools+ssm:/a", "POWERTOOLS_RUNTIME_PROXY=off"}, true, false},
		"path":                {[]string{"POWERTOOLS_PARAMETERS_ENV_PATH=/a"}, true, false},
		"ref in one of ours":  {[]string{"POWERTOOLS_SERVICE_NAME=powertools+ssm:/a"}, false, false},
		"name of the wrapper": {[]string{"AWS_LAMBDA_EXEC_WRAPPER=powertools-wrapper"}, true, false},
	} {
		cfg, _ := config.Load(test.env)
		a := &App{cfg: cfg}
		if a.needsPort() != test.port || a.proxies() != test.proxies {
			t.Errorf("%s: port %v, proxies %v", name, a.needsPort(), a.proxies())
		}
	}
}

// TestIdleProxy: an extension that could not be built passes through what
// comes, and tells wrappers that it has no values.
func TestIdleProxy(t *testing.T) {
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "lambda ", r.URL.Path) }))
	defer lambda.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	a := &App{idle: true, log: zap.NewNop(), cfg: config.Config{RuntimeProxy: "on", ProxyPort: port, RuntimeAPI: strings.TrimPrefix(lambda.URL, "http://")}}
	a.bindProxy()
	defer a.closeProxy(context.Background())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	res, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/2018-06-01/runtime/invocation/next", port))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); string(body) != "lambda /2018-06-01/runtime/invocation/next" {
		t.Errorf("%s", body)
	}
	reply := a.greet(t.Context(), runtimeapi.Hello{Env: map[string]string{"X": "powertools+ssm:/a"}})
	if reply.Proxy || len(reply.Failed) != 1 || reply.Failed[0].Code != "unavailable" || reply.Failed[0].Cure == "" {
		t.Errorf("%+v", reply)
	}
}
