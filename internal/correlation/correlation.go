// Package correlation finds in an event the id by which others know the
// request: the gateway, the queue, the caller.
//
// The rule a reader could break: what is found is printed on every line, so it
// is short, one line, and never a structure of the event.
package correlation

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"powertools-extension/internal/jmes"
	"powertools-extension/internal/nearest"
)

// MaxBytes bounds an id.
const MaxBytes = 256

// Auto is the name that chooses a path by the event's source.
const Auto = "auto"

const (
	gateway     = "requestContext.requestId"
	traceHeader = `headers."x-amzn-trace-id"`
)

// BuiltIn is a name that stands for a path.
type BuiltIn struct{ Name, Path string }

// BuiltIns is the table of the names that Powertools has for paths.
func BuiltIns() []BuiltIn {
	return []BuiltIn{
		{"API_GATEWAY_REST", gateway},
		{"API_GATEWAY_HTTP", gateway},
		{"APPSYNC_AUTHORIZER", gateway},
		{"LAMBDA_FUNCTION_URL", gateway},
		{"APPSYNC_RESOLVER", "request." + traceHeader},
		{"APPLICATION_LOAD_BALANCER", traceHeader},
		{"VPC_LATTICE", traceHeader},
		{"EVENT_BRIDGE", "id"},
		{"S3_OBJECT_LAMBDA", "xAmzRequestId"},
	}
}

// autoPaths are the paths for events of a source, as package awsevent names it.
// Others have no id of their own, or one for each of many records.
func autoPaths() map[string]string {
	return map[string]string{
		"api_gateway_v1":         gateway,
		"api_gateway_v2":         gateway,
		"api_gateway_authorizer": gateway,
		"api_gateway_websocket":  gateway,
		"function_url":           gateway,
		"appsync":                "request." + traceHeader,
		"alb":                    traceHeader + ` || multiValueHeaders."x-amzn-trace-id"`, // of a target group with multi-value headers
		"vpc_lattice":            traceHeader,
		"eventbridge":            "id",
		"scheduled":              "id",
		"s3_object_lambda":       "xAmzRequestId",
		"sqs":                    "!Records[1] && Records[0].messageId || `null`",
		"sns":                    "Records[0].Sns.MessageId",
	}
}

// Path is a compiled path. Safe for concurrent use.
type Path struct {
	fixed  *jmes.Expression
	source map[string]*jmes.Expression // of Auto; nil: fixed
}

// Compile reads a built-in name or a JMESPath expression. The error is a
// *jmes.SyntaxError, which names the position.
func Compile(text string) (*Path, error) {
	if text == Auto {
		return compileAuto()
	}
	for _, b := range BuiltIns() {
		if b.Name == text {
			text = b.Path
		}
	}
	expr, err := jmes.Compile(text)
	if err != nil {
		return nil, err
	}
	return &Path{fixed: expr}, nil
}

func compileAuto() (*Path, error) {
	p := &Path{source: make(map[string]*jmes.Expression)}
	for source, path := range autoPaths() {
		expr, err := jmes.Compile(path)
		if err != nil {
			return nil, err
		}
		p.source[source] = expr
	}
	return p, nil
}

// Misspelt returns the built-in name that a path was probably meant to be:
// one in another case, or a word in capitals that is nearly one. It compiles,
// as the name of a member that no event has. Empty: none.
func Misspelt(text string) string {
	names := []string{Auto}
	for _, b := range BuiltIns() {
		names = append(names, b.Name)
	}
	for _, name := range names {
		if strings.EqualFold(text, name) {
			if text == name {
				return ""
			}
			return name
		}
	}
	if text != strings.ToUpper(text) || strings.ContainsAny(text, ".[]() ") {
		return ""
	}
	return nearest.Of(text, names)
}

// Find returns the id of an event from the source, as package awsevent names
// it; empty if it has none or the event is not JSON. The error never holds
// anything of the event.
func (p *Path) Find(event []byte, source string) (string, error) {
	expr := p.fixed
	if p.source != nil {
		expr = p.source[source]
	}
	if expr == nil {
		return "", nil
	}
	doc, err := jmes.Parse(event)
	if err != nil {
		return "", nil
	}
	v, err := expr.Search(doc)
	if err != nil {
		var eval *jmes.EvalError
		if errors.As(err, &eval) {
			return "", eval
		}
		return "", errors.New("the expression failed")
	}
	return idOf(v), nil
}

// idOf turns a value into an id. Headers come as lists where a name may come
// twice: a list of one is that one. Nothing else with a structure is an id.
func idOf(v jmes.Value) string {
	if list := v.Elements(); len(list) == 1 {
		v = list[0]
	}
	switch v.Kind() {
	case jmes.String:
		return clean(v.Str())
	case jmes.Number:
		return clean(v.Num())
	case jmes.Bool:
		if v.True() {
			return "true"
		}
		return "false"
	}
	return ""
}

// clean removes what would break a line, and cuts.
func clean(s string) string {
	plain := len(s) <= MaxBytes
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] < 0x7f
	}
	if plain {
		return s
	}
	var b strings.Builder
	for _, r := range s { // what is not UTF-8, such as half a surrogate pair, is U+FFFD
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			continue
		}
		if b.Len()+utf8.RuneLen(r) > MaxBytes {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
