package eventlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/jsonbytes"
)

const canary = "canary-7f3a9c"

func TestEvent(t *testing.T) {
	for _, tc := range []struct{ name, event, want string }{
		{"object", `{"b":1,"a":[true,null]}`, `{"b":1,"a":[true,null]}`},
		{"big numbers and order", `{"id":12345678901234567890,"x":1.50,"a":1e400}`, `{"id":12345678901234567890,"x":1.50,"a":1e400}`},
		{"over several lines", "{\n  \"a\": 1\r\n}\n", `{   "a": 1  }`},
		{"array", `[1]`, `[1]`},
		{"string", `"hello"`, `"hello"`},
		{"null", `null`, `null`},
		{"text", "order=7\nnext", `"order=7\nnext"`},
		{"text with a credential", "x-api-key=" + canary + "&a=1", `"x-api-key=[redacted]&a=1"`},
		{"nothing", "", `""`},
		{"bytes", "\x89PNG\x0d\x0a\x1a\x0a\x00\xff", `{"bytes":10}`},
		{"NUL", "a\x00b", `{"bytes":3}`},
		{"not UTF-8", "{\"a\":\"caf\xe9\"}", "{\"a\":\"caf\uFFFD\"}"},
		{"half a pair", `{"a":"\ud83d","b":"\ude00\ud83d\ude00"}`, `{"a":"\ufffd","b":"\ufffd\ud83d\ude00"}`},
		{"NUL as an escape", `{"a":"x\u0000\\u0000"}`, `{"a":"x\ufffd\\u0000"}`},
		{"the rules", `{"card":"4111 1111 1111 1111","Pin":1234,"ok":5}`, `{"card":"[redacted]","Pin":"[redacted]","ok":5}`},
		{"a rule in a body", `{"body":"{\"card\":4111111111111111,\"pin\":{\"a\":1}}"}`, `{"body":"{\"card\":\"[redacted]\",\"pin\":\"[redacted]\"}"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := New([]string{"pin", `re:\b\d{4} ?\d{4} ?\d{4} ?\d{4}\b`}, 1000)
			if got, want := string(p.Event([]byte(tc.event))), `{"level":"INFO","message":`+tc.want+"}"; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// credentials are events with one in every place that has a name for it.
func credentials() map[string]string {
	return map[string]string{
		"header":              `{"headers":{"Authorization":"Bearer ` + canary + `"}}`,
		"header in capitals":  `{"headers":{"AUTHORIZATION":"` + canary + `"}}`,
		"header with escapes": `{"headers":{"auth\u006frization":"` + canary + `"}}`,
		"several values":      `{"multiValueHeaders":{"authorization":["a","` + canary + `"],"Cookie":["sid=` + canary + `"]}}`,
		"cookie":              `{"headers":{"cookie":"sid=` + canary + `; a=b"}}`,
		"set-cookie":          `{"statusCode":200,"headers":{"Set-Cookie":"sid=` + canary + `"}}`,
		"key":                 `{"headers":{"X-Api-Key":"` + canary + `","x-amz-security-token":"` + canary + `","Proxy-Authorization":"Basic ` + canary + `"}}`,
		"cookies":             `{"version":"2.0","cookies":["sid=` + canary + `","a=b"]}`,
		"authorizer":          `{"type":"TOKEN","authorizationToken":"` + canary + `","methodArn":"arn"}`,
		"identity source":     `{"version":"2.0","type":"REQUEST","identitySource":["` + canary + `"]}`,
		"api key":             `{"requestContext":{"identity":{"apiKey":"` + canary + `","apiKeyId":"k"}}}`,
		"load balancer":       `{"headers":{"x-amzn-oidc-accesstoken":"` + canary + `","x-amzn-oidc-data":"` + canary + `"}}`,
		"edge":                `{"Records":[{"cf":{"request":{"headers":{"authorization":[{"key":"Authorization","value":"` + canary + `"}]}}}}]}`,
		"message attribute":   `{"Records":[{"messageAttributes":{"Authorization":{"stringValue":"` + canary + `","dataType":"String"}}}]}`,
		"query":               `{"rawQueryString":"X-Amz-Security-Token=` + canary + `&b=1"}`,
		"event in a body":     `{"Records":[{"body":"{\"headers\":{\"authorization\":\"Bearer ` + canary + `\"}}"}]}`,
		"twice in a string":   `{"Records":[{"body":"{\"Message\":\"{\\\"headers\\\":{\\\"cookie\\\":[\\\"` + canary + `\\\"]}}\"}"}]}`,
		"object":              `{"authorization":{"a":{"b":"` + canary + `"}}}`,
		"own rule":            `{"password":"` + canary + `","body":"{\"password\":\"` + canary + `\"}"}`,
		"own expression":      `{"note":"card ` + canary + ` of a friend"}`,
		"own, in a body":      `{"body":"{\"note\":\"card ` + canary + ` of a friend\"}"}`,
		"form":                `{"body":"password=` + canary + `&a=1"}`,
		"message of HTTP":     `{"body":"GET / HTTP/1.1\r\nAuthorization: Digest username=\"u\", response=\"` + canary + `\"\r\nCookie: a=b; sid=` + canary + `\r\n"}`,
		"another scheme":      `{"errorMessage":"refused: Authorization: Negotiate ` + canary + `"}`,
		"a map of Java":       `{"errorMessage":"{Host=x, Cookie=a=b; sid=` + canary + `}"}`,
		"as a text":           `POST /a password=` + canary + ` Authorization: Bearer ` + canary,
	}
}

// Nothing of a credential leaves, wherever the event is cut: not the whole,
// and not its beginning.
func TestCredentialsDoNotLeave(t *testing.T) {
	for name, event := range credentials() {
		t.Run(name, func(t *testing.T) {
			event = strings.TrimSuffix(event, "}") + "," + `"last":"` + strings.Repeat("x", 50) + `"}`
			items := []string{"password"}
			if strings.HasPrefix(name, "own") { // what no key finds
				items = append(items, `re:canary-[0-9a-f]+`)
			}
			for limit := 1; limit <= len(event)+1; limit++ {
				p := New(items, limit)
				for _, line := range [][]byte{p.Event([]byte(event)), p.Response([]byte(event), ""), p.Error("E", []byte(event))} {
					if bytes.Contains(line, []byte(canary[:8])) {
						t.Fatalf("limit %d: %s", limit, line)
					}
					wellFormed(t, line)
				}
			}
		})
	}
}

func wellFormed(t *testing.T, line []byte) {
	t.Helper()
	if !json.Valid(line) || !utf8.Valid(line) || bytes.ContainsAny(line, "\n\r") {
		t.Fatalf("not one line of JSON in UTF-8: %q", line)
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		event, want string
		limit       int
	}{
		{`{"a":"0123456789","b":1}`, `{"a":"01234"}`, 11},
		{`{"a":"caf\u00e9 and more"}`, `{"a":"caf"}`, 12},
		{`{"a":"café and more"}`, `{"a":"caf"}`, 10},
		{`{"a":"x\ud83d\ude00 and more"}`, `{"a":"x"}`, 14},
		{`{"a":1,"bcd":23456789}`, `{"a":1}`, 16},
		{`{"a":1,"bcd":23456789}`, `{"a":1}`, 10},
		{`{"a":{"b":[1,2,3,4]}}`, `{"a":{"b":[1]}}`, 13},
		{`[[[[1]]]]`, `[[[]]]`, 3},
		{`{"a":"{\"b\":\"cdefgh\"}","z":1}`, `{"a":"{\"b\":\"cd\"}"}`, 17},
		{`{"a":"{not JSON at all","z":1}`, `{"a":"{not"}`, 10},
		{`"0123456789"`, `"01234"`, 6},
		{`12345678`, `"12"`, 2},
		{"caf\xc3\xa9", `"caf"`, 4},
	} {
		got := string(New(nil, tc.limit).Event([]byte(tc.event)))
		if want := `{"level":"INFO","message":` + tc.want + `,"truncated":true}`; got != want {
			t.Errorf("%s, %d:\ngot  %s\nwant %s", tc.event, tc.limit, got, want)
		}
	}
}

// An expression that matches across the cut takes out all of it, and one that
// matches everything leaves nothing.
func TestExpressionsAtTheCut(t *testing.T) {
	event := `{"a":"` + strings.Repeat("x", 50) + ` 4111111111111111","n":4111111111111111}`
	for limit := 10; limit <= len(event); limit++ {
		line := New([]string{`re:\d{16}`}, limit).Event([]byte(event))
		if bytes.Contains(line, []byte("411")) {
			t.Errorf("limit %d: %s", limit, line)
		}
		line = New([]string{`re:(?s).+`}, limit).Event([]byte(event))
		if bytes.ContainsAny(line, "x4") {
			t.Errorf("limit %d: %s", limit, line)
		}
	}
}

func TestResponse(t *testing.T) {
	p := New([]string{"pin"}, 100)
	for _, tc := range []struct {
		name      string
		got, want []byte
	}{
		{"object", p.Response([]byte(`{"statusCode":200,"headers":{"Set-Cookie":"a"},"pin":1}`), ""), []byte(`{"level":"INFO","message":"Lambda response","response":{"statusCode":200,"headers":{"Set-Cookie":"[redacted]"},"pin":"[redacted]"}}`)},
		{"nothing", p.Response(nil, ""), []byte(`{"level":"INFO","message":"Lambda response","response":""}`)},
		{"by a hook", p.Response([]byte(`1`), "idempotency"), []byte(`{"level":"INFO","message":"Lambda response","response":1,"answered_by":"idempotency"}`)},
		{"cut", p.Response([]byte(`"`+strings.Repeat("x", 200)+`"`), ""), []byte(`{"level":"INFO","message":"Lambda response","response":"` + strings.Repeat("x", 99) + `","truncated":true}`)},
		{"stream", p.Stream(200<<20, 12345*time.Microsecond), []byte(`{"level":"INFO","message":"Lambda response","streamed":true,"response_bytes":209715200,"first_byte_ms":12.345}`)},
	} {
		if diff := cmp.Diff(string(tc.want), string(tc.got)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestError(t *testing.T) {
	p := New([]string{"pin", "re:4[0-9]{15}"}, 1000)
	for _, tc := range []struct{ name, kind, body, want string }{
		{"python", "Function.ValueError", `{"errorMessage":"card 4111111111111111","errorType":"ValueError","requestId":"r","stackTrace":["  File \"app.py\"\n"]}`,
			`{"type":"ValueError","message":"card [redacted]","stack":["  File \"app.py\"\n"]}`},
		{"node", "Error", `{"errorType":"Error","errorMessage":"asked","trace":["Error: asked","    at handler"]}`,
			`{"type":"Error","message":"asked","stack":["Error: asked","    at handler"]}`},
		{"no type", "Function.Failed", `{"errorMessage":"m"}`, `{"type":"Function.Failed","message":"m"}`},
		{"another object", "E", `{"a":1,"pin":2}`, `{"type":"E","message":{"a":1,"pin":"[redacted]"}}`},
		{"text", "E", `it broke`, `{"type":"E","message":"it broke"}`},
		{"nothing", "", ``, `{}`},
		{"bytes", "E", "\xff\xfe", `{"type":"E","message":{"bytes":2}}`},
	} {
		if got, want := string(p.Error(tc.kind, []byte(tc.body))), `{"level":"ERROR","message":"Lambda error","error":`+tc.want+`}`; got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, want)
		}
	}
}

// Of an event of megabytes only what the line shows is copied.
func TestLargeEventsAreNotCopied(t *testing.T) {
	event := []byte(`{"headers":{"a":"b"},"body":"` + strings.Repeat(`{\"a\":1},`, 6<<20/10) + `"}`)
	for name, b := range map[string][]byte{"document": event, "text": bytes.Repeat([]byte("text "), 1<<20), "bytes": bytes.Repeat([]byte{0xff}, 6<<20)} {
		p := New([]string{"re:x{9}"}, 32<<10)
		p.Event(b)
		var line []byte
		res := testing.Benchmark(func(b2 *testing.B) {
			for b2.Loop() {
				line = p.Event(b)
			}
		})
		if per := res.AllocedBytesPerOp(); per > 512<<10 {
			t.Errorf("%s: %d bytes for a line of %d", name, per, len(line))
		}
		if len(line) > 2*(32<<10) {
			t.Errorf("%s: a line of %d bytes", name, len(line))
		}
	}
}

// FuzzLines: whatever comes, a line is one line of JSON, a document that was
// cut is a beginning of the document, and no value of a fixed key leaves.
func FuzzLines(f *testing.F) {
	for _, event := range credentials() {
		f.Add([]byte(event), 40)
	}
	f.Add([]byte(`{"a":"\ud83d\ude00","b":[1,2,{"c":"{\"d\":\"e\"}"}]}`), 30)
	f.Fuzz(func(t *testing.T, event []byte, limit int) {
		limit = 1 + max(limit, -limit)%4096
		p := New([]string{`re:canary-[0-9a-f]+`}, limit)
		before := bytes.Clone(event)
		for _, line := range [][]byte{p.Event(event), p.Response(event, ""), p.Error("E", event)} {
			wellFormed(t, line)
			if len(line) > 6*limit+3*margin+1024 {
				t.Errorf("%d bytes for a limit of %d", len(line), limit)
			}
		}
		if !bytes.Equal(before, event) {
			t.Error("the event was changed")
		}
	})
}

// FuzzPrefix: a prefix is a document, at most as long as what it is made of and
// its brackets, and one of a whole document is that document.
func FuzzPrefix(f *testing.F) {
	for _, event := range credentials() {
		f.Add([]byte(event), 30)
	}
	f.Fuzz(func(t *testing.T, doc []byte, n int) {
		doc = jsonbytes.TrimSpace(doc)
		if !jsonbytes.Valid(doc) {
			return
		}
		n = max(n, -n) % (len(doc) + 1)
		out, ok := appendPrefix(nil, doc[:n], maxInner)
		if ok && !jsonbytes.Valid(out) {
			t.Fatalf("%q of %q is none", out, doc[:n])
		}
		if doc[0] != '{' && doc[0] != '[' {
			return
		}
		if all, ok := appendPrefix(nil, doc, maxInner); n == len(doc) && ok && !bytes.Equal(all, doc) {
			t.Errorf("%q became %q", doc, all)
		}
		if n > 0 && !ok && !deep(doc) {
			t.Errorf("%q is a beginning", doc[:n])
		}
	})
}

func deep(doc []byte) bool {
	return bytes.Count(doc, []byte("["))+bytes.Count(doc, []byte("{")) > maxOpen
}

func benchEvent(n int) []byte {
	head := `{"resource":"/o","httpMethod":"POST","headers":{"Authorization":"Bearer x","Host":"shop","Accept":"*/*"},"requestContext":{"requestId":"r","identity":{"apiKey":"k"}},"items":[`
	var b strings.Builder
	b.WriteString(head)
	for i := 0; b.Len() < n-64; i++ {
		fmt.Fprintf(&b, `{"sku":"a-%d","count":%d,"note":"plain words of a line"},`, i, i)
	}
	return append(bytes.TrimSuffix([]byte(b.String()), []byte(",")), "]}"...)
}

// BenchmarkDecode is what a library does at least before it can take anything
// out: the ratio to BenchmarkEvent does not depend on the machine.
func BenchmarkDecode(b *testing.B) {
	event := benchEvent(32 << 10)
	for b.Loop() {
		var v any
		if err := json.Unmarshal(event, &v); err != nil {
			b.Fatal(err)
		}
		if _, err := json.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvent(b *testing.B) {
	keys := []string{"password", "token", "secret", "card", "iban"}
	body, _ := json.Marshal(string(benchEvent(25 << 10)))
	for name, event := range map[string][]byte{
		"1 kB": benchEvent(1 << 10), "32 KiB": benchEvent(32 << 10), "32 KiB in a body": []byte(`{"headers":{"cookie":"a"},"body":` + string(body) + `}`),
		"6 MiB": benchEvent(6 << 20),
	} {
		p := New(keys, 32<<10)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Event(event)
			}
		})
	}
}
