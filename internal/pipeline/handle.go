package pipeline

import (
	"fmt"
	"runtime/debug"

	"go.uber.org/zap"

	"powertools-extension/internal/canonical"
	"powertools-extension/internal/invocation"
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
	p.flushOutputs()
}

// handle takes one event and reports whether it ended an invocation. The lock
// is taken for each event, so that Begin never waits for a long batch.
func (p *Pipeline) handle(ev *telemetry.Event) (ended bool) {
	read, sample := p.readAtEndOf(ev)
	p.mu.Lock()
	defer p.leave(ev)
	if read {
		p.process.end(ev.Platform.RequestID, sample)
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
	if p.saidBad {
		return
	}
	p.saidBad = true
	// The panic's value may quote the line, which may hold a secret.
	p.log.Error("event lost to a defect; please report it", zap.Uint8("kind", uint8(ev.Kind)),
		zap.String("panic", fmt.Sprintf("%T", r)), zap.ByteString("stack", debug.Stack()))
}

func (p *Pipeline) platformLocked(ev *telemetry.Event) (ended bool) {
	req, summary := p.tracker.Observe(ev)
	switch ev.Kind {
	case telemetry.KindRuntimeDone:
		ended = true
		if req != nil {
			p.meters.end(req.ID)
			if failed(ev.Platform) {
				p.releaseLocked(req.ID)
			}
		}
	case telemetry.KindReport:
		ended = true
	case telemetry.KindStart:
		if req != nil && p.tracker.Holds(req.ID) {
			p.meters.started(req.ID)
		}
	case telemetry.KindFault:
		if len(ev.Line) > 0 {
			p.lineLocked(ev)
		}
	}
	if summary != nil {
		p.emitLocked(summary)
	}
	return ended
}

// failed reports whether platform.runtimeDone tells of a bad end.
func failed(p *telemetry.Platform) bool {
	return p != nil && (p.ErrorType != "" || p.Status != "" && p.Status != "success")
}

// emitLocked writes the canonical event of a finished invocation.
func (p *Pipeline) emitLocked(s *invocation.Summary) {
	id := s.Request.ID
	t := p.judgeLocked(s)
	f := canonical.Event{Summary: s, Released: t.let, HoldDropped: t.dropped, Process: p.process.take(id), Measured: p.meters.take(id)}
	f.ColdStartCounted = p.coldCounted
	line, listed, err := p.events.Encode(&f)
	switch {
	case err != nil:
		p.stats.Refused++
		if !p.saidBad {
			p.saidBad = true
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
