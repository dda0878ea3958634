package conformance

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/test/harness"
)

var update = flag.Bool("update", false, "write docs/answers.md instead of comparing")

// answersData has dates and ids of its own, so that answers can be compared.
const answersData = `
region: eu-west-1
account: "123456789012"
parameters:
  /app/greeting: {value: Hello, modified: 2026-01-31T12:00:00.250Z}
  /app/rollout: {versions: [{value: "10", modified: 2026-01-01}, {value: "25", labels: [stable], modified: 2026-01-02}, {value: "50", modified: 2026-01-03}]}
  /app/password: {type: SecureString, value: 'a&b<c>', modified: 2026-01-31T12:00:00Z}
  /app/config.json: {value: {limits: {burst: 50}, hosts: [a, b]}, modified: 2026-01-31T12:00:00Z}
  /app/blob.binary: {value: aGVsbG8=, modified: 2026-01-31T12:00:00Z}
  /app/deep/er: {value: below, modified: 2026-01-31T12:00:00Z}
  plain: {value: no levels, modified: 2026-01-31T12:00:00Z}
secrets:
  app/key: {value: key-4f9a, id: 11111111-1111-1111-1111-111111111111, created: 2026-01-31T12:00:00.250Z}
  app/database: {value: {user: app, password: secret}, id: 22222222-2222-2222-2222-222222222222, created: 2026-01-31T12:00:00Z}
  app/rotated: {versions: [{value: last month, id: 33333333-3333-3333-3333-333333333333, created: 2026-01-01}, {value: this month, id: 44444444-4444-4444-4444-444444444444, created: 2026-01-31}]}
  app/bytes: {binary: AAH/, id: 55555555-5555-5555-5555-555555555555, created: 2026-01-31T12:00:00Z}
tables:
  config: {items: [{id: text, value: Hello}, {id: number, value: 12.50}, {id: flags, value: {dark: true, cohorts: [a, b]}}, {id: bytes, value: !!binary AAH/}]}
  records: {}
  settings: {sort: sk, items: [{id: checkout, sk: currency, value: EUR}, {id: checkout, sk: max-items, value: 40}]}
appconfig:
  shop/prod/flags: {label: v2, value: {dark-mode: {enabled: true, since: 2026}, checkout-v2: {enabled: false}}}
  shop/prod/features: {label: v7, value: {beta: {default: false, rules: {gold customers: {when_match: true, conditions: [{action: EQUALS, key: tier, value: gold}]}}}, page-size: {default: 20, boolean_type: false}}}
  shop/prod/banner: {content_type: text/plain, value: Open on Sunday}
roles:
  arn:aws:iam::210987654321:role/reader: {parameters: {/app/greeting: {value: Hello from there, modified: 2026-01-31}}}
`

// question is one row of the page. Without a method it is a GET, without a
// token header it has the right token.
type question struct {
	method, path, body string
	header             []string
}

type chapter struct {
	title     string
	questions []question
}

func get(paths ...string) []question {
	var out []question
	for _, path := range paths {
		out = append(out, question{path: path})
	}
	return out
}

