package paramcache

import "sync"

// sizeStep is by how much the size must change before it is told again.
const sizeStep = 1 << 20

// size is what was told of the cache's size.
type size struct {
	mu   sync.Mutex // held while it is told, so that the last word is the newest
	told int
}

// tellSize tells the configured listener how much is held, when that has
// changed enough. Call it without the cache's mutex.
func (c *Cache) tellSize() {
	if c.config.Size == nil {
		return
	}
	c.size.mu.Lock()
	defer c.size.mu.Unlock()
	held := c.held()
	if change := held - c.size.told; change < sizeStep && change > -sizeStep {
		return
	}
	c.size.told = held
	c.config.Size(held)
}

// held is how many bytes there are, those of the provider with them.
func (c *Cache) held() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries.bytes + c.entries.beside()
}
