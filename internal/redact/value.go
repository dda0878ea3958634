package redact

import (
	"bytes"

	"powertools-extension/internal/jsonbytes"
)

// valueAfter returns where the value behind a separator begins and ends,
// quotes included. Behind a name in quotes it may stand on a later line.
func valueAfter(text []byte, i int, name quote) (from, to int) {
	if i < len(text) && text[i] == '>' { // Ruby: "name"=>"value"
		i++
	}
	for i < len(text) {
		n := spaceAt(text[i:], name)
		if n == 0 {
			return i, valueEnd(text, i)
		}
		i += n
	}
	return i, i
}

// spaceAt returns the length of the white space that the text begins with,
// one character of it: in a text that was quoted it may be an escape.
func spaceAt(text []byte, name quote) int {
	switch c := text[0]; {
	case c == ' ' || c == '\t' || name.ch != 0 && jsonbytes.IsSpace(c):
		return 1
	case c != '\\' || name.slash == 0:
		return 0
	}
	q, _ := opening(text)
	if q.slash < len(text) && isSpaceLetter(text[q.slash]) {
		return q.slash + 1
	}
	return 0
}

// isSpaceLetter knows the letters of \n, \r and \t.
func isSpaceLetter(c byte) bool { return c == 'n' || c == 'r' || c == 't' }

// valueEnd returns the end of the value that begins at i. A value that was
// cut ends with the text.
func valueEnd(text []byte, i int) int {
	if q, ok := opening(text[i:]); ok {
		return min(closing(text, i+q.slash+1, q)+q.slash+1, len(text))
	}
	switch text[i] {
	case '{', '[':
		return bareEnd(text, nestedEnd(text, i))
	case '<': // <Buffer 70 61 73>
		if end := bytes.IndexByte(text[i:], '>'); end >= 0 {
			return i + end + 1
		}
	}
	end := bareEnd(text, i)
	switch word := text[i:end]; {
	case isScheme(word) && end+1 < len(text) && text[end] == ' ':
		return bareEnd(text, end+1) // Authorization: Bearer abc
	case isPrefix(word) && end < len(text):
		if q, ok := opening(text[end:]); ok { // Python: b'abc'
			return min(closing(text, end+q.slash+1, q)+q.slash+1, len(text))
		}
	}
	return end
}

// opening reads the quote a text begins with. Without one it tells how many
// backslashes there are.
func opening(text []byte) (quote, bool) {
	n := 0
	for n < len(text) && text[n] == '\\' {
		n++
	}
	if n == len(text) || text[n] != '"' && text[n] != '\'' {
		return quote{slash: n}, false
	}
	return quote{ch: text[n], slash: n}, true
}

// closing returns where the quote closes that opened in front of i, the
// place of its first backslash; the end of the text if it never does. With n
// backslashes in front of the opening quote, an escaped character inside has
// n+1 of them, and one that is a backslash itself has twice as many.
func closing(text []byte, i int, q quote) int {
	for {
		n := bytes.IndexByte(text[i:], q.ch)
		if n < 0 {
			return len(text)
		}
		at := i + n
		run := min(slashesBefore(text, at), n)
		if extra := run - q.slash; extra >= 0 && extra%(2*(q.slash+1)) == 0 {
			return at - q.slash
		}
		i = at + 1
	}
}

// nestedEnd returns the end of the object or array that opens at i.
func nestedEnd(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"', '\'':
			q := quote{ch: text[i], slash: slashesBefore(text, i)}
			i = closing(text, i+1, q) + q.slash
		}
		i++
	}
	return len(text)
}

// bareEnd returns the end of a value without quotes. An escaped quote is that
// of a text around it.
func bareEnd(text []byte, i int) int {
	for i < len(text) {
		switch text[i] {
		case ' ', '\t', '\n', '\r', ',', ';', '&', ')', ']', '}', '"', '\'':
			return i
		case '\\':
			q, ok := opening(text[i:])
			if ok {
				return i
			}
			i += q.slash
		default:
			i++
		}
	}
	return i
}

// isScheme knows the words in front of a credential in an HTTP header.
func isScheme(word []byte) bool {
	for _, s := range [...]string{"bearer", "basic", "token"} {
		if len(word) == len(s) && bytes.EqualFold(word, []byte(s)) {
			return true
		}
	}
	return false
}

// isPrefix knows what may stand in front of a quote in source code.
func isPrefix(word []byte) bool {
	return len(word) > 0 && len(word) <= 2 && len(bytes.Trim(word, "bBuUrRfF@$")) == 0
}
