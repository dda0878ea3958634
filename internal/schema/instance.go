package schema

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"powertools-extension/internal/jmes"
	"powertools-extension/internal/jsonbytes"
)

// instance is a decoded value with its place in the document.
type instance struct {
	kind    jmes.Kind
	truth   bool
	order   int    // places count from the beginning of the document
	text    string // of a string or a number
	list    []*instance
	members []member
	index   map[string]int // of many members, by name
}

type member struct {
	name  string
	value *instance
}

// decoder makes instances in the order of the document.
type decoder struct {
	order int
	free  []instance
}

func decode(v jmes.Value) *instance {
	d := decoder{}
	return d.value(v)
}

func (d *decoder) next(kind jmes.Kind) *instance {
	if len(d.free) == 0 {
		d.free = make([]instance, min(64, 4+2*d.order))
	}
	in := &d.free[0]
	d.free = d.free[1:]
	in.kind, in.order = kind, d.order
	d.order++
	return in
}

// value takes what an expression made apart by its parts, and what stands in
// a document in one pass over its text.
func (d *decoder) value(v jmes.Value) *instance {
	if raw := v.Raw(); raw != nil {
		in, _ := d.text(raw, 0)
		return in
	}
	in := d.next(v.Kind())
	in.text = v.Str()
	for _, e := range v.Elements() {
		in.list = append(in.list, d.value(e))
	}
	for _, m := range v.Members() {
		in.members = append(in.members, member{m.Name, d.value(m.Value)})
	}
	return in
}

// text decodes the value at i of text that was checked.
func (d *decoder) text(b []byte, i int) (in *instance, end int) {
	switch b[i] {
	case '{':
		return d.object(b, i)
	case '[':
		in = d.next(jmes.Array)
		for i = jsonbytes.SkipSpace(b, i+1); b[i] != ']'; i = separated(b, i) {
			var e *instance
			e, i = d.text(b, i)
			in.list = append(in.list, e)
		}
		return in, i + 1
	case '"':
		in, end = d.next(jmes.String), jsonbytes.SkipString(b, i)
		in.text = jmes.Unquote(b[i:end])
		return in, end
	case 't':
		in = d.next(jmes.Bool)
		in.truth = true
		return in, i + len("true")
	case 'f':
		return d.next(jmes.Bool), i + len("false")
	case 'n':
		return d.next(jmes.Null), i + len("null")
	}
	for end = i; end < len(b) && b[end] != ',' && b[end] != ']' && b[end] != '}' && b[end] > ' '; end++ {
	}
	in = d.next(jmes.Number)
	in.text = string(b[i:end])
	return in, end
}

// separated returns the index of the next member or element, or of the bracket.
func separated(b []byte, i int) int {
	if i = jsonbytes.SkipSpace(b, i); b[i] == ',' {
		i = jsonbytes.SkipSpace(b, i+1)
	}
	return i
}

func (d *decoder) object(b []byte, i int) (in *instance, end int) {
	in = d.next(jmes.Object)
	for i = jsonbytes.SkipSpace(b, i+1); b[i] != '}'; i = separated(b, i) {
		nameEnd := jsonbytes.SkipString(b, i)
		name := jmes.Unquote(b[i:nameEnd])
		var value *instance
		value, i = d.text(b, jsonbytes.SkipSpace(b, jsonbytes.SkipSpace(b, nameEnd)+1))
		in.put(name, value)
	}
	return in, i + 1
}

// put adds a member. Of a name that stands twice the last value counts.
func (in *instance) put(name string, value *instance) {
	const few = 16
	if len(in.members) < few {
		for i := range in.members {
			if in.members[i].name == name {
				in.members[i].value = value
				return
			}
		}
	} else {
		if in.index == nil {
			in.index = make(map[string]int, 2*few)
			for i := range in.members {
				in.index[in.members[i].name] = i
			}
		}
		if i, ok := in.index[name]; ok {
			in.members[i].value = value
			return
		}
		in.index[name] = len(in.members)
	}
	in.members = append(in.members, member{name, value})
}

func (in *instance) member(name string) *instance {
	if in.index != nil {
		if i, ok := in.index[name]; ok {
			return in.members[i].value
		}
		return nil
	}
	for i := range in.members {
		if in.members[i].name == name {
			return in.members[i].value
		}
	}
	return nil
}

// canonical writes a value so that equal values are equal texts: 1 and 1.0
// are, true and 1 are not.
func (in *instance) canonical(b []byte) []byte {
	switch in.kind {
	case jmes.Null:
		return append(b, 'n')
	case jmes.Bool:
		return strconv.AppendBool(b, in.truth)
	case jmes.Number:
		d := jmes.DecimalOf(in.text)
		if d.Digits == "" {
			return append(b, '0')
		}
		if d.Negative {
			b = append(b, '-')
		}
		return strconv.AppendInt(append(append(b, d.Digits...), 'e'), d.Point, 10)
	case jmes.String:
		return strconv.AppendQuote(b, in.text)
	case jmes.Array:
		b = append(b, '[')
		for _, e := range in.list {
			b = append(e.canonical(b), ',')
		}
		return append(b, ']')
	}
	sorted := slices.Clone(in.members)
	slices.SortFunc(sorted, func(x, y member) int { return strings.Compare(x.name, y.name) })
	b = append(b, '{')
	for _, m := range sorted {
		b = append(strconv.AppendQuote(b, m.name), ':')
		b = append(m.value.canonical(b), ',')
	}
	return append(b, '}')
}

// integral reports whether a number has no fraction: 1.0 has none.
func integral(text string) bool {
	d := jmes.DecimalOf(text)
	return d.Digits == "" || int64(len(d.Digits)) <= d.Point
}

// multiple reports whether a is a multiple of b, by decimal arithmetic.
func multiple(a, b string) bool {
	x, y := jmes.DecimalOf(a), jmes.DecimalOf(b)
	if x.Digits == "" {
		return true
	}
	// Each is coefficient × 10^exponent, the coefficient without trailing zeros.
	shift := x.Point - int64(len(x.Digits)) - (y.Point - int64(len(y.Digits)))
	cx, _ := new(big.Int).SetString(x.Digits, 10)
	cy, _ := new(big.Int).SetString(y.Digits, 10)
	if shift < 0 {
		// cx would have to be a multiple of cy × 10^-shift.
		if -shift > int64(len(x.Digits)) {
			return false
		}
		cy.Mul(cy, new(big.Int).Exp(big.NewInt(10), big.NewInt(-shift), nil))
		return cx.Mod(cx, cy).Sign() == 0
	}
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(shift), cy)
	cx.Mul(cx, power)
	return cx.Mod(cx, cy).Sign() == 0
}

func itoa(n int) string { return strconv.Itoa(n) }

// escape writes a name as a step of a JSON pointer.
func escape(name string) string {
	if !strings.ContainsAny(name, "~/") {
		return name
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
