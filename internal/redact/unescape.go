package redact

import (
	"bytes"
	"unicode/utf8"

	"powertools-extension/internal/jsonbytes"
)

// unescaped is the text of a JSON string, and where each byte of it came
// from. The string is known to be valid.
type unescaped struct {
	text []byte
	at   []int32 // at[i] is the place of text[i] in the string, at[len(text)] its end
}

// undo undoes the escapes of a string without its quotes.
func (u *unescaped) undo(raw []byte) {
	u.text, u.at = u.text[:0], u.at[:0]
	for i := 0; i < len(raw); {
		n := bytes.IndexByte(raw[i:], '\\')
		if n < 0 {
			n = len(raw) - i
		}
		for j := range n {
			u.at = append(u.at, int32(i+j))
		}
		u.text = append(u.text, raw[i:i+n]...)
		if i += n; i < len(raw) {
			i += u.escape(raw[i:], i)
		}
	}
	u.at = append(u.at, int32(len(raw)))
}

// escape undoes the escape that the rest begins with and returns its length.
func (u *unescaped) escape(rest []byte, at int) int {
	r, n := rune(rest[1]), 2
	if r == 'u' {
		r, n = jsonbytes.UnescapeRune(rest)
	} else {
		r = rune(jsonbytes.UnescapeByte(rest[1]))
	}
	before := len(u.text)
	u.text = utf8.AppendRune(u.text, r) // half a pair becomes U+FFFD
	for range len(u.text) - before {
		u.at = append(u.at, int32(at))
	}
	return n
}
