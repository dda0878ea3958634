package relay

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
)

// Categories of the Telemetry API (AWS page: telemetry-api).
const (
	Platform  = "platform"
	Function  = "function"
	Extension = "extension"
)

// Schema versions of the Telemetry API, oldest first (AWS page:
// telemetry-api-reference). They compare as strings.
const (
	Schema2022Jul = "2022-07-01"
	Schema2022Dec = "2022-12-13"
	Schema2025Jan = "2025-01-29"
)

// ISOMillis is the time format of the Telemetry API, always UTC.
const ISOMillis = "2006-01-02T15:04:05.000Z"

// Event is one thing the platform says, before a subscriber's schema version
// gives it its form.
type Event struct {
	At        time.Time
	Type      string
	Category  string
	RequestID string // for the transcript; "" outside an invocation
	Record    any    // of a platform event
	Line      string // of a function or extension line, without newline
	Bare      bool   // the line had no newline: a frame
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
func (e Event) encode(schema, logFormat string) encoded {
	out := encoded{
		label: e.Type,
		head:  `{"time":"` + e.At.UTC().Format(ISOMillis) + `","type":"` + e.Type + `","record":`,
	}
	if e.RequestID != "" {
		out.label += " " + e.RequestID
	}
	if e.Category == Platform {
		out.record = Marshal(e.Record)
	} else {
		out.record = lineRecord(e, schema, logFormat)
	}
	return out
}

// lineRecord is a string with its newline in text format and in the first
// schema version. In JSON format an object stays an object, and a plain line is
// wrapped into one.
func lineRecord(e Event, schema, logFormat string) []byte {
	if logFormat != "JSON" || schema < Schema2022Dec {
		if e.Bare {
			return Marshal(e.Line)
		}
		return Marshal(e.Line + "\n")
	}
	if trimmed := bytes.TrimSpace([]byte(e.Line)); len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed) {
		return trimmed
	}
	return Marshal(struct {
		Timestamp string `json:"timestamp"`
		Level     string `json:"level"`
		Message   string `json:"message"`
	}{e.At.UTC().Format(ISOMillis), "INFO", e.Line})
}

// Marshal is json.Marshal without HTML escapes: a log line keeps its <, > and &.
func Marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return []byte("null") // only our own structs and strings come here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Millis is a duration in milliseconds with three decimals.
func Millis(d time.Duration) float64 {
	return math.Round(float64(d.Microseconds())) / 1000
}
