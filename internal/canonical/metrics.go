package canonical

import (
	"math"
	"strings"

	"powertools-extension/internal/telemetry"
)

// Preset is a set of metrics that goes by one name. Each contains the ones
// before it.
type Preset string

// The presets.
const (
	PresetNone    Preset = "none"
	PresetBasic   Preset = "basic"
	PresetDefault Preset = "default"
	PresetAll     Preset = "all"
)

// MetricInfo describes one platform metric.
type MetricInfo struct {
	Name    string
	Unit    string // a CloudWatch unit
	Source  string // where the figure comes from
	Preset  Preset // the smallest preset that has it
	Meaning string
}

// metric is one row of the table: what is documented and how it is got.
type metric struct {
	MetricInfo
	value func(*Event) telemetry.Number
}

// Metrics is the table of platform metrics, in the order they are written.
func Metrics() []MetricInfo {
	rows := metricTable()
	infos := make([]MetricInfo, len(rows))
	for i, m := range rows {
		infos[i] = m.MetricInfo
	}
	return infos
}

// metricTable is the one table. A figure whose source is missing is not
// written; the judgements of the first rows always have one.
func metricTable() []metric {
	info := func(name, unit, source string, preset Preset, meaning string) MetricInfo {
		return MetricInfo{Name: name, Unit: unit, Source: source, Preset: preset, Meaning: meaning}
	}
	const count, ms = "Count", "Milliseconds"
	rows := []metric{
		{info("Invocations", count, "first sign of a request id", PresetBasic, "always 1"),
			func(*Event) telemetry.Number { return telemetry.Num(1) }},
		{info("Errors", count, "runtimeDone, report, shutdown reason, ERROR lines with a stack or an error type", PresetBasic, "1 if the invocation failed, timeouts and lack of memory included, else 0"),
			func(f *Event) telemetry.Number { return judgement(f.Failed) }},
		{info("Timeouts", count, "runtimeDone, report, shutdown reason", PresetBasic, "1 if the function timed out, else 0"),
			func(f *Event) telemetry.Number { return judgement(f.TimedOut) }},
		{info("OutOfMemory", count, "error type, report, phrases of the runtimes in lines", PresetBasic, "1 if the function ran out of memory, else 0"),
			func(f *Event) telemetry.Number { return judgement(f.OutOfMemory) }},
		{info("ColdStart", count, "order and time of init and start", PresetBasic, "1 if somebody waited for the init of an on-demand sandbox; never 0"),
			func(f *Event) telemetry.Number { return telemetry.Number{Value: 1, Set: f.Request.ColdStart} }},
		{info("Duration", ms, "report", PresetBasic, "time of the invocation, extensions included"),
			func(f *Event) telemetry.Number { return f.DurationMs }},
		{info("InitDuration", ms, "report, else initReport", PresetDefault, "time of the init that the invocation waited for"),
			func(f *Event) telemetry.Number { return f.InitDurationMs }},
		{info("RestoreDuration", ms, "report, else restoreReport", PresetDefault, "time of the SnapStart restore"),
			func(f *Event) telemetry.Number { return f.RestoreDurationMs }},
		{info("BilledDuration", ms, "report", PresetDefault, "time that is billed"),
			func(f *Event) telemetry.Number { return f.BilledDurationMs }},
		{info("RuntimeDuration", ms, "runtimeDone", PresetDefault, "time the function's runtime took"),
			func(f *Event) telemetry.Number { return f.RuntimeDurationMs }},
		{info("PostRuntimeDuration", ms, "report and runtimeDone", PresetDefault, "time extensions took after the runtime"),
			func(f *Event) telemetry.Number { return f.PostRuntimeDurationMs }},
		{info("ResponseLatency", ms, "span", PresetDefault, "time to the first byte of the response"),
			func(f *Event) telemetry.Number { return f.ResponseLatencyMs }},
		{info("ResponseDuration", ms, "span", PresetDefault, "time from the first to the last byte of the response"),
			func(f *Event) telemetry.Number { return f.ResponseDurationMs }},
		{info("MemoryUtilization", "Percent", "report", PresetDefault, "largest use of memory, share of the configured size"),
			memoryUtilization},
		{info("MaxMemoryUsed", "Megabytes", "report", PresetDefault, "largest use of memory so far in the sandbox, in MiB as in the REPORT line"),
			func(f *Event) telemetry.Number { return f.MaxMemoryUsedMB }},
		{info("ProducedBytes", "Bytes", "runtimeDone", PresetDefault, "size of the response"),
			func(f *Event) telemetry.Number { return f.ProducedBytes }},
		{info("LogsDropped", count, "logsDropped", PresetDefault, "records that the platform dropped before we saw them"),
			func(f *Event) telemetry.Number { return f.LogsDropped }},
	}
	for _, m := range processMetrics() {
		rows = append(rows, metric{m.MetricInfo, func(f *Event) telemetry.Number { return telemetry.Number(m.figure(&f.Process)) }})
	}
	return append(rows, metric{
		info("EstimatedCost", "None", "report", PresetAll, "US dollars at the list price of us-east-1, free tier and commitments ignored"),
		func(f *Event) telemetry.Number { return f.costUSD },
	})
}

func judgement(yes bool) telemetry.Number {
	if yes {
		return telemetry.Num(1)
	}
	return telemetry.Num(0)
}

func memoryUtilization(f *Event) telemetry.Number {
	if !f.MaxMemoryUsedMB.Set || !f.MemorySizeMB.Set || f.MemorySizeMB.Value <= 0 {
		return telemetry.Number{}
	}
	return telemetry.Num(math.Round(10000*f.MaxMemoryUsedMB.Value/f.MemorySizeMB.Value) / 100)
}

// Selection is a set of platform metrics. The zero value is the empty one.
type Selection struct{ rows uint64 } // bit i is row i of the table

// Select reads a setting: the name of a preset, or a comma list of metric
// names. It returns what it knows and the names it does not.
func Select(setting string) (Selection, []string) {
	var s Selection
	var unknown []string
	rows := metricTable()
	for name := range strings.SplitSeq(setting, ",") {
		name = strings.TrimSpace(name)
		if name == "" || Preset(name) == PresetNone {
			continue
		}
		found := false
		for i := range rows {
			if rows[i].Name == name || inPreset(rows[i].Preset, Preset(name)) {
				s.rows |= 1 << i
				found = true
			}
		}
		if !found {
			unknown = append(unknown, name)
		}
	}
	return s, unknown
}

func (s Selection) has(row int) bool { return s.rows&(1<<row) != 0 }

// inPreset reports whether a metric of the smallest preset is in the asked
// one.
func inPreset(smallest, asked Preset) bool {
	switch asked {
	case PresetAll:
		return true
	case PresetDefault:
		return smallest != PresetAll
	case PresetBasic:
		return smallest == PresetBasic
	}
	return false
}
