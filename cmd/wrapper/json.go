package main

import (
	"strings"
	"unicode/utf8"
)

// answer is what the extension says.
type answer struct {
	proxy   bool
	address string // of the proxy, host:port
	values  []pair
	failed  []failure

	socket, nonce string // where the log descriptors are handed over; empty: nowhere
}

// failure is one variable that could not be read.
type failure struct{ name, ref, code, cure string }

func (a *answer) names(variable string) bool {
	for _, f := range a.failed {
		if f.name == variable {
			return true
		}
	}
	return false
}

func parseAnswer(text string) (a answer, err error) {
	p := parser{rest: text}
	seen := false
	p.object(func(key string) {
		switch key {
		case "proxy":
			a.proxy, seen = p.boolean(), true
		case "address":
			a.address = p.text()
		case "env":
			p.object(func(name string) { a.values = append(a.values, pair{name, p.text()}) })
		case "env_error":
			p.array(func() {
				var f failure
				p.texts(wanted{"name", &f.name}, wanted{"ref", &f.ref}, wanted{"code", &f.code}, wanted{"cure", &f.cure})
				a.failed = append(a.failed, f)
			})
		case "logs":
			p.texts(wanted{"socket", &a.socket}, wanted{"nonce", &a.nonce})
		default:
			p.skip(0)
		}
	})
	port, isLoopback := strings.CutPrefix(a.address, "127.0.0.1:")
	_, isNumber := number(port)
	if p.bad || !seen || a.proxy && !(isLoopback && isNumber) {
		return answer{}, errForm
	}
	return a, nil
}

// refusal is the extension's reason, if it gives one.
func refusal(text string) (reason string) {
	p := parser{rest: text}
	p.texts(wanted{"errorMessage", &reason})
	if p.bad || reason == "" || len(reason) > 300 {
		return ""
	}
	return ": " + reason
}

// parser reads JSON of a known form. After an error every method returns
// nothing.
type parser struct {
	rest string
	bad  bool
}

// next skips white space and takes c, if it comes next.
func (p *parser) next(c byte) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.bad || p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) want(c byte) bool {
	if !p.next(c) {
		p.bad = true
	}
	return !p.bad
}

func (p *parser) object(value func(key string)) {
	if !p.want('{') || p.next('}') {
		return
	}
	for {
		key := p.text()
		if !p.want(':') {
			return
		}
		value(key)
		if !p.next(',') {
			p.want('}')
			return
		}
	}
}

// wanted is a member of an object that is a string.
type wanted struct {
	name string
	into *string
}

// texts reads an object of which these members are wanted.
func (p *parser) texts(members ...wanted) {
	p.object(func(key string) {
		for _, m := range members {
			if m.name == key {
				*m.into = p.text()
				return
			}
		}
		p.skip(0)
	})
}

func (p *parser) array(value func()) {
	if !p.want('[') || p.next(']') {
		return
	}
	for {
		value()
		if p.bad || !p.next(',') {
			p.want(']')
			return
		}
	}
}

func (p *parser) boolean() bool {
	yes := p.word("true")
	if !yes && !p.word("false") {
		p.bad = true
	}
	return yes
}

func (p *parser) word(w string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	after, ok := strings.CutPrefix(p.rest, w)
	if ok {
		p.rest = after
	}
	return ok
}

// skip passes over a value that a later version of the extension may add.
func (p *parser) skip(depth int) {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	switch {
	case p.bad || p.rest == "" || depth > 32:
		p.bad = true
	case p.rest[0] == '"':
		p.text()
	case p.rest[0] == '{':
		p.object(func(string) { p.skip(depth + 1) })
	case p.rest[0] == '[':
		p.array(func() { p.skip(depth + 1) })
	default:
		end := strings.IndexAny(p.rest, ",}] \t\r\n")
		if end <= 0 {
			p.bad = true
			return
		}
		p.rest = p.rest[end:]
	}
}

// text reads a string.
func (p *parser) text() string {
	if !p.want('"') {
		return ""
	}
	var b strings.Builder
	for {
		i := strings.IndexAny(p.rest, `"\`)
		if i < 0 {
			p.bad = true
			return ""
		}
		b.WriteString(p.rest[:i])
		quote := p.rest[i] == '"'
		p.rest = p.rest[i+1:]
		if quote {
			return b.String()
		}
		p.escape(&b)
		if p.bad {
			return ""
		}
	}
}

func (p *parser) escape(b *strings.Builder) {
	if p.rest == "" {
		p.bad = true
		return
	}
	c := p.rest[0]
	p.rest = p.rest[1:]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
		return
	}
	if c != 'u' {
		p.bad = true
		return
	}
	r := p.hex()
	if r >= 0xd800 && r < 0xdc00 && strings.HasPrefix(p.rest, `\u`) {
		p.rest = p.rest[2:]
		if low := p.hex(); low >= 0xdc00 && low < 0xe000 {
			r = 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
		} else {
			p.bad = true
		}
	}
	if r >= 0xd800 && r < 0xe000 {
		p.bad = true // half a character is none
	}
	b.WriteRune(r)
}

func (p *parser) hex() (r rune) {
	if len(p.rest) < 4 {
		p.bad = true
		return 0
	}
	for _, c := range []byte(p.rest[:4]) {
		i := strings.IndexByte("0123456789abcdef", c|0x20)
		if i < 0 {
			p.bad = true
		}
		r = r<<4 | rune(max(i, 0))
	}
	p.rest = p.rest[4:]
	return r
}

// member writes "key":"value" and the comma before it.
func member(b *strings.Builder, key, value string) {
	comma(b)
	quote(b, key)
	b.WriteByte(':')
	quote(b, value)
}

func comma(b *strings.Builder) {
	if s := b.String(); s[len(s)-1] != '{' && s[len(s)-1] != '[' {
		b.WriteByte(',')
	}
}

func quote(b *strings.Builder, s string) {
	const hex = "0123456789abcdef"
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			b.WriteString(`\u00`)
			b.WriteByte(hex[r>>4])
			b.WriteByte(hex[r&15])
		case r == utf8.RuneError:
			b.WriteString(`\ufffd`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
