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

// findUnhandled looks for such a form. text is the line as it was printed.
func findUnhandled(text []byte, object bool) unhandled {
	if object {
		return unhandledObject(text)
	}
	switch {
	case bytes.HasPrefix(text, []byte("[ERROR] ")):
		return pythonError(text[len("[ERROR] "):])
	case bytes.HasPrefix(text, []byte("Error raised from handler method")):
		return printedObject(text) // Ruby
	}
	if tab := bytes.IndexByte(text[:min(len(text), 80)], '\t'); tab >= len("2006-01-02T15:04:05Z") {
		return headedError(text)
	}
	return javaError(text)
}

// pythonError reads what follows "[ERROR] " of Python's runtime client:
// "KeyError: 'x'" and the traceback, parted by line feeds or, where each line
// is a record, by carriage returns. A logger has a tab behind the level.
func pythonError(text []byte) unhandled {
	first, rest := text, []byte(nil)
	if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
		first, rest = text[:i], text[i+1:]
	}
	name, message, _ := bytes.Cut(first, []byte(": "))
	if !isClassName(name) {
		return unhandled{}
	}
	if !bytes.HasPrefix(bytes.TrimLeft(rest, "\r\n"), []byte("Traceback (most recent call last)")) && !startsUpper(name) {
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

// javaError reads one record of Java's runtime client: the message and the
// class, or the class alone, and below it the stack, which begins with the
// class again.
func javaError(text []byte) unhandled {
	first, rest, _ := bytes.Cut(text, []byte{'\n'})
	if !bytes.Contains(rest, []byte("\tat ")) {
		return unhandled{}
	}
	second, _, _ := bytes.Cut(rest, []byte{'\n'})
	if name, message := exceptionAt(second); name != nil && bytes.HasSuffix(first, name) {
		if before := len(first) - len(name); before == 0 || first[before-1] == ' ' {
			return unhandled{true, name, message}
		}
	}
	if name, message := exceptionAt(first); name != nil && bytes.HasPrefix(rest, []byte("\tat ")) {
		return unhandled{true, name, message}
	}
	return unhandled{}
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
	return javaError(lines)
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

// startsUpper reports whether the last part of a name begins in upper case, as
// classes do.
func startsUpper(name []byte) bool {
	name = name[bytes.LastIndexByte(name, '.')+1:]
	return len(name) > 0 && name[0] >= 'A' && name[0] <= 'Z'
}
