package telemetry

import (
	"encoding/binary"
	"math/bits"
)

// The scanner walks over JSON text without building anything. It accepts
// exactly what encoding/json accepts. Each function takes the text and the
// index of the first byte of what it skips, and returns the index behind it,
// or a negative number: cutOff, or one that malformed made.

// cutOff says that all is JSON so far, but the text ends inside it.
const cutOff = -1

// malformed says that the byte at i cannot stand there.
func malformed(i int) int { return -2 - i }

// reach says how far a scan of b came that ended with the negative number end.
func reach(b []byte, end int) int {
	if end == cutOff {
		return len(b)
	}
	return -2 - end
}

// maxDepth bounds nesting, so that a hostile body cannot exhaust the stack.
// It is encoding/json's own limit.
const maxDepth = 10000

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

func skipValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return cutOff
	}
	switch c := b[i]; c {
	case '"':
		return skipString(b, i)
	case '{':
		return skipObject(b, i, depth+1)
	case '[':
		return skipArray(b, i, depth+1)
	case 't':
		return skipWord(b, i, "true")
	case 'f':
		return skipWord(b, i, "false")
	case 'n':
		return skipWord(b, i, "null")
	default:
		return skipNumber(b, i)
	}
}

func skipObject(b []byte, i, depth int) int {
	if depth > maxDepth {
		return malformed(i)
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		_, value := skipKey(b, i)
		if value < 0 {
			return value
		}
		if i = skipValue(b, value, depth); i < 0 {
			return i
		}
		end, more := skipComma(b, i, '}')
		if !more {
			return end
		}
		i = end
	}
}

func skipArray(b []byte, i, depth int) int {
	if depth > maxDepth {
		return malformed(i)
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = skipValue(b, i, depth); i < 0 {
			return i
		}
		end, more := skipComma(b, i, ']')
		if !more {
			return end
		}
		i = end
	}
}

// skipKey skips an object's key and its colon. It returns the end of the key,
// which still has its quotes, and the start of the value.
func skipKey(b []byte, i int) (end, value int) {
	if i >= len(b) {
		return cutOff, cutOff
	}
	if b[i] != '"' {
		return malformed(i), malformed(i)
	}
	if end = skipString(b, i); end < 0 {
		return end, end
	}
	i = skipSpace(b, end)
	if i >= len(b) {
		return cutOff, cutOff
	}
	if b[i] != ':' {
		return malformed(i), malformed(i)
	}
	return end, skipSpace(b, i+1)
}

// skipComma skips what follows a member: a comma, after which there is more,
// or the closing bracket.
func skipComma(b []byte, i int, closing byte) (next int, more bool) {
	i = skipSpace(b, i)
	switch {
	case i >= len(b):
		return cutOff, false
	case b[i] == ',':
		return skipSpace(b, i+1), true
	case b[i] == closing:
		return i + 1, false
	default:
		return malformed(i), false
	}
}

func skipWord(b []byte, i int, word string) int {
	for j := range len(word) {
		if i+j >= len(b) {
			return cutOff
		}
		if b[i+j] != word[j] {
			return malformed(i + j)
		}
	}
	return i + len(word)
}

func skipNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = skipDigits(b, i); i < 0 {
		return i
	}
	if i < len(b) && b[i] == '.' {
		if i = skipDigits(b, i+1); i < 0 {
			return i
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return skipDigits(b, i)
	}
	return i
}

// skipDigits skips one digit or more.
func skipDigits(b []byte, i int) int {
	start := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i > start {
		return i
	}
	if i >= len(b) {
		return cutOff
	}
	return malformed(i)
}

func skipString(b []byte, i int) int {
	i++
	for {
		i = plainEnd(b, i)
		if i >= len(b) {
			return cutOff
		}
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			if i+1 < len(b) && isShortEscape(b[i+1]) {
				i += 2
			} else if i = skipEscape(b, i); i < 0 {
				return i
			}
		default: // a control character
			return malformed(i)
		}
	}
}

func skipEscape(b []byte, i int) int {
	i++
	if i >= len(b) {
		return cutOff
	}
	if isShortEscape(b[i]) {
		return i + 1
	}
	if b[i] != 'u' {
		return malformed(i)
	}
	for range 4 {
		if i++; i >= len(b) {
			return cutOff
		}
		if !isHex(b[i]) {
			return malformed(i)
		}
	}
	return i + 1
}

// isShortEscape reports whether a backslash and c make an escape.
func isShortEscape(c byte) bool {
	// The most frequent first: a switch would become a jump table.
	return c == '"' || c == 'n' || c == '\\' || c == 't' || c == '/' || c == 'r' || c == 'b' || c == 'f'
}

// plainEnd returns the index of the first quote, backslash or control
// character at or after i, or len(b). It looks at eight bytes at a time.
func plainEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

const (
	everyOne = 0x0101010101010101 // times c: c in each of eight bytes
	everyTop = 0x8080808080808080
)

// special marks, by its top bit, the lowest of eight bytes that is a quote, a
// backslash or a control character. Bits above the lowest mean nothing: a
// subtraction may have borrowed from them.
func special(v uint64) uint64 {
	// With its second bit flipped, the quote stands right behind the control
	// characters, which only change places: one comparison finds them all.
	low := (v ^ everyOne*2) - everyOne*('"'^2+1)
	backslash := (v ^ everyOne*'\\') - everyOne
	return (low | backslash) &^ v & everyTop
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
