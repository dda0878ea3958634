package jmes

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"unicode/utf8"
)

// powertools are the functions that Powertools adds. Bad data is an error, as
// in Python, not null, as in TypeScript.
func powertools() []function {
	return []function{
		{name: "powertools_json", args: []argKind{takesString}, call: parseJSON},
		{name: "powertools_base64", args: []argKind{takesString}, call: fromBase64},
		{name: "powertools_base64_gzip", args: []argKind{takesString}, call: fromGzip},
	}
}

func parseJSON(ev *evaluation, a []Value) (Value, error) {
	text := a[0].Str()
	if ev.decoded += len(text); ev.decoded > MaxDecoded {
		return Value{}, ev.fail("more than 16 MiB decoded")
	}
	v, err := Parse([]byte(text))
	if err != nil {
		return Value{}, ev.fail("the string is not JSON")
	}
	return v, nil
}

func fromBase64(ev *evaluation, a []Value) (Value, error) {
	out, err := ev.decode(a[0].Str())
	if err != nil {
		return Value{}, err
	}
	return ev.utf8Text(out)
}

func fromGzip(ev *evaluation, a []Value) (Value, error) {
	packed, err := ev.decode(a[0].Str())
	if err != nil {
		return Value{}, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return Value{}, ev.fail("the data is not gzip")
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(MaxDecoded-ev.decoded)+1))
	if err != nil {
		return Value{}, ev.fail("the data is not gzip")
	}
	if ev.decoded += len(out); ev.decoded > MaxDecoded {
		return Value{}, ev.fail("more than 16 MiB decoded")
	}
	return ev.utf8Text(out)
}

func (ev *evaluation) decode(text string) ([]byte, error) {
	if ev.decoded += base64.StdEncoding.DecodedLen(len(text)); ev.decoded > MaxDecoded {
		return nil, ev.fail("more than 16 MiB decoded")
	}
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, ev.fail("the string is not standard base64 with padding")
	}
	return out, nil
}

func (ev *evaluation) utf8Text(b []byte) (Value, error) {
	if !utf8.Valid(b) {
		return Value{}, ev.fail("the result is not UTF-8")
	}
	return Text(string(b)), nil
}
