package jmes

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tEOF tokenKind = iota
	tName
	tQuotedName
	tLiteral
	tNumber
	tDot
	tStar
	tComma
	tColon
	tCurrent
	tExpref
	tLBracket
	tRBracket
	tFlatten
	tFilter
	tLBrace
	tRBrace
	tLParen
	tRParen
	tPipe
	tOr
	tAnd
	tNot
	tEQ
	tNE
	tLT
	tLE
	tGT
	tGE
)

type token struct {
	kind  tokenKind
	pos   int
	text  string // of a name
	num   int
	value Value // of a literal
}

type lexer struct {
	text string
	pos  int
}

func (l *lexer) fail(pos int, msg string) error { return &SyntaxError{Pos: pos, Msg: msg} }

var oneByte = [...]tokenKind{
	'.': tDot, '*': tStar, ',': tComma, ':': tColon, '@': tCurrent, ']': tRBracket,
	'{': tLBrace, '}': tRBrace, '(': tLParen, ')': tRParen,
}

// twoBytes are the tokens whose first byte may stand alone.
var twoBytes = []struct {
	first, second byte
	alone, both   tokenKind
}{
	{'|', '|', tPipe, tOr}, {'&', '&', tExpref, tAnd}, {'!', '=', tNot, tNE},
	{'<', '=', tLT, tLE}, {'>', '=', tGT, tGE}, {'[', ']', tLBracket, tFlatten},
}

func (l *lexer) next() (token, error) {
	for l.pos < len(l.text) && strings.IndexByte(" \t\n\r", l.text[l.pos]) >= 0 {
		l.pos++
	}
	t := token{pos: l.pos}
	if l.pos == len(l.text) {
		return t, nil
	}
	c := l.text[l.pos]
	if int(c) < len(oneByte) && oneByte[c] != tEOF {
		l.pos++
		t.kind = oneByte[c]
		return t, nil
	}
	for _, two := range twoBytes {
		if c == two.first {
			l.pos++
			t.kind = two.alone
			if l.at(two.second) {
				t.kind = two.both
			} else if c == '[' && l.at('?') {
				t.kind = tFilter
			}
			return t, nil
		}
	}
	switch {
	case c == '=':
		if l.pos++; !l.at('=') {
			return t, l.fail(t.pos, "a single =; == compares")
		}
		t.kind = tEQ
	case c == '"':
		return l.quotedName(t)
	case c == '\'':
		return l.rawString(t)
	case c == '`':
		return l.literal(t)
	case c == '-' || isDigit(c):
		return l.number(t)
	case c == '_' || isLetter(c):
		for l.pos < len(l.text) && (l.text[l.pos] == '_' || isLetter(l.text[l.pos]) || isDigit(l.text[l.pos])) {
			l.pos++
		}
		t.kind, t.text = tName, l.text[t.pos:l.pos]
	default:
		r, _ := utf8.DecodeRuneInString(l.text[l.pos:])
		return t, l.fail(t.pos, "unexpected character "+strconv.QuoteRune(r))
	}
	return t, nil
}

// at takes the next byte if it is c.
func (l *lexer) at(c byte) bool {
	if l.pos < len(l.text) && l.text[l.pos] == c {
		l.pos++
		return true
	}
	return false
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func (l *lexer) number(t token) (token, error) {
	for l.pos++; l.pos < len(l.text) && isDigit(l.text[l.pos]); l.pos++ {
	}
	n, err := strconv.Atoi(l.text[t.pos:l.pos])
	if err != nil {
		return t, l.fail(t.pos, "not an index: "+l.text[t.pos:l.pos])
	}
	t.kind, t.num = tNumber, n
	return t, nil
}

// until returns the text up to the closing delimiter, escapes as they are.
func (l *lexer) until(delimiter byte, t token) (string, error) {
	start := l.pos + 1
	for i := start; i < len(l.text); i++ {
		switch l.text[i] {
		case '\\':
			i++
		case delimiter:
			l.pos = i + 1
			return l.text[start:i], nil
		}
	}
	return "", l.fail(t.pos, "no closing "+string(delimiter))
}

func (l *lexer) quotedName(t token) (token, error) {
	inner, err := l.until('"', t)
	if err != nil {
		return t, err
	}
	quoted := []byte(l.text[t.pos:l.pos])
	if !utf8.ValidString(inner) || !json.Valid(quoted) {
		return t, l.fail(t.pos, "not a JSON string: "+string(quoted))
	}
	t.kind, t.text = tQuotedName, Unquote(quoted)
	return t, nil
}

func (l *lexer) rawString(t token) (token, error) {
	inner, err := l.until('\'', t)
	if err != nil {
		return t, err
	}
	if !utf8.ValidString(inner) {
		return t, l.fail(t.pos, "not UTF-8")
	}
	t.kind, t.value = tLiteral, Text(strings.ReplaceAll(inner, `\'`, `'`))
	return t, nil
}

// literal reads JSON between backticks. What is no JSON is the text of a
// string, as the first edition of the specification had it and Python's
// library still takes it.
func (l *lexer) literal(t token) (token, error) {
	inner, err := l.until('`', t)
	if err != nil {
		return t, err
	}
	inner = strings.TrimLeft(strings.ReplaceAll(inner, "\\`", "`"), " \t\r\n")
	t.kind = tLiteral
	if t.value, err = Parse([]byte(inner)); err == nil {
		return t, nil
	}
	if t.value, err = Parse([]byte(`"` + inner + `"`)); err != nil {
		return t, l.fail(t.pos, "not JSON between the backticks")
	}
	return t, nil
}
