package pipeline

import "powertools-extension/internal/emf"

// meters takes the counters of other parts once for each invocation, at the
// first sign of its end: its platform.runtimeDone, or the next INVOKE.
type meters struct {
	sources []Meter
	running string                    // request the counters count for; empty between invocations
	taken   map[string][]emf.Property // until the canonical event is written
}

// begin ends the invocation before, if its end was not seen, and lets the
// counters count for this one.
func (m *meters) begin(id string) {
	if m.running != id {
		m.end(m.running)
	}
	m.started(id)
}

// started lets the counters count for a request, unless another one is being
// counted for or this one is over.
func (m *meters) started(id string) {
	if _, over := m.taken[id]; !over && m.running == "" {
		m.running = id
	}
}

// end takes the counters for the request, if it is the one they count for.
func (m *meters) end(id string) {
	if id == "" || m.running != id {
		return
	}
	m.running = ""
	if m.taken == nil {
		m.taken = make(map[string][]emf.Property)
	}
	var all []emf.Property
	for _, s := range m.sources {
		all = append(all, s.Take()...)
	}
	m.taken[id] = all
}

// take hands over what was counted for a request and forgets it.
func (m *meters) take(id string) []emf.Property {
	m.end(id)
	all := m.taken[id]
	delete(m.taken, id)
	return all
}
