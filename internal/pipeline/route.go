package pipeline

import (
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// fate is what becomes of a line.
type fate uint8

const (
	excluded fate = iota
	filtered
	forgotten // by the flight recorder
	held      // by it
	passed
)

// lineLocked takes one line from its bytes to the outputs.
func (p *Pipeline) lineLocked(ev *telemetry.Event) {
	v := p.rules.apply(p, ev, invocation.Line{At: ev.Time})
	p.routeLocked(ev, &v)
}

// Print takes a line of the extension's own about an attempt: an object that
// says its level, and of which all is taken out that must not leave. It is
// filtered, held and enriched as the function's lines are, and counted among
// them, but nothing is concluded from it. a may be nil: of no attempt.
func (p *Pipeline) Print(a *invocation.Attempt, line []byte) {
	ev := telemetry.Event{Kind: telemetry.KindFunction, Time: p.opt.Now(), Line: line, Object: true}
	defer p.opt.FlushOutputs()
	p.mu.Lock()
	defer p.leave(&ev)
	v := view{line: p.rules.parser.parse(&ev), attempt: a, wanted: p.rules.wants(line)}
	if a != nil {
		v.req = a.Request()
	}
	p.routeLocked(&ev, &v)
}

// routeLocked hands a line of the telemetry stream on, or keeps it.
func (p *Pipeline) routeLocked(ev *telemetry.Event, v *view) {
	switch p.decideLocked(&p.rules, v) {
	case held:
		out := p.encodeLocked(ev, v.line, v.req)
		p.recorder.hold(p.recorder.lines(of(v.attempt)), out.bytes, heldAs{known: out.known})
	case passed:
		p.putLocked(ev, v.line, v.req)
	}
}

// view is a line behind the rules, which share no state with other streams.
type view struct {
	*line
	attempt  *invocation.Attempt // nil: none
	req      *invocation.Request // nil: none
	wanted   bool
	redacted bool
	cold     bool // a metrics document that counts the cold start
}

// apply takes one line through the rules. read says when and where it came.
func (r *rules) apply(p *Pipeline, ev *telemetry.Event, read invocation.Line) view {
	l := r.parser.parse(ev)
	v := view{line: l, cold: l.emf && p.events.CountsColdStart(l.text)}
	r.noteError(l)
	v.wanted = ev.Kind != telemetry.KindFunction || r.wants(ev.Line)
	v.redacted = r.redact(l)
	if l.emf { // a metrics document is no line of the log
		return v
	}
	r.title = append(r.title[:0], l.title...)
	l.facts.At, l.facts.Direct, l.facts.By = read.At, read.Direct, read.By
	if l.facts.Level == levelUnknown {
		l.facts.Level = read.Level
	}
	r.findItem(l)
	if v.attempt = p.tracker.Line(&l.facts); v.attempt != nil {
		v.req = r.lines.about(v.attempt.Request(), l)
	}
	return v
}

// decideLocked says what becomes of a line, and counts it. An ERROR line lets
// go of what is held before it leaves itself.
func (p *Pipeline) decideLocked(r *rules, v *view) fate {
	p.stats.Lines++
	if v.redacted {
		p.stats.Redacted++
	}
	p.coldCounted = p.coldCounted || v.cold && !p.eventSeen
	if !v.wanted {
		p.stats.Excluded++
		return excluded
	}
	if p.recorder.on() && v.attempt != nil {
		if f, decided := p.recordLocked(r, v); decided {
			return f
		}
	}
	if !v.emf && !r.lines.passes(v.facts.Level, v.req) {
		p.stats.Filtered++
		return filtered
	}
	p.stats.Passed++
	return passed
}

// recordLocked lets the flight recorder decide, and reports whether it did.
func (p *Pipeline) recordLocked(r *rules, v *view) (f fate, decided bool) {
	switch {
	case v.facts.Level >= levelError || v.facts.Failure:
		p.releaseLocked(v.attempt)
		return passed, false
	case !p.recorder.takes(v.facts.Level) || r.lines.tail(v.req).sampled:
		return passed, false
	}
	st := of(v.attempt)
	switch {
	case st.held == nil && !v.attempt.Open() && !st.bad: // its end was judged already
		p.recorder.forgotten++
		return forgotten, true
	case st.held == nil && !v.attempt.Open(), p.recorder.lines(st).released:
		p.stats.Passed++
		return passed, true
	case len(p.opt.Lines) == 0:
		p.recorder.forgotten++
		return forgotten, true
	}
	return held, true
}

// releaseLocked hands out what is held of an invocation that goes badly.
func (p *Pipeline) releaseLocked(a *invocation.Attempt) {
	if !p.recorder.on() || !a.Open() {
		return
	}
	p.recorder.release(p.recorder.lines(of(a)), p.sendHeldLocked)
}

// sendHeldLocked hands out a line that was held, where it came from.
func (p *Pipeline) sendHeldLocked(line []byte, as heldAs) {
	p.stats.Passed++
	if as.stream == 0 {
		p.sendLocked(line, as.known)
		return
	}
	header, text := line[:as.header], line[as.header:]
	p.sendLocked(text, true)
	if s := p.streams[as.stream]; s != nil && s.back {
		s.place.Release(header, text, as.newline, as.object)
	}
}

// judgeLocked ends the recording of an attempt by how it went. It returns how
// many lines were released and how many had no room.
func (p *Pipeline) judgeLocked(st *attempt, failed bool) (let, dropped uint32) {
	if !p.recorder.on() {
		return 0, 0
	}
	if st.held != nil && failed {
		p.recorder.release(st.held, p.sendHeldLocked)
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
