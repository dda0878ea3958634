package jmes

// The grammar is read by binding powers: an operator takes the operand on its
// left if it binds more tightly than what stands there.

type op uint8

const (
	opCurrent op = iota
	opField      // name
	opLiteral    // value
	opIndex      // index
	opSlice      // slice
	opChain      // kids: each on the result of the one before
	opProject    // kids[0] gives a list, kids[1] each element's result
	opValues     // as opProject, over an object's values
	opFilter     // as opProject, kids[2] the condition
	opFlatten    // kids[0]
	opList       // kids
	opHash       // names, kids
	opOr         // kids[0], kids[1]
	opAnd
	opNot
	opCompare // token kind in cmp
	opCall    // function, kids
	opExpref  // kids[0], only as an argument
)

type node struct {
	op    op
	pos   int
	name  string
	value Value
	index int
	slice [3]*int
	names []string
	kids  []*node
	cmp   tokenKind
	fn    *function
}

// powers are the left binding powers of the specification's grammar.
var powers = [...]int{
	tPipe: 1, tOr: 2, tAnd: 3, tEQ: 5, tNE: 5, tLT: 5, tLE: 5, tGT: 5, tGE: 5,
	tFlatten: 9, tStar: 20, tFilter: 21, tDot: 40, tNot: 45, tLBrace: 50, tLBracket: 55, tLParen: 60,
}

// projectionEnd: tokens that bind less end the right side of a projection.
const projectionEnd = 10

type parser struct {
	lexer  lexer
	cur    token
	ahead  token
	depth  int
	failed error
}

func (p *parser) parse() (*node, error) {
	if len(p.lexer.text) > MaxExpression {
		return nil, &SyntaxError{Pos: MaxExpression, Msg: "longer than " + itoa(MaxExpression) + " bytes"}
	}
	p.advance()
	p.advance()
	if p.failed == nil && p.cur.kind == tEOF {
		return nil, &SyntaxError{Msg: "empty expression"}
	}
	root := p.expression(0)
	if p.failed == nil && p.cur.kind != tEOF {
		p.unexpected()
	}
	return root, p.failed
}

func (p *parser) advance() token {
	before := p.cur
	p.cur = p.ahead
	next, err := p.lexer.next()
	if err != nil {
		p.lexer.pos = len(p.lexer.text)
		next = token{pos: next.pos}
		p.fail(err)
	}
	p.ahead = next
	return before
}

// fail keeps the first error; what is parsed behind it does not matter.
func (p *parser) fail(err error) {
	if p.failed == nil {
		p.failed = err
	}
}

func (p *parser) failAt(pos int, msg string) { p.fail(&SyntaxError{Pos: pos, Msg: msg}) }

func (p *parser) unexpected() *node {
	if p.cur.kind == tEOF {
		p.failAt(p.cur.pos, "the expression ends too early")
	} else {
		p.failAt(p.cur.pos, "unexpected "+p.lexer.text[p.cur.pos:min(p.cur.pos+1, len(p.lexer.text))])
	}
	return &node{}
}

func (p *parser) match(kind tokenKind) {
	if p.cur.kind != kind {
		p.unexpected()
		return
	}
	p.advance()
}

func power(kind tokenKind) int {
	if int(kind) < len(powers) {
		return powers[kind]
	}
	return 0
}

func (p *parser) expression(right int) *node {
	if p.depth++; p.depth > maxNesting {
		p.failAt(p.cur.pos, "nested too deeply")
	}
	defer func() { p.depth-- }()
	if p.failed != nil {
		return &node{}
	}
	left := p.prefix()
	for p.failed == nil && right < power(p.cur.kind) {
		left = p.infix(left)
	}
	return left
}

// prefix reads what can begin an expression.
func (p *parser) prefix() *node {
	t := p.advance()
	switch t.kind {
	case tLiteral:
		return &node{op: opLiteral, value: t.value}
	case tName:
		return &node{op: opField, name: t.text, pos: t.pos}
	case tQuotedName:
		if p.cur.kind == tLParen {
			p.failAt(t.pos, "a function's name stands without quotes")
		}
		return &node{op: opField, name: t.text, pos: t.pos}
	case tCurrent:
		return &node{op: opCurrent}
	case tStar:
		if p.cur.kind == tRBracket {
			return &node{op: opValues, kids: []*node{{}, {}}}
		}
		return &node{op: opValues, kids: []*node{{}, p.projected(tStar)}}
	case tFilter:
		return p.filter(&node{})
	case tFlatten:
		return p.flatten(&node{})
	case tLBrace:
		return p.hash()
	case tLParen:
		inner := p.expression(0)
		p.match(tRParen)
		if inner.op == opField { // (name)(…) is no call
			return &node{op: opChain, kids: []*node{inner}}
		}
		return inner
	case tNot:
		return &node{op: opNot, kids: []*node{p.expression(power(tNot))}}
	case tLBracket:
		switch {
		case p.cur.kind == tNumber || p.cur.kind == tColon:
			return p.indexed(&node{})
		case p.cur.kind == tStar && p.ahead.kind == tRBracket:
			p.advance()
			p.advance()
			return &node{op: opProject, kids: []*node{{}, p.projected(tStar)}}
		}
		return p.list()
	}
	p.cur, p.ahead = t, p.cur
	return p.unexpected()
}

