package pipeline

import (
	"powertools-extension/internal/emf"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/telemetry"
)

// measure takes the counters of other parts and the readings of the sandbox
// once for each attempt, at the first sign of its end: its
// platform.runtimeDone, or the next INVOKE. Nothing runs between the end of an
// invocation and the next INVOKE but the extensions, so a sign that comes late
// changes little.
//
// The sandbox is read at INVOKE, too, for most figures are differences; an
// attempt whose INVOKE was not seen has none of them. On managed instances
// requests run side by side, and nothing is measured.
type measure struct {
	meters  []Meter
	source  Process
	want    procstat.Want       // what is to be read; 0: nothing
	running *invocation.Attempt // counted for; nil between invocations
	based   bool                // base is of running
	base    procstat.Sample
}

func (m *measure) reads() bool { return m.source != nil && m.want != 0 }

// begin ends the attempt before, if its end was not seen, and lets the
// counters count for this one. read says that there is a sample of now.
func (m *measure) begin(a *invocation.Attempt, read bool, now procstat.Sample) {
	if m.running != a {
		m.end(m.running, read, now)
	}
	m.started(a)
	if m.running == a {
		m.based, m.base = read, now
	}
}

// started lets the counters count for an attempt, unless another one is being
// counted for or this one is over.
func (m *measure) started(a *invocation.Attempt) {
	if m.running == nil && !of(a).counted {
		m.running, m.based = a, false
	}
}

// end takes the counters for the attempt, if it is the one they count for.
func (m *measure) end(a *invocation.Attempt, read bool, now procstat.Sample) {
	if a == nil || m.running != a {
		return
	}
	m.running = nil
	st := of(a)
	st.counted = true
	st.counters = make([]emf.Property, 0, 8)
	for _, meter := range m.meters {
		st.counters = append(st.counters, meter.Take()...)
	}
	if m.based && read {
		st.sandbox = now.Since(m.base)
	}
}

// readAtBegin reads before the lock is taken. If the attempt before is still
// being measured, this is its end, too.
func (p *Pipeline) readAtBegin() (bool, procstat.Sample) {
	if !p.measure.reads() {
		return false, procstat.Sample{}
	}
	p.mu.Lock()
	want := p.measure.want
	if p.measure.running == nil {
		want &= procstat.Counters
	}
	p.mu.Unlock()
	return true, p.measure.source.Read(want)
}

// readAtEndOf reads if this event ends the attempt that is measured.
func (p *Pipeline) readAtEndOf(ev *telemetry.Event) (bool, procstat.Sample) {
	if ev.Kind != telemetry.KindRuntimeDone && ev.Kind != telemetry.KindReport || ev.Platform == nil || ev.Platform.RequestID == "" {
		return false, procstat.Sample{}
	}
	return p.readAtEnd(ev.Platform.RequestID)
}

// readAtEnd reads if the request is the one that is measured; "" is any.
func (p *Pipeline) readAtEnd(id string) (bool, procstat.Sample) {
	if !p.measure.reads() {
		return false, procstat.Sample{}
	}
	p.mu.Lock()
	running, based := p.measure.running, p.measure.based
	p.mu.Unlock()
	if running == nil || !based || id != "" && id != running.ID {
		return false, procstat.Sample{}
	}
	return true, p.measure.source.Read(p.measure.want)
}
