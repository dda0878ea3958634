package jmes

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// search compiles and evaluates, and returns the result's JSON.
func search(t testing.TB, expression, doc string) (string, error) {
	t.Helper()
	v, err := Parse([]byte(doc))
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	e, err := Compile(expression)
	if err != nil {
		return "", err
	}
	out, err := e.Search(v)
	if err != nil {
		return "", err
	}
	return string(out.Append(nil)), nil
}

// sameJSON compares two texts as JSON values; numbers as float64, because the
// suites were written with them.
func sameJSON(t *testing.T, got, want string) string {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatalf("the result is not JSON: %v: %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	return cmp.Diff(b, a)
}

// TestCompliance runs the suite that the specification's authors publish, in
// the edition that the module jmespath/go-jmespath carries.
func TestCompliance(t *testing.T) {
	out, err := exec.Command("go", "mod", "download", "-json", "github.com/jmespath/go-jmespath@v0.4.0").Output()
	if err != nil {
		t.Fatalf("the suite's module: %v", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(module.Dir, "compliance", "*.json"))
	cases := 0
	for _, file := range files {
		var groups []struct {
			Given json.RawMessage
			Cases []struct {
				Expression, Error string
				Result            json.RawMessage
			}
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &groups); err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			for _, c := range g.Cases {
				cases++
				got, err := search(t, c.Expression, string(g.Given))
				switch {
				case c.Error != "":
					if err == nil {
						t.Errorf("%s: %s = %s, want the error %s", filepath.Base(file), c.Expression, got, c.Error)
					}
				case err != nil:
					t.Errorf("%s: %s: %v", filepath.Base(file), c.Expression, err)
				default:
					if diff := sameJSON(t, got, string(c.Result)); diff != "" {
						t.Errorf("%s: %s (-want +got):\n%s", filepath.Base(file), c.Expression, diff)
					}
				}
			}
		}
	}
	if cases < 700 {
		t.Errorf("only %d cases in %s", cases, module.Dir)
	}
}

// TestVectors are the results of Powertools for Python.
func TestVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/jmespath.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name, Expression string
			Data, Expected   json.RawMessage
			ExpectedError    bool `json:"expected_error"`
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 25 {
		t.Fatalf("%d cases, want 25", len(file.Cases))
	}
	for _, c := range file.Cases {
		got, err := search(t, c.Expression, string(c.Data))
		if c.ExpectedError {
			if err == nil {
				t.Errorf("%s: %s, want an error", c.Name, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if diff := sameJSON(t, got, string(c.Expected)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Name, diff)
		}
	}
}

// TestExact: what float64 and Go's maps would lose.
func TestExact(t *testing.T) {
	for _, c := range []struct{ expression, doc, want string }{
		{"id", `{"id":9007199254740993}`, `9007199254740993`},
		{"id == `9007199254740993`", `{"id":9007199254740992}`, `false`},
		{"id > `9007199254740992`", `{"id":9007199254740993}`, `true`},
		{"a == b", `{"a":5,"b":5.0}`, `true`},
		{"a == b", `{"a":5e2,"b":500}`, `true`},
		{"a < b", `{"a":1e400,"b":1e401}`, `true`},
		{"a > b", `{"a":-1e400,"b":-1e401}`, `true`},
		{"a == b", `{"a":0.0,"b":-0}`, `true`},
		{"a == b", `{"a":0.1,"b":0.10000000000000001}`, `false`},
		{"[a,b] | max(@)", `{"a":9007199254740992,"b":9007199254740993}`, `9007199254740993`},
		{"sort(@)", `[10,9007199254740993,9007199254740992,-1]`, `[-1,10,9007199254740992,9007199254740993]`},
		{"abs(@)", `-12345678901234567890`, `12345678901234567890`},
		{"floor(@)", `12345678901234567890`, `12345678901234567890`},
		{"floor(@)", `1.9`, `1`},
		{"ceil(@)", `-1.5`, `-1`},
		{"sum(@)", `[1,2.5,0.5]`, `4`},
		{"avg(@)", `[1,2]`, `1.5`},
		{"keys(@)", `{"z":1,"a":2,"m":3}`, `["z","a","m"]`},
		{"values(@)", `{"z":1,"a":2,"m":3}`, `[1,2,3]`},
		{"*", `{"z":1.0,"a":2e0}`, `[1.0,2e0]`},
		{"@", `{"a":1,"b":2,"a":3}`, `{"a":1,"b":2,"a":3}`},
		{"a", `{"a":1,"b":2,"a":3}`, `3`},
		{"keys(@)", `{"a":1,"b":2,"a":3}`, `["a","b"]`},
		{"merge(@, `{\"a\":9}`)", `{"a":1,"b":2}`, `{"a":9,"b":2}`},
		{"to_string(@)", `{"a": "<é>", "n": 1.0}`, `"{\"a\":\"<é>\",\"n\":1.0}"`},
		{"a", `{"a":"\ud800"}`, `"\ud800"`},
		{"reverse(a)", `{"a":"\ud800é"}`, `"é\ud800"`},
		{"join('', [a,b])", `{"a":"\ud83d","b":"x"}`, `"\ud83dx"`},
		{"length(a)", `{"a":"é😀\ud800"}`, `3`},
		{"to_number('007')", `0`, `7`},
		{"to_number(' 5 ')", `0`, `5`},
		{"to_number('1.')", `0`, `1`},
		{"to_number('.5')", `0`, `0.5`},
		{"to_number('9007199254740993')", `0`, `9007199254740993`},
		{"to_number('0x10')", `0`, `null`},
		{"'a' < 'b'", `0`, `true`},
		{"'a' < `1`", `0`, `null`},
		{"`1` == `true`", `0`, `false`},
		{"contains(@, `true`)", `[1]`, `true`},
		{"@ == `[true]`", `[1]`, `true`},
		{"!@", `0`, `false`},
		{"[::-2]", `[0,1,2,3,4]`, `[4,2,0]`},
		{"[9223372036854775807::9223372036854775807]", `[0,1]`, `[]`},
		{"[::-9223372036854775808]", `[0,1]`, `[1]`},
		{"powertools_json(body).order.id", `{"body":"{\"order\":{\"id\":9007199254740993}}"}`, `9007199254740993`},
		{"powertools_json(body)", `{"body":"{\"b\":1.0,\"a\":[ 1 ]}"}`, `{"b":1.0,"a":[1]}`},
	} {
		got, err := search(t, c.expression, c.doc)
		if err != nil {
			t.Errorf("%s on %s: %v", c.expression, c.doc, err)
		} else if got != c.want {
			t.Errorf("%s on %s = %s, want %s", c.expression, c.doc, got, c.want)
		}
	}
}

// TestSplice: a sub-value is the document's own bytes, white space included.
func TestSplice(t *testing.T) {
	doc := []byte(`{"detail": {"n" : 1.50,  "s":"\u0041"}}`)
	v, err := Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Compile("detail")
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Search(v)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"n" : 1.50,  "s":"\u0041"}`; string(out.Raw()) != want {
		t.Errorf("raw %s, want %s", out.Raw(), want)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		expression string
		pos        int
		msg        string
	}{
		{"", 0, "empty"},
		{"  ", 0, "empty"},
		{"a.", 2, "too early"},
		{"a ==", 4, "too early"},
		{"nope(@)", 0, "unknown function nope()"},
		{"a.b.powertools_jsn(@)", 4, "unknown function"},
		{"length(@, @)", 0, "takes 1 arguments, not 2"},
		{"not_null()", 0, "takes 1 arguments, not 0"},
		{"sort_by(@, a)", 0, "argument 2 of sort_by() must be an expression"},
		{"length(&a)", 0, "argument 1 of length() must be"},
		{"let $a = b in $a", 4, "unexpected"},
		{"a + b", 2, "unexpected"},
		{"a - b", 2, "not an index"},
		{"$", 0, "unexpected"},
		{"items(@)", 0, "unknown function"},
		{"group_by(@, &a)", 0, "unknown function"},
		{"a[0:1:0]", 2, "step"},
		{"'open", 0, "no closing"},
		{"`\"`", 0, "not JSON"},
		{"a = b", 2, "single ="},
		{"A\u0080", 1, "unexpected"},
		{"let$0 in$", 3, "unexpected"},
		{"&a", 0, "unexpected &"},
		{"\"a\"(@)", 0, "without quotes"},
		{strings.Repeat("a", MaxExpression+1), MaxExpression, "longer than"},
		{strings.Repeat("(", 5000), 200, "nested too deeply"},
		{strings.Repeat("!", 5000), 200, "nested too deeply"},
	} {
		_, err := Compile(c.expression)
		syntax, ok := err.(*SyntaxError)
		if !ok {
			t.Errorf("%.40q: %v, want a syntax error", c.expression, err)
			continue
		}
		if syntax.Pos != c.pos || !strings.Contains(syntax.Msg, c.msg) {
			t.Errorf("%.40q: position %d, %s; want %d, %s", c.expression, syntax.Pos, syntax.Msg, c.pos, c.msg)
		}
	}
}

