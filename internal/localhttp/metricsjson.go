package localhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/nearest"

	"github.com/go-json-experiment/json/jsontext"
)

// read takes any sequence of objects and arrays of objects. A JSON text that
// is broken costs itself and the rest of its line.
func (in *intake) read(body []byte) {
	for len(body) > 0 {
		dec := jsontext.NewDecoder(bytes.NewBuffer(body))
		at, err := in.readTexts(dec)
		if errors.Is(err, io.EOF) {
			return
		}
		in.reject("", "not JSON: "+syntaxReason(err))
		in.index++
		body = afterLine(body[at:])
	}
}

// readTexts reads until something is wrong and returns where that began.
func (in *intake) readTexts(dec *jsontext.Decoder) (at int64, err error) {
	for {
		at = dec.InputOffset()
		raw, err := dec.ReadValue()
		if err != nil {
			return at, err
		}
		if raw.Kind() != '[' {
			in.object(raw)
			in.index++
			continue
		}
		_ = eachElement(raw, func(_ int, element jsontext.Value) *fieldError { // raw is an array
			in.object(element)
			in.index++
			return nil
		})
	}
}

// afterLine drops the first line that holds anything.
func afterLine(body []byte) []byte {
	body = bytes.TrimLeft(body, " \t\r\n")
	if end := bytes.IndexByte(body, '\n'); end >= 0 {
		return body[end+1:]
	}
	return nil
}

func syntaxReason(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "unexpected end of body"
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) && syntactic.Err != nil {
		return syntactic.Err.Error()
	}
	return "syntax error"
}

// fieldError says which member of an object has the wrong shape.
type fieldError struct{ field, reason string }

// document is one object of the request: what its metrics share, and them.
type document struct {
	shared  emf.Sample
	metrics jsontext.Value
}

// object reads one object and records its metrics. A member of a wrong shape
// costs the object; a metric of a wrong shape costs that metric.
func (in *intake) object(raw jsontext.Value) {
	var doc document
	if bad := eachMember(raw, "", func(name string, value jsontext.Value) *fieldError { return in.member(&doc, name, value) }); bad != nil {
		in.reject(bad.field, bad.reason)
		return
	}
	if doc.metrics == nil {
		in.reject("metrics", "is missing: want an array of metrics")
		return
	}
	some := false
	bad := eachElement(doc.metrics, func(i int, element jsontext.Value) *fieldError {
		some = true
		place := "metrics[" + strconv.Itoa(i) + "]"
		sample := doc.shared
		if bad := eachMember(element, place, metricReader(&sample, place)); bad != nil {
			in.reject(bad.field, bad.reason)
			return nil
		}
		in.record(sample, place)
		return nil
	})
	if bad != nil || !some {
		in.reject("metrics", "want an array of at least one metric")
	}
}

// member reads one member of the object.
func (in *intake) member(d *document, name string, raw jsontext.Value) (bad *fieldError) {
	switch name {
	case "namespace":
		d.shared.Namespace, bad = stringOf(raw, name)
	case "dimensions":
		d.shared.Dimensions, bad = in.dimensions(raw, name)
	case "dimension_sets":
		bad = eachElementOf(raw, name, func(i int, element jsontext.Value) *fieldError {
			set, bad := in.dimensions(element, name+"["+strconv.Itoa(i)+"]")
			d.shared.DimensionSets = append(d.shared.DimensionSets, set)
			return bad
		})
	case "metadata":
		bad = eachMember(raw, name, func(key string, value jsontext.Value) *fieldError {
			d.shared.Metadata = append(d.shared.Metadata, emf.Property{Name: key, Value: propertyOf(value)})
			return nil
		})
	case "timestamp":
		d.shared.Time, bad = timeOf(raw, name)
	case "metrics":
		d.metrics = bytes.Clone(raw) // raw lives until the next member is read
	default:
		bad = unknownMember(name, "", "namespace", "dimensions", "dimension_sets", "metadata", "timestamp", "metrics")
	}
	return bad
}

// metricReader reads the members of one metric into sample.
func metricReader(sample *emf.Sample, place string) func(string, jsontext.Value) *fieldError {
	return func(name string, raw jsontext.Value) (bad *fieldError) {
		field := place + "." + name
		switch name {
		case "name":
			sample.Name, bad = stringOf(raw, field)
		case "unit":
			sample.Unit, bad = stringOf(raw, field)
		case "value":
			sample.Values, bad = valuesOf(raw, field)
		case "resolution":
			var n float64
			n, bad = numberOf(raw, field)
			if sample.Resolution = int(n); bad == nil && (float64(sample.Resolution) != n || n == 0) {
				bad = &fieldError{field, "want 1 or 60"}
			}
		default:
			bad = unknownMember(name, place+".", "name", "unit", "value", "resolution")
		}
		return bad
	}
}