// chapters are every route, source and selector, and what goes wrong.
func chapters() []chapter {
	text := []string{"Accept", "text/plain"}
	return []chapter{
		{"Parameter Store", append(get(
			"/parameters/ssm/app/greeting", "/parameters/ssm/app/greeting", "/parameters/ssm/%2Fapp%2Fgreeting", "/parameters/ssm/plain",
			"/parameters/ssm/arn:aws:ssm:eu-west-1:123456789012:parameter/app/greeting",
			"/parameters/ssm/app/rollout", "/parameters/ssm/app/rollout?version=1", "/parameters/ssm/app/rollout?label=stable",
			"/parameters/ssm/app/password?decrypt=true", "/parameters/ssm/app/config.json?transform=auto", "/parameters/ssm/app/config.json?key=limits.burst",
			"/parameters/ssm/app/blob.binary?transform=binary", "/parameters/ssm/app/greeting?format=text", "/parameters/ssm/app/greeting?force_fetch=true",
			"/parameters/ssm/app/greeting?max_age=0", "/parameters/ssm/app/rollout?refresh_if_version=1",
			"/parameters/ssm/app/greeting?role_arn=arn:aws:iam::210987654321:role/reader",
			"/parameters/ssm?path=/app/", "/parameters/ssm?path=/app/&recursive=true", "/parameters/ssm?name=/app/greeting&name=/app/none",
			"/parameters/ssm?name=/app/greeting&name=/app/none&raise_on_error=true"),
			question{path: "/parameters/ssm/app/greeting", header: text},
			question{method: "PUT", path: "/parameters/ssm/app/new", body: "written"}, question{method: "PUT", path: "/parameters/ssm/app/new", body: "again"},
			question{method: "PUT", path: "/parameters/ssm/app/new?overwrite=true", body: "again"}, question{path: "/parameters/ssm/app/new?format=text"})},
		{"Secrets Manager", append(get(
			"/parameters/secrets/app/key", "/parameters/secrets/app%2Fkey", "/parameters/secrets/app/rotated?version_stage=AWSPREVIOUS",
			"/parameters/secrets/app/rotated?version_id=33333333-3333-3333-3333-333333333333", "/parameters/secrets/app/database?transform=json",
			"/parameters/secrets/app/database?key=password&format=text", "/parameters/secrets/app/bytes", "/parameters/secrets?name=app/key&name=app/none"),
			question{method: "PUT", path: "/parameters/secrets/app/made", body: "created"}, question{path: "/parameters/secrets/app/made?format=text"})},
		{"DynamoDB", get(
			"/parameters/dynamodb/config/text", "/parameters/dynamodb/config/number", "/parameters/dynamodb/config/flags", "/parameters/dynamodb/config/flags?key=cohorts.1&format=text",
			"/parameters/dynamodb/config/bytes", "/parameters/dynamodb/config/number?item=true", "/parameters/dynamodb/config/text?consistent=true",
			"/parameters/dynamodb/settings/checkout?sort=currency", "/parameters/dynamodb/settings?key=checkout")},
		{"AppConfig", get(
			"/parameters/appconfig/shop/prod/flags", "/parameters/appconfig/shop/prod/flags?flag=dark-mode", "/parameters/appconfig/shop/prod/banner?format=text",
			"/applications/shop/environments/prod/configurations/flags", "/applications/shop/environments/prod/configurations/flags?flag=dark-mode",
			"/applications/shop/environments/prod/configurations/flags?flag=dark-mode&flag=checkout-v2", "/applications/shop/environments/prod/configurations/banner",
			"/applications/shop/environments/prod/configurations/none")},
		{"As AWS's parameters and secrets extension", append(get(
			"/systemsmanager/parameters/get?name=%2Fapp%2Fgreeting", "/systemsmanager/parameters/get/?name=/app/greeting", "/systemsmanager/parameters/get?name=/app/password&withDecryption=true",
			"/systemsmanager/parameters/get?name=/app/rollout&label=stable&version=1", "/systemsmanager/parameters/get?name=/app/none",
			"/secretsmanager/get?secretId=app/key", "/secretsmanager/get?secretId=app/bytes", "/secretsmanager/get?secretId=app/rotated&versionStage=AWSPREVIOUS",
			"/secretsmanager/get?secretId=app/none", "/secretsmanager/get?secretId=app/key&refreshNow=true"),
			question{path: "/systemsmanager/parameters/get?name=/app/greeting", header: text}, question{path: "/secretsmanager/get?secretId=app/key", header: []string{header, "wrong"}})},
		{"As AWS's secrets agent", append(get(
			"/v1/app/key", "/v1/app/bytes", "/v1/app/rotated?versionId=33333333-3333-3333-3333-333333333333", "/v1/app/none", "/v1/", "/v1/app/key?verison=1", "/v1/app/key?roleArn=reader"),
			question{path: "/v1/app/key", header: []string{header, "wrong"}}, question{method: "POST", path: "/v1/app/key"})},
		{"Feature flags", append(get("/flags/beta?context.tier=gold", "/flags/beta?context.tier=gold&format=text", "/flags/beta?context.tier=silver", "/flags/page-size", "/flags/none?default=5", "/flags", "/flags/beta?source=ssm:/app/greeting"),
			question{method: "POST", path: "/flags/beta", body: `{"context":{"tier":"gold"}}`}, question{method: "POST", path: "/flags", body: `{"context":{"tier":"gold"},"names":["beta","none"],"defaults":{"none":1}}`})},
		{"Expressions and schemas", []question{
			{method: "POST", path: "/jmespath?expression=powertools_json(body).id", body: `{"body":"{\"id\":9007199254740993}"}`}, {method: "POST", path: "/jmespath?expression=body.", body: `{}`},
			{method: "POST", path: "/events/decode", body: `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"partitionKey":"1","sequenceNumber":"4959","data":"eyJpZCI6MX0="}}]}`},
			{method: "POST", path: "/validate", body: `{"schema":{"required":["id"]},"data":{"id":1}}`}, {method: "POST", path: "/validate", body: `{"schema":{"required":["id"]},"data":{}}`}}},
		{"Idempotency", []question{
			{method: "POST", path: "/idempotency/begin", body: `{"key":"order-17"}`}, {method: "POST", path: "/idempotency/begin", body: `{"key":"order-17"}`}, {method: "POST", path: "/idempotency/begin", body: `{}`},
			{method: "POST", path: "/idempotency/complete?id=0", body: `{}`}, {method: "POST", path: "/idempotency/fail?id=0"}}},
		{"The cache", append(get("/parameters/cache"),
			question{method: "DELETE", path: "/parameters/cache?ref=ssm:/app/greeting"}, question{path: "/parameters/ssm/app/greeting"}, question{method: "DELETE", path: "/parameters/cache"})},
		{"Bad requests", append(get(
			"/parameters/ssm/app/none", "/parameters/ssm/", "/parameters/ssm/app/greeting?max_ages=1", "/parameters/ssm/app/greeting?max_age=soon", "/parameters/ssm/app/greeting?version=1&label=x",
			"/parameters/ssm/app/greeting?transform=json", "/parameters/ssm/app/greeting%00", "/parameters/secrets/app/database?key=none", "/parameters/dynamodb/none/text", "/parameters/dynamodb/config/none",
			"/parameter/ssm/x", "/parameters/appconfig/shop/prod/none", "/parameters/ssm/app/greeting?role_arn=arn:aws:iam::210987654321:role/none"),
			question{path: "/parameters/ssm/app/greeting", header: []string{header, "wrong"}}, question{path: "/parameters/ssm/app/greeting", header: []string{header, token, "Host", "evil.example"}},
			question{path: "/parameters/ssm/app/greeting", header: []string{header, token, "Origin", "https://evil.example"}}, question{path: "/parameters/ssm/app/greeting", header: []string{header, token, "X-Forwarded-For", "10.0.0.1"}},
			question{method: "POST", path: "/parameters/ssm/app/greeting"})},
		{"The rest", append(get("/ping", "/context?key=function_name", "/schemas/invocation-error.json", "/schemas/none.json"),
			question{method: "POST", path: "/metrics", body: `{"metrics":[{"name":"orders","unit":"Count","value":1}]}`},
			question{method: "POST", path: "/metrics", body: `{"metrics":[{"name":"orders","unit":"count","value":1}]}`})},
	}
}

