package pipeline

import (
	"strings"
	"testing"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/redact"
	"powertools-extension/internal/telemetry"
)

// secret is what must not leave.
const secret = "MARKER4711"

func redactor(t testing.TB, items ...string) *redact.Rules {
	t.Helper()
	r, errs := redact.NewRules(items)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return r
}

// TestRedactedEverywhere: nothing that leaves has what was taken out: lines
// to every destination, lines of the flight recorder, the canonical event,
// truncated lines, and our own log.
func TestRedactedEverywhere(t *testing.T) {
	lines := []string{
		`{"level":"ERROR","errorType":"` + secret + `","errorMessage":"x","password":"` + secret + `"}`,
		"[ERROR] " + secret + "Error: password=" + secret + "\nTraceback (most recent call last):\n  File \"/x\"",
		`{"level":"DEBUG","password":"` + secret + `"}`,
		`{"_aws":{"CloudWatchMetrics":[]},"password":"` + secret + `"}`,
		`{"password":"` + strings.Repeat(secret, 40000) + `"}`,
		`{"pad":"` + strings.Repeat("x", 300<<10) + `","password":"` + secret + `"}`,
		`cut {"password":"` + secret,
		`{"level":"INFO","message":"` + secret + `"}`,
		"RequestId: " + secret + " failed",
	}
	for _, hold := range []invocation.Level{levelUnknown, levelWarn} {
		r := newRig(t, func(o *Options) {
			o.Redact = redactor(t, "password", "re:(?i)marker4711\\w*")
			o.Hold, o.Level = hold, levelTrace
		}).running()
		var batch []telemetry.Event
		for _, l := range lines {
			batch = append(batch, textLine(l))
		}
		r.HandleEvents(append(batch, platform(telemetry.KindRuntimeDone, t0, telemetry.Platform{RequestID: testID, Status: "error"}), report(testID)))
		out := strings.Join(append(append(r.lines.got, r.stdout.got...), r.metrics.got...), "\n")
		if strings.Contains(out, secret) || strings.Count(strings.Join(r.metrics.got, ""), `"error_type":"`) != 1 {
			t.Errorf("hold %v: %.2000s", hold, out)
		}
		if s := r.Stats(); s.Redacted != uint64(len(lines)) || len(r.lines.got) != len(lines) {
			t.Errorf("hold %v: %d lines of %d left, stats %+v", hold, len(r.lines.got), len(lines), s)
		}
	}
}

// TestRedactedLineIsJudgedAsItWas: level, request and failure are those of the
// line as it was printed.
func TestRedactedLineIsJudgedAsItWas(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Redact = redactor(t, "level", "re:[0-9a-f-]{36}", "re:out of memory|Trace\\w+|ERR")
	})
	other := "0b1c2d3e-0000-4fff-8abc-0123456789ab"
	r.HandleEvents(events(start(other), runtimeDone(other)))
	r.running()
	got := r.one(textLine("[ERROR]\t2024-01-15T11:30:45.123Z\t" + other + "\tboom\nTraceback (most recent call last):\n  File \"/x\""))
	want := `{"level":"ERROR","message":"[[redacted]OR]\t2024-01-15T11:30:45.123Z\t[redacted]\tboom\n[redacted] (most recent call last):\n  File \"/x\"",`
	if !strings.HasPrefix(got, want) || !strings.Contains(got, `"function_request_id":"`+other+`"`) {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := r.one(textLine(`{"level":"DEBUG"}`)); got != "" {
		t.Errorf("a DEBUG line passes because its level is redacted: %s", got)
	}
	r.one(textLine("fatal error: runtime: out of memory"))
	r.HandleEvents(events(done(testID, "error", "Runtime.ExitError"), report(testID)))
	if member(t, r.metrics.got[0], "OutOfMemory") != float64(1) {
		t.Errorf("%s", r.metrics.got[0])
	}
}

// TestRedactionDoesNotAllocate while there is nothing to take out.
func TestRedactionDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, in := range map[string]string{
		"object": benchObject, "text": benchText, "escapes": `{"message":"a\nb: \"c\"","body":"{\"a\":{\"b\":1}}"}`,
	} {
		r := newRig(t, func(o *Options) {
			o.Lines = []Destination{{Output: &nowhere{}}}
			o.Redact = redactor(t, "password", "authorization", "re:\\d{16}")
		}).running()
		batch := batchOf(textLine(in))
		r.HandleEvents(batch)
		if n := testing.AllocsPerRun(20, func() { r.HandleEvents(batch) }); n > 0 {
			t.Errorf("%s: %v allocations per 64 lines, want 0", name, n)
		}
		if r.Stats().Redacted > 0 {
			t.Errorf("%s was changed", name)
		}
	}
}
