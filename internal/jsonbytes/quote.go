package jsonbytes

import (
	"math/bits"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString writes src as a JSON string, quotes included: the bytes that
// encoding/json writes without HTML escapes. Bytes that are not UTF-8 become
// \ufffd.
func AppendString[T []byte | string](dst []byte, src T) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(src); {
		n := plainPrefix(src[i:])
		dst = append(dst, src[i:i+n]...)
		if i += n; i == len(src) {
			break
		}
		dst, n = appendSpecial(dst, src[i:])
		i += n
	}
	return append(dst, '"')
}

// AppendStringMax is AppendString for at most maxBytes of result, two at
// least. It cuts between characters.
func AppendStringMax[T []byte | string](dst []byte, src T, maxBytes int) []byte {
	end := len(dst) + max(maxBytes, 2) - 1 // the closing quote
	dst = append(dst, '"')
	for i := 0; i < len(src); {
		n := min(plainPrefix(src[i:]), end-len(dst))
		dst = append(dst, src[i:i+n]...)
		if i += n; i == len(src) {
			break
		}
		before := len(dst)
		dst, n = appendSpecial(dst, src[i:])
		if len(dst) > end {
			dst = dst[:before]
			break
		}
		i += n
	}
	return append(dst, '"')
}

// AppendHTMLString is AppendString with <, > and & escaped, as encoding/json
// does by default.
func AppendHTMLString(dst []byte, src string) []byte {
	from := len(dst)
	dst = AppendString(dst, src)
	for i := from; i < len(dst); i++ {
		if c := dst[i]; c == '<' || c == '>' || c == '&' {
			return escapeHTML(dst[:i], string(dst[i:]))
		}
	}
	return dst
}

func escapeHTML(dst []byte, quoted string) []byte {
	for i := range len(quoted) {
		switch c := quoted[i]; c {
		case '<', '>', '&':
			dst = appendUnicode(dst, rune(c))
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// plainPrefix returns how many leading bytes are ASCII and stand for
// themselves in a JSON string. It is the hottest loop of a text line, so it
// looks at eight bytes at a time.
func plainPrefix[T []byte | string](src T) int {
	i := 0
	for ; i+8 <= len(src); i += 8 {
		if m := specialBytes(load(src[i : i+8])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(src); i++ {
		if c := src[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			break
		}
	}
	return i
}

// load reads eight bytes, the first one lowest; the compiler makes one load
// of it.
func load[T []byte | string](s T) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// specialBytes sets the high bit of the first byte in w that is a control
// character, a quote, a backslash or not ASCII. Bytes behind the first may be
// set wrongly; the caller looks at the first alone.
func specialBytes(w uint64) uint64 {
	low := (w ^ everyOne*2) - everyOne*('"'^2+1) // as in special
	backslash := (w ^ everyOne*'\\') - everyOne
	return (low | backslash | w) & everyTop
}

// appendSpecial writes the first character of src, which is not a plain one,
// and returns how many bytes of src that was.
func appendSpecial[T []byte | string](dst []byte, src T) ([]byte, int) {
	switch c := src[0]; {
	case c == '"' || c == '\\':
		return append(dst, '\\', c), 1
	case c == '\n':
		return append(dst, '\\', 'n'), 1
	case c == '\t':
		return append(dst, '\\', 't'), 1
	case c == '\r':
		return append(dst, '\\', 'r'), 1
	case c == '\b':
		return append(dst, '\\', 'b'), 1
	case c == '\f':
		return append(dst, '\\', 'f'), 1
	case c < ' ':
		return appendUnicode(dst, rune(c)), 1
	case c < utf8.RuneSelf:
		return append(dst, c), 1
	}
	r, n := decodeRune(src)
	switch {
	case r == utf8.RuneError && n == 1, r == '\u2028', r == '\u2029': // the last two end lines in JavaScript
		return appendUnicode(dst, r), n
	}
	return append(dst, src[:n]...), n
}

func decodeRune[T []byte | string](src T) (rune, int) {
	var first [utf8.UTFMax]byte
	return utf8.DecodeRune(first[:copy(first[:], src)])
}

func appendUnicode(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
