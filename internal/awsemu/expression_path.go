package awsemu

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// step is one part of a document path: a member of a map, or an element of a
// list. The first step of a path names an attribute of the item.
type step struct {
	name  string
	index int // of a list; -1 for a member of a map
}

// path is a document path such as a.b[0].c.
type path []step

// String is the form of DynamoDB's messages: [a, b, [0]].
func (p path) String() string {
	parts := make([]string, len(p))
	for i, s := range p {
		if parts[i] = s.name; s.index >= 0 {
			parts[i] = "[" + strconv.Itoa(s.index) + "]"
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// path reads a document path.
func (r *reader) path() (path, error) {
	name, err := r.pathName()
	if err != nil {
		return nil, err
	}
	out := path{{name, -1}}
	for {
		switch {
		case r.accept("."):
			if name, err = r.pathName(); err != nil {
				return nil, err
			}
			out = append(out, step{name, -1})
		case r.accept("["):
			token := r.next()
			index, err := strconv.Atoi(token)
			if err != nil || index < 0 || strings.Trim(token, "0123456789") != "" {
				return nil, r.syntax(token)
			}
			if index > 1<<20 {
				return nil, r.invalid("List index is not within the allowable range; index: [%d]", index)
			}
			if err := r.expect("]"); err != nil {
				return nil, err
			}
			out = append(out, step{index: index})
		default:
			return out, nil
		}
	}
}

// pathName takes #name, or a plain one that is not reserved.
func (r *reader) pathName() (string, error) {
	if token := r.peek(); isKeyword(token) || strings.HasPrefix(token, ":") || token != "" && !isName(token) {
		return "", r.syntax(token)
	}
	return r.p.name(r.where, r.next())
}

// isName reports whether a token can be an attribute's name. (Expression
// attribute names, DynamoDB developer guide)
func isName(token string) bool {
	if strings.HasPrefix(token, "#") {
		return len(token) > 1
	}
	if c := rune(token[0]); !nameRune(c) || c == '-' || c == '.' || c == '_' || c >= '0' && c <= '9' {
		return false
	}
	return strings.IndexFunc(token, func(c rune) bool { return !nameRune(c) || c == '-' || c == '.' }) < 0
}

// find is the value at a path.
func (p path) find(item Item) (Attribute, bool) {
	value, ok := item[p[0].name]
	for _, s := range p[1:] {
		if !ok {
			break
		}
		value, ok = value.member(s)
	}
	return value, ok
}

func (a Attribute) member(s step) (Attribute, bool) {
	switch v := a.Value.(type) {
	case map[string]Attribute:
		if s.index < 0 {
			out, ok := v[s.name]
			return out, ok
		}
	case []Attribute:
		if s.index >= 0 && s.index < len(v) {
			return v[s.index], true
		}
	}
	return Attribute{}, false
}

// overlaps reports whether one path is inside the other, or both are the same.
func (p path) overlaps(q path) bool {
	n := min(len(p), len(q))
	return slices.Equal(p[:n], q[:n])
}

// conflicts reports whether the two paths treat one value as a map and as a list.
func (p path) conflicts(q path) bool {
	for i := range min(len(p), len(q)) {
		if (p[i].index < 0) != (q[i].index < 0) {
			return true
		}
		if p[i] != q[i] {
			return false
		}
	}
	return false
}

// clone copies a value with everything inside it: items that were answered or
// stored are never changed in place.
func (a Attribute) clone() Attribute {
	switch v := a.Value.(type) {
	case map[string]Attribute:
		out := make(map[string]Attribute, len(v))
		for name, member := range v {
			out[name] = member.clone()
		}
		a.Value = out
	case []Attribute:
		out := make([]Attribute, len(v))
		for i := range v {
			out[i] = v[i].clone()
		}
		a.Value = out
	}
	return a
}

func (i Item) clone() Item {
	out := make(Item, len(i))
	for name, value := range i {
		out[name] = value.clone()
	}
	return out
}

// project keeps what is at the paths, inside the maps and lists it was in.
// The elements of a list move together. (Projection expressions, DynamoDB
// developer guide)
func project(item Item, paths []path) Item {
	if paths == nil {
		return item
	}
	kept := pick(Attribute{Kind: "M", Value: map[string]Attribute(item)}, paths)
	return Item(kept.Value.(map[string]Attribute))
}

// pick keeps of a map or list what is at the paths, which start inside it.
func pick(from Attribute, paths []path) Attribute {
	below := map[step][]path{}
	for _, p := range paths {
		if _, ok := (append(path{{"", -1}}, p...)).find(Item{"": from}); ok {
			below[p[0]] = append(below[p[0]], p[1:])
		}
	}
	one := func(s step) Attribute {
		value, _ := from.member(s)
		if rest := below[s]; !slices.ContainsFunc(rest, func(p path) bool { return len(p) == 0 }) {
			return pick(value, rest)
		}
		return value
	}
	if _, isMap := from.Value.(map[string]Attribute); isMap {
		out := map[string]Attribute{}
		for s := range below {
			out[s.name] = one(s)
		}
		return Attribute{Kind: "M", Value: out}
	}
	list := []Attribute{}
	for _, s := range slices.SortedFunc(maps.Keys(below), func(a, b step) int { return a.index - b.index }) {
		list = append(list, one(s))
	}
	return Attribute{Kind: "L", Value: list}
}
