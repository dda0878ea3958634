package paramcache

import "time"

// Forgetter is a Provider that keeps something between fetches, and can drop
// it.
type Forgetter interface {
	Forget()

	// ForgetRef drops what is kept of one ref, so that the next fetch asks
	// anew. It is called before a forced fetch and by a purge.
	ForgetRef(ref Ref)

	// Held is how many bytes are kept; they count against Config.MaxBytes.
	Held() int
}

// Purge forgets one ref: its value under all its names, decrypted or not, in
// all its versions and stages, the groups that hold it, and what failed lately.
// It reports whether there was a value. A group is forgotten alone. What is
// being fetched meanwhile still answers those who wait, but is not stored.
func (c *Cache) Purge(ref Ref) bool {
	if keeps, ok := c.provider.(Forgetter); ok {
		keeps.ForgetRef(ref)
	}
	defer c.tellSize()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.newEpochLocked()
	purged := false
	for at := c.entries.order.Front(); at != nil; {
		e, ok := at.Value.(*entry)
		at = at.Next()
		if ok && c.home.Concerns(e.ref, e.keys, ref) {
			purged = purged || !e.disowned
			c.entries.remove(e)
		}
	}
	return purged
}

// PurgeAll forgets everything, what the Provider keeps as well, and reports how
// many values there were. After the restore of a snapshot it is the first thing
// to do: what was fetched before belongs to another sandbox.
func (c *Cache) PurgeAll() int {
	if keeps, ok := c.provider.(Forgetter); ok {
		keeps.Forget()
	}
	defer c.tellSize()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.newEpochLocked()
	return c.entries.clear()
}

func (c *Cache) newEpochLocked() {
	c.epoch++
	c.generation++
	c.flights = map[string]*flight{}
	clear(c.failures)
}

// Generation changes whenever an answer that was given before may no longer be
// given although it is fresh: a value was replaced, evicted or purged. A new
// entry does not change it.
func (c *Cache) Generation() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

// EntryInfo describes one stored value without showing it.
type EntryInfo struct {
	Ref     Ref // as it was first asked for
	State   State
	Version string
	Age     time.Duration
	Hits    uint64 // reads answered from the entry, stale ones too
	Size    int    // bytes
}

// Entries lists what is stored, the most recently used first. The state is Hit
// where a read without options would be one, else Stale.
func (c *Cache) Entries() []EntryInfo {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	infos := make([]EntryInfo, 0, c.entries.order.Len())
	for at := c.entries.order.Front(); at != nil; at = at.Next() {
		e, ok := at.Value.(*entry)
		if !ok || e.disowned {
			continue
		}
		state, age := Stale, e.age(now)
		if age < c.maxAge(e, &read{ref: e.ref}) {
			state = Hit
		}
		infos = append(infos, EntryInfo{Ref: e.ref, State: state, Version: e.Value.Version, Age: age, Hits: e.hits, Size: e.size})
	}
	return infos
}
