package idempotency

import (
	"encoding/base64"
	"unicode/utf8"

	"powertools-extension/internal/jmes"
)

// setData puts an answer into the record. What is stored is always JSON: a
// text that is none becomes a JSON string, bytes that are no text base64.
func (r *Record) setData(res Result, f Format) {
	body := res.Body
	if len(body) == 0 {
		// Python stores None; JavaScript's undefined stores no data at all.
		r.Data, r.HasData = []byte("null"), f == Python
		return
	}
	if v, err := jmes.Parse(body); err == nil {
		r.Data, r.HasData = body, true
		if f == TypeScript && v.Kind() == jmes.Null {
			r.Data = []byte("null")
		}
		return
	}
	r.HasData = true
	r.ContentType = res.ContentType
	if r.ContentType == "" {
		r.ContentType = "text/plain"
	}
	text := string(body)
	if !utf8.Valid(body) {
		r.Encoding = "base64"
		text = base64.StdEncoding.EncodeToString(body)
	}
	r.Data = jmes.Text(text).Append(nil)
}

// Answer returns the stored answer's bytes and content type.
func (r *Record) Answer() (body []byte, contentType string) {
	contentType = r.ContentType
	if contentType == "" {
		return r.Data, "application/json"
	}
	v, err := jmes.Parse(r.Data)
	if err != nil || v.Kind() != jmes.String {
		return r.Data, contentType
	}
	if r.Encoding == "base64" {
		if raw, err := base64.StdEncoding.DecodeString(v.Str()); err == nil {
			return raw, contentType
		}
	}
	return []byte(v.Str()), contentType
}
