package idempotency

import (
	"encoding/json"
	"os"
	"testing"

	"powertools-extension/internal/jmes"
)

func expression(t testing.TB, text string) *jmes.Expression {
	t.Helper()
	if text == "" {
		return nil
	}
	e, err := jmes.Compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

func parse(t testing.TB, text string) jmes.Value {
	t.Helper()
	v, err := jmes.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// TestKeyVectors are the keys of both libraries.
func TestKeyVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/idempotency_keys.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name                 string
			Payload              json.RawMessage
			Key                  string  `json:"event_key_jmespath"`
			Hash                 string  `json:"hash_function"`
			Validation           string  `json:"payload_validation_jmespath"`
			PythonSerialized     string  `json:"python_serialized"`
			PythonKey            *string `json:"python_key"`
			PythonValidation     string  `json:"python_validation_hash"`
			TypeScriptSerialized string  `json:"typescript_serialized"`
			TypeScriptKey        *string `json:"typescript_key"`
			TypeScriptValidation string  `json:"typescript_validation_hash"`
			Raise                bool    `json:"raise_on_no_idempotency_key"`
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		for _, f := range []struct {
			format                             Format
			prefix, serialized, validationHash string
			key                                *string
		}{
			{Python, "my-fn.app.handler", c.PythonSerialized, c.PythonValidation, c.PythonKey},
			{TypeScript, "my-fn", c.TypeScriptSerialized, c.TypeScriptValidation, c.TypeScriptKey},
		} {
			e := New(nil, Options{Prefix: f.prefix, Format: f.format, Hash: c.Hash, Key: expression(t, c.Key), Validation: expression(t, c.Validation)})
			req := Request{Event: parse(t, string(c.Payload))}
			selected, ok := e.selected(req)
			if c.Raise {
				if ok && f.format == Python {
					t.Errorf("%s, %s: has a key", c.Name, f.format)
				}
				continue
			}
			if f.key == nil && ok {
				t.Errorf("%s, %s: has a key, the library sees none", c.Name, f.format)
			}
			// The vectors come from a TypeScript library that hashes null; the
			// specification skips it.
			if f.format == TypeScript && selected.Kind() == jmes.Null {
				continue
			}
			if got := string(f.format.Serialize(nil, selected)); got != f.serialized {
				t.Errorf("%s, %s: serialized %s, want %s", c.Name, f.format, got, f.serialized)
			}
			if f.key != nil {
				if got := e.key(req, selected); got != *f.key {
					t.Errorf("%s, %s: key %s, want %s", c.Name, f.format, got, *f.key)
				}
			}
			if f.validationHash != "" {
				if got := e.validation(req); got != f.validationHash {
					t.Errorf("%s, %s: validation %s, want %s", c.Name, f.format, got, f.validationHash)
				}
			}
		}
	}
}

