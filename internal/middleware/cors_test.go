package middleware

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

// gateways make the event of a browser's request, and read the answer's
// headers as they do.
var gateways = map[string]struct {
	event func(method string, headers map[string]string) string
	read  func(answer map[string]any) map[string][]string
}{
	"rest api": {
		func(method string, headers map[string]string) string {
			return fmt.Sprintf(`{"resource":"/o","path":"/o","httpMethod":%q,"headers":%s,"multiValueHeaders":%s,"requestContext":{"stage":"p"},"body":null}`, method, single(headers), multi(headers))
		},
		func(answer map[string]any) map[string][]string { return merge(answer, "headers", "multiValueHeaders") },
	},
	"alb": {
		func(method string, headers map[string]string) string {
			return fmt.Sprintf(`{"requestContext":{"elb":{"targetGroupArn":"arn:x"}},"httpMethod":%q,"path":"/o","headers":%s,"body":""}`, method, single(headers))
		},
		func(answer map[string]any) map[string][]string { return merge(answer, "headers") },
	},
	"alb, multi value": {
		func(method string, headers map[string]string) string {
			return fmt.Sprintf(`{"requestContext":{"elb":{"targetGroupArn":"arn:x"}},"httpMethod":%q,"path":"/o","multiValueHeaders":%s,"body":""}`, method, multi(headers))
		},
		func(answer map[string]any) map[string][]string { return merge(answer, "multiValueHeaders") },
	},
}

func single(headers map[string]string) string { b, _ := json.Marshal(headers); return string(b) }

func multi(headers map[string]string) string {
	many := map[string][]string{}
	for name, value := range headers {
		many[name] = []string{value}
	}
	b, _ := json.Marshal(many)
	return string(b)
}

func merge(answer map[string]any, members ...string) map[string][]string {
	out := map[string][]string{}
	for _, member := range members {
		object, _ := answer[member].(map[string]any)
		for name, value := range object {
			name = strings.ToLower(name)
			switch v := value.(type) {
			case string:
				out[name] = append(out[name], v)
			case []any:
				for _, one := range v {
					out[name] = append(out[name], one.(string))
				}
			}
		}
	}
	return out
}

// mayRead judges as a browser does (Fetch standard, CORS check).
func mayRead(headers map[string][]string, origin string, credentials bool) bool {
	allowed := headers["access-control-allow-origin"]
	if len(allowed) != 1 {
		return false
	}
	if !credentials && allowed[0] == "*" {
		return true
	}
	return allowed[0] == origin && (!credentials || slices.Equal(headers["access-control-allow-credentials"], []string{"true"}))
}

// mayAsk judges the answer to a preflight (Fetch standard, CORS-preflight
// fetch).
func mayAsk(status int, headers map[string][]string, origin, method string, names []string, credentials bool) bool {
	if status < 200 || status > 299 || !mayRead(headers, origin, credentials) {
		return false
	}
	in := func(list []string, name string, same func(a, b string) bool) bool {
		for one := range strings.SplitSeq(strings.Join(list, ","), ",") {
			one = strings.TrimSpace(one)
			if same(one, name) || one == "*" && !credentials && !strings.EqualFold(name, "Authorization") {
				return true
			}
		}
		return false
	}
	if method != "GET" && method != "HEAD" && method != "POST" && !in(headers["access-control-allow-methods"], method, func(a, b string) bool { return a == b }) {
		return false
	}
	for _, name := range names {
		if !in(headers["access-control-allow-headers"], name, strings.EqualFold) {
			return false
		}
	}
	return true
}

const page = "https://app.example.com"

