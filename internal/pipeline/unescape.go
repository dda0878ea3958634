package pipeline

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
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
	switch r {
	case 'b':
		r = '\b'
	case 'f':
		r = '\f'
	case 'n':
		r = '\n'
	case 'r':
		r = '\r'
	case 't':
		r = '\t'
	case 'u':
		r, n = hexRune(rest), 6
		if low := rest[n:]; utf16.IsSurrogate(r) && len(low) >= 6 && low[0] == '\\' && low[1] == 'u' {
			if both := utf16.DecodeRune(r, hexRune(low)); both != utf8.RuneError {
				r, n = both, 12
			}
		}
	}
	before := len(u.text)
	u.text = utf8.AppendRune(u.text, r) // half a pair becomes U+FFFD
	for range len(u.text) - before {
		u.at = append(u.at, int32(at))
	}
	return n
}

// hexRune reads "\u0061".
func hexRune(escape []byte) rune {
	v, err := strconv.ParseUint(string(escape[2:6]), 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(v)
}
