package invocation

import (
	"math"
	"time"

	"powertools-extension/internal/telemetry"
)

// takeReport takes the figures of platform.report.
func (s *Summary) takeReport(p *telemetry.Platform) {
	s.Complete = true
	s.DurationMs = p.DurationMs
	s.BilledDurationMs = p.BilledDurationMs
	s.InitDurationMs = p.InitDurationMs
	s.RestoreDurationMs = p.RestoreDurationMs
	s.MemorySizeMB = p.MemorySizeMB
	s.MaxMemoryUsedMB = p.MaxMemoryUsedMB
	s.takeSpans(p)
}

// takeSpans takes spans, which runtimeDone carries on classic sandboxes and
// the report on managed instances.
func (s *Summary) takeSpans(p *telemetry.Platform) {
	for _, span := range []struct {
		dst *telemetry.Number
		v   telemetry.Number
	}{
		{&s.ResponseLatencyMs, p.ResponseLatencyMs},
		{&s.ResponseDurationMs, p.ResponseDurationMs},
		{&s.RuntimeOverheadMs, p.RuntimeOverheadMs},
		{&s.ExtensionOverheadMs, p.ExtensionOverheadMs},
	} {
		if span.v.Set {
			*span.dst = span.v
		}
	}
}

// derive computes what follows from several sources. A figure stays unset
// when one of its sources is missing. end is the time of what closed the
// record.
func (s *Summary) derive(f *facts, box *sandbox, end time.Time) {
	switch {
	case !s.Start.IsZero():
	case !f.invoke.At.IsZero():
		s.Start = f.invoke.At
	case !f.delivered.IsZero():
		s.Start = f.delivered
	case !s.Done.IsZero():
		s.Start = s.Done.Add(-milliseconds(s.RuntimeDurationMs.Value))
	default:
		s.Start = end.Add(-milliseconds(s.DurationMs.Value))
	}
	if s.DurationMs.Set && s.RuntimeDurationMs.Set {
		// Both have three decimals at most; the difference has no more. After
		// a timeout the two clocks disagree, and a negative time is none.
		post := s.DurationMs.Value - s.RuntimeDurationMs.Value
		if reinit := box.reinitMs; f.cold.reinit && reinit.Set && post >= reinit.Value {
			post -= reinit.Value // it ran inside the invocation, and is no work of extensions
		}
		post = math.Round(post*1000) / 1000
		s.PostRuntimeDurationMs = telemetry.Number{Value: max(post, 0), Set: post >= 0}
	}
	if end, ok := s.end(); ok && !s.Request.Deadline.IsZero() {
		s.DeadlineSlackMs = telemetry.Num(float64(s.Request.Deadline.Sub(end).Milliseconds()))
	}
}

// end returns when the function was done, as the platform tells it.
func (s *Summary) end() (time.Time, bool) {
	if !s.Done.IsZero() {
		return s.Done, true
	}
	if s.DurationMs.Set {
		return s.Start.Add(milliseconds(s.DurationMs.Value)), true
	}
	return time.Time{}, false
}

// duration is a figure of the platform's, 0 if it is missing.
func duration(ms telemetry.Number) time.Duration { return milliseconds(ms.Value) }

func millis(d time.Duration) telemetry.Number {
	return telemetry.Num(math.Round(float64(d)/float64(time.Microsecond)) / 1000)
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
