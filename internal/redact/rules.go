package redact

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// marker stands where something was taken out.
const marker = "[redacted]"

// Rules know what must not leave the sandbox. They are never changed, so they
// are safe for concurrent use.
//
// A key name is compared whole and in any case. The value of such a key is
// replaced at any depth: in objects, in JSON inside strings, and in texts
// where it stands as "name": value, name=value or name: value. An expression
// is applied to each string, member name and number of an object on its own,
// and to a text as a whole; what it matches is replaced, and a member whose
// name it matches loses its value, too. All other bytes stay as they are, and
// an object stays an object.
type Rules struct {
	keys    [][]byte
	lengths uint64 // bit n: a key has n bytes; bit 63: it has more than 62
	longest int    // bytes of the longest key
	least   int    // bytes of the shortest key with a separator and a value
	exprs   []expression
}

// expression is one RE2.
type expression struct {
	re    *regexp.Regexp
	first prefilter

	// anchored says that a match depends on where the text begins or ends,
	// so that looking at a whole line tells nothing about its strings.
	anchored bool
}

// NewRules reads the items of POWERTOOLS_LOGS_REDACT: key names, and
// expressions behind "re:". An expression that was cut at a comma inside of
// brackets, as in re:\d{13,16}, is put together again.
//
// The errors name items that are left out, by number and not by content. The
// rules are nil when nothing is left.
func NewRules(items []string) (*Rules, []error) {
	r := &Rules{}
	var errs []error
	for i := 0; i < len(items); i++ {
		at := i + 1
		text, isExpr := strings.CutPrefix(strings.TrimSpace(items[i]), "re:")
		if !isExpr {
			r.addKey(text)
			continue
		}
		text, used := rejoin(text, items[i+1:])
		i += used
		if err := r.addExpression(text); err != nil {
			errs = append(errs, fmt.Errorf("item %d: %w; it is left out", at, err))
		}
	}
	if len(r.keys) == 0 && len(r.exprs) == 0 {
		return nil, errs
	}
	return r, errs
}

// HasExpressions reports whether there are any beside key names.
func (r *Rules) HasExpressions() bool { return len(r.exprs) > 0 }

func (r *Rules) addKey(name string) {
	if name == "" {
		return
	}
	if least := len(name) + len("=x"); len(r.keys) == 0 || least < r.least {
		r.least = least
	}
	r.keys = append(r.keys, []byte(name))
	r.lengths |= lengthBit(len(name))
	r.longest = max(r.longest, len(name))
}

// lengthBit keeps most names from being compared at all.
func lengthBit(n int) uint64 { return 1 << min(n, 63) }

func (r *Rules) addExpression(text string) error {
	if text == "" {
		return errors.New("re: without an expression")
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		// The error's own text quotes the expression, which may be a secret.
		var s *syntax.Error
		if errors.As(err, &s) {
			return fmt.Errorf("not an RE2 expression: %s", s.Code)
		}
		return errors.New("not an RE2 expression")
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return errors.New("an RE2 expression that is too large")
	}
	r.exprs = append(r.exprs, expression{re: re, first: newPrefilter(parsed), anchored: isAnchored(parsed)})
	return nil
}

func (x *expression) matches(text []byte) bool { return x.first.may(text) && x.re.Match(text) }

// isAnchored looks for ^, $ and the like. A word boundary is none of them: it
// is the same before a quote as at the end.
func isAnchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText:
		return true
	}
	for _, sub := range re.Sub {
		if isAnchored(sub) {
			return true
		}
	}
	return false
}

// rejoin adds the items behind an expression that its own commas cut off, and
// returns how many that were: none if no brackets come to close.
func rejoin(text string, behind []string) (string, int) {
	longer := text
	for n := 0; !balanced(longer); n++ {
		if n == len(behind) || strings.HasPrefix(strings.TrimSpace(behind[n]), "re:") {
			return text, 0
		}
		longer += "," + behind[n]
		if balanced(longer) {
			return longer, n + 1
		}
	}
	return text, 0
}

// balanced reports whether every bracket of an expression is closed.
func balanced(expr string) bool {
	depth, class := 0, false
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
			// A bracket that comes first is one of the class.
			for i+1 < len(expr) && (expr[i+1] == '^' || expr[i+1] == ']') {
				i++
			}
		case c == '(' || c == '{':
			depth++
		case c == ')' || c == '}':
			depth--
		}
	}
	return depth <= 0 && !class
}

// isKey reports whether a member of this name must not leave.
func (r *Rules) isKey(name []byte) bool {
	if r.lengths&lengthBit(len(name)) == 0 {
		return false
	}
	for _, k := range r.keys {
		if len(k) == len(name) && bytes.EqualFold(k, name) {
			return true
		}
	}
	return false
}
