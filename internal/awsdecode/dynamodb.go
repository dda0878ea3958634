package awsdecode

import "powertools-extension/internal/jmes"

// plain turns a typed value of DynamoDB's ({"S": "x"}, {"M": {…}}) into
// plain JSON: a number by its digits, sets as lists, binary as base64. False:
// it is none.
func plain(v jmes.Value) (jmes.Value, bool) {
	members := v.Members()
	if len(members) != 1 {
		return jmes.Value{}, false
	}
	inner := members[0].Value
	switch members[0].Name {
	case "S", "B":
		return inner, inner.Kind() == jmes.String
	case "N":
		return dynamoNumber(inner)
	case "BOOL":
		return inner, inner.Kind() == jmes.Bool
	case "NULL":
		return jmes.Value{}, true
	case "SS", "BS":
		return inner, inner.Kind() == jmes.Array
	case "NS":
		return eachOf(inner, dynamoNumber)
	case "L":
		return eachOf(inner, plain)
	case "M":
		if inner.Kind() != jmes.Object {
			return jmes.Value{}, false
		}
		list := inner.Members()
		out := make([]jmes.Member, len(list))
		for i, m := range list {
			inner, ok := plain(m.Value)
			if !ok {
				return jmes.Value{}, false
			}
			out[i] = jmes.Member{Name: m.Name, Value: inner}
		}
		return jmes.ObjectOf(out), true
	}
	return jmes.Value{}, false
}

// item does the same with an item or an image: an object of typed values.
func item(v jmes.Value) (jmes.Value, bool) {
	return plain(jmes.ObjectOf([]jmes.Member{{Name: "M", Value: v}}))
}

// dynamoNumber: DynamoDB sends digits as text, and they stay what they are.
func dynamoNumber(v jmes.Value) (jmes.Value, bool) {
	n, err := jmes.Parse([]byte(v.Str()))
	return n, err == nil && n.Kind() == jmes.Number
}

func eachOf(v jmes.Value, f func(jmes.Value) (jmes.Value, bool)) (jmes.Value, bool) {
	if v.Kind() != jmes.Array {
		return jmes.Value{}, false
	}
	list := v.Elements()
	out := make([]jmes.Value, len(list))
	for i, e := range list {
		var ok bool
		if out[i], ok = f(e); !ok {
			return jmes.Value{}, false
		}
	}
	return jmes.ArrayOf(out), true
}
