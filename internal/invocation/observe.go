package invocation

import (
	"time"

	"powertools-extension/internal/telemetry"
)

// Observe takes a platform event and returns the attempt it belongs to, nil if
// none. Over has the summaries that follow from it.
//
// For a line it only says whose turn it is in the stream; Line does more.
func (t *Tracker) Observe(ev *telemetry.Event) *Attempt {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ev.Kind == telemetry.KindFault {
		return t.faultLocked(ev)
	}
	p := ev.Platform
	if p == nil {
		return t.streamLocked()
	}
	switch ev.Kind {
	case telemetry.KindStart:
		return t.startLocked(ev)
	case telemetry.KindRuntimeDone:
		return t.runtimeDoneLocked(ev)
	case telemetry.KindReport:
		return t.reportLocked(ev)
	case telemetry.KindInitStart:
		t.initStartedLocked(ev)
	case telemetry.KindInitRuntimeDone, telemetry.KindInitReport:
		t.initEndedLocked(ev)
	case telemetry.KindRestoreStart:
		t.sandbox.learn(p)
	case telemetry.KindRestoreReport:
		t.sandbox.restoreMs = p.DurationMs
	case telemetry.KindExtensionState:
		if p.ErrorType != "" {
			t.sandbox.initError = p.ErrorType
		}
	case telemetry.KindLogsDropped:
		if p.DroppedRecords.Set {
			t.dropped = telemetry.Num(t.dropped.Value + p.DroppedRecords.Value)
		}
	}
	return nil
}

// startLocked takes platform.start: of an open attempt that lacks it, or of a
// new one, if it is later than all that is known of the request. Else it was
// delivered again.
//
// The stream is in order, so older attempts of the same request will hear no
// more when a newer one starts.
func (t *Tracker) startLocked(ev *telemetry.Event) *Attempt {
	p := ev.Platform
	if p.RequestID == "" {
		return nil
	}
	at := t.timeOf(ev)
	all := t.requestLocked(p.RequestID)
	if again := all.startedBefore(at); again != nil {
		t.stats.Repeated++
		return again
	}
	a := all.lacking(at, (*facts).lacksStart)
	if a == nil {
		a = t.newLocked(all, at)
	}
	a.facts.started = true
	a.begin = at
	a.facts.sum.Start = at
	t.learnLocked(a, p)
	t.judgeColdStartLocked(a, at)
	t.renewLocked(a)
	t.closeOlderLocked(a)
	t.stream = a
	if t.latest == nil || !t.latest.running() || a.seq > t.latest.seq {
		t.latest = a
	}
	return a
}

// timeOf is the platform's time of an event, ours if it has none.
func (t *Tracker) timeOf(ev *telemetry.Event) time.Time {
	if ev.Time.IsZero() {
		return t.opt.Now()
	}
	return ev.Time
}

// closeOlderLocked closes the attempts of the request that came before, but
// those that only wait for late lines.
func (t *Tracker) closeOlderLocked(newer *Attempt) {
	for i := 0; i < len(newer.all.open); {
		a := newer.all.open[i]
		if a.seq >= newer.seq || a.facts.reported {
			i++
			continue
		}
		a.end = newer.begin
		t.closeLocked(a, a.end)
	}
}

// learnLocked takes the request's properties from any of its events.
func (t *Tracker) learnLocked(a *Attempt, p *telemetry.Platform) {
	old := a.Request()
	n := *old
	for _, f := range []struct {
		dst *string
		v   string
	}{
		{&n.FunctionVersion, p.FunctionVersion},
		{&n.FunctionVersion, t.sandbox.version},
		{&n.FunctionARN, p.FunctionARN},
		{&n.TraceHeader, p.TraceHeader},
		{&n.TenantID, p.TenantID},
	} {
		if *f.dst == "" {
			*f.dst = f.v
		}
	}
	if n != *old {
		a.request.Store(&n)
		t.renewLocked(a)
	}
}

// runtimeDoneLocked takes platform.runtimeDone, which may come before INVOKE
// and without platform.start.
func (t *Tracker) runtimeDoneLocked(ev *telemetry.Event) *Attempt {
	p := ev.Platform
	if p.RequestID == "" {
		return nil
	}
	at := t.timeOf(ev)
	all := t.requestLocked(p.RequestID)
	a := all.endingAt(at)
	switch {
	case a == nil && all.last != nil && (!all.reported || !at.After(all.ended)):
		t.stats.Repeated++
		return all.last
	case a == nil:
		a = t.newLocked(all, at.Add(-duration(p.DurationMs)))
	}
	f := a.facts
	if f.ended {
		return a
	}
	f.sum.Done = at
	f.sum.RuntimeDurationMs = p.DurationMs
	f.sum.ProducedBytes = p.ProducedBytes
	f.sum.takeSpans(p)
	f.clues.runtimeStatus, f.clues.runtimeError = p.Status, p.ErrorType
	f.ended = true
	t.learnLocked(a, p)
	return a
}

// reportLocked takes platform.report, which ends the attempt; on managed
// instances a moment later, for its lines are often still to come.
//
// A report of a request without any trace here is of the process that ran
// before a reset. On managed instances there is no reset, so the start was
// lost.
func (t *Tracker) reportLocked(ev *telemetry.Event) *Attempt {
	p, at := ev.Platform, t.timeOf(ev)
	if p.RequestID == "" {
		return nil
	}
	all := t.byID[p.RequestID]
	var a *Attempt
	if all != nil {
		a = all.endingAt(at)
	}
	switch {
	case a != nil && a.facts.reported, a == nil && all != nil && all.last != nil && (!all.reported || !at.After(all.ended)):
		t.stats.Repeated++
		return all.newest()
	case a == nil && !t.managedLocked():
		t.stats.Foreign++
		return nil
	case a == nil:
		a = t.newLocked(t.requestLocked(p.RequestID), at.Add(-duration(p.DurationMs)))
	}
	f := a.facts
	t.learnLocked(a, p)
	f.sum.takeReport(p)
	f.clues.reportStatus, f.clues.reportError = p.Status, p.ErrorType
	f.ended, f.reported = true, true
	t.waiting++
	a.end = at
	if t.managedLocked() {
		f.closeAt = t.opt.Now().Add(lateLines)
		t.settleLocked()
		return a
	}
	t.closeOlderLocked(a)
	t.closeLocked(a, at)
	return a
}

// faultLocked takes platform.fault: the process died under the request. Its
// record is a text (Lambda Logs API), so the request may not be named.
func (t *Tracker) faultLocked(ev *telemetry.Event) *Attempt {
	a := t.stream
	if p := ev.Platform; p != nil {
		if all := t.byID[p.RequestID]; all != nil && len(all.open) > 0 {
			a = all.newest()
		}
	}
	if a == nil || a.facts == nil {
		return a
	}
	a.facts.clues.fault = true
	a.facts.clues.faultText = exitText(ev.Line)
	return a
}
