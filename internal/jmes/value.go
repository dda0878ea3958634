package jmes

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"

	"powertools-extension/internal/jsonbytes"
)

// Kind is the JSON type of a value.
type Kind uint8

// The kinds, in no order.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String returns the name that JMESPath's type() gives the kind.
func (k Kind) String() string {
	return [...]string{"null", "boolean", "number", "string", "array", "object"}[k]
}

// Value is a JSON value: a slice of a document, or one that an expression
// made. The zero value is null. A Value aliases the document's bytes.
type Value struct {
	kind Kind
	raw  []byte // its JSON text; nil for what an expression made
	made *made
}

// made is a value that is in no document.
type made struct {
	text    string // of a String; lone surrogates as three bytes each
	list    []Value
	members []Member
}

// Member is one member of an object.
type Member struct {
	Name  string
	Value Value
}

// ErrNotJSON says that a document is not JSON in valid UTF-8, or nested more
// than MaxDepth levels.
var ErrNotJSON = errors.New("not JSON")

// Parse checks a JSON document and returns it as a value that aliases it.
func Parse(doc []byte) (Value, error) {
	start := jsonbytes.SkipSpace(doc, 0)
	end := jsonbytes.CheckValue(doc, start, jsonbytes.MaxDepth-MaxDepth)
	if end < 0 || jsonbytes.SkipSpace(doc, end) < len(doc) || !utf8.Valid(doc) {
		return Value{}, ErrNotJSON
	}
	return valueOf(doc[start:end]), nil
}

// Text returns a string value.
func Text(s string) Value { return Value{kind: String, made: &made{text: s}} }

// ArrayOf returns an array of values.
func ArrayOf(list []Value) Value { return array(list) }

// ObjectOf returns an object of members, whose names differ.
func ObjectOf(members []Member) Value { return object(members) }

func boolean(b bool) Value {
	if b {
		return Value{kind: Bool, raw: []byte("true")}
	}
	return Value{kind: Bool, raw: []byte("false")}
}

func number(text string) Value { return Value{kind: Number, raw: []byte(text)} }

func array(list []Value) Value { return Value{kind: Array, made: &made{list: list}} }

func object(members []Member) Value { return Value{kind: Object, made: &made{members: members}} }

// valueOf wraps the text of one valid value.
func valueOf(raw []byte) Value {
	switch raw[0] {
	case '{':
		return Value{kind: Object, raw: raw}
	case '[':
		return Value{kind: Array, raw: raw}
	case '"':
		return Value{kind: String, raw: raw}
	case 't', 'f':
		return Value{kind: Bool, raw: raw}
	case 'n':
		return Value{}
	}
	return Value{kind: Number, raw: raw}
}

// Kind returns the value's JSON type.
func (v Value) Kind() Kind { return v.kind }

// Raw returns the value's text in its document, nil for null and for a value
// that an expression made: Append writes those.
func (v Value) Raw() []byte { return v.raw }

// True reports the truth of a Bool; false for every other kind.
func (v Value) True() bool { return v.kind == Bool && v.raw[0] == 't' }

// Num returns the text of a Number, "" for every other kind.
func (v Value) Num() string {
	if v.kind != Number {
		return ""
	}
	return string(v.raw)
}

// Str returns the characters of a String, "" for every other kind. A lone
// surrogate is the three bytes that UTF-8 would have for it.
func (v Value) Str() string {
	switch {
	case v.kind != String:
		return ""
	case v.made != nil:
		return v.made.text
	}
	return Unquote(v.raw)
}

// Elements returns the elements of an Array, nil for every other kind.
func (v Value) Elements() []Value {
	switch {
	case v.kind != Array:
		return nil
	case v.made != nil:
		return v.made.list
	}
	var list []Value
	for i := jsonbytes.SkipSpace(v.raw, 1); v.raw[i] != ']'; {
		end := jsonbytes.SkipValue(v.raw, i)
		list = append(list, valueOf(v.raw[i:end]))
		if i = jsonbytes.SkipSpace(v.raw, end); v.raw[i] == ',' {
			i = jsonbytes.SkipSpace(v.raw, i+1)
		}
	}
	return list
}

// Members returns the members of an Object in the order of the document. Of
// a name that stands there twice the last value counts, at the first place.
func (v Value) Members() []Member {
	switch {
	case v.kind != Object:
		return nil
	case v.made != nil:
		return v.made.members
	}
	var list []Member
	var index map[string]int // by name, once a linear search is too slow
	v.walk(func(name, value []byte) {
		list = put(list, &index, Member{Unquote(name), valueOf(value)})
	})
	return list
}

// put adds a member, or replaces the one of the same name.
func put(list []Member, index *map[string]int, m Member) []Member {
	const few = 8
	at := -1
	if *index != nil {
		if i, ok := (*index)[m.Name]; ok {
			at = i
		}
	} else {
		for i := range list {
			if list[i].Name == m.Name {
				at = i
			}
		}
	}
	if at >= 0 {
		list[at].Value = m.Value
		return list
	}
	list = append(list, m)
	if *index != nil {
		(*index)[m.Name] = len(list) - 1
	} else if len(list) > few {
		*index = make(map[string]int, 2*len(list))
		for i := range list {
			(*index)[list[i].Name] = i
		}
	}
	return list
}

// walk calls f with the texts of each member's name and value.
func (v Value) walk(f func(name, value []byte)) {
	for i := jsonbytes.SkipSpace(v.raw, 1); v.raw[i] != '}'; {
		nameEnd := jsonbytes.SkipString(v.raw, i)
		at := jsonbytes.SkipSpace(v.raw, jsonbytes.SkipSpace(v.raw, nameEnd)+1)
		end := jsonbytes.SkipValue(v.raw, at)
		f(v.raw[i:nameEnd], v.raw[at:end])
		if i = jsonbytes.SkipSpace(v.raw, end); v.raw[i] == ',' {
			i = jsonbytes.SkipSpace(v.raw, i+1)
		}
	}
}

// Field returns an object's member, null where there is none or the value is
// no object.
func (v Value) Field(name string) Value {
	if v.kind != Object {
		return Value{}
	}
	var found Value
	if v.made != nil {
		for _, m := range v.made.members {
			if m.Name == name {
				found = m.Value
			}
		}
		return found
	}
	v.walk(func(quoted, value []byte) {
		if equalName(quoted, name) {
			found = valueOf(value)
		}
	})
	return found
}

// equalName compares a name as it is written with the characters of another.
func equalName(quoted []byte, name string) bool {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner) == name
	}
	return Unquote(quoted) == name
}

// Depth is how many arrays and objects are nested in the value at most.
func (v Value) Depth() int {
	deepest := 0
	for _, e := range v.Elements() {
		deepest = max(deepest, e.Depth())
	}
	for _, m := range v.Members() {
		deepest = max(deepest, m.Value.Depth())
	}
	if v.kind == Array || v.kind == Object {
		deepest++
	}
	return deepest
}

func itoa(n int) string { return strconv.Itoa(n) }
