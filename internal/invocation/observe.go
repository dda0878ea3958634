package invocation

import "powertools-extension/internal/telemetry"

// Observe takes a platform event and returns the request it belongs to, nil
// if none, and a summary, nil mostly: that of the request whose report this
// is, or of the oldest one if it had to be closed to make room.
//
// For a line it only says whose turn it is in the stream; Line does more.
func (t *Tracker) Observe(ev *telemetry.Event) (*Request, *Summary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ev.Kind == telemetry.KindFault {
		return t.faultLocked(ev.Platform), nil
	}
	p := ev.Platform
	if p == nil {
		return t.turnLocked(), nil
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
	return nil, nil
}

// knownLocked sorts out events that change nothing: without a request, or of
// one that had its summary already.
func (t *Tracker) knownLocked(id string) (req *Request, over bool) {
	if id == "" {
		return nil, true
	}
	if req := t.finished.byID[id]; req != nil {
		t.stats.Repeated++
		return req, true
	}
	return nil, false
}

func (t *Tracker) startLocked(ev *telemetry.Event) (*Request, *Summary) {
	p := ev.Platform
	if req, over := t.knownLocked(p.RequestID); over {
		return req, nil
	}
	r, evicted := t.recordLocked(p.RequestID)
	if r.started {
		return r.req, evicted
	}
	r.started = true
	r.sum.Start = ev.Time
	t.learnLocked(r, p)
	t.judgeColdStartLocked(r, ev.Time)
	t.renewLocked(r)
	t.stream = r
	if t.latest == nil || t.latest.isDone || r.seq > t.latest.seq {
		t.latest = r
	}
	return r.req, evicted
}

// learnLocked takes the request's properties from any of its events.
func (t *Tracker) learnLocked(r *record, p *telemetry.Platform) {
	n := *r.req
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
	if n != *r.req {
		r.req = &n
		t.renewLocked(r)
	}
}

func (t *Tracker) runtimeDoneLocked(ev *telemetry.Event) (*Request, *Summary) {
	p := ev.Platform
	if req, over := t.knownLocked(p.RequestID); over {
		return req, nil
	}
	r, evicted := t.recordLocked(p.RequestID)
	if !r.isDone {
		r.sum.Done = ev.Time
		r.sum.RuntimeDurationMs = p.DurationMs
		r.sum.ProducedBytes = p.ProducedBytes
		r.sum.takeSpans(p)
		r.clues.runtime(p.Status, p.ErrorType)
		t.learnLocked(r, p)
	}
	r.release()
	return r.req, evicted
}

// reportLocked takes platform.report, which ends the record.
//
// A report of a request without any trace here is of the process that ran
// before a reset: that one has printed the request when it shut down, or this
// one has in its place. On
// managed instances there is no INVOKE and no reset, so the start was lost.
func (t *Tracker) reportLocked(ev *telemetry.Event) (*Request, *Summary) {
	p := ev.Platform
	if req, over := t.knownLocked(p.RequestID); over {
		return req, nil
	}
	r := t.open[p.RequestID]
	if r == nil && !t.managedLocked() {
		t.stats.Foreign++
		return nil, nil
	}
	if r == nil {
		r = t.newRecordLocked(p.RequestID)
	}
	t.learnLocked(r, p)
	r.sum.takeReport(p)
	r.clues.report(p.Status, p.ErrorType)
	at := ev.Time
	if at.IsZero() {
		at = t.opt.Now()
	}
	return r.req, t.finishLocked(r, at)
}

// faultLocked takes platform.fault: the process died under the request. Its
// record is a text (Lambda Logs API), so p may be nil.
func (t *Tracker) faultLocked(p *telemetry.Platform) *Request {
	r := t.stream
	if p != nil && t.open[p.RequestID] != nil {
		r = t.open[p.RequestID]
	}
	if r == nil {
		return nil
	}
	r.clues.fault = true
	return r.req
}
