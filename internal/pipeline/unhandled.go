package pipeline

import (
	"bytes"

	"powertools-extension/internal/jsonbytes"
)

// unhandled is an error that nobody caught, in a form that Lambda's runtimes
// themselves print it: what a logger writes of one that was caught looks
// alike, and proves nothing.
type unhandled struct {
	found         bool
	name, message []byte // the error's; empty if the line does not tell
}

// noteError notes what the line tells of an error that nobody caught. Lines of
// a lower level are none, but those that the platform wrapped: the level in
// them is not the function's.
func (r *rules) noteError(l *line) {
	f := &l.facts
	text, object := l.text, l.object
	switch {
	case l.emf:
		return
	case object && f.Level == levelInfo:
		if f.Printed = r.unwrap(text); f.Printed == nil {
			return
		}
		text, object = f.Printed, false
	case f.Level != levelUnknown && f.Level < levelError:
		return
	}
	if u := findUnhandled(text, r.title, object); u.found {
		f.Unhandled = true
		f.ErrorType, f.ErrorMessage = u.name, u.message
	}
	if !object && mayBeJavaTitle(text) {
		l.title = text
	}
}

// unwrap returns the text of a line that the platform wrapped, nil if it
// is none or if nothing in it can be of interest here.
func (r *rules) unwrap(obj []byte) []byte {
	_, text := wrapped(obj)
	if text == nil {
		return nil
	}
	switch {
	case len(r.title) > 0, mayBeJavaTitle(text),
		bytes.Contains(text, []byte("errorMessage")), bytes.Contains(text, []byte("Traceback")),
		bytes.Contains(text, []byte("emory")), bytes.HasPrefix(text, []byte("Error raised")):
		r.printed = jsonbytes.Unescape(append(r.printed[:0], text...))
		return r.printed
	}
	return nil
}

// findUnhandled looks for such a form. text is the line as it was printed;
// before is the text of the line before, where that may be the first part of
// an error of Java's runtime client whose lines are records of their own.
func findUnhandled(text, before []byte, object bool) unhandled {
	const goDate = "2006/01/02 15:04:05 " // in front of the object that aws-lambda-go logs
	switch {
	case object:
		return unhandledObject(text)
	case len(text) > len(goDate) && text[4] == '/' && text[len(goDate)] == '{':
		if obj := text[len(goDate):]; jsonbytes.LooksLikeObject(obj) && jsonbytes.Valid(obj) {
			return unhandledObject(obj)
		}
	case bytes.HasPrefix(text, []byte("Error raised from handler method")):
		return printedObject(text) // Ruby
	case bytes.Contains(text, []byte("Traceback (most recent call last)")):
		return pythonError(text)
	}
	if len(text) > 0 && isDigit(text[0]) && bytes.IndexByte(text[:min(len(text), 40)], '\t') > 0 {
		return headedError(text)
	}
	return javaError(text, before)
}

// pythonError reads "[ERROR] KeyError: 'x'" of Python's runtime client and the
// traceback behind it, parted by line feeds or, where each line is a record,
// by carriage returns. A logger has a tab behind the level. What a logger
// printed before may stand in front: it ends its records without a line feed.
func pythonError(text []byte) unhandled {
	mark := []byte("[ERROR] ")
	i := bytes.Index(text, mark)
	if i < 0 {
		return unhandled{}
	}
	first := text[i+len(mark):]
	end := bytes.IndexAny(first, "\r\n")
	if end < 0 || !bytes.HasPrefix(bytes.TrimLeft(first[end:], "\r\n"), []byte("Traceback (most recent call last)")) {
		return unhandled{}
	}
	name, message, _ := bytes.Cut(first[:end], []byte(": "))
	if !isClassName(name) {
		return unhandled{}
	}
	return unhandled{true, name, message}
}

// headedError reads "time⇥id⇥ERROR⇥Invoke Error ⇥{…}" of Node and
// "time⇥id⇥fail⇥System.Exception: …" of .NET.
func headedError(text []byte) unhandled {
	for _, mark := range [...]string{"\tERROR\tInvoke Error", "\tERROR\tUncaught Exception", "\tERROR\tUnhandled Promise Rejection"} {
		if i := bytes.Index(text[:min(len(text), 160)], []byte(mark)); i >= 0 {
			return printedObject(text[i:])
		}
	}
	if i := bytes.Index(text[:min(len(text), 120)], []byte("\tfail\t")); i >= 0 {
		if name, message := exceptionAt(text[i+len("\tfail\t"):]); name != nil && bytes.Contains(text, []byte("\n   at ")) {
			return unhandled{true, name, message}
		}
	}
	return unhandled{}
}

