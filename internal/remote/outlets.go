package remote

import (
	"context"
	"sync"
	"time"

	"powertools-extension/internal/flush"
	"powertools-extension/internal/sink"
)

// NoTryTimeout leaves the bound of a try to the flush it belongs to, which
// counts time awake. A timer of the try's own would be over at the thaw, and
// blame the receiver for the freeze.
const NoTryTimeout = 24 * time.Hour

// Outlet is one destination behind a network.
type Outlet struct {
	*sink.Guarded
	Spans     bool   // its lines are spans and not log lines
	Place     int    // among all destinations, the name of its files
	CloseIdle func() // drops its connections; nil: it has none of its own
	Half      uint64 // pending bytes from which its buffer counts as half full
}

// Outlets are all of them. They implement flush.Sinks.
type Outlets []*Outlet

// Flush implements flush.Sinks: all side by side, so that one that hangs
// keeps no other from its work. What goes wrong is counted and said by the
// outlet itself.
func (rs Outlets) Flush(ctx context.Context, how flush.How) {
	var wg sync.WaitGroup
	for _, r := range rs {
		switch {
		case how == flush.Last:
			wg.Go(func() { _ = r.Drain(ctx) })
		case how == flush.Beside || r.Ready():
			wg.Go(func() { _ = r.Guarded.Flush(ctx) })
		}
	}
	wg.Wait()
}

// Condition implements flush.Sinks.
func (rs Outlets) Condition() (c flush.Condition) {
	for _, r := range rs {
		pending := r.Stats().Pending
		health := r.Health()
		c.Pending = c.Pending || pending.Lines > 0
		c.Pressed = c.Pressed || pending.Bytes >= r.Half
		c.Working = c.Working || r.Ready()
		c.Probe = c.Probe || !health.Disabled && health.State == sink.Probing && pending.Lines > 0
	}
	return c
}

// Forget drops all connections.
func (rs Outlets) Forget() {
	for _, r := range rs {
		if r.CloseIdle != nil {
			r.CloseIdle()
		}
	}
}
