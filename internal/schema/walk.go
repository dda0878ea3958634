package schema

import (
	"strings"

	"powertools-extension/internal/jmes"
)

// members compiles properties, patternProperties and additionalProperties to
// one walk over the members, in the order of the document.
func (k *keywords) members(jmes.Value) {
	if !k.firstOf("members") {
		return
	}
	named := map[string]*node{}
	properties := k.l.value.Field("properties")
	if k.has("properties") {
		k.object("properties", properties)
	}
	for _, m := range properties.Members() {
		named[m.Name] = k.sub(m.Value, "properties", m.Name)
	}
	type patterned struct {
		fits func(name string) bool
		n    *node
	}
	var patterns []patterned
	if k.has("patternProperties") {
		k.object("patternProperties", k.l.value.Field("patternProperties"))
	}
	for _, m := range k.l.value.Field("patternProperties").Members() {
		fits := func(name string) bool { return strings.Contains(name, m.Name) }
		if isPattern(m.Name) {
			if re := k.pattern("patternProperties", m.Name); re != nil {
				fits = re.MatchString
			}
		}
		patterns = append(patterns, patterned{fits, k.sub(m.Value, "patternProperties", m.Name)})
	}
	var others *node
	if k.has("additionalProperties") {
		others = k.sub(k.l.value.Field("additionalProperties"), "additionalProperties")
	}
	k.add(func(r *run, in *instance, m *marks) bool {
		ok := true
		for i := range in.members {
			name, value := in.members[i].name, in.members[i].value
			here := step{name, -1}
			known := false
			if n := named[name]; n != nil {
				known = true
				ok = r.below(n, value, here) && ok
			}
			for _, p := range patterns {
				if p.fits(name) {
					known = true
					ok = r.below(p.n, value, here) && ok
				}
			}
			if !known && others != nil {
				known = true
				ok = r.rest(others, value, here, "additionalProperties") && ok
			}
			if known {
				m.mark(i, len(in.members))
			}
			if !ok && r.quiet > 0 {
				return false
			}
		}
		return ok
	})
}

// rest applies a schema to what others left. Where it allows nothing, the
// keyword is told and not its "false".
func (r *run) rest(n *node, in *instance, s step, keyword string) bool {
	r.path = append(r.path, s)
	defer func() { r.path = r.path[:len(r.path)-1] }()
	if n.never {
		return r.fail(in, keyword)
	}
	return r.validate(n, in, nil)
}

// firstOf reports whether a group of keywords, which one check covers, has
// not been compiled for this schema yet.
func (k *keywords) firstOf(group string) bool {
	key := k.l.key() + " " + group
	first := !k.c.grouped[key]
	k.c.grouped[key] = true
	return first
}

// items compiles prefixItems, items and additionalItems to one walk.
func (k *keywords) items(jmes.Value) {
	if !k.firstOf("items") {
		return
	}
	prefixWord, restWord := "prefixItems", "items"
	if items := k.l.value.Field("items"); k.l.dialect != draft2020 {
		prefixWord, restWord = "items", "additionalItems"
		if items.Kind() != jmes.Array {
			prefixWord, restWord = "", "items"
		}
	} else if items.Kind() == jmes.Array {
		k.fail("items", "must be a schema; a list of them is prefixItems in 2020-12")
	}
	var prefix []*node
	if prefixWord != "" {
		for i, e := range k.l.value.Field(prefixWord).Elements() {
			prefix = append(prefix, k.sub(e, prefixWord, itoa(i)))
		}
	}
	var rest *node
	if k.has(restWord) {
		rest = k.sub(k.l.value.Field(restWord), restWord)
	}
	k.add(func(r *run, in *instance, m *marks) bool {
		ok := true
		for i, e := range in.list {
			here := step{"", i}
			switch {
			case i < len(prefix):
				ok = r.below(prefix[i], e, here) && ok
			case rest != nil:
				ok = r.rest(rest, e, here, restWord) && ok
			default:
				return ok
			}
			m.mark(i, len(in.list))
			if !ok && r.quiet > 0 {
				return false
			}
		}
		return ok
	})
}

func (k *keywords) contains(v jmes.Value) {
	n := k.sub(v, "contains")
	least, most := 1, -1
	if k.l.dialect != draft7 {
		for _, bound := range []struct {
			name string
			to   *int
		}{{"minContains", &least}, {"maxContains", &most}} {
			if k.has(bound.name) {
				var ok bool
				if *bound.to, ok = natural(k.l.value.Field(bound.name)); !ok {
					k.fail(bound.name, "must be an integer that is not negative")
				}
			}
		}
	}
	marking := k.l.dialect == draft2020
	k.add(func(r *run, in *instance, m *marks) bool {
		if in.kind != jmes.Array {
			return true
		}
		found := 0
		for i, e := range in.list {
			if r.fits(n, e, nil) {
				found++
				if marking {
					m.mark(i, len(in.list))
				}
			}
		}
		switch {
		case found < least && k.has("minContains"):
			return r.fail(in, "minContains")
		case found < least:
			return r.fail(in, "contains")
		case most >= 0 && found > most:
			return r.fail(in, "maxContains")
		}
		return true
	})
}

func (k *keywords) propertyNames(v jmes.Value) {
	n := k.sub(v, "propertyNames")
	k.add(func(r *run, in *instance, _ *marks) bool {
		ok := true
		for _, m := range in.members {
			name := &instance{kind: jmes.String, text: m.name, order: m.value.order}
			if !r.fits(n, name, nil) {
				ok = r.fail(name, "propertyNames", m.name)
			}
		}
		return ok
	})
}

func (k *keywords) unevaluatedItems(v jmes.Value) {
	n := k.sub(v, "unevaluatedItems")
	k.n.unevaluated = true
	k.add(func(r *run, in *instance, m *marks) bool {
		ok := true
		for i, e := range in.list {
			if !m.has(i) {
				ok = r.rest(n, e, step{"", i}, "unevaluatedItems") && ok
			}
		}
		if in.kind == jmes.Array {
			m.markAll()
		}
		return ok
	})
}

func (k *keywords) unevaluatedProperties(v jmes.Value) {
	n := k.sub(v, "unevaluatedProperties")
	k.n.unevaluated = true
	k.add(func(r *run, in *instance, m *marks) bool {
		ok := true
		for i, member := range in.members {
			if !m.has(i) {
				ok = r.rest(n, member.value, step{member.name, -1}, "unevaluatedProperties") && ok
			}
		}
		if in.kind == jmes.Object {
			m.markAll()
		}
		return ok
	})
}