// printedObject reads the error object behind a runtime's words; they alone
// are proof enough.
func printedObject(text []byte) unhandled {
	u := unhandled{found: true}
	open := bytes.IndexByte(text, '{')
	if open < 0 {
		return u
	}
	obj := jsonbytes.TrimSpace(text[open:])
	if !jsonbytes.LooksLikeObject(obj) || !jsonbytes.Valid(obj) {
		return u
	}
	for m := jsonbytes.MembersOf(obj); ; {
		name, value, ok := m.Next()
		if !ok {
			return u
		}
		switch string(name) {
		case "errorType":
			u.name = jsonbytes.Inside(value)
		case "errorMessage":
			u.message = jsonbytes.Inside(value)
		}
	}
}

// javaError reads what Java's runtime client prints: the message and the
// class, or the class alone, and below it the stack, which begins with the
// class again. All that is one record, or, on a plain stdout, one for each
// line; before is the first of those then.
func javaError(text, before []byte) unhandled {
	if len(before) > 0 {
		if name, message := exceptionAt(text); name != nil && isJavaTitle(before, name, message) {
			return unhandled{true, name, message}
		}
	}
	first, rest, _ := bytes.Cut(text, []byte{'\n'})
	if !bytes.Contains(rest, []byte("\tat ")) {
		return unhandled{}
	}
	second, _, _ := bytes.Cut(rest, []byte{'\n'})
	if name, message := exceptionAt(second); name != nil && isJavaTitle(first, name, message) {
		return unhandled{true, name, message}
	}
	if name, message := exceptionAt(first); name != nil && bytes.HasPrefix(rest, []byte("\tat ")) {
		return unhandled{true, name, message}
	}
	return unhandled{}
}

// isJavaTitle knows "boom: java.lang.IllegalStateException" and, of an error
// without a message, "java.lang.IllegalStateException".
func isJavaTitle(line, name, message []byte) bool {
	title, ok := bytes.CutSuffix(line, name)
	if !ok {
		return false
	}
	return len(title) == 0 || bytes.Equal(bytes.TrimSuffix(title, []byte(": ")), message)
}

// mayBeJavaTitle reports whether the line ends like one, so that it is worth
// to be remembered for the next. It is asked for every text and so looks at
// the last word first: that of most lines has no dot.
func mayBeJavaTitle(line []byte) bool {
	if len(line) == 0 || len(line) > 1<<10 {
		return false
	}
	name := line[bytes.LastIndexByte(line, ' ')+1:]
	if bytes.IndexByte(name, '.') <= 0 || !isClassName(name) {
		return false
	}
	before := line[:len(line)-len(name)]
	return len(before) == 0 || bytes.HasSuffix(before, []byte(": ")) && bytes.IndexByte(before, '\n') < 0
}

// exceptionAt reads "java.lang.IllegalStateException: boom" at the start of
// the text, up to the line's end; name is nil if there is none.
func exceptionAt(text []byte) (name, message []byte) {
	if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
		text = text[:i]
	}
	name, message, _ = bytes.Cut(text, []byte(": "))
	if !isClassName(name) || bytes.IndexByte(name, '.') < 0 {
		return nil, nil
	}
	return name, message
}

// unhandledObject reads an object: with type and message of an error and no
// message of a log line (Python, Go, Ruby, .NET), with an error object in that
// message's place (Node), or with a text there that begins as Java's record.
func unhandledObject(obj []byte) unhandled {
	var name, text, message []byte
	for m := jsonbytes.MembersOf(obj); ; {
		key, value, ok := m.Next()
		if !ok {
			break
		}
		switch string(key) {
		case "errorType":
			name = value
		case "errorMessage":
			text = value
		case "message", "msg":
			message = value
		}
	}
	switch {
	case len(message) > 0 && message[0] == '{':
		if u := printedObject(message); u.name != nil {
			return u
		}
	case len(message) > 0 && message[0] == '"' && name == nil:
		return javaMessage(jsonbytes.Inside(message))
	case name != nil && text != nil && jsonbytes.IsEmpty(orEmpty(message)):
		return unhandled{true, jsonbytes.Inside(name), jsonbytes.Inside(text)}
	}
	return unhandled{}
}

func orEmpty(value []byte) []byte {
	if value == nil {
		return []byte(`""`)
	}
	return value
}

// javaMessage reads Java's record where it stands in an object, with its
// escapes. The name has none; the message is left with them.
func javaMessage(escaped []byte) unhandled {
	if !bytes.Contains(escaped, []byte(`\n\tat `)) {
		return unhandled{}
	}
	lines := bytes.ReplaceAll(bytes.ReplaceAll(escaped, []byte(`\n`), []byte("\n")), []byte(`\t`), []byte("\t"))
	return javaError(lines, nil)
}

// isClassName knows names of errors: letters, digits and the signs that part
// modules.
func isClassName(name []byte) bool {
	if len(name) == 0 || isDigit(name[0]) {
		return false
	}
	for _, c := range name {
		if (c|0x20 < 'a' || c|0x20 > 'z') && !isDigit(c) && c != '.' && c != '_' && c != '$' && c != ':' {
			return false
		}
	}
	return true
}
