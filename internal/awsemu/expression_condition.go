package awsemu

import (
	"slices"
	"strings"
)

// test is a condition that was read: does an item meet it?
type test func(Item) bool

// operand is one side of a comparison: a path, a value of the request, or the
// size of what is at a path.
type operand struct {
	text  string     // as DynamoDB's messages show it
	path  path       // nil unless it is one
	value *Attribute // nil unless it is a value of the request
	get   func(Item) (Attribute, bool)
}

// condition reads a ConditionExpression or FilterExpression; "" is no
// condition. (Condition and filter expressions, operators, and functions,
// DynamoDB developer guide)
func (p *placeholders) condition(where, text string) (test, error) {
	r, err := p.newReader(where, text)
	if err != nil {
		return nil, err
	}
	out, err := r.or()
	if err == nil && len(r.tokens) > 0 {
		err = r.syntax(r.peek())
	}
	return out, err
}

func (r *reader) or() (test, error) {
	left, err := r.and()
	for err == nil && r.accept("OR") {
		var right test
		first := left
		right, err = r.and()
		left = func(i Item) bool { return first(i) || right(i) }
	}
	return left, err
}

func (r *reader) and() (test, error) {
	left, err := r.not()
	for err == nil && r.accept("AND") {
		var right test
		first := left
		right, err = r.not()
		left = func(i Item) bool { return first(i) && right(i) }
	}
	return left, err
}

func (r *reader) not() (test, error) {
	if err := r.deeper(); err != nil {
		return nil, err
	}
	if r.accept("NOT") {
		inner, err := r.not()
		return func(i Item) bool { return !inner(i) }, err
	}
	if !r.accept("(") {
		return r.comparison()
	}
	redundant := r.peek() == "(" && r.closesTogether()
	inner, err := r.or()
	if err == nil {
		err = r.expect(")")
	}
	if err == nil && redundant {
		err = r.invalid("The expression has redundant parentheses;")
	}
	return inner, err
}

// closesTogether reports whether the bracket that opens next ends right
// before the one that is open.
func (r *reader) closesTogether() bool {
	depth := 0
	for i, token := range r.tokens {
		switch token {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return i+1 < len(r.tokens) && r.tokens[i+1] == ")"
			}
		}
	}
	return false
}

// comparison reads a function that is a condition, or an operand and what it
// is compared with.
func (r *reader) comparison() (test, error) {
	if len(r.tokens) > 1 && r.tokens[1] == "(" && !strings.EqualFold(r.tokens[0], "size") {
		return r.function()
	}
	sized := len(r.tokens) > 1 && r.tokens[1] == "("
	left, err := r.operand()
	if err != nil {
		return nil, err
	}
	if next := r.peek(); sized && (next == "" || next == ")") {
		return nil, r.invalid("The function is not allowed to be used this way in an expression; function: size")
	}
	switch token := strings.ToUpper(r.next()); token {
	case "=", "<>", "<", "<=", ">", ">=":
		right, err := r.operand()
		if err == nil {
			err = r.comparable(token, left, right)
		}
		return func(i Item) bool { return holds(token, left, right, i) }, err
	case "BETWEEN":
		return r.between(left)
	case "IN":
		return r.in(left)
	default:
		return nil, r.syntax(token)
	}
}

func (r *reader) operand() (operand, error) {
	token := r.peek()
	switch {
	case strings.HasPrefix(token, ":"):
		value, err := r.p.value(r.where, r.next())
		return operand{text: value.message(), value: &value, get: func(Item) (Attribute, bool) { return value, true }}, err
	case strings.EqualFold(token, "size") && len(r.tokens) > 1 && r.tokens[1] == "(":
		return r.sizeOf()
	case len(r.tokens) > 1 && r.tokens[1] == "(" && isName(token):
		return operand{}, r.invalid("The function is not allowed to be used this way in an expression; function: %s", token)
	}
	p, err := r.path()
	return operand{text: p.String(), path: p, get: p.find}, err
}

func (r *reader) sizeOf() (operand, error) {
	r.tokens = r.tokens[2:]
	inner, err := r.operand()
	if err != nil {
		return inner, err
	}
	if err := r.expect(")"); err != nil {
		return inner, err
	}
	if inner.value != nil {
		if _, ok := inner.value.size(); !ok {
			return inner, r.wrongType("size", *inner.value)
		}
	}
	return operand{text: "size(" + inner.text + ")", get: func(i Item) (Attribute, bool) {
		value, ok := inner.get(i)
		if !ok {
			return Attribute{}, false
		}
		return value.size()
	}}, nil
}

// wrongType is the refusal of a value that an operator does not take.
func (r *reader) wrongType(operator string, value Attribute) error {
	return r.invalid("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", operator, value.Kind)
}

// comparable refuses what DynamoDB refuses before it looks at the item.
func (r *reader) comparable(operator string, left operand, others ...operand) error {
	for _, o := range others {
		if left.text == o.text && operator != "IN" {
			return r.invalid("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s", operator, left.text)
		}
	}
	if operator == "=" || operator == "<>" || operator == "IN" {
		return nil
	}
	for _, o := range append([]operand{left}, others...) {
		if o.value != nil && !strings.Contains("SNB", o.value.Kind) {
			return r.wrongType(operator, *o.value)
		}
	}
	return nil
}

func holds(operator string, left, right operand, item Item) bool {
	a, okA := left.get(item)
	b, okB := right.get(item)
	switch operator {
	case "=":
		return okA && okB && a.equal(b)
	case "<>":
		return !(okA && okB && a.equal(b))
	}
	order, ok := compare(a, b)
	if !ok || !okA || !okB {
		return false
	}
	switch operator {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func (r *reader) between(value operand) (test, error) {
	low, err := r.operand()
	if err != nil {
		return nil, err
	}
	if err := r.expect("AND"); err != nil {
		return nil, err
	}
	high, err := r.operand()
	if err == nil {
		err = r.comparable("BETWEEN", value, low, high)
	}
	if err == nil && low.value != nil && high.value != nil {
		if order, ok := compare(*low.value, *high.value); !ok {
			err = r.invalid("The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: %s, upper bound operand: %s", low.text, high.text)
		} else if order > 0 {
			err = r.invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: %s, upper bound operand: %s", low.text, high.text)
		}
	}
	return func(i Item) bool { return holds(">=", value, low, i) && holds("<=", value, high, i) }, err
}

func (r *reader) in(value operand) (test, error) {
	if err := r.expect("("); err != nil {
		return nil, err
	}
	list, err := r.operands()
	if err == nil && len(list) > 100 {
		err = r.invalid("The IN operator is provided with too many operands; number of operands: %d", len(list))
	}
	return func(i Item) bool {
		return slices.ContainsFunc(list, func(o operand) bool { return holds("=", value, o, i) })
	}, err
}

// operands reads a list up to its closing bracket.
func (r *reader) operands() ([]operand, error) {
	var out []operand
	for {
		one, err := r.operand()
		if err != nil {
			return nil, err
		}
		out = append(out, one)
		if r.accept(")") {
			return out, nil
		}
		if err := r.expect(","); err != nil {
			return nil, err
		}
	}
}
