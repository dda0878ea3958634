package awsparams

import (
	"bytes"
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
	return jsonValue(a.write)
}

// itemJSON is a whole item as one value.
func itemJSON(item map[string]attribute) paramcache.Value {
	return jsonValue(attribute{M: item}.write)
}

// jsonValue is what write writes, as one value.
func jsonValue(write func(*jsontext.Encoder)) paramcache.Value {
	var b bytes.Buffer
	write(jsontext.NewEncoder(&b, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)))
	return paramcache.Value{Text: paramcache.Secret(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), IsText: true, JSON: true}
}

// write writes the plain JSON a program would expect. Map keys are sorted: the
// service's order changes between reads, and the same item must stay the same
// bytes. A type this code does not know becomes null. The encoder's errors are
// about a grammar that is kept here, and about invalid UTF-8, which it replaces.
func (a attribute) write(e *jsontext.Encoder) {
	token := jsontext.Null
	switch {
	case a.S != nil:
		token = jsontext.String(*a.S)
	case a.N != nil:
		writeNumber(e, *a.N)
		return
	case a.B != nil:
		token = bytesToken(a.B)
	case a.BOOL != nil:
		token = jsontext.Bool(*a.BOOL)
	case a.M != nil:
		_ = e.WriteToken(jsontext.BeginObject)
		for _, key := range slices.Sorted(maps.Keys(a.M)) {
			_ = e.WriteToken(jsontext.String(key))
			a.M[key].write(e)
		}
		token = jsontext.EndObject
	case a.L != nil:
		writeList(e, a.L, func(e *jsontext.Encoder, one attribute) { one.write(e) })
		return
	case a.SS != nil:
		writeList(e, a.SS, func(e *jsontext.Encoder, one string) { _ = e.WriteToken(jsontext.String(one)) })
		return
	case a.NS != nil:
		writeList(e, a.NS, writeNumber)
		return
	case a.BS != nil:
		writeList(e, a.BS, func(e *jsontext.Encoder, one []byte) { _ = e.WriteToken(bytesToken(one)) })
		return
	}
	_ = e.WriteToken(token)
}

func writeList[T any](e *jsontext.Encoder, list []T, one func(*jsontext.Encoder, T)) {
	_ = e.WriteToken(jsontext.BeginArray)
	for _, element := range list {
		one(e, element)
	}
	_ = e.WriteToken(jsontext.EndArray)
}

func bytesToken(b []byte) jsontext.Token {
	return jsontext.String(base64.StdEncoding.EncodeToString(b))
}

// writeNumber keeps the digits: 38 of them do not fit a float64. What is no
// JSON number stays a string.
func writeNumber(e *jsontext.Encoder, n string) {
	if v := jsontext.Value(n); v.Kind() == '0' && v.IsValid() {
		_ = e.WriteValue(v)
		return
	}
	_ = e.WriteToken(jsontext.String(n))
}
