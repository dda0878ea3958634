// Package jsonline reads the lines that sinks pass on: the members of one
// JSON object, and the time the function or the platform gave it.
//
// The rule a reader could break: names and values alias the line or the
// Reader. They are gone with the next member.
package jsonline

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Reader walks over the members of lines. It keeps its memory for the next
// line. The zero value is ready; it is not safe for concurrent use.
type Reader struct {
	dec  *jsontext.Decoder
	src  bytes.Buffer
	name []byte
}

// Each calls visit for each member of the object, in its order, with the
// unescaped name and the raw value, until visit returns false. It reports
// whether the line is one JSON object up to where it was read.
func (r *Reader) Each(line []byte, visit func(name []byte, value jsontext.Value) bool) bool {
	r.src = *bytes.NewBuffer(line)
	if r.dec == nil {
		r.dec = new(jsontext.Decoder)
	}
	r.dec.Reset(&r.src, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if t, err := r.dec.ReadToken(); err != nil || t.Kind() != '{' {
		return false
	}
	for r.dec.PeekKind() == '"' {
		raw, err := r.dec.ReadValue()
		if err != nil {
			return false
		}
		// The next read may move the name away: values alias the decoder.
		r.name = appendName(r.name[:0], raw)
		value, err := r.dec.ReadValue()
		if err != nil {
			return false
		}
		if !visit(r.name, value) {
			return true
		}
	}
	t, err := r.dec.ReadToken()
	return err == nil && t.Kind() == '}' && len(bytes.TrimSpace(line[r.dec.InputOffset():])) == 0
}

// appendName undoes the escapes of a name.
func appendName(dst, raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return append(dst, raw[1:len(raw)-1]...)
	}
	out, _ := jsontext.AppendUnquote(dst, raw) // invalid UTF-8 is replaced, and that is fine
	return out
}
