package jsonbytes

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Unescape resolves the escapes of s, the inside of a valid JSON string, in
// place and returns the text. Text is never longer than its escaped form. Half
// a surrogate pair becomes U+FFFD, as in encoding/json; raw bytes that are not
// UTF-8 stay, because only the encoder of the line knows what to do with them.
func Unescape(s []byte) []byte {
	r := bytes.IndexByte(s, '\\')
	if r < 0 {
		return s
	}
	w := r
	for {
		if c := s[r+1]; c == 'u' {
			c, n := UnescapeRune(s[r:])
			w += utf8.EncodeRune(s[w:], c)
			r += n
		} else {
			if c >= 'a' {
				c = UnescapeByte(c)
			}
			s[w] = c
			r, w = r+2, w+1
		}
		// What follows up to the next escape moves eight bytes at a time once
		// the two places are so far apart that the bytes written too many are
		// bytes that were read before.
		for r-w >= 8 && r+8 <= len(s) {
			v := binary.LittleEndian.Uint64(s[r:])
			binary.LittleEndian.PutUint64(s[w:], v)
			if m := backslash(v); m != 0 {
				n := bits.TrailingZeros64(m) / 8
				r, w = r+n, w+n
				break
			}
			r, w = r+8, w+8
		}
		for r < len(s) && s[r] != '\\' {
			s[w] = s[r]
			r, w = r+1, w+1
		}
		if r >= len(s) {
			return s[:w]
		}
	}
}

// backslash marks, by its top bit, the lowest of eight bytes that is one. Bits
// above it mean nothing.
func backslash(v uint64) uint64 {
	v ^= everyOne * '\\'
	return (v - everyOne) &^ v & everyTop
}

// UnescapeByte returns what a backslash before c stands for.
func UnescapeByte(c byte) byte {
	if c < 'a' { // quote, backslash, slash
		return c
	}
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	default:
		return '\t'
	}
}

// UnescapeRune returns the character that \uXXXX, or a pair of them, at the
// start of s stands for, and how many bytes it took.
func UnescapeRune(s []byte) (rune, int) {
	c := hexRune(s[2:6])
	if !utf16.IsSurrogate(c) {
		return c, 6
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if pair := utf16.DecodeRune(c, hexRune(s[8:12])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

func hexRune(s []byte) rune {
	var c rune
	for _, d := range s {
		switch {
		case d <= '9':
			d -= '0'
		default:
			d = d | 0x20 - 'a' + 10
		}
		c = c<<4 | rune(d)
	}
	return c
}
