package awsparams

import (
	"encoding/base64"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"powertools-extension/internal/paramcache"
)

// attribute is DynamoDB's typed value: exactly one member is set. (DynamoDB API
// Reference, "AttributeValue")
type attribute struct {
	S    *string
	N    *string
	B    []byte // base64 on the wire
	BOOL *bool
	NULL *bool
	M    map[string]attribute
	L    []attribute
	SS   []string
	NS   []string
	BS   [][]byte
}

// value is the attribute as one cached value: a string as its text, a binary as
// its bytes, everything else as JSON.
func (a attribute) value() paramcache.Value {
	switch {
	case a.S != nil:
		return paramcache.Value{Text: paramcache.Secret(*a.S), IsText: true}
	case a.B != nil:
		return paramcache.Value{Binary: a.B}
	}
	return paramcache.Value{Text: paramcache.Secret(a.appendJSON(nil)), IsText: true, JSON: true}
}

// appendJSON writes the plain JSON a program would expect. Map keys are sorted:
// the service's order changes between reads, and the same item must stay the
// same bytes. A type this code does not know becomes null.
func (a attribute) appendJSON(dst []byte) []byte {
	switch {
	case a.S != nil:
		return appendString(dst, *a.S)
	case a.N != nil:
		return appendNumber(dst, *a.N)
	case a.B != nil:
		return appendBinary(dst, a.B)
	case a.BOOL != nil && *a.BOOL:
		return append(dst, "true"...)
	case a.BOOL != nil:
		return append(dst, "false"...)
	case a.M != nil:
		return appendMap(dst, a.M)
	case a.L != nil:
		return appendList(dst, a.L, func(dst []byte, e attribute) []byte { return e.appendJSON(dst) })
	case a.SS != nil:
		return appendList(dst, a.SS, appendString)
	case a.NS != nil:
		return appendList(dst, a.NS, appendNumber)
	case a.BS != nil:
		return appendList(dst, a.BS, appendBinary)
	}
	return append(dst, "null"...)
}

func appendMap(dst []byte, m map[string]attribute) []byte {
	dst = append(dst, '{')
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, key), ':')
		dst = m[key].appendJSON(dst)
	}
	return append(dst, '}')
}

func appendList[T any](dst []byte, list []T, one func([]byte, T) []byte) []byte {
	dst = append(dst, '[')
	for i, e := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = one(dst, e)
	}
	return append(dst, ']')
}

// appendString quotes s. The error AppendQuote has is for invalid UTF-8, which
// it replaces all the same.
func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

func appendBinary(dst []byte, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// appendNumber keeps the digits: 38 of them do not fit a float64. What is no
// JSON number stays a string.
func appendNumber(dst []byte, n string) []byte {
	if v := jsontext.Value(n); v.Kind() == '0' && v.IsValid() {
		return append(dst, n...)
	}
	return appendString(dst, n)
}
