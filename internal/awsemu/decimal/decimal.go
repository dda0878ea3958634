// Package decimal is DynamoDB's numbers: 38 digits, compared and added without
// rounding.
//
// The rule a reader could break: what goes wrong is told in DynamoDB's own words,
// because they become its answer.
package decimal

import (
	"math/big"
	"strconv"
	"strings"
)

// Limits of a DynamoDB number. (Supported data types: number, DynamoDB developer guide)
const (
	maxDigits   = 38
	maxExponent = 125 // of 9.99…E+125
	minExponent = -130
)

// Number is a DynamoDB number: digits × 10^exponent, without zeros at either
// end. Zero has no digits.
type Number struct {
	negative bool
	digits   string
	exponent int
}

// Parse reads the wire's text of a number. The error is DynamoDB's own message.
func Parse(text string) (Number, string) {
	const notNumeric = "The parameter cannot be converted to a numeric value"
	if text == "" {
		return Number{}, notNumeric
	}
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		e, err := strconv.Atoi(text[i+1:])
		if err != nil || e > 1_000_000 || e < -1_000_000 {
			return Number{}, notNumeric + ": " + text
		}
		mantissa, exponent = text[:i], e
	}
	var n Number
	if rest, ok := strings.CutPrefix(mantissa, "-"); ok {
		n.negative, mantissa = true, rest
	} else {
		mantissa = strings.TrimPrefix(mantissa, "+")
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	n.digits = whole + fraction
	if n.digits == "" || strings.Trim(n.digits, "0123456789") != "" {
		return Number{}, notNumeric + ": " + text
	}
	n.exponent = exponent - len(fraction)
	return n.checked()
}

// checked drops the zeros at both ends and applies the limits.
func (n Number) checked() (Number, string) {
	n.digits = strings.TrimLeft(n.digits, "0")
	trimmed := strings.TrimRight(n.digits, "0")
	n.exponent += len(n.digits) - len(trimmed)
	n.digits = trimmed
	switch magnitude := n.exponent + len(n.digits) - 1; {
	case n.digits == "":
		return Number{}, ""
	case magnitude > maxExponent:
		return n, "Number overflow. Attempting to store a Number with magnitude larger than supported range"
	case magnitude < minExponent:
		return n, "Number underflow. Attempting to store a Number with magnitude smaller than supported range"
	case len(n.digits) > maxDigits:
		return n, "Attempting to store more than 38 significant digits in a Number"
	}
	return n, ""
}

// String is the form that DynamoDB answers with: all digits, no exponent.
func (n Number) String() string {
	text := n.digits
	switch point := len(n.digits) + n.exponent; {
	case n.digits == "":
		return "0"
	case n.exponent >= 0:
		text += strings.Repeat("0", n.exponent)
	case point > 0:
		text = text[:point] + "." + text[point:]
	default:
		text = "0." + strings.Repeat("0", -point) + text
	}
	if n.negative {
		return "-" + text
	}
	return text
}

// integer is n × 10^scale.
func (n Number) integer(scale int) *big.Int {
	out := new(big.Int)
	if n.digits != "" {
		out.SetString(n.digits+strings.Repeat("0", n.exponent+scale), 10)
	}
	if n.negative {
		out.Neg(out)
	}
	return out
}

// Compare orders two numbers by value.
func Compare(a, b Number) int {
	scale := -min(a.exponent, b.exponent, 0)
	return a.integer(scale).Cmp(b.integer(scale))
}

// Add adds two numbers, or subtracts the second from the first.
func Add(a, b Number, subtract bool) (Number, string) {
	scale := -min(a.exponent, b.exponent, 0)
	sum := a.integer(scale)
	if subtract {
		sum.Sub(sum, b.integer(scale))
	} else {
		sum.Add(sum, b.integer(scale))
	}
	n := Number{negative: sum.Sign() < 0, digits: strings.TrimPrefix(sum.String(), "-"), exponent: -scale}
	return n.checked()
}
