package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/jsonbytes"
)

func redactor(t testing.TB, items ...string) *Rules {
	t.Helper()
	r, errs := NewRules(items)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return r
}

// parse tells an object from a text, as the pipeline does.
func parse(line string) (text []byte, object bool) {
	text = []byte(line)
	if obj := jsonbytes.TrimSpace(text); jsonbytes.LooksLikeObject(obj) && jsonbytes.Valid(obj) {
		return obj, true
	}
	return text, false
}

// redact applies the items to a line as the pipeline does.
func redact(t testing.TB, line string, items ...string) string {
	t.Helper()
	r := redactor(t, items...).Redactor()
	text, object := parse(line)
	out, changed := r.Apply(text, object)
	if changed == (string(out) == string(text)) {
		t.Errorf("%s: changed %v, and it is %s", line, changed, out)
	}
	again, _ := r.Apply(bytes.Clone(out), object)
	if string(again) != string(out) {
		t.Errorf("%s: again\n%s\nonce\n%s", line, again, out)
	}
	return string(out)
}

func TestRedactKeys(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"member", `{"a":1,"password":"x","b":2}`, `{"a":1,"password":"[redacted]","b":2}`},
		{"any case", `{"PassWord":"x","PASSWORD":"y"}`, `{"PassWord":"[redacted]","PASSWORD":"[redacted]"}`},
		{"any depth", `{"a":[{"b":{"token":"x"}}]}`, `{"a":[{"b":{"token":"[redacted]"}}]}`},
		{"number", `{"password":12}`, `{"password":"[redacted]"}`},
		{"literal", `{"password":null,"token":true}`, `{"password":"[redacted]","token":"[redacted]"}`},
		{"object", `{"password":{"x":{"y":"}"}},"a":1}`, `{"password":"[redacted]","a":1}`},
		{"array", `{"token":["x","y"] ,"a":1}`, `{"token":"[redacted]" ,"a":1}`},
		{"bytes around stay", "{ \"password\" :\t\"x\\\"y\" , \"n\":1.50e0 }", "{ \"password\" :\t\"[redacted]\" , \"n\":1.50e0 }"},
		{"escaped name", `{"p\u0061ssword":"x"}`, `{"p\u0061ssword":"[redacted]"}`},
		{"part of a name", `{"password_hint":"x","mypassword":"y"}`, `{"password_hint":"x","mypassword":"y"}`},
		{"as a value", `{"a":"password","b":"token"}`, `{"a":"password","b":"token"}`},
		{"name with a space", `{"credit card":"x"}`, `{"credit card":"[redacted]"}`},
		{"JSON in a string", `{"body":"{\"user\":1,\"password\":\"x\"}"}`, `{"body":"{\"user\":1,\"password\":\"[redacted]\"}"}`},
		{"JSON in a string, number", `{"body":"{\"password\":123}"}`, `{"body":"{\"password\":\"[redacted]\"}"}`},
		{"JSON in a string, other escapes", `{"body":"{\u0022password\u0022:\u0022x\u0022}"}`, `{"body":"{\u0022password\u0022:\u0022[redacted]\u0022}"}`},
		{"JSON twice in a string", `{"a":"{\"b\":\"{\\\"token\\\":7}\"}"}`, `{"a":"{\"b\":\"{\\\"token\\\":\\\"[redacted]\\\"}\"}"}`},
		{"cut JSON in a string", `{"body":"{\"password\":\"x"}`, `{"body":"{\"password\":\"[redacted]"}`},
		{"setting in a string", `{"message":"login with password=x ok"}`, `{"message":"login with password=[redacted] ok"}`},
		{"emoji in front", `{"a":"\ud83d\ude00 password=x"}`, `{"a":"\ud83d\ude00 password=[redacted]"}`},
		{"already", `{"password":"[redacted]"}`, `{"password":"[redacted]"}`},

		{"text, none", "nothing to see: here", "nothing to see: here"},
		{"text, JSON behind a prefix", "2024\tid\tINFO\t{\"password\": \"x\", \"a\": 1}", "2024\tid\tINFO\t{\"password\": \"[redacted]\", \"a\": 1}"},
		{"text, JSON number behind a prefix", `got {"password":12,"a":1}`, `got {"password":"[redacted]","a":1}`},
		{"text, JSON object behind a prefix", `got {"token":{"a":["}"]},"b":1}`, `got {"token":"[redacted]","b":1}`},
		{"text, cut JSON", `{"a":1,"password":"abc`, `{"a":1,"password":"[redacted]`},
		{"text, cut JSON object", `{"token":{"a":"b","c":`, `{"token":"[redacted]"`},
		{"text, array", `[{"password":"x"},{"token":1}]`, `[{"password":"[redacted]"},{"token":"[redacted]"}]`},
		{"text, quoted JSON", `event {\"password\":\"x\\\"y\",\"token\":5}`, `event {\"password\":\"[redacted]\",\"token\":\"[redacted]\"}`},
		{"text, pretty printed and cut", "{\n  \"password\":\n    \"x\",\n", "{\n  \"password\":\n    \"[redacted]\",\n"},
		{"text, Python", `{'password': 'x', 'token': b'y', 'n': None}`, `{'password': '[redacted]', 'token': '[redacted]', 'n': None}`},
		{"text, Node", `{ password: 'x', token: [ 'a', 'b' ], n: 1 }`, `{ password: '[redacted]', token: [redacted], n: 1 }`},
		{"text, Node buffer", `{ token: <Buffer 70 61 73>, n: 1 }`, `{ token: [redacted], n: 1 }`},
		{"text, Ruby", `{"password"=>"x", :token=>"y"}`, `{"password"=>"[redacted]", :token=>"[redacted]"}`},
		{"text, logfmt", `level=info password=x token="y z" n=1`, `level=info password=[redacted] token="[redacted]" n=1`},
		{"text, query", `GET /?token=x&a=1`, `GET /?token=[redacted]&a=1`},
		{"text, header", `Authorization: Bearer abc.def, x`, `Authorization: [redacted], x`},
		{"text, header of another scheme", `Authorization: Negotiate YIIabc== for bob`, `Authorization: [redacted] for bob`},
		{"text, header with its end", "authorization: ApiKey abc\r\nhost: x", "authorization: [redacted]\r\nhost: x"},
		{"text, header with parameters", `Authorization: Digest username="a, b", realm="c", response=d, x`, `Authorization: [redacted], x`},
		{"text, signed", `AUTHORIZATION: AWS4-HMAC-SHA256 Credential=AKIA/us, SignedHeaders=host;x-amz-date, Signature=abc`, `AUTHORIZATION: [redacted]`},
		{"text, a word beside", `authorization=x status=200`, `authorization=[redacted] status=200`},
		{"text, header and a pair", `Authorization: Bearer abc, status=401`, `Authorization: [redacted], status=401`},
		{"text, cookies", "Cookie: a=b; sid=\"c d\"; e==f, and more", "Cookie: [redacted]; e==f, and more"},
		{"text, cookies of a map", `{Cookie=a=b; sid=c, Host=x}`, `{Cookie=[redacted], Host=x}`},
		{"text, cookies in a string", `{"m":"cookie: a=b; sid=c\r\nhost: x"}`, `{"m":"cookie: [redacted]\r\nhost: x"}`},
		{"text, a cookie that is set", `set-cookie: sid=c; Path=/; HttpOnly`, `set-cookie: [redacted]; HttpOnly`},
		{"text, a cookie alone", `cookie: c`, `cookie: [redacted]`},
		{"text, Java", `Order{password=x, user=bob}`, `Order{password=[redacted], user=bob}`},
		{"text, path to it", `user.password=x`, `user.password=[redacted]`},
		{"text, part of a name", `mypassword=x password2=y my-password: z`, `mypassword=x password2=y my-password: z`},
		{"text, no value", `password=`, `password=`},
		{"text, next line is another", "password:\nnext", "password:\nnext"},
		{"text, several lines", "a\npassword: x\nb", "a\npassword: [redacted]\nb"},
		{"text, not UTF-8", "\xff password=\xfe\xff b", "\xff password=[redacted] b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := redact(t, tc.in, "password", "TOKEN", "credit card", "authorization", "cookie", "set-cookie"); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestRedactExpressions(t *testing.T) {
	for _, tc := range []struct{ name, expr, in, want string }{
		{"text", `\d{4}-\d{4}`, "card 1234-5678 and 8765-4321.", "card [redacted] and [redacted]."},
		{"text over lines", `(?s)BEGIN.*END`, "a BEGIN\nx\nEND b", "a [redacted] b"},
		{"string", `\d{4}-\d{4}`, `{"m":"card 1234-5678","n":"1234-567"}`, `{"m":"card [redacted]","n":"1234-567"}`},
		{"string alone, not what follows", `secret\S+`, `{"m":"secretx","n":1}`, `{"m":"[redacted]","n":1}`},
		{"anchors are those of a string", `^abc$`, `{"m":"abc","n":"xabc"}`, `{"m":"[redacted]","n":"xabc"}`},
		{"word boundary at an escape", `\b1234\b`, `{"m":"a\n1234\tb"}`, `{"m":"a\n[redacted]\tb"}`},
		{"hidden by escapes", `secret`, `{"m":"a s\u0065cret b"}`, `{"m":"a [redacted] b"}`},
		{"pair of escapes", `😀`, `{"m":"a\ud83d\ude00b"}`, `{"m":"a[redacted]b"}`},
		{"half a pair beside", `x`, `{"m":"\ud83dx"}`, `{"m":"\ud83d[redacted]"}`},
		{"number", `^\d{16}$`, `{"card":4111111111111111,"n":12}`, `{"card":"[redacted]","n":12}`},
		{"number in a string of JSON", `\d{16}`, `{"b":"[4111111111111111,1]"}`, `{"b":"[\"[redacted]\",1]"}`},
		{"literals stay", `true|null`, `{"a":true,"b":null,"c":"true"}`, `{"a":true,"b":null,"c":"[redacted]"}`},
		{"name loses its value, too", `\d{16}`, `{"4111111111111111":{"a":1},"b":2}`, `{"[redacted]":"[redacted]","b":2}`},
		{"escaped name", `secret`, `{"s\u0065cret":"x","b":2}`, `{"[redacted]":"[redacted]","b":2}`},
		{"syntax is out of reach", `"a":"x"`, `{"a":"x"}`, `{"a":"x"}`},
		{"empty matches are none", `x*`, `{"a":"bxxb"}`, `{"a":"b[redacted]b"}`},
		{"any case", `(?i)secret`, `SeCrEt`, `[redacted]`},
		{"comma in braces", `\d{13,16}`, `a 41111111111111 b`, `a [redacted] b`},
		{"comma in a class", `[,;]{2}`, `a,;b`, `a[redacted]b`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// As the variable is read: cut at every comma.
			items := strings.Split("key,re:"+tc.expr+",re:never matches", ",")
			if got := redact(t, tc.in, items...); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	got := redact(t, `{"m":"abcdef","password":"abc"}`, "re:bcd", "re:cde", "re:ab", "password")
	if want := `{"m":"[redacted]f","password":"[redacted]"}`; got != want {
		t.Errorf("overlapping: %s, want %s", got, want)
	}
}

// TestNewRules: what cannot be used is named by its place, and not quoted.
func TestNewRules(t *testing.T) {
	r, errs := NewRules([]string{"password", "", "re:", "re:(secret", " token ", "re:a{2,3}|[", "re:ok"})
	if len(r.keys) != 2 || len(r.exprs) != 1 {
		t.Errorf("%d keys, %d expressions", len(r.keys), len(r.exprs))
	}
	want := []string{"item 3: re: without an expression; it is left out", "item 4: not an RE2 expression: missing closing ); it is left out", "item 6: not an RE2 expression: missing closing ]; it is left out"}
	if fmt.Sprint(errs) != fmt.Sprint(want) {
		t.Errorf("errors %v, want %v", errs, want)
	}
	for _, items := range [][]string{nil, {""}, {"re:("}} {
		if r, _ := NewRules(items); r != nil {
			t.Errorf("%q: %+v, want none", items, r)
		}
	}
	for expr, want := range map[string]bool{`a{1,2}`: true, `a{1`: false, `(a|b)`: true, `(a`: false, `[(]`: true, `[]{]`: true, `[^]a]`: true, `[a`: false, `\(`: true, `a)`: true} {
		if balanced(expr) != want {
			t.Errorf("%s is balanced: %v", expr, !want)
		}
	}
}

const secret = "MARKER4711"

// randomDocument writes a JSON object with the secret at some places, as
// strings with random escapes, numbers, and JSON inside of strings.
func randomDocument(rnd *rand.Rand, depth int) string {
	var b strings.Builder
	space := func() string { return []string{"", "", " ", "\t "}[rnd.IntN(4)] }
	b.WriteString("{" + space())
	n := 1 + rnd.IntN(4)
	for i := range n {
		if i > 0 {
			b.WriteString("," + space())
		}
		key, value := "", ""
		switch rnd.IntN(6) {
		case 0:
			key, value = "password", randomString(rnd, secret+"\"}\\,")
		case 1:
			key, value = []string{"PASSWORD", "Token", "password"}[rnd.IntN(3)], []string{"[1,\"" + secret + "\"]", `{"x":"` + secret + `"}`, "4711471147114711"}[rnd.IntN(3)]
		case 2:
			key, value = "a"+fmt.Sprint(i), randomString(rnd, "plain \"text\" {"+fmt.Sprint(rnd.IntN(100)))
		case 3:
			key, value = "n", []string{"1", "-1.5e3", "true", "null", "[]", "{}", "[1, 2]"}[rnd.IntN(7)]
		default:
			inner := `{"q":"` + "x" + `"}`
			if depth > 0 {
				inner = randomDocument(rnd, depth-1)
			}
			key, value = "deep", inner
			if rnd.IntN(2) == 0 {
				value = randomString(rnd, inner)
			}
		}
		b.WriteString(randomString(rnd, key) + space() + ":" + space() + value)
	}
	b.WriteString(space() + "}")
	return b.String()
}

// randomString quotes a text with escapes where none are needed.
func randomString(rnd *rand.Rand, s string) string {
	var b strings.Builder
	b.WriteByte('"')
	odd := rnd.IntN(3) == 0
	for _, c := range s {
		switch {
		case odd && rnd.IntN(4) == 0:
			fmt.Fprintf(&b, `\u%04x`, c)
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c == '\t':
			b.WriteString(`\t`)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// TestRedactProperty: the secret never leaves, what leaves is the same
// document but for the values of the keys, and every byte that is not in such
// a value is where it was.
func TestRedactProperty(t *testing.T) {
	for seed := range uint64(3000) {
		redactProperty(t, seed)
	}
}

func redactProperty(t *testing.T, seed uint64) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 5))
	doc := randomDocument(rnd, 3)
	if !json.Valid([]byte(doc)) {
		t.Fatalf("seed %d: the test's own document is not JSON: %s", seed, doc)
	}
	got := redact(t, doc, "password", "token")
	var before, after any
	if err := json.Unmarshal([]byte(got), &after); err != nil {
		t.Fatalf("seed %d: %v\n%s\n%s", seed, err, doc, got)
	}
	if err := json.Unmarshal([]byte(doc), &before); err != nil {
		t.Fatal(err)
	}
	if flat := flatten(after); strings.Contains(flat, secret) || strings.Contains(flat, "4711471147114711") {
		t.Fatalf("seed %d: the secret is in\n%s\nfrom\n%s", seed, got, doc)
	}
	if a, b := flatten(without(before)), flatten(after); a != b {
		t.Fatalf("seed %d: other values changed\n%s\n%s", seed, a, b)
	}
	// In a text behind a prefix, and cut anywhere, it does not leave either.
	for _, text := range []string{"got " + doc, doc[:len(doc)-1-rnd.IntN(len(doc)/2)]} {
		if out := redact(t, text, "password", "token"); strings.Contains(out, secret) && !strings.Contains(doc, `\u`) {
			t.Fatalf("seed %d: the secret is in\n%s\nfrom\n%s", seed, out, text)
		}
	}
	// An expression finds it wherever it is.
	if err := json.Unmarshal([]byte(redact(t, doc, "re:"+secret, "re:4711471147114711")), &after); err != nil || strings.Contains(flatten(after), secret) || strings.Contains(flatten(after), "47114711") {
		t.Fatalf("seed %d: %v, the secret is in\n%v\nfrom\n%s", seed, err, after, doc)
	}
}

// flatten writes a value with JSON in strings undone.
func flatten(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var b strings.Builder
		b.WriteByte('{')
		for _, k := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(k + ":" + flatten(v[k]) + ",")
		}
		return b.String() + "}"
	case []any:
		var b strings.Builder
		for _, e := range v {
			b.WriteString(flatten(e) + ",")
		}
		return "[" + b.String() + "]"
	case string:
		var inner any
		if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &inner) == nil {
			return "json" + flatten(inner)
		}
		return v
	}
	return fmt.Sprint(v)
}

