package schema

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"powertools-extension/internal/jmes"
)

// word is one keyword of the table. compile is nil for annotations.
type word struct {
	name         string
	since, until dialect
	compile      func(k *keywords, v jmes.Value)
}

// vocabulary is the table of keywords, in the order in which they are
// applied: what asks for the unevaluated comes last.
func vocabulary() []word {
	const first, last = draft7, draft2020
	words := []word{
		{"$ref", draft2019, last, func(k *keywords, _ jmes.Value) { k.ref("$ref") }},
		{"$dynamicRef", draft2020, last, func(k *keywords, _ jmes.Value) { k.ref("$dynamicRef") }},
		{"$recursiveRef", draft2019, draft2019, func(k *keywords, _ jmes.Value) { k.ref("$recursiveRef") }},
		{"$defs", first, last, definitions("$defs")},
		{"definitions", first, last, definitions("definitions")},
		{"type", first, last, (*keywords).types},
		{"enum", first, last, (*keywords).enum},
		{"const", first, last, func(k *keywords, v jmes.Value) { k.oneOfValues("const", []jmes.Value{v}) }},
		{"multipleOf", first, last, (*keywords).multipleOf},
		{"maximum", first, last, compared("maximum", func(c int) bool { return c <= 0 })},
		{"exclusiveMaximum", first, last, compared("exclusiveMaximum", func(c int) bool { return c < 0 })},
		{"minimum", first, last, compared("minimum", func(c int) bool { return c >= 0 })},
		{"exclusiveMinimum", first, last, compared("exclusiveMinimum", func(c int) bool { return c > 0 })},
		{"maxLength", first, last, counted("maxLength", jmes.String, length, atMost)},
		{"minLength", first, last, counted("minLength", jmes.String, length, atLeast)},
		{"pattern", first, last, (*keywords).patternOf},
		{"format", first, last, (*keywords).format},
		{"maxItems", first, last, counted("maxItems", jmes.Array, elements, atMost)},
		{"minItems", first, last, counted("minItems", jmes.Array, elements, atLeast)},
		{"uniqueItems", first, last, (*keywords).uniqueItems},
		{"maxProperties", first, last, counted("maxProperties", jmes.Object, properties, atMost)},
		{"minProperties", first, last, counted("minProperties", jmes.Object, properties, atLeast)},
		{"required", first, last, (*keywords).required},
		{"dependentRequired", draft2019, last, (*keywords).dependentRequired},
		{"dependentSchemas", draft2019, last, (*keywords).dependentSchemas},
		{"dependencies", first, first, (*keywords).dependencies},
		{"propertyNames", first, last, (*keywords).propertyNames},
		{"allOf", first, last, (*keywords).allOf},
		{"anyOf", first, last, (*keywords).anyOf},
		{"oneOf", first, last, (*keywords).oneOf},
		{"not", first, last, (*keywords).not},
		{"if", first, last, (*keywords).ifThenElse},
		{"contains", first, last, (*keywords).contains},
	}
	for _, name := range []string{"$id", "$schema", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment", "title", "description", "default",
		"examples", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "contentSchema", "then", "else", "minContains", "maxContains", "id"} {
		words = append(words, word{name, first, last, nil})
	}
	return append(words,
		// One check walks over the members or elements for a group of keywords.
		word{"properties", first, last, (*keywords).members}, word{"patternProperties", first, last, (*keywords).members}, word{"additionalProperties", first, last, (*keywords).members},
		word{"prefixItems", draft2020, last, (*keywords).items}, word{"items", first, last, (*keywords).items}, word{"additionalItems", first, draft2019, (*keywords).items},
		word{"unevaluatedItems", draft2019, last, (*keywords).unevaluatedItems}, word{"unevaluatedProperties", draft2019, last, (*keywords).unevaluatedProperties},
	)
}

func (k *keywords) types(v jmes.Value) {
	var want [6]bool // by kind
	integer := false
	words := v.Elements()
	if v.Kind() == jmes.String {
		words = []jmes.Value{v}
	}
	if len(words) == 0 {
		k.fail("type", "must be a word or a list of words")
	}
	for _, w := range words {
		if w.Str() == "integer" {
			integer = true
			continue
		}
		known := false
		for kind := jmes.Null; kind <= jmes.Object; kind++ {
			if w.Kind() == jmes.String && w.Str() == kind.String() {
				known, want[kind] = true, true
			}
		}
		if !known {
			k.fail("type", "must be null, boolean, object, array, number, string or integer")
		}
	}
	k.add(func(r *run, in *instance, _ *marks) bool {
		if want[in.kind] || integer && in.kind == jmes.Number && integral(in.text) {
			return true
		}
		return r.fail(in, "type")
	})
}

