package pipeline

import "bytes"

// textFailure finds out whether a text is the trace of an error that nobody
// caught. A text that does not tell its level is looked at too: Go and Java
// print such errors without one.
func (l *line) textFailure() {
	f := &l.facts
	if f.Level != levelUnknown && f.Level < levelError {
		return
	}
	text := inLines(l.text)
	switch {
	case crashed(text):
		f.Level = levelCritical
	case errorObject(text):
	case !hasStack(text):
		return
	case f.Level == levelUnknown && !namesError(text):
		return
	}
	f.Failure = true
	f.Level = max(f.Level, levelError)
	f.ErrorType = textErrorType(text, f.Message)
}

// inLines gives a text of several lines its line feeds back: where every line
// is a record of its own, Python's client writes carriage returns in their
// place.
func inLines(text []byte) []byte {
	if bytes.IndexByte(text, '\r') < 0 || bytes.IndexByte(text, '\n') >= 0 {
		return text
	}
	return bytes.ReplaceAll(text, []byte{'\r'}, []byte{'\n'})
}

// crashed knows how the Go runtime ends.
func crashed(text []byte) bool {
	return bytes.HasPrefix(text, []byte("panic: ")) || bytes.HasPrefix(text, []byte("fatal error: "))
}

// errorObject finds the error object that runtimes print behind a prefix.
func errorObject(text []byte) bool {
	return bytes.Contains(text, []byte(`"errorType":`)) &&
		(bytes.Contains(text, []byte(`"errorMessage":`)) || bytes.Contains(text, []byte(`"stack`)))
}

// hasStack knows the stack traces of Python, Java, Node, .NET and Ruby.
func hasStack(text []byte) bool {
	nl := bytes.IndexByte(text, '\n')
	if nl < 0 {
		return false
	}
	rest := text[nl:]
	for _, mark := range [...]string{"\n\tat ", "\n    at ", "\n   at ", "\n  File \"", "\nTraceback (most recent call last)", "\n\tfrom "} {
		if bytes.Contains(rest, []byte(mark)) {
			return true
		}
	}
	return false
}

// namesError looks for an error's name in the first line.
func namesError(text []byte) bool {
	if nl := bytes.IndexByte(text, '\n'); nl >= 0 {
		text = text[:nl]
	}
	return bytes.Contains(text, []byte("Error")) || bytes.Contains(text, []byte("xception")) ||
		bytes.HasPrefix(text, []byte("Traceback"))
}

// textErrorType returns the error's type: a member of the printed object, or
// the name in front of the message, of the text, of the second line, where
// Java has it, or of the last, where Python has it.
func textErrorType(text, message []byte) []byte {
	for _, name := range [...]string{`"errorType":"`, `"errorType": "`} {
		if i := bytes.Index(text, []byte(name)); i >= 0 {
			rest := text[i+len(name):]
			if end := bytes.IndexByte(rest, '"'); end >= 0 {
				return rest[:end]
			}
		}
	}
	lines := bytes.TrimRight(text, "\r\n")
	second, last := lines[bytes.IndexByte(lines, '\n')+1:], lines[bytes.LastIndexByte(lines, '\n')+1:]
	for _, place := range [...][]byte{message, text, second, last} {
		if name := errorName(place); name != nil {
			return name
		}
	}
	return nil
}

// errorName returns the error's name that the text begins with: a word like
// KeyError or java.lang.RuntimeException, up to a colon or the line's end.
func errorName(text []byte) []byte {
	word := bytes.TrimLeft(text, " \t")
	if end := bytes.IndexAny(word, ":\r\n"); end >= 0 {
		word = word[:end]
	}
	for _, c := range word {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' {
			return nil
		}
	}
	if bytes.HasSuffix(word, []byte("Error")) || bytes.HasSuffix(word, []byte("Exception")) {
		return word
	}
	return nil
}