// The page shows what the true binary answers; it is printed from here.
func TestAnswers(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWSWith(t, answersData)
	s := awake(t, fake.URL, "POWERTOOLS_PARAMETERS_WRITE", "true",
		"POWERTOOLS_FEATURE_FLAGS", "shop/prod/features", "POWERTOOLS_IDEMPOTENCY_TABLE", "records")
	var page strings.Builder
	page.WriteString("<!-- Printed by go test ./test/conformance -run TestAnswers -update. Do not edit. -->\n\n# Answers of the local API\n\n" +
		"Every route, source and selector, asked of the extension in the order of this page. `state` is the header `X-Powertools-Cache`.\n" +
		"Ask one yourself: `curl -H \"X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN\" \"http://127.0.0.1:2773/parameters/ssm/app/greeting\"`\n")
	asked := map[string]bool{}
	for _, c := range chapters() {
		fmt.Fprintf(&page, "\n## %s\n\n| request | status | state | answer |\n|---|---|---|---|\n", c.title)
		for _, q := range c.questions {
			page.WriteString(row(s, q))
			asked[strings.SplitN(q.path, "?", 2)[0]] = true
		}
	}
	everyRoute(t, s, asked)
	s.Shutdown()
	const path = "../../docs/answers.md"
	if *update {
		if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run go test ./test/conformance -run TestAnswers -update", err)
	}
	if diff := cmp.Diff(string(want), page.String()); diff != "" {
		t.Errorf("docs/answers.md is old (-file +binary):\n%s", diff)
	}
}

