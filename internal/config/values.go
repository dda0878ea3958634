package config

import (
	"errors"
	"fmt"
	"math"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is one typed field of Config, in the manner of flag.Value. Set leaves
// the field alone when it fails, and its error says what is allowed but never
// repeats the text, which may be a secret put into the wrong variable.
type value interface {
	Set(text string) error
	String() string
	Type() string
}

var levels = []string{"TRACE", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL", "SILENT"}

type text struct{ p *string }

func (v text) Set(s string) error { *v.p = s; return nil }
func (v text) String() string     { return *v.p }
func (text) Type() string         { return "text" }

// word is one of a few words, matched without regard to case and kept as the
// table spells it. Empty is allowed: nothing chosen.
type word struct {
	p       *string
	allowed []string
}

func (v word) Set(s string) error {
	if s == "" {
		*v.p = ""
		return nil
	}
	for _, w := range v.allowed {
		if strings.EqualFold(s, w) {
			*v.p = w
			return nil
		}
	}
	return errors.New("not one of " + strings.Join(v.allowed, ", "))
}
func (v word) String() string { return *v.p }
func (v word) Type() string   { return strings.Join(v.allowed, ", ") }

type truth struct{ p *bool }

func (v truth) Set(s string) error {
	switch strings.ToLower(s) {
	case "1", "y", "yes", "t", "true", "on":
		*v.p = true
	case "0", "n", "no", "f", "false", "off":
		*v.p = false
	default:
		return errors.New("not a boolean (1 y yes t true on, 0 n no f false off)")
	}
	return nil
}
func (v truth) String() string { return strconv.FormatBool(*v.p) }
func (truth) Type() string     { return "boolean" }

type whole struct {
	p        *int
	min, max int
}

func (v whole) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < v.min || n > v.max {
		return fmt.Errorf("not a whole number from %d to %d", v.min, v.max)
	}
	*v.p = n
	return nil
}
func (v whole) String() string { return strconv.Itoa(*v.p) }
func (v whole) Type() string   { return fmt.Sprintf("%d to %d", v.min, v.max) }

// share is a probability.
type share struct{ p *float64 }

func (v share) Set(s string) error {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 1 {
		return errors.New("not a number from 0 to 1")
	}
	*v.p = f
	return nil
}
func (v share) String() string { return strconv.FormatFloat(*v.p, 'g', -1, 64) }
func (share) Type() string     { return "0 to 1" }

// span is a duration: Go form, or a bare number of the unit.
type span struct {
	p        *time.Duration
	unit     time.Duration
	min, max time.Duration
}

func (v span) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		n, nerr := strconv.ParseFloat(s, 64)
		if nerr != nil || math.Abs(n) > 1e12 || math.IsNaN(n) {
			return fmt.Errorf("not a duration such as 250ms, 5s, 1h, or a number of %s", unitName(v.unit))
		}
		d = time.Duration(n * float64(v.unit))
	}
	if d < v.min || d > v.max {
		return fmt.Errorf("not between %s and %s", v.min, v.max)
	}
	*v.p = d
	return nil
}
func (v span) String() string { return (*v.p).String() }
func (v span) Type() string   { return "duration, bare number: " + unitName(v.unit) }

func unitName(d time.Duration) string {
	if d == time.Millisecond {
		return "milliseconds"
	}
	return "seconds"
}

// list is comma separated; blanks around members and empty members go.
type list struct{ p *[]string }

func (v list) Set(s string) error {
	*v.p = entriesOf(s)
	return nil
}
func (v list) String() string { return strings.Join(*v.p, ",") }
func (list) Type() string     { return "comma list" }

// expression is RE2, kept as text: whoever uses it compiles it.
type expression struct{ p *string }

func (v expression) Set(s string) error {
	if _, err := syntax.Parse(s, syntax.Perl); err != nil {
		var wrong *syntax.Error
		if errors.As(err, &wrong) { // its Expr would repeat the value
			return errors.New("not an RE2 expression: " + string(wrong.Code))
		}
		return errors.New("not an RE2 expression")
	}
	*v.p = s
	return nil
}
func (v expression) String() string { return *v.p }
func (expression) Type() string     { return "RE2" }

// selection is a preset's word or a comma list of names. The names are
// checked by who knows them.
type selection struct {
	p       *string
	presets []string
}

