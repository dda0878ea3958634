package idempotency

import (
	"slices"
	"sync"
)

// maxOpen is how many executions are remembered at once: the oldest is left to
// its expiry for a newer one.
const maxOpen = 10_000

// Open are executions that were begun by one call and are finished by another,
// which names them by an id. The zero value is ready. Safe for concurrent use.
type Open struct {
	mu    sync.Mutex
	byID  map[string]*Execution
	order []string // oldest first, finished ones among them
}

// Add keeps an execution and returns its id: 32 hex digits that nobody guesses.
func (o *Open) Add(x *Execution) (id string) {
	id = newID()
	o.Put(id, x)
	return id
}

// Put keeps an execution under the id that it had before it was taken.
func (o *Open) Put(id string, x *Execution) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.byID == nil {
		o.byID = make(map[string]*Execution)
	}
	o.byID[id] = x
	o.order = append(o.order, id)
	for len(o.byID) > maxOpen {
		delete(o.byID, o.order[0])
		o.order = o.order[1:]
	}
	if len(o.order) > 2*maxOpen {
		o.order = slices.DeleteFunc(o.order, func(id string) bool { return o.byID[id] == nil })
	}
}

// Take returns an execution, once.
func (o *Open) Take(id string) (x *Execution, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	x, ok = o.byID[id]
	delete(o.byID, id)
	return x, ok
}
