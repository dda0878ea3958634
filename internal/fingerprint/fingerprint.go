// Package fingerprint tells which error lines are of one kind.
//
// The rule a reader could break: the same line has the same fingerprint in
// every version, for alarms and saved queries name it.
package fingerprint

import "encoding/hex"

// most bounds what of a line is looked at, in bytes.
const most = 4 << 10

// Of returns 16 hex digits that are the same for two texts which differ only
// in numbers and ids: a hash (FNV-1a) over the text without digits and without
// words that are hexadecimal and hold a digit.
func Of(text []byte) string {
	text = text[:min(len(text), most)]
	h := uint64(14695981039346656037)
	for len(text) > 0 {
		n, id := word(text)
		for _, c := range text[:n] {
			if !id && !isDigit(c) {
				h = (h ^ uint64(c)) * 1099511628211
			}
		}
		text = text[n:]
	}
	var sum [8]byte
	for i := range sum {
		sum[i] = byte(h >> (56 - 8*i))
	}
	return hex.EncodeToString(sum[:])
}

// word returns the length of the first word or of the one separator in front
// of it, and whether the word is an id or a number.
func word(text []byte) (n int, id bool) {
	digits, hexOnly := false, true
	for n < len(text) && isWord(text[n]) {
		c := text[n]
		digits = digits || isDigit(c)
		hexOnly = hexOnly && (isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' || n == 1 && c == 'x')
		n++
	}
	return max(n, 1), n > 0 && digits && hexOnly
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }
