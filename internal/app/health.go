package app

import (
	"slices"
	"sync"

	"powertools-extension/internal/localhttp"
)

// health remembers what does not work and why, for GET /healthz and the
// ledger.
type health struct {
	mu       sync.Mutex
	degraded []localhttp.Degradation
}

// degrade notes that a component does not work. The first reason stays.
func (a *App) degrade(component, reason string) {
	h := &a.health
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.degraded {
		if d.Component == component {
			return
		}
	}
	h.degraded = append(h.degraded, localhttp.Degradation{Component: component, Reason: reason})
}

func (h *health) list() []localhttp.Degradation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.degraded)
}
