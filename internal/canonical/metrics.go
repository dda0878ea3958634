package canonical

import (
	"math"

	"powertools-extension/internal/batch"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/telemetry"
)

// MetricInfo describes one figure of the event.
type MetricInfo struct {
	Name    string
	Unit    string // a CloudWatch unit
	Source  string // where the figure comes from
	Preset  Preset // the smallest preset that lists it
	Meaning string
	When    string // in which sandboxes, or how often; empty: in each event
	Feature string // what must be switched on for it; empty: nothing
}

// metric is one row of the table.
type metric struct {
	MetricInfo
	value func(*Event) telemetry.Number
	want  procstat.Want // what has to be read of the sandbox for it; 0: nothing
	seen  sandboxes     // where the figure exists
	rare  bool          // listed only when it happened, which is seldom
}

// sandboxes is a set of kinds of sandboxes, by how they are initialised.
type sandboxes uint8

const (
	onDemand sandboxes = 1 << iota
	provisioned
	snapStart
	managed

	classic    = onDemand | provisioned | snapStart
	everywhere = classic | managed
)

// sandboxOf reads a value of AWS_LAMBDA_INITIALIZATION_TYPE; a new one counts
// as on-demand.
func sandboxOf(initType string) sandboxes {
	switch initType {
	case "provisioned-concurrency":
		return provisioned
	case "snap-start":
		return snapStart
	case "lambda-managed-instances":
		return managed
	}
	return onDemand
}

// Metrics is the table of figures, in the order they are written.
func Metrics() []MetricInfo {
	rows := metricTable()
	infos := make([]MetricInfo, len(rows))
	for i, m := range rows {
		infos[i] = m.MetricInfo
	}
	return infos
}

const (
	count    = "Count"
	ms       = "Milliseconds"
	size     = "Bytes"
	megabyte = "Megabytes"
)

// metricTable is the one table. A figure whose source is missing is neither a
// member nor a metric; the judgements always have one.
func metricTable() []metric {
	rows := append(judgements(), times()...)
	rows = append(rows, amounts()...)
	rows = append(append(append(rows, guarded()...), batches()...), idempotent()...)
	return append(rows, readings()...)
}

func judgements() []metric {
	return []metric{
		{MetricInfo{"Invocations", count, "first sign of a request id", PresetAll, "always 1", "", ""},
			func(*Event) telemetry.Number { return telemetry.Num(1) }, 0, everywhere, false},
		{MetricInfo{"Errors", count, "member `outcome_from`", PresetAll, "1 if the invocation failed, timeouts and lack of memory included, else 0", "", ""},
			func(e *Event) telemetry.Number { return judgement(e.Failed) }, 0, everywhere, false},
		{MetricInfo{"Timeouts", count, "runtimeDone, report, shutdown reason", PresetDefault, "1 if the function timed out, else 0", "", ""},
			func(e *Event) telemetry.Number { return judgement(e.TimedOut) }, 0, everywhere, false},
		{MetricInfo{"OutOfMemory", count, "error type, report, the runtime's last words", PresetDefault, "1 if the function ran out of memory, else 0", "", ""},
			func(e *Event) telemetry.Number { return judgement(e.OutOfMemory) }, 0, everywhere, false},
		{MetricInfo{"ColdStart", count, "order and time of init and start", PresetDefault, "1 if somebody waited for the init; never 0. Not listed where the function's own metrics document of the invocation counts it in the same namespace with the same dimensions", "first invocation of an on-demand sandbox", ""},
			func(e *Event) telemetry.Number { return telemetry.Number{Value: 1, Set: e.Request.ColdStart} }, 0, onDemand, false},
	}
}

