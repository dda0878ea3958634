package schema

import (
	"regexp"
	"strings"

	"powertools-extension/internal/jmes"
)

// fileBase is the URI below which the schema and the files beside it stand.
const fileBase = "file:///"

// MaxDepth is how deep schemas may be nested in a schema.
const MaxDepth = 2000

// Options say how a schema is read.
type Options struct {
	Name    string                            // of the schema's own file, below which references are resolved
	Load    func(name string) ([]byte, error) // reads a file beside it; nil: references stay in the document
	Formats bool                              // assert format, which is an annotation otherwise
}

// Error says why a schema cannot be used.
type Error struct {
	Pointer string // JSON pointer into the schema
	Keyword string // what stands there and is wrong; empty: the schema itself
	Msg     string
}

func (e *Error) Error() string {
	at := e.Pointer
	if at == "" {
		at = "the schema"
	}
	return "schema: " + at + ": " + e.Msg
}

// node is one compiled schema.
type node struct {
	never       bool
	resource    string // URI of the resource it belongs to
	unevaluated bool   // asks what is unevaluated
	checks      []check
	inPlace     []*node // schemas that it applies to the same value
	state       uint8   // of the search for cycles
}

// check is one keyword.
type check func(r *run, in *instance, m *marks) bool

// Compile reads a schema. The error is an *Error.
func Compile(v jmes.Value, opt Options) (*Schema, error) {
	c := &compiler{registry: newRegistry(opt.Load), nodes: map[string]*node{}, grouped: map[string]bool{}, formats: opt.Formats, schema: &Schema{}, words: vocabulary(), known: map[string]bool{}}
	for _, w := range c.words {
		c.known[w.name] = true
	}
	l, err := c.registry.add(fileBase+strings.TrimPrefix(opt.Name, "/"), v, draft7)
	if err != nil {
		return nil, err
	}
	c.schema.root = c.compile(l)
	c.dynamicAnchors()
	for _, n := range c.nodes {
		if c.failed == nil {
			c.findCycle(n)
		}
	}
	if c.failed != nil {
		return nil, c.failed
	}
	return c.schema, nil
}

type compiler struct {
	registry *registry
	nodes    map[string]*node
	grouped  map[string]bool // groups of keywords that one check covers
	schema   *Schema
	words    []word          // the vocabulary
	known    map[string]bool // its names
	formats  bool
	dynamic  bool // a $dynamicRef was seen
	depth    int
	failed   error
}

func (c *compiler) fail(l location, keyword, msg string) {
	if c.failed == nil {
		pointer := l.pointer
		if keyword != "" {
			pointer += "/" + escape(keyword)
		}
		c.failed = &Error{Pointer: pointer, Keyword: keyword, Msg: msg}
	}
}

// compile makes the node of a location, once.
func (c *compiler) compile(l location) *node {
	if base := c.registry.bases[l.key()]; base != nil {
		l.base = base
	}
	if n := c.nodes[l.key()]; n != nil {
		return n
	}
	n := &node{resource: uriOf(l.base)}
	c.nodes[l.key()] = n
	if c.depth++; c.depth > MaxDepth {
		c.fail(l, "", "nested too deeply")
		return n
	}
	defer func() { c.depth-- }()
	switch l.value.Kind() {
	case jmes.Bool:
		n.never = !l.value.True()
	case jmes.Object:
		k := keywords{c: c, n: n, l: l, present: map[string]bool{}}
		for _, m := range l.value.Members() {
			k.present[m.Name] = true
		}
		k.compile()
	default:
		c.fail(l, "", "must be an object, true or false, not "+l.value.Kind().String())
	}
	return n
}

// dynamicAnchors compiles what a $dynamicRef may lead to.
func (c *compiler) dynamicAnchors() {
	if !c.dynamic {
		return
	}
	c.schema.dynamic = map[string]map[string]*node{}
	for compiled := -1; compiled != len(c.nodes); { // compiling may load documents with further anchors
		compiled = len(c.nodes)
		for name, places := range c.registry.dynamic {
			if c.schema.dynamic[name] == nil {
				c.schema.dynamic[name] = map[string]*node{}
			}
			for uri, l := range places {
				c.schema.dynamic[name][uri] = c.compile(l)
			}
		}
	}
}

