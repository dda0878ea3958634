package variants

import (
	"hash/fnv"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// matcher is a compiled pattern.
type matcher interface{ MatchString(string) bool }

// compile reads one rule.
func compile(rule string) (*node, *RuleError) {
	p := &parser{src: rule}
	n, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(p.src) {
		return nil, fault(p.pos, "there is more behind the rule")
	}
	return n, n.check()
}

// check wants of a call that it is one of the documented language, and
// prepares it.
func (n *node) check() *RuleError {
	if n.kind == boolean {
		return nil
	}
	if n.kind != call || len(n.items) == 0 || n.items[0].kind != symbol {
		return fault(n.pos, "want an expression such as (eq $country \"DK\")")
	}
	n.word, n.items = n.items[0].word, n.items[1:]
	switch count := len(n.items); n.word {
	case "and", "or":
		if count < 1 {
			return fault(n.pos, n.word+" needs expressions")
		}
	case "not":
		if count != 1 {
			return fault(n.pos, "not takes one expression")
		}
	case "eq", "gt", "gte", "lt", "lte", "begins_with", "ends_with", "contains":
		if count != 2 {
			return fault(n.pos, n.word+" takes two operands")
		}
		return operands(n.items)
	case "in":
		if count != 2 || n.items[1].kind != list {
			return fault(n.pos, "in takes an operand and a list")
		}
		if err := operands(n.items[:1]); err != nil {
			return err
		}
		return operands(n.items[1].items)
	case "matches":
		return n.checkMatches()
	case "exists":
		if key := n.labelled("key", 0); key == nil || key.kind != text && key.kind != symbol || count != 1 {
			return fault(n.pos, "exists takes key::\"name\"")
		}
		return nil
	case "split":
		return n.checkSplit()
	default:
		return fault(n.pos, "there is no operator "+strconv.QuoteToASCII(n.word))
	}
	for _, item := range n.items {
		if err := item.check(); err != nil {
			return err
		}
	}
	return nil
}

// operands wants constants and keys of the context.
func operands(of []*node) *RuleError {
	for _, item := range of {
		if item.kind == call || item.kind == list || item.kind == symbol && !strings.HasPrefix(item.word, "$") {
			return fault(item.pos, "want a constant or a key of the context, such as $country")
		}
	}
	return nil
}

func (n *node) checkMatches() *RuleError {
	in, pattern := n.labelled("in", 0), n.labelled("pattern", 1)
	if in == nil || pattern == nil || pattern.kind != text || len(n.items) != 2 {
		return fault(n.pos, "matches takes in::$key and pattern::\"…\"")
	}
	compiled, err := regexp.Compile(pattern.word)
	if err != nil {
		return fault(pattern.pos, "the pattern is no RE2 expression")
	}
	n.match = compiled
	return operands([]*node{in})
}

func (n *node) checkSplit() *RuleError {
	pct := n.labelled("pct", 1)
	if pct == nil || pct.kind != number || pct.num < 0 || pct.num > 100 {
		return fault(n.pos, "split needs pct:: from 0 to 100")
	}
	if n.labelled("by", 0) == nil {
		return fault(n.pos, "split needs by::$key")
	}
	if err := operands(n.items); err != nil {
		return err
	}
	if seed := n.labelled("seed", -1); seed != nil && seed.kind != text {
		return fault(seed.pos, "seed:: takes a text")
	}
	return nil
}

// labelled is the operand of a name, else the one at a place if that has none.
func (n *node) labelled(name string, place int) *node {
	for _, item := range n.items {
		if item.label == name {
			return item
		}
	}
	if place >= 0 && place < len(n.items) && n.items[place].label == "" {
		return n.items[place]
	}
	return nil
}

// true evaluates a rule. What cannot be compared is false.
func (n *node) true(c Context, flag string) bool {
	switch n.word {
	case "true":
		return n.kind == boolean
	case "and":
		return !slices.ContainsFunc(n.items, func(e *node) bool { return !e.true(c, flag) })
	case "or":
		return slices.ContainsFunc(n.items, func(e *node) bool { return e.true(c, flag) })
	case "not":
		return !n.items[0].true(c, flag)
	case "exists":
		_, ok := c[strings.TrimPrefix(n.labelled("key", 0).word, "$")]
		return ok
	case "split":
		return n.split(c, flag)
	case "matches":
		s, ok := n.labelled("in", 0).read(c)
		return ok && n.match.MatchString(s)
	case "in":
		return slices.ContainsFunc(n.items[1].items, func(one *node) bool { return compare(n.items[0], one, c) == equal })
	case "begins_with", "ends_with", "contains":
		a, okA := n.items[0].read(c)
		b, okB := n.items[1].read(c)
		return okA && okB && textual(n.word, a, b)
	}
	return ordered(n.word, compare(n.items[0], n.items[1], c))
}

func textual(op, a, b string) bool {
	switch op {
	case "begins_with":
		return strings.HasPrefix(a, b)
	case "ends_with":
		return strings.HasSuffix(a, b)
	}
	return strings.Contains(a, b)
}

// order is how two operands stand to each other.
type order int

const (
	unlike order = iota // they cannot be compared
	less
	equal
	greater
)

func ordered(op string, o order) bool {
	switch op {
	case "eq":
		return o == equal
	case "gt":
		return o == greater
	case "gte":
		return o == greater || o == equal
	case "lt":
		return o == less
	case "lte":
		return o == less || o == equal
	}
	return false
}

// read is an operand as text, false if the context does not have it.
func (n *node) read(c Context) (string, bool) {
	if n.kind == symbol {
		s, ok := c[strings.TrimPrefix(n.word, "$")]
		return s, ok
	}
	return n.word, true
}

// compare reads both as what the constant among them is.
func compare(a, b *node, c Context) order {
	as := b.kind
	if b.kind == symbol {
		as = a.kind
	}
	x, okX := a.read(c)
	y, okY := b.read(c)
	if !okX || !okY {
		return unlike
	}
	switch as {
	case number:
		return byNumber(x, y)
	case moment:
		return byTime(x, y)
	case boolean, text:
		return rank(strings.Compare(x, y))
	}
	// Two keys of the context: as numbers if both are.
	if o := byNumber(x, y); o != unlike {
		return o
	}
	return rank(strings.Compare(x, y))
}

func rank(c int) order { return equal + order(c) }

// byNumber compares whole numbers exactly, and others as the 64 bits that the
// language has.
func byNumber(x, y string) order {
	i, errI := strconv.ParseInt(x, 10, 64)
	j, errJ := strconv.ParseInt(y, 10, 64)
	if errI == nil && errJ == nil {
		switch {
		case i < j:
			return less
		case i > j:
			return greater
		}
		return equal
	}
	f, okF := parseNumber(x)
	g, okG := parseNumber(y)
	switch {
	case !okF || !okG:
		return unlike
	case f < g:
		return less
	case f > g:
		return greater
	}
	return equal
}

// parseNumber reads digits: a context that says inf or 0x1p9 has no number for
// an age.
func parseNumber(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && strings.Trim(s, "0123456789.eE+-") == ""
}

// span is a moment: where it begins.
type span struct{ at time.Time }

func byTime(x, y string) order {
	a, okA := parseMoment(x)
	b, okB := parseMoment(y)
	if !okA || !okB {
		return unlike
	}
	return rank(a.at.Compare(b.at))
}

// parseMoment reads the forms of W3C's note on date and time, and Ion's, which
// has a T behind a date. Without an offset it is UTC.
func parseMoment(s string) (span, bool) {
	if len(s) < 7 {
		return span{}, false
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01-02T", "2006-01", "2006-01T"} {
		if at, err := time.Parse(layout, s); err == nil {
			return span{at}, true
		}
	}
	return span{}, false
}

// split is true for a share of the values that a key of the context has, for
// the same ones each time. AppConfig does not publish its hash; this one is
// 32 bits of FNV-1a over the values and the seed, in steps of a thousandth of
// a percent.
func (n *node) split(c Context, flag string) bool {
	seed := flag
	if s := n.labelled("seed", -1); s != nil {
		seed = s.word
	}
	h := fnv.New32a()
	for i, item := range n.items {
		if item.label != "by" && (item.label != "" || i != 0) {
			continue
		}
		value, ok := item.read(c)
		if !ok {
			return false
		}
		_, _ = h.Write([]byte(value))
	}
	_, _ = h.Write([]byte(seed))
	return float64(h.Sum32()%100_000) < n.labelled("pct", 1).num*1000
}
