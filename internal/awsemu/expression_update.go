package awsemu

import (
	"slices"
	"strings"

	"powertools-extension/internal/awsemu/decimal"
)

// change is one action of an update that was read.
type change struct {
	path path
	// value computes what is written from the item as it was; ok is false for
	// what is to be removed.
	value func(old Item) (value Attribute, ok bool, problem string)
}

// update reads an UpdateExpression. (Update expressions, DynamoDB developer guide)
func (p *placeholders) update(text string) ([]change, error) {
	r, err := p.newReader("UpdateExpression", text)
	if err != nil {
		return nil, err
	}
	var out []change
	seen := map[string]bool{}
	for len(r.tokens) > 0 {
		clause := strings.ToUpper(r.peek())
		read := map[string]func(*reader) (change, error){"SET": (*reader).set, "REMOVE": (*reader).remove, "ADD": (*reader).add, "DELETE": (*reader).delete}[clause]
		if read == nil {
			return nil, r.syntax(r.peek())
		}
		if seen[clause] {
			return nil, r.invalid("The %q section can only be used once in an update expression;", clause)
		}
		seen[clause] = true
		r.next()
		for more := true; more; more = r.accept(",") {
			one, err := read(r)
			if err != nil {
				return nil, err
			}
			out = append(out, one)
		}
	}
	return out, r.apart(out)
}

// apart refuses two changes of one value, or of a value and a part of it.
func (r *reader) apart(changes []change) error {
	for i, a := range changes {
		for _, b := range changes[:i] {
			if b.path.overlaps(a.path) {
				return r.invalid("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", b.path, a.path)
			}
			if b.path.conflicts(a.path) {
				return r.invalid("Two document paths conflict with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", b.path, a.path)
			}
		}
	}
	return nil
}

const (
	missingOperand = "The provided expression refers to an attribute that does not exist in the item"
	wrongOperand   = "An operand in the update expression has an incorrect data type"
	wrongPath      = "The document path provided in the update expression is invalid for update"
)

// term is a value on the right side of SET.
type term func(old Item) (Attribute, string)

func (r *reader) set() (change, error) {
	p, err := r.path()
	if err != nil {
		return change{}, err
	}
	if err := r.expect("="); err != nil {
		return change{}, err
	}
	value, err := r.sum()
	return change{p, func(old Item) (Attribute, bool, string) {
		v, problem := value(old)
		return v, true, problem
	}}, err
}

// sum reads one term, or two with + or - between.
func (r *reader) sum() (term, error) {
	left, err := r.term("")
	if err != nil {
		return nil, err
	}
	subtract := r.peek() == "-"
	if !subtract && r.peek() != "+" {
		return left, nil
	}
	operator := r.next()
	right, err := r.term(operator)
	return func(old Item) (Attribute, string) {
		a, problem := left(old)
		if problem != "" {
			return a, problem
		}
		b, problem := right(old)
		if problem != "" {
			return b, problem
		}
		return plus(a, b, subtract)
	}, err
}

func plus(a, b Attribute, subtract bool) (Attribute, string) {
	if a.Kind != "N" || b.Kind != "N" {
		return Attribute{}, wrongOperand
	}
	x, problem := decimal.Parse(a.Value.(string))
	if problem != "" {
		return Attribute{}, problem
	}
	y, problem := decimal.Parse(b.Value.(string))
	if problem != "" {
		return Attribute{}, problem
	}
	sum, problem := decimal.Add(x, y, subtract)
	return Attribute{Kind: "N", Value: sum.String()}, problem
}

// term reads a path, a value, if_not_exists or list_append. operator is the
// one it is an operand of, if any.
func (r *reader) term(operator string) (term, error) {
	if err := r.deeper(); err != nil {
		return nil, err
	}
	if r.accept("(") {
		inner, err := r.sum()
		if err == nil {
			err = r.expect(")")
		}
		return inner, err
	}
	if len(r.tokens) > 1 && r.tokens[1] == "(" && isName(r.peek()) {
		return r.valueFunction()
	}
	one, err := r.operand()
	if err == nil && one.value != nil && operator != "" && one.value.Kind != map[string]string{"+": "N", "-": "N", "list_append": "L"}[operator] {
		err = r.wrongType(operator, *one.value)
	}
	return func(old Item) (Attribute, string) {
		value, ok := one.get(old)
		if !ok {
			return value, missingOperand
		}
		return value, ""
	}, err
}