// without is what the redactor should make of a value.
func without(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if strings.EqualFold(k, "password") || strings.EqualFold(k, "token") {
				v[k] = "[redacted]"
				continue
			}
			v[k] = without(e)
		}
	case []any:
		for i := range v {
			v[i] = without(v[i])
		}
	case string:
		var inner any
		if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &inner) == nil {
			text, err := json.Marshal(without(inner))
			if err != nil {
				panic(err)
			}
			return string(text)
		}
	}
	return v
}

// FuzzRedact: whatever a line is, it stays what it was: an object stays valid
// with the same names, and doing it twice changes nothing.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{
		`{"level":"INFO","message":"order accepted","items":[1,2,3]}`, "2024-01-15T11:30:45.123Z\tid\tINFO\torder accepted", `{"password":"x"}`, `{"a":"{\"password\":\"x\\\"\"}"}`, `password='a`, `{"token":[`, `\"token\":\"a\\`,
		`token: b'x'`, `authorization: Basic `, `"password"=>`, `{"password":1}{`, `{"p\u0061ssword":"\ud83d"}`, "token=\\\\\\\\\"", `[["token:",{"token":"'"}]]`,
		`{"m":"authorization: Digest a=\"b\", c=d, cookie: e=f; g=h"}`,
	} {
		f.Add(s)
	}
	rules, errs := NewRules([]string{"password", "token", "authorization", "cookie", "re:\\d{3}", "re:^a|b$"})
	if len(errs) > 0 {
		f.Fatal(errs)
	}
	f.Fuzz(func(t *testing.T, in string) {
		text, object := parse(in)
		r := rules.Redactor()
		out, changed := r.Apply(text, object)
		out = bytes.Clone(out)
		if !changed && string(out) != string(text) {
			t.Fatalf("%q: not changed, and yet %q", in, out)
		}
		if object && !jsonbytes.Valid(out) {
			t.Fatalf("%q became %q", in, out)
		}
		if again, _ := r.Apply(out, object); object && string(again) != string(out) {
			t.Fatalf("%q, and again %q", out, again)
		}
	})
}

