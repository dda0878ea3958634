package ref

import "encoding/binary"

// Key is equal for refs that name the same thing with the same attributes, and
// different otherwise. Every part is written with its length, so no byte in a
// name can imitate a boundary.
func (h Home) Key(r Ref) string {
	return h.laidOut(r).keyOf(h.target(r))
}

// laidOut removes attributes that say nothing: those of the configured layout,
// and those that the read does not use.
func (h Home) laidOut(r Ref) Ref {
	if r.KeyAttr == h.KeyAttr {
		r.KeyAttr = ""
	}
	if r.SortAttr == h.SortAttr || r.Sort == "" && !r.AllSorts {
		r.SortAttr = ""
	}
	if r.ValueAttr == h.ValueAttr || r.Item {
		r.ValueAttr = ""
	}
	return r
}

// keyOf is the key of the target with the attributes of r.
func (r Ref) keyOf(t target) string {
	var space [256]byte // most keys fit: the string is the only allocation
	b := append(space[:0], byte(t.form), r.flags())
	b = appendPart(b, string(r.Source))
	b = appendPart(b, t.region)
	b = appendPart(b, t.account)
	b = appendPart(b, t.name)
	b = appendPart(b, t.version)
	b = appendPart(b, t.label)
	if r.inTable() {
		b = appendPart(b, r.Key)
		b = appendPart(b, r.Sort)
		b = appendPart(b, r.KeyAttr)
		b = appendPart(b, r.SortAttr)
		b = appendPart(b, r.ValueAttr)
	}
	if r.RoleARN != "" {
		b = appendPart(b, r.RoleARN)
	}
	return string(b)
}

// inTable tells whether the ref has attributes of DynamoDB's.
func (r Ref) inTable() bool {
	return r.Key != "" || r.Sort != "" || r.KeyAttr != "" || r.SortAttr != "" || r.ValueAttr != ""
}

// flags are the ref's booleans, and which of the optional parts follow.
func (r Ref) flags() (f byte) {
	for i, set := range [8]bool{r.Decrypt, r.Consistent, r.Item, r.Path, r.Recursive, r.AllSorts, r.inTable(), r.RoleARN != ""} {
		if set {
			f |= 1 << i
		}
	}
	return f
}

func appendPart(b []byte, part string) []byte {
	b = binary.AppendUvarint(b, uint64(len(part)))
	return append(b, part...)
}
