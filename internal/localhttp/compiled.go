package localhttp

import "sync"

// maxCompiled is how many of a kind are kept: callers use a handful.
const maxCompiled = 100

// compiled keeps what was made of texts, so that a text is read once. The
// zero value is ready to use.
type compiled[T any] struct {
	mu    sync.Mutex
	kept  map[string]T
	order []string // oldest first
}

// get returns what is kept of the text, or makes it. What cannot be made is
// not kept.
func (c *compiled[T]) get(text string, make func(string) (T, error)) (T, error) {
	c.mu.Lock()
	made, ok := c.kept[text]
	c.mu.Unlock()
	if ok {
		return made, nil
	}
	made, err := make(text)
	if err != nil {
		return made, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[string]T{}
	}
	if _, ok := c.kept[text]; !ok {
		if len(c.order) == maxCompiled {
			delete(c.kept, c.order[0])
			c.order = c.order[1:]
		}
		c.order = append(c.order, text)
	}
	c.kept[text] = made
	return made, nil
}
