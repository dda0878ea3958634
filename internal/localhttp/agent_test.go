package localhttp_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"github.com/google/go-cmp/cmp"
)

// TestAgentBodies holds whole bodies in the bytes of the AWS Secrets Manager
// Agent: its order, what it leaves out, and its dates.
func TestAgentBodies(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
	for name, test := range map[string]struct {
		value paramcache.Value
		body  string
	}{
		"text": {paramcache.Value{Name: "db", ARN: arn, Modified: date(t, "2019-09-26T21:13:09.046Z"), Text: `{"password":"a>b"}`, IsText: true, Version: "v1", Stages: []string{"AWSCURRENT"}},
			`{"ARN":"` + arn + `","Name":"db","VersionId":"v1","SecretString":"{\"password\":\"a>b\"}","VersionStages":["AWSCURRENT"],"CreatedDate":"1569532389.046"}`},
		"binary": {paramcache.Value{Name: "db", ARN: arn, Modified: date(t, "2019-09-26T21:13:09Z"), Binary: []byte{0, 255}, Version: "v1", Stages: []string{"AWSPENDING", "x"}},
			`{"ARN":"` + arn + `","Name":"db","VersionId":"v1","SecretBinary":"AP8=","VersionStages":["AWSPENDING","x"],"CreatedDate":"1569532389"}`},
		"empty text": {paramcache.Value{Name: "db", IsText: true, Version: "v1", Stages: []string{}}, `{"ARN":null,"Name":"db","VersionId":"v1","SecretString":"","VersionStages":[]}`},
		"nothing":    {paramcache.Value{}, `{"ARN":null,"Name":null,"VersionId":null}`},
		"nanoseconds": {paramcache.Value{Name: "n", Modified: time.Unix(1, 10).In(time.FixedZone("CET", 3600)), IsText: true},
			`{"ARN":null,"Name":"n","VersionId":null,"SecretString":"","CreatedDate":"1.00000001"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(localhttp.Deps{Parameters: always(paramcache.Result{Value: test.value, State: paramcache.Miss})}, localhttp.Options{})
			w := get(s, "/v1/db")
			if diff := cmp.Diff(test.body, w.Body.String()); diff != "" || w.Code != 200 {
				t.Errorf("%d %s", w.Code, diff)
			}
			w = get(s, "/v1/db", "Accept", "text/plain")
			if want := test.value.Text.Reveal() + string(test.value.Binary); w.Body.String() != want {
				t.Errorf("bare: %q", w.Body)
			}
		})
	}
}

// TestAgentErrors holds the agent's statuses, and that its error bodies are
// JSON whatever the service said, which the agent's own are not.
func TestAgentErrors(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"not found":   {&paramcache.Error{Kind: paramcache.KindNotFound, Code: "ResourceNotFoundException", Message: "it does not exist"}, 400, `{"__type":"ResourceNotFoundException", "message":"it does not exist"}`},
		"denied":      {&paramcache.Error{Kind: paramcache.KindAccessDenied, Code: "AccessDeniedException", Message: `a "quoted" key` + "\n"}, 400, `{"__type":"AccessDeniedException", "message":"a \"quoted\" key\n"}`},
		"role denied": {&paramcache.Error{Kind: paramcache.KindAccessDenied, Code: "AccessDenied", Message: "may not sts:AssumeRole"}, 403, `{"__type":"AccessDeniedException", "message":"may not sts:AssumeRole"}`},
		"throttled":   {&paramcache.Error{Kind: paramcache.KindThrottled, Code: "ThrottlingException", Message: "slower"}, 400, `{"__type":"ThrottlingException", "message":"slower"}`},
		"rejected":    {&paramcache.Error{Kind: paramcache.KindBadRequest, Code: "InvalidSignatureException", Message: "m"}, 400, `{"__type":"InvalidSignatureException", "message":"m"}`},
		"server":      {&paramcache.Error{Kind: paramcache.KindUpstream, Code: "InternalServiceError", Message: "m"}, 500, `{"__type":"InternalServiceError", "message":"m"}`},
		"timeout":     {&paramcache.Error{Kind: paramcache.KindTimeout, Message: "no answer"}, 504, `{"__type":"TimeoutError", "message":"no answer"}`},
		"unreachable": {&paramcache.Error{Kind: paramcache.KindUnreachable, Message: "refused"}, 502, `{"__type":"ConnectionError", "message":"refused"}`},
		"ours":        {errAny("CANARY"), 500, `{"__type":"InternalFailure", "message":""}`},
		"token":       {&paramcache.Error{Kind: paramcache.KindUpstream, Code: token, Message: token}, 500, `{"__type":"[redacted]", "message":"[redacted]"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := get(newServer(localhttp.Deps{Parameters: failing(test.err)}, localhttp.Options{}), "/v1/db?refreshNow=true")
			if w.Code != test.status || w.Body.String() != test.body || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w.Header().Get("X-Powertools-Error") == "" || w.Header().Get("X-Amzn-ErrorType") == "" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

// TestAgentConnectionLimit: with one place, the second request is refused, the
// third is answered, and /ping always is.
func TestAgentConnectionLimit(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	fake := &fakeParameters{get: func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
		entered <- struct{}{}
		<-release
		return textResult("v"), nil
	}}
	s := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{InFlight: 1})
	first := make(chan int)
	go func() { first <- get(s, "/v1/db").Code }()
	<-entered
	if w := get(s, "/v1/db"); w.Code != 429 || w.Body.String() != "Connection limit exceeded" {
		t.Errorf("second: %d %s", w.Code, w.Body)
	}
	if w := get(s, "/ping"); w.Code != 200 || w.Body.String() != "healthy" {
		t.Errorf("ping: %d %s", w.Code, w.Body)
	}
	close(release)
	if code := <-first; code != 200 {
		t.Errorf("first: %d", code)
	}
	go func() { <-entered }()
	if w := get(s, "/v1/db"); w.Code != 200 {
		t.Errorf("third: %d %s", w.Code, w.Body)
	}
}

func TestAppConfigBodies(t *testing.T) {
	const flags = `{"checkout":{"enabled":true,"limit":1.50},"search":{"enabled":false},"note":"n","a.b":{"enabled":true}}`
	config := func(body, media string) paramcache.Value {
		return paramcache.Value{Name: "shop/prod/flags", Text: paramcache.Secret(body), IsText: true, Version: "12", ContentType: media}
	}
	binary := paramcache.Value{Name: "shop/prod/bin", Binary: []byte{0, 255}, ContentType: "image/png"}
	for name, test := range map[string]struct {
		query       string
		value       paramcache.Value
		status      int
		contentType string
		body        string
	}{
		"whole":        {"", config(flags, "application/json"), 200, "application/json", flags},
		"yaml":         {"", config("a: 1\n", "application/x-yaml"), 200, "application/x-yaml", "a: 1\n"},
		"bytes":        {"", binary, 200, "image/png", "\x00\xff"},
		"no type":      {"", config("x", ""), 200, "application/octet-stream", "x"},
		"evil type":    {"", config("x", "text/html\r\nX-Evil: 1"), 200, "text/html??X-Evil: 1", "x"},
		"flag":         {"?flag=checkout", config(flags, "application/json"), 200, "application/json", `{"enabled":true,"limit":1.50}`},
		"two flags":    {"?flag=search&flag=checkout", config(flags, "application/json"), 200, "application/json", `{"search":{"enabled":false},"checkout":{"enabled":true,"limit":1.50}}`},
		"text":         {"?flag=note", config(flags, "application/json"), 200, "application/json", `"n"`},
		"unknown flag": {"?flag=nothing", config(flags, "application/json"), 404, "text/plain; charset=utf-8", "not_found: "},
		"one unknown":  {"?flag=search&flag=nothing", config(flags, "application/json"), 404, "text/plain; charset=utf-8", "not_found: "},
		"no JSON":      {"?flag=a", config("a: 1", "application/x-yaml"), 400, "text/plain; charset=utf-8", "transform_failed: "},
		"path":         {"?flag=checkout.enabled", config(flags, "application/json"), 400, "text/plain; charset=utf-8", "bad_argument: query argument flag: want the key of a flag"},
		"empty flag":   {"?flag=", config(flags, "application/json"), 400, "text/plain; charset=utf-8", "bad_argument: "},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(localhttp.Deps{Parameters: always(paramcache.Result{Value: test.value, State: paramcache.Hit})}, localhttp.Options{})
			w := get(s, "/applications/shop/environments/prod/configurations/flags"+test.query)
			h := w.Header()
			if w.Code != test.status || h.Get("Content-Type") != test.contentType || !strings.HasPrefix(w.Body.String(), test.body) || w.Code == 200 && w.Body.String() != test.body {
				t.Errorf("%d %s %s", w.Code, h.Get("Content-Type"), w.Body)
			}
			if version := test.value.Version; w.Code == 200 && (h.Get("Configuration-Version") != version || h.Get("ConfigurationVersion") != version) {
				t.Errorf("headers %v", h)
			}
		})
	}
}