// infix reads what continues an expression.
func (p *parser) infix(left *node) *node {
	t := p.advance()
	switch t.kind {
	case tDot:
		if p.cur.kind == tStar {
			p.advance()
			return &node{op: opValues, kids: []*node{left, p.projected(tDot)}}
		}
		return chain(left, p.dotted(tDot))
	case tPipe:
		return &node{op: opChain, kids: []*node{left, p.expression(power(tPipe))}}
	case tOr:
		return &node{op: opOr, kids: []*node{left, p.expression(power(tOr))}}
	case tAnd:
		return &node{op: opAnd, kids: []*node{left, p.expression(power(tAnd))}}
	case tEQ, tNE, tLT, tLE, tGT, tGE:
		return &node{op: opCompare, cmp: t.kind, kids: []*node{left, p.expression(power(t.kind))}}
	case tLParen:
		return p.call(left, t)
	case tFilter:
		return p.filter(left)
	case tFlatten:
		return p.flatten(left)
	case tLBracket:
		if p.cur.kind == tNumber || p.cur.kind == tColon {
			return p.indexed(left)
		}
		p.match(tStar)
		p.match(tRBracket)
		return &node{op: opProject, kids: []*node{left, p.projected(tStar)}}
	}
	p.cur, p.ahead = t, p.cur
	return p.unexpected()
}

func chain(left, right *node) *node {
	if left.op == opCurrent {
		return right
	}
	return &node{op: opChain, kids: []*node{left, right}}
}

func (p *parser) filter(left *node) *node {
	condition := p.expression(0)
	p.match(tRBracket)
	right := &node{}
	if p.cur.kind != tFlatten {
		right = p.projected(tFilter)
	}
	return &node{op: opFilter, kids: []*node{left, right, condition}}
}

func (p *parser) flatten(left *node) *node {
	flat := &node{op: opFlatten, kids: []*node{left}}
	return &node{op: opProject, kids: []*node{flat, p.projected(tFlatten)}}
}

// projected reads what is applied to each element of a projection.
func (p *parser) projected(of tokenKind) *node {
	switch {
	case power(p.cur.kind) < projectionEnd:
		return &node{}
	case p.cur.kind == tLBracket || p.cur.kind == tFilter:
		return p.expression(power(of))
	case p.cur.kind == tDot:
		p.advance()
		return p.dotted(of)
	}
	return p.unexpected()
}

// dotted reads what may stand behind a dot.
func (p *parser) dotted(of tokenKind) *node {
	switch p.cur.kind {
	case tName, tQuotedName, tStar:
		return p.expression(power(of))
	case tLBracket:
		p.advance()
		return p.list()
	case tLBrace:
		p.advance()
		return p.hash()
	}
	return p.unexpected()
}

// indexed reads an index or a slice up to its bracket.
func (p *parser) indexed(left *node) *node {
	if p.cur.kind == tNumber && p.ahead.kind != tColon {
		n := p.advance()
		p.match(tRBracket)
		return chain(left, &node{op: opIndex, index: n.num})
	}
	s := &node{op: opSlice, pos: p.cur.pos}
	part := 0
	for p.failed == nil && p.cur.kind != tRBracket {
		switch {
		case p.cur.kind == tColon && part < 2:
			part++
		case p.cur.kind == tNumber && s.slice[part] == nil:
			n := p.cur.num
			s.slice[part] = &n
		default:
			return p.unexpected()
		}
		p.advance()
	}
	p.match(tRBracket)
	if s.slice[2] != nil && *s.slice[2] == 0 {
		p.failAt(s.pos, "the step of a slice may not be 0")
	}
	return &node{op: opProject, kids: []*node{chain(left, s), p.projected(tStar)}}
}

func (p *parser) list() *node {
	n := &node{op: opList}
	for p.failed == nil {
		n.kids = append(n.kids, p.expression(0))
		if p.cur.kind == tRBracket {
			break
		}
		p.match(tComma)
	}
	p.match(tRBracket)
	return n
}

func (p *parser) hash() *node {
	n := &node{op: opHash}
	for p.failed == nil {
		if p.cur.kind != tName && p.cur.kind != tQuotedName {
			return p.unexpected()
		}
		n.names = append(n.names, p.advance().text)
		p.match(tColon)
		n.kids = append(n.kids, p.expression(0))
		if p.cur.kind == tRBrace {
			break
		}
		p.match(tComma)
	}
	p.match(tRBrace)
	return n
}

func (p *parser) call(left *node, paren token) *node {
	if left.op != opField {
		p.failAt(paren.pos, "only a name can be called")
		return &node{}
	}
	n := &node{op: opCall, name: left.name, pos: left.pos, fn: lookup(left.name)}
	if n.fn == nil {
		p.failAt(left.pos, "unknown function "+left.name+"()")
		return n
	}
	for p.failed == nil && p.cur.kind != tRParen {
		n.kids = append(n.kids, p.argument())
		if p.cur.kind != tComma {
			break
		}
		p.advance()
		if p.cur.kind == tRParen {
			return p.unexpected()
		}
	}
	p.match(tRParen)
	p.checkArguments(n)
	return n
}

// argument reads an expression, or one that the function itself applies.
func (p *parser) argument() *node {
	if p.cur.kind != tExpref {
		return p.expression(0)
	}
	p.advance()
	return &node{op: opExpref, kids: []*node{p.expression(0)}}
}

func (p *parser) checkArguments(n *node) {
	want, got := len(n.fn.args), len(n.kids)
	if n.fn.variadic && got < want || !n.fn.variadic && got != want {
		p.failAt(n.pos, n.name+"() takes "+itoa(want)+" arguments, not "+itoa(got))
	}
	for i, kid := range n.kids {
		arg := n.fn.args[min(i, want-1)]
		if (kid.op == opExpref) != (arg == takesExpression) && p.failed == nil {
			p.fail(&SyntaxError{Pos: n.pos, Msg: "argument " + itoa(i+1) + " of " + n.name + "() must be " + arg.String()})
		}
	}
}