// TestSerialize: values whose text the libraries change, and each differently.
// Python's and Node's own answers.
func TestSerialize(t *testing.T) {
	for _, c := range []struct{ in, python, typescript string }{
		{`1e16`, `1e+16`, `10000000000000000`},
		{`1e15`, `1000000000000000.0`, `1000000000000000`},
		{`123456789012345678901234567890`, `123456789012345678901234567890`, `1.2345678901234568e+29`},
		{`1e-5`, `1e-05`, `0.00001`},
		{`1e-7`, `1e-07`, `1e-7`},
		{`0.0001`, `0.0001`, `0.0001`},
		{`0.00001234`, `1.234e-05`, `0.00001234`},
		{`0.000001`, `1e-06`, `0.000001`},
		{`1e20`, `1e+20`, `100000000000000000000`},
		{`1.5e300`, `1.5e+300`, `1.5e+300`},
		{`-0`, `0`, `0`},
		{`-0.0`, `-0.0`, `0`},
		{`1e400`, `Infinity`, `null`},
		{`-1e400`, `-Infinity`, `null`},
		{`5E-324`, `5e-324`, `5e-324`},
		{`"\u007f/<\u2028😀\u0001\b"`, "\"\\u007f/<\\u2028\\ud83d\\ude00\\u0001\\b\"", "\"\x7f/<\u2028😀\\u0001\\b\""},
		{`"\ud800x"`, `"\ud800x"`, `"\ud800x"`},
		{`{"b":1,"a":2,"B":3,"A":4}`, `{"A": 4, "B": 3, "a": 2, "b": 1}`, `{"a":2,"A":4,"b":1,"B":3}`},
		{`{"10":1,"9":2,"x":3,"01":4,"4294967295":5,"4294967294":6}`, `{"01": 4, "10": 1, "4294967294": 6, "4294967295": 5, "9": 2, "x": 3}`, `{"9":2,"10":1,"4294967294":6,"01":4,"4294967295":5,"x":3}`},
		{`{"__proto__":1,"a":2}`, `{"__proto__": 1, "a": 2}`, `{"a":2}`},
		{`{"\u00e9":1,"\u00c9":2,"z":3}`, `{"z": 3, "\u00c9": 2, "\u00e9": 1}`, `{"z":3,"é":1,"É":2}`},
		{`[1, 2.50, "a"]`, `[1, 2.5, "a"]`, `[1,2.5,"a"]`},
		{`{}`, `{}`, `{}`}, {`[]`, `[]`, `[]`},
	} {
		v := parse(t, c.in)
		if got := string(Python.Serialize(nil, v)); got != c.python {
			t.Errorf("python, %s: %s, want %s", c.in, got, c.python)
		}
		if got := string(TypeScript.Serialize(nil, v)); got != c.typescript {
			t.Errorf("typescript, %s: %s, want %s", c.in, got, c.typescript)
		}
	}
}

func TestNoKey(t *testing.T) {
	for _, c := range []struct {
		in                 string
		python, typescript bool // has a key
	}{
		{`null`, false, false}, {`""`, false, true}, {`[]`, false, true}, {`{}`, false, true},
		{`[null,null]`, false, true}, {`{"a":null}`, false, true}, {`0`, true, true}, {`false`, true, true}, {`[0,""]`, true, true}, {`[null,1]`, true, true}, {`{"a":null,"b":0}`, true, true},
	} {
		v := parse(t, c.in)
		if got := !Python.missing(v); got != c.python {
			t.Errorf("python, %s: has a key: %v", c.in, got)
		}
		if got := !TypeScript.missing(v); got != c.typescript {
			t.Errorf("typescript, %s: has a key: %v", c.in, got)
		}
	}
}

// TestBigNumbersAreDifferentCustomers: two ids that one double stands for.
func TestBigNumbersAreDifferentCustomers(t *testing.T) {
	e := New(nil, Options{Prefix: "p", Format: Python, Key: expression(t, "powertools_json(body).id")})
	key := func(id string) string {
		req := Request{Event: parse(t, `{"body":"{\"id\":`+id+`}"}`)}
		v, _ := e.selected(req)
		return e.key(req, v)
	}
	if a, b := key("9007199254740993"), key("9007199254740992"); a == b {
		t.Errorf("one key for two ids: %s", a)
	}
	req := Request{Event: parse(t, `1`), Tenant: "t"}
	if got := e.key(req, parse(t, `1`)); got[:4] != "p.t#" {
		t.Errorf("key %s does not hold the tenant", got)
	}
}

// TestTenants: no tenant has another's key, whatever the parts of a handler
// are called.
func TestTenants(t *testing.T) {
	e := New(nil, Options{Prefix: "p", Format: Python})
	seen := map[string]string{}
	for _, scope := range []string{"", "a", "a.b", "b"} {
		for _, tenant := range []string{"b", "c", "b.c", "a.b", "a"} { // a function has tenants for all its invocations, or for none
			key := e.key(Request{Scope: scope, Tenant: tenant}, parse(t, `1`))
			if other, ok := seen[key]; ok {
				t.Errorf("scope %q of tenant %q has the key of %s", scope, tenant, other)
			}
			seen[key] = "scope " + scope + " of tenant " + tenant
		}
	}
}
