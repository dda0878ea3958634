package lambdaemu

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
)

// Categories of the Telemetry API (AWS page: telemetry-api).
const (
	categoryPlatform  = "platform"
	categoryFunction  = "function"
	categoryExtension = "extension"
)

// Schema versions of the Telemetry API, oldest first (AWS page:
// telemetry-api-reference). They compare as strings.
const (
	schema2022Jul = "2022-07-01"
	schema2022Dec = "2022-12-13"
	schema2025Jan = "2025-01-29"
)

// isoMillis is the time format of the Telemetry API, always UTC.
const isoMillis = "2006-01-02T15:04:05.000Z"

// event is one thing the platform says, before a subscriber's schema version
// gives it its form.
type event struct {
	at        time.Time
	typ       string
	category  string
	requestID string // for the transcript; "" outside an invocation
	record    any    // of a platform event
	line      string // of a function or extension line, without newline
	bare      bool   // the line had no newline: a frame
}

// encoded is an event as one subscriber gets it: head, record, "}". The three
// stay apart because an oversized record is cut between POSTs and the head is
// then repeated.
type encoded struct {
	label  string // the type and its request id, for the transcript
	head   string
	record []byte
}

func (e encoded) size() int { return len(e.head) + len(e.record) + 1 }

// encode gives e the form that schema and the function's log format ask for
// (AWS page: telemetry-schema-reference).
func (e event) encode(schema, logFormat string) encoded {
	out := encoded{
		label: e.typ,
		head:  `{"time":"` + e.at.UTC().Format(isoMillis) + `","type":"` + e.typ + `","record":`,
	}
	if e.requestID != "" {
		out.label += " " + e.requestID
	}
	if e.category == categoryPlatform {
		out.record = marshal(e.record)
	} else {
		out.record = lineRecord(e, schema, logFormat)
	}
	return out
}

// lineRecord is a string with its newline in text format and in the first
// schema version. In JSON format an object stays an object, and a plain line is
// wrapped into one.
func lineRecord(e event, schema, logFormat string) []byte {
	if logFormat != formatJSON || schema < schema2022Dec {
		if e.bare {
			return marshal(e.line)
		}
		return marshal(e.line + "\n")
	}
	if trimmed := bytes.TrimSpace([]byte(e.line)); len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed) {
		return trimmed
	}
	return marshal(struct {
		Timestamp string `json:"timestamp"`
		Level     string `json:"level"`
		Message   string `json:"message"`
	}{e.at.UTC().Format(isoMillis), "INFO", e.line})
}

// marshal is json.Marshal without HTML escapes: a log line keeps its <, > and &.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return []byte("null") // only our own structs and strings come here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// millis is a duration in milliseconds with three decimals.
func millis(d time.Duration) float64 {
	return math.Round(float64(d.Microseconds())) / 1000
}

type tracingRecord struct {
	SpanID string `json:"spanId,omitempty"`
	Type   string `json:"type"`
	Value  string `json:"value"`
}

// telemetryTracing is absent unless the trace is sampled; its value is what the
// caller sent (AWS source: telemetry/xray tracer).
func (t trace) telemetryTracing() *tracingRecord {
	if t.spanID == "" {
		return nil
	}
	return &tracingRecord{SpanID: t.spanID, Type: "X-Amzn-Trace-Id", Value: t.upstream}
}

type initStartRecord struct {
	InitializationType string `json:"initializationType"`
	Phase              string `json:"phase"`
	RuntimeVersion     string `json:"runtimeVersion"`
	RuntimeVersionArn  string `json:"runtimeVersionArn"`
	FunctionName       string `json:"functionName"`
	FunctionVersion    string `json:"functionVersion"`
	InstanceID         string `json:"instanceId"`
	InstanceMaxMemory  int    `json:"instanceMaxMemory"`
}

type initRuntimeDoneRecord struct {
	InitializationType string `json:"initializationType"`
	Phase              string `json:"phase"`
	Status             string `json:"status"`
	ErrorType          string `json:"errorType,omitempty"`
}

type initReportRecord struct {
	InitializationType string      `json:"initializationType"`
	Phase              string      `json:"phase"`
	Status             string      `json:"status"`
	ErrorType          string      `json:"errorType,omitempty"`
	Metrics            initMetrics `json:"metrics"`
}

type initMetrics struct {
	DurationMs float64 `json:"durationMs"`
}

type extensionRecord struct {
	Name      string   `json:"name"`
	State     string   `json:"state"`
	Events    []string `json:"events"`
	ErrorType string   `json:"errorType,omitempty"`
}

type subscriptionRecord struct {
	Name  string   `json:"name"`
	State string   `json:"state"`
	Types []string `json:"types"`
}

type startRecord struct {
	RequestID   string         `json:"requestId"`
	Version     string         `json:"version"`
	FunctionArn string         `json:"functionArn,omitempty"` // managed instances
	Tracing     *tracingRecord `json:"tracing,omitempty"`
	TenantID    string         `json:"tenantId,omitempty"`
}

type spanRecord struct {
	Name       string  `json:"name"`
	Start      string  `json:"start"`
	DurationMs float64 `json:"durationMs"`
}

func newSpan(name string, from, to time.Time) spanRecord {
	return spanRecord{Name: name, Start: from.UTC().Format(isoMillis), DurationMs: millis(to.Sub(from))}
}

type runtimeDoneRecord struct {
	RequestID string             `json:"requestId"`
	Status    string             `json:"status"`
	ErrorType string             `json:"errorType,omitempty"`
	Metrics   runtimeDoneMetrics `json:"metrics"`
	Spans     []spanRecord       `json:"spans,omitempty"`
	Tracing   *tracingRecord     `json:"tracing,omitempty"`
	TenantID  string             `json:"tenantId,omitempty"`
}

type runtimeDoneMetrics struct {
	DurationMs    float64 `json:"durationMs"`
	ProducedBytes int     `json:"producedBytes"`
}

type reportRecord struct {
	RequestID string         `json:"requestId"`
	Status    string         `json:"status"`
	ErrorType string         `json:"errorType,omitempty"`
	Metrics   any            `json:"metrics"` // reportMetrics or restoredMetrics
	Spans     []spanRecord   `json:"spans,omitempty"`
	Tracing   *tracingRecord `json:"tracing,omitempty"`
	TenantID  string         `json:"tenantId,omitempty"`
}

type reportMetrics struct {
	DurationMs       float64 `json:"durationMs"`
	BilledDurationMs int64   `json:"billedDurationMs"`
	MemorySizeMB     int     `json:"memorySizeMB"`
	MaxMemoryUsedMB  int     `json:"maxMemoryUsedMB"`
	InitDurationMs   float64 `json:"initDurationMs,omitempty"`
}

type droppedRecord struct {
	Reason         string `json:"reason"`
	DroppedRecords int    `json:"droppedRecords"`
	DroppedBytes   int    `json:"droppedBytes"`
}
