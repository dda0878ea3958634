package pipeline

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/loglevel"
)

// findings are the members of an object that decide something.
type findings struct {
	level   loglevel.Finder
	escapes bool // the object has a backslash somewhere

	stack     []byte // a stack trace
	errorType []byte
	errorMsg  []byte
	nested    []byte // an error object

	message []byte // a message under another name
	sure    bool   // that name is none but a logger's
	time    []byte // under another name than timestamp
	own     []byte // timestamp
}

// parseObject reads the top-level members of an object that is known to be
// valid.
func (p *parser) parseObject() {
	l := &p.line
	var f findings
	l.begin(&f)
	for m := jsonbytes.MembersOf(l.text); ; {
		name, value, ok := m.Next()
		if !ok {
			break
		}
		p.member(&f, name, value)
	}
	f.conclude(l)
	p.messageFailure()
}

// checkObject is parseObject for a text that may be an object, and reports
// whether it is. If not, the line is as it was.
func (p *parser) checkObject(obj []byte) bool {
	l := &p.line
	before := *l
	l.text, l.object = obj, true
	var f findings
	l.begin(&f)
	m := jsonbytes.CheckMembersOf(obj)
	for {
		name, value, ok := m.Next()
		if !ok {
			break
		}
		p.member(&f, name, value)
	}
	if !m.Valid() {
		*l = before
		return false
	}
	f.conclude(l)
	p.messageFailure()
	return true
}

func (l *line) begin(f *findings) {
	l.facts.Text = l.text
	l.empty = true
	l.facts.RequestID = l.headID
	f.escapes = bytes.IndexByte(l.text, '\\') >= 0
}

