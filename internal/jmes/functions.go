package jmes

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// argKind is what an argument of a function may be.
type argKind uint16

const (
	takesString argKind = 1 << iota
	takesNumber
	takesArray
	takesObject
	takesStrings // array of strings
	takesNumbers // array of numbers
	takesExpression
	takesAny
)

// String names what is taken, for errors.
func (k argKind) String() string {
	var names []string
	for i, name := range [...]string{"a string", "a number", "an array", "an object", "an array of strings", "an array of numbers", "an expression (&…)", "a value"} {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// function is one row of the table. by gets the expression of an argument,
// the others get values only.
type function struct {
	name     string
	args     []argKind
	variadic bool // the last argument may come again
	call     func(ev *evaluation, args []Value) (Value, error)
	by       func(ev *evaluation, list []Value, expression *node) (Value, error)
}

// lookup finds a function of the original specification or of Powertools.
func lookup(name string) *function {
	for _, table := range [...]func() []function{specified, powertools} {
		for _, f := range table() {
			if f.name == name {
				return &f
			}
		}
	}
	return nil
}

func specified() []function {
	const comparable = takesStrings | takesNumbers
	return []function{
		{name: "abs", args: []argKind{takesNumber}, call: abs},
		{name: "avg", args: []argKind{takesNumbers}, call: avg},
		{name: "ceil", args: []argKind{takesNumber}, call: rounded(math.Ceil)},
		{name: "contains", args: []argKind{takesArray | takesString, takesAny}, call: contains},
		{name: "ends_with", args: []argKind{takesString, takesString}, call: func(_ *evaluation, a []Value) (Value, error) {
			return boolean(strings.HasSuffix(a[0].Str(), a[1].Str())), nil
		}},
		{name: "floor", args: []argKind{takesNumber}, call: rounded(math.Floor)},
		{name: "join", args: []argKind{takesString, takesStrings}, call: join},
		{name: "keys", args: []argKind{takesObject}, call: keys},
		{name: "length", args: []argKind{takesString | takesArray | takesObject}, call: length},
		{name: "map", args: []argKind{takesExpression, takesArray}, by: mapped},
		{name: "max", args: []argKind{comparable}, call: extreme(1)},
		{name: "max_by", args: []argKind{takesArray, takesExpression}, by: extremeBy(1)},
		{name: "merge", args: []argKind{takesObject}, variadic: true, call: merge},
		{name: "min", args: []argKind{comparable}, call: extreme(-1)},
		{name: "min_by", args: []argKind{takesArray, takesExpression}, by: extremeBy(-1)},
		{name: "not_null", args: []argKind{takesAny}, variadic: true, call: notNull},
		{name: "reverse", args: []argKind{takesArray | takesString}, call: reverse},
		{name: "sort", args: []argKind{comparable}, call: sorted},
		{name: "sort_by", args: []argKind{takesArray, takesExpression}, by: sortBy},
		{name: "starts_with", args: []argKind{takesString, takesString}, call: func(_ *evaluation, a []Value) (Value, error) {
			return boolean(strings.HasPrefix(a[0].Str(), a[1].Str())), nil
		}},
		{name: "sum", args: []argKind{takesNumbers}, call: sum},
		{name: "to_array", args: []argKind{takesAny}, call: toArray},
		{name: "to_number", args: []argKind{takesAny}, call: toNumber},
		{name: "to_string", args: []argKind{takesAny}, call: toString},
		{name: "type", args: []argKind{takesAny}, call: func(_ *evaluation, a []Value) (Value, error) { return Text(a[0].kind.String()), nil }},
		{name: "values", args: []argKind{takesObject}, call: func(ev *evaluation, a []Value) (Value, error) {
			list := valuesOf(a[0])
			return array(list), ev.count(len(list))
		}},
	}
}

func (ev *evaluation) call(n *node, v Value) (Value, error) {
	args := make([]Value, 0, 2)
	var expression *node
	for i, kid := range n.kids {
		if kid.op == opExpref {
			expression = kid.kids[0]
			continue
		}
		arg, err := ev.eval(kid, v)
		if err != nil {
			return Value{}, err
		}
		takes := n.fn.args[min(i, len(n.fn.args)-1)]
		if !takes.fits(arg) {
			return Value{}, &EvalError{n.name, "argument " + itoa(i+1) + " is " + arg.kind.String() + ", not " + takes.String()}
		}
		args = append(args, arg)
	}
	var out Value
	var err error
	if n.fn.by != nil {
		out, err = n.fn.by(ev, args[0].Elements(), expression)
	} else {
		out, err = n.fn.call(ev, args)
	}
	if failed, ok := err.(*EvalError); ok && failed.Function == "" {
		failed.Function = n.name
	}
	return out, err
}

func (k argKind) fits(v Value) bool {
	switch {
	case k&takesAny != 0:
		return true
	case v.kind == String:
		return k&takesString != 0
	case v.kind == Number:
		return k&takesNumber != 0
	case v.kind == Object:
		return k&takesObject != 0
	case v.kind != Array:
		return false
	case k&takesArray != 0:
		return true
	}
	return k&takesNumbers != 0 && allOf(v, Number) || k&takesStrings != 0 && allOf(v, String)
}

func allOf(v Value, kind Kind) bool {
	return !slices.ContainsFunc(v.Elements(), func(e Value) bool { return e.kind != kind })
}

// order compares two numbers, or two strings by code point.
func order(a, b Value) int {
	if a.kind == Number {
		return CompareNumbers(a.Num(), b.Num())
	}
	return strings.Compare(a.Str(), b.Str())
}

func float(v Value) float64 {
	f, _ := strconv.ParseFloat(v.Num(), 64) // out of range is ±Inf
	return f
}

// numberOf writes a computed number: an integral one without a fraction.
func (ev *evaluation) numberOf(f float64) (Value, error) {
	switch {
	case math.IsInf(f, 0) || math.IsNaN(f):
		return Value{}, ev.fail("the result is no number of JSON")
	case f == math.Trunc(f) && math.Abs(f) <= 1<<53:
		return number(strconv.FormatInt(int64(f), 10)), nil
	}
	return number(strconv.FormatFloat(f, 'g', -1, 64)), nil
}

func abs(_ *evaluation, a []Value) (Value, error) {
	return number(strings.TrimPrefix(a[0].Num(), "-")), nil
}

func avg(ev *evaluation, a []Value) (Value, error) {
	list := a[0].Elements()
	if len(list) == 0 {
		return Value{}, nil
	}
	return ev.numberOf(total(list) / float64(len(list)))
}

func sum(ev *evaluation, a []Value) (Value, error) { return ev.numberOf(total(a[0].Elements())) }

func total(list []Value) float64 {
	t := 0.0
	for _, e := range list {
		t += float(e)
	}
	return t
}

// rounded leaves integers as they are, whatever their length.
func rounded(round func(float64) float64) func(*evaluation, []Value) (Value, error) {
	return func(ev *evaluation, a []Value) (Value, error) {
		if !strings.ContainsAny(a[0].Num(), ".eE") {
			return a[0], nil
		}
		return ev.numberOf(round(float(a[0])))
	}
}

func contains(_ *evaluation, a []Value) (Value, error) {
	if a[0].kind == String {
		if a[1].kind != String {
			return Value{}, &EvalError{"contains", "argument 2 is " + a[1].kind.String() + ", not a string as argument 1"}
		}
		return boolean(strings.Contains(a[0].Str(), a[1].Str())), nil
	}
	return boolean(slices.ContainsFunc(a[0].Elements(), func(e Value) bool { return within(e, a[1]) })), nil
}

func join(ev *evaluation, a []Value) (Value, error) {
	var parts []string
	size := 0
	for _, e := range a[1].Elements() {
		parts = append(parts, e.Str())
		size += len(parts[len(parts)-1]) + len(a[0].Str())
		if size > MaxResult {
			return Value{}, ev.fail("the result is too large")
		}
	}
	return Text(strings.Join(parts, a[0].Str())), nil
}

func keys(ev *evaluation, a []Value) (Value, error) {
	members := a[0].Members()
	list := make([]Value, len(members))
	for i, m := range members {
		list[i] = Text(m.Name)
	}
	return array(list), ev.count(len(list))
}

func length(_ *evaluation, a []Value) (Value, error) {
	n := 0
	switch a[0].kind {
	case Array:
		n = len(a[0].Elements())
	case Object:
		n = len(a[0].Members())
	default:
		for s := a[0].Str(); s != ""; n++ {
			_, size := nextRune(s)
			s = s[size:]
		}
	}
	return number(itoa(n)), nil
}

func mapped(ev *evaluation, list []Value, expression *node) (Value, error) {
	out := make([]Value, len(list))
	for i, e := range list {
		var err error
		if out[i], err = ev.eval(expression, e); err != nil {
			return Value{}, err
		}
	}
	return array(out), ev.count(len(out))
}

func extreme(sign int) func(*evaluation, []Value) (Value, error) {
	return func(_ *evaluation, a []Value) (Value, error) {
		var best Value
		for i, e := range a[0].Elements() {
			if i == 0 || order(e, best)*sign > 0 {
				best = e
			}
		}
		return best, nil
	}
}

func extremeBy(sign int) func(*evaluation, []Value, *node) (Value, error) {
	return func(ev *evaluation, list []Value, expression *node) (Value, error) {
		keys, err := ev.keysBy(list, expression)
		best := -1
		for i := range keys {
			if best < 0 || order(keys[i], keys[best])*sign > 0 {
				best = i
			}
		}
		if err != nil || best < 0 {
			return Value{}, err
		}
		return list[best], nil
	}
}

// keysBy evaluates the expression on each element: all numbers or all strings.
func (ev *evaluation) keysBy(list []Value, expression *node) ([]Value, error) {
	out := make([]Value, len(list))
	for i, e := range list {
		k, err := ev.eval(expression, e)
		if err != nil {
			return nil, err
		}
		if k.kind != Number && k.kind != String || i > 0 && k.kind != out[0].kind {
			return nil, ev.fail("the expression gives neither only numbers nor only strings")
		}
		out[i] = k
	}
	return out, ev.count(len(out))
}

func merge(ev *evaluation, a []Value) (Value, error) {
	var members []Member
	var index map[string]int
	for _, v := range a {
		for _, m := range v.Members() {
			members = put(members, &index, m)
		}
	}
	return object(members), ev.count(len(members))
}

func notNull(_ *evaluation, a []Value) (Value, error) {
	for _, v := range a {
		if v.kind != Null {
			return v, nil
		}
	}
	return Value{}, nil
}

func reverse(ev *evaluation, a []Value) (Value, error) {
	if a[0].kind == Array {
		list := slices.Clone(a[0].Elements())
		slices.Reverse(list)
		return array(list), ev.count(len(list))
	}
	s := a[0].Str()
	out := make([]byte, len(s))
	for at := len(s); s != ""; {
		r, size := nextRune(s)
		at -= size
		if r == utf8.RuneError && size == 1 {
			out[at] = s[0]
		} else {
			copy(out[at:], s[:size])
		}
		s = s[size:]
	}
	return Text(string(out)), nil
}

func sorted(ev *evaluation, a []Value) (Value, error) {
	list := slices.Clone(a[0].Elements())
	slices.SortStableFunc(list, order)
	return array(list), ev.count(len(list))
}

func sortBy(ev *evaluation, list []Value, expression *node) (Value, error) {
	keys, err := ev.keysBy(list, expression)
	if err != nil {
		return Value{}, err
	}
	at := make([]int, len(list))
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(x, y int) int { return cmp.Or(order(keys[x], keys[y]), cmp.Compare(x, y)) })
	out := make([]Value, len(list))
	for i, from := range at {
		out[i] = list[from]
	}
	return array(out), nil
}

func toArray(_ *evaluation, a []Value) (Value, error) {
	if a[0].kind == Array {
		return a[0], nil
	}
	return array(a[:1:1]), nil
}

func toNumber(_ *evaluation, a []Value) (Value, error) {
	switch a[0].kind {
	case Number:
		return a[0], nil
	case String:
		text := strings.TrimSpace(a[0].Str())
		if v, err := Parse([]byte(text)); err == nil && v.kind == Number {
			return v, nil
		}
		return looseNumber(text), nil
	}
	return Value{}, nil
}

// looseNumber reads what Python's int() and float() take and JSON does not:
// a plus sign, leading zeros, nothing before or behind the point.
func looseNumber(text string) Value {
	text = strings.TrimPrefix(text, "+")
	text, negative := strings.CutPrefix(text, "-")
	exp := ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		text, exp = text[:i], text[i:]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if whole+fraction == "" {
		return Value{}
	}
	out := strings.TrimLeft(whole, "0")
	if out == "" {
		out = "0"
	}
	if fraction != "" {
		out += "." + fraction
	}
	if negative {
		out = "-" + out
	}
	if v, err := Parse([]byte(out + exp)); err == nil && v.kind == Number {
		return v
	}
	return Value{}
}

func toString(ev *evaluation, a []Value) (Value, error) {
	if a[0].kind == String {
		return a[0], nil
	}
	if err := a[0].bounded(); err != nil {
		return Value{}, err
	}
	text := a[0].Append(nil)
	if ev.decoded += len(text); ev.decoded > MaxDecoded {
		return Value{}, ev.fail("the result is too large")
	}
	return Text(string(text)), nil
}
