package eventlog

import (
	"bytes"
	"unicode/utf8"

	"powertools-extension/internal/jsonbytes"
)

// printable returns the document on one line, in UTF-8, and without what is no
// character: halves of surrogate pairs and NUL become U+FFFD. The document
// stays as it is; what is written anew stands in dst.
func printable(dst, doc []byte) []byte {
	escapes := bytes.Contains(doc, []byte(`\u`))
	if !escapes && utf8.Valid(doc) && bytes.IndexByte(doc, '\n') < 0 && bytes.IndexByte(doc, '\r') < 0 {
		return doc
	}
	const replacement = `\ufffd`
	for i := 0; i < len(doc); {
		c := doc[i]
		switch {
		case c == '\n', c == '\r': // between tokens: in a string they are escapes
			dst = append(dst, ' ')
			i++
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(doc[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		case c != '\\':
			dst = append(dst, c)
			i++
		case doc[i+1] != 'u':
			dst = append(dst, c, doc[i+1])
			i += 2
		default:
			r, n := jsonbytes.UnescapeRune(doc[i:])
			if r == 0 || r == utf8.RuneError {
				dst = append(dst, replacement...)
			} else {
				dst = append(dst, doc[i:i+n]...)
			}
			i += n
		}
	}
	return dst
}
