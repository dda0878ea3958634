package localhttp_test

import (
	"strings"
	"testing"

	"powertools-extension/internal/localhttp"
)

// TestGuard sends every request over a socket: what net/http does to it first
// is part of the contract.
func TestGuard(t *testing.T) {
	fake := always(textResult("CANARY-VALUE"))
	s := start(t, localhttp.Deps{Parameters: fake}, localhttp.Options{})
	const ours, official = "GET /parameters/ssm/db", "GET /secretsmanager/get?secretId=db"
	for name, test := range map[string]struct {
		request string
		status  string
		text    string // in the answer
	}{
		"good":                        {head(ours, withHost, withToken), "200", `"value":"CANARY-VALUE"`},
		"good, localhost":             {head(ours, "Host: localhost:2773", withToken), "200", `"value"`},
		"good, LocalHost":             {head(ours, "Host: LocalHost", withToken), "200", `"value"`},
		"good, IPv6":                  {head(ours, "Host: [::1]:2773", withToken), "200", `"value"`},
		"good, IPv6 without port":     {head(ours, "Host: [::1]", withToken), "200", `"value"`},
		"good, other token header":    {head(ours, withHost, "X-Vault-Token: "+token), "200", `"value"`},
		"good, header in lower case":  {head(ours, withHost, "x-aws-parameters-secrets-token: "+token), "200", `"value"`},
		"good, absolute name in path": {head("GET /parameters/ssm/http://evil.com", withHost, withToken), "200", `"value"`},

		"X-Forwarded-For":         {head(ours, withHost, withToken, "X-Forwarded-For: 10.0.0.1"), "400", `"forwarded_request"`},
		"x-forwarded-proto":       {head(ours, withHost, withToken, "x-forwarded-proto: http"), "400", `"forwarded_request"`},
		"empty X-Forwarded-Host":  {head(ours, withHost, withToken, "X-Forwarded-Host:"), "400", `"forwarded_request"`},
		"Forwarded":               {head(ours, withHost, withToken, "Forwarded: for=10.0.0.1"), "400", `"forwarded_request"`},
		"Via":                     {head(ours, withHost, withToken, "Via: 1.1 proxy"), "400", `"forwarded_request"`},
		"forwarded, on ping":      {head("GET /ping", withHost, "Via: 1.1 proxy"), "400", `"forwarded_request"`},
		"forwarded, on drop-in":   {head(official, withHost, withToken, "Via: 1.1 proxy"), "400", `"forwarded_request"`},
		"forwarded before Host":   {head(ours, "Host: evil.com", "Via: 1.1 proxy"), "400", `"forwarded_request"`},
		"Host before Origin":      {head(ours, "Host: evil.com", "Origin: null"), "421", `"misdirected_request"`},
		"Origin before token":     {head(ours, withHost, "Origin: null"), "403", `"origin_not_allowed"`},
		"token before route":      {head("GET /nothing", withHost), "403", `"bad_token"`},
		"token before method":     {head("DELETE /parameters/ssm/db", withHost), "403", `"bad_token"`},
		"token before arguments":  {head(ours+"?nonsense=1", withHost), "403", `"bad_token"`},
		"token before name":       {head("GET /parameters/ssm/%00", withHost), "403", `"bad_token"`},
		"route before in-flight":  {head("GET /nothing", withHost, withToken), "404", `"unknown_route"`},
		"Host evil.com":           {head(ours, "Host: evil.com", withToken), "421", `"misdirected_request"`},
		"Host with our prefix":    {head(ours, "Host: 127.0.0.1.evil.com", withToken), "421", `"misdirected_request"`},
		"Host with our suffix":    {head(ours, "Host: evil.localhost", withToken), "421", `"misdirected_request"`},
		"Host with a dot":         {head(ours, "Host: localhost.", withToken), "421", `"misdirected_request"`},
		"Host with dot and port":  {head(ours, "Host: localhost.:2773", withToken), "421", `"misdirected_request"`},
		"Host with a bad port":    {head(ours, "Host: localhost:27a3", withToken), "421", `"misdirected_request"`},
		"Host with an empty port": {head(ours, "Host: localhost:", withToken), "421", `"misdirected_request"`},
		"Host with two ports":     {head(ours, "Host: localhost:1:2", withToken), "421", `"misdirected_request"`},
		"Host 127.1":              {head(ours, "Host: 127.1", withToken), "421", `"misdirected_request"`},
		"Host 0.0.0.0":            {head(ours, "Host: 0.0.0.0:2773", withToken), "421", `"misdirected_request"`},
		"Host ::1 without []":     {head(ours, "Host: ::1", withToken), "421", `"misdirected_request"`},
		"Host with user":          {head(ours, "Host: localhost@evil.com", withToken), "400", "malformed Host header"},
		"Host empty":              {head(ours, "Host:", withToken), "421", `"misdirected_request"`},
		"Host, on ping":           {head("GET /ping", "Host: evil.com"), "421", `"misdirected_request"`},
		"Host missing":            {head(ours, withToken), "400", "missing required Host header"},
		"Host twice":              {head(ours, withHost, withHost, withToken), "400", "Bad Request"},
		"Host twice, second evil": {head(ours, withHost, "Host: evil.com", withToken), "400", "Bad Request"},
		"Host with NUL":           {head(ours, "Host: localhost\x00", withToken), "400", "Bad Request"},
		"absolute form":           {head("GET http://127.0.0.1:2773/ping", withHost), "421", `"misdirected_request"`},
		"absolute form, evil":     {head("GET http://evil.com/parameters/ssm/db", withHost, withToken), "421", `"misdirected_request"`},
		"CONNECT":                 {head("CONNECT 127.0.0.1:2773", withHost, withToken), "421", `"misdirected_request"`},
		"OPTIONS *":               {head("OPTIONS *", withHost, withToken), "421", `"misdirected_request"`},
		"HTTP/2 preface":          {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "421", ""},
		"HTTP/1.0 without Host":   {"GET /ping HTTP/1.0\r\n\r\n", "421", `"misdirected_request"`},
		"Origin":                  {head(ours, withHost, withToken, "Origin: http://localhost"), "403", `"origin_not_allowed"`},
		"Origin null":             {head(ours, withHost, withToken, "Origin: null"), "403", `"origin_not_allowed"`},
		"Origin empty":            {head(ours, withHost, withToken, "Origin:"), "403", `"origin_not_allowed"`},
		"Origin, on healthz":      {head("GET /healthz", withHost, "Origin: null"), "403", `"origin_not_allowed"`},

		"web page, no Origin": {head(ours, withHost, withToken, "Sec-Fetch-Site: cross-site"), "403", `"origin_not_allowed"`},
		"web page, same site": {head(ours, withHost, withToken, "sec-fetch-site: same-origin"), "403", `"origin_not_allowed"`},
		"Node's fetch":        {head(ours, withHost, withToken, "Sec-Fetch-Mode: cors"), "200", `"value"`},

		"agent, no token":           {head("GET /v1/db", withHost), "403", "\r\n\r\nBad Token"},
		"agent, wrong token":        {head("GET /v1/db?refreshNow=true", withHost, withToken+"x"), "403", "\r\n\r\nBad Token"},
		"agent, token twice":        {head("GET /v1/db", withHost, withToken, withToken), "403", "\r\n\r\nBad Token"},
		"agent, vault token":        {head("GET /v1/a/b", withHost, "X-Vault-Token: "+token), "200", `"SecretString":"CANARY-VALUE"`},
		"agent, forwarded":          {head("GET /v1/db", withHost, "X-Forwarded-For: 10.0.0.1"), "400", "\r\n\r\nForwarded"},
		"agent, good and forwarded": {head("GET /v1/db", withHost, withToken, "X-Forwarded-For: 10.0.0.1"), "400", "\r\n\r\nForwarded"},
		"agent, Host":               {head("GET /v1/db", "Host: evil.com", withToken), "421", `"misdirected_request"`},
		"agent, Origin":             {head("GET /v1/db", withHost, withToken, "Origin: null"), "403", `"origin_not_allowed"`},
		"agent, token before verb":  {head("POST /v1/db", withHost), "403", "\r\n\r\nBad Token"},
		"configuration, no token":   {head("GET /applications/a/environments/b/configurations/c", withHost), "403", "\r\n\r\nbad_token: "},
		"group, no token":           {head("GET /parameters/ssm?path=/", withHost), "403", `"bad_token"`},
		"several, no token":         {head("GET /parameters/secrets?name=db", withHost), "403", `"bad_token"`},
		"cache, no token":           {head("GET /parameters/cache", withHost), "403", `"bad_token"`},
		"purge, no token":           {head("DELETE /parameters/cache", withHost), "403", `"bad_token"`},
		"put, no token":             {head("PUT /parameters/ssm/db", withHost), "403", `"bad_token"`},

		"no token":              {head(ours, withHost), "403", `"bad_token"`},
		"wrong token":           {head(ours, withHost, withToken+"x"), "403", `"bad_token"`},
		"empty token":           {head(ours, withHost, "X-Aws-Parameters-Secrets-Token:"), "403", `"bad_token"`},
		"token cut":             {head(ours, withHost, strings.TrimSuffix(withToken, "=")), "403", `"bad_token"`},
		"token twice":           {head(ours, withHost, withToken, withToken), "403", `"bad_token"`},
		"right and wrong":       {head(ours, withHost, withToken, "X-Aws-Parameters-Secrets-Token: x"), "403", `"bad_token"`},
		"in both headers":       {head(ours, withHost, withToken, "X-Vault-Token: "+token), "403", `"bad_token"`},
		"token in query":        {head(ours+"?token="+token, withHost), "403", `"bad_token"`},
		"bearer":                {head(ours, withHost, "Authorization: Bearer "+token), "403", `"bad_token"`},
		"metrics":               {head("POST /metrics", withHost), "403", `"bad_token"`},
		"context":               {head("GET /context", withHost), "403", `"bad_token"`},
		"description":           {head("GET /openapi.json", withHost), "403", `"bad_token"`},
		"drop-in, no token":     {head(official, withHost), "401", "\r\n\r\nbad session token or header key"},
		"drop-in, wrong token":  {head(official, withHost, withToken+"x"), "401", "\r\n\r\nbad session token or header key"},
		"drop-in, twice":        {head(official, withHost, withToken, withToken), "401", "\r\n\r\nbad session token or header key"},
		"drop-in, slash":        {head("GET /systemsmanager/parameters/get/?name=db", withHost), "401", "\r\n\r\nbad session token or header key"},
		"ping":                  {head("GET /ping", withHost), "200", "\r\n\r\nhealthy"},
		"ping with wrong token": {head("GET /ping", withHost, withToken+"x"), "200", "\r\n\r\nhealthy"},
		"ping, other verb":      {head("POST /ping", withHost), "405", `"method_not_allowed"`},
		"ping, escaped":         {head("GET /%70ing", withHost), "403", `"bad_token"`},
		"ping, dots":            {head("GET /parameters/../ping", withHost), "403", `"bad_token"`},
		"ping, doubled slash":   {head("GET //ping", withHost), "403", `"bad_token"`},
		"healthz":               {head("GET /healthz", withHost), "200", `"state":"ok"`},
	} {
		t.Run(name, func(t *testing.T) {
			answer := raw(t, s.Addr(), test.request)
			if status(answer) != test.status || !strings.Contains(answer, test.text) {
				t.Errorf("want %s with %q, got\n%s", test.status, test.text, answer)
			}
			if test.status != "200" && (strings.Contains(answer, "CANARY-VALUE") || strings.Contains(answer, token)) {
				t.Errorf("answer leaks:\n%s", answer)
			}
			if strings.Contains(answer, "Location:") {
				t.Errorf("answer redirects:\n%s", answer)
			}
		})
	}
}

