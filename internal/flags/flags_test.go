package flags

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/jmes"
)

// vector is one case of Powertools for Python's own answers.
type vector struct {
	Name     string
	Schema   json.RawMessage
	Feature  string
	Context  json.RawMessage
	Default  json.RawMessage
	Envelope string
	Now      time.Time
	Expected json.RawMessage
	Valid    bool
}

func vectors(t *testing.T, file string, want int) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ Cases []vector }
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Cases) != want {
		t.Fatalf("%s has %d cases, want %d", file, len(f.Cases), want)
	}
	return f.Cases
}

func parse(t testing.TB, text string) jmes.Value {
	t.Helper()
	v, err := jmes.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func contextOf(t testing.TB, text string) Context {
	t.Helper()
	c, ok := NewContext(parse(t, text))
	if !ok {
		t.Fatalf("%s is no context", text)
	}
	return c
}

func compile(t testing.TB, v vector) *Document {
	t.Helper()
	doc := parse(t, string(v.Schema))
	if v.Envelope != "" {
		e, err := jmes.Compile(v.Envelope)
		if err != nil {
			t.Fatal(err)
		}
		if doc, err = e.Search(doc); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Compile(doc)
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	return d
}

func TestEvaluateVectors(t *testing.T) {
	for _, v := range vectors(t, "feature_flags_evaluate.json", 116) {
		got := []byte(v.Default)
		if r, ok := compile(t, v).Evaluate(v.Feature, contextOf(t, string(v.Context)), v.Now); ok {
			got = r.Value
		}
		var a, b any
		if err := errors.Join(json.Unmarshal(got, &a), json.Unmarshal(v.Expected, &b)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, a); diff != "" {
			t.Errorf("%s (-want +got):\n%s", v.Name, diff)
		}
	}
}

func TestEnabledVectors(t *testing.T) {
	for _, v := range vectors(t, "feature_flags_enabled.json", 5) {
		var want []string
		if err := json.Unmarshal(v.Expected, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, compile(t, v).Enabled(contextOf(t, string(v.Context)), v.Now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", v.Name, diff)
		}
	}
}

// TestSchemaVectors: what the library's validator accepts and refuses.
func TestSchemaVectors(t *testing.T) {
	for _, v := range vectors(t, "feature_flags_schema.json", 80) {
		_, err := Compile(parse(t, string(v.Schema)))
		if (err == nil) != v.Valid {
			t.Errorf("%s: %v, want valid=%v", v.Name, err, v.Valid)
		}
	}
}

// TestStricterThanTheLibrary: documents that Python takes and that never do
// what they say.
func TestStricterThanTheLibrary(t *testing.T) {
	for _, c := range []struct{ condition, pointer string }{
		{`{"action":"SCHEDULE_BETWEEN_TIME_RANGE","key":"CURRENT_TIME","value":{"START":"10:00:00","END":"11:00"}}`, "/value/START"},
		{`{"action":"SCHEDULE_BETWEEN_TIME_RANGE","key":"CURRENT_TIME","value":{"START":"10:00","END":"11:00 "}}`, "/value/END"},
		{`{"action":"SCHEDULE_BETWEEN_TIME_RANGE","key":"CURRENT_TIME","value":{"START":"10:00","END":"11:+1"}}`, "/value/END"},
		{`{"action":"SCHEDULE_BETWEEN_DAYS_OF_WEEK","key":"CURRENT_DAY_OF_WEEK","value":{"DAYS":["MONDAY","DAYS"]}}`, "/value/DAYS/1"},
		{`{"action":"MODULO_RANGE","key":"k","value":{"BASE":true,"START":0,"END":0}}`, "/value/BASE"},
		{`{"action":"MODULO_RANGE","key":"k","value":{"BASE":100,"START":false,"END":1}}`, "/value/START"},
	} {
		doc := `{"a/b~c":{"default":false,"rules":{"r 1":{"when_match":true,"conditions":[{"action":"EQUALS","key":"k","value":1},` + c.condition + `]}}}}`
		_, err := Compile(parse(t, doc))
		schema, ok := err.(*SchemaError)
		want := SchemaError{Pointer: "/a~1b~0c/rules/r 1/conditions/1" + c.pointer, Feature: "a/b~c", Rule: "r 1"}
		if !ok || schema.Pointer != want.Pointer || schema.Feature != want.Feature || schema.Rule != want.Rule {
			t.Errorf("%s: %v, want %s", c.condition, err, want.Pointer)
		}
	}
}

func TestTypedFlagsAreRecognised(t *testing.T) {
	for _, doc := range []string{
		`{"version":"1","flags":{"beta":{"name":"beta"}},"values":{"beta":{"enabled":true}}}`,
		`{"beta":{"enabled":true},"dark":{"enabled":false,"color":"red"}}`,
	} {
		if _, err := Compile(parse(t, doc)); err == nil || !strings.Contains(err.Error(), "?flag=") {
			t.Errorf("%s: %v, want the route for typed flags", doc, err)
		}
	}
	if _, err := Compile(parse(t, `{"enabled":{"default":true},"flags":{"default":false}}`)); err != nil {
		t.Errorf("features of these names: %v", err)
	}
}

func TestReasons(t *testing.T) {
	d, err := Compile(parse(t, `{"f":{"default":false,"rules":{"a":{"when_match":false,"conditions":[{"action":"EQUALS","key":"k","value":1}]},"b":{"when_match":true,"conditions":[{"action":"KEY_LESS_THAN_VALUE","key":"k","value":9007199254740993}]}}},"g":{"default":{"x": 1.0},"boolean_type":false}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		feature, context string
		want             Result
	}{
		{"f", `{"k":1}`, Result{[]byte("false"), ByRule, "a"}},
		{"f", `{"k":true}`, Result{[]byte("false"), ByRule, "a"}},
		{"f", `{"k":9007199254740992}`, Result{[]byte("true"), ByRule, "b"}},
		{"f", `{"k":9007199254740993}`, Result{[]byte("false"), ByDefault, ""}},
		{"f", `{}`, Result{[]byte("false"), ByDefault, ""}},
		{"g", `{}`, Result{[]byte(`{"x":1.0}`), ByDefault, ""}},
	} {
		got, ok := d.Evaluate(c.feature, contextOf(t, c.context), time.Time{})
		if diff := cmp.Diff(c.want, got); !ok || diff != "" {
			t.Errorf("%s with %s (-want +got):\n%s", c.feature, c.context, diff)
		}
	}
	if _, ok := d.Evaluate("nope", Context{}, time.Time{}); ok {
		t.Error("an unknown feature has a value")
	}
}

func bench(b testing.TB) (*Document, Context) {
	const c = `{"action":"EQUALS","key":"tier","value":"gold"},{"action":"IN","key":"country","value":["dk","de"]},{"action":"KEY_GREATER_THAN_VALUE","key":"age","value":`
	d, err := Compile(parse(b, `{"f":{"default":false,"rules":{"a":{"when_match":true,"conditions":[`+c+`90}]},"b":{"when_match":true,"conditions":[`+c+`80}]},"c":{"when_match":true,"conditions":[`+c+`18}]}}}}`))
	if err != nil {
		b.Fatal(err)
	}
	return d, contextOf(b, `{"tier":"gold","country":"de","age":21}`)
}

func TestEvaluateAllocatesNothing(t *testing.T) {
	d, c := bench(t)
	if n := testing.AllocsPerRun(100, func() { d.Evaluate("f", c, time.Time{}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	d, c := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		d.Evaluate("f", c, time.Time{})
	}
}

// FuzzCompile: a document is refused or can be asked, and never panics.
func FuzzCompile(f *testing.F) {
	for _, file := range []string{"feature_flags_schema.json", "feature_flags_evaluate.json"} {
		b, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		var cases struct{ Cases []vector }
		if err := json.Unmarshal(b, &cases); err != nil {
			f.Fatal(err)
		}
		for _, v := range cases.Cases {
			f.Add(string(v.Schema), string(v.Context))
		}
	}
	f.Fuzz(func(t *testing.T, doc, context string) {
		v, err := jmes.Parse([]byte(doc))
		if err != nil {
			return
		}
		d, err := Compile(v)
		if err != nil {
			return
		}
		cv, err := jmes.Parse([]byte(context))
		if err != nil {
			return
		}
		c, _ := NewContext(cv)
		now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
		for _, info := range d.Features() {
			r, ok := d.Evaluate(info.Name, c, now)
			if !ok || !json.Valid(r.Value) {
				t.Fatalf("%s: %s", info.Name, r.Value)
			}
		}
		d.Enabled(c, now)
	})
}
