package middleware

import (
	"bytes"
	"slices"
	"sync"
)

// maxOriginals bounds what is kept of events, in bytes: two of the largest.
const maxOriginals = 12 << 20

// Originals are events as they were before an envelope took something out of
// them, while their requests run. The zero value is ready to use; safe for
// concurrent use.
type Originals struct {
	mu    sync.Mutex
	kept  map[string][]byte
	order []string // oldest first
	bytes int
}

func (o *Originals) keep(id string, event []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropLocked(id)
	for len(o.order) > 0 && o.bytes+len(event) > maxOriginals {
		o.dropLocked(o.order[0]) // its answer was a stream, or never came
	}
	if o.kept == nil {
		o.kept = map[string][]byte{}
	}
	o.kept[id] = bytes.Clone(event)
	o.order = append(o.order, id)
	o.bytes += len(event)
}

func (o *Originals) drop(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropLocked(id)
}

func (o *Originals) dropLocked(id string) {
	if event, ok := o.kept[id]; ok {
		o.bytes -= len(event)
		delete(o.kept, id)
		o.order = slices.DeleteFunc(o.order, func(one string) bool { return one == id })
	}
}

// Find returns the event of a request, or of the only one that runs: a record
// of a batch has an id of its own, which its caller need not know. nil: there
// is none. It must not be written to.
func (o *Originals) Find(id string) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if event, ok := o.kept[id]; ok {
		return event
	}
	if len(o.order) == 1 {
		return o.kept[o.order[0]]
	}
	return nil
}
