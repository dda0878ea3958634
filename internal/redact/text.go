package redact

import (
	"bytes"

	"powertools-extension/internal/jsonbytes"
)

// settings finds the values of keys in a text that is no JSON document: the
// rest of a document behind a prefix or one that was cut, what languages print
// of their objects, and pairs of name and value. It looks for the colon or
// equals sign and from there at both sides.
func (r *Redactor) settings(text []byte) {
	seps := separators{text: text, colon: -1, equals: -1}
	for i := 0; ; {
		sep := seps.next(i)
		if sep == len(text) {
			return
		}
		i = sep + 1
		name, quote := r.nameBefore(text, sep)
		if !r.rules.isKey(name) {
			continue
		}
		if from, to := valueAfter(text, sep+1, quote); from < to {
			if _, quoted := opening(text[from:to]); !quoted {
				to = headerEnd(text, name, text[sep], from, to)
			}
			i = max(i, r.setting(text, from, to, quote))
		}
	}
}

// separators finds one ':' or '=' after another. It remembers where the next
// one of either kind is, so that a text of one kind alone is not searched for
// the other again and again.
type separators struct {
	text          []byte
	colon, equals int // place of the next one; in front of the search: not known
}

// next returns the first separator at or behind i, the text's length if there
// is none.
func (s *separators) next(i int) int {
	s.colon = s.seek(s.colon, i, ':')
	s.equals = s.seek(s.equals, i, '=')
	return min(s.colon, s.equals)
}

func (s *separators) seek(known, i int, c byte) int {
	if known >= i {
		return known
	}
	if n := bytes.IndexByte(s.text[i:], c); n >= 0 {
		return i + n
	}
	return len(s.text)
}

// quote is how a name or a value opens: a quote sign with some backslashes in
// front, if the text was quoted itself.
type quote struct {
	ch    byte // ' or "; 0: none
	slash int
}

// nameBefore returns the name that ends in front of the separator, nil if
// there is none.
func (r *Redactor) nameBefore(text []byte, sep int) ([]byte, quote) {
	end := spaceBefore(text, sep)
	if end == 0 {
		return nil, quote{}
	}
	ch := text[end-1]
	if ch != '"' && ch != '\'' {
		if bytes.IndexByte(text[end:sep], '\n') >= 0 {
			return nil, quote{}
		}
		begin := end
		for begin > 0 && end-begin <= r.rules.longest && isNameByte(text[begin-1]) {
			begin--
		}
		return text[begin:end], quote{}
	}
	end--
	q := quote{ch: ch, slash: slashesBefore(text, end)}
	end -= q.slash
	begin := max(0, end-6*r.rules.longest-1) // each byte may be an escape
	open := bytes.LastIndexByte(text[begin:end], ch)
	if open < 0 {
		return nil, q
	}
	name := text[begin+open+1 : end]
	if q.slash == 0 && bytes.IndexByte(name, '\\') >= 0 && jsonbytes.Valid(text[begin+open:end+1]) {
		name = r.unescapeName(name)
	}
	return name, q
}

// spaceBefore returns where the white space in front of the separator begins.
// In a text that was quoted, that may be escapes behind a quote.
func spaceBefore(text []byte, sep int) int {
	end := sep
	for end > 0 {
		c := text[end-1]
		if jsonbytes.IsSpace(c) {
			end--
			continue
		}
		n := 0
		if isSpaceLetter(c) {
			n = slashesBefore(text, end-1)
		}
		if n == 0 {
			break
		}
		end -= n + 1
	}
	return end
}

func isNameByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '$' || c >= 0x80
}

func slashesBefore(text []byte, i int) int {
	n := 0
	for n < i && text[i-1-n] == '\\' {
		n++
	}
	return n
}

// setting takes out a value and returns where to go on. A string keeps its
// quotes; in JSON anything else becomes a string.
func (r *Redactor) setting(text []byte, from, to int, name quote) int {
	if q, ok := opening(text[from:to]); ok {
		from += q.slash + 1
		if end := closing(text[:to], from, q); end < to {
			to = end
		}
		name = quote{}
	}
	with := marker
	switch {
	case name.ch == 0:
	case name.slash == 0:
		with = string(name.ch) + marker + string(name.ch)
	case name.slash == 1:
		with = `\` + string(name.ch) + marker + `\` + string(name.ch)
	}
	if from < to && string(text[from:to]) != marker {
		r.add(from, to, with)
	}
	return to
}
