package variants

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"powertools-extension/internal/jmes"
)

// kind is what a part of a rule is.
type kind uint8

const (
	call    kind = iota // (op …)
	list                // […]
	text                // "…" or '''…'''
	number              // 42, 3.14
	moment              // 2024-01, 2012-03-04T05:06:07Z
	boolean             // true, false
	symbol              // $key, or a word
)

// node is one part of a rule, or of Ion text.
type node struct {
	kind  kind
	label string // in front of ::
	word  string // of a symbol: its name; of a call: the operator; of a text: the text
	num   float64
	time  span
	items []*node
	match matcher // of a call of matches
	pos   int
}

// Bounds of a document.
const (
	maxDepth = 64
	maxNodes = 100_000
)

// parser reads the part of Ion's text form that rules and flags are written
// in.
type parser struct {
	src   string
	pos   int
	depth int
	nodes int
}

// fault says what is wrong; its flag and variant are filled in by who knows
// them.
func fault(pos int, msg string) *RuleError { return &RuleError{Pos: pos, Msg: msg} }

func (p *parser) space() {
	for p.pos < len(p.src) {
		rest := p.src[p.pos:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			p.pos++
		case strings.HasPrefix(rest, "//"):
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				p.pos += end
			} else {
				p.pos = len(p.src)
			}
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest, "*/")
			if end < 0 {
				p.pos = len(p.src)
				return
			}
			p.pos += end + 2
		default:
			return
		}
	}
}

// value reads one part with the labels in front of it, of which the last
// counts.
func (p *parser) value() (*node, *RuleError) {
	if p.nodes++; p.nodes > maxNodes || p.depth > maxDepth {
		return nil, fault(p.pos, "it is too large, or nested more than 64 levels")
	}
	p.space()
	start := p.pos
	n, err := p.plain()
	if err != nil {
		return nil, err
	}
	n.pos = start
	at := p.pos
	p.space()
	if n.kind == symbol && strings.HasPrefix(p.src[p.pos:], "::") {
		p.pos += 2
		labelled, err := p.value()
		if err != nil {
			return nil, err
		}
		if labelled.label == "" {
			labelled.label = n.word
		}
		return labelled, nil
	}
	p.pos = at
	return n, nil
}

func (p *parser) plain() (*node, *RuleError) {
	if p.pos >= len(p.src) {
		return nil, fault(p.pos, "it ends too early")
	}
	switch rest := p.src[p.pos:]; {
	case rest[0] == '(':
		return p.sequence(call, ')')
	case rest[0] == '[':
		return p.sequence(list, ']')
	case rest[0] == '"':
		s, err := p.quoted(`"`)
		return &node{kind: text, word: s}, err
	case strings.HasPrefix(rest, "'''"):
		return p.longText()
	case rest[0] == '\'':
		s, err := p.quoted("'")
		return &node{kind: symbol, word: s}, err
	}
	return p.bare()
}

// longText joins the pieces of a text that stands between three quotes each.
func (p *parser) longText() (*node, *RuleError) {
	n := &node{kind: text}
	for strings.HasPrefix(p.src[p.pos:], "'''") {
		s, err := p.quoted("'''")
		if err != nil {
			return nil, err
		}
		n.word += s
		at := p.pos
		if p.space(); !strings.HasPrefix(p.src[p.pos:], "'''") {
			p.pos = at
		}
	}
	return n, nil
}

