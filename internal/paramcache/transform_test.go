package paramcache

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func text(s string) Value { return Value{Text: Secret(s), IsText: true} }

// shown is a transformed value in one line: what it is and what is in it.
func shown(t *testing.T, v Transformed, err error) string {
	t.Helper()
	switch {
	case err != nil:
		failed, ok := err.(*Error)
		if !ok {
			t.Fatalf("error is %T, not *Error", err)
		}
		return failed.Kind.String() + ": " + failed.Message
	case v.JSON != nil:
		return "json " + string(v.JSON)
	case v.Binary != nil:
		return "binary " + string(v.Binary)
	}
	return "text " + v.Text.Reveal()
}

// What Powertools for Python and for TypeScript gave. Where one of them fails,
// we fail; where both succeed we give what both mean.
func TestPowertoolsVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/parameters_transform.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct {
			Name, Parameter, Value, Transform string

			TypescriptResult json.RawMessage `json:"typescript_result"`
			TypescriptError  string          `json:"typescript_error"`
			PythonResult     json.RawMessage `json:"python_result"`
			PythonError      string          `json:"python_error"`
		}
	}
	if err := json.Unmarshal(data, &vectors); err != nil || len(vectors.Cases) < 8 {
		t.Fatalf("%d cases, %v", len(vectors.Cases), err)
	}
	for _, test := range vectors.Cases {
		t.Run(test.Name, func(t *testing.T) {
			kind, ok := ParseTransform(test.Transform)
			if !ok {
				t.Fatalf("%q is no transform", test.Transform)
			}
			v := text(test.Value)
			v.Name = test.Parameter
			got, err := Transform(ssmRef(test.Parameter), v, kind)
			if refused := test.TypescriptError != "" || test.PythonError != ""; refused || err != nil {
				if (err != nil) != refused {
					t.Errorf("error %v; want one: %v", err, refused)
				}
				return
			}
			var python, typescript, ours any
			if json.Unmarshal(test.PythonResult, &python) != nil || json.Unmarshal(test.TypescriptResult, &typescript) != nil {
				t.Fatal("cannot read the vector")
			}
			switch {
			case got.JSON != nil:
				if err := json.Unmarshal(got.JSON, &ours); err != nil {
					t.Fatal(err)
				}
			case got.Binary != nil:
				ours = map[string]any{"bytes_base64": base64.StdEncoding.EncodeToString(got.Binary)}
				typescript = map[string]any{"bytes_base64": base64.StdEncoding.EncodeToString([]byte(typescript.(string)))}
			default:
				ours = got.Text.Reveal()
			}
			if diff := cmp.Diff(typescript, ours); diff != "" {
				t.Errorf("TypeScript differs: %s", diff)
			}
			// The vector of Python's auto binary keeps the padded text.
			if test.Name != "auto .binary suffix" {
				if diff := cmp.Diff(python, ours); diff != "" {
					t.Errorf("Python differs: %s", diff)
				}
			}
		})
	}
}

func TestTransform(t *testing.T) {
	tests := []struct {
		name string
		ref  Ref
		v    Value
		kind TransformKind
		want string
	}{
		{"none", ssmRef("a.json"), text(`{"a":1}`), NoTransform, `text {"a":1}`},
		{"JSON scalar", ssmRef("a"), text(` "x" `), TransformJSON, `json "x"`},
		{"JSON keeps its text", ssmRef("a"), text("{ \"b\" : 1.0,\n\"a\":1e2}\n"), TransformJSON, "json { \"b\" : 1.0,\n\"a\":1e2}"},
		{"duplicate members", ssmRef("a"), text(`{"a":1,"a":2}`), TransformJSON, `json {"a":1,"a":2}`},
		{"lone surrogate", ssmRef("a"), text(`"\ud800"`), TransformJSON, `json "\ud800"`},
		{"NaN is Python's only", ssmRef("a"), text(`[NaN]`), TransformJSON, "transform: the value is not JSON (byte 1)"},
		{"not UTF-8", ssmRef("a"), text("\"\xff\""), TransformJSON, "transform: the value is not JSON: it is not UTF-8"},
		{"empty is not JSON", ssmRef("a"), text(""), TransformJSON, "transform: the value is not JSON (byte 0)"},
		{"two values", ssmRef("a"), text(`1 2`), TransformJSON, "transform: the value is not JSON (byte 1)"},
		{"cut off", ssmRef("a"), text(`{"a":`), TransformJSON, "transform: the value is not JSON (byte 5)"},
		{"base64", ssmRef("a"), text("aMOpbGxv"), TransformBinary, "binary héllo"},
		{"base64 of nothing", ssmRef("a"), text(""), TransformBinary, "binary "},
		{"without padding", ssmRef("a"), text("aGk"), TransformBinary, "transform: the value is not base64 (byte 0)"},
		{"line break", ssmRef("a"), text("aMOp\nbGxv"), TransformBinary, "transform: the value is not base64 (byte 4)"},
		{"URL alphabet", ssmRef("a"), text("-_-_"), TransformBinary, "transform: the value is not base64 (byte 0)"},
		{"loose last bits, as both take them", ssmRef("a"), text("aGl="), TransformBinary, "binary hi"},
		{"auto, upper case", ssmRef("/app/conf.JSON"), text("1"), TransformAuto, "json 1"},
		{"auto, a name that is only json", ssmRef("json"), text("1"), TransformAuto, "text 1"},
		{"auto, only a suffix", ssmRef(".json"), text("1"), TransformAuto, "json 1"},
		{"auto, the last dot counts", ssmRef("a.json.txt"), text("1"), TransformAuto, "text 1"},
		{"auto, selector in the request", ssmRef("a.json:3"), Value{Name: "a.json", Text: "1", IsText: true}, TransformAuto, "json 1"},
		{"auto, secret by full ARN", Ref{Source: Secrets, Name: "arn:aws:secretsmanager:x:1:secret:a.binary-AbCdEf"}, Value{Name: "a.binary", Text: "aGk=", IsText: true}, TransformAuto, "binary hi"},
		{"auto, table key", Ref{Source: DynamoDB, Name: "T.binary", Key: "a.json"}, text("1"), TransformAuto, "json 1"},
		{"auto, table sort key", Ref{Source: DynamoDB, Name: "T", Key: "a.json", Sort: "b"}, text("1"), TransformAuto, "text 1"},
		{"binary secret as it is", ssmRef("a"), Value{Binary: []byte("\x00x")}, NoTransform, "binary \x00x"},
		{"binary secret that holds JSON", ssmRef("a"), Value{Binary: []byte("[1]")}, TransformJSON, "json [1]"},
		{"JSON by nature", ssmRef("a"), Value{Text: "12", IsText: true, JSON: true}, NoTransform, "json 12"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Transform(test.ref, test.v, test.kind)
			if text := shown(t, got, err); text != test.want {
				t.Errorf("got %q, want %q", text, test.want)
			}
		})
	}
	if _, ok := ParseTransform("yaml"); ok {
		t.Error("yaml is taken for a transform")
	}
}

