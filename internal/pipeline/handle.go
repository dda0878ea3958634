package pipeline

import (
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/canonical"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/telemetry"
)

// HandleEvents takes a batch in the order in which it came. Nothing of it is
// kept. It implements telemetry.Handler.
func (p *Pipeline) HandleEvents(events []telemetry.Event) {
	for i := range events {
		if ended := p.handle(&events[i]); ended && p.opt.FlushMetrics != nil {
			p.opt.FlushMetrics(p.opt.Now())
		}
	}
	p.opt.FlushOutputs()
}

// handle takes one event and reports whether it ended an invocation. The lock
// is taken for each event, so that Begin never waits for a long batch.
func (p *Pipeline) handle(ev *telemetry.Event) (ended bool) {
	read, sample := p.readAtEndOf(ev)
	p.mu.Lock()
	defer p.leave(ev)
	if read {
		p.measure.end(p.measure.running, read, sample)
	}
	switch ev.Kind {
	case telemetry.KindFunction:
		p.lineLocked(ev)
	case telemetry.KindExtension:
		// Lines of extensions, ours among them: to print them would be to
		// receive them again.
	default:
		return p.platformLocked(ev)
	}
	return false
}

// leave ends an event. A defect of ours costs that event and nothing else.
func (p *Pipeline) leave(ev *telemetry.Event) {
	defer p.mu.Unlock()
	r := recover()
	if r == nil {
		return
	}
	p.stats.Panics++
	if p.said.bad {
		return
	}
	p.said.bad = true
	// The panic's value may quote the line, which may hold a secret.
	p.log.Error("event lost to a defect; please report it", zap.Uint8("kind", uint8(ev.Kind)),
		zap.String("panic", fmt.Sprintf("%T", r)), zap.ByteString("stack", debug.Stack()))
}

func (p *Pipeline) platformLocked(ev *telemetry.Event) (ended bool) {
	a := p.tracker.Observe(ev)
	if p.opt.Observed != nil {
		p.opt.Observed(a, ev)
	}
	switch ev.Kind {
	case telemetry.KindRuntimeDone:
		ended = true
		if a != nil {
			p.measure.end(a, false, procstat.Sample{})
			if failed(ev.Platform) {
				p.releaseLocked(a)
			}
		}
	case telemetry.KindReport:
		ended = true
	case telemetry.KindStart:
		if a != nil && a.Open() && !p.tracker.Managed() {
			p.measure.started(a)
		}
	case telemetry.KindFault:
		if len(ev.Line) > 0 {
			p.lineLocked(ev)
		}
	}
	p.emitLocked()
	return ended
}

// failed reports whether platform.runtimeDone tells of a bad end.
func failed(p *telemetry.Platform) bool {
	return p != nil && (p.ErrorType != "" || p.Status != "" && p.Status != "success")
}

// emitLocked writes the canonical events of attempts that are over, and sees
// to those that wait for late lines.
func (p *Pipeline) emitLocked() {
	for _, s := range p.tracker.Over(p.opt.Now()) {
		if p.opt.Over != nil {
			p.opt.Over(&s)
		}
		p.writeLocked(&s)
	}
	at, waits := p.tracker.NextOver()
	if !waits || p.closed {
		return
	}
	in := max(at.Sub(p.opt.Now()), time.Millisecond)
	if p.late == nil {
		p.late = time.AfterFunc(in, p.closeLate)
		return
	}
	p.late.Reset(in)
}

// closeLate writes the events of attempts that have waited for late lines.
func (p *Pipeline) closeLate() {
	p.mu.Lock()
	p.emitLocked()
	p.mu.Unlock()
	p.opt.FlushOutputs()
}

// writeLocked writes the canonical event of one attempt.
func (p *Pipeline) writeLocked(s *invocation.Summary) {
	p.measure.end(s.Attempt, false, procstat.Sample{})
	p.sayLocked(s)
	st := of(s.Attempt)
	f := canonical.Event{Summary: s, Process: st.sandbox, Measured: st.counters}
	f.Released, f.HoldDropped = p.judgeLocked(st, s.Failed)
	if p.opt.Idempotent != nil {
		f.Idempotent = p.opt.Idempotent(s.Attempt)
	}
	f.Batch, _ = p.opt.Items.Counts(s.Request.ID)
	st.counters = nil
	f.ColdStartCounted = p.coldCounted
	if p.opt.Bypassed != nil {
		f.Bypassed = p.opt.Bypassed()
	}
	line, listed, err := p.events.Encode(&f)
	switch {
	case err != nil:
		p.stats.Refused++
		if !p.said.bad {
			p.said.bad = true
			p.log.Error("platform metrics refused; check service name, namespace and dimensions", zap.Error(err))
		}
	case len(line) > 0:
		p.stats.Events++
		p.eventSeen = true
		if listed > 0 && !p.metricSeen && p.opt.FirstMetric != nil {
			p.metricSeen = true
			p.opt.FirstMetric()
		}
		p.opt.Metrics.Put(line)
	}
}

// sayLocked tells, once each, what a user would want to set.
func (p *Pipeline) sayLocked(s *invocation.Summary) {
	if s.EmptyUnsure && !p.said.empty {
		p.said.empty = true
		p.log.Warn("an invocation without a response body and without an error line of its runtime counts as failed; if that is how the function answers, set POWERTOOLS_METRICS_EMPTY_RESPONSE=success")
	}
	if evicted := p.tracker.Stats().Evicted; evicted > 0 && !p.said.evicted {
		p.said.evicted = true
		p.log.Warn("too many requests at once: the oldest are reported before they end, with complete false")
	}
}
