package pipeline

import (
	"encoding/binary"
	"math/bits"
)

// members walks over the members of one JSON object that is known to be
// valid. It validates nothing, which is why it is fast.
type members struct {
	b []byte
	i int
}

// membersOf begins a walk over obj, which starts with an opening brace.
func membersOf(obj []byte) members { return members{b: obj, i: 1} }

// next returns the raw name without its quotes and the raw value.
func (m *members) next() (name, value []byte, ok bool) {
	i := skipSpace(m.b, m.i)
	if m.b[i] == ',' {
		i = skipSpace(m.b, i+1)
	}
	if m.b[i] != '"' {
		return nil, nil, false
	}
	end := skipString(m.b, i)
	name = m.b[i+1 : end-1]
	i = skipSpace(m.b, end) // to the colon
	i = skipSpace(m.b, i+1) // to the value
	m.i = skipValue(m.b, i)
	return name, m.b[i:m.i], true
}

func skipSpace(b []byte, i int) int {
	for b[i] <= ' ' {
		i++
	}
	return i
}

// skipString returns the index behind the string that opens at i.
func skipString(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i++; ; {
		// Eight bytes at a time up to the next quote or backslash. Only the
		// first byte found is sure, and only that one is used.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, backslash := w^ones*'"', w^ones*'\\'
			m := ((quote-ones)&^quote | (backslash-ones)&^backslash) & highs
			if m != 0 {
				i += bits.TrailingZeros64(m) / 8
				break
			}
			i += 8
		}
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i += 2
		default:
			i++
		}
	}
}

// skipValue returns the index behind the value that begins at i.
func skipValue(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	for ; ; i++ {
		if c := b[i]; c == ',' || c == '}' || c == ']' || c <= ' ' {
			return i
		}
	}
}

// skipNested returns the index behind the object or array that opens at i.
func skipNested(b []byte, i int) int {
	depth := 0
	for {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
}

// stringValue returns what is between the quotes of a string, as it is
// written; nil for any other value.
func stringValue(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	return value[1 : len(value)-1]
}

// isEmpty reports whether a value says nothing: null, "", [] or {}.
func isEmpty(value []byte) bool {
	switch string(value) {
	case "null", `""`, "[]", "{}":
		return true
	}
	return false
}
