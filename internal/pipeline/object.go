package pipeline

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/jsonbytes"
)

// findings are the members of an object that decide something.
type findings struct {
	levels    [4]invocation.Level // by the rank of the key it was found under
	stack     bool                // a stack trace
	errorType bool
	errorMsg  bool
	nested    []byte // an error object
}

// parseObject reads the top-level members of the object once.
func (p *parser) parseObject() {
	l := &p.line
	l.facts.Text = l.text
	l.empty = true
	var f findings
	m := jsonbytes.MembersOf(l.text)
	for {
		name, value, ok := m.Next()
		if !ok {
			break
		}
		l.empty = false
		if bytes.IndexByte(name, '\\') >= 0 {
			name = p.unescape(name)
		}
		f.look(l, memberByName(name), value)
	}
	f.conclude(l)
}

// unescape undoes the escapes of a member name, so that "le\u0076el" is seen
// to be "level".
func (p *parser) unescape(name []byte) []byte {
	p.name = append(append(append(p.name[:0], '"'), name...), '"')
	n := len(p.name)
	out, err := jsontext.AppendUnquote(p.name, p.name[:n])
	if err != nil {
		return name
	}
	p.name = out
	return out[n:]
}

func (l *line) requestID(value []byte) {
	if id := jsonbytes.Inside(value); len(id) > 0 && len(l.facts.RequestID) == 0 {
		l.facts.RequestID = id
	}
}

// look notes what a member says.
func (f *findings) look(l *line, k key, value []byte) {
	if k < numKeys {
		l.has |= 1 << k
	}
	switch k {
	case keyLevel:
		f.levels[0] = levelOf(value)
	case memberSeverity:
		f.levels[1] = levelOf(value)
	case memberLogLevel:
		f.levels[2] = levelOf(value)
	case memberLvl:
		f.levels[3] = levelOf(value)
	case keyMessage:
		l.facts.Message = value
		if s := jsonbytes.Inside(value); s != nil {
			l.facts.Message = s
		}
	case keyRequestID, memberRequestID:
		l.requestID(value)
	case memberAWS:
		l.emf = value[0] == '{'
	case memberErrorType:
		f.errorType = f.errorType || !jsonbytes.IsEmpty(value)
		if l.facts.ErrorType == nil {
			l.facts.ErrorType = jsonbytes.Inside(value)
		}
	case memberErrorMessage:
		f.errorMsg = true
	case memberStack:
		f.stack = f.stack || !jsonbytes.IsEmpty(value)
	case memberError:
		if value[0] == '{' {
			f.nested = value
		}
	}
}

// conclude turns what was found into the line's level and failure.
func (f *findings) conclude(l *line) {
	for _, level := range f.levels {
		if level != levelUnknown {
			l.facts.Level = level
			break
		}
	}
	if l.facts.Level == levelUnknown && f.errorType && f.errorMsg {
		// How the runtimes print an error of the handler; they do not always
		// add a level.
		l.facts.Level = levelError
	}
	if l.facts.Level < levelError || l.emf {
		return
	}
	if f.nested != nil {
		f.lookInto(l)
	}
	l.facts.Failure = f.stack || f.errorType
}

// lookInto reads an error object, as Powertools, pino and others write it.
func (f *findings) lookInto(l *line) {
	m := jsonbytes.MembersOf(f.nested)
	for {
		name, value, ok := m.Next()
		if !ok {
			return
		}
		switch string(name) {
		case "stack", "stackTrace", "stack_trace":
			f.stack = f.stack || !jsonbytes.IsEmpty(value)
		case "name", "type":
			if l.facts.ErrorType == nil {
				l.facts.ErrorType = jsonbytes.Inside(value)
			}
		}
	}
}

// levelOf reads a level value: a word, or a number of pino and bunyan.
func levelOf(value []byte) invocation.Level {
	if value[0] == '"' {
		return parseLevel(value[1 : len(value)-1])
	}
	return numericLevel(value)
}
