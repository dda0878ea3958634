package jsonbytes

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// replaced is what encoding/json makes of bytes that are not UTF-8.
func replaced(s []byte) string { return string([]rune(string(s))) }

// FuzzUnescape holds Unescape to encoding/json.
func FuzzUnescape(f *testing.F) {
	for _, s := range []string{
		`plain`, `\n`, `a\"b`, `\u00e9`, `\ud83d\ude00`, `\ud83d`, `\ud83dx`, `\ud83d\n`, `\ude00\ud83d`, `\ud83d\ud83d\ude00`,
		`\u0000`, "\xff\\n", `\\u00e9`, `\/\b\f\r\t`, `end\\`, `\uFFFD`, "\xed\xa0\x80", `\uD83D\u0041`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		quoted := append(append([]byte{'"'}, in...), '"')
		var want string
		if json.Unmarshal(quoted, &want) != nil || CheckString(quoted, 0) != len(quoted) {
			return
		}
		out := Unescape(bytes.Clone(in))
		if got := replaced(out); got != want {
			t.Fatalf("Unescape(%q) = %q, want %q", in, got, want)
		}
		if len(out) > len(in) {
			t.Fatalf("text of %d bytes is longer than its escaped form of %d", len(out), len(in))
		}
	})
}

func TestUnescapeTellsEscapesApart(t *testing.T) {
	for in, want := range map[string]string{
		``: "", `a`: "a", `\n`: "\n", `\"q\"`: `"q"`, `a\\nb`: `a\nb`, `\/`: "/",
		`\u00e9`: "é", `\ud83d\ude00`: "😀", `x\ud83dy`: "x\uFFFDy", `\ude00\ud83d`: "\uFFFD\uFFFD",
		`\ud83d\u0041`: "\uFFFDA", "\xff\\t": "\xff\t", `\u0000`: "\x00",
	} {
		if got := string(Unescape([]byte(in))); got != want {
			t.Errorf("Unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

// Escapes at every distance from each other, held to encoding/json.
func TestUnescapeMixtures(t *testing.T) {
	tokens := []string{`\n`, `\"`, `\\`, `a`, `b`, `é`, `\u00e9`, `\ud83d\ude00`, `0123456`}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var in strings.Builder
		few := 1 + random.IntN(len(tokens))
		for range random.IntN(40) {
			in.WriteString(tokens[random.IntN(few)])
		}
		var want string
		if err := json.Unmarshal([]byte(`"`+in.String()+`"`), &want); err != nil {
			t.Fatal(err)
		}
		if got := string(Unescape([]byte(in.String()))); got != want {
			t.Fatalf("Unescape(%q) = %q, want %q", in.String(), got, want)
		}
	}
}
