package apidoc_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/reference/apidoc"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func description(t *testing.T) map[string]any {
	t.Helper()
	w := get(newServer(localhttp.Deps{}, localhttp.Options{Version: "1.2.3"}), "/openapi.json")
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", w.Code, err)
	}
	return doc
}

func dig(t *testing.T, doc any, path ...string) any {
	t.Helper()
	for _, name := range path {
		object, ok := doc.(map[string]any)
		if !ok || object[name] == nil {
			t.Fatalf("no %s", strings.Join(path, " / "))
		}
		doc = object[name]
	}
	return doc
}

// TestOpenAPI checks what every OpenAPI tool needs, in literal words.
func TestOpenAPI(t *testing.T) {
	doc := description(t)
	if doc["openapi"] != "3.1.0" || dig(t, doc, "info", "version") != "1.2.3" {
		t.Errorf("openapi %v, version %v", doc["openapi"], dig(t, doc, "info", "version"))
	}
	for _, path := range []string{
		"/parameters/ssm/{name}", "/parameters/secrets/{id}", "/parameters/dynamodb/{table}/{key}",
		"/systemsmanager/parameters/get", "/secretsmanager/get", "/v1/{secretId}", "/parameters/ssm", "/parameters/cache",
		"/parameters/appconfig/{app}/{env}/{profile}", "/applications/{application}/environments/{environment}/configurations/{profile}", "/context", "/ping", "/healthz", "/openapi.json",
	} {
		dig(t, doc, "paths", path, "get", "responses", "200", "description")
	}
	dig(t, doc, "paths", "/metrics", "post", "requestBody", "content", "application/json", "schema")
	dig(t, doc, "paths", "/metrics", "post", "responses", "413")
	dig(t, doc, "paths", "/parameters/ssm/{name}", "put", "requestBody", "content", "text/plain", "schema")
	dig(t, doc, "paths", "/parameters/cache", "delete", "responses", "200")
	dig(t, doc, "paths", "/v1/{secretId}", "get", "responses", "403", "content", "text/plain")
	dig(t, doc, "paths", "/secretsmanager/get", "get", "responses", "401", "content", "text/plain")
	if security := dig(t, doc, "paths", "/ping", "get", "security"); len(security.([]any)) != 0 {
		t.Errorf("/ping needs %v", security)
	}
	if name := dig(t, doc, "components", "securitySchemes", "token", "name"); name != "X-Aws-Parameters-Secrets-Token" {
		t.Errorf("token header %v", name)
	}
	ids := map[string]bool{}
	for path, item := range dig(t, doc, "paths").(map[string]any) {
		for _, op := range item.(map[string]any) {
			id := dig(t, op, "operationId").(string)
			if ids[id] {
				t.Errorf("operationId %s twice", id)
			}
			ids[id] = true
			checkPathParams(t, path, op)
		}
	}
	checkRefs(t, doc, doc)
}

// TestForGenerators: what the generators of clients need beyond the standard.
// test/openapi makes clients with them.
func TestForGenerators(t *testing.T) {
	doc := description(t)
	known := map[string]bool{}
	for _, tag := range doc["tags"].([]any) {
		known[dig(t, tag, "name").(string)] = true
	}
	for path, item := range dig(t, doc, "paths").(map[string]any) {
		for method, op := range item.(map[string]any) {
			if id := dig(t, op, "operationId").(string); len(id) > 30 {
				t.Errorf("%s %s is called %s", method, path, id)
			}
			if tags := dig(t, op, "tags").([]any); len(tags) != 1 || !known[tags[0].(string)] {
				t.Errorf("%s %s has the tags %v", method, path, tags)
			}
		}
	}
	var walk func(where string, node any)
	walk = func(where string, node any) {
		switch n := node.(type) {
		case map[string]any:
			if list, ok := n["type"].([]any); ok {
				t.Errorf("%s: a list of types, %v: say oneOf", where, list)
			}
			if value, ok := n["const"].(bool); ok {
				t.Errorf("%s: const %v on a boolean", where, value)
			}
			if media, ok := n["application/octet-stream"].(map[string]any); ok && dig(t, media, "schema", "format") != "binary" {
				t.Errorf("%s: bytes that are not binary", where)
			}
			for name, child := range n {
				walk(where+"/"+name, child)
			}
		case []any:
			for _, child := range n {
				walk(where, child)
			}
		}
	}
	walk("", doc)
}

