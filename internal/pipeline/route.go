package pipeline

import (
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// lineLocked takes one line from its bytes to the outputs.
func (p *Pipeline) lineLocked(ev *telemetry.Event) {
	p.stats.Lines++
	r := &p.rules
	l := r.parser.parse(ev)
	if l.emf && !p.eventSeen && !p.coldCounted {
		p.coldCounted = p.events.CountsColdStart(l.text)
	}
	r.noteError(l)
	wanted := ev.Kind != telemetry.KindFunction || r.wants(ev.Line)
	if r.redact(l) {
		p.stats.Redacted++
	}
	var a *invocation.Attempt
	if !l.emf { // a metrics document is no line of the log
		a = p.ownerLocked(ev, l)
	}
	p.routeLocked(ev, l, a, wanted)
}

// Print takes a line of the extension's own about an attempt: an object that
// says its level, and of which all is taken out that must not leave. It is
// filtered, held and enriched as the function's lines are, and counted among
// them, but nothing is concluded from it. a may be nil: of no attempt.
func (p *Pipeline) Print(a *invocation.Attempt, line []byte) {
	ev := telemetry.Event{Kind: telemetry.KindFunction, Time: p.opt.Now(), Line: line, Object: true}
	defer p.flushOutputs()
	p.mu.Lock()
	defer p.leave(&ev)
	p.stats.Lines++
	p.routeLocked(&ev, p.rules.parser.parse(&ev), a, p.rules.wants(line))
}

// routeLocked decides what becomes of a line.
func (p *Pipeline) routeLocked(ev *telemetry.Event, l *line, a *invocation.Attempt, wanted bool) {
	var req *invocation.Request
	if a != nil {
		req = a.Request()
	}
	if !wanted {
		p.stats.Excluded++
		return
	}
	if p.recorder.on() && a != nil && p.recordLocked(ev, l, a, req) {
		return
	}
	if !l.emf && !p.rules.lines.passes(l.facts.Level, req) {
		p.stats.Filtered++
		return
	}
	p.stats.Passed++
	p.putLocked(ev, l, req)
}

// ownerLocked finds the attempt of a line, which learns what the line says.
func (p *Pipeline) ownerLocked(ev *telemetry.Event, l *line) *invocation.Attempt {
	l.facts.At = ev.Time
	p.rules.title = append(p.rules.title[:0], l.title...)
	return p.tracker.Line(&l.facts)
}

// recordLocked lets the flight recorder decide, and reports whether the line
// is dealt with. An ERROR line releases what is held before it leaves itself.
func (p *Pipeline) recordLocked(ev *telemetry.Event, l *line, a *invocation.Attempt, req *invocation.Request) bool {
	switch {
	case l.facts.Level >= levelError || l.facts.Failure:
		p.releaseLocked(a)
		return false
	case !p.recorder.takes(l.facts.Level) || p.rules.lines.tail(req).sampled:
		return false
	}
	st := of(a)
	if st.held == nil && !a.Open() {
		return p.lateLocked(ev, l, st, req)
	}
	h := p.recorder.lines(st)
	switch {
	case h.released:
		p.stats.Passed++
		p.putLocked(ev, l, req)
	case len(p.opt.Lines) == 0:
		p.recorder.forgotten++
	default:
		out := p.encodeLocked(ev, l, req)
		p.recorder.hold(h, out.bytes, out.known)
	}
	return true
}

// lateLocked deals with a line of an invocation whose end was judged already.
func (p *Pipeline) lateLocked(ev *telemetry.Event, l *line, st *attempt, req *invocation.Request) bool {
	if !st.bad {
		p.recorder.forgotten++
		return true
	}
	p.stats.Passed++
	p.putLocked(ev, l, req)
	return true
}

// releaseLocked hands out what is held of an invocation that goes badly.
func (p *Pipeline) releaseLocked(a *invocation.Attempt) {
	if !p.recorder.on() || !a.Open() {
		return
	}
	p.recorder.release(p.recorder.lines(of(a)), func(line []byte, known bool) {
		p.stats.Passed++
		p.sendLocked(line, known)
	})
}

// judgeLocked ends the recording of an attempt by how it went. It returns how
// many lines were released and how many had no room.
func (p *Pipeline) judgeLocked(st *attempt, failed bool) (let, dropped uint32) {
	if !p.recorder.on() {
		return 0, 0
	}
	if st.held != nil && failed {
		p.recorder.release(st.held, func(line []byte, known bool) {
			p.stats.Passed++
			p.sendLocked(line, known)
		})
	}
	return p.recorder.end(st, failed)
}

// putLocked hands a line to the destinations.
func (p *Pipeline) putLocked(ev *telemetry.Event, l *line, req *invocation.Request) {
	if len(p.opt.Lines) == 0 {
		return
	}
	out := p.encodeLocked(ev, l, req)
	p.sendLocked(out.bytes, out.known)
}

func (p *Pipeline) encodeLocked(ev *telemetry.Event, l *line, req *invocation.Request) encoded {
	at := ev.Time
	if at.IsZero() {
		at = p.opt.Now()
	}
	out := p.rules.lines.encode(l, req, at)
	if out.truncated {
		p.stats.Truncated++
	}
	return out
}

// sendLocked hands an encoded line to those destinations that do not have it.
func (p *Pipeline) sendLocked(line []byte, known bool) {
	for _, d := range p.opt.Lines {
		if !d.Stdout || !known {
			d.Output.Put(line)
		}
	}
}
