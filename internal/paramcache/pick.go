package paramcache

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxPickDepth bounds the levels of a path: each one reads its part of the
// value again.
const maxPickDepth = 64

// Pick is one member of a JSON value by its dotted path: db.password, or
// hosts.0 in an array. A member whose name is the whole rest of the path wins
// over a walk, so names with dots can be picked; of equal names the last wins,
// as in the parsers of other languages. A string becomes Text, anything else
// JSON. Errors are an *Error of KindTransform (the value is not JSON),
// KindNotFound (there is no such member) or KindBadRequest (the path).
func Pick(ref Ref, v Value, path string) (Transformed, error) {
	if path == "" || strings.Count(path, ".") >= maxPickDepth {
		return Transformed{}, &Error{Kind: KindBadRequest, Ref: ref, Code: "InvalidKey",
			Message: "the key must have 1 to " + strconv.Itoa(maxPickDepth) + " parts, separated by dots"}
	}
	value, failed := validJSON(ref, v)
	if failed != nil {
		return Transformed{}, failed
	}
	for rest, more := path, true; more; {
		value, rest, more = step(value, rest)
		if value == nil {
			return Transformed{}, &Error{Kind: KindNotFound, Ref: ref, Code: "KeyNotFound",
				Message: "its value has no member " + strconv.Quote(path)}
		}
	}
	return picked(ref, value)
}

func picked(ref Ref, value []byte) (Transformed, error) {
	if value[0] != '"' {
		return Transformed{JSON: value}, nil
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		// A lone surrogate has no UTF-8.
		return Transformed{}, transformError(ref, "NotText", "the member is not valid text", -1)
	}
	return Transformed{Text: Secret(text)}, nil
}

// step goes one level down the path. It returns nil if there is no such level,
// and what is left of the path.
func step(value []byte, path string) (next []byte, rest string, more bool) {
	head, rest, more := strings.Cut(path, ".")
	var exact []byte
	switch value[0] {
	case '{':
		next, exact = members(value, head, path)
	case '[':
		next = element(value, head)
	}
	if exact != nil {
		return exact, "", false
	}
	return next, rest, more
}

// members returns the last member with each of the two names.
func members(object []byte, head, whole string) (next, exact []byte) {
	each(object, func(dec *jsontext.Decoder) bool {
		name, err := dec.ReadToken()
		if err != nil {
			return false
		}
		key := name.String() // before the next read makes the token void
		value, err := dec.ReadValue()
		if err != nil {
			return false
		}
		switch key {
		case whole:
			exact = value.Clone()
		case head:
			next = value.Clone()
		}
		return true
	})
	return next, exact
}

// element returns one element of an array by its decimal index.
func element(array []byte, index string) (found []byte) {
	want, err := strconv.Atoi(index)
	if err != nil || strconv.Itoa(want) != index {
		return nil
	}
	at := 0
	each(array, func(dec *jsontext.Decoder) bool {
		value, err := dec.ReadValue()
		if err == nil && at == want {
			found = value.Clone()
		}
		at++
		return err == nil && found == nil
	})
	return found
}

// each calls visit for every member or element of a valid object or array,
// until it returns false.
func each(container []byte, visit func(*jsontext.Decoder) bool) {
	dec := jsontext.NewDecoder(bytes.NewReader(container), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := dec.ReadToken(); err != nil {
		return
	}
	for kind := dec.PeekKind(); kind != '}' && kind != ']'; kind = dec.PeekKind() {
		if !visit(dec) {
			return
		}
	}
}
