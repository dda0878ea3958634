package relay

import (
	"context"
	"sync"
)

// Gate is open while the sandbox runs. Telemetry leaves only then: the platform's
// sender stands in the same sandbox and is frozen with it.
type Gate struct {
	mu     sync.Mutex
	opened chan struct{} // closed while open
	open   bool
	epoch  int // counts closings
}

// NewGate makes an open one.
func NewGate() *Gate {
	g := &Gate{opened: make(chan struct{}), open: true}
	close(g.opened)
	return g
}

// Set opens or closes it.
func (g *Gate) Set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == open {
		return
	}
	g.open = open
	if open {
		close(g.opened)
		return
	}
	g.opened = make(chan struct{})
	g.epoch++
}

// closings lets a timer find out whether a freeze fell into its time.
func (g *Gate) closings() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.epoch
}

// wait returns when the gate is open or ctx is done.
func (g *Gate) wait(ctx context.Context) error {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	select {
	case <-opened:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
