package awsemu

import (
	"cmp"
	"slices"
)

// union is a set with the elements of both.
func union(a, b Attribute) Attribute {
	return setOf(a.Kind, slices.Concat(a.elements(), without(b, a).elements()))
}

// without is a set less the elements of another.
func without(a, b Attribute) Attribute {
	gone := b.elements()
	return setOf(a.Kind, slices.DeleteFunc(a.elements(), func(e Attribute) bool { return slices.ContainsFunc(gone, e.equal) }))
}

func setOf(kind string, elements []Attribute) Attribute {
	if kind == "BS" {
		raw := [][]byte{}
		for _, e := range elements {
			raw = append(raw, e.Value.([]byte))
		}
		return Attribute{Kind: kind, Value: raw}
	}
	texts := []string{}
	for _, e := range elements {
		texts = append(texts, e.Value.(string))
	}
	return Attribute{Kind: kind, Value: texts}
}

// apply makes the changes to a copy of old: every value is computed from the
// item as it was. problem is DynamoDB's message.
func apply(changes []change, old Item) (out Item, problem string) {
	out = old.clone()
	var gone []path
	for _, c := range changes {
		value, keep, problem := c.value(old)
		if problem != "" {
			return nil, problem
		}
		if !keep {
			gone = append(gone, c.path)
			continue
		}
		if !put(out, c.path, value.clone()) {
			return nil, wrongPath
		}
	}
	// Elements of a list go from its end, so that an index means what it meant.
	slices.SortStableFunc(gone, func(a, b path) int { return -comparePaths(a, b) })
	for _, p := range gone {
		if !cut(out, p) {
			return nil, wrongPath
		}
	}
	return out, ""
}

func comparePaths(a, b path) int {
	return slices.CompareFunc(a, b, func(x, y step) int {
		return cmp.Or(cmp.Compare(x.index, y.index), cmp.Compare(x.name, y.name))
	})
}

// put writes a value at a path, whose parent must be there. An index beyond a
// list's end appends.
func put(item Item, p path, value Attribute) bool {
	if len(p) == 1 {
		item[p[0].name] = value
		return true
	}
	parent, ok := p[:len(p)-1].find(item)
	last := p[len(p)-1]
	if !ok {
		return false
	}
	switch v := parent.Value.(type) {
	case map[string]Attribute:
		if last.index < 0 {
			v[last.name] = value
			return true
		}
	case []Attribute:
		if last.index >= 0 && last.index < len(v) {
			v[last.index] = value
			return true
		}
		if last.index >= 0 {
			parent.Value = append(v, value)
			return put(item, p[:len(p)-1], parent)
		}
	}
	return false
}

// cut removes what is at a path; a member that is not there is no mistake, a
// parent that is not there is one.
func cut(item Item, p path) bool {
	if len(p) == 1 {
		delete(item, p[0].name)
		return true
	}
	parent, ok := p[:len(p)-1].find(item)
	last := p[len(p)-1]
	if !ok {
		return false
	}
	switch v := parent.Value.(type) {
	case map[string]Attribute:
		delete(v, last.name)
		return last.index < 0
	case []Attribute:
		if last.index >= 0 && last.index < len(v) {
			parent.Value = slices.Delete(v, last.index, last.index+1)
			return put(item, p[:len(p)-1], parent)
		}
		return last.index >= 0
	}
	return false
}
