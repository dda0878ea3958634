package idempotency

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"powertools-extension/internal/jmes"
)

// Format is whose keys and records are written.
type Format string

// The formats. Both read the records of both.
const (
	Python     Format = "python"
	TypeScript Format = "typescript"
)

// Serialize writes a value as the library of the format does before it takes
// the digest: json.dumps(sort_keys=True), or JSON.stringify of sorted keys.
func (f Format) Serialize(b []byte, v jmes.Value) []byte {
	switch v.Kind() {
	case jmes.Null:
		return append(b, "null"...)
	case jmes.Bool:
		return strconv.AppendBool(b, v.True())
	case jmes.Number:
		if f == TypeScript {
			return append(b, javascriptNumber(v.Num())...)
		}
		return append(b, pythonNumber(v.Num())...)
	case jmes.String:
		return f.quote(b, v.Str())
	case jmes.Array:
		b = append(b, '[')
		for i, e := range v.Elements() {
			if i > 0 {
				b = append(b, f.comma()...)
			}
			b = f.Serialize(b, e)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i, m := range f.sorted(v.Members()) {
		if i > 0 {
			b = append(b, f.comma()...)
		}
		b = append(f.quote(b, m.Name), ':')
		if f == Python {
			b = append(b, ' ')
		}
		b = f.Serialize(b, m.Value)
	}
	return append(b, '}')
}

func (f Format) comma() string {
	if f == TypeScript {
		return ","
	}
	return ", "
}

func (f Format) sorted(members []jmes.Member) []jmes.Member {
	list := slices.Clone(members)
	if f == Python { // by code point, which is the order of UTF-8's bytes
		slices.SortFunc(list, func(a, b jmes.Member) int { return strings.Compare(a.Name, b.Name) })
		return list
	}
	list = slices.DeleteFunc(list, func(m jmes.Member) bool { return m.Name == "__proto__" })
	slices.SortStableFunc(list, func(a, b jmes.Member) int { return slices.Compare(lower16(a.Name), lower16(b.Name)) })
	// A JavaScript object has its array indexes first, by number.
	slices.SortStableFunc(list, func(a, b jmes.Member) int {
		x, isX := arrayIndex(a.Name)
		y, isY := arrayIndex(b.Name)
		switch {
		case isX && isY:
			return cmp.Compare(x, y)
		case isX:
			return -1
		case isY:
			return 1
		}
		return 0
	})
	return list
}

// lower16 is JavaScript's toLowerCase in UTF-16 units.
func lower16(s string) []uint16 {
	var out []uint16
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1 && i+3 <= len(s): // a lone surrogate
			out = append(out, uint16(s[i]&0x0F)<<12|uint16(s[i+1]&0x3F)<<6|uint16(s[i+2]&0x3F))
			size = 3
		case r == 'İ':
			out = append(out, 'i', 0x0307)
		case r == 'Σ' && finalSigma(s[:i], s[i+size:]):
			out = append(out, 'ς')
		default:
			out = utf16.AppendRune(out, []rune(strings.ToLower(string(r)))[0])
		}
		i += size
	}
	return out
}

// finalSigma: a sigma that ends a word has a form of its own.
func finalSigma(before, after string) bool {
	b, _ := utf8.DecodeLastRuneInString(before)
	a, _ := utf8.DecodeRuneInString(after)
	letter := func(r rune) bool {
		return r != utf8.RuneError && strings.ToLower(string(r)) != strings.ToUpper(string(r))
	}
	return letter(b) && !letter(a)
}

func arrayIndex(name string) (uint64, bool) {
	n, err := strconv.ParseUint(name, 10, 64)
	return n, err == nil && n < math.MaxUint32 && strconv.FormatUint(n, 10) == name
}

// pythonNumber writes what json.loads and json.dumps make of a number: an
// integer of any length keeps its digits, anything else is a double's repr.
func pythonNumber(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		if text == "-0" {
			return "0"
		}
		return text
	}
	f, _ := strconv.ParseFloat(text, 64)
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if exp := exponentOf(f); f != 0 && (exp < -4 || exp >= 16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// javascriptNumber is Number::toString of the double, null for what
// JSON.stringify has no number for.
func javascriptNumber(text string) string {
	f, _ := strconv.ParseFloat(text, 64)
	switch {
	case math.IsInf(f, 0):
		return "null"
	case f == 0:
		return "0"
	}
	if exp := exponentOf(f); exp < 21 && exp >= -6 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exp, _ := strings.Cut(s, "e")
	return mantissa + "e" + exp[:1] + strings.TrimLeft(exp[1:], "0")
}

// exponentOf is the decimal exponent of the first digit.
func exponentOf(f float64) int {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	exp, _ := strconv.Atoi(s[strings.IndexByte(s, 'e')+1:])
	return exp
}

// quote writes a string. Both escape controls and lone surrogates; Python
// escapes everything outside ASCII.
func (f Format) quote(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 && i+3 <= len(s) { // a lone surrogate
			b = appendUnit(b, uint16(s[i]&0x0F)<<12|uint16(s[i+1]&0x3F)<<6|uint16(s[i+2]&0x3F))
			i += 3
			continue
		}
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r < ' ':
			b = appendUnit(b, uint16(r))
		case r < 0x7F || f == TypeScript: // Python escapes DEL as well
			b = append(b, s[i:i+size]...)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				b = appendUnit(b, unit)
			}
		}
		i += size
	}
	return append(b, '"')
}

func appendUnit(b []byte, u uint16) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
}