// TestAppConfigErrors: the statuses that AWS documents for the agent.
func TestAppConfigErrors(t *testing.T) {
	for kind, want := range map[paramcache.Kind]int{
		paramcache.KindBadRequest: 400, paramcache.KindNotFound: 404, paramcache.KindAccessDenied: 502, paramcache.KindThrottled: 502,
		paramcache.KindTimeout: 504, paramcache.KindUnreachable: 502, paramcache.KindUpstream: 502, paramcache.KindInternal: 500,
	} {
		err := &paramcache.Error{Kind: kind, Code: "SomeException", Message: "why " + token, Cure: "do this"}
		w := get(newServer(localhttp.Deps{Parameters: failing(err)}, localhttp.Options{}), "/applications/a/environments/b/configurations/c")
		if w.Code != want || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(w.Body.String(), "why [redacted]; do this") {
			t.Errorf("%v: %d %s", kind, w.Code, w.Body)
		}
		if w.Header().Get("X-Amzn-ErrorType") != "SomeException" {
			t.Errorf("%v: %v", kind, w.Header())
		}
	}
}

// TestFlagsOnOurRoute: the same flags in our own format, with key and text.
func TestFlagsOnOurRoute(t *testing.T) {
	v := paramcache.Value{Name: "shop/prod/flags", Text: `{"a":{"enabled":true,"n":"x"},"b":{}}`, IsText: true, Version: "12", ContentType: "application/json"}
	const base = "/parameters/appconfig/shop/prod/flags"
	for target, want := range map[string]string{
		"":                                `{"name":"shop/prod/flags","value":"{\"a\":{\"enabled\":true,\"n\":\"x\"},\"b\":{}}","version":"12","source":"appconfig","content_type":"application/json"}`,
		"?transform=json":                 `{"name":"shop/prod/flags","value":{"a":{"enabled":true,"n":"x"},"b":{}},"version":"12","source":"appconfig","content_type":"application/json","transform":"json"}`,
		"?format=text":                    `{"a":{"enabled":true,"n":"x"},"b":{}}`,
		"?key=a.n&format=text":            `x`,
		"?flag=a":                         `{"name":"shop/prod/flags","value":{"enabled":true,"n":"x"},"version":"12","source":"appconfig","content_type":"application/json"}`,
		"?flag=b&flag=a":                  `{"name":"shop/prod/flags","value":{"b":{},"a":{"enabled":true,"n":"x"}},"version":"12","source":"appconfig","content_type":"application/json"}`,
		"?flag=a&key=enabled&format=text": `true`,
		"?flag=a&format=text":             `{"enabled":true,"n":"x"}`,
	} {
		w := get(newServer(localhttp.Deps{Parameters: always(paramcache.Result{Value: v})}, localhttp.Options{}), base+target)
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	for target, status := range map[string]int{"?flag=c": 404, "?flag=a.n": 400, "?flag=a&key=nothing": 404, "?flag=a&flag=c": 404} {
		w := get(newServer(localhttp.Deps{Parameters: always(paramcache.Result{Value: v})}, localhttp.Options{}), base+target)
		if w.Code != status || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}