// TestCORS: what browsers may do, on the three forms of events.
func TestCORS(t *testing.T) {
	one := CORS{Origins: []string{page, "http://localhost:3000"}, Headers: []string{"Authorization", "Content-Type"}, Methods: []string{"GET", "PUT"}, MaxAge: time.Hour}
	credentials := one
	credentials.Credentials = true
	all := CORS{Origins: []string{"*"}, Headers: []string{"*"}, Methods: []string{"*"}}
	wild := credentials
	wild.Headers, wild.Methods = []string{"*"}, []string{"*"}
	for gateway, g := range gateways {
		for _, c := range []struct {
			what        string
			cors        CORS
			origin      string
			method      string
			names       []string // not simple: asked for by a preflight
			credentials bool
			want        bool
		}{
			{"simple", one, page, "GET", nil, false, true},
			{"simple, second origin", one, "http://localhost:3000", "POST", nil, false, true},
			{"simple, wrong origin", one, "https://evil.example.com", "GET", nil, false, false},
			{"simple, other scheme", one, "http://app.example.com", "GET", nil, false, false},
			{"simple, other port", one, page + ":8443", "GET", nil, false, false},
			{"simple, an origin that begins alike", one, page + ".evil.com", "GET", nil, false, false},
			{"simple, null", one, "null", "GET", nil, false, false},
			{"simple, null, all", all, "null", "GET", nil, false, true},
			{"simple with credentials", credentials, page, "GET", nil, true, true},
			{"simple with credentials that are not allowed", one, page, "GET", nil, true, false},
			{"simple with credentials, wrong origin", credentials, "https://evil.example.com", "GET", nil, true, false},
			{"simple with credentials, all", all, page, "GET", nil, true, false},
			{"preflight", one, page, "PUT", []string{"content-type"}, false, true},
			{"preflight, method not allowed", one, page, "DELETE", []string{"content-type"}, false, false},
			{"preflight, header not allowed", one, page, "PUT", []string{"x-other"}, false, false},
			{"preflight, wrong origin", one, "https://evil.example.com", "PUT", []string{"content-type"}, false, false},
			{"preflight, null", one, "null", "PUT", []string{"content-type"}, false, false},
			{"preflight, all", all, page, "PATCH", []string{"x-any", "authorization"}, false, true},
			{"preflight with credentials", credentials, page, "PUT", []string{"authorization"}, true, true},
			{"preflight with credentials, any header", wild, page, "PATCH", []string{"x-any", "authorization"}, true, true},
			{"preflight with credentials, all", all, page, "PUT", []string{"x-any"}, true, false},
		} {
			w := newWorld(t, "", c.cors.Hook())
			got := true
			if c.names != nil {
				answer, failed := w.invoke(g.event("OPTIONS", map[string]string{"Origin": c.origin, "Access-Control-Request-Method": c.method, "Access-Control-Request-Headers": strings.Join(c.names, ",")}), says("never"))
				status, headers := read(t, answer, g.read)
				got = mayAsk(status, headers, c.origin, c.method, c.names, c.credentials)
				if failed || w.runs != 0 {
					t.Errorf("%s, %s: the function was asked", gateway, c.what)
				}
				judge(t, gateway+", "+c.what, c.cors, headers)
			}
			if got {
				answer, _ := w.invoke(g.event(c.method, map[string]string{"origin": c.origin}), says(`{"statusCode":200,"body":"n: 9007199254740993"}`))
				_, headers := read(t, answer, g.read)
				got = mayRead(headers, c.origin, c.credentials)
				judge(t, gateway+", "+c.what, c.cors, headers)
			}
			if got != c.want {
				t.Errorf("%s, %s: a browser may: %v, want %v", gateway, c.what, got, c.want)
			}
		}
	}
}

// judge holds to what is true of every answer.
func judge(t *testing.T, what string, c CORS, headers map[string][]string) {
	t.Helper()
	if headers["access-control-allow-credentials"] != nil {
		for name, values := range headers {
			if strings.HasPrefix(name, "access-control-") && slices.Contains(values, "*") {
				t.Errorf("%s: credentials and %s: *", what, name)
			}
		}
	}
	if vary := strings.Join(headers["vary"], ","); !slices.Contains(c.Origins, "*") && !strings.Contains(vary, "Origin") {
		t.Errorf("%s: a cache may give it to another page: vary %q", what, vary)
	}
	for name, values := range headers {
		if len(values) > 1 {
			t.Errorf("%s: %s twice", what, name)
		}
	}
}

func read(t *testing.T, answer string, headers func(map[string]any) map[string][]string) (int, map[string][]string) {
	t.Helper()
	var a map[string]any
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	status, _ := a["statusCode"].(float64)
	return int(status), headers(a)
}

