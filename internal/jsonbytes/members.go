package jsonbytes

import (
	"encoding/binary"
	"math/bits"
)

// Members walks over the members of one JSON object that is known to be
// valid. It validates nothing, which is why it is fast.
type Members struct {
	b []byte
	i int
}

// CheckedMembers walks over the members of a text that may be one JSON object,
// and checks it on the way: what it returns is valid, and Valid says at the
// end whether all of the text is.
type CheckedMembers struct {
	b    []byte
	i    int
	more bool
}

// CheckMembersOf begins a walk over text, which starts with an opening brace.
func CheckMembersOf(text []byte) CheckedMembers {
	m := CheckedMembers{b: text, i: SkipSpace(text, 1), more: true}
	if m.i < len(text) && text[m.i] == '}' {
		m.i, m.more = m.i+1, false
	}
	return m
}

// Next returns the raw name without its quotes and the raw value.
func (m *CheckedMembers) Next() (name, value []byte, ok bool) {
	if !m.more {
		return nil, nil, false
	}
	end, from := CheckKey(m.b, m.i)
	if from < 0 {
		return m.stop()
	}
	to := CheckValue(m.b, from, 1)
	if to < 0 {
		return m.stop()
	}
	name, value = m.b[m.i+1:end-1], m.b[from:to]
	if m.i, m.more = CheckComma(m.b, to, '}'); m.i < 0 {
		return m.stop()
	}
	return name, value, true
}

func (m *CheckedMembers) stop() (name, value []byte, ok bool) {
	m.i, m.more = CutOff, false
	return nil, nil, false
}

// Valid reports, behind the last member, whether the text is one valid object.
func (m *CheckedMembers) Valid() bool {
	return !m.more && m.i >= 0 && SkipSpace(m.b, m.i) == len(m.b)
}

// MembersOf begins a walk over obj, which starts with an opening brace.
func MembersOf(obj []byte) Members { return Members{b: obj, i: 1} }

// Next returns the raw name without its quotes and the raw value.
func (m *Members) Next() (name, value []byte, ok bool) {
	i := skipBlank(m.b, m.i)
	if m.b[i] == ',' {
		i = skipBlank(m.b, i+1)
	}
	if m.b[i] != '"' {
		return nil, nil, false
	}
	end := SkipString(m.b, i)
	name = m.b[i+1 : end-1]
	i = skipBlank(m.b, end) // to the colon
	i = skipBlank(m.b, i+1) // to the value
	m.i = SkipValue(m.b, i)
	return name, m.b[i:m.i], true
}

// skipBlank is SkipSpace in valid JSON, inside an object.
func skipBlank(b []byte, i int) int {
	for b[i] <= ' ' {
		i++
	}
	return i
}

// SkipString returns the index behind the string that opens at i.
func SkipString(b []byte, i int) int {
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

// SkipValue returns the index behind the value that begins at i.
func SkipValue(b []byte, i int) int {
	switch b[i] {
	case '"':
		return SkipString(b, i)
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
			i = SkipString(b, i)
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

// Inside returns what is between the quotes of a string, as it is
// written; nil for any other value.
func Inside(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	return value[1 : len(value)-1]
}

// IsEmpty reports whether a value says nothing: null, "", [] or {}.
func IsEmpty(value []byte) bool {
	switch string(value) {
	case "null", `""`, "[]", "{}":
		return true
	}
	return false
}
