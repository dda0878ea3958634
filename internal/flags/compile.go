package flags

import (
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/jmes"
)

// SchemaError says why a document cannot be used. It holds names of the
// document, never a value.
type SchemaError struct {
	Pointer string // JSON pointer to the part that is wrong; empty: the document
	Feature string
	Rule    string
	Msg     string
}

func (e *SchemaError) Error() string {
	at := e.Pointer
	if at == "" {
		at = "the document"
	}
	return "feature flags: " + at + " " + e.Msg
}

// problem is a SchemaError in the making: where below a condition's value.
type problem struct{ path, msg string }

// Compile checks a document and makes it ready to be asked. The error is a
// *SchemaError; one bad feature makes the whole document unusable, as in the
// library: a rule that is silently absent would be worse.
func Compile(doc jmes.Value) (*Document, error) {
	if doc.Kind() != jmes.Object {
		return nil, &SchemaError{Msg: "must be an object of features, not " + doc.Kind().String()}
	}
	if typed(doc) {
		return nil, &SchemaError{Msg: "holds AppConfig's own typed flags, which have no rules: read them with GET /parameters/appconfig/APP/ENV/PROFILE?flag=NAME"}
	}
	members := doc.Members()
	d := &Document{features: make([]feature, 0, len(members)), index: make(map[string]int, len(members))}
	known := actions()
	for _, m := range members {
		c := compiler{feature: m.Name, pointer: "/" + escape(m.Name), actions: known}
		f, err := c.compile(m)
		if err != nil {
			return nil, err
		}
		d.index[m.Name] = len(d.features)
		d.features = append(d.features, f)
	}
	return d, nil
}

// typed recognises AWS.AppConfig.FeatureFlags: as stored, and as evaluated.
func typed(doc jmes.Value) bool {
	if doc.Field("flags").Kind() == jmes.Object && doc.Field("version").Str() == "1" {
		return true
	}
	members := doc.Members()
	for _, m := range members {
		if m.Value.Field("enabled").Kind() != jmes.Bool || m.Value.Field("default").Kind() != jmes.Null {
			return false
		}
	}
	return len(members) > 0
}

// compiler knows where in the document it is.
type compiler struct {
	feature, rule, pointer string
	actions                []action
}

func (c compiler) at(path string) compiler {
	c.pointer += path
	return c
}

func (c compiler) fail(msg string) error {
	return &SchemaError{Pointer: c.pointer, Feature: c.feature, Rule: c.rule, Msg: msg}
}

// escape writes a name as part of a JSON pointer.
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func constantOf(v jmes.Value) constant {
	d := decode(v)
	return constant{json: v.Append(nil), truthy: d.truthy()}
}

func (c compiler) compile(m jmes.Member) (feature, error) {
	f := feature{name: m.Name, boolean: true}
	if m.Name == "" {
		return f, c.fail("must have a name")
	}
	if m.Value.Kind() != jmes.Object || len(m.Value.Members()) == 0 {
		return f, c.fail("must be an object with a default")
	}
	for _, part := range m.Value.Members() {
		if part.Name == "boolean_type" {
			d := decode(part.Value)
			f.boolean = d.truthy()
		}
	}
	switch v := m.Value.Field("default"); {
	case v.Kind() == jmes.Null:
		return f, c.at("/default").fail("must be there and not null")
	case f.boolean && v.Kind() != jmes.Bool:
		return f, c.at("/default").fail("must be true or false, unless boolean_type is false")
	default:
		f.value = constantOf(v)
	}
	rules := m.Value.Field("rules")
	if d := decode(rules); !d.truthy() {
		return f, nil
	}
	if rules.Kind() != jmes.Object {
		return f, c.at("/rules").fail("must be an object of rules")
	}
	for _, r := range rules.Members() {
		inner := c.at("/rules/" + escape(r.Name))
		inner.rule = r.Name
		compiled, err := inner.compileRule(r, f.boolean)
		if err != nil {
			return f, err
		}
		f.rules = append(f.rules, compiled)
	}
	return f, nil
}

func (c compiler) compileRule(m jmes.Member, boolean bool) (rule, error) {
	r := rule{name: m.Name}
	if m.Name == "" {
		return r, c.fail("must have a name")
	}
	if m.Value.Kind() != jmes.Object || len(m.Value.Members()) == 0 {
		return r, c.fail("must be an object with when_match and conditions")
	}
	match := m.Value.Field("when_match")
	if boolean && match.Kind() != jmes.Bool {
		return r, c.at("/when_match").fail("must be true or false, unless boolean_type is false")
	}
	r.value = constantOf(match)
	conditions := m.Value.Field("conditions").Elements()
	if len(conditions) == 0 {
		return r, c.at("/conditions").fail("must be a list of at least one condition")
	}
	for i, v := range conditions {
		compiled, err := c.at("/conditions/" + strconv.Itoa(i)).compileCondition(v)
		if err != nil {
			return r, err
		}
		r.conditions = append(r.conditions, compiled)
	}
	return r, nil
}

func (c compiler) compileCondition(v jmes.Value) (condition, error) {
	if v.Kind() != jmes.Object || len(v.Members()) == 0 {
		return condition{}, c.fail("must be an object with action, key and value")
	}
	name := v.Field("action")
	var a *action
	for i := range c.actions {
		if name.Kind() == jmes.String && c.actions[i].name == name.Str() {
			a = &c.actions[i]
		}
	}
	if a == nil {
		return condition{}, c.at("/action").fail("must be one of the documented actions, such as EQUALS")
	}
	key := v.Field("key")
	if key.Kind() != jmes.String || key.Str() == "" {
		return condition{}, c.at("/key").fail("must be a string that is not empty")
	}
	if a.key != "" && key.Str() != a.key {
		return condition{}, c.at("/key").fail("must be " + a.key + " with " + a.name)
	}
	operand := decode(v.Field("value"))
	if operand.kind == jmes.Null {
		return condition{}, c.at("/value").fail("must be there and not null")
	}
	if a.build != nil {
		matches, p := a.build(&operand)
		if p != nil {
			return condition{}, c.at("/value" + p.path).fail(p.msg)
		}
		return condition{key: a.key, match: func(_ *value, now time.Time) bool { return matches(now) }}, nil
	}
	if a.check != nil {
		if p := a.check(&operand); p != nil {
			return condition{}, c.at("/value" + p.path).fail(p.msg)
		}
	}
	match := a.match
	return condition{key: key.Str(), match: func(context *value, _ time.Time) bool { return match(context, &operand) }}, nil
}