func times() []metric {
	const first = "first invocation of a sandbox"
	return []metric{
		{MetricInfo{"Duration", ms, "report", PresetAll, "time of the invocation, extensions included", "", ""},
			func(e *Event) telemetry.Number { return e.DurationMs }, 0, everywhere, false},
		{MetricInfo{"InitDuration", ms, "report, else initReport", PresetDefault, "time of the init that the invocation waited for", first, ""},
			func(e *Event) telemetry.Number { return e.InitDurationMs }, 0, onDemand | provisioned, false},
		{MetricInfo{"RestoreDuration", ms, "report, else restoreReport", PresetDefault, "time of the SnapStart restore", first + " under SnapStart", ""},
			func(e *Event) telemetry.Number { return e.RestoreDurationMs }, 0, snapStart, false},
		{MetricInfo{"BilledDuration", ms, "report", PresetAll, "time that is billed", "", ""},
			func(e *Event) telemetry.Number { return e.BilledDurationMs }, 0, classic, false},
		{MetricInfo{"RuntimeDuration", ms, "runtimeDone", PresetAll, "time the function's runtime took", "", ""},
			func(e *Event) telemetry.Number { return e.RuntimeDurationMs }, 0, classic, false},
		{MetricInfo{"PostRuntimeDuration", ms, "report and runtimeDone", PresetAll, "time extensions took after the runtime", "", ""},
			func(e *Event) telemetry.Number { return e.PostRuntimeDurationMs }, 0, classic, false},
		{MetricInfo{"HandlerDuration", ms, "proxy", PresetAll, "from the event's last byte at the runtime to the answer's last byte", "through the proxy", ""},
			func(e *Event) telemetry.Number { return passage(e).HandlerMs }, 0, everywhere, false},
		{MetricInfo{"ProxyDuration", ms, "proxy", PresetAll, "time the proxy itself took, both ways", "through the proxy", ""},
			func(e *Event) telemetry.Number { return passage(e).ProxyMs }, 0, everywhere, false},
		{MetricInfo{"ResponseLatency", ms, "span", PresetAll, "time to the first byte of the response", "", ""},
			func(e *Event) telemetry.Number { return e.ResponseLatencyMs }, 0, everywhere, false},
		{MetricInfo{"ResponseDuration", ms, "span", PresetAll, "time from the first to the last byte of the response", "", ""},
			func(e *Event) telemetry.Number { return e.ResponseDurationMs }, 0, everywhere, false},
	}
}

// guarded are figures of functions before which a schema or a gate stands.
func guarded() []metric {
	row := func(name, meaning, feature string, of func(invocation.Guards) int) metric {
		return metric{MetricInfo{name, count, "proxy", PresetDefault, meaning, "when it happens", feature},
			func(e *Event) telemetry.Number { return happened(of(passage(e).Guards)) }, 0, everywhere, true}
	}
	return []metric{
		row("EventsInvalid", "events that did not fit their schema, and that the function did not get; records of a batch that are not dropped are counted as failed ones", "validation", func(g invocation.Guards) int { return g.Invalid }),
		row("EventsDropped", "of those: answered as a success", "validation", func(g invocation.Guards) int { return g.Dropped }),
		row("GateClosed", "events that the function did not get because its feature gate was closed", "gate", func(g invocation.Guards) int { return g.Closed }),
	}
}

// batches are figures of functions that get the records of batches one by one.
func batches() []metric {
	row := func(name, meaning string, rare bool, of func(*batch.Counts) int) metric {
		return metric{MetricInfo{name, count, "batch", PresetDefault, meaning, "when it happens", "batch"},
			func(e *Event) telemetry.Number {
				if e.Batch == nil {
					return telemetry.Number{}
				}
				return happened(of(e.Batch))
			}, 0, everywhere, rare}
	}
	return []metric{
		row("BatchRecords", "records of a batch of which the function got one after another", false, func(c *batch.Counts) int { return c.Records }),
		row("BatchRecordsFailed", "records of it that ran and failed", true, func(c *batch.Counts) int { return c.Failed }),
		row("BatchRecordsUnprocessed", "records of it that did not run: left out because of a failure before them, or there was no time", true, func(c *batch.Counts) int { return c.Unprocessed }),
	}
}

