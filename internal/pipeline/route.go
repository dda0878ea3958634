package pipeline

import (
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// lineLocked takes one line from its bytes to the outputs.
func (p *Pipeline) lineLocked(ev *telemetry.Event) {
	p.stats.Lines++
	l := p.parser.parse(ev)
	if l.emf && !p.eventSeen && !p.coldCounted {
		p.coldCounted = p.events.CountsColdStart(l.text)
	}
	wanted := ev.Kind != telemetry.KindFunction || p.wants(ev.Line)
	if p.opt.Redact != nil && p.redactLocked(l) {
		p.stats.Redacted++
	}
	var req *invocation.Request
	if !l.emf { // a metrics document is no line of the log
		req = p.tracker.Line(&l.facts)
	}
	if !wanted {
		p.stats.Excluded++
		return
	}
	if p.recorder.on() && !l.emf && req != nil && p.recordLocked(ev, l, req) {
		return
	}
	if !l.emf && !p.lines.passes(l.facts.Level, req) {
		p.stats.Filtered++
		return
	}
	p.stats.Passed++
	p.putLocked(ev, l, req)
}

// wants applies Include and Exclude.
func (p *Pipeline) wants(line []byte) bool {
	return (p.opt.Include == nil || p.opt.Include.Match(line)) &&
		(p.opt.Exclude == nil || !p.opt.Exclude.Match(line))
}

// redactLocked takes out of the line what must not leave and reports whether
// there was anything. What the tracker keeps of a line, the error's type and
// the text of its fingerprint, is then taken from the redacted one. How grave
// the line is, whose it is and whether memory ended is told by the original.
func (p *Pipeline) redactLocked(l *line) bool {
	text, changed := p.redactor.Apply(l.text, l.object)
	if !changed {
		return false
	}
	before := *l
	*l = line{text: text, object: before.object, headed: before.headed, headID: before.headID, headTime: before.headTime}
	if l.object {
		p.parser.parseObject()
	} else {
		p.parser.parseText()
	}
	l.emf = before.emf
	l.facts.Level, l.facts.Failure = before.facts.Level, before.facts.Failure
	l.facts.RequestID, l.facts.Text = before.facts.RequestID, before.facts.Text
	return true
}

// recordLocked lets the flight recorder decide, and reports whether the line
// is dealt with. An ERROR line releases what is held before it leaves itself.
func (p *Pipeline) recordLocked(ev *telemetry.Event, l *line, req *invocation.Request) bool {
	switch {
	case l.facts.Level >= levelError || l.facts.Failure:
		p.releaseLocked(req.ID)
		return false
	case !p.recorder.takes(l.facts.Level) || p.lines.tail(req).sampled:
		return false
	}
	if p.recorder.open[req.ID] == nil && !p.tracker.Holds(req.ID) {
		return p.lateLocked(ev, l, req)
	}
	t := p.recorder.tape(req.ID)
	switch {
	case t.released:
		p.stats.Passed++
		p.putLocked(ev, l, req)
	case len(p.opt.Lines) == 0:
		p.recorder.forgotten++
	default:
		out := p.encodeLocked(ev, l, req)
		p.recorder.hold(t, out.bytes, out.known)
	}
	return true
}

// lateLocked deals with a line of an invocation whose end was judged already.
func (p *Pipeline) lateLocked(ev *telemetry.Event, l *line, req *invocation.Request) bool {
	if !p.recorder.verdict(req.ID) {
		p.recorder.forgotten++
		return true
	}
	p.stats.Passed++
	p.putLocked(ev, l, req)
	return true
}

// releaseLocked hands out what is held of an invocation that goes badly.
func (p *Pipeline) releaseLocked(id string) {
	if !p.recorder.on() || !p.tracker.Holds(id) {
		return
	}
	p.recorder.release(p.recorder.tape(id), func(line []byte, known bool) {
		p.stats.Passed++
		p.sendLocked(line, known)
	})
}

// judgeLocked ends the recording of an invocation by how it went.
func (p *Pipeline) judgeLocked(s *invocation.Summary) tape {
	if !p.recorder.on() {
		return tape{}
	}
	id := s.Request.ID
	if t := p.recorder.open[id]; t != nil && s.Failed {
		p.recorder.release(t, func(line []byte, known bool) {
			p.stats.Passed++
			p.sendLocked(line, known)
		})
	}
	return p.recorder.end(id, s.Failed)
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
	out := p.lines.encode(l, req, at)
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
