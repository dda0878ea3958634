package invocation

import (
	"strings"

	"powertools-extension/internal/telemetry"
)

// Delivered takes note that the proxy hands a request to the runtime, and
// returns its attempt: the open one of that id that was not delivered yet,
// else a new one. On managed instances this is how an attempt begins, for
// there is no INVOKE. It returns nil without a request id.
//
// It may be called before or after Begin and platform.start of the request,
// and from several goroutines.
func (t *Tracker) Delivered(d Delivery) *Attempt {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d.RequestID == "" {
		return nil
	}
	if d.At.IsZero() {
		d.At = t.opt.Now()
	}
	all := t.requestLocked(d.RequestID)
	a := all.lacking(d.At, (*facts).lacksDelivery)
	if a == nil && len(all.open) == 0 && all.last != nil && !d.At.After(all.ended) {
		return all.last // told late, of one that is over
	}
	if a == nil {
		a = t.newLocked(all, d.At)
		t.judgeColdStartLocked(a, d.At)
	}
	a.facts.delivered, a.facts.event = d.At, d
	n := *a.Request()
	for _, f := range []struct {
		dst *string
		v   string
	}{{&n.FunctionARN, d.FunctionARN}, {&n.TraceHeader, d.TraceHeader}, {&n.TenantID, d.TenantID}} {
		if *f.dst == "" {
			*f.dst = f.v
		}
	}
	if n.Deadline.IsZero() {
		n.Deadline = d.Deadline
	}
	a.request.Store(&n)
	t.renewLocked(a)
	if t.latest == nil || a.seq > t.latest.seq {
		t.latest = a
	}
	return a
}

// Passing returns the attempt of a request, or of a record of its batch
// (<request>-<number>), that the runtime has; of an empty id the one that runs.
func (t *Tracker) Passing(id string) (has *Attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id == "" && !t.managedLocked() && t.latest != nil && t.latest.running() {
		return t.latest
	}
	all := t.byID[id]
	if at := strings.LastIndexByte(id, '-'); all == nil && at >= 0 {
		all = t.byID[id[:at]]
	}
	for i := 0; all != nil && i < len(all.open); i++ {
		if a, f := all.open[i], all.open[i].facts; f.answer == nil && (!f.delivered.IsZero() || has == nil && a.running()) {
			has = a
		}
	}
	return has
}

// Answered takes note of what the runtime posted for a request. It belongs to
// the open attempt that was delivered and has no answer yet; without one, and
// for an id that is not known, it changes nothing. A later answer to the same
// delivery is one that Lambda refuses, and is left out.
//
// On managed instances the answer is the end of the runtime's work: there is
// no platform.runtimeDone.
func (t *Tracker) Answered(answer Answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.byID[answer.RequestID]
	if all == nil {
		return
	}
	if answer.At.IsZero() {
		answer.At = t.opt.Now()
	}
	for _, a := range all.open {
		f := a.facts
		if f.delivered.IsZero() || f.answer != nil {
			continue
		}
		f.answer = &answer
		if t.managedLocked() && !f.ended {
			f.ended = true
			f.sum.Done = answer.At
			if took := answer.At.Sub(f.delivered); took >= 0 {
				f.sum.RuntimeDurationMs = millis(took)
			}
		}
		return
	}
}

// passed is what the proxy saw; nil: nothing.
func (f *facts) passed() *Passage {
	if f.delivered.IsZero() {
		return nil
	}
	p := &Passage{EventSource: f.event.EventSource, Records: f.event.Records, RequestBytes: telemetry.Number{Value: float64(f.event.Bytes), Set: f.event.Bytes >= 0}}
	if a := f.answer; a != nil {
		p.ResponseBytes = telemetry.Num(float64(a.Bytes))
		p.HTTPStatus, p.Streamed, p.AnsweredBy, p.HookErrors, p.Guards = a.HTTPStatus, a.Streamed, a.AnsweredBy, a.HookErrors, a.Guards
		if a.Timed {
			p.HandlerMs, p.ProxyMs = millis(a.Handler), millis(a.Proxy)
		}
	}
	return p
}
