package awsemu

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

// number is a DynamoDB number: digits × 10^exponent, without zeros at either
// end. Zero has no digits.
type number struct {
	negative bool
	digits   string
	exponent int
}

// parseNumber reads the wire's text of a number. The error is DynamoDB's own message.
func parseNumber(text string) (number, string) {
	const notNumeric = "The parameter cannot be converted to a numeric value"
	if text == "" {
		return number{}, notNumeric
	}
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		e, err := strconv.Atoi(text[i+1:])
		if err != nil || e > 1_000_000 || e < -1_000_000 {
			return number{}, notNumeric + ": " + text
		}
		mantissa, exponent = text[:i], e
	}
	var n number
	if rest, ok := strings.CutPrefix(mantissa, "-"); ok {
		n.negative, mantissa = true, rest
	} else {
		mantissa = strings.TrimPrefix(mantissa, "+")
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	n.digits = whole + fraction
	if n.digits == "" || strings.Trim(n.digits, "0123456789") != "" {
		return number{}, notNumeric + ": " + text
	}
	n.exponent = exponent - len(fraction)
	return n.checked()
}

// checked drops the zeros at both ends and applies the limits.
func (n number) checked() (number, string) {
	n.digits = strings.TrimLeft(n.digits, "0")
	trimmed := strings.TrimRight(n.digits, "0")
	n.exponent += len(n.digits) - len(trimmed)
	n.digits = trimmed
	switch magnitude := n.exponent + len(n.digits) - 1; {
	case n.digits == "":
		return number{}, ""
	case magnitude > maxExponent:
		return n, "Number overflow. Attempting to store a number with magnitude larger than supported range"
	case magnitude < minExponent:
		return n, "Number underflow. Attempting to store a number with magnitude smaller than supported range"
	case len(n.digits) > maxDigits:
		return n, "Attempting to store more than 38 significant digits in a Number"
	}
	return n, ""
}

// String is the form that DynamoDB answers with: all digits, no exponent.
func (n number) String() string {
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
func (n number) integer(scale int) *big.Int {
	out := new(big.Int)
	if n.digits != "" {
		out.SetString(n.digits+strings.Repeat("0", n.exponent+scale), 10)
	}
	if n.negative {
		out.Neg(out)
	}
	return out
}

// compareNumbers orders two numbers by value.
func compareNumbers(a, b number) int {
	scale := -min(a.exponent, b.exponent, 0)
	return a.integer(scale).Cmp(b.integer(scale))
}

// addNumbers adds two numbers, or subtracts the second from the first.
func addNumbers(a, b number, subtract bool) (number, string) {
	scale := -min(a.exponent, b.exponent, 0)
	sum := a.integer(scale)
	if subtract {
		sum.Sub(sum, b.integer(scale))
	} else {
		sum.Add(sum, b.integer(scale))
	}
	n := number{negative: sum.Sign() < 0, digits: strings.TrimPrefix(sum.String(), "-"), exponent: -scale}
	return n.checked()
}
