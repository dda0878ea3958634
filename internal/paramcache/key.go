package paramcache

import "encoding/binary"

// key is the ref's cache key: equal for equal targets with equal attributes,
// and different otherwise. Every part is written with its length, so no byte in
// a name can imitate a boundary.
func (h home) key(r Ref) string {
	return r.keyOf(h.target(r))
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
	if r.Key != "" || r.Sort != "" || r.KeyAttr != "" || r.SortAttr != "" || r.ValueAttr != "" {
		b = appendPart(b, r.Key)
		b = appendPart(b, r.Sort)
		b = appendPart(b, r.KeyAttr)
		b = appendPart(b, r.SortAttr)
		b = appendPart(b, r.ValueAttr)
	}
	return string(b)
}

func (r Ref) flags() byte {
	var f byte
	if r.Decrypt {
		f |= 1
	}
	if r.Consistent {
		f |= 2
	}
	if r.Item {
		f |= 4
	}
	return f
}

func appendPart(b []byte, part string) []byte {
	b = binary.AppendUvarint(b, uint64(len(part)))
	return append(b, part...)
}