// checkPathParams: every variable of a path is declared, and nothing else.
func checkPathParams(t *testing.T, path string, op any) {
	t.Helper()
	var declared []string
	params, _ := op.(map[string]any)["parameters"].([]any)
	for _, p := range params {
		if dig(t, p, "in") == "path" {
			declared = append(declared, "{"+dig(t, p, "name").(string)+"}")
		}
	}
	var used []string
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "{") {
			used = append(used, part)
		}
	}
	if !slices.Equal(declared, used) {
		t.Errorf("%s declares %v", path, declared)
	}
}

func checkRefs(t *testing.T, doc, node any) {
	t.Helper()
	switch n := node.(type) {
	case map[string]any:
		if ref, ok := n["$ref"].(string); ok {
			dig(t, doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		for _, child := range n {
			checkRefs(t, doc, child)
		}
	case []any:
		for _, child := range n {
			checkRefs(t, doc, child)
		}
	}
}

// TestAnswersKeepTheirSchemas holds real answers, and the examples, against
// the API description.
func TestAnswersKeepTheirSchemas(t *testing.T) {
	doc := description(t)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("mem:///openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	validate := func(where, schema, body string) {
		t.Helper()
		compiled, err := compiler.Compile("mem:///openapi.json#/components/schemas/" + schema)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err == nil {
			err = compiled.Validate(value)
		}
		if err != nil {
			t.Errorf("%s: %s is no %s: %v", where, body, schema, err)
		}
	}

	full := paramcache.Value{Name: "n", ARN: "a", Text: `{"a":1}`, IsText: true, Version: "3", Modified: time.Now(), Type: "String",
		DataType: pointer("text"), Selector: pointer(":3"), Stages: []string{"AWSCURRENT"}}
	binary := paramcache.Value{Name: "n", Binary: []byte{255}, Version: "v"}
	for _, v := range []paramcache.Value{full, binary, {}} {
		s := newServer(localhttp.Deps{
			Parameters: always{Value: v}, Metrics: taker{},
			Context: func(context.Context, string) localhttp.Context {
				return localhttp.Context{RequestID: v.Name, Deadline: v.Modified}
			},
			Health: func() localhttp.Health {
				return localhttp.Health{Features: v.Stages, Degraded: []localhttp.Degradation{{Component: "a", Reason: "b"}}}
			},
		}, localhttp.Options{Write: true})
		for target, schema := range map[string]string{
			"/parameters/ssm/n": "Parameter", "/parameters/secrets/n": "Parameter", "/parameters/dynamodb/t/k": "Parameter",
			"/parameters/ssm/n?transform=json": "Parameter", "/parameters/ssm/n?key=a": "Parameter",
			"/parameters/ssm/n?transform=json&raise_on_transform_error=false": "Parameter",
			"/systemsmanager/parameters/get?name=n":                           "GetParameter", "/secretsmanager/get?secretId=n": "GetSecretValue",
			"/parameters/appconfig/a/b/c": "Parameter", "/parameters/appconfig/a/b/c?flag=a": "Parameter",
			"/parameters/ssm?path=/a": "Parameters", "/parameters/ssm?name=/a&name=/b": "Parameters", "/parameters/secrets?name=a": "Parameters",
			"/parameters/dynamodb/t?key=k": "Parameters", "/parameters/cache": "Cache", "/v1/n": "AgentSecret",
			"/context": "Context", "/healthz": "Health", "/openapi.json": "Document",
			"/nothing": "Problem", "/parameters/ssm/": "Problem", "/parameters/ssm/n?x=1": "Problem",
		} {
			w := get(s, target)
			if w.Code >= 400 {
				schema = "Problem"
			}
			validate(target, schema, w.Body.String())
		}
		validate("DELETE /parameters/cache", "Purged", do(s, "DELETE", "/parameters/cache?ref=ssm:a", "").Body.String())
		validate("PUT /parameters/ssm/n", "Stored", do(s, "PUT", "/parameters/ssm/n", "v").Body.String())
		for _, body := range []string{`{"metrics":[{"name":"a","value":1}]}` + strings.Repeat("{}", 200), `{"metrics":[{"name":"a","value":1},{"name":1}]}`} {
			validate("POST /metrics", "MetricsResult", do(s, "POST", "/metrics", body).Body.String())
		}
	}
	for _, r := range apidoc.Routes() {
		for _, a := range r.Answers {
			for _, m := range a.Media {
				if m.Schema != "" && m.Example != "" {
					validate("example of "+r.Pattern, m.Schema, m.Example)
				}
			}
		}
		if r.Request != nil && r.Request.Schema != "" {
			validate("example of "+r.Pattern, r.Request.Schema, r.Request.Example)
		}
	}
}

// TestTables: the two tables are complete and agree with each other.
func TestTables(t *testing.T) {
	statuses := map[localhttp.Code]int{}
	for _, e := range localhttp.Errors() {
		if statuses[e.Code] != 0 {
			t.Errorf("code %s twice", e.Code)
		}
		statuses[e.Code] = e.Status
		if e.Title == "" || e.Status < 400 || http.StatusText(e.Status) == "" {
			t.Errorf("incomplete: %+v", e)
		}
	}
	seen := map[string]bool{}
	for _, r := range apidoc.Routes() {
		if key := r.Method + r.Pattern; seen[key] {
			t.Errorf("%s %s twice", r.Method, r.Pattern)
		} else {
			seen[key] = true
		}
		var query, repeat []string
		for _, p := range r.Params {
			if p.In == apidoc.InQuery {
				query = append(query, p.Name)
			}
			if p.Repeat {
				repeat = append(repeat, p.Name)
			}
		}
		slices.Sort(query)
		taken := slices.Sorted(slices.Values(r.Query))
		if !slices.Equal(query, taken) || !slices.Equal(repeat, r.Repeat) || (r.Request != nil) != r.Body {
			t.Errorf("%s %s takes %v (repeatedly %v), body %v; described are %v, %v, %v", r.Method, r.Pattern, taken, r.Repeat, r.Body, query, repeat, r.Request)
		}
		if r.Summary == "" || len(r.Answers) == 0 {
			t.Errorf("%s says too little", r.Pattern)
		}
		for _, code := range r.Errors {
			if statuses[code] == 0 {
				t.Errorf("%s names the unknown error %s", r.Pattern, code)
			}
		}
		names := map[string]bool{}
		for _, p := range r.Params {
			if names[p.Name+string(p.In)] || p.Summary == "" || p.Type == "" {
				t.Errorf("%s: argument %+v", r.Pattern, p)
			}
			names[p.Name+string(p.In)] = true
		}
	}
}

// TestEveryArgumentIsRead: an argument in the table that no handler reads
// would be accepted and do nothing.
func TestEveryArgumentIsRead(t *testing.T) {
	for _, r := range apidoc.Routes() {
		for _, p := range r.Params {
			if p.In != apidoc.InQuery || p.Type == "string" && p.Allowed == nil && p.Name != "region" && !strings.HasPrefix(p.Name, "role") {
				continue
			}
			s := newServer(localhttp.Deps{Parameters: textResult("v")}, localhttp.Options{Write: true})
			target := variables(r.Pattern) + "?" + p.Name + "=not+allowed"
			if len(r.Query) > 0 && p.Name != r.Query[0] && r.Dialect == localhttp.Official {
				target += "&" + r.Query[0] + "=n"
			}
			if p.Name == "recursive" {
				target += "&path=/"
			} else if slices.Contains(r.Query, "name") {
				target += "&name=n"
			} else if slices.Contains(r.Query, "expression") {
				target += "&expression=@"
			}
			target += groupKey(r)
			if w := do(s, r.Method, target, ""); w.Code != 400 || !strings.Contains(w.Body.String()+w.Header().Get("X-Powertools-Error"), "bad_argument") {
				t.Errorf("%s %s: %d %s", r.Method, target, w.Code, w.Body)
			}
		}
	}
}

// variables puts an n in the place of each variable of a pattern.
func variables(pattern string) string {
	var b strings.Builder
	for pattern != "" {
		before, after, _ := strings.Cut(pattern, "{")
		b.WriteString(before)
		if _, pattern, _ = strings.Cut(after, "}"); after != "" {
			b.WriteByte('n')
		}
	}
	return b.String()
}

// groupKey is the argument that reading all sort keys cannot do without.
func groupKey(r apidoc.Route) string {
	if r.Pattern == "/parameters/dynamodb/{table}" {
		return "&key=k"
	}
	return ""
}
