package paramcache

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// Keys are equal exactly when the targets and the attributes are; refs of
// different sources never meet; and writing out what is implied changes
// nothing.
func FuzzKey(f *testing.F) {
	const arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/app/db"
	f.Add("/app/db", "", "", arn, "", "", "", false, uint8(0))
	f.Add("/app/db:3", "", "", "/app/db", "3", "", "eu-west-1", true, uint8(0))
	f.Add("db", "", "AWSCURRENT", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf", "", "", "", false, uint8(1))
	f.Add("T", "k", "s", "arn:aws:dynamodb:::table/T", "k", "s", "us-east-1", false, uint8(2))
	f.Add("/:/", "", "", "0", "0", "", "0", true, uint8(0))
	f.Add("a\x00b", "\x01", "", "a", "b\x01", "", "", false, uint8(3))
	f.Fuzz(func(t *testing.T, name1, version1, label1, name2, version2, label2, region string, decrypt bool, source uint8) {
		sources := []Source{SSM, Secrets, DynamoDB, AppConfig}
		own := atHome()
		a := Ref{Source: sources[source%4], Name: name1, Version: version1, Label: label1, Region: region, Decrypt: decrypt}
		b := Ref{Source: sources[source%4], Name: name2, Version: version2, Label: label2, Region: region}
		if source&16 != 0 {
			a.Path, a.Recursive = true, decrypt
		}
		if source&32 != 0 {
			b.RoleARN, b.AllSorts = label1, true
		}
		if a.Source == DynamoDB {
			a.Key, a.Sort, b.Key, b.Sort = version1, label1, version2, label2
		}
		same := own.key(a) == own.key(b)
		slowly := slowKey(own, a) == slowKey(own, b)
		if same != slowly {
			t.Fatalf("equal keys: %v; equal targets and attributes: %v\n%+v\n%+v", same, slowly, a, b)
		}
		if a == b && !same {
			t.Fatalf("equal refs, different keys: %+v", a)
		}
		other := a
		other.Source = sources[(source+1)%4]
		if own.key(a) == own.key(other) {
			t.Fatalf("sources meet: %+v and %+v", a, other)
		}
		if region == "" && !strings.HasPrefix(name1, "arn:") {
			spelled := a
			spelled.Region = own.region
			if own.key(a) != own.key(spelled) {
				t.Fatalf("the function's own region changes the key of %+v", a)
			}
		}
		// A name of one level has an ARN that might be another's, whatever its
		// selector holds.
		plain, _, _ := cutSelector(name1)
		if a.Source == SSM && !a.Path && !strings.Contains(region, ":") && strings.HasPrefix(plain, "/") && strings.Count(plain, "/") > 1 {
			full := a
			full.Name = "arn:aws:ssm:" + region + ":" + account1 + ":parameter" + name1
			if own.key(a) != own.key(full) {
				t.Fatalf("%+v and its ARN are two entries", a)
			}
		}
		names := own.names(a, Value{Name: name2, ARN: name2})
		if len(names) == 0 || !strings.Contains(strings.Join(names, "\x00\x00"), own.key(a)) {
			t.Fatalf("the answer is not filed under the key it was asked by: %q", names)
		}
	})
}

func slowKey(h home, r Ref) string {
	target := h.target(r)
	r.Name, r.Version, r.Label, r.Region = "", "", "", ""
	return fmt.Sprintf("%#v %#v", target, r)
}

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