// findCycle looks for schemas that lead back to themselves on the same value:
// validation would never end.
func (c *compiler) findCycle(n *node) {
	const open, closed = 1, 2
	switch n.state {
	case closed:
		return
	case open:
		for key, other := range c.nodes {
			if other == n && c.failed == nil {
				_, pointer, _ := strings.Cut(key, "#")
				c.failed = &Error{Pointer: pointer, Keyword: "$ref", Msg: "leads back to itself without a step into the value"}
			}
		}
		return
	}
	n.state = open
	for _, next := range n.inPlace {
		c.findCycle(next)
	}
	n.state = closed
}

// keywords compiles the members of one schema.
type keywords struct {
	c *compiler
	n *node
	l location

	present map[string]bool // its members
}

func (k *keywords) fail(keyword, msg string) { k.c.fail(k.l, keyword, msg) }

func (k *keywords) add(f check) { k.n.checks = append(k.n.checks, f) }

// sub compiles a schema below a keyword.
func (k *keywords) sub(v jmes.Value, steps ...string) *node { return k.c.compile(k.l.at(v, steps...)) }

// inPlace compiles a schema that is applied to the same value.
func (k *keywords) inPlace(v jmes.Value, steps ...string) *node {
	n := k.sub(v, steps...)
	k.n.inPlace = append(k.n.inPlace, n)
	return n
}

func (k *keywords) compile() {
	if k.l.dialect == draft7 && k.has("$ref") {
		k.ref("$ref") // whatever stands beside it is ignored
		return
	}
	if id := k.l.value.Field("id"); id.Kind() == jmes.String && strings.HasSuffix(k.l.value.Field("$schema").Str(), "/draft-04/schema#") {
		k.fail("id", "draft-04's id is not supported: write $id and draft-07")
	}
	for _, w := range k.c.words {
		if w.since <= k.l.dialect && k.l.dialect <= w.until && w.compile != nil && k.has(w.name) {
			w.compile(k, k.l.value.Field(w.name))
		}
	}
	for _, m := range k.l.value.Members() {
		if !k.c.known[m.Name] && !strings.HasPrefix(k.l.doc, "http") {
			k.c.schema.unknown = append(k.c.schema.unknown, k.l.pointer+"/"+escape(m.Name))
		}
	}
}

func (k *keywords) has(name string) bool {
	return k.present[name]
}

func (k *keywords) ref(keyword string) {
	v := k.l.value.Field(keyword)
	if v.Kind() != jmes.String {
		k.fail(keyword, "must be a string")
		return
	}
	target, ok := k.c.registry.find(k.l, v.Str())
	if !ok {
		k.fail(keyword, "leads nowhere: only this document, files beside it and the metaschemas are read, never the network")
		return
	}
	n := k.c.compile(target)
	k.n.inPlace = append(k.n.inPlace, n)
	if keyword == "$ref" {
		k.add(func(r *run, in *instance, m *marks) bool { return r.branch(n, in, m, r.validate) })
		return
	}
	k.c.dynamic = true
	name, isDynamic := k.dynamicName(keyword, v.Str(), target)
	k.add(func(r *run, in *instance, m *marks) bool {
		chosen := n
		if isDynamic {
			for _, resource := range r.scope {
				if found := r.schema.dynamic[name][resource]; found != nil {
					chosen = found
					break
				}
			}
		}
		return r.branch(chosen, in, m, r.validate)
	})
}

// dynamicName is the anchor by which the target may be replaced by one of an
// outer resource.
func (k *keywords) dynamicName(keyword, ref string, target location) (string, bool) {
	if keyword == "$recursiveRef" {
		return "", target.value.Field("$recursiveAnchor").True()
	}
	_, name, _ := strings.Cut(ref, "#")
	return name, name != "" && target.value.Field("$dynamicAnchor").Str() == name
}

// pattern compiles a regular expression. ECMA's classes differ from RE2's
// only in names that the standard calls optional.
func (k *keywords) pattern(keyword, text string) *regexp.Regexp {
	re, err := regexp.Compile(text)
	if err != nil {
		k.fail(keyword, "is no RE2 expression (lookarounds and back references are not): "+strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re
}
