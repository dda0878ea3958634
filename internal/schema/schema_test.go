package schema

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"powertools-extension/internal/jmes"
)

func mustCompile(t testing.TB, text string) *Schema {
	t.Helper()
	s, err := Compile(parse(t, text), Options{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

// TestVectors are the verdicts of Powertools for Python.
func TestVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/validation_python.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name, Envelope, Error string
			Schema, Payload       json.RawMessage
			Valid                 bool
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		s, err := Compile(parse(t, string(c.Schema)), Options{})
		if c.Error == "InvalidSchemaFormatError" {
			if err == nil {
				t.Errorf("%s: compiled", c.Name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		v := parse(t, string(c.Payload))
		if c.Envelope != "" {
			e, err := jmes.Compile(c.Envelope)
			if err != nil {
				t.Fatal(err)
			}
			if v, err = e.Search(v); err != nil {
				t.Fatal(err)
			}
		}
		if failures, _ := s.Validate(v); (len(failures) == 0) != c.Valid {
			t.Errorf("%s: %v, want valid=%v", c.Name, failures, c.Valid)
		}
	}
}

func TestFailures(t *testing.T) {
	s := mustCompile(t, `{"type":"object","required":["id","a/b"],"additionalProperties":false,
		"properties":{"id":{"type":"integer","maximum":9007199254740992},"items":{"items":{"type":"object","properties":{"qty":{"minimum":1}},"required":["qty"]}},"a/b":true,"kind":{"enum":["x",1]}}}`)
	for _, c := range []struct {
		value string
		want  []Failure
	}{
		{`{"id":1,"a/b":2,"items":[{"qty":1}],"kind":1.0}`, nil},
		{`{"id":9007199254740993,"a/b":0}`, []Failure{{"/id", "maximum"}}},
		{`{"id":1}`, []Failure{{"/a~1b", "required"}}},
		{`{"kind":"SECRET","items":[{"qty":1},{"qty":0},{}],"id":"SECRET","a/b":1,"zz":"SECRET"}`,
			[]Failure{{"/kind", "enum"}, {"/items/1/qty", "minimum"}, {"/items/2/qty", "required"}, {"/id", "type"}, {"/zz", "additionalProperties"}}},
		{`[]`, []Failure{{"", "type"}}},
		{`null`, []Failure{{"", "type"}}},
	} {
		got, more := s.Validate(parse(t, c.value))
		if diff := cmp.Diff(c.want, got); more != 0 || diff != "" && len(c.want)+len(got) > 0 {
			t.Errorf("%s (-want +got, %d more):\n%s", c.value, more, diff)
		}
	}
}

// TestManyFailures: the first twenty of the document, whatever the order of
// the keywords, and a count of the rest.
func TestManyFailures(t *testing.T) {
	s := mustCompile(t, `{"allOf":[{"properties":{"b":{"items":{"type":"string"}}}},{"properties":{"a":{"items":{"type":"string"}}}}]}`)
	got, more := s.Validate(parse(t, `{"a":[`+strings.Repeat("1,", 14)+`1],"b":[`+strings.Repeat("1,", 984)+`1]}`))
	if len(got) != MaxErrors || more != 980 || got[0].Path != "/a/0" || got[14].Path != "/a/14" || got[15].Path != "/b/0" {
		t.Errorf("%v and %d more", got, more)
	}
}

func TestUnusable(t *testing.T) {
	files := func(name string) ([]byte, error) {
		if name == "defs.json" {
			return []byte(`{"definitions":{"n":{"type":"number"}}}`), nil
		}
		return nil, errors.New("no such file")
	}
	for _, c := range []struct{ schema, pointer, msg string }{
		{`{"type":"wrong"}`, "/type", "must be null"},
		{`{"properties":{"a":{"minLength":-1}}}`, "/properties/a/minLength", "not negative"},
		{`{"properties":[]}`, "/properties", "must be an object"},
		{`{"required":"a"}`, "/required", "list of strings"},
		{`{"definitions":{"a/b":{"pattern":"(?=x)"}}}`, "/definitions/a~1b/pattern", "RE2"},
		{`{"$schema":"http://example.com/own"}`, "/$schema", "draft-07, 2019-09 or 2020-12"},
		{`{"$schema":"http://json-schema.org/draft-04/schema#","id":"x"}`, "/id", "write $id"},
		{`{"exclusiveMinimum":true}`, "/exclusiveMinimum", "must be a number"},
		{`{"$ref":"#/definitions/none"}`, "/$ref", "leads nowhere"},
		{`{"$ref":"http://localhost:1234/x.json"}`, "/$ref", "never the network"},
		{`{"$ref":"missing.json"}`, "/$ref", "leads nowhere"},
		{`{"$ref":"#"}`, "", "leads back"},
		{`{"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"allOf":[{"$ref":"#/definitions/a"}]}}}`, "/definitions/", "leads back"},
		{`{"$schema":"https://json-schema.org/draft/2020-12/schema","items":[{}]}`, "/items", "prefixItems"},
		{`"x"`, "", "must be an object"},
		{`{"multipleOf":0}`, "/multipleOf", "greater than 0"},
		{strings.Repeat(`{"not":`, 900) + `{}` + strings.Repeat(`}`, 900), "ok", ""},
		{`{"$ref":"defs.json#/definitions/n"}`, "ok", ""},
		{`{"properties":{"self":{"$ref":"#"}}}`, "ok", ""},
	} {
		_, err := Compile(parse(t, c.schema), Options{Name: "order.json", Load: files})
		if c.pointer == "ok" {
			if err != nil {
				t.Errorf("%.60s: %v", c.schema, err)
			}
			continue
		}
		e, ok := err.(*Error)
		if !ok || !strings.HasPrefix(e.Pointer, c.pointer) || !strings.Contains(e.Msg, c.msg) {
			t.Errorf("%.60s: %v, want %s %s", c.schema, err, c.pointer, c.msg)
		}
	}
}

func TestUnknownKeywords(t *testing.T) {
	s := mustCompile(t, `{"propertis":{},"properties":{"a":{"maxLenght":3,"title":"x"}}}`)
	if diff := cmp.Diff([]string{"/properties/a/maxLenght", "/propertis"}, s.Unknown()); diff != "" {
		t.Error(diff)
	}
}

func TestFormats(t *testing.T) {
	for format, cases := range map[string]map[string]bool{
		"date":      {"2026-02-28": true, "2026-02-29": false, "2024-02-29": true, "2026-2-1": false, "": false},
		"time":      {"12:00:00Z": true, "23:59:60Z": true, "22:59:60-01:00": true, "12:00:60Z": false, "12:00:00": false, "12:00:00.5+01:30": true, "12:00:00.Z": false, "24:00:00Z": false},
		"date-time": {"2026-01-31T12:00:00Z": true, "2026-01-31t12:00:00z": true, "2026-01-31 12:00:00Z": false, "2026-01-31T12:00:00": false},
		"email":     {"a@b.c": true, "a b@c.d": false, "a": false, "A <a@b.c>": false, "a.b+c@x-y.de": true, ".a@b.c": false, "a@b..c": false, "a@-b.c": false, "@b": false, "a@": false, "é@ü.de": true},
		"uri":       {"https://a.b/c?d#e": true, "/a": false, "a b:c": false, "urn:x:y": true, "http://a/\\": false},
		"uuid":      {"2EB8AA08-AA98-11EA-B4AA-73B441D16380": true, "2eb8aa08aa9811eab4aa73b441d16380": false},
		"ipv4":      {"1.2.3.4": true, "01.2.3.4": false, "1.2.3": false, "1.2.3.256": false},
		"ipv6":      {"::1": true, "fe80::1%eth0": false, "1.2.3.4": false, "::ffff:1.2.3.4": true},
	} {
		asserted, err := Compile(parse(t, `{"format":"`+format+`"}`), Options{Formats: true})
		if err != nil {
			t.Fatal(err)
		}
		annotated := mustCompile(t, `{"format":"`+format+`"}`)
		for text, want := range cases {
			v := jmes.Text(text)
			if failures, _ := asserted.Validate(v); (len(failures) == 0) != want {
				t.Errorf("%s %q: want %v", format, text, want)
			}
			if failures, _ := annotated.Validate(v); len(failures) > 0 {
				t.Errorf("%s %q: asserted though it is an annotation", format, text)
			}
		}
	}
}

// maker makes random schemas and values from a small world, in which they
// often meet.
type maker struct{ r *rand.Rand }

func (m maker) pick(list ...string) string { return list[m.r.IntN(len(list))] }

func (m maker) value(depth int) string {
	switch n := m.r.IntN(10); {
	case n < 2 && depth > 0:
		parts := make([]string, m.r.IntN(4))
		for i := range parts {
			parts[i] = m.value(depth - 1)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case n < 5 && depth > 0:
		var parts []string
		for _, name := range []string{"a", "b", "cc"} {
			if m.r.IntN(2) == 0 {
				parts = append(parts, `"`+name+`":`+m.value(depth-1))
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	return m.pick("null", "true", "false", "0", "1", "1.0", "2.5", "-3", "1e2", `"a"`, `"ab"`, `"éé"`, `""`, "9007199254740993")
}

func (m maker) schema(depth int) string {
	if depth == 0 || m.r.IntN(12) == 0 {
		return m.pick("true", "false", "{}", `{"type":"string"}`, `{"type":["integer","null"]}`, `{"const":1}`, `{"enum":["a",1,null,[1]]}`, `{"minimum":1}`, `{"exclusiveMaximum":2.5}`, `{"maxLength":1}`, `{"pattern":"^a"}`, `{"multipleOf":0.5}`)
	}
	sub := func() string { return m.schema(depth - 1) }
	var parts []string
	for _, k := range []string{
		`"properties":{"a":` + sub() + `,"b":` + sub() + `}`, `"additionalProperties":` + sub(), `"patternProperties":{"^c":` + sub() + `}`, `"required":["a"]`,
		`"items":` + sub(), `"contains":` + sub(), `"minItems":1`, `"uniqueItems":true`, `"maxProperties":2`, `"propertyNames":` + sub(),
		`"allOf":[` + sub() + `,` + sub() + `]`, `"anyOf":[` + sub() + `,` + sub() + `]`, `"oneOf":[` + sub() + `,` + sub() + `]`, `"not":` + sub(),
		`"if":` + sub() + `,"then":` + sub() + `,"else":` + sub(), `"unevaluatedProperties":` + sub(), `"unevaluatedItems":` + sub(),
		`"dependentSchemas":{"a":` + sub() + `}`, `"prefixItems":[` + sub() + `]`, `"type":"object"`, `"type":"array"`, `"dependentRequired":{"a":["b"]}`, `"minContains":2`,
	} {
		name, _, _ := strings.Cut(k, ":")
		if m.r.IntN(8) == 0 && !strings.Contains(strings.Join(parts, ","), name+":") {
			parts = append(parts, k)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// TestAgainstAnotherEngine: the same verdict as santhosh-tekuri/jsonschema on
// random schemas and values.
func TestAgainstAnotherEngine(t *testing.T) {
	valid := 0
	for seed := range uint64(1500) {
		m := maker{rand.New(rand.NewPCG(seed, 7))}
		text := m.schema(3)
		if strings.HasPrefix(text, "{") {
			text = strings.Replace(`{"$schema":"https://json-schema.org/draft/2020-12/schema",`+text[1:], ",}", "}", 1)
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("s.json", doc); err != nil {
			t.Fatal(err)
		}
		other, err := c.Compile("s.json")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		ours := mustCompile(t, text)
		for range 10 {
			value := m.value(3)
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(value))
			if err != nil {
				t.Fatal(err)
			}
			failures, _ := ours.Validate(parse(t, value))
			want := other.Validate(v) == nil
			if want {
				valid++
			}
			if (len(failures) == 0) != want {
				t.Fatalf("seed %d: %s\non %s: %v, the other engine says valid=%v", seed, text, value, failures, want)
			}
		}
	}
	if valid < 1500 || valid > 13500 {
		t.Errorf("%d of 15000 are valid: the test sees one side only", valid)
	}
}

// FuzzCompile: a schema is refused or validates, and never panics.
func FuzzCompile(f *testing.F) {
	f.Add(`{"$ref":"#/definitions/a","definitions":{"a":{"type":"string"}}}`, `"x"`)
	f.Add(`{"$schema":"https://json-schema.org/draft/2020-12/schema","$dynamicRef":"#n","$defs":{"n":{"$dynamicAnchor":"n"}}}`, `[1]`)
	f.Add(`{"$id":"urn:x:y","unevaluatedItems":false,"contains":{"const":1}}`, `{"a":1}`)
	f.Fuzz(func(t *testing.T, schema, value string) {
		sv, err := jmes.Parse([]byte(schema))
		if err != nil {
			return
		}
		s, err := Compile(sv, Options{})
		if err != nil {
			return
		}
		if v, err := jmes.Parse([]byte(value)); err == nil {
			s.Validate(v)
		}
	})
}

const benchSchema = `{"type":"object","required":["id","items"],"properties":{"id":{"type":"string","minLength":1},"items":{"type":"array","items":{"type":"object","required":["sku","qty"],"properties":{"sku":{"pattern":"^[a-z]"},"qty":{"type":"integer","minimum":1}}}}}}`

func benchEvent(items int) []byte {
	return []byte(`{"id":"o-1","items":[` + strings.Repeat(`{"sku":"abc","qty":3,"note":"some text"},`, items-1) + `{"sku":"abc","qty":3}]}`)
}

func BenchmarkValidate(b *testing.B) {
	for _, size := range []struct {
		name  string
		items int
	}{{"128B", 2}, {"1kB", 28}, {"47kB", 1150}} {
		event := benchEvent(size.items)
		b.Run(size.name+"/decode", func(b *testing.B) {
			for b.Loop() {
				var v any
				if err := json.Unmarshal(event, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(size.name+"/ours", func(b *testing.B) {
			s := mustCompile(b, benchSchema)
			for b.Loop() {
				if f, _ := s.Validate(parse(b, string(event))); len(f) > 0 {
					b.Fatal(f)
				}
			}
		})
		b.Run(size.name+"/other", func(b *testing.B) {
			doc, _ := jsonschema.UnmarshalJSON(strings.NewReader(benchSchema))
			c := jsonschema.NewCompiler()
			if err := c.AddResource("s.json", doc); err != nil {
				b.Fatal(err)
			}
			s := c.MustCompile("s.json")
			for b.Loop() {
				v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(event)))
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Validate(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	v := parse(b, benchSchema)
	for b.Loop() {
		if _, err := Compile(v, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
