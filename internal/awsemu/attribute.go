package awsemu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
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
		x, okX := new(big.Rat).SetString(a.Value.(string))
		y, okY := new(big.Rat).SetString(b.Value.(string))
		if !okX || !okY {
			return 0, false
		}
		return x.Cmp(y), true
	}
	return 0, false
}

// isKey reports whether a can be a key: a non-empty S or B, or a number.
func (a Attribute) isKey() bool {
	switch v := a.Value.(type) {
	case string:
		if a.Kind == "N" {
			_, ok := new(big.Rat).SetString(v)
			// Rat also reads fractions and huge exponents; neither is a DynamoDB number.
			return ok && len(v) <= 64 && !strings.ContainsAny(v, "/_xXpP")
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
