// Package invocation joins what is said about one attempt at different times:
// the INVOKE event, platform.start, the function's lines, what the proxy sees,
// platform.runtimeDone and, one invocation later or never, platform.report.
//
// The rule a reader could break: nothing may be expected to come first, to
// come once, or to come at all, and still there is exactly one Summary for
// each attempt. A request id is no attempt: Lambda tries an asynchronous event
// again under its id, mostly in the same sandbox.
package invocation

import (
	"time"

	"powertools-extension/internal/telemetry"
)

// Options says what the sandbox is. Every field may be left out.
type Options struct {
	// InitType is AWS_LAMBDA_INITIALIZATION_TYPE: on-demand,
	// provisioned-concurrency, snap-start, lambda-managed-instances. Empty:
	// what platform.initStart says, else on-demand.
	InitType string

	// MemoryMB is the configured memory in MiB, used where the report does
	// not name it. 0 means unknown.
	MemoryMB float64

	// FunctionVersion is used where platform.start does not name it.
	FunctionVersion string

	// EmptyResponse is POWERTOOLS_METRICS_EMPTY_RESPONSE; empty means auto.
	EmptyResponse EmptyResponse

	// MaxBytes bounds the memory of all attempts together; 0 means
	// DefaultMaxBytes.
	MaxBytes int

	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
}

// Invoke is the INVOKE event of the Extensions API.
type Invoke struct {
	RequestID   string
	FunctionARN string // with the alias or version that was called
	TraceHeader string // upstream X-Ray header; empty without a trace
	Deadline    time.Time
	At          time.Time // when the event was read; zero means now
}

// Delivery is what the proxy knows of a request that it hands to the runtime.
type Delivery struct {
	RequestID   string
	FunctionARN string
	TraceHeader string
	TenantID    string
	Deadline    time.Time
	At          time.Time // zero means now

	EventSource string // as package awsevent names it; empty: not looked at
	Records     int    // of the event; 0: it has none, or they were not counted
	Bytes       int64  // of the event; -1: not known
}

// Answer is what the runtime posted for a request, as the proxy saw it.
type Answer struct {
	RequestID string
	At        time.Time // of the last byte; zero means now
	Failed    bool      // posted to …/error; or the response broke off

	// ErrorType and ErrorMessage are those of the error that was posted; empty
	// if it names none.
	ErrorType    string
	ErrorMessage string

	Status  int   // HTTP status of Lambda's answer to it; 0: none came
	Bytes   int64 // of the body
	Partial bool  // a batch of which some records failed

	Timed          bool          // the two times are known
	Handler, Proxy time.Duration // of the runtime, and of the proxy itself
	HTTPStatus     int           // statusCode of an HTTP answer; 0: none
	Streamed       bool
	AnsweredBy     string // the hook that answered in the function's place; empty: the function did
	HookErrors     int    // hooks that failed on the way
	Guards         Guards
}

// Guards counts events that the function was not given: they did not fit their
// schema, of those were answered as a success, or their feature gate was closed.
type Guards struct{ Invalid, Dropped, Closed int }

// Passage is what the proxy saw of an attempt.
type Passage struct {
	EventSource, AnsweredBy                         string
	Records, HTTPStatus, HookErrors                 int
	RequestBytes, ResponseBytes, HandlerMs, ProxyMs telemetry.Number
	Streamed                                        bool
	Guards                                          Guards
}

// taken reports whether Lambda took the answer: one that it refused, such as a
// response that is too large, says nothing of how the invocation ends.
func (a *Answer) taken() bool { return a.Status < 400 }

// Request is what is known about a request while it runs. A value is never
// changed: when more is known there is a new one, so a pointer to it says what
// was known when.
type Request struct {
	ID              string
	FunctionARN     string
	FunctionVersion string
	TraceHeader     string
	TraceID         string // the Root of TraceHeader
	TenantID        string
	ColdStart       bool
	Deadline        time.Time // zero where nobody told it

	// What parts of the extension add with Attempt.Amend, for all lines of the
	// request. Empty: lines go without.
	CorrelationID string // at most 256 bytes
	SpanTraceID   string // of the span that goes out: 32 hex digits (W3C Trace Context)
	SpanID        string // 16 hex digits
	BatchItem     string // the record of a batch that the line is about
}

// Summary is all that became known about one attempt.
type Summary struct {
	Attempt *Attempt
	Request *Request

	// Start is the time of platform.start, else of the INVOKE event, else
	// the best estimate. Done is the time of platform.runtimeDone; zero if
	// that was not seen.
	Start, Done time.Time

	InitType       string
	Status         string // the platform's word: success, failure, error, timeout; empty if unknown
	ErrorType      string // of what failed; empty if nothing did, or nothing told
	ErrorLogged    string // type of the last error that was logged by an attempt that did not fail
	Message        string // what failed, in one line for people; empty if nothing did
	Outcome        Outcome
	OutcomeFrom    string // the source that decided: one of the From constants; empty if none knew
	EmptyUnsure    bool   // failed because nothing was answered, and the runtime is none that would have told
	Partial        bool   // some records of a batch failed, the invocation did not
	Failed         bool   // timeouts and lack of memory included
	TimedOut       bool
	OutOfMemory    bool
	Complete       bool   // platform.report was seen
	ShutdownReason string // set when the sandbox ended first

	DurationMs            telemetry.Number
	BilledDurationMs      telemetry.Number
	InitDurationMs        telemetry.Number
	RestoreDurationMs     telemetry.Number
	RuntimeDurationMs     telemetry.Number
	PostRuntimeDurationMs telemetry.Number
	ResponseLatencyMs     telemetry.Number
	ResponseDurationMs    telemetry.Number
	RuntimeOverheadMs     telemetry.Number
	ExtensionOverheadMs   telemetry.Number
	DeadlineSlackMs       telemetry.Number // time that was left at the end; negative after a timeout
	MemorySizeMB          telemetry.Number // MiB
	MaxMemoryUsedMB       telemetry.Number // MiB
	ProducedBytes         telemetry.Number
	LogsDropped           telemetry.Number // records that the platform dropped since the last summary
	SpansDropped          telemetry.Number // spans that were lost since the last summary; set by who makes spans
	SpansSkipped          telemetry.Number // and those that were not made
	Passed                *Passage         // nil: the proxy did not see it
	Logs                  [LevelSilent]uint32
	FirstErrorFingerprint string // 16 hex digits; empty without an ERROR line
}

// Outcome is our judgement of an invocation, one word.
type Outcome string

// The outcomes. Unknown means that the sandbox ended, or the platform's
// events were lost, before anything told how the invocation went.
const (
	OutcomeSuccess     Outcome = "success"
	OutcomeError       Outcome = "error"
	OutcomeTimeout     Outcome = "timeout"
	OutcomeOutOfMemory Outcome = "out_of_memory"
	OutcomePartial     Outcome = "partial" // a batch
	OutcomeUnknown     Outcome = "unknown"
)

// Init types (Lambda Telemetry API schema reference).
const (
	initOnDemand = "on-demand"
	initManaged  = "lambda-managed-instances"
)
