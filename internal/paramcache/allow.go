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
	if ref.Group() {
		return notAllowed(ref)
	}
	if t := c.home.target(ref); t.form == named && t.region == "" && t.account == "" && t.name != ref.Name {
		plain := ref
		plain.Name = t.name
		if c.allowed.match(plain) {
			return nil
		}
	}
	return notAllowed(ref)
}

func notAllowed(ref Ref) *Error {
	return &Error{
		Kind:    KindAccessDenied,
		Ref:     ref,
		Code:    "NotAllowed",
		Message: "the allow-list does not contain it",
		Cure:    "add " + ref.String() + " or a glob that matches it to POWERTOOLS_PARAMETERS_ALLOW",
	}
}

func (l allowList) match(ref Ref) bool {
	if ref.Group() {
		return l.matchGroup(ref)
	}
	name := ref.String()
	for _, glob := range l {
		if matchGlob(glob, name) {
			return true
		}
	}
	return false
}

// matchGroup tells whether all that a group may contain may be read, because
// its members are not known before they are there: by a glob on the path
// itself, or by one that matches the beginning all members share and ends in *,
// which then matches every member.
func (l allowList) matchGroup(ref Ref) bool {
	name, members := "", strings.TrimSuffix(ref.String(), "*")
	if ref.Path {
		path := pathTarget(target{name: ref.Name}).name
		name = string(ref.Source) + "-path:" + path
		members = string(ref.Source) + ":" + strings.TrimSuffix(path, "/")
		if path != "/" { // at the root are names without a slash as well
			members += "/"
		}
	}
	for _, glob := range l {
		exact, onPath := strings.CutPrefix(glob, string(ref.Source)+"-path:")
		switch {
		case onPath && ref.Path:
			glob = string(ref.Source) + "-path:" + pathTarget(target{name: exact}).name
			if matchGlob(glob, name) || matchGlob(glob, strings.TrimSuffix(name, "/")+"/") {
				return true
			}
		case strings.HasSuffix(glob, "*") && matchGlob(glob, members):
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
