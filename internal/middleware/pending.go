package middleware

import (
	"sync"
	"time"
)

// pending is what a hook keeps of requests until their answers. The zero value
// is ready to use; safe for concurrent use.
type pending[T any] struct {
	mu   sync.Mutex
	kept map[string]kept[T] // by request
}

type kept[T any] struct {
	value T
	until time.Time
}

// put keeps a value until the answer, and drops those whose runtime never came
// back.
func (p *pending[T]) put(r *Request, value T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil {
		p.kept = make(map[string]kept[T])
	}
	if len(p.kept) >= 64 {
		for id, old := range p.kept {
			if time.Now().After(old.until) {
				delete(p.kept, id)
			}
		}
	}
	until := r.Deadline
	if until.IsZero() {
		until = time.Now().Add(15 * time.Minute) // the longest that Lambda lets anything run
	}
	p.kept[r.ID] = kept[T]{value, until.Add(time.Minute)}
}

// take gives what was kept, once. False: nothing was.
func (p *pending[T]) take(id string) (value T, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, ok := p.kept[id]
	delete(p.kept, id)
	return k.value, ok
}
