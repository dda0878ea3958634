package awsparams

import (
	"context"
	"errors"
	"fmt"

	"powertools-extension/internal/paramcache"
)

// maxGroup bounds a group, in bytes: more would not be kept by any sensible
// cache, and the pages of one read must not fill the memory.
const maxGroup = 8 << 20

// group collects the members of one value.
type group struct {
	ref   paramcache.Ref
	value paramcache.Value
	size  int
	pages int // that are read
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

// page reads one page within the limit of a call. ctx is the limit of the whole
// group.
func (p *Provider) page(ctx context.Context, g *group, what action, in, out any) error {
	one := ctx
	if p.opt.Timeout != nil {
		var cancel context.CancelFunc
		one, cancel = context.WithTimeout(ctx, p.opt.Timeout(g.ref.Source))
		defer cancel()
	}
	err := p.call(one, g.ref, what, in, out)
	if err == nil {
		g.pages++
		return nil
	}
	failed, ok := errors.AsType[*paramcache.Error](err)
	if !ok || failed.Kind != paramcache.KindTimeout && failed.Kind != paramcache.KindThrottled {
		return err
	}
	return g.cutShort(failed, ctx.Err() != nil)
}

// cutShort says how far a group came that could not be read to its end, and
// what would help: more time for all of it, or for one page.
func (g *group) cutShort(failed *paramcache.Error, whole bool) error {
	said := *failed
	said.Message = fmt.Sprintf("it was not read to its end: %d pages with %d values were, then: %s", g.pages, len(g.value.Members), failed.Message)
	switch {
	case whole:
		said.Cure = "the invocation's time was over: raise the function's timeout, ask for less at once, or fetch it ahead with POWERTOOLS_PARAMETERS_PREFETCH"
	case failed.Kind == paramcache.KindTimeout:
		said.Cure = "one page has POWERTOOLS_PARAMETERS_TIMEOUT: raise it; " + failed.Cure
	}
	return &said
}
