package app

import (
	"encoding/json"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/remote"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/tracer"
)

// ledger is the last line of a sandbox: what came in, what went out, and what
// was lost on the way and why. For lines received = passed + filtered +
// excluded + held + forgotten + hold_dropped. For each way out received =
// delivered + dropped + pending, and dropped is the sum of its reasons; for a
// remote destination received = lines passed + replayed.
type ledger struct {
	Level      string              `json:"level"`
	Message    string              `json:"message"`
	Timestamp  string              `json:"timestamp"`
	Service    string              `json:"service"`
	Function   string              `json:"function_name"`
	Version    string              `json:"extension_version"`
	Reason     string              `json:"shutdown_reason"`
	LifetimeMs int64               `json:"lifetime_ms"`
	Telemetry  telemetryLedger     `json:"telemetry"`
	Lines      linesLedger         `json:"lines"`
	InPlace    *inPlaceLedger      `json:"in_place,omitempty"` // nil where lines are copied
	Metrics    metricsLedger       `json:"metrics"`
	Stdout     sinkLedger          `json:"stdout"`
	Sinks      []remoteLedger      `json:"sinks,omitempty"` // remote destinations, in the order they were named
	Spans      *spansLedger        `json:"spans,omitempty"` // nil: they are off
	Flush      *remote.FlushLedger `json:"flush,omitempty"` // nil with stdout alone
	Spool      *remote.SpoolLedger `json:"spool,omitempty"` // nil if nothing was found there and nothing left or refused
	Degraded   []string            `json:"degraded,omitempty"`
}

type telemetryLedger struct {
	Events       int64 `json:"events"`
	Undecodable  int64 `json:"undecodable"`
	Duplicates   int64 `json:"duplicate_batches"`
	DroppedBytes int64 `json:"dropped_bytes"`
	DroppedLines int64 `json:"dropped_lines"`
}

type linesLedger struct {
	Received    uint64 `json:"received"`
	Passed      uint64 `json:"passed"`
	Filtered    uint64 `json:"filtered"`
	Excluded    uint64 `json:"excluded"`
	Held        uint64 `json:"held"`
	Forgotten   uint64 `json:"forgotten"`
	HoldDropped uint64 `json:"hold_dropped"`
	Truncated   uint64 `json:"truncated"`
}

type metricsLedger struct {
	Canonical uint64 `json:"canonical_events"`
	Samples   uint64 `json:"samples"`
	Rejected  uint64 `json:"rejected_samples"`

	RejectedBy map[string]uint64 `json:"rejected_by,omitempty"`        // the same by field and rule
	Skipped    uint64            `json:"skipped_dimensions,omitempty"` // without a value, left out of samples that were taken
	Dropped    uint64            `json:"dropped_documents"`
}

type sinkLedger struct {
	Received     uint64            `json:"received"`
	Replayed     uint64            `json:"replayed,omitempty"` // of received, from a process that was killed
	Delivered    uint64            `json:"delivered"`
	Dropped      uint64            `json:"dropped"`
	Pending      uint64            `json:"pending"`
	DroppedBytes uint64            `json:"dropped_bytes"`
	DroppedBy    map[string]uint64 `json:"dropped_by,omitempty"` // lines by reason
}

type remoteLedger struct {
	Name  string `json:"name"`
	State string `json:"state"` // of its breaker, or disabled
	sinkLedger
	Batches  uint64 `json:"batches"`
	Tries    uint64 `json:"tries"`
	Failures uint64 `json:"failures"`
	Timeouts uint64 `json:"timeouts"`
}

// spansLedger is what became of the spans of invocations.
type spansLedger struct {
	*tracer.Ledger
	Sinks []remoteLedger `json:"sinks,omitempty"`
}

func spansLedgerOf(a *App) *spansLedger {
	l := a.spans.Account()
	if l == nil {
		return nil
	}
	return &spansLedger{l, ledgerOf(a.ways.Outlets, true)}
}

// ledger writes the account. It is taken before its own line is put, so that
// line is in no sum.
func (a *App) ledger(reason string, now time.Time) []byte {
	stream := a.stream.stats()
	lines, samples := a.pipeline.Stats(), a.metrics.Stats()
	line, err := json.Marshal(ledger{
		Level:      "INFO",
		Message:    "powertools-extension shut down",
		Timestamp:  now.UTC().Format("2006-01-02T15:04:05.000Z"),
		Service:    a.cfg.Service,
		Function:   a.cfg.FunctionName,
		Version:    a.deps.Version,
		Reason:     reason,
		LifetimeMs: now.UnixMilli() - a.started.UnixMilli(),
		Telemetry:  telemetryLedger{stream.Events, stream.Undecodable, stream.Duplicates, stream.DroppedBytes, stream.DroppedLines},
		Lines:      linesLedger{lines.Lines, lines.Passed, lines.Filtered, lines.Excluded, lines.Held, lines.Forgotten, lines.HoldDropped, lines.Truncated},
		InPlace:    a.inPlace.ledger(),
		Metrics:    metricsLedger{Canonical: lines.Events, Samples: samples.Recorded, Rejected: sum(samples.Rejected), RejectedBy: samples.Rejected, Skipped: samples.Skipped, Dropped: samples.Dropped},
		Stdout:     sinkLines(a.stdout.Stats()),
		Sinks:      ledgerOf(a.ways.Outlets, false),
		Spans:      spansLedgerOf(a),
		Flush:      a.ways.Ledger(),
		Spool:      a.ways.Spool.Ledger(),
		Degraded:   components(a.health.list()),
	})
	if err != nil {
		a.log.Error("ledger not written", zap.Error(err))
		return nil
	}
	return line
}

func sinkLines(s sink.Stats) sinkLedger {
	return sinkLedger{s.Received.Lines, s.Adopted.Lines, s.Delivered.Lines, s.Dropped.Lines, s.Pending.Lines, s.Dropped.Bytes, s.Losses.Lines()}
}

// ledgerOf is the account of the destinations of spans, or of lines.
func ledgerOf(outlets remote.Outlets, spans bool) []remoteLedger {
	var out []remoteLedger
	for _, r := range outlets {
		if r.Spans != spans {
			continue
		}
		health, counters := r.Health(), r.Counters()
		state := health.State.String()
		if health.Disabled {
			state = "disabled"
		}
		out = append(out, remoteLedger{
			Name: r.Name(), State: state, sinkLedger: sinkLines(r.Stats()),
			Batches: counters.Batches, Tries: counters.Tries, Failures: counters.Failures, Timeouts: counters.Timeouts,
		})
	}
	return out
}

func sum(by map[string]uint64) (n uint64) {
	for _, v := range by {
		n += v
	}
	return n
}

func components(degraded []localhttp.Degradation) []string {
	names := make([]string, len(degraded))
	for i, d := range degraded {
		names[i] = d.Component
	}
	return names
}
