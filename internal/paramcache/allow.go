package paramcache

import "strings"

// allowList is the list of globs that refs must match; empty: all may be read.
type allowList []string

// newAllowList accepts secret: for secrets:, the word of the prefetch list.
func newAllowList(globs []string) allowList {
	list := make(allowList, 0, len(globs))
	for _, glob := range globs {
		if rest, ok := strings.CutPrefix(glob, "secret:"); ok {
			glob = string(Secrets) + ":" + rest
		}
		list = append(list, glob)
	}
	return list
}

// permit tells whether the ref may be read. An own parameter's ARN is judged by
// the parameter's name as well.
func (c *Cache) permit(ref Ref) *Error {
	if len(c.allowed) == 0 || c.allowed.match(ref) {
		return nil
	}
	if t := c.home.target(ref); t.form == named && t.region == "" && t.account == "" && t.name != ref.Name {
		plain := ref
		plain.Name = t.name
		if c.allowed.match(plain) {
			return nil
		}
	}
	return &Error{
		Kind:    KindAccessDenied,
		Ref:     ref,
		Code:    "NotAllowed",
		Message: "the allow-list does not contain it",
		Cure:    "add " + ref.String() + " or a glob that matches it to POWERTOOLS_PARAMETERS_ALLOW",
	}
}

func (l allowList) match(ref Ref) bool {
	name := ref.String()
	for _, glob := range l {
		if matchGlob(glob, name) {
			return true
		}
	}
	return false
}

// matchGlob matches the whole of s: * is any run of characters, slashes too,
// and ? is any one byte. Two positions are remembered instead of recursing, so
// the time is at most len(glob)·len(s).
func matchGlob(glob, s string) bool {
	g, i := 0, 0
	star, from := -1, 0 // the last *, and where in s its run ends
	for i < len(s) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, from = g, i
			g++
		case g < len(glob) && (glob[g] == '?' || glob[g] == s[i]):
			g++
			i++
		case star >= 0:
			from++
			g, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(glob[g:], "*") == ""
}
