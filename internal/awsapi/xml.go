package awsapi

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errXML hides where and what: the answer holds credentials.
var errXML = errors.New("answer is not the XML this operation has")

// maxDepth is how deep elements may nest; STS needs four levels.
const maxDepth = 16

// eachText visits every element of an XML document that holds nothing but text,
// with the slash-separated names from the root to it and with the text. It
// reads what the Query protocol writes and no more: elements, attributes, which
// it skips, text and its escapes, comments and a declaration. encoding/xml would
// do, but for two small answers it is a lot to link. (Smithy, "AWS query
// protocol")
func eachText(doc []byte, visit func(path, text string)) error {
	p := xmlReader{rest: bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf")), visit: visit}
	if !utf8.Valid(doc) {
		return errXML
	}
	for len(p.rest) > 0 {
		if !p.step() {
			return errXML
		}
	}
	if len(p.open) > 0 || !p.rooted {
		return errXML
	}
	return nil
}

// xmlReader is the state of one eachText.
type xmlReader struct {
	rest   []byte
	visit  func(path, text string)
	open   []string // names of the elements around rest
	text   string   // since the last tag
	leaf   bool     // the innermost element has no child so far
	rooted bool     // the root element was there
}

// step reads one piece of text or one tag.
func (p *xmlReader) step() bool {
	if p.rest[0] != '<' {
		return p.chars()
	}
	for _, skip := range [...]struct{ begin, end string }{{"<?", "?>"}, {"<!--", "-->"}} {
		if after, ok := bytes.CutPrefix(p.rest, []byte(skip.begin)); ok {
			_, rest, found := bytes.Cut(after, []byte(skip.end))
			p.rest = rest
			return found
		}
	}
	if bytes.HasPrefix(p.rest, []byte("</")) {
		return p.endTag()
	}
	return p.startTag()
}

// chars reads up to the next tag. Outside of the root only space may stand.
func (p *xmlReader) chars() bool {
	end := bytes.IndexByte(p.rest, '<')
	if end < 0 {
		end = len(p.rest)
	}
	text, ok := unescape(string(p.rest[:end]))
	p.rest = p.rest[end:]
	p.text += text
	return ok && (len(p.open) > 0 || strings.Trim(text, " \t\r\n") == "")
}

func (p *xmlReader) startTag() bool {
	tag, ok := p.tag(1)
	tag, empty := strings.CutSuffix(tag, "/")
	name, _, _ := strings.Cut(strings.Map(spaces, tag), " ")
	if !ok || !isName(name) || len(p.open) == maxDepth || len(p.open) == 0 && p.rooted {
		return false
	}
	p.open, p.text, p.leaf, p.rooted = append(p.open, name), "", true, true
	if empty {
		p.close()
	}
	return true
}

func (p *xmlReader) endTag() bool {
	tag, ok := p.tag(2)
	if !ok || len(p.open) == 0 || strings.TrimRight(tag, " \t\r\n") != p.open[len(p.open)-1] {
		return false
	}
	p.close()
	return true
}

// close leaves the innermost element, and tells its text if that is all it has.
func (p *xmlReader) close() {
	if p.leaf {
		p.visit(strings.Join(p.open, "/"), p.text)
	}
	p.open, p.text, p.leaf = p.open[:len(p.open)-1], "", false
}

// tag reads up to the > that ends a tag; attributes may hold one in quotes.
func (p *xmlReader) tag(from int) (string, bool) {
	quote := byte(0)
	for i := from; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			return "", false
		case c == '>':
			tag := string(p.rest[from:i])
			p.rest = p.rest[i+1:]
			return tag, true
		}
	}
	return "", false
}

func spaces(r rune) rune {
	if r == '\t' || r == '\r' || r == '\n' {
		return ' '
	}
	return r
}

func isName(s string) bool {
	return s != "" && onlyOf(s, "_-.:") && strings.IndexByte("-.0123456789", s[0]) < 0
}

// unescape replaces the escapes of XML.
func unescape(s string) (string, bool) {
	before, rest, found := strings.Cut(s, "&")
	if !found {
		return s, true
	}
	var b strings.Builder
	for found {
		b.WriteString(before)
		var name string
		if name, rest, found = strings.Cut(rest, ";"); !found {
			return "", false
		}
		r, ok := entity(name)
		if !ok {
			return "", false
		}
		b.WriteRune(r)
		before, rest, found = strings.Cut(rest, "&")
	}
	b.WriteString(before)
	return b.String(), true
}

func entity(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, isNumber := strings.CutPrefix(name, "#")
	base := 10
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	return rune(n), isNumber && err == nil && utf8.ValidRune(rune(n))
}

// onlyOf tells whether s has letters, digits and what is in more.
func onlyOf(s, more string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(more, c) < 0 {
			return false
		}
	}
	return true
}
