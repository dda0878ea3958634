// Package telemetry receives Lambda's Telemetry API: it listens for batches,
// takes their bytes at once, and decodes them into flat events.
//
// The rule a reader could break: one bad event costs one event, never the
// batch and never the process, and every POST is answered 200 as soon as its
// bytes are taken, because anything else makes Lambda send the same body
// again (Lambda Telemetry API reference).
package telemetry

import "time"

// Kind says what an event is about.
type Kind uint8

// The kinds of events. KindUnknown is a type this version does not know; it
// passes through and is counted, because Lambda adds types without notice.
const (
	KindUnknown Kind = iota
	KindFunction
	KindExtension
	KindInitStart
	KindInitRuntimeDone
	KindInitReport
	KindRestoreStart
	KindRestoreRuntimeDone
	KindRestoreReport
	KindStart
	KindRuntimeDone
	KindReport
	KindExtensionState
	KindSubscription
	KindLogsDropped
	KindFault
	KindEnd
)

// Event is one telemetry event. Lines have Line and Object set, platform
// events have Platform set, KindFault has both. An unknown kind carries its
// record as JSON text in Line.
//
// Line aliases the batch's body: it is valid only during the call that hands
// the event out. Whoever needs it longer copies it.
type Event struct {
	Kind Kind
	Time time.Time // when the platform made or received the event; zero if absent
	Type string    // the type word, for unknown kinds only

	// Line is what the process printed, without the trailing newline: the
	// unescaped text, or, when Object is set, the JSON object verbatim. An
	// object is valid JSON and holds no line break: those between its tokens
	// have become spaces. Text may hold line breaks, control characters and
	// bytes that are not UTF-8. A record of another JSON kind (number, array,
	// true, false, null) is its JSON text, with Object unset.
	Line   []byte
	Object bool

	// Truncated says that the platform cut the record in two and the second
	// half never came: Line holds what did.
	Truncated bool

	Platform *Platform // nil for lines
}

// Platform holds the record of a platform event. Every field is optional:
// Lambda leaves out what it does not know, and a missing number is not a zero
// (Lambda Telemetry API schema reference).
type Platform struct {
	RequestID string
	TenantID  string
	Status    string // success, failure, error, timeout
	ErrorType string // e.g. Runtime.ExitError; an open set

	InitType        string // on-demand, provisioned-concurrency, snap-start, lambda-managed-instances
	Phase           string // init, invoke
	RuntimeVersion  string
	FunctionName    string
	FunctionVersion string
	FunctionARN     string
	InstanceID      string

	TraceHeader string // upstream X-Ray header, e.g. Root=1-…;Parent=…;Sampled=1
	SpanID      string // id of Lambda's own function segment

	ExtensionName  string // platform.extension, platform.telemetrySubscription
	ExtensionState string

	DurationMs              Number
	BilledDurationMs        Number
	InitDurationMs          Number
	RestoreDurationMs       Number
	BilledRestoreDurationMs Number
	ProducedBytes           Number
	MemorySizeMB            Number // the platform's MB are MiB
	MaxMemoryUsedMB         Number

	ResponseLatencyMs   Number // spans of runtimeDone and report
	ResponseDurationMs  Number
	RuntimeOverheadMs   Number
	ExtensionOverheadMs Number

	DroppedRecords Number // platform.logsDropped
	DroppedBytes   Number
	Reason         string
}

// Number is a measurement that may be missing. A missing source means a
// missing metric, never zero.
type Number struct {
	Value float64
	Set   bool
}

// Num returns a number that is set.
func Num(v float64) Number { return Number{Value: v, Set: true} }