func TestNoTokenKnown(t *testing.T) {
	fake := always(textResult("CANARY-VALUE"))
	for name, tokens := range map[string]func() []string{
		"none": func() []string { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{Tokens: tokens})
			w := get(s, "/parameters/ssm/db")
			if w.Code != 403 || !strings.Contains(w.Body.String(), `"no_token_known"`) || !strings.Contains(w.Body.String(), "AWS_TOKEN") {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			w = get(s, "/secretsmanager/get?secretId=x")
			if w.Code != 401 || w.Body.String() != "bad session token or header key" || !strings.Contains(w.Header().Get("X-Powertools-Error"), "AWS_TOKEN") {
				t.Errorf("got %d %s %v", w.Code, w.Body, w.Header())
			}
			if w := get(s, "/ping"); w.Code != 200 {
				t.Errorf("ping: %d", w.Code)
			}
		})
	}
}

// TestEmptyTokenOpensNothing: a token list with an empty string must not make
// an empty header the right one.
func TestEmptyTokenOpensNothing(t *testing.T) {
	s := newServer(localhttp.Deps{Parameters: always(textResult("v"))},
		localhttp.Options{Tokens: func() []string { return []string{"", "right"} }})
	if w := get(s, "/parameters/ssm/db", "X-Aws-Parameters-Secrets-Token", ""); w.Code != 403 {
		t.Errorf("empty token: %d", w.Code)
	}
	if w := get(s, "/parameters/ssm/db", "X-Aws-Parameters-Secrets-Token", "right"); w.Code != 200 {
		t.Errorf("right token: %d", w.Code)
	}
}
