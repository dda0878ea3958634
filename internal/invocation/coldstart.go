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
	runtime   string           // runtimeVersion, e.g. python:3.13.v1; empty for images and OS-only runtimes
	joined    bool             // the first attempt has come
	reinit    bool             // an init inside an invocation waits for that invocation
	reinitMs  telemetry.Number // how long the last of those took
}

// learn takes what an init or a restore says of the sandbox.
func (s *sandbox) learn(p *telemetry.Platform) {
	if p.FunctionVersion != "" {
		s.version = p.FunctionVersion
	}
	if p.RuntimeVersion != "" {
		s.runtime = p.RuntimeVersion
	}
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

// join gives a new attempt its place in the sandbox's life.
func (s *sandbox) join(a *Attempt) {
	cold := &a.facts.cold
	cold.first, s.joined = !s.joined, true
	if s.reinit {
		cold.reinit, s.reinit = true, false
	}
}

// complete adds what the init and restore events said to the invocation that
// waited for them, where its report did not.
func (s *sandbox) complete(a *Attempt) {
	f := a.facts
	if f.cold.yes && !f.sum.InitDurationMs.Set {
		f.sum.InitDurationMs = s.initMs
	}
	if f.cold.first && !f.sum.RestoreDurationMs.Set {
		f.sum.RestoreDurationMs = s.restoreMs
	}
}

// judgeColdStartLocked decides with the best knowledge of this moment; start
// is the time of platform.start or, before that came, of the INVOKE event.
func (t *Tracker) judgeColdStartLocked(a *Attempt, start time.Time) {
	s, cold := &t.sandbox, &a.facts.cold
	switch {
	case cold.reinit:
		cold.yes = true
	case !cold.first || s.kind() != initOnDemand:
		cold.yes = false
	case !s.initEnd.IsZero():
		cold.yes = start.Sub(s.initEnd) <= aheadAfter
	default:
		cold.yes = start.Round(0).Sub(s.born.Round(0)) <= initLimit+aheadAfter
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
	t.sandbox.learn(p)
	t.stream = nil
	t.sandbox.initError = "" // what failed before is tried again
	if p.Phase != "invoke" {
		return
	}
	if a := t.firstBegunLocked(ev.Time); a != nil {
		a.facts.cold.reinit, a.facts.cold.yes = true, true
		t.renewLocked(a)
		return
	}
	t.sandbox.reinit = true
}

// firstBegunLocked returns the first invocation that the platform announced
// since, and whose platform.start is still to come: the stream may be one
// invocation behind the INVOKE events.
func (t *Tracker) firstBegunLocked(since time.Time) *Attempt {
	for e := t.open.Front(); e != nil; e = e.Next() {
		a := e.Value.(*Attempt)
		if f := a.facts; !f.started && !f.ended && !f.invoke.At.Before(since) {
			return a
		}
	}
	return nil
}

// initEndedLocked takes platform.initRuntimeDone and platform.initReport.
func (t *Tracker) initEndedLocked(ev *telemetry.Event) {
	p := ev.Platform
	if ev.Time.After(t.sandbox.initEnd) {
		t.sandbox.initEnd = ev.Time
	}
	if p.DurationMs.Set {
		t.sandbox.initMs = p.DurationMs
		if p.Phase == "invoke" {
			t.sandbox.reinitMs = p.DurationMs
		}
	}
	if p.ErrorType != "" {
		t.sandbox.initError = p.ErrorType
	}
}