func (k *keywords) enum(v jmes.Value) {
	if v.Kind() != jmes.Array {
		k.fail("enum", "must be a list")
	}
	k.oneOfValues("enum", v.Elements())
}

func (k *keywords) oneOfValues(keyword string, list []jmes.Value) {
	allowed := make(map[string]bool, len(list))
	for _, e := range list {
		allowed[string(decode(e).canonical(nil))] = true
	}
	k.add(func(r *run, in *instance, _ *marks) bool {
		return allowed[string(in.canonical(make([]byte, 0, 64)))] || r.fail(in, keyword)
	})
}

func (k *keywords) multipleOf(v jmes.Value) {
	if v.Kind() != jmes.Number || jmes.CompareNumbers(v.Num(), "0") <= 0 {
		k.fail("multipleOf", "must be a number greater than 0")
		return
	}
	divisor := v.Num()
	k.add(func(r *run, in *instance, _ *marks) bool {
		return in.kind != jmes.Number || multiple(in.text, divisor) || r.fail(in, "multipleOf")
	})
}

func compared(keyword string, fits func(int) bool) func(*keywords, jmes.Value) {
	return func(k *keywords, v jmes.Value) {
		if v.Kind() != jmes.Number {
			k.fail(keyword, "must be a number")
			return
		}
		bound := v.Num()
		k.add(func(r *run, in *instance, _ *marks) bool {
			return in.kind != jmes.Number || fits(jmes.CompareNumbers(in.text, bound)) || r.fail(in, keyword)
		})
	}
}

func length(in *instance) int     { return utf8.RuneCountInString(in.text) }
func elements(in *instance) int   { return len(in.list) }
func properties(in *instance) int { return len(in.members) }
func atMost(n, bound int) bool    { return n <= bound }
func atLeast(n, bound int) bool   { return n >= bound }

func counted(keyword string, kind jmes.Kind, count func(*instance) int, fits func(n, bound int) bool) func(*keywords, jmes.Value) {
	return func(k *keywords, v jmes.Value) {
		bound, ok := natural(v)
		if !ok {
			k.fail(keyword, "must be an integer that is not negative")
			return
		}
		k.add(func(r *run, in *instance, _ *marks) bool {
			return in.kind != kind || fits(count(in), bound) || r.fail(in, keyword)
		})
	}
}

// natural reads a count; one beyond every length is the largest there is.
func natural(v jmes.Value) (int, bool) {
	if v.Kind() != jmes.Number || !integral(v.Num()) || jmes.CompareNumbers(v.Num(), "0") < 0 {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.Num(), 64)
	if err != nil || f > math.MaxInt32 {
		return math.MaxInt32, true
	}
	return int(f), true
}

func (k *keywords) patternOf(v jmes.Value) {
	if v.Kind() != jmes.String {
		k.fail("pattern", "must be a string")
		return
	}
	re := k.pattern("pattern", v.Str())
	k.add(func(r *run, in *instance, _ *marks) bool {
		return in.kind != jmes.String || re.MatchString(in.text) || r.fail(in, "pattern")
	})
}

func (k *keywords) format(v jmes.Value) {
	if v.Kind() != jmes.String {
		k.fail("format", "must be a string")
		return
	}
	matches := formats(v.Str())
	if !k.c.formats || matches == nil {
		return
	}
	k.add(func(r *run, in *instance, _ *marks) bool {
		return in.kind != jmes.String || matches(in.text) || r.fail(in, "format")
	})
}

func (k *keywords) uniqueItems(v jmes.Value) {
	if v.Kind() != jmes.Bool {
		k.fail("uniqueItems", "must be true or false")
		return
	}
	if !v.True() {
		return
	}
	k.add(func(r *run, in *instance, _ *marks) bool {
		seen := make(map[string]bool, len(in.list))
		for _, e := range in.list {
			text := string(e.canonical(make([]byte, 0, 64)))
			if seen[text] {
				return r.fail(in, "uniqueItems")
			}
			seen[text] = true
		}
		return true
	})
}

// names reads a list of strings.
func (k *keywords) names(keyword string, v jmes.Value) []string {
	var names []string
	for _, e := range v.Elements() {
		if e.Kind() != jmes.String {
			k.fail(keyword, "must be a list of strings")
		}
		names = append(names, e.Str())
	}
	if v.Kind() != jmes.Array {
		k.fail(keyword, "must be a list of strings")
	}
	return names
}

func (k *keywords) required(v jmes.Value) {
	names := k.names("required", v)
	k.add(func(r *run, in *instance, _ *marks) bool {
		ok := in.kind != jmes.Object
		if !ok {
			ok = true
			for _, name := range names {
				if in.member(name) == nil {
					// The path names what is missing.
					ok = r.fail(in, "required", name)
				}
			}
		}
		return ok
	})
}

