package lambdaemu

import (
	"fmt"
	"time"
)

// What the platform says about a restore: three events without a request id
// (AWS page: telemetry-schema-reference) and two lines (AWS page:
// snapstart-monitoring).

type restoreStartRecord struct {
	RuntimeVersion    string `json:"runtimeVersion"`
	RuntimeVersionArn string `json:"runtimeVersionArn"`
	FunctionName      string `json:"functionName"`
	FunctionVersion   string `json:"functionVersion"`
	InstanceID        string `json:"instanceId"`
	InstanceMaxMemory int    `json:"instanceMaxMemory"`
}

type restoreRuntimeDoneRecord struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType,omitempty"`
}

type restoreReportRecord struct {
	Status    string      `json:"status"`
	ErrorType string      `json:"errorType,omitempty"`
	Metrics   initMetrics `json:"metrics"`
}

// restoredMetrics are those of the first invocation after a restore.
type restoredMetrics struct {
	reportMetrics

	RestoreDurationMs       float64 `json:"restoreDurationMs"`
	BilledRestoreDurationMs int64   `json:"billedRestoreDurationMs"`
}

func (r report) metrics(memoryMB int) any {
	m := reportMetrics{
		DurationMs: millis(r.total), BilledDurationMs: r.billed().Milliseconds(),
		MemorySizeMB: memoryMB, MaxMemoryUsedMB: r.memoryMB, InitDurationMs: millis(r.init),
	}
	if r.restore == 0 {
		return m
	}
	return restoredMetrics{m, millis(r.restore), wholeMillis(r.restore)}
}

func (s *sandbox) logRestoreStart() {
	version, arn := s.runtimeVersions()
	s.printText("RESTORE_START Runtime Version: " + version + "\tRuntime Version ARN: " + arn)
	s.platform("platform.restoreStart", "", restoreStartRecord{
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
	s.platform("platform.restoreRuntimeDone", "", restoreRuntimeDoneRecord{status, errorType})
}

func (s *sandbox) logRestoreReport(took time.Duration, failed *failure) {
	status, errorType := restoreStatus(failed)
	record := restoreReportRecord{Status: status, ErrorType: errorType}
	record.Metrics.DurationMs = millis(took)
	s.platform("platform.restoreReport", "", record)
	s.printText(fmt.Sprintf("RESTORE_REPORT Restore Duration: %.2f ms", millis(took)) + statusSuffix(status, errorType))
}
