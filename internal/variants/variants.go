// Package variants evaluates AppConfig's own feature flags where they have
// several variants: rules over a context, in the language of AppConfig's
// documentation. It does no I/O: a document comes in as the service or a file
// has it, as JSON or as the text form of Amazon Ion.
//
// The rule a reader could break: order is meaning. The first variant whose rule
// is true counts, and the same key gets the same variant in every process.
package variants

import (
	"errors"
	"fmt"
	"strings"

	"powertools-extension/internal/jmes"
)

// Flags are the flags of one document. Safe for concurrent use.
type Flags struct {
	names  []string
	byName map[string]*flag
}

// flag is one flag: ready, or with variants.
type flag struct {
	ready    []byte // JSON; nil: it has variants
	variants []variant
	bad      error // why it cannot be evaluated; other flags can
}

type variant struct {
	rule *node  // nil: the default
	json []byte // what is answered
}

// Errors of a document and of a flag.
var (
	// ErrNotFlags says that a document holds no feature flags.
	ErrNotFlags = errors.New("the document holds no feature flags of AppConfig")

	// ErrBinary says that a document is in Ion's binary form, which AppConfig
	// gives its own agent and whose tables it does not publish.
	ErrBinary = errors.New("the document is binary Ion, which only AppConfig's own agent reads")
)

// RuleError says why a flag cannot be evaluated. It holds names of the
// document, never a value.
type RuleError struct {
	Flag, Variant string
	Pos           int // in the rule
	Msg           string
}

func (e *RuleError) Error() string {
	at := "flag " + e.Flag
	if e.Variant != "" {
		at += ", variant " + e.Variant
	}
	return fmt.Sprintf("%s, position %d of the rule: %s", at, e.Pos, e.Msg)
}

// Parse reads a document: {"version":"1","flags":…,"values":…} as it is
// written, {"name":{"enabled":…}} as the service evaluates it, or Ion text as
// AppConfig's documentation describes it. A flag with a bad rule costs that
// flag alone.
func Parse(text string) (*Flags, error) {
	doc := []byte(text)
	if len(doc) >= 4 && doc[0] == 0xe0 && doc[1] == 1 && doc[3] == 0xea {
		return nil, ErrBinary
	}
	f := &Flags{byName: map[string]*flag{}}
	v, err := jmes.Parse(doc)
	if err != nil {
		return f, f.readIon(text)
	}
	if values := v.Field("values"); values.Kind() == jmes.Object && v.Field("version").Kind() == jmes.String {
		v = values
	}
	if v.Kind() != jmes.Object {
		return nil, ErrNotFlags
	}
	for _, m := range v.Members() {
		if m.Value.Kind() != jmes.Object {
			return nil, ErrNotFlags
		}
		f.add(m.Name, fromJSON(m))
	}
	return f, nil
}

func (f *Flags) add(name string, one *flag) {
	if f.byName[name] == nil {
		f.names = append(f.names, name)
	}
	f.byName[name] = one
}

// fromJSON reads a flag: {"enabled":…} or {"_variants":[{"name","enabled",
// "attributeValues","rule"}…]}.
func fromJSON(m jmes.Member) *flag {
	list := m.Value.Field("_variants")
	if list.Kind() != jmes.Array {
		return &flag{ready: m.Value.Append(nil)}
	}
	one := &flag{}
	for _, v := range list.Elements() {
		name := v.Field("name").Str()
		made := variant{json: answer(name, v)}
		if text := v.Field("rule").Str(); text != "" {
			rule, err := compile(text)
			if err != nil {
				err.Flag, err.Variant = m.Name, name
				one.bad = err
			}
			made.rule = rule
		}
		one.variants = append(one.variants, made)
	}
	one.check(m.Name)
	return one
}

// answer is a variant as AppConfig's agent gives it: its name, whether it is
// on, and its attributes if it is.
func answer(name string, v jmes.Value) []byte {
	on := v.Field("enabled")
	out := jmes.Text(name).Append([]byte(`{"_variant":`))
	if on.True() {
		out = append(out, `,"enabled":true`...)
		for _, a := range v.Field("attributeValues").Members() {
			out = append(jmes.Text(a.Name).Append(append(out, ',')), ':')
			out = a.Value.Append(out)
		}
		return append(out, '}')
	}
	return append(out, `,"enabled":false}`...)
}

// check wants what AppConfig wants: a default, and last.
func (one *flag) check(name string) {
	if one.bad != nil {
		return
	}
	for i := range one.variants {
		if last := i == len(one.variants)-1; (one.variants[i].rule == nil) != last {
			one.bad = &RuleError{Flag: name, Msg: "the last variant, and no other, must be one without a rule"}
			return
		}
	}
	if len(one.variants) == 0 {
		one.bad = &RuleError{Flag: name, Msg: "there is no variant"}
	}
}

// Names are the flags in the order of the document.
func (f *Flags) Names() []string { return f.names }

// Evaluate returns what a flag is for a context, as JSON, and false if the
// document does not know it. The error is a *RuleError.
func (f *Flags) Evaluate(name string, c Context) (json []byte, known bool, err error) {
	one := f.byName[name]
	switch {
	case one == nil:
		return nil, false, nil
	case one.bad != nil:
		return nil, true, one.bad
	case one.ready != nil:
		return one.ready, true, nil
	}
	for i := range one.variants {
		v := &one.variants[i]
		if v.rule == nil || v.rule.true(c, name) {
			return v.json, true, nil
		}
	}
	return nil, true, nil // check saw a default
}

// UnknownError says that the document does not know a flag.
type UnknownError struct{ Flag string }

func (e *UnknownError) Error() string { return "there is no flag " + e.Flag }

// Answer returns flags for a context as AppConfig's agent does: of one name
// what that flag is, of several an object of such objects, of none all. The
// error is an *UnknownError or a *RuleError.
func (f *Flags) Answer(names []string, c Context) ([]byte, error) {
	single := len(names) == 1
	if len(names) == 0 {
		names = f.names
	}
	var out []byte
	for i, name := range names {
		one, known, err := f.Evaluate(name, c)
		switch {
		case err != nil:
			return nil, err
		case !known:
			return nil, &UnknownError{name}
		case single:
			return one, nil
		case i > 0:
			out = append(out, ',')
		}
		out = append(append(jmes.Text(name).Append(out), ':'), one...)
	}
	return append(append([]byte{'{'}, out...), '}'), nil
}

// Has tells a document whose flags may have variants, and so need a context:
// all others are answered as they are. Other texts can bear the same marks, as
// YAML with AWS::S3::Bucket does: of those Answer says ErrNotFlags.
func Has(doc string) bool {
	doc = strings.TrimLeft(doc, " \t\r\n")
	return doc != "" && (strings.Contains(doc, `"_variants"`) || doc[0] != '{' && (doc[0] == 0xe0 || strings.Contains(doc, "::")))
}

// Context is what a caller knows of its request: texts by key. A rule's
// constant says as what a text is read: as a number, a time, a boolean or
// itself.
type Context map[string]string

// FromHeader reads the values of the agent's header Context: key=value,
// several with commas between them.
func FromHeader(values []string) Context {
	c := Context{}
	for pair := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			c[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return c
}
