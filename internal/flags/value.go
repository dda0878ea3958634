package flags

import (
	"strings"

	"powertools-extension/internal/jmes"
)

// value is a JSON value, decoded once so that comparing it costs nothing.
type value struct {
	kind    jmes.Kind
	truth   bool
	text    string // of a string; the digits of a number, or of a Bool as Python counts it
	list    []value
	members map[string]value
}

func decode(v jmes.Value) value {
	out := value{kind: v.Kind()}
	switch out.kind {
	case jmes.Bool:
		out.truth, out.text = v.True(), "0"
		if out.truth {
			out.text = "1"
		}
	case jmes.Number:
		out.text = v.Num()
	case jmes.String:
		out.text = v.Str()
	case jmes.Array:
		for _, e := range v.Elements() {
			out.list = append(out.list, decode(e))
		}
	case jmes.Object:
		members := v.Members()
		out.members = make(map[string]value, len(members))
		for _, m := range members {
			out.members[m.Name] = decode(m.Value)
		}
	}
	return out
}

// truthy is Python's bool().
func (v *value) truthy() bool {
	switch v.kind {
	case jmes.Null:
		return false
	case jmes.Bool, jmes.Number:
		return jmes.CompareNumbers(v.text, "0") != 0
	case jmes.String:
		return v.text != ""
	case jmes.Array:
		return len(v.list) > 0
	}
	return len(v.members) > 0
}

// numeric: for Python a Bool is the number 0 or 1.
func (v *value) numeric() bool { return v.kind == jmes.Number || v.kind == jmes.Bool }

// equal is Python's ==, with numbers compared exactly.
func equal(a, b *value) bool {
	if a.numeric() && b.numeric() {
		return a.text == b.text || jmes.CompareNumbers(a.text, b.text) == 0
	}
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case jmes.String:
		return a.text == b.text
	case jmes.Array:
		if len(a.list) != len(b.list) {
			return false
		}
		for i := range a.list {
			if !equal(&a.list[i], &b.list[i]) {
				return false
			}
		}
	case jmes.Object:
		if len(a.members) != len(b.members) {
			return false
		}
		for name, x := range a.members {
			y, ok := b.members[name]
			if !ok || !equal(&x, &y) {
				return false
			}
		}
	}
	return true
}

// order is Python's <, and false for what Python refuses to order.
func order(a, b *value) (int, bool) {
	switch {
	case a.numeric() && b.numeric():
		return jmes.CompareNumbers(a.text, b.text), true
	case a.kind == jmes.String && b.kind == jmes.String:
		return strings.Compare(a.text, b.text), true
	case a.kind == jmes.Array && b.kind == jmes.Array:
		for i := range min(len(a.list), len(b.list)) {
			if !equal(&a.list[i], &b.list[i]) {
				return order(&a.list[i], &b.list[i])
			}
		}
		return len(a.list) - len(b.list), true
	}
	return 0, false
}

// in is Python's `a in b`, and false in the second result for what raises.
func in(a, b *value) (found, ok bool) {
	switch b.kind {
	case jmes.Array:
		for i := range b.list {
			if equal(a, &b.list[i]) {
				return true, true
			}
		}
		return false, true
	case jmes.String:
		return a.kind == jmes.String && strings.Contains(b.text, a.text), a.kind == jmes.String
	case jmes.Object:
		if a.kind == jmes.Array || a.kind == jmes.Object {
			return false, false
		}
		_, found = b.members[a.text]
		return found && a.kind == jmes.String, true
	}
	return false, false
}
