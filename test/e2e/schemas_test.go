package e2e

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestSchemasOfLines: what the extension prints and how it refuses keeps the
// schemas that it serves.
func TestSchemasOfLines(t *testing.T) {
	opt := teller(t, ask+`
echo '{"level":"WARN","message":"low stock","n":1.0}' >&2
ask -o /dev/null -d '{"metrics":[{"name":"orders","unit":"Count","value":1}]}' "$api/metrics"
for name in event line metrics diagnostic problem http-error invocation-error; do
  printf '%s\n' "{\"name\":\"$name\",\"schema\":$(ask "$api/schemas/$name.json")}"
done | tr '\n' ',' | sed 's/^/{"schemas":[/; s/,$/],/'
printf '"problems":[%s,%s]}' "$(ask "$api/schemas/none.json")" "$(ask "$api/parameters/ssm/none/such")"`, map[string]string{"order.json": orderSchema})
	s := start(t, wrapped(t, opt, "POWERTOOLS_METRICS_PLATFORM", "all", "POWERTOOLS_EXTENSION_LOG_LEVEL", "DEBUG", "POWERTOOLS_VALIDATION_EVENT_SCHEMA", "order.json", "POWERTOOLS_CORS_ORIGINS", "null"))
	var answer struct {
		Schemas []struct {
			Name   string
			Schema any
		}
		Problems []any
	}
	if res := s.Invoke(`{"order":1}`); json.Unmarshal(res.Payload, &answer) != nil || len(answer.Schemas) != 7 || len(answer.Problems) != 2 {
		t.Fatalf("%s %s", res.FunctionError, res.Payload)
	}
	refused := s.Invoke(`{}`)
	overHTTP := s.Invoke(restEvent("POST", "{}", ""))
	s.Shutdown()

	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, one := range answer.Schemas {
		if err := compiler.AddResource("mem:///"+one.Name, one.Schema); err != nil {
			t.Fatal(err)
		}
	}
	checked := 0
	check := func(name string, documents ...any) {
		t.Helper()
		schema, err := compiler.Compile("mem:///" + name)
		if err != nil {
			t.Fatal(err)
		}
		if len(documents) == 0 {
			t.Errorf("nothing was printed that is a %s", name)
		}
		for _, d := range documents {
			text, _ := json.Marshal(d)
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err == nil {
				err = schema.Validate(v)
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, text)
			}
			checked++
		}
	}
	var http struct{ Body string }
	var problem any
	if json.Unmarshal(overHTTP.Payload, &http) != nil || json.Unmarshal([]byte(http.Body), &problem) != nil {
		t.Fatalf("%s", overHTTP.Payload)
	}
	check("event", anyOf(s.Canonical())...)
	check("line", anyOf(s.Enriched())...)
	check("metrics", anyOf(s.Custom())...)
	check("diagnostic", anyOf(s.Diagnostics())...)
	check("problem", answer.Problems...)
	check("http-error", problem)
	check("invocation-error", json.RawMessage(refused.Payload))
	if checked < 10 || !strings.Contains(s.Text(), "low stock") {
		t.Errorf("%d documents", checked)
	}
}

func anyOf[T any](list []T) (out []any) {
	for _, one := range list {
		out = append(out, one)
	}
	return out
}
