package otlp

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"powertools-extension/internal/loglevel"
	"powertools-extension/internal/sink/jsonline"
)

// encoder makes log records of lines. It keeps its memory for the next line.
type encoder struct {
	resource Resource
	reader   jsonline.Reader
	times    jsonline.Times
	first    bool
	out      []byte

	// What the members of the line at hand said.
	attributes []byte
	body       []byte // AnyValue
	found      loglevel.Finder
	level      string // as the line writes it
	traceID    string
	spanID     string
	at         time.Time
	observed   bool // at is the platform's, and final
}

func (e *encoder) begin(now time.Time) {
	e.times, e.first = jsonline.Times{Now: now}, true
}

// record returns the line as a LogRecord, with a comma before it where one is
// due. It is valid until the next call.
func (e *encoder) record(line []byte) []byte {
	e.attributes, e.body, e.level, e.traceID, e.at = e.attributes[:0], e.body[:0], "", "", time.Time{}
	e.spanID = ""
	e.found, e.observed = loglevel.Finder{}, false
	if !e.reader.Each(line, e.member) {
		// A text, or an object torn in the middle: it stays what it is.
		e.attributes, e.body = e.attributes[:0], append(e.body[:0], appendString(nil, string(line))...)
	}
	e.out = e.out[:0]
	if !e.first {
		e.out = append(e.out, ',')
	}
	e.first = false
	e.head()
	if len(e.body) > 0 {
		e.out = append(append(e.out, `,"body":`...), e.body...)
	}
	switch {
	case e.spanID == "":
	case e.traceID == "": // a span of no trace is no span
		e.attribute("span_id", jsontext.Value(`"`+e.spanID+`"`))
	default:
		e.out = append(append(append(e.out, `,"spanId":"`...), e.spanID...), '"')
	}
	if len(e.attributes) > 0 {
		e.out = append(append(append(e.out, `,"attributes":[`...), e.attributes...), ']')
	}
	if e.traceID != "" {
		e.out = append(append(append(e.out, `,"traceId":"`...), e.traceID...), '"')
	}
	e.out = append(e.out, '}')
	return e.out
}

// head writes the times and the severity.
func (e *encoder) head() {
	e.out = append(e.out, `{"timeUnixNano":"`...)
	e.out = strconv.AppendInt(e.out, e.times.Settle(e.at).UnixNano(), 10)
	e.out = append(e.out, `","observedTimeUnixNano":"`...)
	e.out = strconv.AppendInt(e.out, e.times.Now.UnixNano(), 10)
	e.out = append(e.out, '"')
	level := e.found.Level()
	if n := severity(level); n > 0 {
		e.out = append(e.out, `,"severityNumber":`...)
		e.out = strconv.AppendInt(e.out, int64(n), 10)
		if e.level == "" {
			e.level = level.String()
		}
	}
	if e.level != "" {
		e.out = append(e.out, `,"severityText":`...)
		e.out, _ = jsontext.AppendQuote(e.out, e.level)
	}
}

// severity is the number of a level (OpenTelemetry logs data model, "Field:
// SeverityNumber"); 0 for none.
func severity(level loglevel.Level) int {
	if level == loglevel.Unknown || level > loglevel.Critical {
		return 0
	}
	return 1 + 4*int(level-loglevel.Trace)
}

// member sorts one member of the line: what OpenTelemetry has a place for goes
// there, the rest is attributes under their own names.
func (e *encoder) member(name []byte, value jsontext.Value) bool {
	e.found.Member(name, value)
	switch string(name) {
	case "message":
		e.body = appendValue(e.body[:0], value, 0)
		return true
	case "timestamp":
		if at, ok := jsonline.Parse(value); ok && !e.observed {
			e.at = at
			return true
		}
	case jsonline.Observed:
		if at, ok := jsonline.Parse(value); ok {
			e.at, e.observed = at, true
			return true
		}
	case "_aws":
		e.at = jsonline.Metrics(value)
	case "level":
		if s, ok := text(value); ok {
			e.level = s
			return true
		}
	case "trace_id":
		if id, ok := text(value); ok && isID(id, 32) && e.inTrace(id) {
			return true
		}
	case "span_id":
		if id, ok := text(value); ok && isID(id, 16) {
			e.spanID = id
			return true
		}
	case "xray_trace_id":
		if id := w3cTraceID(value); id != "" && e.inTrace(id) {
			return true
		}
	case "service":
		if s, ok := text(value); ok && s == e.resource.ServiceName {
			return true // the resource says it
		}
	case "function_name":
		if s, ok := text(value); ok && s == e.resource.FunctionName {
			return true
		}
	}
	e.attribute(conventional(name), value)
	return true
}

// conventional is the semantic conventions' name for one of our keys.
func conventional(name []byte) string {
	switch string(name) {
	case "function_request_id":
		return "faas.invocation_id"
	case "cold_start":
		return "faas.coldstart"
	case "function_arn":
		return "aws.lambda.invoked_arn"
	case "function_name":
		return "faas.name"
	case "service":
		return "service.name"
	}
	return string(name)
}

func (e *encoder) attribute(name string, value jsontext.Value) {
	if len(e.attributes) > 0 {
		e.attributes = append(e.attributes, ',')
	}
	e.attributes = append(e.attributes, `{"key":`...)
	e.attributes, _ = jsontext.AppendQuote(e.attributes, name)
	e.attributes = append(e.attributes, `,"value":`...)
	e.attributes = append(appendValue(e.attributes, value, 0), '}')
}

func text(value jsontext.Value) (string, bool) {
	if value.Kind() != '"' {
		return "", false
	}
	s, _ := jsontext.AppendUnquote(nil, value)
	return string(s), true
}

// w3cTraceID turns 1-5759e988-bd862e3fe1be46a994272793 into the 32 digits of
// OpenTelemetry; empty for anything else. (AWS X-Ray, "Tracing header")
func w3cTraceID(value jsontext.Value) string {
	s, _ := text(value)
	if len(s) != 35 || s[:2] != "1-" || s[10] != '-' {
		return ""
	}
	id := strings.ToLower(s[2:10] + s[11:])
	if strings.Trim(id, "0123456789abcdef") != "" {
		return ""
	}
	return id
}

// inTrace takes the line's trace. A line is in one: another that it names stays
// an attribute.
func (e *encoder) inTrace(id string) bool {
	if e.traceID == "" {
		e.traceID = id
	}
	return e.traceID == id
}

// isID knows the ids of W3C Trace Context: so many digits in lower case, not
// all of them 0.
func isID(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == "" && strings.Trim(s, "0") != ""
}
