package pipeline

import (
	"bytes"

	"powertools-extension/internal/batch/items"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/logtime"
)

// runtimeHead takes apart what a runtime's own client put in front of a text,
// and reports whether there is such a head: "time⇥id⇥LEVEL⇥message" of Node
// and .NET, whose level old versions leave out, and "[LEVEL]⇥time⇥id⇥message"
// of Python. What is behind it is the line; an object there is one.
func (p *parser) runtimeHead() bool {
	l := &p.line
	if len(l.text) == 0 {
		return false
	}
	var at, id, word, body []byte
	if l.text[0] == '[' {
		word, at, id, body = pythonHead(l.text)
	} else {
		at, id, word, body = nodeHead(l.text)
	}
	if at == nil {
		return false
	}
	l.headed, l.headTime, l.time = true, at, at
	if items.IsID(id) {
		l.facts.RequestID, l.headID = id, id
	}
	l.facts.Level = parseLevel(word)
	l.body = body
	return true
}

const headTime = len("2006-01-02T15:04:05.000Z")

// nodeHead parts "time⇥id⇥LEVEL⇥message"; at is nil if it is none.
func nodeHead(text []byte) (at, id, word, body []byte) {
	if len(text) < headTime+2 || text[headTime] != '\t' || !isInstant(text[:headTime]) {
		return nil, nil, nil, nil
	}
	id, body, found := bytes.Cut(text[headTime+1:], []byte{'\t'})
	if !found || !items.IsID(id) && string(id) != "undefined" && len(id) > 0 {
		return nil, nil, nil, nil
	}
	if tab := bytes.IndexByte(body[:min(len(body), maxLevelWord+1)], '\t'); tab > 0 && parseLevel(body[:tab]) != levelUnknown {
		word, body = body[:tab], body[tab+1:]
	}
	return text[:headTime], id, word, body
}

// pythonHead parts "[LEVEL]⇥time⇥id⇥message"; at is nil if it is none.
func pythonHead(text []byte) (word, at, id, body []byte) {
	end := bytes.IndexByte(text[:min(len(text), maxLevelName)], ']')
	if end < 0 || len(text) < end+headTime+3 || text[end+1] != '\t' {
		return nil, nil, nil, nil
	}
	rest := text[end+2:]
	if rest[headTime] != '\t' || !isInstant(rest[:headTime]) {
		return nil, nil, nil, nil
	}
	id, body, found := bytes.Cut(rest[headTime+1:], []byte{'\t'})
	if !found || !items.IsID(id) && len(id) > 0 {
		return nil, nil, nil, nil
	}
	return text[1:end], rest[:headTime], id, body
}

// maxLevelName bounds the name in Python's brackets, which may be one of the
// function's own (logging.addLevelName).
const maxLevelName = 64

func isInstant(text []byte) bool {
	_, zoned, ok := logtime.Parse(text)
	return ok && zoned
}

// wrapped returns time and text of an object that the platform made of a text:
// it has three members and no others (Lambda log formats). The text has its
// escapes; nil: the object is another one.
func wrapped(obj []byte) (at, text []byte) {
	const start, then, end = `{"timestamp":"`, `","level":"INFO","message":"`, `"}`
	rest, ok := bytes.CutPrefix(obj, []byte(start))
	if !ok || len(rest) < headTime+len(then)+len(end) {
		return nil, nil
	}
	at = rest[:headTime]
	text, ok = bytes.CutPrefix(rest[headTime:], []byte(then))
	if !ok || jsonbytes.SkipString(text, -1) != len(text)-1 {
		return nil, nil
	}
	return at, text[:len(text)-len(end)]
}

// fixedHead knows beginnings that have a form of their own: klog and glog
// ("E0131 12:00:00.123456  8 main.go:12] "), PHP's errors, panics of Rust, and
// the priority of systemd and syslog ("<3>").
func fixedHead(text []byte) invocation.Level {
	if len(text) < 4 {
		return levelUnknown
	}
	switch text[0] {
	case 'E', 'W', 'I', 'F':
		if isKlog(text) {
			return parseLevel(text[:1])
		}
	case 't':
		if bytes.HasPrefix(text, []byte("thread '")) && bytes.Contains(text, []byte(" panicked at ")) {
			return levelError
		}
	case '<':
		return priority(text)
	}
	return phpLevel(text)
}

// isKlog knows a letter, the month and day, a blank and the time, up to
// microseconds; newer versions of glog write the year in front.
func isKlog(text []byte) bool {
	digits := 0
	for digits+1 < len(text) && isDigit(text[digits+1]) {
		digits++
	}
	const clock = " 15:04:05."
	rest := text[digits+1:]
	if digits != 4 && digits != 8 || len(rest) < len(clock) {
		return false
	}
	for i, c := range []byte(clock) {
		if isDigit(c) != isDigit(rest[i]) || !isDigit(c) && c != rest[i] {
			return false
		}
	}
	return true
}

// priority reads "<3>": a syslog severity, or one with its facility.
func priority(text []byte) invocation.Level {
	end := bytes.IndexByte(text[:min(len(text), 5)], '>')
	if end < 2 {
		return levelUnknown
	}
	n := 0
	for _, c := range text[1:end] {
		if !isDigit(c) {
			return levelUnknown
		}
		n = 10*n + int(c-'0')
	}
	if n > 191 {
		return levelUnknown
	}
	return [8]invocation.Level{levelCritical, levelCritical, levelCritical, levelError, levelWarn, levelInfo, levelInfo, levelDebug}[n%8]
}

// phpLevel reads "PHP Fatal error:  …", also behind a time in brackets or
// what its process manager puts in front, and "Fatal error: …", which PHP and
// Swift print alone.
func phpLevel(text []byte) invocation.Level {
	if c := text[0]; c != 'P' && c != 'F' && c != '[' && c != 'N' {
		return levelUnknown
	}
	if text[0] == '[' {
		if _, rest, ok := bytes.Cut(text, []byte("] ")); ok {
			text = rest
		}
	}
	text = bytes.TrimPrefix(text, []byte("NOTICE: PHP message: "))
	rest, php := bytes.CutPrefix(text, []byte("PHP "))
	if !php && !bytes.HasPrefix(text, []byte("Fatal error: ")) {
		return levelUnknown
	}
	kind, _, ok := bytes.Cut(rest[:min(len(rest), 40)], []byte{':'})
	if !ok {
		return levelUnknown
	}
	switch string(kind) {
	case "Fatal error", "Parse error", "Recoverable fatal error", "Catchable fatal error", "Core error", "Compile error":
		return levelError
	case "Warning", "Core Warning", "Compile Warning":
		return levelWarn
	case "Notice", "Deprecated", "Strict Standards":
		return levelInfo
	}
	return levelUnknown
}

// innerObject is the object behind a runtime's head, nil if there is none.
func innerObject(body []byte) []byte {
	if obj := jsonbytes.TrimSpace(body); jsonbytes.LooksLikeObject(obj) {
		return obj
	}
	return nil
}