// idempotent are figures of functions that have idempotency switched on.
func idempotent() []metric {
	const feature = "idempotency"
	row := func(name, meaning string, of func(*idempotency.Tally) uint32) metric {
		return metric{MetricInfo{name, count, "idempotency", PresetDefault, meaning, "when it happens", feature},
			func(e *Event) telemetry.Number {
				if e.Idempotent == nil {
					return telemetry.Number{}
				}
				return happened(of(e.Idempotent))
			}, 0, everywhere, true}
	}
	return []metric{
		row("IdempotentReplays", "requests that were answered with a stored answer", func(i *idempotency.Tally) uint32 { return i.Replays }),
		row("IdempotencyInProgress", "requests that were refused because an equal one was running", func(i *idempotency.Tally) uint32 { return i.InProgress }),
		row("IdempotencySkipped", "requests without a key, which ran without a record", func(i *idempotency.Tally) uint32 { return i.Skipped }),
		row("IdempotencyNotStored", "answers that could not be stored: too large, streamed", func(i *idempotency.Tally) uint32 { return i.NotStored }),
		row("IdempotencyLost", "executions that had run past their time and whose record another one had taken over", func(i *idempotency.Tally) uint32 { return i.Lost }),
		row("IdempotencyBypassed", "requests that ran without a record because the store failed", func(i *idempotency.Tally) uint32 { return i.Bypassed }),
		row("IdempotencyErrors", "requests that were answered with another error of idempotency, and keys that could not be freed", func(i *idempotency.Tally) uint32 { return i.Errors }),
		{MetricInfo{"IdempotencyStoreTime", ms, "idempotency", PresetDefault, "time in calls of the store of records", "for a request with a key", feature},
			func(e *Event) telemetry.Number {
				if e.Idempotent == nil || e.Idempotent.Store <= 0 {
					return telemetry.Number{}
				}
				return telemetry.Num(float64(e.Idempotent.Store.Microseconds()) / 1000)
			}, 0, everywhere, false},
	}
}

func passage(e *Event) invocation.Passage {
	if e.Passed == nil {
		return invocation.Passage{}
	}
	return *e.Passed
}

func amounts() []metric {
	return []metric{
		{MetricInfo{"MemoryUtilization", "Percent", "report", PresetDefault, "largest use of memory, share of the configured size", "", ""},
			memoryUtilization, 0, classic, false},
		{MetricInfo{"MaxMemoryUsed", megabyte, "report", PresetInsights, "largest use of memory so far in the sandbox, in MiB as in the REPORT line", "", ""},
			func(e *Event) telemetry.Number { return e.MaxMemoryUsedMB }, 0, classic, false},
		{MetricInfo{"ProducedBytes", size, "runtimeDone", PresetAll, "size of the response", "", ""},
			func(e *Event) telemetry.Number { return e.ProducedBytes }, 0, classic, false},
		{MetricInfo{"LogsDropped", count, "logsDropped", PresetDefault, "records that the platform dropped before we saw them", "when it happens", ""},
			func(e *Event) telemetry.Number { return e.LogsDropped }, 0, everywhere, true},
		{MetricInfo{"SpansDropped", count, "spans", PresetDefault, "spans that were too large for their receiver, or that a destination lost", "when it happens", "tracing"},
			func(e *Event) telemetry.Number { return e.SpansDropped }, 0, everywhere, true},
		{MetricInfo{"SpansSkipped", count, "spans", PresetDefault, "spans that were not made: a trace header that cannot be read, more at once than are followed", "when it happens", "tracing"},
			func(e *Event) telemetry.Number { return e.SpansSkipped }, 0, everywhere, true},
		{MetricInfo{"LinesBypassed", count, "lines in place", PresetDefault, "lines that reached the function's log without passing the extension, which changes lines where they are written", "when it happens", "lines in place"},
			func(e *Event) telemetry.Number { return happened(e.Bypassed) }, 0, classic, true},
		{MetricInfo{"EstimatedCost", "None", "report", PresetAll, "US dollars at the list price of us-east-1, free tier and commitments ignored", "", ""},
			func(e *Event) telemetry.Number { return e.costUSD }, 0, classic, false},
	}
}

