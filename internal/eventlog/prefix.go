package eventlog

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"powertools-extension/internal/jsonbytes"
)

const (
	maxInner = 4    // documents inside strings of documents that are made whole
	maxOpen  = 1000 // objects and arrays that may be open at the cut
)

// appendPrefix appends the beginning of a JSON document, which is cut at the
// end of b, as a document of its own: a string that was cut ends there, any
// other value that was cut is left out, and what is open is closed. A document
// inside of a string that was cut is treated alike, so that what must not
// leave is found in it as in any other. False: b is no beginning of JSON.
func appendPrefix(dst, b []byte, inner int) ([]byte, bool) {
	w := walk{b: b, text: -1}
	if !w.run() || w.whole == 0 && w.text < 0 {
		return dst, false
	}
	if w.text < 0 {
		dst = append(dst, b[:w.whole]...)
	} else {
		dst = appendCut(append(dst, b[:w.text]...), b[w.text:], inner)
	}
	for _, bracket := range slices.Backward(w.open) {
		dst = append(dst, bracket)
	}
	return dst, true
}

// walk goes through a document up to its cut.
type walk struct {
	b     []byte
	open  []byte // the brackets that close what is open
	whole int    // up to here it only has to be closed
	text  int    // where the string value begins that was cut; -1: none was
}

// step is what a document may go on with.
type step uint8

const (
	aValue     step = iota
	firstValue      // or the end of the array
	aName
	firstName // or the end of the object
	afterValue
)

// run reports whether b is the beginning of a document.
func (w *walk) run() bool {
	for i, s := 0, aValue; ; {
		if i = jsonbytes.SkipSpace(w.b, i); i >= len(w.b) {
			return true
		}
		if len(w.open) > maxOpen {
			return false
		}
		if last := len(w.open) - 1; last >= 0 && w.b[i] == w.open[last] && (s == afterValue || s == firstValue || s == firstName) {
			w.open = w.open[:last]
			i++
			w.whole, s = i, afterValue
			continue
		}
		switch s {
		case aName, firstName:
			if _, i = jsonbytes.CheckKey(w.b, i); i < 0 {
				return i == jsonbytes.CutOff
			}
			s = aValue
		case afterValue:
			if len(w.open) == 0 || w.b[i] != ',' {
				return false
			}
			i++
			if s = aValue; w.open[len(w.open)-1] == '}' {
				s = aName
			}
		default:
			if i, s = w.value(i); i < 0 {
				return i == jsonbytes.CutOff
			}
		}
	}
}

// value steps over the value at i, or into it.
func (w *walk) value(i int) (next int, s step) {
	switch w.b[i] {
	case '{':
		w.open = append(w.open, '}')
		w.whole = i + 1
		return i + 1, firstName
	case '[':
		w.open = append(w.open, ']')
		w.whole = i + 1
		return i + 1, firstValue
	case '"':
		if next = jsonbytes.CheckString(w.b, i); next == jsonbytes.CutOff {
			w.text = i
		}
	default:
		if next = jsonbytes.CheckValue(w.b, i, 0); next == len(w.b) {
			next = jsonbytes.CutOff // a number may go on
		}
	}
	if next >= 0 {
		w.whole = next
	}
	return next, afterValue
}

// appendCut appends a string, which is cut at the end of s, as a string.
func appendCut(dst, s []byte, inner int) []byte {
	s = s[:cutEnd(s)]
	if text := bytes.TrimLeft(s[1:], " \t"); inner > 0 && len(text) > 0 && (text[0] == '{' || text[0] == '[' || text[0] == '\\') {
		text = jsonbytes.Unescape(bytes.Clone(s[1:]))
		if first := jsonbytes.TrimSpace(text); len(first) > 0 && (first[0] == '{' || first[0] == '[') {
			if doc, ok := appendPrefix(nil, text, inner-1); ok {
				return jsonbytes.AppendString(dst, doc)
			}
		}
	}
	return append(append(dst, s...), '"')
}

// cutEnd is where a string that is cut at the end of s may end: not inside of
// a character or an escape, nor between the halves of a pair of surrogates.
func cutEnd(s []byte) int {
	const unicode = len(`\u0000`)
	for i := 1; ; {
		n := bytes.IndexByte(s[i:], '\\')
		if n < 0 {
			break
		}
		i += n
		next := jsonbytes.CheckEscape(s, i)
		if next < 0 || isFirstHalf(s[i:next]) && len(s) < next+unicode {
			return i
		}
		i = next
	}
	for n := 1; n < utf8.UTFMax && n < len(s); n++ {
		if last := s[len(s)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return len(s) - n
			}
			break
		}
	}
	return len(s)
}

// isFirstHalf knows \uD800 to \uDBFF.
func isFirstHalf(escape []byte) bool {
	return len(escape) == 6 && escape[2]|0x20 == 'd' && bytes.IndexByte([]byte("89abAB"), escape[3]) >= 0
}
