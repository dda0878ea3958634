// Package jmes evaluates JMESPath expressions (the original specification,
// jmespath.org) with the three functions of Powertools over JSON text.
//
// The rule a reader could break: a value keeps the text it had in its
// document. Numbers are never turned into float64 on the way through, objects
// keep the order of their members, and a sub-value that an expression selects
// is a slice of the document's own bytes. Two customers whose ids differ
// beyond 2⁵³ must not become one, and equal bytes must give equal results.
//
// Where the specification leaves a choice, the answer is that of Python's
// library (docs/adr/0023).
package jmes

// Bounds of an expression and of its evaluation.
const (
	MaxExpression = 16 << 10 // bytes of an expression's text
	MaxDepth      = 1000     // nesting of a document or a result
	MaxResult     = 6 << 20  // bytes of a result
	MaxDecoded    = 16 << 20 // bytes that the powertools functions of one evaluation may produce
	maxNesting    = 200      // nesting of an expression
	maxMade       = 2 << 20  // values that one evaluation may make
)

// Expression is a compiled expression. Safe for concurrent use.
type Expression struct {
	text string
	root *node
}

// Compile parses an expression. The error is a *SyntaxError, which names the
// position; unknown functions and wrong numbers of arguments are among them.
func Compile(text string) (*Expression, error) {
	p := parser{lexer: lexer{text: text}}
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	return &Expression{text: text, root: root}, nil
}

// String returns the expression's text.
func (e *Expression) String() string { return e.text }

// Search evaluates the expression on a value. A path that is not there is
// null; the error is an *EvalError: a function got what it cannot take, or a
// bound was reached.
func (e *Expression) Search(v Value) (Value, error) {
	ev := evaluation{}
	out, err := ev.eval(e.root, v)
	if err == nil {
		err = out.bounded()
	}
	if err != nil {
		return Value{}, err
	}
	return out, nil
}

// SyntaxError says why an expression was refused.
type SyntaxError struct {
	Pos int    // byte offset in the expression
	Msg string // without the position
}

func (e *SyntaxError) Error() string {
	return "expression, position " + itoa(e.Pos) + ": " + e.Msg
}

// EvalError says why an expression failed on a document. It never holds a
// value of the document.
type EvalError struct {
	Function string // the function that refused; empty: a bound of the evaluation
	Msg      string
}

func (e *EvalError) Error() string {
	if e.Function == "" {
		return e.Msg
	}
	return e.Function + "(): " + e.Msg
}
