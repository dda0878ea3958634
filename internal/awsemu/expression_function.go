package awsemu

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// function reads one of the functions that are conditions.
func (r *reader) function() (test, error) {
	name := r.next()
	if !isName(name) || strings.HasPrefix(name, "#") {
		return nil, r.syntax(name)
	}
	if err := r.expect("("); err != nil {
		return nil, err
	}
	operands := map[string]int{"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2}
	want, known := operands[name]
	if !known {
		return nil, r.invalid("Invalid function name; function: %s", name)
	}
	args, err := r.operands()
	if err != nil {
		return nil, err
	}
	if len(args) != want {
		return nil, r.invalid("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, len(args))
	}
	switch name {
	case "attribute_exists", "attribute_not_exists":
		if args[0].path == nil {
			return nil, r.invalid("Operator or function requires a document path; operator or function: %s", name)
		}
		return func(i Item) bool {
			_, there := args[0].get(i)
			return there == (name == "attribute_exists")
		}, nil
	case "attribute_type":
		return r.attributeType(args[0], args[1])
	}
	return r.textFunction(name, args[0], args[1])
}

func (r *reader) attributeType(of, kind operand) (test, error) {
	switch {
	case of.path == nil:
		return nil, r.invalid("Operator or function requires a document path; operator or function: attribute_type")
	case kind.value == nil:
		return nil, r.syntax(kind.text)
	case kind.value.Kind != "S":
		return nil, r.wrongType("attribute_type", *kind.value)
	}
	want := kind.value.Value.(string)
	if !slices.Contains([]string{"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}, want) {
		return nil, r.invalid("Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", want)
	}
	return func(i Item) bool {
		value, ok := of.get(i)
		return ok && value.Kind == want
	}, nil
}

// textFunction is begins_with or contains.
func (r *reader) textFunction(name string, in, part operand) (test, error) {
	if err := r.comparable(name, in, part); err != nil && name == "contains" && in.text == part.text {
		return nil, err
	}
	holds := Attribute.contains
	if name == "begins_with" {
		holds = Attribute.hasPrefix
		for _, o := range []operand{in, part} {
			if o.value != nil && o.value.Kind != "S" && o.value.Kind != "B" {
				return nil, r.wrongType(name, *o.value)
			}
		}
	}
	return func(i Item) bool {
		a, okA := in.get(i)
		b, okB := part.get(i)
		return okA && okB && holds(a, b)
	}, nil
}

func (a Attribute) hasPrefix(prefix Attribute) bool {
	if a.Kind != prefix.Kind {
		return false
	}
	switch a.Kind {
	case "S":
		return strings.HasPrefix(a.Value.(string), prefix.Value.(string))
	case "B":
		return bytes.HasPrefix(a.Value.([]byte), prefix.Value.([]byte))
	}
	return false
}

// contains looks for a part of a text, or an element of a set or list.
func (a Attribute) contains(part Attribute) bool {
	switch v := a.Value.(type) {
	case string:
		return a.Kind == "S" && part.Kind == "S" && strings.Contains(v, part.Value.(string))
	case []byte:
		return part.Kind == "B" && bytes.Contains(v, part.Value.([]byte))
	case []Attribute:
		return slices.ContainsFunc(v, part.equal)
	}
	return slices.ContainsFunc(a.elements(), part.equal)
}

// elements are the members of a set as values; nil for what is no set.
func (a Attribute) elements() []Attribute {
	var out []Attribute
	switch v := a.Value.(type) {
	case []string: // SS, NS
		for _, text := range v {
			out = append(out, Attribute{Kind: a.Kind[:1], Value: text})
		}
	case [][]byte:
		for _, raw := range v {
			out = append(out, Attribute{Kind: "B", Value: raw})
		}
	}
	return out
}

// size is what the function of that name answers: characters, bytes, or
// members. Numbers and truth values have none.
func (a Attribute) size() (Attribute, bool) {
	n := 0
	switch v := a.Value.(type) {
	case string:
		if a.Kind != "S" {
			return Attribute{}, false
		}
		for _, c := range v { // in UTF-16 units, as the service's Java counts
			n++
			if c > 0xffff {
				n++
			}
		}
	case []byte:
		n = len(v)
	case []Attribute:
		n = len(v)
	case map[string]Attribute:
		n = len(v)
	case []string, [][]byte:
		n = len(a.elements())
	default:
		return Attribute{}, false
	}
	return Attribute{Kind: "N", Value: strconv.Itoa(n)}, true
}

// equal compares two values of any kind: numbers by value, sets without order.
func (a Attribute) equal(b Attribute) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch v := a.Value.(type) {
	case bool:
		return v == b.Value.(bool)
	case []Attribute:
		return slices.EqualFunc(v, b.Value.([]Attribute), Attribute.equal)
	case map[string]Attribute:
		other := b.Value.(map[string]Attribute)
		if len(v) != len(other) {
			return false
		}
		for name, value := range v {
			if o, ok := other[name]; !ok || !value.equal(o) {
				return false
			}
		}
		return true
	case []string, [][]byte:
		x, y := a.elements(), b.elements()
		return len(x) == len(y) && !slices.ContainsFunc(x, func(e Attribute) bool { return !slices.ContainsFunc(y, e.equal) })
	}
	order, ok := compare(a, b)
	return ok && order == 0
}

// message is a value as DynamoDB's messages show it.
func (a Attribute) message() string {
	return fmt.Sprintf("AttributeValue: {%s:%v}", a.Kind, a.Value)
}
