package awsparams

import "powertools-extension/internal/paramcache"

// maxGroup bounds a group, in bytes: more would not be kept by any sensible
// cache, and the pages of one read must not fill the memory.
const maxGroup = 8 << 20

// group collects the members of one value.
type group struct {
	ref   paramcache.Ref
	value paramcache.Value
	size  int
}

func newGroup(ref paramcache.Ref, name string) *group {
	return &group{ref: ref, value: paramcache.Value{Name: name, Members: []paramcache.Value{}}}
}

func (g *group) add(member paramcache.Value) error {
	if g.size += member.Size(); g.size > maxGroup {
		return badRequest(g.ref, "its values are more than 8 MiB", "ask for less at once")
	}
	g.value.Members = append(g.value.Members, member)
	return nil
}