// varying is what differs from run to run.
var varying = []*regexp.Regexp{
	regexp.MustCompile(`"(age|size)":[0-9.]+`),
	regexp.MustCompile(`"version":"[0-9a-f-]{36}"`),
	regexp.MustCompile(`"id":"[0-9a-f]{32}"`),
}

func row(s *harness.Sandbox, q question) string {
	method, headers := q.method, q.header
	if method == "" {
		method = http.MethodGet
	}
	request := method + " " + q.path
	sent := headers
	if len(headers) == 0 || headers[0] != header {
		sent = append([]string{header, token}, headers...)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] != header || headers[i+1] != token {
			request += "; " + headers[i] + ": " + headers[i+1]
		}
	}
	if q.body != "" {
		request += "; body " + q.body
	}
	status, header, body := s.Send(method, q.path, q.body, sent...)
	for i, r := range varying {
		body = r.ReplaceAllString(body, []string{`"$1":…`, `"version":"…"`, `"id":"…"`}[i])
	}
	if kind := header.Get("X-Amzn-ErrorType"); kind != "" {
		body += " (X-Amzn-ErrorType: " + kind + ")"
	}
	if len(body) > 600 {
		body = body[:600] + "…"
	}
	if strings.Contains(header.Get("Content-Type"), "octet-stream") {
		body = fmt.Sprintf("%q", body)
	}
	code := func(text string) string {
		if text == "" {
			return ""
		}
		return "`" + strings.NewReplacer("|", "\\|", "\n", " ", "`", "'").Replace(text) + "`"
	}
	return fmt.Sprintf("| %s | %d | %s | %s |\n", code(request), status, header.Get("X-Powertools-Cache"), code(body))
}

// everyRoute wants a question for each route of the API's own description.
func everyRoute(t *testing.T, s *harness.Sandbox, asked map[string]bool) {
	t.Helper()
	_, _, body := s.Get("/openapi.json")
	var api struct{ Paths map[string]any }
	if err := json.Unmarshal([]byte(body), &api); err != nil {
		t.Fatal(err)
	}
	for route := range api.Paths {
		pattern := regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(route), ".+")
		found := route == "/openapi.json" || route == "/healthz" || route == "/config" // they have version, sizes and ports
		for path := range asked {
			found = found || regexp.MustCompile("^"+pattern+"$").MatchString(path)
		}
		if !found {
			t.Errorf("route %s has no question on the page", route)
		}
	}
}
