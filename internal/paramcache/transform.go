package paramcache

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// TransformKind is what a read wants made of the raw value.
type TransformKind string

// The transforms; the words are those of the transform query argument.
const (
	NoTransform     TransformKind = ""
	TransformJSON   TransformKind = "json"
	TransformBinary TransformKind = "binary"
	TransformAuto   TransformKind = "auto"
)

// ParseTransform reads the query argument's word, in lower case. The empty
// word is NoTransform.
func ParseTransform(word string) (kind TransformKind, ok bool) {
	switch kind = TransformKind(word); kind {
	case NoTransform, TransformJSON, TransformBinary, TransformAuto:
		return kind, true
	}
	return NoTransform, false
}

// Transformed is a value in the form that was asked for: JSON if that is not
// nil, else Binary if that is not nil, else Text. It prints as [redacted].
type Transformed struct {
	Applied TransformKind // TransformJSON, TransformBinary, or NoTransform where nothing was changed
	JSON    []byte        // one valid JSON value without space around it; shared: read only
	Binary  []byte        // shared: read only
	Text    Secret
}

// String returns [redacted].
func (Transformed) String() string { return redacted }

// Format prints [redacted] for every verb.
func (Transformed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns [redacted], which also covers encoding/json and zap.
func (Transformed) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Transform derives the form from the raw value; nothing is stored, and what
// fails leaves the cache alone. The error is an *Error of KindTransform and
// tells where the value is wrong, never what stands there.
//
// Powertools for Python and for TypeScript disagree in places; the stricter of
// the two decides here, because what it refuses, one of the two refuses or
// garbles: base64 with characters outside the alphabet or without its padding,
// and NaN and Infinity in JSON. Both take a suffix for auto; upper case counts
// as in TypeScript, and a name that is just "json" has no suffix as there.
func Transform(ref Ref, v Value, kind TransformKind) (Transformed, error) {
	if kind == TransformAuto {
		kind = suffixTransform(autoName(ref, v))
	}
	switch kind {
	case TransformJSON:
		text, failed := validJSON(ref, v)
		if failed != nil {
			return Transformed{}, failed
		}
		return Transformed{Applied: kind, JSON: text}, nil
	case TransformBinary:
		data, at := decodeBase64(v.Content())
		if at >= 0 {
			return Transformed{}, transformError(ref, "NotBase64", "the value is not base64", at)
		}
		return Transformed{Applied: kind, Binary: data}, nil
	}
	return untouched(v), nil
}

func untouched(v Value) Transformed {
	switch {
	case v.JSON:
		return Transformed{JSON: []byte(v.Text)}
	case v.Binary != nil && !v.IsText:
		return Transformed{Binary: v.Binary}
	}
	return Transformed{Text: v.Text}
}

// autoName is the name whose suffix decides: what Powertools calls the name of
// the parameter, which in a table is the key.
func autoName(ref Ref, v Value) string {
	switch {
	case ref.Group():
		return v.Name // of the member
	case ref.Source == DynamoDB && ref.Sort != "":
		return ref.Sort
	case ref.Source == DynamoDB:
		return ref.Key
	case v.Name != "":
		return v.Name // without selector, ARN or random suffix
	}
	return ref.Name
}

func suffixTransform(name string) TransformKind {
	dot := strings.LastIndexByte(name, '.')
	switch {
	case dot < 0:
		return NoTransform
	case strings.EqualFold(name[dot:], ".json"):
		return TransformJSON
	case strings.EqualFold(name[dot:], ".binary"):
		return TransformBinary
	}
	return NoTransform
}

// validJSON is the value as one JSON value. Duplicate members and lone
// surrogates pass because Python and TypeScript take both.
func validJSON(ref Ref, v Value) ([]byte, *Error) {
	text := strings.Trim(v.Content(), " \t\r\n")
	if !utf8.ValidString(text) {
		return nil, transformError(ref, "NotJSON", "the value is not JSON: it is not UTF-8", -1)
	}
	dec := jsontext.NewDecoder(strings.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	err := dec.SkipValue()
	at := dec.InputOffset()
	if err == nil {
		_, err = dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return []byte(text), nil
		}
	}
	// Only where, because the error's own text quotes the value.
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = syntax.ByteOffset
	}
	return nil, transformError(ref, "NotJSON", "the value is not JSON", int(at))
}

// decodeBase64 takes the standard alphabet with padding and nothing else. Go's
// decoder skips line breaks, which TypeScript refuses. at is the offset of the
// first wrong byte, -1 if all is well.
func decodeBase64(text string) (data []byte, at int) {
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		return nil, i
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if wrong, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return nil, int(wrong)
	}
	return data, -1
}

func transformError(ref Ref, code, message string, at int) *Error {
	if at >= 0 {
		message += " (byte " + strconv.Itoa(at) + ")"
	}
	return &Error{Kind: KindTransform, Ref: ref, Code: code, Message: message}
}