func (p *parser) member(f *findings, name, value []byte) {
	p.line.empty = false
	if f.escapes && bytes.IndexByte(name, '\\') >= 0 {
		name = p.unescape(name)
	}
	f.look(&p.line, memberByName(name), name, value)
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

// look notes what a member says.
func (f *findings) look(l *line, k key, name, value []byte) {
	if k < numKeys {
		l.has |= 1 << k
	}
	switch k {
	case keyMessage:
		f.level.Besides()
		l.facts.Message = value
		if s := jsonbytes.Inside(value); s != nil {
			l.facts.Message = s
		}
		if value[0] == '{' && bytes.Contains(value, []byte(`"errorType"`)) {
			f.nested = value // Node's client in the JSON format
		}
	case keyTimestamp:
		f.level.Besides()
		f.own = value
	case memberTime:
		if f.time == nil || string(name) == "@timestamp" {
			f.time = value
		}
		f.level.Member(name, value)
	case memberMessage:
		f.messageUnder(name, value)
		f.level.Member(name, value)
	case memberFields:
		f.lookForMessage(value)
		f.level.Member(name, value)
	case keyRequestID:
		if id := jsonbytes.Inside(value); len(id) > 0 && l.headID == nil {
			l.facts.RequestID = id // whatever else is called so
		}
	case memberRequestID:
		if id := jsonbytes.Inside(value); len(id) > 0 && len(l.facts.RequestID) == 0 {
			l.facts.RequestID = id
		}
	case memberAWS:
		l.emf = isMetrics(value)
	case memberErrorType, keyErrorType:
		if f.errorType == nil && !jsonbytes.IsEmpty(value) {
			f.errorType = value
		}
	case memberErrorMessage, keyErrorMessage:
		f.level.Besides()
		if f.errorMsg == nil {
			f.errorMsg = value
		}
	case memberStack, keyStackTrace:
		f.level.Besides()
		if f.stack == nil && !jsonbytes.IsEmpty(value) {
			f.stack = value
		}
	case memberError:
		f.level.Besides()
		if value[0] == '{' {
			f.nested = value
		}
	case memberObserved:
		l.observe = true
	case keyLevel, otherMember:
		f.level.Member(name, value)
	}
}

// messageUnder notes a message that is not called message. The names that
// others use too are less sure.
func (f *findings) messageUnder(name, value []byte) {
	if value[0] != '"' || len(value) == 2 {
		return
	}
	sure := true
	switch string(name) {
	case "body", "event", "text", "MessageTemplate", "@mt":
		sure = false
	}
	if f.message == nil || sure && !f.sure {
		f.message, f.sure = value, sure
	}
}

// lookForMessage finds the message one object deeper: fields.message of Rust's
// tracing, record.message of loguru.
func (f *findings) lookForMessage(value []byte) {
	if value[0] != '{' {
		return
	}
	for m := jsonbytes.MembersOf(value); ; {
		name, v, ok := m.Next()
		if !ok {
			return
		}
		if string(name) == "message" && v[0] == '"' && len(v) > 2 && !f.sure {
			f.message, f.sure = v, true
		}
	}
}

// isMetrics reports whether _aws is that of a metrics document: it has
// CloudWatchMetrics, an array (CloudWatch embedded metric format, "Metadata
// object").
func isMetrics(aws []byte) bool {
	if aws[0] != '{' {
		return false
	}
	for m := jsonbytes.MembersOf(aws); ; {
		name, value, ok := m.Next()
		if !ok {
			return false
		}
		if string(name) == "CloudWatchMetrics" && value[0] == '[' {
			return true
		}
	}
}

// conclude turns what was found into the line's level, time and failure.
func (f *findings) conclude(l *line) {
	l.facts.Level = f.level.Level()
	if f.errorType != nil && l.facts.ErrorType == nil {
		l.facts.ErrorType = jsonbytes.Inside(f.errorType)
	}
	if l.facts.Level == levelUnknown && f.errorType != nil && f.errorMsg != nil {
		// How the runtimes print an error of the handler; they do not always
		// add a level.
		l.facts.Level = levelError
	}
	f.concludeTime(l)
	if l.emf {
		return
	}
	if f.message != nil && !l.has.has(keyMessage) && (f.sure || l.facts.Level != levelUnknown) {
		l.message = f.message
		l.facts.Message = jsonbytes.Inside(f.message)
	}
	if l.facts.Level < levelError {
		return
	}
	if f.nested != nil {
		f.lookInto(l)
	}
	l.facts.Failure = f.stack != nil || f.errorType != nil
	if f.errorType != nil {
		l.failure = failure{errorType: f.errorType, message: f.errorMsg, stack: f.stack}
	}
}

// concludeTime chooses the line's own time: timestamp, else one under another
// name, else that of a runtime's head.
func (f *findings) concludeTime(l *line) {
	if f.own != nil && !jsonbytes.IsEmpty(f.own) {
		l.time, l.stamped = plain(f.own), true
		return
	}
	if f.own == nil && f.time != nil && !jsonbytes.IsEmpty(f.time) {
		l.time, l.stamped = plain(f.time), true
		return
	}
	if f.own == nil {
		l.time = l.headTime
	}
}

// plain takes the quotes off a value.
func plain(value []byte) []byte {
	if s := jsonbytes.Inside(value); s != nil {
		return s
	}
	return value
}

// lookInto reads an error object, as Powertools, pino and others write it, and
// as Node's client writes it for a message.
func (f *findings) lookInto(l *line) {
	m := jsonbytes.MembersOf(f.nested)
	for {
		name, value, ok := m.Next()
		if !ok {
			return
		}
		switch string(name) {
		case "stack", "stackTrace", "stack_trace":
			if f.stack == nil && !jsonbytes.IsEmpty(value) {
				f.stack = value
			}
		case "errorType":
			f.errorType = value
			l.facts.ErrorType = jsonbytes.Inside(value)
		case "errorMessage":
			f.errorMsg = value
		case "name", "type":
			if l.facts.ErrorType == nil {
				l.facts.ErrorType = jsonbytes.Inside(value)
			}
		}
	}
}
