// Package jsonbytes reads and writes JSON text as bytes, without building
// anything of it. What is tested here is tested once: it accepts what
// encoding/json accepts and writes what encoding/json writes.
//
// The rule a reader could break: Check functions take any text, Skip functions
// and Members only what was checked; they would run out of anything else.
package jsonbytes

import (
	"encoding/binary"
	"math/bits"
)

// Valid reports whether b is one JSON value. Bytes inside strings need not be
// UTF-8, and halves of surrogate pairs may be escaped there, as for json.Valid.
func Valid(b []byte) bool {
	end := CheckValue(b, SkipSpace(b, 0), 0)
	return end >= 0 && SkipSpace(b, end) == len(b)
}

// The Check functions take the text and the index of the first byte of what
// they look at, and return the index behind it, or a negative number: CutOff,
// or one that Malformed made.

// CutOff says that all is JSON so far, but the text ends inside it.
const CutOff = -1

// Malformed says that the byte at i cannot stand there.
func Malformed(i int) int { return -2 - i }

// Reach says how far a scan of b came that ended with the negative number end.
func Reach(b []byte, end int) int {
	if end == CutOff {
		return len(b)
	}
	return -2 - end
}

// MaxDepth bounds nesting, so that a hostile body cannot exhaust the stack.
// It is encoding/json's own limit.
const MaxDepth = 10000

// SkipSpace returns the index of the first byte at or behind i that is not
// white space.
func SkipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// CheckValue checks the value at i, which stands in depth objects and arrays.
func CheckValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return CutOff
	}
	switch c := b[i]; c {
	case '"':
		return CheckString(b, i)
	case '{':
		return checkObject(b, i, depth+1)
	case '[':
		return checkArray(b, i, depth+1)
	case 't':
		return CheckWord(b, i, "true")
	case 'f':
		return CheckWord(b, i, "false")
	case 'n':
		return CheckWord(b, i, "null")
	default:
		return checkNumber(b, i)
	}
}

func checkObject(b []byte, i, depth int) int {
	if depth > MaxDepth {
		return Malformed(i)
	}
	i = SkipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		_, value := CheckKey(b, i)
		if value < 0 {
			return value
		}
		if i = CheckValue(b, value, depth); i < 0 {
			return i
		}
		end, more := CheckComma(b, i, '}')
		if !more {
			return end
		}
		i = end
	}
}

func checkArray(b []byte, i, depth int) int {
	if depth > MaxDepth {
		return Malformed(i)
	}
	i = SkipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = CheckValue(b, i, depth); i < 0 {
			return i
		}
		end, more := CheckComma(b, i, ']')
		if !more {
			return end
		}
		i = end
	}
}

// CheckKey checks an object's key and its colon. It returns the end of the key,
// which still has its quotes, and the start of the value.
func CheckKey(b []byte, i int) (end, value int) {
	if i >= len(b) {
		return CutOff, CutOff
	}
	if b[i] != '"' {
		return Malformed(i), Malformed(i)
	}
	if end = CheckString(b, i); end < 0 {
		return end, end
	}
	i = SkipSpace(b, end)
	if i >= len(b) {
		return CutOff, CutOff
	}
	if b[i] != ':' {
		return Malformed(i), Malformed(i)
	}
	return end, SkipSpace(b, i+1)
}

// CheckComma checks what follows a member: a comma, after which there is more,
// or the closing bracket.
func CheckComma(b []byte, i int, closing byte) (next int, more bool) {
	i = SkipSpace(b, i)
	switch {
	case i >= len(b):
		return CutOff, false
	case b[i] == ',':
		return SkipSpace(b, i+1), true
	case b[i] == closing:
		return i + 1, false
	default:
		return Malformed(i), false
	}
}

// CheckWord checks that word stands at i.
func CheckWord(b []byte, i int, word string) int {
	for j := range len(word) {
		if i+j >= len(b) {
			return CutOff
		}
		if b[i+j] != word[j] {
			return Malformed(i + j)
		}
	}
	return i + len(word)
}

func checkNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = checkDigits(b, i); i < 0 {
		return i
	}
	if i < len(b) && b[i] == '.' {
		if i = checkDigits(b, i+1); i < 0 {
			return i
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return checkDigits(b, i)
	}
	return i
}

// checkDigits skips one digit or more.
func checkDigits(b []byte, i int) int {
	start := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i > start {
		return i
	}
	if i >= len(b) {
		return CutOff
	}
	return Malformed(i)
}

// CheckString checks the string that opens at i.
func CheckString(b []byte, i int) int {
	i++
	for {
		// As plainEnd, without the call: escaped JSON has an escape every few bytes.
		for i+8 <= len(b) {
			if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
				i += bits.TrailingZeros64(m) / 8
				break
			}
			i += 8
		}
		if i+8 > len(b) {
			if i = plainEnd(b, i); i >= len(b) {
				return CutOff
			}
		}
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			if i+1 < len(b) && isShortEscape(b[i+1]) {
				i += 2
			} else if i = CheckEscape(b, i); i < 0 {
				return i
			}
		default: // a control character
			return Malformed(i)
		}
	}
}

// CheckEscape checks the escape that the backslash at i begins.
func CheckEscape(b []byte, i int) int {
	i++
	if i >= len(b) {
		return CutOff
	}
	if isShortEscape(b[i]) {
		return i + 1
	}
	if b[i] != 'u' {
		return Malformed(i)
	}
	for range 4 {
		if i++; i >= len(b) {
			return CutOff
		}
		if !isHex(b[i]) {
			return Malformed(i)
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
