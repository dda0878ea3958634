package awsevent

import (
	"bytes"
	"math"

	"powertools-extension/internal/jsonbytes"
)

// StatusCode is the statusCode of an HTTP answer, or of the beginning of one;
// 0: it has none, and the gateway decides.
func StatusCode(answer []byte) (code int) {
	i := jsonbytes.SkipSpace(answer, 0)
	if !opens(answer, i, '{') {
		return 0
	}
	members(answer, i, func(name []byte, value int) bool {
		if string(name) != "statusCode" {
			return true
		}
		digits := text(answer, value) // gateways take it as text too
		if digits == nil {
			if end := jsonbytes.CheckValue(answer, value, 1); end > 0 {
				digits = answer[value:end]
			}
		}
		code = status(digits)
		return false
	})
	return code
}

func status(digits []byte) int {
	if len(digits) != 3 {
		return 0
	}
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// ErrorType is the errorType of what a runtime posts for a failure; empty: it
// names none that is a word.
func ErrorType(posted []byte) (name string) {
	i := jsonbytes.SkipSpace(posted, 0)
	if !opens(posted, i, '{') {
		return ""
	}
	members(posted, i, func(member []byte, value int) bool {
		if string(member) != "errorType" {
			return true
		}
		if v := text(posted, value); len(v) > 0 && len(v) <= 256 && bytes.IndexByte(v, '\\') < 0 {
			name = string(v)
		}
		return false
	})
	return name
}

// Records counts the records of a whole event: of the lists that SQS, streams
// and Firehose send. 0: it has none.
func Records(event []byte) int { return count(event, math.MaxInt) }

// OneRecord reports whether a whole event has one record. It does not read
// behind a second one.
func OneRecord(event []byte) bool { return count(event, 2) == 1 }

// count counts records as far as most.
func count(event []byte, most int) (n int) {
	i := jsonbytes.SkipSpace(event, 0)
	if !opens(event, i, '{') {
		return 0
	}
	members(event, i, func(name []byte, value int) bool {
		if string(name) != "Records" && string(name) != "records" {
			return true
		}
		n = elements(event, value, most)
		return false
	})
	return n
}

func elements(b []byte, i, most int) (n int) {
	if !opens(b, i, '[') {
		return 0
	}
	for i = jsonbytes.SkipSpace(b, i+1); i < len(b) && b[i] != ']'; {
		next := jsonbytes.CheckValue(b, i, 1)
		if next < 0 {
			return 0
		}
		if n++; n == most {
			return n
		}
		var more bool
		if i, more = jsonbytes.CheckComma(b, next, ']'); i < 0 {
			return 0
		} else if !more {
			return n
		}
		i = jsonbytes.SkipSpace(b, i)
	}
	return n
}

// NoRecords reports whether a whole event is an object with an empty list of
// records and nothing else. No source sends one; it is what is tried by hand,
// and it does not say which source it stands for.
func NoRecords(event []byte) bool {
	i := jsonbytes.SkipSpace(event, 0)
	if !opens(event, i, '{') || !jsonbytes.Valid(event) {
		return false
	}
	count, empty := 0, false
	members(event, i, func(name []byte, value int) bool {
		count++
		empty = string(name) == "Records" && opens(event, value, '[') && opens(event, jsonbytes.SkipSpace(event, value+1), ']')
		return count == 1
	})
	return count == 1 && empty
}
