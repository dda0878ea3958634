package emf

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"powertools-extension/internal/jsonbytes"
)

// appendProperty writes name, colon and value.
func appendProperty(buf []byte, p *Property) ([]byte, *LimitError) {
	buf = jsonbytes.AppendString(buf, p.Name)
	buf = append(buf, ':')
	switch v := p.Value.(type) {
	case string:
		return jsonbytes.AppendString(buf, v), nil
	case bool:
		return strconv.AppendBool(buf, v), nil
	case int:
		return strconv.AppendInt(buf, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(buf, v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, refuse(FieldMetadata, "not finite", "metadata "+quote(p.Name)+" is not a finite number")
		}
		return appendFloat(buf, v), nil
	case json.RawMessage:
		if !json.Valid(v) {
			return nil, refuse(FieldMetadata, "not JSON", "metadata "+quote(p.Name)+" is not valid JSON")
		}
		return appendCompact(buf, v), nil
	}
	return nil, refuse(FieldMetadata, "type", fmt.Sprintf("metadata %s is a %T, expected string, bool, int, int64, float64 or json.RawMessage", quote(p.Name), p.Value))
}

// appendFloat writes a finite number as encoding/json does: the shortest form
// that reads back the same, with an exponent only where it is shorter to read.
func appendFloat(buf []byte, f float64) []byte {
	const exact = 1 << 53 // up to here every whole float64 prints all its digits
	if i := int64(f); f > -exact && f < exact && float64(i) == f && (i != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(buf, i, 10)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		buf = strconv.AppendFloat(buf, f, 'e', -1, 64)
		// e-09 becomes e-9, as in ECMAScript.
		if n := len(buf); n >= 4 && buf[n-4] == 'e' && buf[n-3] == '-' && buf[n-2] == '0' {
			buf[n-2] = buf[n-1]
			buf = buf[:n-1]
		}
		return buf
	}
	return strconv.AppendFloat(buf, f, 'f', -1, 64)
}

// appendCompact copies valid JSON without the white space between its tokens,
// so that the document stays one line, and with U+FFFD for bytes that are not
// UTF-8, which json.Valid lets pass inside strings.
func appendCompact(buf, src []byte) []byte {
	inString := false
	for i := 0; i < len(src); i++ {
		c := src[i]
		switch {
		case !inString && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			continue
		case c == '"':
			inString = !inString
		case c == '\\':
			// Only strings have backslashes, and the byte behind one ends nothing.
			buf = append(buf, c)
			i++
			c = src[i]
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && size == 1 {
				buf = append(buf, `\ufffd`...)
				continue
			}
			buf = append(buf, src[i:i+size]...)
			i += size - 1
			continue
		}
		buf = append(buf, c)
	}
	return buf
}
