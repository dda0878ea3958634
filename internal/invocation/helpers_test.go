package invocation_test

import (
	"testing"
	"time"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// t0 is when the sandbox of a test is born.
var t0 = time.Date(2022, 10, 21, 14, 5, 0, 0, time.UTC)

func at(ms int) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }

func newTracker(initType string) *invocation.Tracker {
	return invocation.New(invocation.Options{InitType: initType, Now: func() time.Time { return t0 }})
}

func platform(kind telemetry.Kind, ms int, p telemetry.Platform) *telemetry.Event {
	return &telemetry.Event{Kind: kind, Time: at(ms), Platform: &p}
}

func start(id string, ms int) *telemetry.Event {
	return platform(telemetry.KindStart, ms, telemetry.Platform{RequestID: id})
}

func runtimeDone(id string, ms int, status, errorType string) *telemetry.Event {
	return platform(telemetry.KindRuntimeDone, ms, telemetry.Platform{RequestID: id, Status: status, ErrorType: errorType, DurationMs: telemetry.Num(100)})
}

func report(id string, ms int, status string) *telemetry.Event {
	return platform(telemetry.KindReport, ms, telemetry.Platform{
		RequestID: id, Status: status, DurationMs: telemetry.Num(120), BilledDurationMs: telemetry.Num(121),
		MemorySizeMB: telemetry.Num(128), MaxMemoryUsedMB: telemetry.Num(94),
	})
}

func initReport(phase string, ms int) *telemetry.Event {
	return platform(telemetry.KindInitReport, ms, telemetry.Platform{Phase: phase, DurationMs: telemetry.Num(549)})
}

func begin(id string, ms int) invocation.Invoke {
	return invocation.Invoke{RequestID: id, At: at(ms), Deadline: at(ms + 3000)}
}

// later is a time at which nothing waits for late lines any more.
var later = t0.Add(time.Hour)

// observe feeds events and returns the summaries that came out.
func observe(tr *invocation.Tracker, events ...*telemetry.Event) []invocation.Summary {
	for _, ev := range events {
		tr.Observe(ev)
	}
	return tr.Over(later)
}

// closed ends a tracker and returns what came out.
func closed(tr *invocation.Tracker, reason string, ms int) []invocation.Summary {
	tr.Close(reason, at(ms))
	return tr.Over(later)
}

// only returns the one summary that is expected.
func only(t *testing.T, sums []invocation.Summary) invocation.Summary {
	t.Helper()
	if len(sums) != 1 {
		t.Fatalf("%d summaries, want 1: %+v", len(sums), sums)
	}
	return sums[0]
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func errorLine(text string) *invocation.Line {
	return &invocation.Line{Level: invocation.LevelError, Text: []byte(text), Message: []byte(text)}
}
