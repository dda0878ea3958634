package config

import (
	"fmt"
	"strings"

	"powertools-extension/internal/cors"
)

// Header is one entry of POWERTOOLS_LOGS_HTTP_HEADERS. Its value is Text, or,
// when Secret is set, Text followed by what that secret holds.
type Header struct {
	Name   string
	Text   string
	Secret string // id or ARN of a secret in Secrets Manager
	Key    string // member of the secret's JSON; empty: the whole secret
}

// String shows where the value comes from and never the value: a token that
// was written out is no less a token.
func (h Header) String() string {
	switch {
	case h.Secret == "":
		return h.Name + ": [redacted]"
	case h.Key == "":
		return h.Name + ": secret:" + h.Secret
	}
	return h.Name + ": secret:" + h.Secret + "#" + h.Key
}

// GoString is String, so that %#v shows no more.
func (h Header) GoString() string { return h.String() }

// headers is the value of POWERTOOLS_LOGS_HTTP_HEADERS.
type headers struct{ p *[]Header }

// Set takes what it can use. A part without a colon belongs to the value
// before it, because values may hold commas.
func (v headers) Set(s string) error {
	var parts []string
	for _, part := range entriesOf(s) {
		if n := len(parts); n > 0 && !strings.Contains(part, ":") {
			parts[n-1] += ", " + part
			continue
		}
		parts = append(parts, part)
	}
	var out []Header
	var wrong []string
	for i, part := range parts {
		h, ok := parseHeader(part)
		if !ok {
			wrong = append(wrong, fmt.Sprintf("entry %d: not `Name: value` or `Name: secret:ID#key` in printable ASCII", i+1))
			continue
		}
		out = append(out, h)
	}
	if len(out) > 0 || len(wrong) == 0 {
		*v.p = out
	}
	return partial(wrong, len(out) > 0, "the other entries")
}

func parseHeader(part string) (Header, bool) {
	name, value, ok := strings.Cut(part, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || !cors.IsName(name) || !isDimension(value, 8<<10) {
		return Header{}, false
	}
	text, ref := cutReference(value)
	if ref == "" {
		return Header{Name: name, Text: text}, true
	}
	id, key, hasKey := strings.Cut(ref, "#")
	if id == "" || hasKey && key == "" || strings.Contains(ref, " ") {
		return Header{}, false
	}
	return Header{Name: name, Text: text, Secret: id, Key: key}, true
}

// cutReference finds a secret reference at the end of a value, alone or behind
// a word as in `Bearer secret:ID#key`.
func cutReference(value string) (text, ref string) {
	const mark = "secret:"
	if rest, ok := strings.CutPrefix(value, mark); ok {
		return "", rest
	}
	if i := strings.Index(value, " "+mark); i >= 0 {
		return value[:i+1], value[i+1+len(mark):]
	}
	return value, ""
}

func (v headers) String() string {
	words := make([]string, len(*v.p))
	for i, h := range *v.p {
		words[i] = h.String()
	}
	return strings.Join(words, ", ")
}

func (headers) Type() string { return "comma list of `Name: value`" }
