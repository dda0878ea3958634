package pipeline

import (
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/telemetry"
)

// process takes readings of the sandbox: the counters at INVOKE, everything
// at the first sign of the end, as the meters do. Nothing runs between the
// end of an invocation and the next INVOKE but the extensions, so a sign that
// comes late changes little.
//
// An invocation without an INVOKE event, as on managed instances, has no
// first reading. Its counters are missing, and so are its levels: by the time
// its events arrive the sandbox does other work.
type process struct {
	source  Process
	want    procstat.Want // what the selected metrics need
	running string        // request the base is of
	base    procstat.Sample
	taken   map[string]procstat.Sample // until the canonical event is written
}

// readAtBegin reads before the lock is taken. If the invocation before is
// still being measured, this is its end, too.
func (p *Pipeline) readAtBegin() (bool, procstat.Sample) {
	if !p.process.on() {
		return false, procstat.Sample{}
	}
	p.mu.Lock()
	want := p.process.want
	if p.process.running == "" {
		want &= procstat.Counters
	}
	p.mu.Unlock()
	return true, p.process.source.Read(want)
}

// readAtEndOf reads if this event ends the invocation that is measured.
func (p *Pipeline) readAtEndOf(ev *telemetry.Event) (bool, procstat.Sample) {
	if ev.Kind != telemetry.KindRuntimeDone && ev.Kind != telemetry.KindReport || ev.Platform == nil || ev.Platform.RequestID == "" {
		return false, procstat.Sample{}
	}
	return p.readAtEnd(ev.Platform.RequestID)
}

// readAtEnd reads if the request is the one that is measured; "" is any.
func (p *Pipeline) readAtEnd(id string) (bool, procstat.Sample) {
	if !p.process.on() {
		return false, procstat.Sample{}
	}
	p.mu.Lock()
	running := p.process.running
	p.mu.Unlock()
	if running == "" || id != "" && id != running {
		return false, procstat.Sample{}
	}
	return true, p.process.source.Read(p.process.want)
}

func (m *process) on() bool { return m.source != nil && m.want != 0 }

// begin takes the first reading of a request.
func (m *process) begin(id string, s procstat.Sample) {
	if _, over := m.taken[id]; over || m.running == id {
		return
	}
	m.end(m.running, s)
	m.running, m.base = id, s
}

// end takes the last reading of a request, if it is the one that is measured.
func (m *process) end(id string, s procstat.Sample) {
	if id == "" || m.running != id {
		return
	}
	m.running = ""
	if m.taken == nil {
		m.taken = make(map[string]procstat.Sample)
	}
	m.taken[id] = s.Since(m.base)
}

// take hands over the figures of a request and forgets them.
func (m *process) take(id string) procstat.Sample {
	if m.running == id {
		m.running = ""
	}
	s := m.taken[id]
	delete(m.taken, id)
	return s
}
