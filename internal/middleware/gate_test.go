package middleware

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/flags"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/schema"
)

func unusable(context.Context) (*schema.Schema, error) { return nil, errors.New("x") }

func gateOf(t *testing.T, document string) Gate {
	t.Helper()
	v, err := jmes.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := flags.Compile(v)
	return Gate{Feature: "open", FunctionName: "shop", FunctionVersion: "7", AsHTTP: true, Now: time.Now,
		Document: func(context.Context) (*flags.Document, error) { return doc, err }}
}

// TestGate: what the rules can ask about, and what a closed gate answers.
func TestGate(t *testing.T) {
	rule := func(key, value string) string {
		return `{"open":{"default":false,"rules":{"r":{"when_match":true,"conditions":[{"action":"EQUALS","key":"` + key + `","value":"` + value + `"}]}}}}`
	}
	const order = `{"version":"2.0","rawPath":"/orders","requestContext":{"http":{"method":"POST"}},"body":"secret"}`
	for _, c := range []struct {
		what, document, event string
		open                  bool
	}{
		{"on", `{"open":{"default":true}}`, `{}`, true},
		{"off", `{"open":{"default":false}}`, `{}`, false},
		{"a number", `{"open":{"default":0,"boolean_type":false}}`, `{}`, false},
		{"not there", `{"shut":{"default":false}}`, `{}`, true},
		{"no document", `{"open":{}}`, `{}`, true},
		{"function", rule("function_name", "shop"), `{}`, true},
		{"version", rule("function_version", "7"), `{}`, true},
		{"alias", rule("alias", "live"), `{}`, true},
		{"tenant", rule("tenant_id", "t1"), `{}`, true},
		{"source", rule("source", "api_gateway_v2"), order, true},
		{"method", rule("http_method", "POST"), order, true},
		{"path", rule("path", "/orders"), order, true},
		{"other path", rule("path", "/pets"), order, false},
		{"nothing of the event but that", rule("body", "secret"), order, false},
		{"nothing of an event that is no HTTP request", rule("path", "/a"), `{"path":"/a"}`, false},
	} {
		g := gateOf(t, c.document)
		w := newWorld(t, "", g.Hook())
		out := w.chain.Request(t.Context(), Request{ID: "i", Tenant: "t1", FunctionARN: "arn:aws:lambda:eu-west-1:123456789012:function:shop:live", Body: []byte(c.event)})
		if open := out.Answer == nil; open != c.open {
			t.Errorf("%s: open %v", c.what, open)
		}
	}
	w := newWorld(t, "", gateOf(t, `{"open":{"default":false}}`).Hook())
	if answer, failed := w.invoke(`{}`, says("never")); !failed || w.runs != 0 || !strings.Contains(answer, `"errorType":"FeatureGateClosed"`) {
		t.Errorf("closed: %s", answer)
	}
	answer, failed := w.invoke(order, says("never"))
	if failed || w.runs != 0 || !strings.Contains(answer, `"statusCode":503`) || !strings.Contains(answer, `"retry-after":"60"`) || strings.Contains(answer, "secret") {
		t.Errorf("closed over HTTP: %s", answer)
	}
}

// TestGateShare: a share of requests by request_id_mod, which is even.
func TestGateShare(t *testing.T) {
	g := gateOf(t, `{"open":{"default":false,"rules":{"r":{"when_match":true,"conditions":[{"action":"KEY_LESS_THAN_VALUE","key":"request_id_mod","value":25}]}}}}`)
	h := g.Hook()
	open := 0
	for i := range 10_000 {
		id := strings.Repeat("0", 4) + string(rune('a'+i%26)) + "-" + time.Duration(i*7919).String()
		a, err := h.Request(t.Context(), &Request{ID: id})
		b, _ := h.Request(t.Context(), &Request{ID: id})
		if err != nil || (a.Answer == nil) != (b.Answer == nil) {
			t.Fatalf("%v: not the same twice", err)
		}
		if a.Answer == nil {
			open++
		}
	}
	if open < 2300 || open > 2700 {
		t.Errorf("%d of 10000 pass, want about 2500", open)
	}
}

func TestAlias(t *testing.T) {
	const fn = "arn:aws:lambda:eu-west-1:123456789012:function:shop"
	for arn, want := range map[string]string{fn: "", fn + ":live": "live", fn + ":7": "", fn + ":$LATEST": "", "": ""} {
		if got := alias(arn); got != want {
			t.Errorf("%s: %q", arn, got)
		}
	}
}
