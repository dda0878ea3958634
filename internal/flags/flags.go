// Package flags evaluates the feature flag documents of Powertools for
// Python: features, rules and conditions, for every runtime. It does no I/O:
// a document comes in as JSON and is checked and compiled once per version.
//
// The rule a reader could break: order is meaning. Rules are tried in the
// order of the document and the first that matches decides, so nothing here
// may pass through a Go map.
package flags

import (
	"time"

	"powertools-extension/internal/jmes"
)

// Reason says why a feature has its value.
type Reason string

// The reasons. Missing and Store mean that the caller's default is the value.
const (
	ByRule    Reason = "rule"    // a rule matched
	ByDefault Reason = "default" // no rule did: the feature's own default
	Missing   Reason = "missing" // the document does not know the feature
	Store     Reason = "store"   // there is no document to ask
)

// Result is the value of one feature.
type Result struct {
	Value  []byte // JSON as it stands in the document
	Reason Reason
	Rule   string // name of the rule, with ByRule
}

// Document is a compiled document. Safe for concurrent use.
type Document struct {
	features []feature
	index    map[string]int
}

type feature struct {
	name    string
	boolean bool
	value   constant
	rules   []rule
}

type rule struct {
	name       string
	value      constant
	conditions []condition
}

// constant is a value that a feature may have.
type constant struct {
	json   []byte
	truthy bool // as Python judges: 0, "", [], {} are not
}

type condition struct {
	key   string
	match func(context *value, now time.Time) bool
}

// Info describes one feature without its values.
type Info struct {
	Name  string
	Type  string // "boolean" or "json"
	Rules int
}

// Features lists the features in the order of the document.
func (d *Document) Features() []Info {
	out := make([]Info, len(d.features))
	for i := range d.features {
		f := &d.features[i]
		out[i] = Info{Name: f.name, Type: "json", Rules: len(f.rules)}
		if f.boolean {
			out[i].Type = "boolean"
		}
	}
	return out
}

// Evaluate returns the value of a feature, and false if the document does
// not know it.
func (d *Document) Evaluate(name string, c Context, now time.Time) (Result, bool) {
	i, ok := d.index[name]
	if !ok {
		return Result{}, false
	}
	chosen, rule := d.features[i].choose(c, now)
	if rule == nil {
		return Result{Value: chosen.json, Reason: ByDefault}, true
	}
	return Result{Value: chosen.json, Reason: ByRule, Rule: rule.name}, true
}

// On reports whether the value of a feature is truthy, and whether the
// document knows it.
func (d *Document) On(name string, c Context, now time.Time) (on, known bool) {
	i, known := d.index[name]
	if !known {
		return false, false
	}
	chosen, _ := d.features[i].choose(c, now)
	return chosen.truthy, true
}

// Enabled returns the names of the features whose value is truthy, in the
// order of the document.
func (d *Document) Enabled(c Context, now time.Time) []string {
	names := []string{}
	for i := range d.features {
		if chosen, _ := d.features[i].choose(c, now); chosen.truthy {
			names = append(names, d.features[i].name)
		}
	}
	return names
}

func (f *feature) choose(c Context, now time.Time) (*constant, *rule) {
	for i := range f.rules {
		if r := &f.rules[i]; r.matches(c, now) {
			return &r.value, r
		}
	}
	return &f.value, nil
}

func (r *rule) matches(c Context, now time.Time) bool {
	for i := range r.conditions {
		v := c.members[r.conditions[i].key]
		if v == nil {
			v = &null
		}
		if !r.conditions[i].match(v, now) {
			return false
		}
	}
	return true
}

// Context is what a caller knows of its request: members by name.
type Context struct{ members map[string]*value }

// null is what the context has for a key that is not there.
var null value

// NewContext takes the members of a JSON object, and false of anything else.
func NewContext(v jmes.Value) (Context, bool) {
	if v.Kind() != jmes.Object {
		return Context{}, false
	}
	c := Context{members: make(map[string]*value)}
	for _, m := range v.Members() {
		d := decode(m.Value)
		c.members[m.Name] = &d
	}
	return c, true
}
