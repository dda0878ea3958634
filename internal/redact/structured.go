package redact

import (
	"bytes"
	"strings"

	"powertools-extension/internal/jsonbytes"
)

// structured finds what must not leave in a valid JSON document. It goes from
// token to token and needs no stack: a string is a name if a colon follows.
func (r *Redactor) structured(doc []byte) {
	plain := r.mayMatch(doc)
	if !plain && len(r.rules.keys) == 0 && bytes.IndexByte(doc, '\\') < 0 {
		return
	}
	end := len(trimRight(doc))
	for i := 0; i < end; {
		switch c := doc[i]; {
		case c == '"':
			i = r.quoted(doc, i, end, plain)
		case c == '-' || c >= '0' && c <= '9':
			next := jsonbytes.SkipValue(doc, i)
			if plain && r.matchesAny(doc[i:next]) {
				r.add(i, next, `"`+marker+`"`)
			}
			i = next
		default:
			i++
		}
	}
}

// quoted looks at the string that opens at i, and returns where to go on: for
// a member that must not leave that is behind its value.
func (r *Redactor) quoted(doc []byte, i, end int, plain bool) int {
	next := jsonbytes.SkipString(doc, i)
	from, to := i+1, next-1
	colon := next
	for colon < end && jsonbytes.IsSpace(doc[colon]) {
		colon++
	}
	if colon == end || doc[colon] != ':' {
		r.stringValue(doc, from, to, plain)
		return next
	}
	value := jsonbytes.SkipSpace(doc, colon+1)
	name := doc[from:to]
	if bytes.IndexByte(name, '\\') >= 0 {
		name = r.unescapeName(name)
	}
	if len(r.rules.exprs) > 0 {
		mark := len(r.edits)
		if r.nameMatches(doc, from, to, plain); len(r.edits) > mark {
			return r.member(doc, value)
		}
	}
	if r.rules.isKey(name) {
		return r.member(doc, value)
	}
	return value
}

// member takes out the value that begins at i and returns what is behind it.
// A string keeps its quotes, anything else becomes a string.
func (r *Redactor) member(doc []byte, i int) int {
	next := jsonbytes.SkipValue(doc, i)
	switch {
	case doc[i] != '"':
		r.add(i, next, `"`+marker+`"`)
	case string(doc[i+1:next-1]) != marker:
		r.add(i+1, next-1, marker)
	}
	return next
}

// stringValue looks into a string: for expressions, and for what it may hold
// itself, as the body of an HTTP event that is a JSON document in a string.
func (r *Redactor) stringValue(doc []byte, from, to int, plain bool) {
	text := doc[from:to]
	if bytes.IndexByte(text, '\\') >= 0 {
		r.escaped(text, from, func(text []byte) { r.text(text, true) })
		return
	}
	mark := len(r.edits)
	r.text(text, plain)
	r.move(mark, from, nil)
}

// nameMatches looks for expressions in a name. A name holds nothing else.
func (r *Redactor) nameMatches(doc []byte, from, to int, plain bool) {
	look := func(text []byte) {
		mark := len(r.edits)
		r.matches(text)
		r.join(mark)
	}
	name := doc[from:to]
	if bytes.IndexByte(name, '\\') >= 0 {
		r.escaped(name, from, look)
		return
	}
	if plain {
		mark := len(r.edits)
		look(name)
		r.move(mark, from, nil)
	}
}

// escaped looks at a string's text with its escapes undone.
func (r *Redactor) escaped(raw []byte, from int, look func([]byte)) {
	if r.depth == len(r.inner) {
		r.inner = append(r.inner, unescaped{})
	}
	u := r.inner[r.depth]
	u.undo(raw)
	r.inner[r.depth] = u
	mark := len(r.edits)
	r.depth++
	look(u.text)
	r.depth--
	r.move(mark, from, u.at)
}

// move brings the edits from mark on into the text around: at tells where a
// byte was before its escapes were undone, and from where the string begins.
func (r *Redactor) move(mark, from int, at []int32) {
	for i := mark; i < len(r.edits); i++ {
		e := &r.edits[i]
		if at != nil {
			e.from, e.to = int(at[e.from]), int(at[e.to])
		}
		e.from, e.to = e.from+from, e.to+from
		if strings.IndexByte(e.with, '"') >= 0 || strings.IndexByte(e.with, '\\') >= 0 {
			quoted := jsonbytes.AppendString(nil, []byte(e.with))
			e.with = string(quoted[1 : len(quoted)-1])
		}
	}
}

func (r *Redactor) unescapeName(name []byte) []byte {
	var u unescaped
	u.text = r.name[:0]
	u.undo(name)
	r.name = u.text
	return u.text
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && jsonbytes.IsSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
