package lambdaemu

import (
	"sync"

	"powertools-extension/lambdaemu/internal/relay"
)

// TelemetryStats are the events of all subscriptions so far.
type TelemetryStats = relay.Stats

// reportCounts is shared by the sandboxes of one emulator.
type reportCounts struct {
	mu sync.Mutex
	ReportStats
}

func (c *reportCounts) add(first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Reports++
	if first {
		c.First++
	}
}

// Reports returns how many reports of managed instances came before a line of
// their own request so far; zero elsewhere.
func (e *Emulator) Reports() ReportStats {
	e.reports.mu.Lock()
	defer e.reports.mu.Unlock()
	return e.reports.ReportStats
}

// Telemetry returns what has happened to the telemetry so far.
func (e *Emulator) Telemetry() TelemetryStats { return e.counts.Stats() }
