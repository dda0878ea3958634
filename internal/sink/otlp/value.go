package otlp

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/sink/jsonline"
)

// maxDepth bounds how deep objects are translated; below it a value is its own
// JSON text. Receivers have such bounds themselves.
const maxDepth = 16

// appendValue writes a JSON value as an AnyValue.
func appendValue(dst []byte, value jsontext.Value, depth int) []byte {
	switch kind := value.Kind(); {
	case kind == '"':
		return append(appendText(append(dst, `{"stringValue":`...), value), '}')
	case kind == 't' || kind == 'f':
		return append(append(append(dst, `{"boolValue":`...), value...), '}')
	case kind == '0' && !isInfinite(value):
		return appendNumber(dst, value)
	case kind == '{' && depth < maxDepth:
		return appendObject(dst, value, depth)
	case kind == '[' && depth < maxDepth:
		return appendArray(dst, value, depth)
	case kind == '{' || kind == '[':
		return append(dst, appendString(nil, string(value))...)
	}
	if isInfinite(value) || string(value) == "NaN" { // as protobuf's JSON writes them
		return append(append(append(dst, `{"doubleValue":"`...), value...), `"}`...)
	}
	return append(dst, `{}`...) // null
}

func isInfinite(value []byte) bool {
	return string(value) == "Infinity" || string(value) == "-Infinity"
}

// appendText copies a string as it is written. Escapes are undone first:
// halves of surrogate pairs, which JavaScript writes, make receivers refuse
// the whole request.
func appendText(dst []byte, value jsontext.Value) []byte {
	if !bytes.Contains(value, []byte(`\u`)) && utf8.Valid(value) {
		return append(dst, value...)
	}
	s, _ := jsontext.AppendUnquote(nil, value)
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// appendNumber keeps integers that fit 64 bits, and what fits a double. A
// larger number is text.
func appendNumber(dst []byte, value jsontext.Value) []byte {
	s := string(value)
	if _, err := strconv.ParseInt(s, 10, 64); err == nil {
		return append(append(append(dst, `{"intValue":"`...), s...), `"}`...)
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return append(append(append(dst, `{"doubleValue":`...), s...), '}')
	}
	return append(append(append(dst, `{"stringValue":"`...), s...), `"}`...)
}

func appendObject(dst []byte, value jsontext.Value, depth int) []byte {
	dst = append(dst, `{"kvlistValue":{"values":[`...)
	first := true
	var r jsonline.Reader
	r.Each(value, func(name []byte, member jsontext.Value) bool {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, `{"key":`...)
		dst, _ = jsontext.AppendQuote(dst, name)
		dst = append(dst, `,"value":`...)
		dst = append(appendValue(dst, member, depth+1), '}')
		return true
	})
	return append(dst, `]}}`...)
}

func appendArray(dst []byte, value jsontext.Value, depth int) []byte {
	dst = append(dst, `{"arrayValue":{"values":[`...)
	for i := jsonbytes.SkipSpace(value, 1); value[i] != ']'; {
		end := jsonbytes.SkipValue(value, i)
		dst = appendValue(dst, value[i:end], depth+1)
		if i = jsonbytes.SkipSpace(value, end); value[i] == ',' {
			i = jsonbytes.SkipSpace(value, i+1)
			dst = append(dst, ',')
		}
	}
	return append(dst, `]}}`...)
}