func (k *keywords) dependentRequired(v jmes.Value) {
	k.object("dependentRequired", v)
	for _, m := range v.Members() {
		k.needs("dependentRequired", m.Name, k.names("dependentRequired", m.Value))
	}
}

func (k *keywords) needs(keyword, name string, others []string) {
	k.add(func(r *run, in *instance, _ *marks) bool {
		if in.kind != jmes.Object || in.member(name) == nil {
			return true
		}
		ok := true
		for _, other := range others {
			if in.member(other) == nil {
				ok = r.fail(in, keyword, other)
			}
		}
		return ok
	})
}

func (k *keywords) dependentSchemas(v jmes.Value) {
	k.object("dependentSchemas", v)
	for _, m := range v.Members() {
		k.appliesWith(m.Name, k.inPlace(m.Value, "dependentSchemas", m.Name))
	}
}

func (k *keywords) appliesWith(name string, n *node) {
	k.add(func(r *run, in *instance, m *marks) bool {
		return in.kind != jmes.Object || in.member(name) == nil || r.branch(n, in, m, r.validate)
	})
}

func (k *keywords) dependencies(v jmes.Value) {
	k.object("dependencies", v)
	for _, m := range v.Members() {
		if m.Value.Kind() == jmes.Array {
			k.needs("dependencies", m.Name, k.names("dependencies", m.Value))
		} else {
			k.appliesWith(m.Name, k.inPlace(m.Value, "dependencies", m.Name))
		}
	}
}

func (k *keywords) object(keyword string, v jmes.Value) {
	if v.Kind() != jmes.Object {
		k.fail(keyword, "must be an object")
	}
}

// definitions are compiled too, so that a mistake in one is found.
func definitions(keyword string) func(*keywords, jmes.Value) {
	return func(k *keywords, v jmes.Value) {
		k.object(keyword, v)
		for _, m := range v.Members() {
			k.sub(m.Value, keyword, m.Name)
		}
	}
}

// formats returns the test of a format, nil for one that is not asserted.
func formats(name string) func(string) bool {
	switch name {
	case "date-time":
		return isDateTime
	case "date":
		return isDate
	case "time":
		return isTime
	case "email":
		return isEmail
	case "uri":
		return isURI
	case "uuid":
		return isUUID
	case "ipv4":
		return isIPv4
	case "ipv6":
		return isIPv6
	}
	return nil
}

// list compiles a keyword whose value is a list of schemas.
func (k *keywords) list(keyword string, v jmes.Value) []*node {
	schemas := v.Elements()
	if len(schemas) == 0 {
		k.fail(keyword, "must be a list of at least one schema")
	}
	nodes := make([]*node, len(schemas))
	for i, e := range schemas {
		nodes[i] = k.inPlace(e, keyword, itoa(i))
	}
	return nodes
}

func (k *keywords) allOf(v jmes.Value) {
	nodes := k.list("allOf", v)
	k.add(func(r *run, in *instance, m *marks) bool {
		ok := true
		for _, n := range nodes {
			ok = r.branch(n, in, m, r.validate) && ok
		}
		return ok
	})
}

func (k *keywords) anyOf(v jmes.Value) {
	nodes := k.list("anyOf", v)
	k.add(func(r *run, in *instance, m *marks) bool {
		ok := false
		for _, n := range nodes {
			if r.branch(n, in, m, r.fits) {
				if ok = true; m == nil {
					break
				}
			}
		}
		return ok || r.fail(in, "anyOf")
	})
}

func (k *keywords) oneOf(v jmes.Value) {
	nodes := k.list("oneOf", v)
	k.add(func(r *run, in *instance, m *marks) bool {
		fitting := 0
		for _, n := range nodes {
			if r.branch(n, in, m, r.fits) {
				fitting++
			}
		}
		return fitting == 1 || r.fail(in, "oneOf")
	})
}

func (k *keywords) not(v jmes.Value) {
	n := k.inPlace(v, "not")
	k.add(func(r *run, in *instance, m *marks) bool {
		var own *marks
		if m != nil {
			own = new(marks)
		}
		return !r.fits(n, in, own) || r.fail(in, "not")
	})
}

func (k *keywords) ifThenElse(v jmes.Value) {
	condition := k.inPlace(v, "if")
	var branches [2]*node // else, then
	for i, name := range [...]string{"else", "then"} {
		if k.has(name) {
			branches[i] = k.inPlace(k.l.value.Field(name), name)
		}
	}
	k.add(func(r *run, in *instance, m *marks) bool {
		chosen := branches[0]
		if r.branch(condition, in, m, r.fits) {
			chosen = branches[1]
		}
		return chosen == nil || r.branch(chosen, in, m, r.validate)
	})
}

// isPattern reports whether text is worth a regular expression at all.
func isPattern(text string) bool { return strings.ContainsAny(text, `\.+*?()|[]{}^$`) }