func (p *parser) sequence(k kind, closing byte) (*node, *RuleError) {
	n := &node{kind: k}
	p.pos++
	p.depth++
	defer func() { p.depth-- }()
	for {
		p.space()
		for p.pos < len(p.src) && p.src[p.pos] == ',' && k == list {
			p.pos++
			p.space()
		}
		if p.pos < len(p.src) && p.src[p.pos] == closing {
			p.pos++
			return n, nil
		}
		item, err := p.value()
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
}

// quoted reads up to the closing quote, with Ion's escapes.
func (p *parser) quoted(quote string) (string, *RuleError) {
	start := p.pos
	var b strings.Builder
	for i := p.pos + len(quote); i < len(p.src); {
		switch c := p.src[i]; {
		case strings.HasPrefix(p.src[i:], quote):
			p.pos = i + len(quote)
			if !utf8.ValidString(b.String()) {
				return "", fault(start, "a text is not UTF-8")
			}
			return b.String(), nil
		case c == '\\':
			r, n := escape(p.src[i+1:])
			if n == 0 {
				return "", fault(i, "an escape that is none")
			}
			if r >= 0 {
				b.WriteRune(r)
			}
			i += 1 + n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return "", fault(start, "a text has no end")
}

// escape reads what follows a backslash: the letter, and how many bytes it
// takes. Negative: nothing is meant, as at the end of a line.
func escape(s string) (r rune, n int) {
	if s == "" {
		return 0, 0
	}
	if i := strings.IndexByte(`abtnfrv"'?/\0`, s[0]); i >= 0 {
		return rune("\a\b\t\n\f\r\v\"'?/\\\x00"[i]), 1
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	switch {
	case s[0] == '\n':
		return -1, 1
	case digits == 0 || len(s) <= digits:
		return 0, 0
	}
	code, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	if err != nil || code > utf8.MaxRune {
		return 0, 0
	}
	return rune(code), 1 + digits
}

// bare reads a word, a number, a moment or a boolean.
func (p *parser) bare() (*node, *RuleError) {
	start := p.pos
	for p.pos < len(p.src) && strings.IndexByte(" \t\r\n\f\v()[]{}\"',", p.src[p.pos]) < 0 && !strings.HasPrefix(p.src[p.pos:], "::") {
		p.pos++
	}
	word := p.src[start:p.pos]
	switch {
	case word == "":
		return nil, fault(start, "an unexpected "+strconv.QuoteToASCII(p.src[start:start+1]))
	case word == "true", word == "false":
		return &node{kind: boolean, word: word}, nil
	}
	if word[0] >= '0' && word[0] <= '9' || word[0] == '-' || word[0] == '+' || word[0] == '.' {
		if f, ok := parseNumber(word); ok {
			return &node{kind: number, word: word, num: f}, nil
		}
		if at, ok := parseMoment(word); ok {
			return &node{kind: moment, word: word, time: at}, nil
		}
		return nil, fault(start, "neither a number nor a time")
	}
	return &node{kind: symbol, word: word}, nil
}

// readIon reads flags as Ion text: each is a value labelled with its key, a
// text if it is ready, else a list of [rule, text] and of the default's text.
func (f *Flags) readIon(doc string) error {
	p := &parser{src: doc}
	for {
		if p.space(); p.pos >= len(p.src) {
			break
		}
		n, err := p.value()
		if err != nil {
			return ErrNotFlags
		}
		if n.kind == symbol && n.word == "$ion_1_0" {
			continue
		}
		if n.label == "" {
			return ErrNotFlags
		}
		one := &flag{}
		switch n.kind {
		case text:
			if one.ready = compact(n.word); one.ready == nil {
				return ErrNotFlags
			}
		case list:
			one.readVariants(n)
		default:
			return ErrNotFlags
		}
		f.add(n.label, one)
	}
	if len(f.names) == 0 {
		return ErrNotFlags
	}
	return nil
}

func (one *flag) readVariants(n *node) {
	fail := func(at int, msg string) { one.bad = &RuleError{Flag: n.label, Pos: at, Msg: msg} }
	for _, item := range n.items {
		v, content := variant{}, item
		if item.kind == list && len(item.items) == 2 {
			v.rule, content = item.items[0], item.items[1]
			if err := v.rule.check(); err != nil {
				err.Flag, err.Variant = n.label, item.label
				one.bad = err
			}
		}
		if v.json = compact(content.word); content.kind != text || v.json == nil {
			fail(item.pos, "a variant must be [rule, text] or a text, and the text JSON")
			return
		}
		one.variants = append(one.variants, v)
	}
	one.check(n.label)
}

// compact is a text that is a JSON object, nil if it is none.
func compact(s string) []byte {
	v, err := jmes.Parse([]byte(s))
	if err != nil || v.Kind() != jmes.Object {
		return nil
	}
	return v.Append(nil)
}
