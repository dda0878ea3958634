package invocation

import (
	"time"

	"powertools-extension/internal/telemetry"
)

// aheadAfter is the gap between the end of init and the first invocation from
// which the sandbox counts as initialised ahead: nobody waited for its init
// (Lambda may initialise on-demand sandboxes before they are needed; Lambda
// execution environment life cycle).
const aheadAfter = 10 * time.Second

// initLimit is the longest an on-demand init may take before it is repeated
// inside the invocation (Lambda execution environment life cycle).
const initLimit = 10 * time.Second

// sandbox is what is known about the life of the sandbox before and between
// its invocations.
type sandbox struct {
	initType  string
	born      time.Time // when this process began
	initEnd   time.Time // end of the last init; zero if not seen
	initMs    telemetry.Number
	restoreMs telemetry.Number
	initError string // error type of a failed init or of an extension
	version   string
	firstID   string // the first request
	reinit    bool   // an init inside an invocation waits for that invocation
}

// coldness is the judgement on one invocation.
type coldness struct {
	first  bool // first invocation of the sandbox
	reinit bool // init was repeated inside this invocation
	yes    bool
}

// kind returns the init type, on-demand when nobody said.
func (s *sandbox) kind() string {
	if s.initType == "" {
		return initOnDemand
	}
	return s.initType
}

// greet gives a new record its place in the sandbox's life.
func (s *sandbox) greet(r *record) {
	if s.firstID == "" {
		s.firstID = r.id
		r.cold.first = true
	}
	if s.reinit {
		r.cold.reinit, s.reinit = true, false
	}
}

// complete adds what the init and restore events said to the invocation that
// waited for them, where its report did not.
func (s *sandbox) complete(r *record) {
	if r.cold.yes && !r.sum.InitDurationMs.Set {
		r.sum.InitDurationMs = s.initMs
	}
	if r.cold.first && !r.sum.RestoreDurationMs.Set {
		r.sum.RestoreDurationMs = s.restoreMs
	}
}

// judgeColdStartLocked decides with the best knowledge of this moment; start
// is the time of platform.start or, before that came, of the INVOKE event.
func (t *Tracker) judgeColdStartLocked(r *record, start time.Time) {
	s := &t.sandbox
	switch {
	case r.cold.reinit:
		r.cold.yes = true
	case !r.cold.first || s.kind() != initOnDemand:
		r.cold.yes = false
	case !s.initEnd.IsZero():
		r.cold.yes = start.Sub(s.initEnd) <= aheadAfter
	default:
		r.cold.yes = start.Round(0).Sub(s.born.Round(0)) <= initLimit+aheadAfter
	}
}

// initStartedLocked takes platform.initStart. From here on lines belong to
// the init code. With phase "invoke" the init is a part of an invocation: the
// first one that has begun since and not started, or the next one.
func (t *Tracker) initStartedLocked(ev *telemetry.Event) {
	p := ev.Platform
	if t.sandbox.initType == "" {
		t.sandbox.initType = p.InitType
	}
	if p.FunctionVersion != "" {
		t.sandbox.version = p.FunctionVersion
	}
	t.stream = nil
	t.sandbox.initError = "" // what failed before is tried again
	if p.Phase != "invoke" {
		return
	}
	if r := t.firstBegunLocked(ev.Time); r != nil {
		r.cold.reinit, r.cold.yes = true, true
		t.renewLocked(r)
		return
	}
	t.sandbox.reinit = true
}

// firstBegunLocked returns the first invocation that the platform announced
// since, and whose platform.start is still to come: the stream may be one
// invocation behind the INVOKE events.
func (t *Tracker) firstBegunLocked(since time.Time) *record {
	var first *record
	for _, r := range t.open {
		waits := !r.started && !r.isDone && !r.invoke.At.Before(since)
		if waits && (first == nil || r.seq < first.seq) {
			first = r
		}
	}
	return first
}

// initEndedLocked takes platform.initRuntimeDone and platform.initReport.
func (t *Tracker) initEndedLocked(ev *telemetry.Event) {
	p := ev.Platform
	if ev.Time.After(t.sandbox.initEnd) {
		t.sandbox.initEnd = ev.Time
	}
	if p.DurationMs.Set {
		t.sandbox.initMs = p.DurationMs
	}
	if p.ErrorType != "" {
		t.sandbox.initError = p.ErrorType
	}
}