func unknownMember(name, place string, known ...string) *fieldError {
	reason := "unknown member"
	if near := nearest.Of(name, known); near != "" {
		reason += ": did you mean " + near + "?"
	}
	if len(name) > 64 {
		name = name[:64]
	}
	return &fieldError{place + name, reason}
}

func stringOf(raw jsontext.Value, field string) (string, *fieldError) {
	if raw.Kind() != '"' {
		return "", &fieldError{field, "want a string"}
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "", &fieldError{field, "want a string of valid UTF-8"}
	}
	return string(text), nil
}

func numberOf(raw jsontext.Value, field string) (float64, *fieldError) {
	if raw.Kind() != '0' {
		return 0, &fieldError{field, "want a number"}
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0, &fieldError{field, "number is out of range"}
	}
	return n, nil
}

// valuesOf reads one number or an array of numbers.
func valuesOf(raw jsontext.Value, field string) (values []float64, bad *fieldError) {
	if raw.Kind() != '[' {
		n, bad := numberOf(raw, field)
		return []float64{n}, bad
	}
	bad = eachElement(raw, func(i int, element jsontext.Value) *fieldError {
		n, bad := numberOf(element, field+"["+strconv.Itoa(i)+"]")
		values = append(values, n)
		return bad
	})
	return values, bad
}

// dimensions reads one set. A dimension without a name or a value is left out
// and named among the rejections, and its metrics are kept, as in the
// Powertools libraries.
func (in *intake) dimensions(raw jsontext.Value, field string) (set []emf.Dimension, bad *fieldError) {
	bad = eachMember(raw, field, func(name string, value jsontext.Value) *fieldError {
		if value.Kind() == 'n' || value.Kind() == '"' && isBlank(value) || strings.TrimSpace(name) == "" {
			in.sink.Skip()
			in.note(field+"."+name, "empty: the metrics are kept without this dimension")
			return nil
		}
		text, bad := stringOf(value, field+"."+name)
		set = append(set, emf.Dimension{Name: name, Value: text})
		return bad
	})
	return set, bad
}

// isBlank reports whether a JSON string has nothing to see.
func isBlank(raw jsontext.Value) bool {
	text, bad := stringOf(raw, "")
	return bad == nil && strings.TrimSpace(text) == ""
}

// timeOf reads milliseconds since 1970, or RFC 3339.
func timeOf(raw jsontext.Value, field string) (time.Time, *fieldError) {
	const want = "want milliseconds since 1970, or a date such as 2026-01-31T12:00:00Z"
	const most = 1 << 53 // whole numbers beyond it are not exact
	if raw.Kind() == '"' {
		text, bad := stringOf(raw, field)
		t, err := time.Parse(time.RFC3339Nano, text)
		if bad != nil || err != nil {
			return time.Time{}, &fieldError{field, want}
		}
		return t, nil
	}
	millis, bad := numberOf(raw, field)
	if bad != nil || millis < 0 || millis > most {
		return time.Time{}, &fieldError{field, want}
	}
	return time.UnixMilli(int64(millis)), nil
}

// propertyOf keeps what is not a string or a boolean as the JSON it is, so
// that no number loses digits.
func propertyOf(raw jsontext.Value) any {
	switch raw.Kind() {
	case '"':
		text, _ := stringOf(raw, "") // raw is a string
		return text
	case 't':
		return true
	case 'f':
		return false
	}
	return json.RawMessage(bytes.Clone(raw))
}

// eachMember calls read for each member of an object. raw is valid JSON.
func eachMember(raw jsontext.Value, field string, read func(name string, value jsontext.Value) *fieldError) *fieldError {
	if raw.Kind() != '{' {
		return &fieldError{field, "want an object"}
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != '}' {
		var name jsontext.Token
		if name, err = dec.ReadToken(); err != nil {
			break
		}
		key := name.String()
		var value jsontext.Value
		if value, err = dec.ReadValue(); err != nil {
			break
		}
		if bad := read(key, value); bad != nil {
			return bad
		}
	}
	if err != nil {
		return &fieldError{field, "not JSON: " + syntaxReason(err)}
	}
	return nil
}

func eachElement(raw jsontext.Value, read func(i int, element jsontext.Value) *fieldError) *fieldError {
	return eachElementOf(raw, "", read)
}

// eachElementOf calls read for each element of an array. raw is valid JSON.
func eachElementOf(raw jsontext.Value, field string, read func(i int, element jsontext.Value) *fieldError) *fieldError {
	if raw.Kind() != '[' {
		return &fieldError{field, "want an array"}
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	_, err := dec.ReadToken()
	for i := 0; err == nil && dec.PeekKind() != ']'; i++ {
		var element jsontext.Value
		if element, err = dec.ReadValue(); err != nil {
			break
		}
		if bad := read(i, element); bad != nil {
			return bad
		}
	}
	if err != nil {
		return &fieldError{field, "not JSON: " + syntaxReason(err)}
	}
	return nil
}
