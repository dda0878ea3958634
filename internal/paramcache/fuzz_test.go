package paramcache

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A transform never panics, gives what the standard library reads as the same,
// and keeps the value out of its error.
func FuzzTransform(f *testing.F) {
	for _, value := range []string{`{"a":[1,"x",null]}`, "aGk=", "aGk", " 1 ", `"\ud800"`, "\xff", "[NaN]", `{"a":1,"a":2}`, strings.Repeat("[", 200)} {
		f.Add("a.json", value)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		ref, v := ssmRef(name), text(value)
		for _, kind := range []TransformKind{NoTransform, TransformJSON, TransformBinary, TransformAuto} {
			got, err := Transform(ref, v, kind)
			if err != nil {
				checkTransformError(t, err, ref, value)
				continue
			}
			switch got.Applied {
			case NoTransform:
				if got.Text.Reveal() != value {
					t.Fatalf("%q became %q", value, got.Text.Reveal())
				}
			case TransformJSON:
				if !json.Valid(got.JSON) || !strings.Contains(value, string(got.JSON)) {
					t.Fatalf("%q gave %q as JSON", value, got.JSON)
				}
			case TransformBinary:
				if plain, err := base64.StdEncoding.DecodeString(value); err != nil || !bytes.Equal(plain, got.Binary) || got.Binary == nil {
					t.Fatalf("%q gave %q as base64", value, got.Binary)
				}
			}
		}
	})
}

func checkTransformError(t *testing.T, err error, ref Ref, value string) {
	t.Helper()
	failed, ok := err.(*Error)
	if !ok || failed.Kind != KindTransform || failed.Ref != ref {
		t.Fatalf("%#v is not a transform error of %s", err, ref)
	}
	if len(value) > 8 && strings.Contains(failed.Message, value) {
		t.Fatalf("the value is in %q", failed.Message)
	}
}

// Pick finds what a walk over the decoded value finds.
func FuzzPick(f *testing.F) {
	f.Add(`{"a":{"b.c":1,"b":{"c":2}},"a.b":3}`, "a.b.c")
	f.Add(`[[1,2],[3]]`, "1.0")
	f.Add(`{"a":"x","a":"y"}`, "a")
	f.Add(`{"":{"":0}}`, ".")
	f.Fuzz(func(t *testing.T, value, path string) {
		got, err := Pick(ssmRef("a"), text(value), path)
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("%T is not *Error", err)
			}
		}
		var decoded any
		dec := json.NewDecoder(strings.NewReader(value))
		dec.UseNumber()
		if dec.Decode(&decoded) != nil || strings.Contains(value, `\`) || strings.Count(path, ".") >= maxPickDepth || path == "" {
			return
		}
		want, found := walk(decoded, path)
		if failed, ok := err.(*Error); ok && failed.Kind == KindTransform {
			return // stricter than encoding/json about what follows the value
		}
		if found != (err == nil) {
			t.Fatalf("%s of %s: %v; a walk finds it: %v", path, value, err, found)
		}
		if !found {
			return
		}
		ours := any(got.Text.Reveal())
		if got.JSON != nil {
			dec := json.NewDecoder(bytes.NewReader(got.JSON))
			dec.UseNumber()
			if err := dec.Decode(&ours); err != nil {
				t.Fatalf("%s: %v", got.JSON, err)
			}
		}
		if fmt.Sprint(ours) != fmt.Sprint(want) {
			t.Fatalf("%s of %s: %v, a walk finds %v", path, value, ours, want)
		}
	})
}

// walk is Pick, slowly.
func walk(value any, path string) (any, bool) {
	head, rest, more := strings.Cut(path, ".")
	var next any
	found := false
	switch value := value.(type) {
	case map[string]any:
		if exact, ok := value[path]; ok {
			return exact, true
		}
		next, found = value[head]
	case []any:
		for i := range value {
			if fmt.Sprint(i) == head {
				next, found = value[i], true
			}
		}
	}
	if !found || !more {
		return next, found
	}
	return walk(next, rest)
}
