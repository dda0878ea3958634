package tracing

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"powertools-extension/internal/jsonbytes"
)

// Frame of a datagram, and what fits in one: an IPv4 datagram holds 65,507
// bytes, a document may have 64 KB. (AWS X-Ray, "Sending trace data", "Segment
// documents")
const (
	xrayFrame    = "{\"format\":\"json\",\"version\":1}\n"
	maxDatagram  = 65_507
	maxOTLPBytes = 200_000 // of one span (CloudWatch OTLP endpoints)
)

// ErrTooLarge means that a span does not fit even without what may be left
// out.
var ErrTooLarge = errors.New("the span is larger than its receiver takes")

// AppendXRay writes the datagram of a subsegment. What is too large loses
// response and stack first, then what else is metadata.
func AppendXRay(dst []byte, s *Span) ([]byte, error) {
	return fit(dst, s, maxDatagram, func(dst []byte, s *Span) []byte {
		return appendSubsegment(append(dst, xrayFrame...), s)
	})
}

// fit writes a span with less and less until it is small enough.
func fit(dst []byte, s *Span, limit int, write func([]byte, *Span) []byte) ([]byte, error) {
	from := len(dst)
	if dst = write(dst, s); len(dst)-from <= limit {
		return dst, nil
	}
	less := *s
	less.Response = nil
	if s.Exception != nil {
		bare := *s.Exception
		bare.Frames = nil
		less.Exception = &bare
	}
	if dst = write(dst[:from], &less); len(dst)-from <= limit {
		return dst, nil
	}
	less.Attributes = nil
	if dst = write(dst[:from], &less); len(dst)-from <= limit {
		return dst, nil
	}
	return dst[:from], ErrTooLarge
}

// appendSubsegment writes members in the order in which the libraries do.
// (AWS X-Ray, "Segment documents")
func appendSubsegment(dst []byte, s *Span) []byte {
	text := func(key, value string) {
		dst = append(append(append(dst, `,"`...), key...), `":`...)
		dst = jsonbytes.AppendString(dst, value)
	}
	dst = append(append(append(dst, `{"id":"`...), s.ID...), '"')
	text("name", xrayName(s.Name))
	dst = appendSeconds(append(dst, `,"start_time":`...), s.Start)
	if s.Parent != "" {
		text("parent_id", s.Parent)
	}
	dst = append(dst, `,"in_progress":false`...)
	dst = appendAnnotations(dst, s)
	if i := s.Invocation; i != nil && len(s.Response) > 0 {
		dst = jsonbytes.AppendString(append(dst, `,"metadata":{`...), i.Service)
		dst = jsonbytes.AppendString(append(dst, `:{`...), handlerOf(s)+" response")
		dst = append(append(append(dst, ':'), s.Response...), `}}`...)
	}
	if s.HTTPStatus > 0 {
		dst = strconv.AppendInt(append(dst, `,"http":{"response":{"status":`...), int64(s.HTTPStatus), 10)
		dst = append(dst, `}}`...)
	}
	if s.Exception != nil {
		dst = appendCause(dst, s.Exception)
	}
	text("trace_id", s.Root)
	dst = append(dst, `,"type":"subsegment","namespace":"local"`...)
	switch {
	case s.Fault || s.HTTPStatus >= 500:
		dst = append(dst, `,"fault":true`...)
	case s.HTTPStatus == 429:
		dst = append(dst, `,"error":true,"throttle":true`...)
	case s.HTTPStatus >= 400:
		dst = append(dst, `,"error":true`...)
	}
	return append(appendSeconds(append(dst, `,"end_time":`...), s.End), '}')
}

func appendAnnotations(dst []byte, s *Span) []byte {
	if s.Invocation == nil && len(s.Attributes) == 0 {
		return dst
	}
	dst = append(dst, `,"annotations":{`...)
	if i := s.Invocation; i != nil {
		dst = strconv.AppendBool(append(dst, `"ColdStart":`...), i.ColdStart)
		dst = jsonbytes.AppendString(append(dst, `,"Service":`...), i.Service)
	}
	for n, a := range s.Attributes {
		if n > 0 || s.Invocation != nil {
			dst = append(dst, ',')
		}
		dst = append(jsonbytes.AppendString(dst, a.Key), ':')
		dst = jsonbytes.AppendString(dst, a.Value)
	}
	return append(dst, '}')
}

// appendCause draws the exception's id here: it must differ from every other
// of the trace.
func appendCause(dst []byte, e *Exception) []byte {
	dst = append(append(dst, `,"cause":{"exceptions":[{"id":"`...), NewID()...)
	dst = jsonbytes.AppendString(append(dst, `","message":`...), e.Message)
	dst = jsonbytes.AppendString(append(dst, `,"type":`...), e.Type)
	dst = append(dst, `,"remote":false`...)
	if len(e.Frames) > 0 {
		dst = append(dst, `,"stack":[`...)
		for i, f := range e.Frames {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, '{')
			if f.Path != "" {
				dst = append(jsonbytes.AppendString(append(dst, `"path":`...), f.Path), ',')
			}
			if f.Line > 0 {
				dst = append(strconv.AppendInt(append(dst, `"line":`...), int64(f.Line), 10), ',')
			}
			dst = append(jsonbytes.AppendString(append(dst, `"label":`...), f.Label), '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, `}]}`...)
}

// appendSeconds writes a time as seconds with microseconds.
func appendSeconds(dst []byte, t time.Time) []byte {
	us := max(t.UnixMicro(), 0)
	dst = append(strconv.AppendInt(dst, us/1e6, 10), '.')
	fraction := strconv.Itoa(int(us % 1e6))
	return append(append(dst, "000000"[len(fraction):]...), fraction...)
}

// xrayName keeps what X-Ray takes in a name: letters, numbers, spaces and
// _.:/%&#=+\-@ ; anything else becomes _.
func xrayName(name string) string {
	runes := 0
	name = strings.Map(func(r rune) rune {
		if runes++; runes > maxName {
			return -1
		}
		if r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || r == ' ' || strings.ContainsRune(`_.:/%&#=+\-@`, r)) {
			return r
		}
		return '_'
	}, name)
	if name == "" {
		return "_"
	}
	return name
}

// handlerOf is what a library calls the handler.
func handlerOf(s *Span) string {
	if s.Invocation.Handler != "" {
		return s.Invocation.Handler
	}
	return strings.TrimPrefix(s.Name, "## ")
}
