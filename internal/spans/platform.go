package spans

import (
	"time"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
	"powertools-extension/internal/tracing"
)

// Invoked begins the span of an invocation that the platform has announced,
// where no proxy does.
func (t *Tracer) Invoked(a *invocation.Attempt, header string) {
	if t == nil || a == nil || !a.Open() || t.opt.Proxied() { // over: INVOKE was read after the report
		return
	}
	h, state := tracing.ParseHeader(header)
	t.mu.Lock()
	o := t.ofLocked(a) // the stream may be quicker than the loop
	if o == nil && state != tracing.Unsampled {
		o = t.beginLocked(a.ID, h, state)
	}
	if o != nil {
		o.attempt = a
	}
	t.mu.Unlock()
	o.mark(a)
}

// ofLocked is what is followed of an attempt; nil: nothing.
func (t *Tracer) ofLocked(a *invocation.Attempt) *pending {
	if o := t.open[a.ID]; o != nil && o.attempt == a {
		return o
	}
	return t.aside[a]
}

// Observe takes an event of the platform, and the attempt that the tracker
// says it belongs to; nil: none. It comes before the lines behind it are
// handled: what a start says is known then.
func (t *Tracer) Observe(a *invocation.Attempt, ev *telemetry.Event) {
	p := ev.Platform
	if t == nil || p == nil {
		return
	}
	switch ev.Kind {
	case telemetry.KindStart:
		if a != nil && a.Open() && !t.opt.Proxied() {
			t.started(a, p, ev.Time)
		}
	case telemetry.KindInitStart, telemetry.KindRestoreStart:
		t.phaseStarted(ev.Kind, ev.Time)
	case telemetry.KindInitReport, telemetry.KindInitRuntimeDone, telemetry.KindRestoreReport, telemetry.KindRestoreRuntimeDone:
		t.phaseEnded(ev.Kind, p, ev.Time)
	}
}

// started joins platform.start with the span that INVOKE began. Lambda samples
// by itself where its caller left that open: its segment's id says that it did.
func (t *Tracer) started(a *invocation.Attempt, p *telemetry.Platform, at time.Time) {
	h, state := tracing.ParseHeader(p.TraceHeader)
	segment, _ := tracing.ParseHeader("Root=" + h.Root + ";Parent=" + p.SpanID + ";Sampled=1")
	t.mu.Lock()
	o := t.ofLocked(a)
	if o == nil {
		switch {
		case state == tracing.Missing: // nobody tells it from one that is not sampled
		case state == tracing.Unsampled && (segment.Parent == "" || tracing.Refuses(p.TraceHeader)):
			if !t.begun {
				t.begun, t.phases.off = true, true // of an invocation that nobody follows
			}
		case state == tracing.Unsampled:
			o = t.beginLocked(a.ID, h, tracing.Sampled)
		default:
			o = t.beginLocked(a.ID, h, state)
		}
	}
	if o != nil {
		o.attempt = a
		if segment.Parent != "" && !o.own {
			o.parent = segment.Parent
		}
		if !at.IsZero() {
			o.start = at
		}
	}
	t.mu.Unlock()
	o.mark(a)
}

// phases are what happened before the first invocation, which becomes spans
// below that one's.
type phases struct {
	off     bool // nobody follows the first invocation, or its spans are out
	init    phase
	restore phase
	above   *tracing.Span // the first invocation's, which is out; nil: it is not
	cold    bool          // somebody waited for the init
}

type phase struct {
	child Child
	ended bool
	sent  bool
}

func (t *Tracer) phaseStarted(kind telemetry.Kind, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.phases.of(kind); !p.ended {
		p.child.Start = at
	}
}

func (p *phases) of(kind telemetry.Kind) *phase {
	switch kind {
	case telemetry.KindRestoreStart, telemetry.KindRestoreReport, telemetry.KindRestoreRuntimeDone:
		return &p.restore
	}
	return &p.init
}

// phaseEnded takes the end of an init or a restore. The report has it in any
// case; the runtime's end is the same but for the extensions.
func (t *Tracer) phaseEnded(kind telemetry.Kind, p *telemetry.Platform, at time.Time) {
	t.mu.Lock()
	ph := t.phases.of(kind)
	if ph.sent || t.phases.off || at.IsZero() {
		t.mu.Unlock()
		return
	}
	ph.child.Name, ph.child.End = "init", at
	if ph == &t.phases.restore {
		ph.child.Name = "restore"
	}
	if p.DurationMs.Set && ph.child.Start.IsZero() {
		ph.child.Start = at.Add(-time.Duration(p.DurationMs.Value * float64(time.Millisecond)))
	}
	if p.Status != "" && p.Status != "success" {
		if ph.child.Error = p.ErrorType; p.ErrorType == "" {
			ph.child.Error = p.Status
		}
	}
	ph.ended = kind == telemetry.KindInitReport || kind == telemetry.KindRestoreReport
	above := t.phases.above
	ready := t.phases.takeLocked()
	t.mu.Unlock()
	if above == nil {
		return
	}
	for _, c := range ready {
		t.behind(func() { t.opt.Emit(t.below(above, c)) })
	}
}

// takeLocked returns the phases that are over and can be sent.
func (p *phases) takeLocked() (ready []Child) {
	if p.above == nil {
		return nil
	}
	for _, ph := range []*phase{&p.init, &p.restore} {
		if ph.ended && !ph.sent && !ph.child.Start.IsZero() && (ph == &p.restore || p.cold) {
			ph.sent = true
			ready = append(ready, ph.child)
		}
	}
	return ready
}

// phasesOf are the children of the first invocation that are known when its
// span is out; what is heard later follows.
func (t *Tracer) phasesOf(o *pending, s *tracing.Span) []Child {
	if !o.first {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.phases.off {
		return nil
	}
	t.phases.above = &tracing.Span{Root: s.Root, ID: s.ID, Own: s.Own}
	t.phases.cold = s.Invocation.ColdStart
	return t.phases.takeLocked()
}
