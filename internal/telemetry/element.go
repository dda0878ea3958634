package telemetry

import (
	"bytes"

	"powertools-extension/internal/jsonbytes"
)

// element is one member of a batch, found but not yet read: the JSON text of
// the three values that matter, aliasing the body, empty where absent.
type element struct {
	time, typ, record []byte
}

// scanElement scans the object at b[i], which is checked whole: what it
// returns is valid JSON. Names are compared as they stand, without resolving
// escapes, and the last of equal names counts. end is as in jsonbytes.CheckValue.
func scanElement(b []byte, i int) (e element, end int) {
	if b[i] != '{' {
		return e, jsonbytes.Malformed(i)
	}
	i = jsonbytes.SkipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return e, i + 1
	}
	for {
		keyEnd, value := jsonbytes.CheckKey(b, i)
		if value < 0 {
			return e, value
		}
		valueEnd := jsonbytes.CheckValue(b, value, 1)
		if valueEnd < 0 {
			return e, valueEnd
		}
		switch string(b[i:keyEnd]) {
		case `"time"`:
			e.time = b[value:valueEnd]
		case `"type"`:
			e.typ = b[value:valueEnd]
		case `"record"`:
			e.record = b[value:valueEnd]
		}
		next, more := jsonbytes.CheckComma(b, valueEnd, '}')
		if !more {
			return e, next
		}
		i = next
	}
}

// head reads what the element is and when into ev, which it empties. It
// reports whether it is an event at all, which takes a type word. c has read
// the times before. The body stays as it is.
func (e element) head(ev *Event, c *clock) bool {
	*ev = Event{}
	if !isString(e.typ) {
		return false
	}
	typ := plainText(e.typ)
	if ev.Kind = kindOf(typ); ev.Kind == KindUnknown {
		ev.Type = string(typ)
	}
	if isString(e.time) {
		ev.Time = c.parse(plainText(e.time))
	}
	return true
}

// content reads the record into ev, behind head. It rewrites the record in
// place, so it is called once.
func (e element) content(ev *Event) {
	switch ev.Kind {
	case KindFunction, KindExtension:
		ev.Line, ev.Object = line(e.record)
	case KindUnknown:
		ev.Line, ev.Object = onOneLine(e.record), isObject(e.record)
	case KindFault:
		ev.Line, ev.Object = line(e.record)
		ev.Platform = fault(ev.Line, ev.Object)
	default:
		ev.Platform = platform(e.record)
	}
}

// line reads a record as a printed line.
func line(record []byte) (text []byte, object bool) {
	if isString(record) {
		return trimNewline(jsonbytes.Unescape(inside(record))), false
	}
	return onOneLine(record), isObject(record)
}

// plainText returns the text of a JSON string and leaves the body as it is.
func plainText(s []byte) []byte {
	s = inside(s)
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	return jsonbytes.Unescape(bytes.Clone(s))
}

// inside takes the quotes off a JSON string.
func inside(s []byte) []byte { return s[1 : len(s)-1] }

func isString(json []byte) bool { return len(json) > 0 && json[0] == '"' }

func isObject(json []byte) bool { return len(json) > 0 && json[0] == '{' }

// kindOf knows the type words of the Telemetry API and of the Logs API before
// it, whose senders still exist (Lambda Telemetry API schema reference).
func kindOf(typ []byte) Kind {
	switch string(typ) {
	case "function":
		return KindFunction
	case "extension":
		return KindExtension
	case "platform.initStart":
		return KindInitStart
	case "platform.initRuntimeDone":
		return KindInitRuntimeDone
	case "platform.initReport":
		return KindInitReport
	case "platform.restoreStart":
		return KindRestoreStart
	case "platform.restoreRuntimeDone":
		return KindRestoreRuntimeDone
	case "platform.restoreReport":
		return KindRestoreReport
	case "platform.start":
		return KindStart
	case "platform.runtimeDone":
		return KindRuntimeDone
	case "platform.report":
		return KindReport
	case "platform.extension":
		return KindExtensionState
	case "platform.telemetrySubscription", "platform.logsSubscription":
		return KindSubscription
	case "platform.logsDropped":
		return KindLogsDropped
	case "platform.fault":
		return KindFault
	case "platform.end":
		return KindEnd
	default:
		return KindUnknown
	}
}
