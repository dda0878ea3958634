package awsemu

import "strings"

// tokens splits an expression into names, placeholders, operators and brackets.
func tokens(text string) []string {
	const single = "(),=<>+-.[]"
	var out []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		n := strings.IndexAny(text, " \t\r\n"+single)
		switch {
		case n < 0:
			n = len(text)
		case n > 0 && (text[0] == '#' || text[0] == ':'):
			n = placeholderEnd(text)
		case n == 0 && len(text) > 1 && (text[:2] == "<=" || text[:2] == ">=" || text[:2] == "<>"):
			n = 2
		case n == 0:
			n = 1
		}
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}

// placeholderEnd is where #name or :value ends.
func placeholderEnd(text string) int {
	n := 1
	for n < len(text) && (nameRune(rune(text[n])) && text[n] != '.' && text[n] != '-') {
		n++
	}
	return n
}

// reader walks through the tokens of one expression.
type reader struct {
	p      *placeholders
	where  string // the request's member, e.g. ConditionExpression
	tokens []string
	depth  int // of brackets and functions
}

// newReader refuses an expression that is empty or too long. (Service,
// account, and table quotas: expression parameters, DynamoDB developer guide)
func (p *placeholders) newReader(where, text string) (*reader, error) {
	r := &reader{p: p, where: where, tokens: tokens(text)}
	switch {
	case len(r.tokens) == 0:
		return nil, r.invalid("The expression can not be empty;")
	case len(text) > 4096:
		return nil, r.invalid("Expression size has exceeded the maximum allowed size; expression size: %d", len(text))
	}
	return r, nil
}

func (r *reader) invalid(format string, args ...any) error {
	return invalid(r.p.svc, "Invalid "+r.where+": "+format, args...)
}

func (r *reader) peek() string {
	if len(r.tokens) == 0 {
		return ""
	}
	return r.tokens[0]
}

func (r *reader) next() string {
	token := r.peek()
	if len(r.tokens) > 0 {
		r.tokens = r.tokens[1:]
	}
	return token
}

// accept takes the next token if it is word; keywords have no case.
func (r *reader) accept(word string) bool {
	if len(r.tokens) > 0 && strings.EqualFold(r.tokens[0], word) {
		r.tokens = r.tokens[1:]
		return true
	}
	return false
}

func (r *reader) expect(word string) error {
	if !r.accept(word) {
		return r.syntax(r.peek())
	}
	return nil
}

func (r *reader) syntax(token string) error {
	if token == "" {
		token = "<EOF>"
	}
	return r.invalid("Syntax error; token: %q", token)
}

// deeper bounds the nesting, and so the stack.
func (r *reader) deeper() error {
	if r.depth++; r.depth > 300 {
		return r.invalid("The expression exceeds the maximum number of operators")
	}
	return nil
}
