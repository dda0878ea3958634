package tracing

import (
	"strconv"
	"strings"

	"powertools-extension/internal/jsonbytes"
)

// AppendOTLP writes a span as an element of scopeSpans.spans, on one line. A
// span that is too large loses response and stack first, then what else may
// be left out. (OpenTelemetry protocol specification, "JSON Protobuf
// Encoding")
func AppendOTLP(dst []byte, s *Span) ([]byte, error) {
	return fit(dst, s, maxOTLPBytes, appendOTLP)
}

func appendOTLP(dst []byte, s *Span) []byte {
	dst = append(append(dst, `{"traceId":"`...), W3C(s.Root)...)
	dst = append(append(append(dst, `","spanId":"`...), s.ID...), '"')
	if s.Parent != "" {
		dst = append(append(append(dst, `,"parentSpanId":"`...), strings.ToLower(s.Parent)...), '"')
	}
	dst = jsonbytes.AppendString(append(dst, `,"name":`...), s.Name)
	dst = strconv.AppendInt(append(dst, `,"kind":`...), int64(max(s.Kind, Internal)), 10)
	dst = strconv.AppendInt(append(dst, `,"startTimeUnixNano":"`...), s.Start.UnixNano(), 10)
	dst = strconv.AppendInt(append(dst, `","endTimeUnixNano":"`...), s.End.UnixNano(), 10)
	dst = append(dst, '"')
	dst = appendAttributes(dst, s)
	dst = appendEvents(dst, s)
	if s.Fault || s.HTTPStatus >= 500 {
		dst = append(dst, `,"status":{"code":2`...)
		if s.Exception != nil {
			dst = jsonbytes.AppendString(append(dst, `,"message":`...), s.Exception.Message)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func appendAttributes(dst []byte, s *Span) []byte {
	var list []byte
	text := func(key, value string) {
		if value != "" {
			list = append(jsonbytes.AppendString(append(append(append(list, `,{"key":"`...), key...), `","value":{"stringValue":`...), value), `}}`...)
		}
	}
	if i := s.Invocation; i != nil {
		list = strconv.AppendBool(append(list, `,{"key":"faas.coldstart","value":{"boolValue":`...), i.ColdStart)
		list = append(list, `}}`...)
		text("faas.invocation_id", i.RequestID)
		text("faas.trigger", i.Trigger)
		text("aws.lambda.invoked_arn", i.ARN)
	}
	if s.HTTPStatus > 0 {
		list = strconv.AppendInt(append(list, `,{"key":"http.response.status_code","value":{"intValue":"`...), int64(s.HTTPStatus), 10)
		list = append(list, `"}}`...)
	}
	for _, a := range s.Attributes {
		list = append(jsonbytes.AppendString(append(list, `,{"key":`...), a.Key), `,"value":{"stringValue":`...)
		list = append(jsonbytes.AppendString(list, a.Value), `}}`...)
	}
	if len(list) == 0 {
		return dst
	}
	return append(append(append(dst, `,"attributes":[`...), list[1:]...), ']')
}

// appendEvents writes what happened at the end.
func appendEvents(dst []byte, s *Span) []byte {
	if len(s.Response) == 0 && s.Exception == nil {
		return dst
	}
	dst = append(dst, `,"events":[`...)
	event := func(name string) {
		dst = strconv.AppendInt(append(dst, `{"timeUnixNano":"`...), s.End.UnixNano(), 10)
		dst = append(append(append(dst, `","name":"`...), name...), `","attributes":[`...)
	}
	attribute := func(key, value string) {
		dst = append(append(append(dst, `{"key":"`...), key...), `","value":{"stringValue":`...)
		dst = append(jsonbytes.AppendString(dst, value), `}}`...)
	}
	if len(s.Response) > 0 {
		event("response")
		attribute("body", string(s.Response))
		dst = append(dst, `]}`...)
	}
	if e := s.Exception; e != nil {
		if len(s.Response) > 0 {
			dst = append(dst, ',')
		}
		event("exception")
		attribute("exception.type", e.Type)
		dst = append(dst, ',')
		attribute("exception.message", e.Message)
		if len(e.Frames) > 0 {
			dst = append(dst, ',')
			attribute("exception.stacktrace", stackText(e.Frames))
		}
		dst = append(dst, `]}`...)
	}
	return append(dst, ']')
}

// stackText is a stack for people.
func stackText(frames []Frame) string {
	var b strings.Builder
	for i, f := range frames {
		if i > 0 {
			b.WriteByte('\n')
		}
		switch {
		case f.Path == "":
			b.WriteString(f.Label)
		case f.Line == 0:
			b.WriteString(f.Label + " (" + f.Path + ")")
		case f.Label == "":
			b.WriteString(f.Path + ":" + strconv.Itoa(f.Line))
		default:
			b.WriteString(f.Label + " (" + f.Path + ":" + strconv.Itoa(f.Line) + ")")
		}
	}
	return b.String()
}
