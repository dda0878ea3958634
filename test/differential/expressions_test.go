package differential

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"powertools-extension/internal/jmes"
	"powertools-extension/internal/schema"
)

// TestQuery: expressions with Powertools' functions over random documents: the
// same value, or both an error. What ADR 23 lists is not made: numbers beside
// texts in an order, and objects whose order would matter.
func TestQuery(t *testing.T) {
	lib, r := python(t), random()
	failed := 0
	for i := range *cases {
		g := &queryMaker{r}
		expression, data := g.expression(3), g.data(3)
		theirs := lib.ask(t, map[string]any{"kind": "query", "expression": expression, "data": json.RawMessage(data)})
		got, err := search(expression, ours(t, data))
		switch {
		case (err != nil) != (theirs["error"] != nil):
			t.Errorf("case %d: %s on %s: ours %v %s, theirs %v", i, expression, data, err, got, theirs)
		case err != nil:
			failed++
		case !sameJSON(t, got, theirs["value"]):
			t.Errorf("case %d: %s on %s: ours %s, theirs %v", i, expression, data, got, theirs["value"])
		}
	}
	t.Logf("%d expressions, %d of them an error for both", *cases, failed)
}

func search(expression string, data jmes.Value) (string, error) {
	e, err := jmes.Compile(expression)
	if err != nil {
		return "", err
	}
	v, err := e.Search(data)
	return string(v.Append(nil)), err
}

type queryMaker struct{ r *rand.Rand }

func (g *queryMaker) name() string { return pick(g.r, "a", "b", "c", "body", "data") }