func TestBounds(t *testing.T) {
	bomb := gzipped(t, bytes.Repeat([]byte{'a'}, 32<<20))
	big := `"` + strings.Repeat("x", 1<<20) + `"`
	for _, c := range []struct{ expression, doc, want string }{
		{"powertools_base64_gzip(@)", `"` + bomb + `"`, "16 MiB"},
		{"[@,@,@,@,@,@,@]", big, "too large"},
		{strings.Repeat("[@,@]|", 40) + "@", `1`, "too large"},
		{strings.Repeat("[@,@][]|", 40) + "@", `1`, "too large"},
		{"powertools_base64(@)", `"/w=="`, "not UTF-8"},
		{"powertools_base64(@)", `"aGk"`, "padding"},
		{"powertools_json(@)", `"{"`, "not JSON"},
		{"powertools_json(@)", `null`, "argument 1 is null"},
		{"sum(@)", `[1e308,1e308]`, "no number"},
		{"sort_by(@, &a)", `[{"a":1},{"a":"x"}]`, "sort_by(): "},
		{"contains('a', `1`)", `0`, "contains(): "},
	} {
		_, err := search(t, c.expression, c.doc)
		if _, ok := err.(*EvalError); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: %v, want %s", c.expression, err, c.want)
		}
	}
	for _, doc := range []string{"", "{", `{"a":1}x`, "\xff", "\"\xed\xa0\x80\"", strings.Repeat("[", 1001) + strings.Repeat("]", 1001), "NaN"} {
		if _, err := Parse([]byte(doc)); err == nil {
			t.Errorf("%.20q: taken as JSON", doc)
		}
	}
	if _, err := Parse([]byte(strings.Repeat("[", 1000) + strings.Repeat("]", 1000))); err != nil {
		t.Errorf("depth 1000: %v", err)
	}
}
