package localhttp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// wellBehaved keeps the cache's promises: values, or an *Error without one.
func wellBehaved(_ context.Context, ref paramcache.Ref, _ paramcache.Options) (paramcache.Result, error) {
	res := paramcache.Result{State: paramcache.Hit, Value: paramcache.Value{Name: ref.Name, Version: "1", IsText: true, Text: "CANARY-VALUE"}}
	if ref.Group() {
		res.Value.Members = []paramcache.Value{{Name: ref.Name + "/x", Text: "CANARY-VALUE", IsText: true}, {Name: "y.json", Binary: []byte("CANARY-VALUE\xff")}}
	}
	switch {
	case len(ref.Name)%5 == 4:
		return paramcache.Result{}, &paramcache.Error{Kind: paramcache.KindNotFound, Ref: ref, Code: "ParameterNotFound", Message: "not found"}
	case len(ref.Name)%5 == 3:
		res.Value.IsText, res.Value.Text, res.Value.Binary = false, "", []byte("CANARY-VALUE\xff")
	case ref.Item || len(ref.Name)%5 == 2:
		res.Value.Text, res.Value.JSON = `{"a":["CANARY-VALUE",{"b":null}]}`, ref.Source == paramcache.DynamoDB
	}
	return res, nil
}

// FuzzHTTP: whatever stands in a request with the right token, the answer is
// no fault of ours, is what its Content-Type says, and an error holds neither
// a value nor the token.
func FuzzHTTP(f *testing.F) {
	for _, seed := range []struct{ method, target, header string }{
		{"GET", "/parameters/ssm/app/db?decrypt=true&max_age=5&transform=json&key=a.0", "Accept: text/plain"},
		{"GET", "/parameters/ssm/%2Fapp%2Fdb?format=text&transform=auto", "If-None-Match: *"},
		{"GET", "/parameters/secrets/arn:aws:secretsmanager:r:1:secret:a/b-AbCdEf?version_stage=AWSCURRENT", "Accept: text/plain;q=0.3, */*"},
		{"GET", "/parameters/dynamodb/arn:aws:dynamodb:r:1:table/t/k?sort=s&item=1&region=eu-west-1", "X-Forwarded-For: 1"},
		{"GET", "/systemsmanager/parameters/get/?name=%2Fa&version=1&label=x&withDecryption=true", "Origin: null"},
		{"GET", "/secretsmanager/get?secretId=a&refreshNow=1", "Host: evil.com"},
		{"GET", "/v1/a/b?refreshNow=1&versionStage=AWSCURRENT&roleArn=arn:aws:iam::123456789012:role/x", "Accept: text/plain"},
		{"GET", "/parameters/ssm?path=/a/&recursive=1&transform=auto&raise_on_transform_error=0", "A: b"},
		{"GET", "/parameters/ssm?name=a&name=/b/c&name=abcd&raise_on_error=true&key=a.0", "A: b"},
		{"GET", "/parameters/dynamodb/arn:aws:dynamodb:r:1:table/t?key=k&item=1", "A: b"},
		{"GET", "/parameters/appconfig/a/b/c?flag=a&flag=b&key=a", "A: b"}, {"GET", "/applications/a/environments/b/configurations/c?flag=a", "A: b"},
		{"DELETE", "/parameters/cache?ref=ssm:/a&ref=dynamodb:t/k", "A: b"}, {"GET", "/parameters/cache", "A: b"}, {"PUT", "/parameters/ssm/a?overwrite", "A: b"},
		{"GET", "/context?key=request_id", "X-Vault-Token: a"},
		{"GET", "/healthz", "Via: 1"}, {"GET", "/ping", "Content-Length: 3"}, {"GET", "/openapi.json", "A: b"},
		{"POST", "/metrics", "Content-Encoding: gzip"}, {"DELETE", "/", "A: b"}, {"GET", "/parameters/ssm/%00?a=%zz&&=&=b", "Accept: a/b;q=;;,"},
	} {
		f.Add(seed.method, seed.target, seed.header)
	}
	s := newServer(localhttp.Deps{
		Parameters: &fakeParameters{get: wellBehaved}, Metrics: &fakeMetrics{},
		Context: func(context.Context, string) localhttp.Context { return localhttp.Context{RequestID: "id"} },
	}, localhttp.Options{})
	f.Fuzz(func(t *testing.T, method, target, header string) {
		head := method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + withToken + "\r\n" + header + "\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
		if err != nil || strings.Contains(method+target+header, "CANARY") { // an echo of the request is no leak
			t.Skip()
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		body := w.Body.String()
		if w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, body)
		}
		if w.Code >= 400 && (strings.Contains(body, "CANARY") || strings.Contains(strings.Join(w.Header()["X-Powertools-Error"], ""), "CANARY")) {
			t.Fatalf("leaks: %d %s %v", w.Code, body, w.Header())
		}
		for name, values := range w.Header() {
			for _, value := range values {
				if strings.ContainsAny(value, "\r\n") {
					t.Fatalf("header %s: %q", name, value)
				}
			}
		}
		switch w.Header().Get("Content-Type") {
		case "application/json", "application/problem+json":
			if !json.Valid(w.Body.Bytes()) || !utf8.ValidString(body) {
				t.Fatalf("no JSON: %s", body)
			}
		case "":
			if w.Code != 304 {
				t.Fatalf("%d without a type: %s", w.Code, body)
			}
		}
	})
}

// FuzzMetrics: any body is answered 202 or 400, in JSON, and what is said to
// be accepted was.
func FuzzMetrics(f *testing.F) {
	for _, seed := range []string{
		`{"metrics":[{"name":"a","unit":"Count","value":1}]}`,
		`[{"namespace":"n","dimensions":{"a":"b"},"dimension_sets":[{"c":"d"}],"metadata":{"e":[1,{"f":null}]},"timestamp":1,"metrics":[{"name":"a","value":[1,2e3],"resolution":60}]}]`,
		"{\"metrics\":[]}\n{\n{\"metrics\":[{}]}", `{"metrics":[{"name":1}]}`, `nul`, `"`, "[[", "{}{}", "\xef\xbb\xbf{}", `{"timestamp":"2026-01-31T12:00:00Z","metrics":[1]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		fake := &fakeMetrics{refuse: func(s emf.Sample) error {
			if len(s.Values) != 1 {
				return &emf.LimitError{Field: "value", Reason: "one, please"}
			}
			return nil
		}}
		w := do(newServer(localhttp.Deps{Metrics: fake}, localhttp.Options{}), "POST", "/metrics", body)
		if w.Code != 202 && w.Code != 400 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var answer struct {
			Accepted int
			Rejected []struct{ Reason string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
		if answer.Accepted != len(fake.samples) {
			t.Fatalf("%d accepted, %d recorded", answer.Accepted, len(fake.samples))
		}
		for _, r := range answer.Rejected {
			if r.Reason == "" {
				t.Fatalf("a rejection without a reason: %s", w.Body)
			}
		}
		for _, s := range fake.samples {
			if !utf8.ValidString(s.Name + s.Unit + s.Namespace) {
				t.Fatalf("not UTF-8: %+v", s)
			}
		}
	})
}
