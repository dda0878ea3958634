package conformance

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/test/harness"
)

// What Powertools' parameters utility promises in four languages, and the
// mistakes its releases have made, asked of the true binary in front of moto.

func put(t *testing.T, client *ssm.Client, name, value string) {
	t.Helper()
	if _, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: types.ParameterTypeString, Overwrite: aws.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
}

// Powertools' own results, through HTTP. A binary transform gives the text, as
// in TypeScript; what TypeScript refuses is refused.
func TestTransformVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/parameters_transform.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct {
			Name, Parameter, Value, Transform string

			Result json.RawMessage `json:"typescript_result"`
			Error  string          `json:"typescript_error"`
		}
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors.Cases) < 8 {
		t.Fatalf("%d cases, %v", len(vectors.Cases), err)
	}
	moto := harness.Moto(t)
	s, client := awake(t, moto), ssm.NewFromConfig(sdk(moto))
	for i, c := range vectors.Cases {
		name := fmt.Sprintf("/vectors/%d/%s", i, strings.TrimPrefix(c.Parameter, "/"))
		put(t, client, name, c.Value)
		status, _, body := s.Get("/parameters/ssm" + name + "?transform=" + c.Transform)
		if c.Error != "" {
			if status != 422 {
				t.Errorf("%s: %d %s, want a failed transform", c.Name, status, body)
			}
			continue
		}
		var want any
		if err := json.Unmarshal(c.Result, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, object(t, body)["value"]); status != 200 || diff != "" {
			t.Errorf("%s: %d (-Powertools +ours)\n%s", c.Name, status, diff)
		}
	}
	s.Shutdown()
}

// The mistakes that releases of Powertools have had.
func TestMistakesOfOthers(t *testing.T) {
	t.Parallel()
	moto := harness.Moto(t)
	s, client := awake(t, moto), ssm.NewFromConfig(sdk(moto))
	for i := range 25 {
		put(t, client, fmt.Sprintf("/mistakes/many/p%02d.json", i), fmt.Sprintf(`{"n":%d}`, i))
	}
	put(t, client, "/mistakes/many", "not the path")
	group := func(path string) map[string]any {
		t.Helper()
		status, _, body := s.Get(path)
		if status != 200 {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		return object(t, body)
	}
	t.Run("more than ten names, with a transform", func(t *testing.T) {
		query := "?transform=json"
		for i := range 25 {
			query += fmt.Sprintf("&name=/mistakes/many/p%02d.json", i)
		}
		got := group("/parameters/ssm" + query)
		for i := range 25 {
			if diff := cmp.Diff(map[string]any{"n": float64(i)}, got[fmt.Sprintf("/mistakes/many/p%02d.json", i)]); diff != "" {
				t.Errorf("name %d: %s", i, diff)
			}
		}
	})
	t.Run("all pages of a path, without the prefix", func(t *testing.T) {
		got := group("/parameters/ssm?path=" + url.QueryEscape("/mistakes/many/"))
		if len(got) != 25 || got["p24.json"] != `{"n":24}` {
			t.Errorf("%d keys: %v", len(got), got)
		}
	})
	t.Run("a name that is also a path", func(t *testing.T) {
		if status, _, body := s.Get("/parameters/ssm/mistakes/many?format=text"); status != 200 || body != "not the path" {
			t.Errorf("%d %s", status, body)
		}
	})
	t.Run("a forced read of a path reads", func(t *testing.T) {
		put(t, client, "/mistakes/many/p00.json", `{"n":"new"}`)
		if got := group("/parameters/ssm?path=/mistakes/many/&transform=auto&raise_on_transform_error=true"); got["p00.json"].(map[string]any)["n"] != 0.0 {
			t.Errorf("not from the cache: %v", got["p00.json"])
		}
		if got := group("/parameters/ssm?path=/mistakes/many/&force_fetch=true"); got["p00.json"] != `{"n":"new"}` {
			t.Errorf("force_fetch: %v", got["p00.json"])
		}
	})
	t.Run("a failed transform of one of many", func(t *testing.T) {
		put(t, client, "/mistakes/mixed/good", `{"n":1}`)
		put(t, client, "/mistakes/mixed/bad", `{"n":`)
		got := group("/parameters/ssm?path=/mistakes/mixed/&transform=json")
		if got["bad"] != nil || got["good"].(map[string]any)["n"] != 1.0 {
			t.Errorf("got %v, want null for the bad one", got)
		}
		if status, _, body := s.Get("/parameters/ssm?path=/mistakes/mixed/&transform=json&raise_on_transform_error=true"); status != 422 {
			t.Errorf("with raise_on_transform_error: %d %s", status, body)
		}
	})
	t.Run("one name of many is missing", func(t *testing.T) {
		got := group("/parameters/ssm?name=/mistakes/mixed/good&name=/mistakes/none")
		failed, _ := got["_errors"].(map[string]any)
		if got["/mistakes/mixed/good"] != `{"n":1}` || failed["/mistakes/none"] == nil || len(failed) != 1 {
			t.Errorf("got %v", got)
		}
		if status, _, body := s.Get("/parameters/ssm?name=/mistakes/mixed/good&name=/mistakes/none&raise_on_error=true"); status != 404 {
			t.Errorf("with raise_on_error: %d %s", status, body)
		}
	})
	s.Shutdown()
}
