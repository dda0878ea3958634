package relay

import "sync"

// Stats are the events of all subscriptions so far.
type Stats struct {
	Subscriptions int // accepted with 200
	Events        int // of the types that were subscribed to
	Delivered     int // taken by a subscriber with a 2xx
	Lost          int // dropped, withheld or damaged by the platform or a fault
	Refused       int // POSTs that were not answered with a 2xx; they are repeated
}

// Counts is shared by the sandboxes of one emulator. A nil one counts
// nothing.
type Counts struct {
	mu    sync.Mutex
	stats Stats
	told  int // Lost when the last invocation ended
}

func (c *Counts) add(subscriptions, events, delivered, lost, refused int) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Subscriptions += subscriptions
	c.stats.Events += events
	c.stats.Delivered += delivered
	c.stats.Lost += lost
	c.stats.Refused += refused
}

func (c *Counts) offered()        { c.add(0, 1, 0, 0, 0) }
func (c *Counts) delivered(n int) { c.add(0, 0, n, 0, 0) }
func (c *Counts) lost(n int)      { c.add(0, 0, 0, n, 0) }
func (c *Counts) refused()        { c.add(0, 0, 0, 0, 1) }
func (c *Counts) subscribed()     { c.add(1, 0, 0, 0, 0) }

// withheld is an event that a fault keeps from everybody.
func (c *Counts) withheld() { c.add(0, 1, 0, 1, 0) }

// NewlyLost returns how many were lost since it was last asked.
func (c *Counts) NewlyLost() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.stats.Lost - c.told
	c.told = c.stats.Lost
	return n
}

// Stats is what has happened so far.
func (c *Counts) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}