func (g *queryMaker) data(depth int) string {
	switch n := g.r.IntN(12); {
	case n < 2 || depth == 0:
		return pick(g.r, "1", "2", "0", "-3", "1.5", "true", "false", "null", `"x"`, `"yz"`, `""`)
	case n < 4:
		return pick(g.r, `"{\"a\":1,\"b\":[2,3]}"`, `"[1,2]"`, `"eyJhIjoxfQ=="`, `"aGVsbG8="`, `"H4sIAAAAAAAC/6tWKkktLlGyMtRRKkstKs7Mz1OyMqoFAHkVfA0WAAAA"`, `"/w=="`, `"not json"`)
	case n < 7:
		var list []string
		for range g.r.IntN(4) {
			list = append(list, g.data(depth-1))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	var list []string
	for _, name := range []string{"a", "b", "c", "body", "data"} {
		if g.r.IntN(2) == 0 {
			list = append(list, fmt.Sprintf("%q:%s", name, g.data(depth-1)))
		}
	}
	return "{" + strings.Join(list, ",") + "}"
}

func (g *queryMaker) expression(depth int) string {
	if depth == 0 {
		return pick(g.r, g.name(), g.name(), "@", "`1`", "`[1,2]`", "'x'")
	}
	inner := func() string { return g.expression(depth - 1) }
	switch g.r.IntN(18) {
	case 0, 1, 2:
		return g.name() + "." + g.name()
	case 3:
		return g.name() + "[*]." + g.name()
	case 4:
		return g.name() + pick(g.r, "[0]", "[-1]", "[1:]", "[::-1]", "[]", "[*]")
	case 5:
		return g.name() + "[?" + g.name() + pick(g.r, "==", "!=") + pick(g.r, "`1`", "'x'", "`null`", "`true`") + "]"
	case 6:
		return inner() + " | " + inner()
	case 7:
		return inner() + pick(g.r, " || ", " && ") + inner()
	case 8:
		return "!" + g.name()
	case 9:
		return "[" + inner() + ", " + inner() + "]"
	case 10:
		return "{p: " + inner() + ", q: " + inner() + "}"
	case 11, 12:
		return "powertools_json(" + inner() + ")"
	case 13:
		return "powertools_base64(" + inner() + ")"
	case 14:
		return "powertools_base64_gzip(" + inner() + ")"
	case 15:
		return pick(g.r, "length", "type", "reverse", "to_array", "not_null", "keys", "values", "sum", "max", "min", "avg", "abs", "ceil", "floor", "to_number", "to_string", "sort") + "(" + inner() + ")"
	case 16:
		return pick(g.r, "contains", "starts_with", "ends_with", "join") + "(" + inner() + ", " + inner() + ")"
	}
	return g.name() + "[*]." + "powertools_json(" + g.name() + ")"
}

// TestSchemas: the verdicts of fastjsonschema and of ajv. A schema that one of
// them cannot compile says nothing.
func TestSchemas(t *testing.T) {
	other, js, r := python(t), ajv(t), random()
	asked := 0
	for i := range *cases {
		g := &schemaMaker{r}
		text, data := g.schema(3), g.data(2)
		compiled, err := schema.Compile(ours(t, text), schema.Options{})
		if err != nil {
			t.Errorf("case %d: %v: %s", i, err, text)
			continue
		}
		failures, _ := compiled.Validate(ours(t, data))
		for name, lib := range map[string]*library{"fastjsonschema": other, "ajv": js} {
			theirs := lib.ask(t, map[string]any{"kind": "schema", "schema": json.RawMessage(text), "data": json.RawMessage(data)})
			if theirs["error"] != nil {
				continue
			}
			asked++
			if valid := len(failures) == 0; valid != theirs["valid"] && !known(name, text) {
				t.Errorf("case %d: %s says %v, ours %v\nschema %s\ndata %s", i, name, theirs, failures, text, data)
			}
		}
	}
	if asked < *cases {
		t.Errorf("%d verdicts for %d schemas", asked, *cases)
	}
}

// known are differences that are the other's: fastjsonschema takes true for 1
// where values are compared.
func known(library, text string) bool {
	return library == "fastjsonschema" && (strings.Contains(text, `"const"`) || strings.Contains(text, `"enum"`) || strings.Contains(text, `"uniqueItems"`))
}

type schemaMaker struct{ r *rand.Rand }

func (g *schemaMaker) data(depth int) string {
	return (&queryMaker{g.r}).data(depth)
}

func (g *schemaMaker) schema(depth int) string {
	if depth == 0 {
		return pick(g.r, `{}`, `{"type":"string"}`, `{"type":"integer"}`, `{"type":["number","null"]}`, `{"minimum":1}`, `{"const":"x"}`, `true`, `false`)
	}
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	inner := func() string { return g.schema(depth - 1) }
	for range 1 + g.r.IntN(3) {
		switch g.r.IntN(16) {
		case 0:
			add(`"type":%s`, pick(g.r, `"object"`, `"array"`, `"string"`, `["object","array"]`, `"boolean"`, `"number"`))
		case 1:
			add(`"properties":{"a":%s,"b":%s}`, inner(), inner())
		case 2:
			add(`"required":[%s]`, pick(g.r, `"a"`, `"a","b"`, `"body"`))
		case 3:
			add(`"items":%s`, inner())
		case 4:
			add(`"minItems":%d`, g.r.IntN(3))
		case 5:
			add(`"maxLength":%d`, g.r.IntN(4))
		case 6:
			add(`"minimum":%s`, pick(g.r, "1", "1.5", "-3"))
		case 7:
			add(`"exclusiveMaximum":%s`, pick(g.r, "2", "1.5"))
		case 8:
			add(`"allOf":[%s]`, inner())
		case 9:
			add(`"anyOf":[%s,%s]`, inner(), inner())
		case 10:
			add(`"oneOf":[%s,%s]`, inner(), inner())
		case 11:
			add(`"not":%s`, inner())
		case 12:
			add(`"additionalProperties":%s`, pick(g.r, "false", inner()))
		case 13:
			add(`"enum":[1,"x",null,[1,2]]`)
		case 14:
			add(`"pattern":%s`, pick(g.r, `"^x"`, `"z$"`, `"[a-y]+"`))
		case 15:
			add(`"if":%s,"then":%s,"else":%s`, inner(), inner(), inner())
		}
	}
	seen := map[string]bool{}
	var unique []string
	for _, p := range parts {
		if name, _, _ := strings.Cut(p, ":"); !seen[name] {
			seen[name] = true
			unique = append(unique, p)
		}
	}
	return "{" + strings.Join(unique, ",") + "}"
}

// TestValidation: the cases of Powertools' vectors, asked again of its newest
// version: the same class.
func TestValidation(t *testing.T) {
	lib := python(t)
	b, err := os.ReadFile("../../internal/schema/testdata/validation_python.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name     string          `json:"name"`
			Schema   json.RawMessage `json:"schema"`
			Payload  json.RawMessage `json:"payload"`
			Envelope string          `json:"envelope"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(b, &file); err != nil || len(file.Cases) == 0 {
		t.Fatalf("%v, %d cases", err, len(file.Cases))
	}
	for _, c := range file.Cases {
		question := map[string]any{"kind": "validation", "schema": c.Schema, "data": c.Payload}
		if c.Envelope != "" {
			question["envelope"] = c.Envelope
		}
		if theirs := lib.ask(t, question); theirs["class"] != class(t, string(c.Schema), string(c.Payload), c.Envelope) {
			t.Errorf("%s: theirs %v, ours %s", c.Name, theirs, class(t, string(c.Schema), string(c.Payload), c.Envelope))
		}
	}
}

// class is what a user of the library would see.
func class(t *testing.T, text, data, envelope string) string {
	t.Helper()
	compiled, err := schema.Compile(ours(t, text), schema.Options{})
	if err != nil {
		return "bad_schema"
	}
	value := ours(t, data)
	if envelope != "" {
		e, err := jmes.Compile(envelope)
		if err == nil {
			value, err = e.Search(value)
		}
		if err != nil {
			return "bad_envelope"
		}
	}
	if failures, _ := compiled.Validate(value); len(failures) > 0 {
		return "SchemaValidationError"
	}
	return "valid"
}
