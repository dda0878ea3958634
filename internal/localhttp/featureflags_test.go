package localhttp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// flagServer answers flags from a document that the test may change.
func flagServer(t *testing.T, document *string, fail *error) (*localhttp.Server, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.WarnLevel)
	ref, err := localhttp.FlagsRef("shop/prod/features")
	if err != nil {
		t.Fatal(err)
	}
	parameters := &fakeParameters{get: func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
		if *fail != nil {
			return paramcache.Result{}, *fail
		}
		return paramcache.Result{Value: paramcache.Value{Text: paramcache.Secret(*document), IsText: true, Version: "7"}, State: paramcache.Hit, Age: 3 * time.Second}, nil
	}}
	return newServer(localhttp.Deps{Parameters: parameters, Log: zap.New(core)}, localhttp.Options{FeatureFlags: localhttp.FeatureFlags{Ref: &ref}}), logs
}

const goldFlags = `{"beta":{"default":false,"rules":{"gold":{"when_match":true,"conditions":[{"action":"EQUALS","key":"tier","value":"gold"}]}}},
"limit":{"default":{"n": 10.0},"boolean_type":false},"a/b":{"default":true}}`

// TestFlagAnswers: what a caller reads, with the reason for it.
func TestFlagAnswers(t *testing.T) {
	document, fail := goldFlags, error(nil)
	s, _ := flagServer(t, &document, &fail)
	for _, c := range []struct {
		target string
		status int
		want   string
	}{
		{"/flags/beta?context.tier=gold", 200, `{"name":"beta","value":true,"reason":"rule","rule":"gold","version":"7"}`},
		{"/flags/beta?context.tier=silver&default=true", 200, `{"name":"beta","value":false,"reason":"default","version":"7"}`},
		{"/flags/beta?context.tier=gold&format=text", 200, `true`},
		{"/flags/limit?format=text", 200, `{"n":10.0}`},
		{"/flags/a/b", 200, `{"name":"a/b","value":true,"reason":"default","version":"7"}`},
		{"/flags/a%2Fb", 200, `{"name":"a/b","value":true,"reason":"default","version":"7"}`},
		{"/flags/none?default=%7B%22x%22%3A1%7D", 200, `{"name":"none","value":{"x":1},"reason":"missing","version":"7"}`},
		{"/flags/none?default=blue", 200, `{"name":"none","value":"blue","reason":"missing","version":"7"}`},
		{"/flags/none", 200, `{"name":"none","value":null,"reason":"missing","version":"7"}`},
		{"/flags/beta?context.x=1&context.x=2", 400, `given twice`},
		{"/flags/beta?context.x=1&context.s:x=2", 400, `given twice`},
		{"/flags/beta?contxt.x=1", 400, `unknown query argument`},
		{"/flags/", 400, `missing in the path`},
		{"/flags/" + strings.Repeat("x", 600), 400, `longer than 512`},
		{"/flags", 200, `{"features":[{"name":"beta","type":"boolean","rules":1},{"name":"limit","type":"json","rules":0},{"name":"a/b","type":"boolean","rules":0}],"version":"7"}`},
	} {
		w := get(s, c.target)
		if w.Code != c.status || c.status == 200 && w.Body.String() != c.want || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%.80s: %d %s\nwant %d %s", c.target, w.Code, w.Body, c.status, c.want)
		}
	}
	if w := get(s, "/flags/beta"); w.Header().Get("X-Powertools-Cache") != "hit" || w.Header().Get("Age") != "3" {
		t.Errorf("headers %v", w.Header())
	}
	w := do(s, "POST", "/flags", `{"context":{"tier":"gold"},"names":["limit","none","beta"],"defaults":{"none":0}}`)
	if want := `{"values":{"limit":{"n":10.0},"none":0,"beta":true},"enabled":["beta","limit","a/b"],"version":"7"}`; w.Code != 200 || w.Body.String() != want {
		t.Errorf("several: %d %s\nwant %s", w.Code, w.Body, want)
	}
	for body, status := range map[string]int{
		`{"context":[]}`: 400, `[]`: 400, `{`: 400, `{"names":"beta"}`: 400, `{"names":[1]}`: 400, `{}`: 200,
		`{"context":{"a":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}}`: 400,
		`{"context":{"a":"` + strings.Repeat("x", 65<<10) + `"}}`:                     400,
	} {
		if w := do(s, "POST", "/flags", body); w.Code != status {
			t.Errorf("%.60s: %d %s, want %d", body, w.Code, w.Body, status)
		}
	}
}

