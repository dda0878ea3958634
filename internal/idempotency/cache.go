package idempotency

import (
	"bytes"
	"container/list"
	"sync"
	"time"
)

// cacheBytes bounds what completed records may take of memory.
const cacheBytes = 4 << 20

// cache keeps completed records, least recently used goes first. The zero
// value with most 0 keeps nothing.
type cache struct {
	most int

	mu    sync.Mutex
	byID  map[string]*list.Element
	order list.List // of *Record, newest first
	bytes int
}

func size(r *Record) int { return len(r.Data) + 2*len(r.ID) + 256 }

func (c *cache) get(id string, now time.Time) *Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byID[id]
	if e == nil {
		return nil
	}
	r := e.Value.(*Record)
	if r.expired(now) {
		c.dropLocked(e)
		return nil
	}
	c.order.MoveToFront(e)
	return r
}

func (c *cache) put(r *Record) {
	if c.most <= 0 || size(r) > cacheBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID = make(map[string]*list.Element)
	}
	if e := c.byID[r.ID]; e != nil {
		c.dropLocked(e)
	}
	copied := *r
	copied.Data = bytes.Clone(r.Data) // the answer's bytes are the caller's
	c.byID[r.ID] = c.order.PushFront(&copied)
	c.bytes += size(r)
	for c.order.Len() > c.most || c.bytes > cacheBytes {
		c.dropLocked(c.order.Back())
	}
}

func (c *cache) dropLocked(e *list.Element) {
	r := c.order.Remove(e).(*Record)
	delete(c.byID, r.ID)
	c.bytes -= size(r)
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID, c.bytes = nil, 0
	c.order.Init()
}