// TestRedactionOfHostileLines: the time stays linear for texts that are made
// to be slow.
func TestRedactionOfHostileLines(t *testing.T) {
	const n = 1 << 20
	rules := redactor(t, "password", "cookie", "authorization", "re:secret")
	for name, in := range map[string]string{
		"equals signs":      strings.Repeat("=", n),
		"colons":            strings.Repeat(":", n),
		"spaces and colons": strings.Repeat("  :", n/3),
		"names":             strings.Repeat("password=", n/9),
		"quoted names":      strings.Repeat(`"password":`, n/11),
		"open values":       strings.Repeat(`"password":{`, n/12),
		"backslashes":       "password=" + strings.Repeat(`\`, n),
		"cookies":           strings.Repeat("cookie:a=b;c ", n/13),
		"schemes":           strings.Repeat("authorization: a b=c,;", n/22),
		"one header":        "authorization: a " + strings.Repeat("b=c;,", n/5),
		"escaped quotes":    strings.Repeat(`\"password\":\"`, n/14),
		"open quotes":       strings.Repeat(`'password':"`, n/12),
		"nested JSON":       nest(15),
	} {
		r := rules.Redactor()
		from := time.Now()
		r.Apply([]byte(in), false)
		if d := time.Since(from); d > 10*time.Second {
			t.Errorf("%s: %v for %d bytes", name, d, len(in))
		}
	}
}

// nest writes JSON in a string, again and again.
func nest(depth int) string {
	s := `{"password":"x"}`
	for range depth {
		q, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		s = `{"a":` + string(q) + `}`
	}
	return s
}

func TestRedactsNestedJSON(t *testing.T) {
	got := redact(t, nest(12), "password")
	for range 12 {
		var v struct{ A string }
		if err := json.Unmarshal([]byte(got), &v); err != nil {
			t.Fatal(err)
		}
		got = v.A
	}
	if got != `{"password":"[redacted]"}` {
		t.Errorf("innermost is %s", got)
	}
}
