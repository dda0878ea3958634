package loglevel

import (
	"bytes"

	"powertools-extension/internal/jsonbytes"
)

// Finder collects what the members of one object say about its level. A word
// counts more than a number, and of two words the one under the better known
// key. The zero value is ready for one object.
type Finder struct {
	word  Level
	rank  uint8 // of the key that word was found under; 0 is none, 1 the best
	plain int   // a number under level and the like, plus 1

	letter Level // a word of one letter; it counts like a number

	python, otel, severity int // a number under a key that says what it means, plus 1

	syslog  bool // numbers are those of syslog
	beside  bool // a message, a time or the like: the object is a line
	others  bool // members that say nothing
	written bool // a member that is for a level

	compactTime, compactText bool // members of Serilog's compact format
}

// The ranks of keys.
const (
	rankLevel uint8 = 1 + iota
	rankName
	rankOther
	rankNested
)

// Besides tells the finder that the object has a member of a log line: a
// message, a time, an error. A number is a level only beside one of them.
func (f *Finder) Besides() { f.beside = true }

// Member looks at one member, by its name without escapes and its raw value.
// It takes any, and those that say something about the level count.
func (f *Finder) Member(name, value []byte) {
	switch string(name) {
	case "level":
		f.value(value, rankLevel)
	case "levelname", "level_name", "levelName", "severityText", "severity_text", "SeverityText":
		f.value(value, rankName)
	case "log_level", "logLevel", "loglevel", "_logLevel", "LogLevel", "Level", "LEVEL", "log.level",
		"lvl", "@l", "@level", "logLevelName":
		f.value(value, rankOther)
	case "severity", "Severity": // its numbers are syslog's, or Google's, or of nobody
		plain := f.plain
		f.value(value, rankOther)
		f.severity, f.plain = f.plain, plain
	case "levelno", "level_no":
		f.python = 1 + number(value)
	case "severityNumber", "severity_number", "SeverityNumber":
		f.otel = 1 + number(value)
	case "level_value":
		f.plain = 1 + number(value)
	case "syslog":
		f.syslog = true
		f.nested(value)
	case "short_message": // GELF, whose levels are those of syslog
		f.syslog, f.beside = true, true
	case "log", "record", "_meta":
		f.nested(value)
	case "@t":
		f.compactTime, f.beside = true, true
	case "@m", "@mt":
		f.compactText, f.beside = true, true
	case "message", "msg", "Message", "MessageTemplate", "time", "timestamp", "@timestamp", "Timestamp", "ts",
		"datetime", "asctime", "pid", "hostname", "channel", "err", "error", "stack", "errorMessage", "exception":
		f.beside = true
	default:
		f.others = true
	}
}

// Level returns what was found.
func (f *Finder) Level() Level {
	if f.word != Unknown {
		return f.word
	}
	if f.letter != Unknown && f.beside {
		return f.letter
	}
	if l := schemePython.level(f.python - 1); l != Unknown {
		return l
	}
	if l := schemeOTel.level(f.otel - 1); l != Unknown {
		return l
	}
	if l := schemeSyslog.level(f.severity - 1); l != Unknown && f.syslog {
		return l
	}
	switch n := f.plain - 1; {
	case n < 0:
	case f.python > 0:
		return schemePython.level(n)
	case f.syslog:
		return schemeSyslog.level(n)
	case f.beside || !f.others:
		return schemeBare.level(n)
	}
	if f.compactTime && f.compactText && !f.written { // Serilog's compact format leaves Information out
		return Info
	}
	return Unknown
}

// value reads a level's value: a word, a number, or an object that names it.
func (f *Finder) value(value []byte, rank uint8) {
	if len(value) == 0 {
		return
	}
	f.written = true
	if value[0] == '{' {
		f.named(value)
		return
	}
	l, n := read(value)
	if l != Unknown && len(value) == len(`"E"`) {
		f.letter = l
	} else if l != Unknown {
		f.take(l, rank)
	} else if n >= 0 {
		f.plain = 1 + n
	}
}

func (f *Finder) take(l Level, rank uint8) {
	if f.rank == 0 || rank < f.rank {
		f.word, f.rank = l, rank
	}
}

// nested looks for the level one object deeper: log.level (Elastic Common
// Schema), record.level.name (loguru), _meta.logLevelName (tslog),
// syslog.severity.
func (f *Finder) nested(value []byte) {
	if len(value) == 0 || value[0] != '{' {
		return
	}
	for m := jsonbytes.MembersOf(value); ; {
		name, v, ok := m.Next()
		if !ok {
			return
		}
		switch string(name) {
		case "level", "logLevelName", "severity":
			f.value(v, rankNested)
		case "syslog":
			f.syslog = true
			f.nested(v)
		}
	}
}

// named reads the object that some loggers write for a level.
func (f *Finder) named(value []byte) {
	for m := jsonbytes.MembersOf(value); ; {
		name, v, ok := m.Next()
		if !ok {
			return
		}
		switch string(name) {
		case "name", "levelStr", "standardLevel", "label":
			if l, _ := read(v); l != Unknown {
				f.take(l, rankNested)
			}
		case "no":
			f.python = 1 + number(v)
		case "code":
			f.severity = 1 + number(v)
		}
	}
}

// read returns the level of a word, else the number that the value is, also
// between quotes; -1 is none.
func read(value []byte) (Level, int) {
	if value[0] != '"' {
		return Unknown, number(value)
	}
	var buf [64]byte // longer is no level
	s := jsonbytes.Inside(value)
	if len(s) > len(buf) {
		return Unknown, -1
	}
	if bytes.IndexByte(s, '\\') >= 0 {
		s = jsonbytes.Unescape(buf[:copy(buf[:], s)])
	}
	for len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	if l := Parse(s); l != Unknown {
		return l, -1
	}
	return Unknown, number(s)
}