func TestPick(t *testing.T) {
	const doc = `{"db":{"password":"p\u00e4ss","ports":[1,{"x":null}],"a.b":1},"db.user":"u","n":12.0,"t":true,"":{"":"e"},"dup":1,"dup":2,"o":{ "k" : [ ] }}`
	tests := []struct{ path, want string }{
		{"db.password", "text päss"},
		{"db.ports", `json [1,{"x":null}]`},
		{"db.ports.0", "json 1"},
		{"db.ports.1.x", "json null"},
		{"db.ports.2", `not found: its value has no member "db.ports.2"`},
		{"db.ports.-1", `not found: its value has no member "db.ports.-1"`},
		{"db.ports.00", `not found: its value has no member "db.ports.00"`},
		{"db.ports.x", `not found: its value has no member "db.ports.x"`},
		{"db.a.b", "json 1"},
		{"db.user", "text u"},
		{"n", "json 12.0"},
		{"t", "json true"},
		{"t.x", `not found: its value has no member "t.x"`},
		{".", "text e"},
		{"dup", "json 2"},
		{"o.k", "json [ ]"},
		{"DB", `not found: its value has no member "DB"`},
		{"", "bad request: the key must have 1 to 64 parts, separated by dots"},
		{strings.Repeat("a.", 64), "bad request: the key must have 1 to 64 parts, separated by dots"},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			got, err := Pick(ssmRef("a"), text(doc), test.path)
			if shown := shown(t, got, err); shown != test.want {
				t.Errorf("got %q, want %q", shown, test.want)
			}
		})
	}
	for value, want := range map[string]string{
		`[["a"]]`:    "text a",
		`plain`:      "transform: the value is not JSON (byte 0)",
		`"x"`:        `not found: its value has no member "0.0"`,
		`[["\ud8"]]`: "transform: the value is not JSON (byte 3)",
	} {
		got, err := Pick(ssmRef("a"), text(value), "0.0")
		if shown := shown(t, got, err); shown != want {
			t.Errorf("%s: got %q, want %q", value, shown, want)
		}
	}
}

// The error of a transform tells where, not what.
func TestTransformErrorsQuoteNothing(t *testing.T) {
	for _, kind := range []TransformKind{TransformJSON, TransformBinary} {
		for _, v := range []string{canary, `{"` + canary + `":x}`, `{"a":"` + canary + `"`, canary + "\n"} {
			_, err := Transform(ssmRef("a"), text(v), kind)
			if err == nil || leaks(err.Error()) != nil {
				t.Errorf("%s of %q: %v", kind, v, err)
			}
		}
	}
	_, err := Pick(ssmRef("a"), text(`{"`+canary+`":1}`), "other")
	if err == nil || leaks(err.Error()) != nil {
		t.Errorf("Pick: %v", err)
	}
}

// A transform that fails leaves the raw value in the cache.
func TestTransformLeavesTheCache(t *testing.T) {
	c := newTest(&upstream{}, roomy())
	res := want(t, c, ssmRef("a"), Options{}, "v1", "miss")
	if _, err := Transform(ssmRef("a"), res.Value, TransformJSON); err == nil {
		t.Fatal("v1 is JSON?")
	}
	want(t, c, ssmRef("a"), Options{}, "v1", "hit")
}
