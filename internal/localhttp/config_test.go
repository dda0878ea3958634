package localhttp_test

import (
	"testing"

	"powertools-extension/internal/config"
	"powertools-extension/internal/localhttp"
)

func TestConfig(t *testing.T) {
	s := newServer(localhttp.Deps{Config: func() config.Dump {
		return config.Dump{
			Settings: []config.Setting{{Name: "A", Value: "1", Source: "default"}, {Name: "B", Value: "x" + token, Source: "environment"}},
			Problems: []config.Problem{{Var: "C", Reason: "not a number", Used: "3"}},
		}
	}}, localhttp.Options{})
	w := get(s, "/config")
	const want = `{"settings":[{"name":"A","value":"1","source":"default"},{"name":"B","value":"x[redacted]","source":"environment"}],` +
		`"problems":[{"variable":"C","problem":"C: not a number; using 3"}]}`
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(newServer(localhttp.Deps{}, localhttp.Options{}), "/config"); w.Code != 503 {
		t.Errorf("without a configuration: %d", w.Code)
	}
	if w := get(s, "/config?x=1"); w.Code != 400 {
		t.Errorf("with an argument: %d", w.Code)
	}
	if w := get(s, "/config", "X-Aws-Parameters-Secrets-Token", "wrong"); w.Code != 403 {
		t.Errorf("with a wrong token: %d", w.Code)
	}
}
