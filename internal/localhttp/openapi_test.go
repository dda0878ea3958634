package localhttp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

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
		"/systemsmanager/parameters/get", "/secretsmanager/get", "/context", "/ping", "/healthz", "/openapi.json",
	} {
		dig(t, doc, "paths", path, "get", "responses", "200", "description")
	}
	dig(t, doc, "paths", "/metrics", "post", "requestBody", "content", "application/json", "schema")
	dig(t, doc, "paths", "/metrics", "post", "responses", "413")
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
			Parameters: always(paramcache.Result{Value: v}), Metrics: &fakeMetrics{},
			Context: func() localhttp.Context { return localhttp.Context{RequestID: v.Name, Deadline: v.Modified} },
			Health: func() localhttp.Health {
				return localhttp.Health{Features: v.Stages, Degraded: []localhttp.Degradation{{"a", "b"}}}
			},
		}, localhttp.Options{})
		for target, schema := range map[string]string{
			"/parameters/ssm/n": "Parameter", "/parameters/secrets/n": "Parameter", "/parameters/dynamodb/t/k": "Parameter",
			"/parameters/ssm/n?transform=json": "Parameter", "/parameters/ssm/n?key=a": "Parameter",
			"/parameters/ssm/n?transform=json&raise_on_transform_error=false": "Parameter",
			"/systemsmanager/parameters/get?name=n":                           "GetParameter", "/secretsmanager/get?secretId=n": "GetSecretValue",
			"/context": "Context", "/healthz": "Health", "/openapi.json": "Document",
			"/nothing": "Problem", "/parameters/ssm/": "Problem", "/parameters/ssm/n?x=1": "Problem",
		} {
			w := get(s, target)
			if w.Code >= 400 {
				schema = "Problem"
			}
			validate(target, schema, w.Body.String())
		}
		for _, body := range []string{`{"metrics":[{"name":"a","value":1}]}` + strings.Repeat("{}", 200), `{"metrics":[{"name":"a","value":1},{"name":1}]}`} {
			validate("POST /metrics", "MetricsResult", do(s, "POST", "/metrics", body).Body.String())
		}
	}
	for _, r := range localhttp.Routes() {
		for _, a := range r.Answers {
			for _, m := range a.Media {
				if m.Schema != "" && m.Example != "" {
					validate("example of "+r.Pattern, m.Schema, m.Example)
				}
			}
		}
		if r.Body != nil {
			validate("example of "+r.Pattern, r.Body.Schema, r.Body.Example)
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
	for _, r := range localhttp.Routes() {
		if key := r.Method + r.Pattern; seen[key] {
			t.Errorf("%s %s twice", r.Method, r.Pattern)
		} else {
			seen[key] = true
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
	path := strings.NewReplacer("{name…}", "n", "{id…}", "n", "{table}", "t", "{key…}", "k")
	for _, r := range localhttp.Routes() {
		for _, p := range r.Params {
			if p.In != localhttp.InQuery || p.Type == "string" && p.Allowed == nil && p.Name != "region" {
				continue
			}
			s := newServer(localhttp.Deps{Parameters: always(textResult("v"))}, localhttp.Options{})
			target := fmt.Sprintf("%s?name=n&secretId=s&%s=not+allowed", path.Replace(r.Pattern), p.Name)
			if !r.DropIn {
				target = fmt.Sprintf("%s?%s=not+allowed", path.Replace(r.Pattern), p.Name)
			}
			if w := get(s, target); w.Code != 400 || !strings.Contains(w.Body.String()+w.Header().Get("X-Powertools-Error"), "bad_argument") {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
		}
	}
}
