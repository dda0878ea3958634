package awsemu

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// placeholders resolves #names and :values of one request and knows which
// were used: DynamoDB refuses a request that brings unused ones.
// (Expression attribute names, DynamoDB developer guide)
type placeholders struct {
	svc    service
	names  map[string]string
	values Item
	used   map[string]bool
}

func (p *placeholders) use(token string) {
	if p.used == nil {
		p.used = map[string]bool{}
	}
	p.used[token] = true
}

// wanted refuses names or values without an expression to use them.
func (p *placeholders) wanted(expressions ...*string) error {
	if slices.ContainsFunc(expressions, func(e *string) bool { return e != nil }) {
		return nil
	}
	if p.names != nil {
		return invalid(p.svc, "ExpressionAttributeNames can only be specified when using expressions")
	}
	if p.values != nil {
		return invalid(p.svc, "ExpressionAttributeValues can only be specified when using expressions")
	}
	return nil
}

func (p *placeholders) allUsed() error {
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		if !p.used[name] {
			return invalid(p.svc, "Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if !p.used[name] {
			return invalid(p.svc, "Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", name)
		}
	}
	return nil
}

// name resolves #n, or takes a plain attribute name that is not reserved.
func (p *placeholders) name(expression, token string) (string, error) {
	if strings.HasPrefix(token, "#") {
		p.use(token)
		if name, ok := p.names[token]; ok {
			return name, nil
		}
		return "", invalid(p.svc, "Invalid %s: An expression attribute name used in the document path is not defined; attribute name: %s", expression, token)
	}
	if isReserved(token) {
		return "", invalid(p.svc, "Invalid %s: Attribute name is a reserved keyword; reserved keyword: %s", expression, token)
	}
	if token == "" || strings.ContainsAny(token, ".[]:()=<>,") {
		return "", p.syntax(expression, token)
	}
	return token, nil
}

func (p *placeholders) value(expression, token string) (Attribute, error) {
	if !strings.HasPrefix(token, ":") {
		return Attribute{}, p.syntax(expression, token)
	}
	p.use(token)
	if value, ok := p.values[token]; ok {
		return value, nil
	}
	return Attribute{}, invalid(p.svc, "Invalid %s: An expression attribute value used in expression is not defined; attribute value: %s", expression, token)
}

func (p *placeholders) syntax(expression, token string) error {
	return invalid(p.svc, "Invalid %s: Syntax error; token: %q", expression, token)
}

// projection returns the paths of a ProjectionExpression, nil for none.
func (p *placeholders) projection(text string) ([]path, error) {
	if text == "" {
		return nil, nil
	}
	r, err := p.newReader("ProjectionExpression", text)
	if err != nil {
		return nil, err
	}
	var out []path
	for more := true; more; more = r.accept(",") {
		one, err := r.path()
		if err != nil {
			return nil, err
		}
		for _, other := range out {
			if other.overlaps(one) {
				return nil, r.invalid("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", other, one)
			}
		}
		out = append(out, one)
	}
	if len(r.tokens) > 0 {
		return nil, r.syntax(r.peek())
	}
	return out, nil
}

// keyCondition reads "key = :v", optionally "AND" one condition on the sort
// key: = < <= > >=, BETWEEN, begins_with.
func (p *placeholders) keyCondition(text string, t *Table) (func(Item) bool, error) {
	c := &conditionReader{p: p, tokens: tokens(text)}
	var byName = map[string]condition{}
	for {
		one, err := c.condition()
		if err != nil {
			return nil, err
		}
		byName[one.name] = one
		if !c.accept("AND") {
			break
		}
	}
	if len(c.tokens) > 0 {
		return nil, p.syntax("KeyConditionExpression", c.tokens[0])
	}
	key, ok := byName[t.Key]
	if !ok || key.operator != "=" {
		return nil, invalid(p.svc, "Query condition missed key schema element: %s", t.Key)
	}
	delete(byName, t.Key)
	sort, hasSort := byName[t.Sort]
	if len(byName) > 1 || len(byName) == 1 && !hasSort {
		return nil, invalid(p.svc, "Query key condition not supported")
	}
	return func(item Item) bool {
		return key.holds(item[t.Key]) && (!hasSort || sort.holds(item[t.Sort]))
	}, nil
}

// condition is one comparison of an attribute with one value, or two for BETWEEN.
type condition struct {
	name, operator string
	low, high      Attribute
}

func (c condition) holds(v Attribute) bool {
	order, ok := compare(v, c.low)
	if !ok {
		return false
	}
	switch c.operator {
	case "=":
		return order == 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "BETWEEN":
		upper, ok := compare(v, c.high)
		return ok && order >= 0 && upper <= 0
	}
	return v.hasPrefix(c.low) // begins_with
}

type conditionReader struct {
	p      *placeholders
	tokens []string
}

func (c *conditionReader) next() string {
	if len(c.tokens) == 0 {
		return ""
	}
	token := c.tokens[0]
	c.tokens = c.tokens[1:]
	return token
}

func (c *conditionReader) accept(word string) bool {
	if len(c.tokens) > 0 && strings.EqualFold(c.tokens[0], word) {
		c.tokens = c.tokens[1:]
		return true
	}
	return false
}

func (c *conditionReader) condition() (out condition, err error) {
	const where = "KeyConditionExpression"
	if c.accept("begins_with") {
		return c.beginsWith()
	}
	if out.name, err = c.p.name(where, c.next()); err != nil {
		return out, err
	}
	out.operator = strings.ToUpper(c.next())
	if !slices.Contains([]string{"=", "<", "<=", ">", ">=", "BETWEEN"}, out.operator) {
		return out, c.p.syntax(where, out.operator)
	}
	if out.low, err = c.p.value(where, c.next()); err != nil || out.operator != "BETWEEN" {
		return out, err
	}
	if !c.accept("AND") {
		return out, c.p.syntax(where, fmt.Sprint(c.next()))
	}
	out.high, err = c.p.value(where, c.next())
	return out, err
}

func (c *conditionReader) beginsWith() (out condition, err error) {
	const where = "KeyConditionExpression"
	out.operator = "begins_with"
	if !c.accept("(") {
		return out, c.p.syntax(where, c.next())
	}
	if out.name, err = c.p.name(where, c.next()); err != nil {
		return out, err
	}
	if !c.accept(",") {
		return out, c.p.syntax(where, c.next())
	}
	if out.low, err = c.p.value(where, c.next()); err != nil {
		return out, err
	}
	if !c.accept(")") {
		return out, c.p.syntax(where, c.next())
	}
	return out, nil
}
