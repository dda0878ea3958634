package awsemu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"powertools-extension/internal/awsemu/decimal"
)

// Attribute is one DynamoDB attribute value. On the wire it is an object with
// one member, whose name is Kind. (AttributeValue, DynamoDB API reference)
//
// Value holds, by kind: S and N string; B []byte; BOOL and NULL bool;
// L []Attribute; M map[string]Attribute; SS and NS []string; BS [][]byte.
type Attribute struct {
	Kind  string
	Value any
}

// MarshalJSON writes the wire form, e.g. {"S":"text"}.
func (a Attribute) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{a.Kind: a.Value})
}

// UnmarshalJSON reads the wire form and refuses anything but one known kind.
func (a *Attribute) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	if len(members) != 1 {
		return fmt.Errorf("attribute value has %d members, want one", len(members))
	}
	for kind, raw := range members {
		value, err := decodeKind(kind, raw)
		if err != nil {
			return err
		}
		a.Kind, a.Value = kind, value
	}
	return nil
}

func decodeKind(kind string, raw []byte) (any, error) {
	switch kind {
	case "S", "N":
		return decodeAs[string](raw)
	case "B":
		return decodeAs[[]byte](raw)
	case "BOOL", "NULL":
		return decodeAs[bool](raw)
	case "L":
		return decodeAs[[]Attribute](raw)
	case "M":
		return decodeAs[map[string]Attribute](raw)
	case "SS", "NS":
		return decodeAs[[]string](raw)
	case "BS":
		return decodeAs[[][]byte](raw)
	}
	return nil, fmt.Errorf("attribute value has no type %q", kind)
}

func decodeAs[T any](raw []byte) (T, error) {
	var v T
	err := json.Unmarshal(raw, &v)
	return v, err
}

// compare orders two key values of one kind; ok is false when the kinds
// differ or cannot be keys. Numbers order by value, the rest by bytes.
// (Supported data types, DynamoDB developer guide)
func compare(a, b Attribute) (order int, ok bool) {
	if a.Kind != b.Kind {
		return 0, false
	}
	switch a.Kind {
	case "S":
		return strings.Compare(a.Value.(string), b.Value.(string)), true
	case "B":
		return bytes.Compare(a.Value.([]byte), b.Value.([]byte)), true
	case "N":
		x, badX := decimal.Parse(a.Value.(string))
		y, badY := decimal.Parse(b.Value.(string))
		return decimal.Compare(x, y), badX+badY == ""
	}
	return 0, false
}

// isKey reports whether a can be a key: a non-empty S or B, or a number.
func (a Attribute) isKey() bool {
	switch v := a.Value.(type) {
	case string:
		if a.Kind == "N" {
			_, problem := decimal.Parse(v)
			return problem == ""
		}
		return a.Kind == "S" && v != ""
	case []byte:
		return len(v) > 0
	}
	return false
}

// text shows a key value in counts and messages.
func (a Attribute) text() string {
	switch v := a.Value.(type) {
	case string:
		return v
	case []byte:
		return fmt.Sprintf("%x", v)
	}
	return a.Kind
}

// maxNesting of nested values. (Service, account, and table quotas, DynamoDB developer guide)
const maxNesting = 32

// normalise brings the numbers of a value that is to be stored into
// DynamoDB's form. It returns DynamoDB's message for what cannot be stored.
func (a *Attribute) normalise(depth int) string {
	const invalid = "One or more parameter values were invalid: "
	if depth > maxNesting {
		return "Nesting Levels have exceeded supported limits"
	}
	switch v := a.Value.(type) {
	case string:
		if a.Kind != "N" {
			return ""
		}
		n, problem := decimal.Parse(v)
		a.Value = n.String()
		return problem
	case bool:
		if a.Kind == "NULL" && !v {
			return invalid + "Null attribute value types must have the value of true"
		}
	case []Attribute:
		for i := range v {
			if problem := v[i].normalise(depth + 1); problem != "" {
				return problem
			}
		}
	case map[string]Attribute:
		for name, member := range v {
			if problem := member.normalise(depth + 1); problem != "" {
				return problem
			}
			v[name] = member
		}
	case []string, [][]byte:
		return a.normaliseSet()
	}
	return ""
}

func (a *Attribute) normaliseSet() string {
	const invalid = "One or more parameter values were invalid: "
	elements := a.elements()
	if len(elements) == 0 {
		kind := map[string]string{"SS": "string", "NS": "number", "BS": "binary"}[a.Kind]
		return invalid + "An " + kind + " set  may not be empty"
	}
	for i := range elements {
		if problem := elements[i].normalise(0); problem != "" {
			return problem
		}
		if slices.ContainsFunc(elements[:i], elements[i].equal) {
			if a.Kind == "NS" {
				return "Input collection contains duplicates"
			}
			return invalid + fmt.Sprintf("Input collection %v contains duplicates.", a.Value)
		}
	}
	*a = setOf(a.Kind, elements)
	return ""
}

// bytes is what a value counts against the limit of an item. A number of n
// digits counts about n/2 + 1, a list or map three and one per member.
func (a Attribute) bytes() int {
	n := 0
	switch v := a.Value.(type) {
	case string:
		if a.Kind == "N" {
			return (len(v)+1)/2 + 1
		}
		return len(v)
	case []byte:
		return len(v)
	case bool:
		return 1
	case []Attribute:
		n = 3 + len(v)
		for _, element := range v {
			n += element.bytes()
		}
	case map[string]Attribute:
		n = 3 + len(v) + size(v)
	default:
		for _, element := range a.elements() {
			n += element.bytes()
		}
	}
	return n
}
