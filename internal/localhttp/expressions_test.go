package localhttp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"powertools-extension/internal/localhttp"
)

// TestValidateFiles: schemas are files below the task root, and nothing else
// is read: no parent, no link out of it, no directory.
func TestValidateFiles(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "task")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("task/schemas/order.json", `{"properties":{"qty":{"$ref":"defs.json#/definitions/positive"}}}`)
	write("task/schemas/defs.json", `{"definitions":{"positive":{"minimum":1}}}`)
	write("task/schemas/bad.json", `{"type":"wrong"}`)
	write("task/schemas/none.json", `{`)
	write("secret.json", `{"type":"string"}`)
	if err := os.Symlink(filepath.Join(dir, "secret.json"), filepath.Join(root, "link.json")); err != nil {
		t.Fatal(err)
	}
	s := newServer(localhttp.Deps{}, localhttp.Options{TaskRoot: func() string { return root }})
	for _, c := range []struct {
		schema, data string
		status       int
		want         string
	}{
		{`"schemas/order.json"`, `{"qty":0}`, 200, `{"valid":false,"errors":[{"path":"/qty","keyword":"minimum"}]}`},
		{`"schemas/order.json"`, `{"qty":1}`, 200, `{"valid":true}`},
		{`"schemas/bad.json"`, `1`, 422, `/type`},
		{`"schemas/none.json"`, `1`, 422, `not JSON`},
		{`"schemas/other.json"`, `1`, 404, `unknown_schema`},
		{`"../secret.json"`, `1`, 404, `unknown_schema`},
		{`"/etc/passwd"`, `1`, 404, `unknown_schema`},
		{`"link.json"`, `1`, 404, `unknown_schema`},
		{`"schemas"`, `1`, 404, `unknown_schema`},
		{`{"$ref":"schemas/order.json"}`, `1`, 422, `bad_schema`},
		{`{"type":"string"}`, `"SECRET"`, 200, `{"valid":true}`},
		{`{"type":"integer"}`, `"SECRET"`, 200, `{"valid":false,"errors":[{"path":"","keyword":"type"}]}`},
		{strings.Repeat(`{"not":`, 70) + "{}" + strings.Repeat("}", 70), `1`, 422, `64 levels`},
	} {
		w := do(s, "POST", "/validate", `{"schema":`+c.schema+`,"data":`+c.data+`}`)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || strings.Contains(w.Body.String(), "SECRET") {
			t.Errorf("%.60s on %s: %d %s\nwant %d %s", c.schema, c.data, w.Code, w.Body, c.status, c.want)
		}
	}
	for body, status := range map[string]int{
		`{"data":1}`: 400, `{"schema":{}}`: 400, `[]`: 400, `{`: 400,
		`{"schema":{},"data":null}`:                                                  200,
		`{"schema":{},"data":{},"envelope":"powertools_json(body)"}`:                 422,
		`{"schema":{},"data":{},"envelope":"a..b"}`:                                  422,
		`{"schema":{},"data":"` + strings.Repeat("x", 900<<10) + `"}`:                200,
		`{"schema":{},"data":"` + strings.Repeat("x", 1<<20) + `"}`:                  413,
		`{"schema":{"description":"` + strings.Repeat("x", 300<<10) + `"},"data":1}`: 422,
	} {
		if w := do(s, "POST", "/validate", body); w.Code != status {
			t.Errorf("%.70s: %d %.200s, want %d", body, w.Code, w.Body, status)
		}
	}
}

func TestJMESPathRoute(t *testing.T) {
	s := newServer(localhttp.Deps{}, localhttp.Options{})
	for _, c := range []struct {
		expression, body string
		status           int
		want             string
	}{
		{"a.b", `{"a":{"b":[1.0, 9007199254740993]}}`, 200, `[1.0,9007199254740993]`},
		{"a", `{}`, 200, `null`},
		{"powertools_json(a)", `{"a":null}`, 422, `powertools_json(): argument 1 is null`},
		{"nope(@)", `1`, 422, `position 0: unknown function nope()`},
		{"", `1`, 400, `missing_argument`},
		{"@", `{`, 400, `body_not_json`},
		{"@", "\"\xff\"", 400, `body_not_json`},
	} {
		w := do(s, "POST", "/jmespath?expression="+c.expression, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s on %s: %d %s, want %d %s", c.expression, c.body, w.Code, w.Body, c.status, c.want)
		}
	}
}
