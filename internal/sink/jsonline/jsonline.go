// Package jsonline reads the lines that sinks pass on: the members of one
// JSON object, and the time the function or the platform gave it.
//
// The rule a reader could break: names and values alias the line or the
// Reader. They are gone with the next member.
package jsonline

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"powertools-extension/internal/jsonbytes"
)

// Reader walks over the members of lines. It keeps its memory for the next
// line. The zero value is ready; it is not safe for concurrent use.
type Reader struct{ name, loose []byte }

// Each calls visit for each member of the object, in its order, with the
// unescaped name and the raw value, until visit returns false. It reports
// whether the line is one JSON object; of anything else nothing is visited.
// NaN and Infinity, which Python writes, are values.
func (r *Reader) Each(line []byte, visit func(name []byte, value jsontext.Value) bool) bool {
	line = jsonbytes.TrimSpace(line)
	if !jsonbytes.LooksLikeObject(line) || !jsonbytes.Valid(line) && !r.isLoose(line) {
		return false
	}
	for m := jsonbytes.MembersOf(line); ; {
		raw, value, ok := m.Next()
		if !ok {
			return true
		}
		if bytes.IndexByte(raw, '\\') >= 0 {
			r.name = append(r.name[:0], raw...)
			raw = jsonbytes.Unescape(r.name)
		}
		if !visit(raw, value) {
			return true
		}
	}
}

// isLoose reports whether the object is valid but for NaN and Infinity.
func (r *Reader) isLoose(line []byte) bool {
	if !bytes.Contains(line, []byte("NaN")) && !bytes.Contains(line, []byte("Infinity")) {
		return false
	}
	r.loose = append(r.loose[:0], line...)
	return jsonbytes.Valid(jsonbytes.ReplaceNonFinite(r.loose))
}
