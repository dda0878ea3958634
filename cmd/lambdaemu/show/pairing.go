package show

import (
	"slices"
	"strings"
)

// maxOriginals bounds how many of the function's lines wait for their copy.
const maxOriginals = 2000

// pairing finds the enriched copy an extension prints of a line of the
// function, so that the view can show what was added instead of all again.
type pairing struct {
	originals []original
}

type original struct {
	text string
	rec  record // nil for a text line
}

// remember takes a line of the function.
func (p *pairing) remember(text string, rec record) {
	if len(p.originals) == maxOriginals {
		p.originals = slices.Delete(p.originals, 0, maxOriginals/10)
	}
	p.originals = append(p.originals, original{strings.TrimSpace(text), rec})
}

// match returns the members that rec has beyond the oldest waiting line it is
// a copy of. A matched line waits no longer.
func (p *pairing) match(rec record) (added record, ok bool) {
	key, message := rec.message()
	i := slices.IndexFunc(p.originals, func(o original) bool { return o.copiedBy(rec, message) })
	if i < 0 {
		return nil, false
	}
	was := p.originals[i]
	p.originals = slices.Delete(p.originals, i, i+1)
	for _, m := range rec {
		_, there := was.rec.get(m.key)
		if !there && m.key != key {
			added = append(added, m)
		}
	}
	return added, true
}

// copiedBy: a text line became the message, possibly without the prefix its
// runtime put there; an object has all its members again.
func (o original) copiedBy(rec record, message string) bool {
	if o.rec == nil {
		message = strings.TrimSpace(message)
		return o.text == message || message != "" && strings.HasSuffix(o.text, message)
	}
	if len(o.rec) == 0 {
		return false
	}
	for _, m := range o.rec {
		if raw, ok := rec.get(m.key); !ok || raw != m.raw {
			return false
		}
	}
	return true
}
