package relay

import "time"

// Records of the platform's events (AWS page: telemetry-schema-reference). They
// are plain data; whoever emits an event fills one in.

// TracingRecord is absent unless the trace is sampled.
type TracingRecord struct {
	SpanID string `json:"spanId,omitempty"`
	Type   string `json:"type"`
	Value  string `json:"value"`
}

// InitStartRecord is platform.initStart.
type InitStartRecord struct {
	InitializationType string `json:"initializationType"`
	Phase              string `json:"phase"`
	RuntimeVersion     string `json:"runtimeVersion"`
	RuntimeVersionArn  string `json:"runtimeVersionArn"`
	FunctionName       string `json:"functionName"`
	FunctionVersion    string `json:"functionVersion"`
	InstanceID         string `json:"instanceId"`
	InstanceMaxMemory  int    `json:"instanceMaxMemory"`
}

// InitRuntimeDoneRecord is platform.initRuntimeDone.
type InitRuntimeDoneRecord struct {
	InitializationType string `json:"initializationType"`
	Phase              string `json:"phase"`
	Status             string `json:"status"`
	ErrorType          string `json:"errorType,omitempty"`
}

// InitReportRecord is platform.initReport.
type InitReportRecord struct {
	InitializationType string      `json:"initializationType"`
	Phase              string      `json:"phase"`
	Status             string      `json:"status"`
	ErrorType          string      `json:"errorType,omitempty"`
	Metrics            InitMetrics `json:"metrics"`
}

// InitMetrics has the duration only, in milliseconds; reports of managed instances have it as well.
type InitMetrics struct {
	DurationMs float64 `json:"durationMs"`
}

// ExtensionRecord is platform.extension.
type ExtensionRecord struct {
	Name      string   `json:"name"`
	State     string   `json:"state"`
	Events    []string `json:"events"`
	ErrorType string   `json:"errorType,omitempty"`
}

// SubscriptionRecord is platform.telemetrySubscription and platform.logsSubscription.
type SubscriptionRecord struct {
	Name  string   `json:"name"`
	State string   `json:"state"`
	Types []string `json:"types"`
}

// StartRecord is platform.start.
type StartRecord struct {
	RequestID   string         `json:"requestId"`
	Version     string         `json:"version"`
	FunctionArn string         `json:"functionArn,omitempty"` // managed instances
	Tracing     *TracingRecord `json:"tracing,omitempty"`
	TenantID    string         `json:"tenantId,omitempty"`
}

// SpanRecord is a part of a report or of a runtimeDone.
type SpanRecord struct {
	Name       string  `json:"name"`
	Start      string  `json:"start"`
	DurationMs float64 `json:"durationMs"`
}

// RuntimeDoneRecord is platform.runtimeDone.
type RuntimeDoneRecord struct {
	RequestID string             `json:"requestId"`
	Status    string             `json:"status"`
	ErrorType string             `json:"errorType,omitempty"`
	Metrics   RuntimeDoneMetrics `json:"metrics"`
	Spans     []SpanRecord       `json:"spans,omitempty"`
	Tracing   *TracingRecord     `json:"tracing,omitempty"`
	TenantID  string             `json:"tenantId,omitempty"`
}

// RuntimeDoneMetrics are those of platform.runtimeDone.
type RuntimeDoneMetrics struct {
	DurationMs    float64 `json:"durationMs"`
	ProducedBytes int     `json:"producedBytes"`
}

// ReportRecord is platform.report.
type ReportRecord struct {
	RequestID string         `json:"requestId"`
	Status    string         `json:"status"`
	ErrorType string         `json:"errorType,omitempty"`
	Metrics   any            `json:"metrics"` // ReportMetrics or RestoredMetrics
	Spans     []SpanRecord   `json:"spans,omitempty"`
	Tracing   *TracingRecord `json:"tracing,omitempty"`
	TenantID  string         `json:"tenantId,omitempty"`
}

// ReportMetrics are those of platform.report.
type ReportMetrics struct {
	DurationMs       float64 `json:"durationMs"`
	BilledDurationMs int64   `json:"billedDurationMs"`
	MemorySizeMB     int     `json:"memorySizeMB"`
	MaxMemoryUsedMB  int     `json:"maxMemoryUsedMB"`
	InitDurationMs   float64 `json:"initDurationMs,omitempty"`
}

// DroppedRecord is platform.logsDropped.
type DroppedRecord struct {
	Reason         string `json:"reason"`
	DroppedRecords int    `json:"droppedRecords"`
	DroppedBytes   int    `json:"droppedBytes"`
}

// RestoreStartRecord is platform.restoreStart.
type RestoreStartRecord struct {
	RuntimeVersion    string `json:"runtimeVersion"`
	RuntimeVersionArn string `json:"runtimeVersionArn"`
	FunctionName      string `json:"functionName"`
	FunctionVersion   string `json:"functionVersion"`
	InstanceID        string `json:"instanceId"`
	InstanceMaxMemory int    `json:"instanceMaxMemory"`
}

// RestoreRuntimeDoneRecord is platform.restoreRuntimeDone.
type RestoreRuntimeDoneRecord struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType,omitempty"`
}

// RestoreReportRecord is platform.restoreReport.
type RestoreReportRecord struct {
	Status    string      `json:"status"`
	ErrorType string      `json:"errorType,omitempty"`
	Metrics   InitMetrics `json:"metrics"`
}

// RestoredMetrics are those of the first invocation after a restore.
type RestoredMetrics struct {
	ReportMetrics

	RestoreDurationMs       float64 `json:"restoreDurationMs"`
	BilledRestoreDurationMs int64   `json:"billedRestoreDurationMs"`
}

// NewSpan is the time from one moment to another, in milliseconds.
func NewSpan(name string, from, to time.Time) SpanRecord {
	return SpanRecord{Name: name, Start: from.UTC().Format(ISOMillis), DurationMs: Millis(to.Sub(from))}
}
