package pipeline

import (
	"bytes"

	"powertools-extension/internal/jsonbytes"
)

// failure is what a line shows of an error: raw JSON values, or texts.
type failure struct {
	errorType, message, stack []byte
	text                      bool // the three are texts, not JSON
}

// keys are those that the failure has a value for.
func (f *failure) keys() (set keySet) {
	if len(f.errorType) > 0 {
		set |= 1 << keyErrorType
	}
	if len(f.message) > 0 {
		set |= 1 << keyErrorMessage
	}
	if len(f.stack) > 0 {
		set |= 1 << keyStackTrace
	}
	return set
}

// lineBreaks gives a traceback its line feeds back: where every line is a
// record of its own, Python's client writes carriage returns in their place.
func (p *parser) lineBreaks(body []byte) []byte {
	if bytes.IndexByte(body, '\r') < 0 || bytes.IndexByte(body, '\n') >= 0 || !bytes.Contains(body, []byte("Traceback (most recent call last)")) {
		return body
	}
	p.trace = append(p.trace[:0], body...)
	for i, c := range p.trace {
		if c == '\r' {
			p.trace[i] = '\n'
		}
	}
	return p.trace
}

// messageFailure reads the error that Java's client, in the JSON log format,
// and others print as the text of the message, with its trace.
func (p *parser) messageFailure() {
	l := &p.line
	if l.facts.Level < levelError || l.facts.Level > levelCritical || l.failure.errorType != nil || l.emf || !bytes.Contains(l.facts.Message, []byte(`\n\tat `)) {
		return
	}
	p.trace = jsonbytes.Unescape(append(p.trace[:0], l.facts.Message...))
	l.failure = stackFailure(p.trace)
}

// readFailure finds type, message and trace of an error in the text that a
// runtime or a logger printed of it.
func readFailure(text []byte) failure {
	f := failure{text: true}
	switch {
	case bytes.Contains(text, []byte(`"errorType"`)):
		return objectFailure(text)
	case bytes.HasPrefix(text, []byte("panic: ")), bytes.HasPrefix(text, []byte("fatal error: ")):
		f.errorType = []byte("panic")
		_, rest, _ := bytes.Cut(text, []byte(": "))
		f.message, f.stack = cutAt(rest, "\ngoroutine ")
		f.message, _, _ = bytes.Cut(f.message, []byte{'\n'})
	case bytes.HasPrefix(text, []byte("thread '")):
		return rustPanic(text)
	case bytes.Contains(text, []byte("Traceback (most recent call last)")):
		return pythonFailure(text)
	default:
		return stackFailure(text)
	}
	return f
}

// cutAt parts the text at a line that begins with the mark, whose line break
// belongs to neither side.
func cutAt(text []byte, mark string) (before, from []byte) {
	i := bytes.Index(text, []byte(mark))
	if i < 0 {
		return text, nil
	}
	return text[:i], text[i+1:]
}

// objectFailure reads the error object that Node, Ruby and Go print behind
// words of their own.
func objectFailure(text []byte) (f failure) {
	open := bytes.IndexByte(text, '{')
	if open < 0 {
		return f
	}
	obj := jsonbytes.TrimSpace(text[open:])
	if !jsonbytes.LooksLikeObject(obj) || !jsonbytes.Valid(obj) {
		return f
	}
	obj = appendValid(nil, obj) // what is taken from it is written as it is
	for i, c := range obj {
		if c == '\n' || c == '\r' { // between tokens
			obj[i] = ' '
		}
	}
	for m := jsonbytes.MembersOf(obj); ; {
		name, value, ok := m.Next()
		if !ok {
			return f
		}
		switch string(name) {
		case "errorType":
			f.errorType = value
		case "errorMessage":
			f.message = value
		case "stack", "stackTrace":
			f.stack = value
		}
	}
}

