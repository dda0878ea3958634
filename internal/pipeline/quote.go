package pipeline

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// appendQuoted writes src as a JSON string, quotes included. Bytes that are
// not UTF-8 become U+FFFD. This is the hottest loop of a text line, so it
// looks at eight bytes at a time.
func appendQuoted(dst, src []byte) []byte {
	dst = append(dst, '"')
	for len(src) > 0 {
		n := plainPrefix(src)
		dst = append(dst, src[:n]...)
		if src = src[n:]; len(src) == 0 {
			break
		}
		dst, n = appendSpecial(dst, src)
		src = src[n:]
	}
	return append(dst, '"')
}

// appendQuotedMax is appendQuoted for at most max bytes of result. It cuts
// between characters.
func appendQuotedMax(dst, src []byte, maxBytes int) []byte {
	end := len(dst) + maxBytes - 1 // the closing quote
	dst = append(dst, '"')
	for len(src) > 0 {
		n := min(plainPrefix(src), max(end-len(dst), 0))
		dst = append(dst, src[:n]...)
		if src = src[n:]; len(src) == 0 {
			break
		}
		before := len(dst)
		dst, n = appendSpecial(dst, src)
		if len(dst) > end {
			dst = dst[:before]
			break
		}
		src = src[n:]
	}
	return append(dst, '"')
}

// plainPrefix returns how many leading bytes are ASCII and stand for
// themselves in a JSON string.
func plainPrefix(src []byte) int {
	i := 0
	for ; i+8 <= len(src); i += 8 {
		if m := specialBytes(binary.LittleEndian.Uint64(src[i:])); m != 0 {
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

// specialBytes sets the high bit of the first byte in w that is a control
// character, a quote, a backslash or not ASCII. Bytes behind the first may be
// set wrongly; the caller looks at the first alone.
func specialBytes(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, backslash := w^ones*'"', w^ones*'\\'
	return (w | (w-ones*' ')&^w | (quote-ones)&^quote | (backslash-ones)&^backslash) & highs
}

// appendSpecial writes the first character of src, which is not a plain one,
// and returns how many bytes of src that was.
func appendSpecial(dst, src []byte) ([]byte, int) {
	const hexDigits = "0123456789abcdef"
	switch c := src[0]; {
	case c == '"' || c == '\\':
		return append(dst, '\\', c), 1
	case c == '\n':
		return append(dst, '\\', 'n'), 1
	case c == '\t':
		return append(dst, '\\', 't'), 1
	case c == '\r':
		return append(dst, '\\', 'r'), 1
	case c < ' ':
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15]), 1
	case c < utf8.RuneSelf:
		return append(dst, c), 1
	}
	r, n := utf8.DecodeRune(src)
	if r == utf8.RuneError && n == 1 {
		return append(dst, "\uFFFD"...), 1
	}
	return append(dst, src[:n]...), n
}
