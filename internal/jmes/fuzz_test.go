package jmes

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"testing"
)

func gzipped(t testing.TB, b []byte) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

// FuzzSearch: never a panic, every result is JSON, and the same each time.
func FuzzSearch(f *testing.F) {
	for _, e := range []string{
		"a.b[0]", "a[*].b", "*.a", "[a,b]", "{x:a,y:b}", "a[?b==`1`].c", "a||b&&!c", "sort_by(@,&a)", "a[1:2:-1]", "powertools_json(@)",
		"merge(@,@)", "map(&a,@)", "join(',',@)", "to_string(@)", "reverse(@)", "a[]", "@", "'x'", "`1`", "\"\\u00e9\"", "A\u0080", "let$0 in$",
	} {
		f.Add(e, `{"a":{"b":[1,{"c":"x"}]},"b":1}`)
		f.Add(e, `["\ud800",1.0,1e400,null]`)
	}
	f.Fuzz(func(t *testing.T, expression, doc string) {
		e, err := Compile(expression)
		if err != nil {
			return
		}
		v, err := Parse([]byte(doc))
		if err != nil {
			return
		}
		first, err := e.Search(v)
		if err != nil {
			return
		}
		out := first.Append(nil)
		if !json.Valid(out) {
			t.Fatalf("%s: not JSON: %s", expression, out)
		}
		again, err := e.Search(v)
		if err != nil || !bytes.Equal(again.Append(nil), out) {
			t.Fatalf("%s: %s, then %s (%v)", expression, out, again.Append(nil), err)
		}
	})
}

// FuzzCompareNumbers holds the exact comparison to that of decimals.
func FuzzCompareNumbers(f *testing.F) {
	f.Add("1", "1.0")
	f.Add("-0", "0e9")
	f.Add("1e400", "10e399")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := json.Number(a), json.Number(b)
		if !isNumber(a) || !isNumber(b) {
			return
		}
		p, errP := x.Float64()
		q, errQ := y.Float64()
		got := CompareNumbers(a, b)
		if got != -CompareNumbers(b, a) {
			t.Fatalf("%s, %s: %d, not the reverse of the other way round", a, b, got)
		}
		// Rounding to doubles keeps the order, though it can make equals.
		if errP == nil && errQ == nil && (p < q && got >= 0 || p > q && got <= 0) {
			t.Fatalf("%s, %s: %d", a, b, got)
		}
	})
}

func isNumber(s string) bool {
	v, err := Parse([]byte(s))
	return err == nil && v.Kind() == Number
}

func BenchmarkSearch(b *testing.B) {
	body, _ := json.Marshal(`{"order":{"id":"o-1","items":[1,2,3]},"note":"` + string(bytes.Repeat([]byte("x"), 900)) + `"}`)
	doc := []byte(`{"body":` + string(body) + `,"headers":{}}`)
	e, err := Compile("powertools_json(body).order.id")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		v, err := Parse(doc)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.Search(v); err != nil {
			b.Fatal(err)
		}
	}
}