// pythonFailure reads "[ERROR] KeyError: 'x'", a line break and the traceback,
// as the runtime client prints it, and a traceback whose last line names the
// error, as logging does.
func pythonFailure(text []byte) failure {
	f := failure{text: true}
	first, stack := cutAt(text, "\nTraceback (most recent call last)")
	if stack == nil {
		first, stack = nil, text
	}
	f.stack = stack
	named, ok := bytes.CutPrefix(first, []byte("[ERROR] "))
	if !ok {
		last := bytes.TrimRight(stack, "\r\n")
		named = last[bytes.LastIndexByte(last, '\n')+1:]
	}
	if errorType, message := parted(named); errorType != nil {
		f.errorType, f.message = errorType, message
	}
	return f
}

// rustPanic reads "thread 'main' panicked at src/main.rs:5:9:" with the
// message below, or, before Rust 1.73, between quotes in the same line.
func rustPanic(text []byte) failure {
	f := failure{text: true, errorType: []byte("panic")}
	first, rest, _ := bytes.Cut(text, []byte{'\n'})
	_, at, _ := bytes.Cut(first, []byte("panicked at "))
	if quoted, ok := bytes.CutPrefix(at, []byte{'\''}); ok {
		if end := bytes.LastIndexByte(quoted, '\''); end >= 0 {
			f.message = quoted[:end]
		}
	} else {
		f.message, rest, _ = bytes.Cut(rest, []byte{'\n'})
	}
	_, f.stack = cutAt(append([]byte{'\n'}, rest...), "\nstack backtrace:")
	return f
}

// stackFailure reads "Type: message" with a stack below it: Java, which may
// print the message first, .NET, Node, and Ruby's own form.
func stackFailure(text []byte) failure {
	f := failure{text: true}
	for rest := text; len(rest) > 0; {
		line, next, _ := bytes.Cut(rest, []byte{'\n'})
		bare := bytes.TrimPrefix(line, []byte("Unhandled exception. "))
		if inThread, ok := bytes.CutPrefix(bare, []byte(`Exception in thread "`)); ok {
			_, bare, _ = bytes.Cut(inThread, []byte(`" `))
		}
		if errorName(bare) != nil {
			f.errorType, f.message = parted(bare)
			f.stack = bytes.TrimRight(rest[len(line)-len(bare):], "\r\n")
			return f
		}
		rest = next
	}
	line, rest, _ := bytes.Cut(text, []byte{'\n'})
	if open := bytes.LastIndex(line, []byte(" (")); open > 0 && bytes.HasSuffix(line, []byte{')'}) && bytes.HasPrefix(rest, []byte("\tfrom ")) {
		f.errorType = line[open+2 : len(line)-1]
		if _, message, ok := bytes.Cut(line[:open], []byte("': ")); ok {
			f.message = message
		}
		f.stack = text
	}
	return f
}

// parted parts "Type: message".
func parted(line []byte) (errorType, message []byte) {
	errorType = errorName(line)
	if errorType == nil {
		name, _, ok := bytes.Cut(line, []byte{':'})
		if !ok || bytes.IndexByte(name, ' ') >= 0 {
			return nil, line
		}
		errorType = name
	}
	message = bytes.TrimPrefix(line[bytes.Index(line, errorType)+len(errorType):], []byte{':'})
	return errorType, bytes.TrimSpace(message)
}

// appendFailure writes one of the three values. A list of lines becomes one
// text.
func (f *failure) append(dst, value []byte) []byte {
	if f.text {
		return jsonbytes.AppendString(dst, value)
	}
	if value[0] != '[' {
		return append(dst, value...)
	}
	from := len(dst)
	dst = append(dst, '"')
	for i := jsonbytes.SkipSpace(value, 1); value[i] != ']'; {
		if value[i] != '"' {
			return append(dst[:from], value...) // frames as objects stay what they are
		}
		end := jsonbytes.SkipString(value, i)
		if n := len(dst) - from; n > 1 && !bytes.HasSuffix(dst, []byte(`\n`)) {
			dst = append(dst, `\n`...)
		}
		dst = append(dst, value[i+1:end-1]...)
		if i = jsonbytes.SkipSpace(value, end); value[i] == ',' {
			i = jsonbytes.SkipSpace(value, i+1)
		}
	}
	return append(dst, '"')
}
