package jmes

import (
	"cmp"
	"strconv"
	"strings"

	"powertools-extension/internal/jsonbytes"
)

// truthy is JMESPath's: null, false, "", [] and {} are not; 0 is.
func truthy(v Value) bool {
	switch v.kind {
	case Null:
		return false
	case Bool:
		return v.True()
	case String:
		return v.Str() != ""
	case Array:
		if v.made != nil {
			return len(v.made.list) > 0
		}
		return v.raw[jsonbytes.SkipSpace(v.raw, 1)] != ']'
	case Object:
		if v.made != nil {
			return len(v.made.members) > 0
		}
		return v.raw[jsonbytes.SkipSpace(v.raw, 1)] != '}'
	}
	return true
}

// equal compares two values of an expression: numbers exactly, objects
// without regard to order.
func equal(a, b Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case Bool:
		return a.True() == b.True()
	case Number:
		return CompareNumbers(a.Num(), b.Num()) == 0
	case String:
		return a.Str() == b.Str()
	case Array:
		x, y := a.Elements(), b.Elements()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !within(x[i], y[i]) {
				return false
			}
		}
	case Object:
		return equalMembers(a.Members(), b.Members())
	}
	return true
}

// within compares elements and members of what is compared. There Python's
// own == decides, for which true is 1 and false is 0.
func within(a, b Value) bool {
	if a.kind == Bool && b.kind == Number {
		a, b = b, a
	}
	if a.kind == Number && b.kind == Bool {
		want := "0"
		if b.True() {
			want = "1"
		}
		return CompareNumbers(a.Num(), want) == 0
	}
	return equal(a, b)
}

func equalMembers(x, y []Member) bool {
	if len(x) != len(y) {
		return false
	}
	byName := make(map[string]Value, len(y))
	for _, m := range y {
		byName[m.Name] = m.Value
	}
	for _, m := range x {
		other, ok := byName[m.Name]
		if !ok || !within(m.Value, other) {
			return false
		}
	}
	return true
}

// CompareNumbers compares two JSON numbers by their decimal text, whatever
// their length.
func CompareNumbers(a, b string) int {
	x, y := DecimalOf(a), DecimalOf(b)
	if x.Digits == "" && y.Digits == "" {
		return 0
	}
	if x.sign() != y.sign() {
		return cmp.Compare(x.sign(), y.sign())
	}
	c := cmp.Compare(x.Point, y.Point)
	if c == 0 {
		c = cmp.Compare(x.Digits, y.Digits) // both begin behind the point and end without zeros
	}
	return c * x.sign()
}

// Decimal is a number by its text: 0.Digits × 10^Point.
type Decimal struct {
	Negative bool
	Digits   string // without zeros at either end; "" for 0
	Point    int64
}

func (d Decimal) sign() int {
	switch {
	case d.Digits == "":
		return 0
	case d.Negative:
		return -1
	}
	return 1
}

// DecimalOf takes a JSON number apart.
func DecimalOf(text string) Decimal {
	var d Decimal
	text, d.Negative = strings.CutPrefix(text, "-")
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		d.Point = exponent(text[i+1:])
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	d.Point += int64(len(whole))
	d.Digits = whole + fraction
	trimmed := strings.TrimLeft(d.Digits, "0")
	d.Point -= int64(len(d.Digits) - len(trimmed))
	d.Digits = strings.TrimRight(trimmed, "0")
	return d
}

// exponent reads the digits behind the e, bounded so that sums do not overflow.
func exponent(text string) int64 {
	const most = 1 << 60
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > most || n < -most {
		if strings.HasPrefix(text, "-") {
			return -most
		}
		return most
	}
	return n
}
