package conformance

import (
	"net/http"
	"testing"

	"powertools-extension/test/harness"
)

func TestTokenIsRequired(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		name := "token-" + f.name
		v.create(name, "payload")
		for _, tt := range []struct {
			outcome, path string
			header        []string
			status        int
		}{
			{"no token", f.ask(name), nil, f.denied},
			{"bad token", f.ask(name), []string{header, "wrong"}, f.denied},
			{"empty token", f.ask(name), []string{header, ""}, f.denied},
			{"good token", f.ask(name), []string{header, token}, 200},
			{"good token in Vault's header", f.ask(name), []string{"X-Vault-Token", token}, 200},
			{"refreshNow without token", f.ask(name, "refreshNow", "true"), nil, f.denied},
		} {
			if status, _, body := s.Ask(http.MethodGet, tt.path, tt.header...); status != tt.status {
				t.Errorf("%s: %d %s, want %d", tt.outcome, status, body, tt.status)
			}
		}
	})
}

func TestForwardedRequestsAreRefused(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		name := "forwarded-" + f.name
		v.create(name, "payload")
		if status, _, body := s.Ask(http.MethodGet, f.ask(name), header, token, "X-Forwarded-For", "10.0.0.1"); status != 400 {
			t.Errorf("with X-Forwarded-For: %d %s", status, body)
		}
		if status, _, body := s.Ask(http.MethodGet, f.ask(name), "X-Forwarded-For", "10.0.0.1"); status != 400 {
			t.Errorf("forwarded counts before the token: %d %s", status, body)
		}
		if status, _, _ := s.Get(f.ask(name)); status != 200 {
			t.Errorf("without it: %d", status)
		}
	})
}

func TestPing(t *testing.T) {
	t.Parallel()
	s := awake(t, "http://127.0.0.1:9")
	for outcome, header := range map[string][]string{
		"without token": nil, "with token": {header, token}, "with a wrong token": {header, "wrong"},
	} {
		if status, _, body := s.Ask(http.MethodGet, "/ping", header...); status != 200 || body != "healthy" {
			t.Errorf("%s: %d %q", outcome, status, body)
		}
	}
	s.Shutdown()
}

// What the agent's own server tests ask of every route of the agent.
func TestAgentServerCases(t *testing.T) {
	t.Parallel()
	moto := harness.Moto(t)
	s, v := awake(t, moto), newVault(t, moto)
	v.create("server/with/slashes", "payload")
	for _, tt := range []struct {
		outcome, method, path string
		status                int
		body                  string // the whole of it; empty: any
	}{
		{"id with slashes", "GET", "/v1/server/with/slashes", 200, ""},
		{"unknown path", "GET", "/v2/server", 404, ""},
		{"missing id in the query", "GET", "/secretsmanager/get", 400, ""},
		{"missing id in the path", "GET", "/v1/", 400, "missing secret ID"},
		{"unknown argument in the path form", "GET", "/v1/server/with/slashes?abc=1", 400, "unknown parameter: abc"},
		{"unknown argument of the official route is ignored", "GET", "/secretsmanager/get?secretId=server/with/slashes&abc=1", 200, ""},
		{"refreshNow that is no truth", "GET", "/v1/server/with/slashes?refreshNow=maybe", 400, ""},
		{"refreshNow in capitals", "GET", "/v1/server/with/slashes?refreshNow=TRUE", 200, ""},
	} {
		status, _, body := s.Get(tt.path)
		if status != tt.status || tt.body != "" && body != tt.body {
			t.Errorf("%s: %d %q, want %d %q", tt.outcome, status, body, tt.status, tt.body)
		}
	}
	for _, path := range []string{"/v1/server/with/slashes", "/secretsmanager/get?secretId=x", "/systemsmanager/parameters/get?name=x", "/ping"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			if status, header, _ := s.Ask(method, path, header, token); status != 405 || header.Get("Allow") == "" {
				t.Errorf("%s %s: %d, Allow %q", method, path, status, header.Get("Allow"))
			}
		}
	}
	s.Shutdown()
}
