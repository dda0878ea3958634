package emf

import "encoding/binary"

// nameSet remembers names without keeping them: a filter of 1024 bits that
// answers "certainly new" or "look closely". A document has some twenty names
// and at most a few hundred, so looking closely is rare. Comparing every name
// with every other instead makes a document of 100 metrics five times as dear.
type nameSet [16]uint64

// add puts the name in and reports whether it may have been there before.
func (s *nameSet) add(name string) bool {
	h := nameHash(name)
	word, bit := &s[h>>60], uint64(1)<<(h>>54&63)
	known := *word&bit != 0
	*word |= bit
	return known
}

// nameHash mixes length, head and tail: names of one document differ there
// (requests.ok, requests.failed, latency_1, latency_2).
func nameHash(name string) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio: spreads neighbours
	h := uint64(len(name))
	if len(name) >= 8 {
		head, tail := word(name), word(name[len(name)-8:])
		return ((h^head)*odd ^ tail) * odd
	}
	for i := range len(name) {
		h = h<<8 ^ uint64(name[i])
	}
	return h * odd
}

// word reads the first eight bytes of s.
func word(s string) uint64 {
	var b [8]byte
	copy(b[:], s)
	return binary.LittleEndian.Uint64(b[:])
}
