package lambdaemu

import "sync"

// TelemetryStats are the events of all subscriptions so far.
type TelemetryStats struct {
	Subscriptions int // accepted with 200
	Events        int // of the types that were subscribed to
	Delivered     int // taken by a subscriber with a 2xx
	Lost          int // dropped, withheld or damaged by the platform or a fault
	Refused       int // POSTs that were not answered with a 2xx; they are repeated
}

// telemetryCounts is shared by the sandboxes of one emulator. A nil one counts
// nothing.
type telemetryCounts struct {
	mu sync.Mutex
	TelemetryStats
	told int // Lost when the last invocation ended
}

func (c *telemetryCounts) add(subscriptions, events, delivered, lost, refused int) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Subscriptions += subscriptions
	c.Events += events
	c.Delivered += delivered
	c.Lost += lost
	c.Refused += refused
}

func (c *telemetryCounts) offered()        { c.add(0, 1, 0, 0, 0) }
func (c *telemetryCounts) delivered(n int) { c.add(0, 0, n, 0, 0) }
func (c *telemetryCounts) lost(n int)      { c.add(0, 0, 0, n, 0) }
func (c *telemetryCounts) refused()        { c.add(0, 0, 0, 0, 1) }
func (c *telemetryCounts) subscribed()     { c.add(1, 0, 0, 0, 0) }

// withheld is an event that a fault keeps from everybody.
func (c *telemetryCounts) withheld() { c.add(0, 1, 0, 1, 0) }

// newlyLost returns how many were lost since it was last asked.
func (c *telemetryCounts) newlyLost() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.Lost - c.told
	c.told = c.Lost
	return n
}

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
func (e *Emulator) Telemetry() TelemetryStats {
	e.counts.mu.Lock()
	defer e.counts.mu.Unlock()
	return e.counts.TelemetryStats
}
