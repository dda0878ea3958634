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

func (p *printer) logRestoreStart() {
	version, arn := p.runtimeVersions()
	p.printText("RESTORE_START Runtime Version: " + version + "\tRuntime Version ARN: " + arn)
	p.platform("platform.restoreStart", "", relay.RestoreStartRecord{
		RuntimeVersion: version, RuntimeVersionArn: arn, FunctionName: p.opt.FunctionName,
		FunctionVersion: p.opt.Version, InstanceID: p.stream(), InstanceMaxMemory: p.opt.MemoryMB,
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

func (p *printer) logRestoreRuntimeDone(failed *failure) {
	status, errorType := restoreStatus(failed)
	p.platform("platform.restoreRuntimeDone", "", relay.RestoreRuntimeDoneRecord{Status: status, ErrorType: errorType})
}

func (p *printer) logRestoreReport(took time.Duration, failed *failure) {
	status, errorType := restoreStatus(failed)
	record := relay.RestoreReportRecord{Status: status, ErrorType: errorType}
	record.Metrics.DurationMs = relay.Millis(took)
	p.platform("platform.restoreReport", "", record)
	p.printText(fmt.Sprintf("RESTORE_REPORT Restore Duration: %.2f ms", relay.Millis(took)) + statusSuffix(status, errorType))
}
