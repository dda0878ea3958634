package jsonbytes

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// jsonSeeds are texts on both sides of the border of JSON.
var jsonSeeds = []string{
	`{}`, `[]`, `[1,2]`, `{"a":1,"b":[true,false,null]}`, ` { "a" : [ 1 , 2 ] } `,
	`"plain"`, `"\u00e9\ud83d\ude00\n\"\\\/\b\f\r\t"`, "\"\xff\xfe\"", `"12345678\"1234567\\"`, `"é€😀"`,
	`0`, `-0`, `-1.5e+10`, `1E5`, `0.0`, `123456789`,
	`01`, `-`, `1.`, `1e`, `.5`, `+1`, `tru`, `truex`, `nul`, `fals`,
	`"open`, `"bad\x"`, `"\u12g4"`, "\"tab\there\"", "\"1234567\x1f\"", "\"\x00\"",
	`{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `[1,]`, `[,]`, `[1 2]`, `{"a":1 "b":2}`, `{1:2}`, `{]`, `[}`,
	`[[[[[[[[[[]]]]]]]]]]`, `{"a":{"b":{"c":[{}]}}}`, ``, ` `, `"`, `\`, `{"a`, `{"a":"`, `"\u00`,
}

// FuzzCheckValue holds the scanner to encoding/json: it accepts the same texts,
// and takes a text for cut off exactly if something can still complete it.
func FuzzCheckValue(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	f.Add([]byte(strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)))
	f.Add([]byte(strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)))
	f.Fuzz(func(t *testing.T, text []byte) {
		end := CheckValue(text, SkipSpace(text, 0), 0)
		whole := end >= 0 && SkipSpace(text, end) == len(text)
		if valid := json.Valid(text); valid != whole {
			t.Fatalf("json.Valid = %v, CheckValue = %d of %d", valid, end, len(text))
		}
		var v json.RawMessage
		err := json.NewDecoder(bytes.NewReader(text)).Decode(&v)
		if cut := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF); cut != (end == CutOff) {
			t.Fatalf("encoding/json: %v, CheckValue = %d", err, end)
		}
		if end < 0 && (Reach(text, end) < 0 || Reach(text, end) > len(text)) {
			t.Fatalf("Reach = %d of %d", Reach(text, end), len(text))
		}
	})
}

// FuzzPlainEnd holds the eight-byte step to a byte-by-byte search.
func FuzzPlainEnd(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s), 0)
	}
	f.Add([]byte("\x80\xff\x7f\x20\x21\x23\x5b\x5d\x5c"), 1)
	f.Fuzz(func(t *testing.T, b []byte, from int) {
		if from < 0 || from > len(b) {
			return
		}
		want := bytes.IndexFunc(b[from:], func(r rune) bool { return r < ' ' || r == '"' || r == '\\' })
		if want < 0 {
			want = len(b) - from
		}
		if got := plainEnd(b, from); got != from+want {
			t.Fatalf("plainEnd(%q, %d) = %d, want %d", b, from, got, from+want)
		}
	})
}

// Every byte value at every place of a word.
func TestSpecialMarksExactly(t *testing.T) {
	for c := range 256 {
		for place := range 16 {
			b := []byte("aaaaaaaaaaaaaaaa")
			b[place] = byte(c)
			want := len(b)
			if c < ' ' || c == '"' || c == '\\' {
				want = place
			}
			if got := plainEnd(b, 0); got != want {
				t.Fatalf("byte %#x at %d: plainEnd = %d", c, place, got)
			}
		}
	}
}
