package flags

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/jmes"
)

// matcher compares a member of the context with the value of a condition. A
// comparison that cannot be made is no match, never an error.
type matcher func(context, condition *value) bool

// action is one row of the table of actions.
type action struct {
	name  string
	match matcher                                             // compares with the context
	build func(v *value) (func(now time.Time) bool, *problem) // or: a schedule, which ignores the context
	check func(v *value) *problem                             // further demands on the condition's value
	key   string                                              // the only key that the condition may have
}

func actions() []action {
	return []action{
		{name: "EQUALS", match: func(a, b *value) bool { return equal(a, b) }},
		{name: "NOT_EQUALS", match: func(a, b *value) bool { return !equal(a, b) }},
		{name: "KEY_GREATER_THAN_VALUE", match: ordered(func(c int) bool { return c > 0 })},
		{name: "KEY_GREATER_THAN_OR_EQUAL_VALUE", match: ordered(func(c int) bool { return c >= 0 })},
		{name: "KEY_LESS_THAN_VALUE", match: ordered(func(c int) bool { return c < 0 })},
		{name: "KEY_LESS_THAN_OR_EQUAL_VALUE", match: ordered(func(c int) bool { return c <= 0 })},
		{name: "STARTSWITH", match: affix(strings.HasPrefix)},
		{name: "ENDSWITH", match: affix(strings.HasSuffix)},
		{name: "IN", match: contained(true)},
		{name: "NOT_IN", match: contained(false)},
		{name: "KEY_IN_VALUE", match: contained(true)},
		{name: "KEY_NOT_IN_VALUE", match: contained(false)},
		{name: "VALUE_IN_KEY", match: swapped(contained(true))},
		{name: "VALUE_NOT_IN_KEY", match: swapped(contained(false))},
		{name: "ALL_IN_VALUE", match: members(func(in, all int) bool { return in == all }), check: isList},
		{name: "ANY_IN_VALUE", match: members(func(in, _ int) bool { return in > 0 }), check: isList},
		{name: "NONE_IN_VALUE", match: members(func(in, _ int) bool { return in == 0 }), check: isList},
		{name: "MODULO_RANGE", match: modulo, check: isModulo},
		{name: "SCHEDULE_BETWEEN_TIME_RANGE", key: "CURRENT_TIME", build: timeOfDay},
		{name: "SCHEDULE_BETWEEN_DATETIME_RANGE", key: "CURRENT_DATETIME", build: dates},
		{name: "SCHEDULE_BETWEEN_DAYS_OF_WEEK", key: "CURRENT_DAY_OF_WEEK", build: daysOfWeek},
	}
}

func ordered(want func(int) bool) matcher {
	return func(a, b *value) bool {
		c, ok := order(a, b)
		return ok && want(c)
	}
}

func affix(has func(s, affix string) bool) matcher {
	return func(a, b *value) bool {
		return a.kind == jmes.String && b.kind == jmes.String && has(a.text, b.text)
	}
}

func contained(want bool) matcher {
	return func(a, b *value) bool {
		found, ok := in(a, b)
		return ok && found == want
	}
}

func swapped(m matcher) matcher { return func(a, b *value) bool { return m(b, a) } }

// members counts how many of the context's list are in the condition's.
func members(want func(in, all int) bool) matcher {
	return func(a, b *value) bool {
		if a.kind != jmes.Array {
			return false
		}
		n := 0
		for i := range a.list {
			if found, _ := in(&a.list[i], b); found {
				n++
			}
		}
		return want(n, len(a.list))
	}
}

func isList(v *value) *problem {
	if v.kind != jmes.Array {
		return &problem{msg: "must be a list"}
	}
	return nil
}

// modulo: START ≤ context mod BASE ≤ END, with the remainder of mathematics
// (-1 mod 100 is 99).
func modulo(a, b *value) bool {
	if !a.numeric() {
		return false
	}
	base, _ := strconv.ParseInt(b.members["BASE"].text, 10, 64)
	from, _ := strconv.ParseInt(b.members["START"].text, 10, 64)
	to, _ := strconv.ParseInt(b.members["END"].text, 10, 64)
	if n, err := strconv.ParseInt(a.text, 10, 64); err == nil {
		r := (n%base + base) % base
		return from <= r && r <= to
	}
	if n, ok := new(big.Int).SetString(a.text, 10); ok {
		r := n.Mod(n, big.NewInt(base)).Int64()
		return from <= r && r <= to
	}
	f, err := strconv.ParseFloat(a.text, 64)
	if err != nil {
		return false
	}
	r := math.Mod(f, float64(base))
	if r < 0 {
		r += float64(base)
	}
	return float64(from) <= r && r <= float64(to)
}

func isModulo(v *value) *problem {
	if v.kind != jmes.Object {
		return &problem{msg: "must be an object with BASE, START and END"}
	}
	var n [3]int64
	for i, name := range [...]string{"BASE", "START", "END"} {
		m := v.members[name]
		var err error
		if n[i], err = strconv.ParseInt(m.text, 10, 64); err != nil || m.kind != jmes.Number || n[i] >= 1<<62 {
			return &problem{path: "/" + name, msg: "must be an integer"}
		}
	}
	if base, from, to := n[0], n[1], n[2]; from < 0 || to < from || base-1 < to {
		return &problem{msg: "must satisfy 0 <= START <= END <= BASE-1"}
	}
	return nil
}
