package awsemu

import (
	"encoding/base64"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (p *parser) table(e entry) Table {
	field := e.path
	out := Table{Name: e.key, Key: "id"}
	var items []*yaml.Node
	if reason := badTableName(e.key); reason != "" {
		p.fail(e.name, field, "%s", reason)
	}
	for _, f := range p.mapping(e.value, field) {
		switch f.key {
		case "key":
			out.Key = p.text(f.value, f.path)
		case "sort":
			out.Sort = p.text(f.value, f.path)
		case "key_type":
			out.KeyType = p.oneOf(f, "S", "N", "B")
		case "sort_type":
			out.SortType = p.oneOf(f, "S", "N", "B")
		case "items":
			items = p.sequence(f.value, f.path)
		default:
			p.unknown(f, "key, sort, items, key_type, sort_type")
		}
	}
	seen := map[string]bool{}
	for i, n := range items {
		path := fmt.Sprintf("%s.items[%d]", field, i)
		item := Item(p.attributes(n, path))
		if id, ok := p.itemKey(n, path, out, item); ok {
			if seen[id] {
				p.fail(n, path, "has the key of an earlier item")
			}
			seen[id] = true
			out.Items = append(out.Items, item)
		}
	}
	return out
}

// badTableName: (Naming rules, DynamoDB developer guide)
func badTableName(name string) string {
	if len(name) < 3 || len(name) > 255 || strings.IndexFunc(name, func(c rune) bool { return !nameRune(c) }) >= 0 {
		return "a table's name has 3 to 255 letters, digits and _.-"
	}
	return ""
}

// itemKey checks the key attributes of an item against those of the table's
// first one and returns a text that is unique per key.
func (p *parser) itemKey(n *yaml.Node, path string, t Table, item Item) (string, bool) {
	id := ""
	for _, name := range []string{t.Key, t.Sort} {
		if name == "" {
			continue
		}
		value, ok := item[name]
		if !ok || !value.isKey() {
			p.fail(n, path, "has no key attribute %q, or one that is empty or neither text, number nor binary", name)
			return "", false
		}
		if said := map[string]string{t.Key: t.KeyType, t.Sort: t.SortType}[name]; said != "" && said != value.Kind {
			p.fail(n, path, "key attribute %q is %s, the table says %s", name, value.Kind, said)
			return "", false
		}
		if len(t.Items) > 0 && t.Items[0][name].Kind != value.Kind {
			p.fail(n, path, "key attribute %q is %s, in the items before it is %s", name, value.Kind, t.Items[0][name].Kind)
			return "", false
		}
		id += fmt.Sprintf("%q", value.text())
	}
	return id, true
}

func (p *parser) attributes(n *yaml.Node, path string) map[string]Attribute {
	out := map[string]Attribute{}
	for _, f := range p.mapping(n, path) {
		out[f.key] = p.attribute(f.value, f.path)
	}
	return out
}

// attribute maps YAML's types to DynamoDB's; !ss, !ns and !bs mark sets.
func (p *parser) attribute(n *yaml.Node, path string) Attribute {
	if n = p.spend(n); n == nil {
		return Attribute{Kind: "NULL", Value: true}
	}
	leave, ok := p.deeper(n, path)
	defer leave()
	if !ok {
		return Attribute{Kind: "NULL", Value: true}
	}
	switch tag := n.ShortTag(); {
	case n.Kind == yaml.MappingNode:
		return Attribute{Kind: "M", Value: p.attributes(n, path)}
	case n.Kind == yaml.SequenceNode && (tag == "!ss" || tag == "!ns" || tag == "!bs"):
		return p.set(n, path, strings.ToUpper(tag[1:]))
	case n.Kind == yaml.SequenceNode:
		list := []Attribute{}
		for _, c := range p.sequence(n, path) {
			list = append(list, p.attribute(c, path))
		}
		return Attribute{Kind: "L", Value: list}
	case tag == "!!null":
		return Attribute{Kind: "NULL", Value: true}
	case tag == "!!bool":
		return Attribute{Kind: "BOOL", Value: strings.EqualFold(n.Value, "true")}
	case tag == "!!int" || tag == "!!float":
		if number := jsonNumber(n); number != "" {
			return Attribute{Kind: "N", Value: number}
		}
		p.fail(n, path, "%s is not a number DynamoDB can hold", n.Value)
	case tag == "!!binary":
		return Attribute{Kind: "B", Value: p.binary(n, path)}
	}
	return Attribute{Kind: "S", Value: n.Value}
}

func (p *parser) set(n *yaml.Node, path, kind string) Attribute {
	texts := p.texts(n, path)
	if len(texts) == 0 {
		p.fail(n, path, "is an empty set, which DynamoDB does not store")
	}
	if kind != "BS" {
		return Attribute{Kind: kind, Value: texts}
	}
	var raw [][]byte
	for _, text := range texts {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			p.fail(n, path, "%q is not base64", text)
		}
		raw = append(raw, b)
	}
	return Attribute{Kind: kind, Value: raw}
}
