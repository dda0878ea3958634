package jsonbytes

import "bytes"

// ReplaceNonFinite replaces NaN, Infinity and -Infinity, where they stand as
// values, by zeros of the same length, in place. Python's json and others
// write them, though JSON has no such numbers.
func ReplaceNonFinite(b []byte) []byte {
	for i := 0; i < len(b); {
		switch c := b[i]; c {
		case '"':
			end := CheckString(b, i)
			if end < 0 {
				return b
			}
			i = end
		case 'N', 'I':
			i += blank(b[i:], "NaN")
			i += blank(b[i:], "Infinity")
			if i < len(b) && b[i] == c {
				i++
			}
		default:
			i++
		}
	}
	return b
}

// blank makes the word at the start of b a zero and blanks, and returns its
// length; 0 if it is another one.
func blank(b []byte, word string) int {
	if !bytes.HasPrefix(b, []byte(word)) {
		return 0
	}
	b[0] = '0'
	for i := 1; i < len(word); i++ {
		b[i] = ' '
	}
	return len(word)
}