// TestFlagContextTypes: a number in the query is a number, unless the caller
// says that it is a text.
func TestFlagContextTypes(t *testing.T) {
	document, fail := `{"f":{"default":"no","boolean_type":false,"rules":{
		"number":{"when_match":"number","conditions":[{"action":"EQUALS","key":"v","value":1234}]},
		"text":{"when_match":"text","conditions":[{"action":"EQUALS","key":"v","value":"01234"}]},
		"digits":{"when_match":"digits","conditions":[{"action":"EQUALS","key":"v","value":"1234"}]},
		"null":{"when_match":"not null","conditions":[{"action":"NOT_EQUALS","key":"v","value":"x"},{"action":"IN","key":"v","value":["x"]}]}}}}`, error(nil)
	s, _ := flagServer(t, &document, &fail)
	for query, want := range map[string]string{
		"context.v=1234": `"number"`, "context.v=1234.0": `"number"`, "context.s:v=1234": `"digits"`, "context.v=01234": `"text"`, "context.v=x": `"no"`, "context.v=%5B1%5D": `"no"`,
	} {
		if w := get(s, "/flags/f?format=text&"+query); w.Body.String() != want {
			t.Errorf("%s: %s, want %s", query, w.Body, want)
		}
	}
}

// TestBadPush: a document with a mistake takes nobody down. The last good one
// stays in force, the answer says so, and the log says where the mistake is,
// once.
func TestBadPush(t *testing.T) {
	document, fail := goldFlags, error(nil)
	s, logs := flagServer(t, &document, &fail)
	if w := get(s, "/flags/beta?context.tier=gold&format=text"); w.Body.String() != "true" {
		t.Fatal(w.Body)
	}
	document = strings.Replace(goldFlags, `"EQUALS"`, `"EQUAL"`, 1)
	for range 3 {
		w := get(s, "/flags/beta?context.tier=gold&format=text")
		if w.Code != 200 || w.Body.String() != "true" || w.Header().Get("X-Powertools-Cache") != "stale" || !strings.Contains(w.Header().Get("Warning"), "bad_flags") {
			t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
		}
	}
	if logs.Len() != 1 || !strings.Contains(logs.All()[0].ContextMap()["error"].(string), "/beta/rules/gold/conditions/0/action") {
		t.Errorf("logged %v", logs.All())
	}
	document = goldFlags
	if w := get(s, "/flags/beta"); w.Header().Get("X-Powertools-Cache") != "hit" {
		t.Errorf("after the repair: %v", w.Header())
	}

	document = "{"
	s, _ = flagServer(t, &document, &fail)
	if w := get(s, "/flags/beta?default=true"); w.Code != 422 || !strings.Contains(w.Body.String(), "bad_flags") {
		t.Errorf("no good version ever: %d %s", w.Code, w.Body)
	}
}

// TestStoreFails: without a document the caller's default counts, but a denied
// access is a mistake that a default would hide.
func TestStoreFails(t *testing.T) {
	document, fail := goldFlags, error(nil)
	s, _ := flagServer(t, &document, &fail)
	for kind, status := range map[paramcache.Kind]int{
		paramcache.KindTimeout: 200, paramcache.KindUnreachable: 200, paramcache.KindThrottled: 200, paramcache.KindNotFound: 200, paramcache.KindUpstream: 200, paramcache.KindAccessDenied: 403,
	} {
		fail = &paramcache.Error{Kind: kind, Message: "x"}
		w := get(s, "/flags/beta?context.tier=gold&default=true")
		if w.Code != status || status == 200 && (w.Body.String() != `{"name":"beta","value":true,"reason":"store","version":null}` || w.Header().Get("Warning") == "") {
			t.Errorf("%v: %d %s %v", kind, w.Code, w.Body, w.Header())
		}
		if w := get(s, "/flags"); w.Code < 400 {
			t.Errorf("%v: the list is answered with %d", kind, w.Code)
		}
	}
}