// readings are read of the sandbox, and only where they are listed: reading
// costs processor time. On managed instances they are never one invocation's.
func readings() []metric {
	row := func(name, unit, source string, preset Preset, want procstat.Want, meaning string, of func(*procstat.Sample) procstat.Figure) metric {
		return metric{MetricInfo{name, unit, source, preset, meaning, "where listed", ""},
			func(e *Event) telemetry.Number { return telemetry.Number(of(&e.Process)) }, want, classic, false}
	}
	return []metric{
		row("CpuUser", ms, "/proc/stat", PresetAll, procstat.CPU, "processor time of all processes in user mode, in steps of 10 ms",
			func(s *procstat.Sample) procstat.Figure { return s.CPUUserMs }),
		row("CpuSystem", ms, "/proc/stat", PresetAll, procstat.CPU, "processor time of all processes in the kernel, in steps of 10 ms",
			func(s *procstat.Sample) procstat.Figure { return s.CPUSystemMs }),
		row("CpuTotal", ms, "/proc/stat", PresetInsights, procstat.CPU, "processor time of all processes, in steps of 10 ms", cpuTotal),
		row("RxBytes", size, "/proc/net/dev", PresetInsights, procstat.Network, "received over the function's network",
			func(s *procstat.Sample) procstat.Figure { return s.RxBytes }),
		row("TxBytes", size, "/proc/net/dev", PresetInsights, procstat.Network, "sent over the function's network",
			func(s *procstat.Sample) procstat.Figure { return s.TxBytes }),
		row("TmpUsed", size, "statvfs", PresetInsights, procstat.Tmp, "taken of /tmp at the end",
			func(s *procstat.Sample) procstat.Figure { return s.TmpUsedBytes }),
		row("FdUsed", count, "/proc/*/fd", PresetAll, procstat.FDs, "open files of all processes but the extension, at the end",
			func(s *procstat.Sample) procstat.Figure { return s.FDs }),
		row("Threads", count, "/proc/*/stat", PresetAll, procstat.Threads, "threads of all processes but the extension, at the end",
			func(s *procstat.Sample) procstat.Figure { return s.Threads }),
		row("ExtensionCpu", ms, "getrusage", PresetAll, procstat.OwnCPU, "processor time of the extension",
			func(s *procstat.Sample) procstat.Figure { return s.OwnCPUMs }),
		row("ExtensionMemory", megabyte, "/proc/self/statm", PresetAll, procstat.OwnMemory, "resident memory of the extension at the end, MiB",
			func(s *procstat.Sample) procstat.Figure { return s.OwnMemoryMB }),
	}
}

func cpuTotal(s *procstat.Sample) procstat.Figure {
	return procstat.Figure{Value: s.CPUUserMs.Value + s.CPUSystemMs.Value, Set: s.CPUUserMs.Set && s.CPUSystemMs.Set}
}

// happened is a count that is told only where there is something to count.
func happened[N int | uint32 | uint64](n N) telemetry.Number {
	return telemetry.Number{Value: float64(n), Set: n > 0}
}

func judgement(yes bool) telemetry.Number {
	if yes {
		return telemetry.Num(1)
	}
	return telemetry.Num(0)
}

// memoryUtilization divides like by like: both figures are MiB.
func memoryUtilization(e *Event) telemetry.Number {
	if !e.MaxMemoryUsedMB.Set || !e.MemorySizeMB.Set || e.MemorySizeMB.Value <= 0 {
		return telemetry.Number{}
	}
	return telemetry.Num(math.Round(10000*e.MaxMemoryUsedMB.Value/e.MemorySizeMB.Value) / 100)
}
