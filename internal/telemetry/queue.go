package telemetry

import (
	"bytes"
	"slices"
	"sync"
)

// item is one body that waits to be decoded, or a mark that somebody waits for.
type item struct {
	body     []byte
	platform bool          // it seems to hold platform events
	mark     chan struct{} // closed when all before it is handled; body is nil then
}

// queue is a first-in, first-out queue of bodies, bounded by the memory they
// occupy. It never blocks the side that fills it: when full it drops, the
// oldest body first, and those with platform events last, because a lost line
// is a line and a lost platform event is an invocation.
type queue struct {
	limit int // bytes

	mu     sync.Mutex
	filled sync.Cond
	items  []item
	bytes  int // memory of the bodies in items
	closed bool
	ended  bool // closed, and the reader knows that nothing follows
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.filled.L = &q.mu
	return q
}

// push adds body and returns those that were dropped to make room, among which
// body itself may be. A body larger than the limit enters an empty queue.
func (q *queue) push(body []byte) (dropped [][]byte) {
	it := item{body: body, platform: bytes.Contains(body, []byte(`"type":"platform.`))}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return [][]byte{body}
	}
	for q.bytes > 0 && q.bytes+cap(body) > q.limit {
		i := q.victimLocked(it)
		if i < 0 {
			return append(dropped, body)
		}
		dropped = append(dropped, q.removeLocked(i).body)
	}
	q.items = append(q.items, it)
	q.bytes += cap(body)
	q.filled.Signal()
	return dropped
}

// victimLocked returns the index of the item to drop before it can enter, or
// -1 if that is it itself.
func (q *queue) victimLocked(it item) int {
	oldest := -1
	for i, have := range q.items {
		switch {
		case have.mark != nil:
		case !have.platform:
			return i
		case oldest < 0:
			oldest = i
		}
	}
	if !it.platform {
		return -1
	}
	return oldest
}

func (q *queue) removeLocked(i int) item {
	it := q.items[i]
	q.items = slices.Delete(q.items, i, i+1)
	q.bytes -= cap(it.body)
	return it
}

// mark adds a mark, and reports false if the reader has gone.
func (q *queue) mark(m chan struct{}) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return false
	}
	q.items = append(q.items, item{mark: m})
	q.filled.Signal()
	return true
}

// pop waits for the next item. It reports false when the queue is closed and
// empty; nothing enters it from then on.
func (q *queue) pop() (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.filled.Wait()
	}
	if len(q.items) == 0 {
		q.ended = true
		return item{}, false
	}
	return q.removeLocked(0), true
}

// close lets the reader end once it has read everything.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
}