// TestCORSBytes: the bytes of an answer before and after.
func TestCORSBytes(t *testing.T) {
	one := CORS{Origins: []string{page}}
	const allow = `"access-control-allow-origin":"` + page + `"`
	for _, c := range []struct{ what, gateway, answer, want string }{
		{"no headers", "alb", `{"statusCode": 200, "body":"1.0"}`, `{"statusCode":200,"body":"1.0","headers":{` + allow + `,"vary":"Origin"}}`},
		{"in place", "alb", `{ "statusCode":200, "headers":{ "x":"\u00e9" }, "body":"b"}`, `{ "statusCode":200, "headers":{"x":"\u00e9",` + allow + `,"vary":"Origin"}, "body":"b"}`},
		{"empty", "alb", `{"headers":{},"statusCode":204}`, `{"headers":{` + allow + `,"vary":"Origin"},"statusCode":204}`},
		{"null", "alb", `{"headers":null,"statusCode":204}`, `{"statusCode":204,"headers":{` + allow + `,"vary":"Origin"}}`},
		{"the function's own", "alb", `{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"https://x"}}`, ``},
		{"vary", "alb", `{"statusCode":200,"headers":{"Vary":"Accept-Encoding"}}`, `{"statusCode":200,"headers":{` + allow + `,"vary":"Accept-Encoding, Origin"}}`},
		{"vary has it", "alb", `{"statusCode":200,"headers":{"Vary":"accept, ORIGIN"}}`, `{"statusCode":200,"headers":{"Vary":"accept, ORIGIN",` + allow + `}}`},
		{"vary of several values", "rest api", `{"statusCode":200,"multiValueHeaders":{"vary":["a","b"]}}`, `{"statusCode":200,"multiValueHeaders":{"access-control-allow-origin":["` + page + `"],"vary":["a, b, Origin"]}}`},
		{"multi value", "alb, multi value", `{"statusCode":200,"multiValueHeaders":{"set-cookie":["a","b"]}}`, `{"statusCode":200,"multiValueHeaders":{"set-cookie":["a","b"],"access-control-allow-origin":["` + page + `"],"vary":["Origin"]}}`},
		{"no HTTP answer", "rest api", `{"ok":true}`, ``},
		{"no JSON", "rest api", `ok`, ``},
	} {
		w := newWorld(t, "", one.Hook())
		want := c.want
		if want == "" {
			want = c.answer
		}
		if got, _ := w.invoke(gateways[c.gateway].event("GET", map[string]string{"Origin": page}), says(c.answer)); got != want {
			t.Errorf("%s: %s\nwant %s", c.what, got, want)
		}
	}
	// Errors of hooks have the headers too; errors of the function are the gateway's answer.
	w := newWorld(t, "missing", one.Hook(), Validation{Event: unusable, AsHTTP: true, Log: zap.NewNop()}.Hook())
	if got, _ := w.invoke(gateways["rest api"].event("GET", map[string]string{"Origin": page}), says("never")); !strings.Contains(got, allow) || !strings.Contains(got, `"statusCode":500`) {
		t.Errorf("a hook's own answer: %s", got)
	}
	w = newWorld(t, "", one.Hook())
	if got, failed := w.invoke(gateways["alb"].event("GET", map[string]string{"Origin": page}), func(string) (string, bool) { return `{"errorType":"E"}`, true }); !failed || got != `{"errorType":"E"}` {
		t.Errorf("an error: %s", got)
	}
}

// TestCORSElsewhere: whose gateways have settings of their own pass, and so do
// OPTIONS that are no preflight.
func TestCORSElsewhere(t *testing.T) {
	all := CORS{Origins: []string{"*"}}
	const ask = `"headers":{"origin":"` + page + `","access-control-request-method":"PUT"}`
	for what, event := range map[string]string{
		"HTTP API":        `{"version":"2.0","requestContext":{"http":{"method":"OPTIONS"}},` + ask + `}`,
		"function URL":    `{"version":"2.0","requestContext":{"http":{"method":"OPTIONS"},"domainName":"x.lambda-url.eu-west-1.on.aws"},` + ask + `}`,
		"VPC Lattice":     `{"version":"2.0","method":"OPTIONS","requestContext":{"serviceNetworkArn":"arn:x"},` + ask + `}`,
		"an authorizer":   `{"type":"REQUEST","methodArn":"arn:x","resource":"/","httpMethod":"OPTIONS","requestContext":{},` + ask + `}`,
		"SQS":             `{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`,
		"a user's own":    `{"httpMethod":"OPTIONS",` + ask + `}`,
		"something else":  `[]`,
		"what is no JSON": `{"httpMethod":`,
	} {
		w := newWorld(t, "", all.Hook())
		if got, _ := w.invoke(event, says(`{"statusCode":200}`)); got != `{"statusCode":200}` || w.runs != 1 {
			t.Errorf("%s: %s after %d runs", what, got, w.runs)
		}
	}
	for what, headers := range map[string]map[string]string{"no question": {"Origin": page}, "no origin": {"Access-Control-Request-Method": "PUT"}} {
		w := newWorld(t, "", all.Hook())
		if _, _ = w.invoke(gateways["rest api"].event("OPTIONS", headers), says(`{"statusCode":200}`)); w.runs != 1 {
			t.Errorf("OPTIONS with %s was no preflight, and was answered as one", what)
		}
	}
}

// TestCORSIsNotStored: a replay for another page has that page's headers.
func TestCORSIsNotStored(t *testing.T) {
	w := newWorld(t, "resource", CORS{Origins: []string{page, "https://other.example.com"}}.Hook())
	for _, origin := range []string{page, "https://other.example.com", page} {
		got, _ := w.invoke(gateways["rest api"].event("POST", map[string]string{"Origin": origin}), says(`{"statusCode":200,"headers":{}}`))
		if !strings.Contains(got, `"access-control-allow-origin":"`+origin+`"`) {
			t.Errorf("for %s: %s", origin, got)
		}
	}
	if w.runs != 1 {
		t.Errorf("%d runs", w.runs)
	}
}

// TestCORSForgets: requests whose answer never comes do not pile up.
func TestCORSForgets(t *testing.T) {
	h := &corsHook{CORS: CORS{Origins: []string{"*"}}}
	for i := range 1000 {
		h.origins.put(&Request{ID: fmt.Sprint(i), Deadline: time.Now().Add(-time.Hour)}, page)
	}
	if len(h.origins.kept) > 65 {
		t.Errorf("%d are kept", len(h.origins.kept))
	}
}
