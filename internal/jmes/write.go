package jmes

import (
	"unicode/utf16"

	"powertools-extension/internal/jsonbytes"
)

// Append writes the value as compact JSON: numbers and strings by their text
// in the document, members in their order.
func (v Value) Append(b []byte) []byte {
	if v.made == nil {
		if v.raw == nil {
			return append(b, "null"...)
		}
		return appendCompact(b, v.raw)
	}
	switch v.kind {
	case String:
		return appendQuoted(b, v.made.text)
	case Array:
		b = append(b, '[')
		for i, e := range v.made.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.Append(b)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i, m := range v.made.members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, m.Name), ':')
		b = m.Value.Append(b)
	}
	return append(b, '}')
}

// bounded returns an error if the value's JSON is longer than MaxResult or
// nested more than MaxDepth levels deeper than a document may be. It looks at
// no more than that, however often an expression repeats a part.
func (v Value) bounded() error {
	left := MaxResult
	if !v.fits(&left, MaxDepth) {
		return &EvalError{Msg: "the result is too large"}
	}
	return nil
}

func (v Value) fits(left *int, depth int) bool {
	if *left -= len(v.raw) + 1; *left < 0 || depth < 0 {
		return false
	}
	if v.made == nil {
		return true
	}
	*left -= len(v.made.text)
	for _, e := range v.made.list {
		if !e.fits(left, depth-1) {
			return false
		}
	}
	for _, m := range v.made.members {
		if *left -= len(m.Name); !m.Value.fits(left, depth-1) {
			return false
		}
	}
	return *left >= 0
}

// appendCompact drops the white space between tokens.
func appendCompact(b, raw []byte) []byte {
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '"':
			end := jsonbytes.SkipString(raw, i)
			b = append(b, raw[i:end]...)
			i = end
		case c <= ' ':
			i++
		default:
			b = append(b, c)
			i++
		}
	}
	return b
}

// appendQuoted escapes what JSON demands, and lone surrogates.
func appendQuoted(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		r, size := nextRune(s[i:])
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		case utf16.IsSurrogate(r):
			b = append(b, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return append(b, '"')
}
