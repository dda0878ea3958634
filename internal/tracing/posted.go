package tracing

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"powertools-extension/internal/jsonbytes"
)

// ParseError reads what a runtime posts for a failure:
// {"errorType","errorMessage","stackTrace"}, where Node's client has trace in
// the last one's place. Of a document that breaks off, what stands before
// counts. nil: it is no such document.
func ParseError(posted []byte) *Exception {
	posted = jsonbytes.TrimSpace(posted)
	if len(posted) == 0 || posted[0] != '{' {
		return nil
	}
	e := &Exception{}
	members := jsonbytes.CheckMembersOf(posted)
	for name, value, ok := members.Next(); ok; name, value, ok = members.Next() {
		switch string(name) {
		case "errorType":
			e.Type = cut(textOf(value), maxType)
		case "errorMessage":
			e.Message = cut(textOf(value), maxMessage)
		case "stackTrace", "trace":
			if frames := framesOf(value); len(frames) > 0 { // the other one may be there, and empty
				e.Frames = frames
			}
		}
	}
	if e.Type == "" && e.Message == "" {
		return nil
	}
	return e
}

// ParseCause reads the first exception of a
// Lambda-Runtime-Function-XRay-Error-Cause: {"exceptions":[{"type","message",
// "stack":[{"path","line","label"}]}]}. nil: it is none.
func ParseCause(cause []byte) (first *Exception) {
	cause = jsonbytes.TrimSpace(cause)
	if !jsonbytes.LooksLikeObject(cause) || !jsonbytes.Valid(cause) {
		return nil
	}
	each(cause, func(name string, value []byte) {
		if name != "exceptions" || len(value) == 0 || value[0] != '[' {
			return
		}
		elements(value, func(element []byte) bool {
			if !jsonbytes.LooksLikeObject(element) {
				return false
			}
			first = &Exception{}
			each(element, func(name string, value []byte) {
				switch name {
				case "type":
					first.Type = cut(textOf(value), maxType)
				case "message":
					first.Message = cut(textOf(value), maxMessage)
				case "stack":
					first.Frames = framesOf(value)
				}
			})
			return false
		})
	})
	return first
}

// each visits the members of a valid object.
func each(object []byte, visit func(name string, value []byte)) {
	members := jsonbytes.MembersOf(object)
	for name, value, ok := members.Next(); ok; name, value, ok = members.Next() {
		visit(string(name), value)
	}
}

// elements visits those of a valid array until visit says no.
func elements(array []byte, visit func(element []byte) bool) {
	for i := jsonbytes.SkipSpace(array, 1); i < len(array) && array[i] != ']'; {
		end := jsonbytes.SkipValue(array, i)
		if !visit(array[i:end]) {
			return
		}
		if i = jsonbytes.SkipSpace(array, end); i < len(array) && array[i] == ',' {
			i = jsonbytes.SkipSpace(array, i+1)
		}
	}
}

// framesOf reads a stack: a list of texts or of {path, line, label}, or one
// text of several lines.
func framesOf(value []byte) (frames []Frame) {
	left := MaxStack
	add := func(f Frame) bool {
		if left -= len(f.Path) + len(f.Label); left < 0 || len(frames) == maxFrames {
			return false
		}
		frames = append(frames, f)
		return true
	}
	switch {
	case len(value) == 0:
	case value[0] == '"':
		for line := range strings.Lines(textOf(value)) {
			if !add(frameOf(line)) {
				break
			}
		}
	case value[0] == '[':
		elements(value, func(element []byte) bool {
			if element[0] == '"' {
				return add(frameOf(textOf(element)))
			}
			if element[0] != '{' {
				return true
			}
			var f Frame
			each(element, func(name string, value []byte) {
				switch name {
				case "path":
					f.Path = textOf(value)
				case "label":
					f.Label = textOf(value)
				case "line":
					f.Line, _ = strconv.Atoi(string(value))
				}
			})
			return add(f)
		})
	}
	return frames
}

// patterns are the forms of a line of a stack, each with what a line of it has
// in any case. They are compiled when the first error comes.
var patterns = sync.OnceValue(func() []pattern {
	return []pattern{
		{`File "`, regexp.MustCompile(`^\s*File "(?P<path>[^"]+)", line (?P<line>\d+), in (?P<label>\S+)`)},     // Python
		{"at ", regexp.MustCompile(`^\s*at (?P<label>.+?) \((?P<path>[^()]+):(?P<line>\d+):\d+\)\s*$`)},         // Node
		{"at ", regexp.MustCompile(`^\s*at (?P<path>[^()\s]+):(?P<line>\d+):\d+\s*$`)},                          // Node, without a function
		{"at ", regexp.MustCompile(`^\s*at (?P<label>.+?) in (?P<path>.+):line (?P<line>\d+)\s*$`)},             // .NET
		{".rb:", regexp.MustCompile("^\\s*(?P<path>/[^:]+\\.rb):(?P<line>\\d+):in [`'](?P<label>[^']+)'\\s*$")}, // Ruby
		{")", regexp.MustCompile(`^\s*(?:at )?(?P<label>[\w.$<>/]+)\((?P<path>[\w.$]+):(?P<line>\d+)\)\s*$`)},   // Java
	}
})

type pattern struct {
	mark string
	re   *regexp.Regexp
}

// maxFrameText bounds the text of one line that is looked at, in bytes.
const maxFrameText = 2 << 10

// frameOf reads one line; what has no known form is the label.
func frameOf(line string) (f Frame) {
	line = cut(strings.TrimRight(line, "\r\n"), maxFrameText)
	first, _, _ := strings.Cut(line, "\n")
	for _, p := range patterns() {
		if !strings.Contains(first, p.mark) {
			continue
		}
		m := p.re.FindStringSubmatch(first)
		if m == nil {
			continue
		}
		for i, name := range p.re.SubexpNames() {
			switch name {
			case "path":
				f.Path = m[i]
			case "label":
				f.Label = m[i]
			case "line":
				f.Line, _ = strconv.Atoi(m[i])
			}
		}
		return f
	}
	return Frame{Label: line}
}

// textOf is a JSON string without its quotes and escapes; any other value is
// its text.
func textOf(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		if string(value) == "null" {
			return ""
		}
		return string(value)
	}
	return strings.ToValidUTF8(string(jsonbytes.Unescape(append([]byte(nil), value[1:len(value)-1]...))), "\uFFFD")
}

// cut ends a long text at a rune.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
