package localhttp

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"powertools-extension/internal/nearest"
	"powertools-extension/internal/ref"
)

// argument is one decoded query argument.
type argument struct {
	name, value string
	bare        bool // without "=", which reads as true
}

// argumentError says what is wrong with a request, for asHTTP.
type argumentError struct {
	code   Code
	detail string
}

func (e argumentError) Error() string { return e.detail }

func badArgument(name, want string) error {
	return argumentError{CodeBadArgument, "query argument " + name + ": want " + want}
}

// parseQuery decodes the query. On our own routes, and on the one of the
// Secrets Manager Agent, an argument that is not in the table is a mistake worth
// telling; on the other drop-in routes it is ignored. On all drop-in routes the
// first of several equal ones counts.
func (x *exchange) parseQuery(query string) error {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if pair == "" {
			continue
		}
		rawName, rawValue, assigned := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if known := err == nil && x.route.takes(name); !known {
			if d := x.route.Dialect; d == Official || d == AppConfigAgent {
				continue
			}
			return x.unknownArgument(name)
		}
		if _, twice := x.arg(name); twice && !x.route.repeats(name) {
			if x.route.Dialect != Problems {
				continue
			}
			return argumentError{CodeBadArgument, "query argument " + name + " is given twice"}
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return argumentError{CodeBadArgument, "query argument " + name + ": invalid percent escape"}
		}
		if why := unfit(value); why != "" {
			return argumentError{CodeBadArgument, "query argument " + name + " " + why}
		}
		// The servers behind the drop-in routes take an empty argument for none,
		// and clients rely on it.
		if value == "" && x.route.Dialect == Problems && !refusesEmpty(name) {
			code := CodeBadArgument
			if name == "name" || name == "path" || name == "key" || name == "expression" {
				code = CodeMissing
			}
			return argumentError{code, "query argument " + name + " is empty: give it a value, or leave it out"}
		}
		x.args = append(x.args, argument{name, value, !assigned})
	}
	return nil
}

// refusesEmpty tells whether the argument has a form that an empty text does
// not have; its own check says so better. A flag that stands alone is true.
func refusesEmpty(name string) bool {
	switch name {
	case "decrypt", "recursive", "raise_on_error", "force_fetch", "raise_on_transform_error", "consistent", "item", "overwrite", "event",
		"region", "role_arn", "max_age", "transform", "type", "tier":
		return true
	}
	return false
}

func (x *exchange) unknownArgument(name string) error {
	if x.route.Dialect == Agent {
		if !isWord(name) {
			name = "(not a word)"
		}
		return argumentError{CodeUnknownArgument, "unknown parameter: " + name}
	}
	detail := "unknown query argument"
	if isWord(name) {
		detail += " " + name
	}
	known := x.route.Query
	if near := nearest.Of(name, known); near != "" {
		detail += ": did you mean " + near + "?"
	} else if len(known) > 0 {
		detail += ": this route takes " + strings.Join(known, ", ")
	} else {
		detail += ": this route takes none"
	}
	return argumentError{CodeUnknownArgument, detail}
}

// isWord reports whether a caller's word may be repeated in an error text: it
// looks like the name of an argument, and not like something secret that got
// into the wrong place.
func isWord(s string) bool {
	const most = 32
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= most
}

// quoteShort prints a caller's word in an error text, escaped and cut.
func quoteShort(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// unfit says why a decoded text cannot be a name or an argument; "" if it can.
func unfit(s string) string {
	if len(s) > maxName {
		return "is longer than " + strconv.Itoa(maxName) + " bytes"
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return "holds a control character"
		}
	}
	if !utf8.ValidString(s) {
		return "is not UTF-8"
	}
	return ""
}

// name decodes a path variable.
func (x *exchange) name(i int, what string) (string, error) {
	name, err := url.PathUnescape(x.vars[i])
	switch {
	case err != nil:
		return "", argumentError{CodeBadRequest, "the " + what + " in the path has an invalid percent escape"}
	case name == "":
		return "", argumentError{CodeMissing, "the " + what + " is missing in the path"}
	}
	if why := unfit(name); why != "" {
		return "", argumentError{CodeBadRequest, "the " + what + " in the path " + why}
	}
	return name, nil
}

// parameterName is the name of a parameter in the path, which took the slash
// that a hierarchical name begins with.
func (x *exchange) parameterName() (string, error) {
	name, err := x.name(0, "parameter name")
	return ref.ParameterName(name), err
}

func (x *exchange) arg(name string) (argument, bool) {
	for _, a := range x.args {
		if a.name == name {
			return a, true
		}
	}
	return argument{}, false
}

// all returns the values of an argument that may be given several times.
func (x *exchange) all(name string) []string {
	var values []string
	for _, a := range x.args {
		if a.name == name {
			values = append(values, a.value)
		}
	}
	return values
}

// str returns an argument, or "" when it is missing or empty.
func (x *exchange) str(name string) string {
	a, _ := x.arg(name)
	return a.value
}

// flag returns a boolean argument. The words are those of the environment
// variables.
func (x *exchange) flag(name string, fallback bool) (bool, error) {
	a, ok := x.arg(name)
	switch {
	case !ok:
		return fallback, nil
	case a.bare:
		return true, nil
	}
	switch strings.ToLower(a.value) {
	case "1", "y", "yes", "t", "true", "on":
		return true, nil
	case "0", "n", "no", "f", "false", "off":
		return false, nil
	}
	return false, badArgument(name, "true or false")
}

// word returns an argument that has a few allowed values.
func (x *exchange) word(name string, allowed ...string) (string, error) {
	a, ok := x.arg(name)
	if !ok {
		return "", nil
	}
	for _, w := range allowed {
		if a.value == w {
			return w, nil
		}
	}
	return "", badArgument(name, strings.Join(allowed, ", "))
}

// maxSeconds bounds max_age: a year is as good as for ever in a sandbox.
const maxSeconds = 365 * 24 * 60 * 60

// seconds returns a duration given as seconds or in Go's form; nil when it is
// missing.
func (x *exchange) seconds(name string) (*time.Duration, error) {
	a, ok := x.arg(name)
	if !ok {
		return nil, nil
	}
	const want = "seconds from 0 (do not store) to 31536000, or a duration such as 90s or 5m"
	var d time.Duration
	var err error
	if isDigits(a.value) {
		var n int
		n, err = strconv.Atoi(a.value)
		d = time.Duration(min(n, maxSeconds+1)) * time.Second
	} else {
		d, err = time.ParseDuration(a.value)
	}
	if err != nil || d < 0 || d > maxSeconds*time.Second {
		return nil, badArgument(name, want)
	}
	return &d, nil
}

// region returns an AWS region. It becomes part of a host name, so nothing
// but a region may pass.
func (x *exchange) region() (string, error) {
	a, ok := x.arg("region")
	if ok && !ref.IsRegion(a.value) {
		return "", badArgument("region", "a region such as eu-west-1")
	}
	return a.value, nil
}

// role returns the ARN of an IAM role, whose form is checked here because a
// wrong one must cost no call. Page "IAM identifiers", IAM User Guide.
func (x *exchange) role(name string) (string, error) {
	a, ok := x.arg(name)
	if !ok || a.value == "" && x.route.Dialect != Problems {
		return "", nil
	}
	if !ref.IsRole(a.value) {
		return "", badArgument(name, "a role such as arn:aws:iam::123456789012:role/reader")
	}
	return a.value, nil
}
