// Package redact takes out of lines what must not leave the sandbox: rules in,
// bytes in, bytes out.
//
// The rule a reader could break: an object that goes in comes out as an object,
// and all bytes that no rule names stay as they are.
package redact

import (
	"cmp"
	"slices"

	"powertools-extension/internal/jsonbytes"
)

// edit replaces the bytes from from to to.
type edit struct {
	from, to int
	with     string
}

// Redactor takes things out of one line after another. It keeps the memory
// for the next one. Edits inside a nested text are found in its coordinates
// and then moved to those of the text around it.
type Redactor struct {
	rules *Rules
	edits []edit
	inner []unescaped // one for each string that is open
	depth int
	name  []byte
	out   []byte
}

// Redactor returns one that works by the rules.
func (r *Rules) Redactor() *Redactor { return &Redactor{rules: r} }

// Apply returns the line without what must not leave, and whether that is
// another line. The result is valid until the next call.
func (r *Redactor) Apply(text []byte, object bool) ([]byte, bool) {
	r.shrink()
	r.edits, r.depth = r.edits[:0], 0
	if object {
		r.structured(text)
	} else {
		r.text(text, true)
	}
	if len(r.edits) == 0 {
		return text, false
	}
	r.out = r.out[:0]
	at := 0
	for _, e := range r.edits {
		r.out = append(append(r.out, text[at:e.from]...), e.with...)
		at = e.to
	}
	r.out = append(r.out, text[at:]...)
	return r.out, true
}

// maxScratch bounds the memory that is kept for the next line.
const maxScratch = 64 << 10

// shrink gives back the memory of an uncommonly long line.
func (r *Redactor) shrink() {
	if cap(r.out) > maxScratch {
		r.out = nil
	}
	for i := range r.inner {
		if cap(r.inner[i].text) > maxScratch {
			r.inner[i] = unescaped{}
		}
	}
}

// text finds what must not leave in a text, which may be a JSON document.
func (r *Redactor) text(text []byte, exprs bool) {
	if doc := jsonbytes.TrimSpace(text); looksLikeDocument(doc) && jsonbytes.Valid(doc) {
		r.structured(text)
		return
	}
	mark := len(r.edits)
	if len(r.rules.keys) > 0 && len(text) >= r.rules.least {
		r.settings(text)
	}
	if exprs {
		r.matches(text)
	}
	r.join(mark)
}

func looksLikeDocument(b []byte) bool {
	return jsonbytes.LooksLikeObject(b) || len(b) >= 2 && b[0] == '[' && b[len(b)-1] == ']'
}

// matches adds what the expressions match in the text. To ask first is free
// of allocations, and mostly all there is to do.
func (r *Redactor) matches(text []byte) {
	for i := range r.rules.exprs {
		x := &r.rules.exprs[i]
		if !x.matches(text) {
			continue
		}
		for _, loc := range x.re.FindAllIndex(text, -1) {
			if loc[0] < loc[1] {
				r.add(loc[0], loc[1], marker)
			}
		}
	}
}

// matchesAny reports whether an expression matches something of the text.
func (r *Redactor) matchesAny(text []byte) bool {
	mark := len(r.edits)
	r.matches(text)
	found := len(r.edits) > mark
	r.edits = r.edits[:mark]
	return found
}

// mayMatch reports whether an expression may match in one of the document's
// strings without escapes. To look at the whole document first is cheaper
// than to look at each of its strings.
func (r *Redactor) mayMatch(doc []byte) bool {
	for i := range r.rules.exprs {
		if x := &r.rules.exprs[i]; x.anchored || x.matches(doc) {
			return true
		}
	}
	return false
}

func (r *Redactor) add(from, to int, with string) {
	r.edits = append(r.edits, edit{from, to, with})
}

// join sorts the edits from mark on and makes one of those that overlap.
func (r *Redactor) join(mark int) {
	found := r.edits[mark:]
	if len(found) < 2 {
		return
	}
	slices.SortStableFunc(found, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	last := 0
	for _, e := range found[1:] {
		if e.from < found[last].to {
			found[last].to = max(found[last].to, e.to)
			continue
		}
		last++
		found[last] = e
	}
	r.edits = r.edits[:mark+last+1]
}
