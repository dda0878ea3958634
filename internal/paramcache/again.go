package paramcache

import "time"

// Again returns the judge of an answer that was just given: called later, it
// tells whether the same read would be answered with the same bytes, and counts
// the hit where it says yes. It stays a yes while the entry is the one that
// answered, of the same fetch, fresh for this read and its Age the same in
// whole seconds; a refresh that is due, a denial, an eviction and a purge make
// it a no, for good or until the read has gone the ordinary way.
//
// nil: the answer was no Hit, was forced or compared, or is gone already.
//
// The judge is safe for concurrent use and allocates nothing. It holds the
// ref, not the value.
func (c *Cache) Again(ref Ref, opt Options, res *Result) func() bool {
	if res.State != Hit || opt.Force || opt.IfVersion != "" {
		return nil
	}
	asked := read{ref: ref, opt: opt, key: c.home.Key(ref)}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries.find(asked.key)
	if e == nil || !e.fetched.Equal(res.Fetched) {
		return nil
	}
	filed, age := e.filed, res.Age/time.Second
	return func() bool { return c.again(e, filed, age, asked) }
}

// again is Get for a read whose answer is known to whoever asks.
func (c *Cache) again(e *entry, filed uint64, age time.Duration, r read) bool {
	r.now = c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries.find(r.key) != e || e.filed != filed || e.disowned {
		return false
	}
	old := e.age(r.now)
	if old/time.Second != age || old >= c.maxAge(e, &r) || c.awake && c.dueLocked(e, &r, Hit) {
		return false
	}
	c.entries.touch(e)
	e.hits++
	c.counters.count(Hit)
	return true
}
