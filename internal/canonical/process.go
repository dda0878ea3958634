package canonical

import "powertools-extension/internal/procstat"

// processMetric is a row of the table of metrics whose figure is read of the
// sandbox.
type processMetric struct {
	MetricInfo
	want   procstat.Want
	figure func(*procstat.Sample) procstat.Figure
}

// processMetrics are the rows of preset all.
func processMetrics() []processMetric {
	info := func(name, unit, source, meaning string) MetricInfo {
		return MetricInfo{Name: name, Unit: unit, Source: source, Preset: PresetAll, Meaning: meaning}
	}
	const count, ms, size = "Count", "Milliseconds", "Bytes"
	return []processMetric{
		{info("CpuUser", ms, "/proc/stat", "processor time of all processes in user mode, in steps of 10 ms"),
			procstat.CPU, func(s *procstat.Sample) procstat.Figure { return s.CPUUserMs }},
		{info("CpuSystem", ms, "/proc/stat", "processor time of all processes in the kernel, in steps of 10 ms"),
			procstat.CPU, func(s *procstat.Sample) procstat.Figure { return s.CPUSystemMs }},
		{info("RxBytes", size, "/proc/net/dev", "received over the function's network"),
			procstat.Network, func(s *procstat.Sample) procstat.Figure { return s.RxBytes }},
		{info("TxBytes", size, "/proc/net/dev", "sent over the function's network"),
			procstat.Network, func(s *procstat.Sample) procstat.Figure { return s.TxBytes }},
		{info("TmpUsed", size, "statvfs", "taken of /tmp at the end"),
			procstat.Tmp, func(s *procstat.Sample) procstat.Figure { return s.TmpUsedBytes }},
		{info("FdUsed", count, "/proc/*/fd", "open files of all processes but the extension, at the end"),
			procstat.FDs, func(s *procstat.Sample) procstat.Figure { return s.FDs }},
		{info("Threads", count, "/proc/*/stat", "threads of all processes but the extension, at the end"),
			procstat.Threads, func(s *procstat.Sample) procstat.Figure { return s.Threads }},
		{info("ExtensionCpu", ms, "getrusage", "processor time of the extension"),
			procstat.OwnCPU, func(s *procstat.Sample) procstat.Figure { return s.OwnCPUMs }},
		{info("ExtensionMemory", "Megabytes", "/proc/self/statm", "resident memory of the extension at the end, MiB"),
			procstat.OwnMemory, func(s *procstat.Sample) procstat.Figure { return s.OwnMemoryMB }},
	}
}
