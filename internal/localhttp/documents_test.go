package localhttp_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/localhttp"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// FuzzMetricsDocuments: whatever is posted, each document that leaves is one
// line, keeps the schema, and points at numbers; what was accepted is in them.
func FuzzMetricsDocuments(f *testing.F) {
	for _, seed := range []string{
		`{"metrics":[{"name":"a","unit":"Count","value":1},{"name":"a","unit":"Count","value":[2,3]}]}`,
		`[{"namespace":"n","dimensions":{"a":"b","c":"","d":null},"dimension_sets":[{"c":"d"},{}],"metadata":{"e":[1,{"f":null}],"g":"\u0000"},"metrics":[{"name":"b","value":[1,2e3],"resolution":1}]}]`,
		`{"metrics":[{"name":"service","value":1},{"name":"_aws","value":1},{"name":"` + strings.Repeat("n", 255) + `","value":-1e30}]}`,
		"{\"dimensions\":{\"x\":\"\xc3\xbc\"},\"metrics\":[{\"name\":\"n\",\"value\":1}]}\n{\"metadata\":{\"n\":1},\"metrics\":[{\"name\":\"n\",\"value\":1}]}",
	} {
		f.Add(seed)
	}
	schema, err := jsonschema.NewCompiler().Compile("../emf/testdata/emf_document.schema.json")
	if err != nil {
		f.Fatal(err)
	}
	now := time.UnixMilli(1_700_000_000_000)
	clock := func() time.Time { return now }
	f.Fuzz(func(t *testing.T, body string) {
		var documents []string
		intake := emf.NewIntake(emf.NewAggregator(emf.Options{Now: clock, Out: func(line []byte) { documents = append(documents, string(line)) }}),
			emf.IntakeOptions{Write: func() {}, Now: clock})
		defer intake.Stop()
		w := do(newServer(localhttp.Deps{Metrics: intake}, localhttp.Options{}), "POST", "/metrics", body)
		var answer struct{ Accepted int }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
		values := 0
		for _, doc := range documents {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
			if err != nil || strings.ContainsAny(doc, "\r\n") {
				t.Fatalf("%v: %s", err, doc)
			}
			if err := schema.Validate(v); err != nil {
				t.Fatalf("%v: %s", err, doc)
			}
			values += points(t, doc, v.(map[string]any))
		}
		if answer.Accepted > values || answer.Accepted == 0 && len(documents) > 0 {
			t.Fatalf("%d samples accepted, %d values in %d documents", answer.Accepted, values, len(documents))
		}
	})
}

// points counts the values that the directives of a document point at.
func points(t *testing.T, doc string, root map[string]any) (values int) {
	t.Helper()
	for _, directive := range root["_aws"].(map[string]any)["CloudWatchMetrics"].([]any) {
		for _, m := range directive.(map[string]any)["Metrics"].([]any) {
			switch v := root[m.(map[string]any)["Name"].(string)].(type) {
			case json.Number:
				values++
			case []any:
				values += len(v)
			default:
				t.Fatalf("a metric is %T: %s", v, doc)
			}
		}
		for _, set := range directive.(map[string]any)["Dimensions"].([]any) {
			for _, name := range set.([]any) {
				if _, ok := root[name.(string)].(string); !ok {
					t.Fatalf("dimension %v is no text: %s", name, doc)
				}
			}
		}
	}
	return values
}
