package awsemu

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// entry is one member of a YAML mapping.
type entry struct {
	key   string
	path  string     // as a mistake names it, e.g. parameters./a.type
	name  *yaml.Node // the key: its line
	value *yaml.Node
}

// spend follows an alias and counts the node against the budget. It returns
// nil once the budget is gone, which ends every walk.
func (p *parser) spend(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if p.budget--; p.budget == 0 {
		p.fail(n, "the file", "expands to more than %d nodes", maxNodes)
	}
	if p.budget <= 0 {
		return nil
	}
	return n
}

// deeper counts one level of nesting; a value that is too deep, as one whose
// alias is inside itself, is given up.
func (p *parser) deeper(n *yaml.Node, path string) (leave func(), ok bool) {
	if p.depth++; p.depth > maxDepth {
		p.fail(n, "the file", "nests more than %d levels at %.80s", maxDepth, path)
		p.budget = 0
	}
	return func() { p.depth-- }, p.depth <= maxDepth
}

func (p *parser) mapping(n *yaml.Node, path string) []entry {
	if n = p.spend(n); n == nil || n.ShortTag() == "!!null" {
		return nil // an empty section
	}
	if n.Kind != yaml.MappingNode {
		p.fail(n, path, "is not a mapping of names to values")
		return nil
	}
	prefix := path + "."
	if path == "the file" {
		prefix = ""
	}
	var out []entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], p.spend(n.Content[i+1])
		if value == nil {
			return out
		}
		e := entry{key: key.Value, path: prefix + key.Value, name: key, value: value}
		if key.Kind != yaml.ScalarNode || key.Value == "" {
			p.fail(key, path, "has a name that is not plain text")
			continue
		}
		if key.ShortTag() == "!!merge" {
			p.fail(key, path, "uses a merge key (<<), which is not read here; repeat the members or use an alias for the whole value")
			continue
		}
		if slices.ContainsFunc(out, func(o entry) bool { return o.key == e.key }) {
			p.fail(key, e.path, "is there twice")
			continue
		}
		out = append(out, e)
	}
	return out
}

func (p *parser) sequence(n *yaml.Node, path string) []*yaml.Node {
	if n = p.spend(n); n == nil || n.ShortTag() == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.fail(n, path, "is not a list")
		return nil
	}
	out := make([]*yaml.Node, 0, len(n.Content))
	for _, c := range n.Content {
		if c = p.spend(c); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// text reads a scalar as it is written (5432 stays 5432), a collection as
// compact JSON in the file's order.
func (p *parser) text(n *yaml.Node, path string) string {
	if n = p.spend(n); n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		var b bytes.Buffer
		p.json(&b, n, path)
		return b.String()
	}
	if n.ShortTag() == "!!null" {
		p.fail(n, path, `has no value; write "" for an empty one`)
	}
	return n.Value
}

func (p *parser) texts(n *yaml.Node, path string) []string {
	var out []string
	for _, c := range p.sequence(n, path) {
		out = append(out, p.text(c, path))
	}
	return out
}

// json writes a node as JSON. Scalars keep their YAML type.
func (p *parser) json(b *bytes.Buffer, n *yaml.Node, path string) {
	if n = p.spend(n); n == nil {
		return
	}
	leave, ok := p.deeper(n, path)
	defer leave()
	if !ok {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i, e := range p.mapping(n, path) {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(quote(e.key))
			b.WriteByte(':')
			p.json(b, e.value, e.path)
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			p.json(b, c, path)
		}
		b.WriteByte(']')
	default:
		b.Write(p.scalarJSON(n))
	}
}

func (p *parser) scalarJSON(n *yaml.Node) []byte {
	switch n.ShortTag() {
	case "!!null", "!!bool":
		var v any
		if n.Decode(&v) == nil {
			if text, err := json.Marshal(v); err == nil {
				return text
			}
		}
	case "!!int", "!!float":
		if number := jsonNumber(n); number != "" {
			return []byte(number)
		}
	}
	return quote(n.Value)
}

// jsonNumber is the node's number in JSON's form, "" for infinities and NaN.
// A number that is JSON already keeps its digits.
func jsonNumber(n *yaml.Node) string {
	if json.Valid([]byte(n.Value)) {
		return n.Value
	}
	var i int64
	if n.ShortTag() == "!!int" && n.Decode(&i) == nil {
		text, _ := json.Marshal(i)
		return string(text)
	}
	var f float64
	if n.Decode(&f) != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return ""
	}
	text, _ := json.Marshal(f)
	return string(text)
}

// quote is text as a JSON string without HTML escapes.
func quote(text string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// binary reads base64, with or without YAML's !!binary tag.
func (p *parser) binary(n *yaml.Node, path string) []byte {
	text := strings.Join(strings.Fields(p.text(n, path)), "")
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		p.fail(n, path, "is not base64")
	}
	return raw
}

func (p *parser) oneOf(f entry, allowed ...string) string {
	text := p.text(f.value, f.path)
	if !slices.Contains(allowed, text) {
		p.fail(f.value, f.path, "%q is not one of %s", text, strings.Join(allowed, ", "))
	}
	return text
}

func (p *parser) unknown(f entry, known string) {
	p.fail(f.name, f.path, "is unknown here; known: %s", known)
}
