package paramcache

import "time"

// Counters is what happened since the last Take. Each read is counted once, as
// one of Hits, Misses, Refreshed, Coalesced, Stale and Errors.
type Counters struct {
	Hits      uint64
	Misses    uint64
	Refreshed uint64
	Coalesced uint64
	Stale     uint64
	Errors    uint64

	Evicted       uint64        // entries that had to leave for the bounds
	UpstreamCalls uint64        // calls of the provider
	UpstreamTime  time.Duration // spent in them, added up; calls side by side count twice
}

// Reads is how many reads were answered, with errors.
func (c Counters) Reads() uint64 {
	return c.Hits + c.Misses + c.Refreshed + c.Coalesced + c.Stale + c.Errors
}

// UpstreamMillis is UpstreamTime in milliseconds.
func (c Counters) UpstreamMillis() float64 {
	return float64(c.UpstreamTime) / float64(time.Millisecond)
}

func (c *Counters) count(state State) {
	switch state {
	case Hit:
		c.Hits++
	case Miss:
		c.Misses++
	case Refreshed:
		c.Refreshed++
	case Coalesced:
		c.Coalesced++
	case Stale:
		c.Stale++
	}
}

// Take returns the counters and starts them anew.
func (c *Cache) Take() Counters {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.counters
	taken.Evicted = c.entries.evicted
	c.counters, c.entries.evicted = Counters{}, 0
	return taken
}
