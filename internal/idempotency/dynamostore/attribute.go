package dynamostore

import (
	"slices"
	"strings"

	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/jmes"
)

// attribute is one value of DynamoDB's: the member that is set is its type.
// (DynamoDB API Reference, "AttributeValue")
type attribute struct {
	S    *string               `json:",omitempty"`
	N    *string               `json:",omitempty"`
	B    *string               `json:",omitempty"`
	BOOL *bool                 `json:",omitempty"`
	NULL *bool                 `json:",omitempty"`
	L    *[]attribute          `json:",omitempty"`
	M    *map[string]attribute `json:",omitempty"`
	SS   []string              `json:",omitempty"`
	NS   []string              `json:",omitempty"`
}

// itemOf reads an item as DynamoDB writes it. What is not of a known form is
// left out.
func itemOf(v jmes.Value) item {
	it := item{}
	for _, m := range v.Members() {
		it[m.Name] = attributeOf(m.Value)
	}
	return it
}

func attributeOf(v jmes.Value) (a attribute) {
	for _, m := range v.Members() {
		text, truth := m.Value.Str(), m.Value.True()
		switch kind := m.Value.Kind(); {
		case m.Name == "S" && kind == jmes.String:
			a.S = &text
		case m.Name == "N" && kind == jmes.String:
			a.N = &text
		case m.Name == "B" && kind == jmes.String:
			a.B = &text
		case m.Name == "BOOL" && kind == jmes.Bool:
			a.BOOL = &truth
		case m.Name == "NULL" && kind == jmes.Bool:
			a.NULL = &truth
		case m.Name == "L" && kind == jmes.Array:
			list := []attribute{}
			for _, e := range m.Value.Elements() {
				list = append(list, attributeOf(e))
			}
			a.L = &list
		case m.Name == "M" && kind == jmes.Object:
			members := map[string]attribute(itemOf(m.Value))
			a.M = &members
		case m.Name == "SS" || m.Name == "NS":
			texts := []string{}
			for _, e := range m.Value.Elements() {
				texts = append(texts, e.Str())
			}
			if m.Name == "SS" {
				a.SS = texts
			} else {
				a.NS = texts
			}
		}
	}
	return a
}

// data is the answer as the format's library stores it: Python a JSON text,
// TypeScript a native value.
func (s *Store) data(text []byte) (attribute, error) {
	if s.format == idempotency.Python {
		return str(string(text)), nil
	}
	v, err := jmes.Parse(text)
	if err != nil {
		return attribute{}, err
	}
	return native(v)
}

func native(v jmes.Value) (attribute, error) {
	yes := true
	switch v.Kind() {
	case jmes.Bool:
		b := v.True()
		return attribute{BOOL: &b}, nil
	case jmes.Number:
		n := string(idempotency.TypeScript.Serialize(nil, v))
		if n == "null" { // beyond a double: JavaScript would have stored null as well
			return attribute{NULL: &yes}, nil
		}
		return attribute{N: &n}, nil
	case jmes.String:
		return str(v.Str()), nil
	case jmes.Array:
		list := []attribute{}
		for _, e := range v.Elements() {
			a, err := native(e)
			if err != nil {
				return a, err
			}
			list = append(list, a)
		}
		return attribute{L: &list}, nil
	case jmes.Object:
		m := map[string]attribute{}
		for _, member := range v.Members() {
			a, err := native(member.Value)
			if err != nil {
				return a, err
			}
			m[member.Name] = a
		}
		return attribute{M: &m}, nil
	}
	return attribute{NULL: &yes}, nil
}

// answer is the stored answer as JSON: a native value written out with the
// digits of its numbers, and of a text what its writer means. Keys differ
// between the formats, so a record is found only by the format it was written
// in: to TypeScript a text is a string, also one that looks like JSON; to
// Python it is JSON, and what does not parse is a string of somebody else's.
func (s *Store) answer(a attribute) []byte {
	if a.S != nil && s.format == idempotency.Python {
		if _, err := jmes.Parse([]byte(*a.S)); err == nil {
			return []byte(*a.S)
		}
	}
	return a.append(nil)
}

func (a attribute) append(b []byte) []byte {
	switch {
	case a.S != nil:
		return jmes.Text(*a.S).Append(b)
	case a.N != nil:
		return append(b, *a.N...)
	case a.BOOL != nil && *a.BOOL:
		return append(b, "true"...)
	case a.BOOL != nil:
		return append(b, "false"...)
	case a.L != nil:
		b = append(b, '[')
		for i, e := range *a.L {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.append(b)
		}
		return append(b, ']')
	case a.M != nil:
		names := make([]string, 0, len(*a.M))
		for name := range *a.M {
			names = append(names, name)
		}
		slices.Sort(names) // DynamoDB keeps no order
		b = append(b, '{')
		for i, name := range names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(jmes.Text(name).Append(b), ':')
			b = (*a.M)[name].append(b)
		}
		return append(b, '}')
	case a.NS != nil:
		return append(append(append(b, '['), strings.Join(a.NS, ",")...), ']')
	case a.SS != nil:
		b = append(b, '[')
		for i, s := range a.SS {
			if i > 0 {
				b = append(b, ',')
			}
			b = jmes.Text(s).Append(b)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}
