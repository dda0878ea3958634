package localhttp

import (
	"encoding/base64"
	"unicode/utf8"

	"powertools-extension/internal/localhttp/wire"
	"powertools-extension/internal/paramcache"
)

// content is a value ready to be written: null, JSON, bytes, or else text.
type content struct {
	text      string
	json      string // one JSON value
	binary    []byte // not nil even when empty
	null      bool   // there is none
	transform paramcache.TransformKind
}

// contentOf picks and transforms as asked. key reads a JSON value by itself,
// so with it a json transform changes nothing, and a binary one is about the
// member.
func contentOf(ref paramcache.Ref, v *paramcache.Value, opt *readOptions) (content, error) {
	if opt.key == "" && opt.transform == paramcache.NoTransform {
		return plainContent(v), nil
	}
	if opt.key == "" {
		t, err := paramcache.Transform(ref, *v, opt.transform)
		return transformedContent(t), err
	}
	t, err := paramcache.Pick(ref, *v, opt.key)
	if err != nil {
		return content{}, err
	}
	switch opt.transform {
	case paramcache.TransformJSON:
		t.Applied = paramcache.TransformJSON
	case paramcache.TransformBinary:
		member := paramcache.Value{Text: t.Text, IsText: true}
		if t.JSON != nil {
			member.Text = paramcache.Secret(t.JSON)
		}
		t, err = paramcache.Transform(ref, member, paramcache.TransformBinary)
	}
	return transformedContent(t), err
}

// plainContent is a value as the service gave it.
func plainContent(v *paramcache.Value) content {
	switch {
	case v.IsText && v.JSON:
		return content{json: v.Text.Reveal()}
	case v.IsText:
		return content{text: v.Text.Reveal()}
	case v.Binary != nil:
		return content{binary: v.Binary}
	}
	return content{null: true} // a binary secret behind a parameter reference
}

func transformedContent(t paramcache.Transformed) content {
	c := content{transform: t.Applied}
	switch {
	case t.JSON != nil:
		c.json = string(t.JSON)
	case t.Binary != nil:
		c.binary = t.Binary
	default:
		c.text = t.Text.Reveal()
	}
	return c
}

// encoded reports whether the JSON answer holds base64. Bytes that a binary
// transform made are text to nearly everybody (Powertools for TypeScript gives
// text, too), and base64 only when they are not.
func (c *content) encoded() bool {
	return c.binary != nil && (c.transform == paramcache.NoTransform || !utf8.Valid(c.binary))
}

// appendJSON appends the value as a JSON value.
func (c *content) appendJSON(dst []byte) []byte {
	switch {
	case c.null:
		return append(dst, "null"...)
	case c.json != "":
		return append(dst, c.json...)
	case c.encoded():
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, c.binary)
		return append(dst, '"')
	case c.binary != nil:
		return wire.AppendString(dst, string(c.binary))
	}
	return wire.AppendString(dst, c.text)
}

// appendBare appends the value alone, no newline added. A null is nothing.
func (c *content) appendBare(dst []byte) []byte {
	switch {
	case c.null:
		return dst
	case c.json != "":
		return append(dst, c.json...)
	case c.binary != nil:
		return append(dst, c.binary...)
	}
	return append(dst, c.text...)
}