func (r *reader) valueFunction() (term, error) {
	name := r.next()
	if err := r.expect("("); err != nil {
		return nil, err
	}
	switch name {
	case "if_not_exists", "list_append":
	case "size", "attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains":
		return nil, r.invalid("The function is not allowed in an update expression; function: %s", name)
	default:
		return nil, r.invalid("Invalid function name; function: %s", name)
	}
	var p path
	if name == "if_not_exists" {
		if strings.HasPrefix(r.peek(), ":") {
			return nil, r.invalid("Operator or function requires a document path; operator or function: if_not_exists")
		}
		p = slices.Clone(r.peekPath())
	}
	operator := ""
	if name == "list_append" {
		operator = name
	}
	first, err := r.term(operator)
	if err != nil {
		return nil, err
	}
	if err := r.expect(","); err != nil {
		return nil, err
	}
	second, err := r.term(operator)
	if err != nil {
		return nil, err
	}
	if err := r.expect(")"); err != nil {
		return nil, err
	}
	if name == "list_append" {
		return appended(first, second), nil
	}
	return func(old Item) (Attribute, string) {
		if value, ok := p.find(old); ok {
			return value, ""
		}
		return second(old)
	}, nil
}

// peekPath reads a path without taking it; a broken one is reported by who takes it.
func (r *reader) peekPath() path {
	ahead := *r
	p, err := ahead.path()
	if err != nil {
		return path{{"", -1}}
	}
	return p
}

func appended(first, second term) term {
	return func(old Item) (Attribute, string) {
		a, problem := first(old)
		if problem != "" {
			return a, problem
		}
		b, problem := second(old)
		if problem != "" {
			return b, problem
		}
		x, okX := a.Value.([]Attribute)
		y, okY := b.Value.([]Attribute)
		if !okX || !okY {
			return a, wrongOperand
		}
		return Attribute{Kind: "L", Value: slices.Concat(x, y)}, ""
	}
}

func (r *reader) remove() (change, error) {
	p, err := r.path()
	return change{p, func(Item) (Attribute, bool, string) { return Attribute{}, false, "" }}, err
}

// pathAndValue reads what ADD and DELETE take.
func (r *reader) pathAndValue() (path, Attribute, error) {
	p, err := r.path()
	if err != nil {
		return nil, Attribute{}, err
	}
	value, err := r.p.value(r.where, r.next())
	return p, value, err
}

// add increases a number or joins a set.
func (r *reader) add() (change, error) {
	p, by, err := r.pathAndValue()
	if err == nil && by.Kind != "N" && by.elements() == nil {
		err = r.invalid("Incorrect operand type for operator or function; operator: ADD, operand type: %s, typeSet: ALLOWED_FOR_ADD_OPERAND", longKind(by.Kind))
	}
	return change{p, func(old Item) (Attribute, bool, string) {
		was, ok := p.find(old)
		switch {
		case !ok:
			return by, true, ""
		case was.Kind != by.Kind:
			return was, true, wrongOperand
		case by.Kind == "N":
			sum, problem := plus(was, by, false)
			return sum, true, problem
		}
		return union(was, by), true, ""
	}}, err
}

// delete takes elements out of a set; an empty set is removed.
func (r *reader) delete() (change, error) {
	p, less, err := r.pathAndValue()
	if err == nil && less.elements() == nil {
		err = r.invalid("Incorrect operand type for operator or function; operator: DELETE, operand type: %s, typeSet: ALLOWED_FOR_DELETE_OPERAND", longKind(less.Kind))
	}
	return change{p, func(old Item) (Attribute, bool, string) {
		was, ok := p.find(old)
		if !ok {
			return was, false, ""
		}
		if was.Kind != less.Kind {
			return was, true, wrongOperand
		}
		left := without(was, less)
		return left, len(left.elements()) > 0, ""
	}}, err
}

// longKind is a kind as some messages write it.
func longKind(kind string) string {
	return map[string]string{"S": "STRING", "B": "BINARY", "BOOL": "BOOLEAN", "L": "LIST", "M": "MAP", "N": "NUMBER", "NULL": "NULL"}[kind]
}
