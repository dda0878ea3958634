package pipeline

import (
	"bytes"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/loglevel"
)

// The words of a text's header.

const (
	escape       = loglevel.Escape
	maxLevelWord = loglevel.MaxWord
)

func parseLevel(word []byte) invocation.Level { return loglevel.Parse(word) }

// marks reports whether a word that a bracket or a colon sets apart is meant as
// a level. Some are names of parts of a program, too, as in "[http]", and some
// begin a sentence, as in "Fine: 12 EUR".
func marks(w []byte) bool {
	if len(w) > maxLevelWord {
		return false
	}
	upper := upperOf(w)
	switch string(upper) {
	case "FINE", "FINER", "FINEST", "CONFIG": // java.util.logging
		return isUpper(w)
	case "FAIL", "NOTICE", "ALERT", "VERBOSE", "PANIC": // .NET, syslog
		return isUpper(w) || isLower(w)
	}
	return !isPlainWord(upper)
}

// isPlainWord knows level words that may as well begin a message.
func isPlainWord(w []byte) bool {
	switch string(w) {
	case "HTTP", "LOG", "NOTE", "SUCCESS", "FAILURE", "VERB", "SILLY", "CONFIG":
		return true
	}
	return isRareWord(w)
}

// isRareWord knows those that are a level directly behind a time.
func isRareWord(w []byte) bool {
	switch string(w) {
	case "FINE", "FINER", "FINEST", "VERBOSE", "NOTICE", "FAIL", "ALERT", "PANIC":
		return true
	}
	return false
}

// isFiller knows what stands between a level and a message: numbers, process
// ids, dashes, and settings of logfmt before its message.
func isFiller(w []byte) bool {
	switch string(w) {
	case "-", "--", "---", ":", "AM", "PM", "undefined", "RequestId:", "I,", "D,", "W,", "E,", "F,", "A,", "NOTICE:":
		return true
	}
	if eq := bytes.IndexByte(w, '='); eq > 0 {
		return string(w[:eq]) != "msg"
	}
	return isNumeric(w)
}

// isNumeric knows numbers and parts of dates.
func isNumeric(w []byte) bool {
	if !isDigit(w[0]) {
		return false
	}
	for _, c := range w {
		if (c < '+' || c > ':') && c != 'T' && c != 'Z' {
			return false
		}
	}
	return true
}

// isClock knows a date or a time, as in "2024-01-15T11:30:45,123Z" and
// "3:04PM". The signs that occur there are neighbours of the digits, from plus
// to colon.
func isClock(w []byte) bool {
	if n := len(w); n > 4 && w[n-1] == 'M' && (w[n-2] == 'A' || w[n-2] == 'P') {
		w = w[:n-2]
	}
	if len(w) < 4 || !isNumeric(w) {
		return false
	}
	signs := 0
	for _, c := range w {
		if c == ':' || c == '-' || c == '/' {
			signs++
		}
	}
	return signs >= 2 || signs == 1 && bytes.IndexByte(w, ':') > 0
}

// isMonth knows the names of months in front of a day.
func isMonth(w []byte) bool {
	switch string(w) {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec":
		return true
	}
	return false
}

// isZone knows what may follow a time.
func isZone(w []byte) bool {
	switch string(w) {
	case "UTC", "GMT", "Z", "AM", "PM":
		return true
	}
	return len(w) >= 5 && (w[0] == '+' || w[0] == '-') && isDigit(w[1])
}

// isTimeName knows the names of times in logfmt.
func isTimeName(w []byte) bool {
	switch string(w) {
	case "time", "ts", "t", "timestamp":
		return true
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isUpper(w []byte) bool {
	for _, c := range w {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(w) > 0
}

func isLower(w []byte) bool {
	for _, c := range w {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return len(w) > 0
}

// upperOf returns a short word in upper case.
func upperOf(w []byte) []byte {
	var buf [maxLevelWord]byte
	n := copy(buf[:], w)
	for i, c := range buf[:n] {
		if c >= 'a' && c <= 'z' {
			buf[i] = c - 'a' + 'A'
		}
	}
	return buf[:n]
}

// appendVisible appends text without its colours, maxHeader bytes at most.
func appendVisible(dst, text []byte) []byte {
	for i := 0; i < len(text) && len(dst) < maxHeader; {
		if text[i] == escape {
			i = loglevel.SkipColour(text, i)
			continue
		}
		dst = append(dst, text[i])
		i++
	}
	return dst
}
