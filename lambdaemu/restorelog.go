package lambdaemu

import (
	"fmt"
	"time"

	"powertools-extension/lambdaemu/internal/relay"
)

// What the platform says about a restore: three events without a request id
// (AWS page: telemetry-schema-reference) and two lines (AWS page:
// snapstart-monitoring).

func (r report) metrics(memoryMB int) any {
	m := relay.ReportMetrics{
		DurationMs: relay.Millis(r.total), BilledDurationMs: r.billed().Milliseconds(),
		MemorySizeMB: memoryMB, MaxMemoryUsedMB: r.memoryMB, InitDurationMs: relay.Millis(r.init),
	}
	if r.restore == 0 {
		return m
	}
	return relay.RestoredMetrics{ReportMetrics: m, RestoreDurationMs: relay.Millis(r.restore), BilledRestoreDurationMs: wholeMillis(r.restore)}
}

func (s *sandbox) logRestoreStart() {
	version, arn := s.runtimeVersions()
	s.printText("RESTORE_START Runtime Version: " + version + "\tRuntime Version ARN: " + arn)
	s.platform("platform.restoreStart", "", relay.RestoreStartRecord{
		RuntimeVersion: version, RuntimeVersionArn: arn, FunctionName: s.opt.FunctionName,
		FunctionVersion: s.opt.Version, InstanceID: s.env.id.logStream, InstanceMaxMemory: s.opt.MemoryMB,
	})
}

// restoreStatus has no type of its own for a timeout (AWS source: rapid/handlers
// getFirstFatalError).
func restoreStatus(failed *failure) (status, errorType string) {
	switch {
	case failed == nil:
		return statusSuccess, ""
	case failed.status == statusTimeout:
		return statusTimeout, "Runtime.Unknown"
	}
	return failed.status, failed.errorType
}

func (s *sandbox) logRestoreRuntimeDone(failed *failure) {
	status, errorType := restoreStatus(failed)
	s.platform("platform.restoreRuntimeDone", "", relay.RestoreRuntimeDoneRecord{Status: status, ErrorType: errorType})
}

func (s *sandbox) logRestoreReport(took time.Duration, failed *failure) {
	status, errorType := restoreStatus(failed)
	record := relay.RestoreReportRecord{Status: status, ErrorType: errorType}
	record.Metrics.DurationMs = relay.Millis(took)
	s.platform("platform.restoreReport", "", record)
	s.printText(fmt.Sprintf("RESTORE_REPORT Restore Duration: %.2f ms", relay.Millis(took)) + statusSuffix(status, errorType))
}