func (v selection) Set(s string) error {
	preset := word{v.p, v.presets}
	if preset.Set(s) == nil {
		return nil
	}
	entries := entriesOf(s)
	if len(entries) == 0 || slices.ContainsFunc(entries, func(entry string) bool { return !isName(entry) }) {
		return errors.New("not one of " + strings.Join(v.presets, ", ") + " and not a comma list of metric names")
	}
	*v.p = strings.Join(entries, ",")
	return nil
}
func (v selection) String() string { return *v.p }
func (v selection) Type() string   { return strings.Join(v.presets, ", ") + ", or a comma list of names" }

func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// namespace is a CloudWatch namespace (CloudWatch PutMetricData).
type namespace struct{ p *string }

func (v namespace) Set(s string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._#:/-"
	if s == "" || len(s) > 255 || strings.Trim(s, allowed) != "" || strings.HasPrefix(s, "AWS/") {
		return errors.New("not a namespace: 1 to 255 of letters, digits and ` ._#:/-`, not starting with AWS/")
	}
	for _, r := range s {
		if !strings.ContainsRune(allowed, r) {
			return errors.New("not a namespace: 1 to 255 of letters, digits and ` ._#:/-`, not starting with AWS/")
		}
	}
	*v.p = s
	return nil
}
func (v namespace) String() string { return *v.p }
func (namespace) Type() string     { return "text" }

// dimensions are name=value pairs. With service and function_name they may be
// 29 in all (Powertools' limit).
type dimensions struct{ p *[]Dimension }

// Set takes what it can use: an entry that is wrong costs that entry.
func (v dimensions) Set(s string) error {
	var out []Dimension
	var wrong []string
	seen := map[string]bool{"service": true, "function_name": true}
	for i, part := range entriesOf(s) {
		name, val, ok := strings.Cut(part, "=")
		name, val = strings.TrimSpace(name), strings.TrimSpace(val)
		switch {
		case !ok || !isDimension(name, 250) || !isDimension(val, 1024) || name[0] == ':' || name == "_aws":
			wrong = append(wrong, fmt.Sprintf("entry %d: not name=value of 1 to 250 and 1 to 1024 characters of printable ASCII, such as stage=prod", i+1))
		case seen[name]:
			wrong = append(wrong, fmt.Sprintf("entry %d: named twice, or service or function_name, which are always there", i+1))
		case len(seen) == 29:
			wrong = append(wrong, fmt.Sprintf("entry %d: one too many, there may be 27 (29 with service and function_name)", i+1))
		default:
			seen[name] = true
			out = append(out, Dimension{name, val})
		}
	}
	if len(out) > 0 || len(wrong) == 0 {
		*v.p = out
	}
	return partial(wrong, len(out) > 0, "the other entries")
}

// serviceName is the key service of lines, which may be any text, and the
// dimension service of metrics, which may not.
type serviceName struct{ name, dimension *string }

const defaultService = "service_undefined"

func (v serviceName) Set(s string) error {
	*v.name, *v.dimension = s, s
	if isDimension(s, 1024) {
		return nil
	}
	*v.dimension = defaultService
	return &partialError{[]string{notDimension}, defaultService + " for the metrics; lines keep the name"}
}
func (v serviceName) String() string { return *v.name }
func (serviceName) Type() string     { return "text" }

const notDimension = "not the value of a CloudWatch dimension (1 to 1024 characters of printable ASCII)"

// dimensionValue is text that becomes a dimension. Empty: nothing chosen.
type dimensionValue struct{ p *string }

func (v dimensionValue) Set(s string) error {
	if s != "" && !isDimension(s, 1024) {
		return errors.New(notDimension)
	}
	*v.p = s
	return nil
}
func (v dimensionValue) String() string { return *v.p }
func (dimensionValue) Type() string     { return "text" }

func isDimension(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

func (v dimensions) String() string {
	parts := make([]string, len(*v.p))
	for i, d := range *v.p {
		parts[i] = d.Name + "=" + d.Value
	}
	return strings.Join(parts, ",")
}
func (dimensions) Type() string { return "comma list of name=value" }

// orDefault names what is used when a variable has no default text of its own.
func orDefault(s string) string {
	if s == "" {
		return "the default"
	}
	return s
}
