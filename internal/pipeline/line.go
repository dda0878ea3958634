package pipeline

import (
	"bytes"
	"unicode/utf8"

	"powertools-extension/internal/batch/items"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/telemetry"
)

// line is one parsed line. Its slices alias the event or the parser.
type line struct {
	facts  invocation.Line
	text   []byte // the text, or the object from brace to brace
	body   []byte // a text without the head of its runtime
	object bool
	emf    bool   // a metrics document of the function
	empty  bool   // an object without members
	has    keySet // which of our keys the object has

	headed   bool   // a runtime's head was taken apart
	headID   []byte // the request it names
	headTime []byte
	item     items.Item // the record of a batch that the line names; without an id: none

	time    []byte // the line's own time as it is written, without quotes; nil: none
	stamped bool   // the object has a time under any name
	observe bool   // its timestamp needs the platform's time beside it
	message []byte // a message under another name: a JSON string
	failure failure
	title   []byte // the text, where it may begin an error of Java's client
}

// parser takes lines apart. It keeps the memory for the next one.
type parser struct {
	line  line
	clean []byte // the text, made valid or put on one line
	name  []byte // a member name whose escapes are undone
	head  []byte // the start of a text without its colours
	trace []byte // a traceback with its line breaks
	inner []byte // a text that the platform wrapped
}

// parse returns what the event's line is and says. The result is valid until
// the next call.
func (p *parser) parse(ev *telemetry.Event) *line {
	p.line = line{text: ev.Line}
	p.read(ev.Object)
	if ev.Kind == telemetry.KindFault {
		p.line.facts.Level = max(p.line.facts.Level, levelError)
	}
	return &p.line
}

func (p *parser) read(checked bool) {
	l := &p.line
	if obj := innerObject(l.text); obj != nil && p.readObject(obj, checked) {
		p.unwrap()
		return
	}
	p.parseText()
	if !l.headed {
		return
	}
	if obj := innerObject(l.body); obj != nil {
		head := *l
		*l = line{text: head.text, headed: true, headID: head.headID, headTime: head.headTime}
		if !p.readObject(obj, false) {
			*l = head
		} else if l.facts.Level == levelUnknown {
			l.facts.Level = head.facts.Level
		}
	}
}

// unwrap makes a text again of one that the platform put into an object, as it
// does in the JSON log format with what is none. INFO is its word and not the
// function's: a text that says another level is a line of that level.
func (p *parser) unwrap() {
	l := &p.line
	at, text := wrapped(l.text)
	if text == nil || l.facts.Level != levelInfo {
		return
	}
	object := *l
	p.inner = jsonbytes.Unescape(append(p.inner[:0], text...))
	*l = line{text: p.inner}
	p.parseText()
	if l.facts.Level == levelUnknown || l.facts.Level == levelInfo {
		*l = object
	} else if l.time == nil {
		l.time = at
	}
}

// readObject reads the text as an object and reports whether it is one. What
// the decoder hands out as an object it has checked whole,
// all but its UTF-8; a text was checked by nobody.
//
// Three things pass that are the function's own: duplicate names, halves of
// surrogate pairs as escapes, which JavaScript writes when it cuts a string,
// and NaN and Infinity, which Python writes. Bytes that are not UTF-8 are
// replaced.
func (p *parser) readObject(obj []byte, checked bool) bool {
	clean := utf8.Valid(obj) && bytes.IndexByte(obj, '\n') < 0 && bytes.IndexByte(obj, '\r') < 0
	if !checked {
		if clean && p.checkObject(obj) {
			return true
		}
		if !jsonbytes.Valid(obj) && !p.isLoose(obj) {
			return false
		}
	}
	if !clean {
		if !utf8.Valid(obj) {
			p.clean = appendValid(p.clean[:0], obj)
			obj = p.clean
		}
		if bytes.IndexByte(obj, '\n') >= 0 || bytes.IndexByte(obj, '\r') >= 0 {
			obj = p.oneLine(obj)
		}
	}
	p.line.text, p.line.object = obj, true
	p.parseObject()
	return true
}

// isLoose reports whether the object is valid but for NaN and Infinity.
func (p *parser) isLoose(obj []byte) bool {
	if !bytes.Contains(obj, []byte("NaN")) && !bytes.Contains(obj, []byte("Infinity")) {
		return false
	}
	p.clean = append(p.clean[:0], obj...)
	return jsonbytes.Valid(jsonbytes.ReplaceNonFinite(p.clean))
}

// oneLine puts a valid object on one line: a raw line break in it is white
// space between tokens.
func (p *parser) oneLine(obj []byte) []byte {
	if len(p.clean) == 0 || &obj[0] != &p.clean[0] {
		p.clean = append(p.clean[:0], obj...)
	}
	for i, c := range p.clean {
		if c == '\n' || c == '\r' {
			p.clean[i] = ' '
		}
	}
	return p.clean
}

// appendValid appends text with every byte that is not UTF-8 replaced.
func appendValid(dst, text []byte) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		dst = utf8.AppendRune(dst, r)
		text = text[n:]
	}
	return dst
}
