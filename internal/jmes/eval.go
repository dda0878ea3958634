package jmes

// evaluation is the state of one Search: what it has used of its bounds.
type evaluation struct {
	made    int // values
	decoded int // bytes
}

func (ev *evaluation) fail(msg string) error { return &EvalError{Msg: msg} }

// count accounts for n values that are made.
func (ev *evaluation) count(n int) error {
	if ev.made += n; ev.made > maxMade {
		return ev.fail("the result is too large")
	}
	return nil
}

func (ev *evaluation) eval(n *node, v Value) (Value, error) {
	switch n.op {
	case opCurrent:
		return v, nil
	case opField:
		return v.Field(n.name), nil
	case opLiteral:
		return n.value, nil
	case opIndex:
		return at(v, n.index), nil
	case opSlice:
		return ev.slice(v, n.slice)
	case opChain:
		return ev.chain(n, v)
	case opProject, opValues, opFilter:
		return ev.project(n, v)
	case opFlatten:
		return ev.flatten(n, v)
	case opList, opHash:
		return ev.selected(n, v)
	case opOr, opAnd:
		left, err := ev.eval(n.kids[0], v)
		if err != nil || truthy(left) == (n.op == opOr) {
			return left, err
		}
		return ev.eval(n.kids[1], v)
	case opNot:
		inner, err := ev.eval(n.kids[0], v)
		return boolean(!truthy(inner)), err
	case opCompare:
		return ev.compare(n, v)
	}
	return ev.call(n, v)
}

func (ev *evaluation) chain(n *node, v Value) (Value, error) {
	var err error
	for _, kid := range n.kids {
		if v, err = ev.eval(kid, v); err != nil {
			return Value{}, err
		}
	}
	return v, nil
}

func at(v Value, i int) Value {
	list := v.Elements()
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		return Value{}
	}
	return list[i]
}

func (ev *evaluation) slice(v Value, parts [3]*int) (Value, error) {
	if v.kind != Array {
		return Value{}, nil
	}
	list := v.Elements()
	step := 1
	if parts[2] != nil {
		step = *parts[2]
	}
	bound := func(p *int, missing int) int {
		if p == nil {
			return missing
		}
		i := *p
		if i < 0 {
			i += len(list)
		}
		if step < 0 {
			return min(max(i, -1), len(list)-1)
		}
		return min(max(i, 0), len(list))
	}
	var out []Value
	if step > 0 {
		stop := bound(parts[1], len(list))
		for i := bound(parts[0], 0); i < stop; i += min(step, len(list)) {
			out = append(out, list[i])
		}
	} else {
		stop := bound(parts[1], -1)
		for i := bound(parts[0], len(list)-1); i > stop; i += max(step, -len(list)) {
			out = append(out, list[i])
		}
	}
	return array(out), ev.count(len(out))
}

// project applies kids[1] to each element that kids[0] yields and, for a
// filter, kids[2] accepts. Nulls are left out.
func (ev *evaluation) project(n *node, v Value) (Value, error) {
	base, err := ev.eval(n.kids[0], v)
	if err != nil {
		return Value{}, err
	}
	var list []Value
	switch {
	case n.op == opValues && base.kind == Object:
		list = valuesOf(base)
	case n.op != opValues && base.kind == Array:
		list = base.Elements()
	default:
		return Value{}, nil
	}
	out := make([]Value, 0, len(list))
	for _, e := range list {
		if n.op == opFilter {
			keep, err := ev.eval(n.kids[2], e)
			if err != nil {
				return Value{}, err
			}
			if !truthy(keep) {
				continue
			}
		}
		r, err := ev.eval(n.kids[1], e)
		if err != nil {
			return Value{}, err
		}
		if r.kind != Null {
			out = append(out, r)
		}
	}
	return array(out), ev.count(len(list))
}

func valuesOf(v Value) []Value {
	members := v.Members()
	list := make([]Value, len(members))
	for i, m := range members {
		list[i] = m.Value
	}
	return list
}

func (ev *evaluation) flatten(n *node, v Value) (Value, error) {
	base, err := ev.eval(n.kids[0], v)
	if err != nil || base.kind != Array {
		return Value{}, err
	}
	var out []Value
	for _, e := range base.Elements() {
		if e.kind == Array {
			out = append(out, e.Elements()...)
		} else {
			out = append(out, e)
		}
	}
	return array(out), ev.count(len(out))
}

// selected makes a list or an object of several results.
func (ev *evaluation) selected(n *node, v Value) (Value, error) {
	if v.kind == Null {
		return Value{}, nil
	}
	results := make([]Value, len(n.kids))
	for i, kid := range n.kids {
		var err error
		if results[i], err = ev.eval(kid, v); err != nil {
			return Value{}, err
		}
	}
	if n.op == opList {
		return array(results), ev.count(len(results))
	}
	var members []Member
	var index map[string]int
	for i, name := range n.names {
		members = put(members, &index, Member{name, results[i]})
	}
	return object(members), ev.count(len(results))
}

// compare orders numbers with numbers and strings with strings; every other
// order is null.
func (ev *evaluation) compare(n *node, v Value) (Value, error) {
	a, err := ev.eval(n.kids[0], v)
	if err != nil {
		return Value{}, err
	}
	b, err := ev.eval(n.kids[1], v)
	if err != nil {
		return Value{}, err
	}
	switch n.cmp {
	case tEQ:
		return boolean(equal(a, b)), nil
	case tNE:
		return boolean(!equal(a, b)), nil
	}
	if a.kind != b.kind || a.kind != Number && a.kind != String {
		return Value{}, nil
	}
	c := order(a, b)
	switch n.cmp {
	case tLT:
		return boolean(c < 0), nil
	case tLE:
		return boolean(c <= 0), nil
	case tGT:
		return boolean(c > 0), nil
	}
	return boolean(c >= 0), nil
}
