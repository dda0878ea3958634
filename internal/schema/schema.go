// Package schema validates JSON against JSON Schema: draft-07, 2019-09 and
// 2020-12. A schema is compiled once to closures; a value is decoded once and
// walked in the order of its document.
//
// The rules a reader could break: an error holds a path and a keyword, never
// a value; numbers compare by their decimal text, exactly; nothing is fetched
// over the network.
package schema

import (
	"slices"
	"strconv"

	"powertools-extension/internal/jmes"
)

// MaxErrors is how many failures of one value are told; the rest is counted.
const MaxErrors = 20

// Schema is a compiled schema. Safe for concurrent use.
type Schema struct {
	root    *node
	dynamic map[string]map[string]*node // by $dynamicAnchor, by resource
	unknown []string
}

// Unknown returns JSON pointers to keywords that no dialect knows. They are
// ignored, as the standard demands, but a misspelt one guards nothing.
func (s *Schema) Unknown() []string { return s.unknown }

// Failure says where a value does not fit and which keyword says so.
type Failure struct {
	Path    string `json:"path"`    // JSON pointer into the value
	Keyword string `json:"keyword"` // of the schema
}

// Validate returns what does not fit, in the order of the document: at most
// MaxErrors failures, and how many there are more.
func (s *Schema) Validate(v jmes.Value) (failures []Failure, more int) {
	r := &run{schema: s}
	r.validate(s.root, decode(v), nil)
	out := make([]Failure, len(r.failures))
	for i, f := range r.failures {
		out[i] = f.Failure
	}
	return out, r.total - len(out)
}

// run is the state of one validation.
type run struct {
	schema   *Schema
	quiet    int // > 0: only the verdict counts
	failures []placed
	total    int
	path     []step
	scope    []string // resources on the way here, for $dynamicRef
}

// placed is a failure with the place of its value in the document.
type placed struct {
	Failure
	order int
}

// step is one step of the path to a value: an element's index, or a name.
type step struct {
	name  string
	index int // -1: name
}

// pointer writes the path as a JSON pointer, with one name more if there is.
func (r *run) pointer(more ...string) string {
	var b []byte
	for _, s := range r.path {
		b = append(b, '/')
		if s.index >= 0 {
			b = strconv.AppendInt(b, int64(s.index), 10)
		} else {
			b = append(b, escape(s.name)...)
		}
	}
	for _, name := range more {
		b = append(append(b, '/'), escape(name)...)
	}
	return string(b)
}

// below validates a member or an element.
func (r *run) below(n *node, in *instance, s step) bool {
	r.path = append(r.path, s)
	ok := r.validate(n, in, nil)
	r.path = r.path[:len(r.path)-1]
	return ok
}

// fail counts a failure and keeps it if it is among the first of the
// document. The name is of a member that is missing. It returns false, for the verdict.
func (r *run) fail(in *instance, keyword string, name ...string) bool {
	if r.quiet > 0 {
		return false
	}
	r.total++
	if len(r.failures) == MaxErrors && r.failures[MaxErrors-1].order <= in.order {
		return false
	}
	i, _ := slices.BinarySearchFunc(r.failures, in.order, func(p placed, order int) int {
		if p.order <= order {
			return -1
		}
		return 1
	})
	r.failures = slices.Insert(r.failures, i, placed{Failure{r.pointer(name...), keyword}, in.order})
	if len(r.failures) > MaxErrors {
		r.failures = r.failures[:MaxErrors]
	}
	return false
}

// fits is the verdict alone.
func (r *run) fits(n *node, in *instance, m *marks) bool {
	r.quiet++
	ok := r.validate(n, in, m)
	r.quiet--
	return ok
}

// validate applies a schema to a value. With marks it says which members and
// elements were looked at.
func (r *run) validate(n *node, in *instance, m *marks) bool {
	if n.never {
		return r.fail(in, "false")
	}
	if n.resource != "" && (len(r.scope) == 0 || r.scope[len(r.scope)-1] != n.resource) {
		r.scope = append(r.scope, n.resource)
		defer func() { r.scope = r.scope[:len(r.scope)-1] }()
	}
	if m == nil && n.unevaluated {
		m = new(marks)
	}
	ok := true
	for _, check := range n.checks {
		if !check(r, in, m) {
			if ok = false; r.quiet > 0 {
				return false
			}
		}
	}
	return ok
}

// marks says which members or elements of one value a schema has judged.
type marks struct {
	all  bool
	seen []bool
}

func (m *marks) mark(i, of int) {
	if m == nil {
		return
	}
	if m.seen == nil {
		m.seen = make([]bool, of)
	}
	m.seen[i] = true
}

func (m *marks) markAll() {
	if m != nil {
		m.all = true
	}
}

func (m *marks) has(i int) bool { return m.all || m.seen != nil && m.seen[i] }

func (m *marks) add(o *marks) {
	m.all = m.all || o.all
	for i, seen := range o.seen {
		if seen {
			m.mark(i, len(o.seen))
		}
	}
}

// branch validates with marks of its own, which count only if it fits.
func (r *run) branch(n *node, in *instance, m *marks, validate func(*node, *instance, *marks) bool) bool {
	if m == nil {
		return validate(n, in, nil)
	}
	own := new(marks)
	ok := validate(n, in, own)
	if ok {
		m.add(own)
	}
	return ok
}
