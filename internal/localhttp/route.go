package localhttp

import (
	"slices"
	"strings"
)

// Route is one row of the table of routes. What a caller must know about it
// stands in reference/apidoc, which is not shipped and whose tests compare the
// two.
type Route struct {
	Method  string
	Pattern string   // {name} is one path segment, {name…} the rest of the path, slashes included
	Slash   bool     // the same path with a slash at its end is this route too
	Query   []string // the arguments there are; "context.*" is all that begin so
	Repeat  []string // those of Query that may be given several times
	Body    bool     // it takes one; the others refuse it
	MaxBody int      // bytes of it; 0: 256 KiB
	Open    bool     // needs no token
	Head    bool     // HEAD is answered too, as GET without the body
	Dialect Dialect  // of its errors

	serve handler
}

// Dialect is the language in which a route refuses and fails.
type Dialect string

// The dialects.
const (
	Problems       Dialect = ""               // ours: application/problem+json
	Official       Dialect = "official"       // AWS Parameters and Secrets Lambda Extension
	Agent          Dialect = "agent"          // AWS Secrets Manager Agent
	AppConfigAgent Dialect = "appconfigagent" // AWS AppConfig Agent
)

// handler answers one request, or says why not.
type handler func(s *Server, x *exchange) error

// maxVars is how many variables a pattern has at most.
const maxVars = 3

// takes reports whether the route knows the query argument.
func (r *Route) takes(name string) bool {
	return slices.ContainsFunc(r.Query, func(known string) bool {
		prefix, open := strings.CutSuffix(known, "*")
		return known == name || open && len(name) > len(prefix) && strings.HasPrefix(name, prefix)
	})
}

// repeats reports whether the argument may be given several times.
func (r *Route) repeats(name string) bool { return slices.Contains(r.Repeat, name) }

// prefix is the literal part of the pattern, up to its first variable.
func (r *Route) prefix() string {
	if i := strings.IndexByte(r.Pattern, '{'); i >= 0 {
		return r.Pattern[:i]
	}
	return r.Pattern
}

// match compares an undecoded path with the pattern. It returns the variables,
// undecoded; the last one may be empty, so that a route can say itself what is
// missing. Nothing is cleaned: //, . and .. are ordinary bytes of a name.
func (r *Route) match(path string) (vars [maxVars]string, ok bool) {
	pattern := r.Pattern
	for i := range vars {
		open := strings.IndexByte(pattern, '{')
		if open < 0 {
			return vars, path == pattern || r.Slash && path == pattern+"/"
		}
		if path, ok = strings.CutPrefix(path, pattern[:open]); !ok {
			return vars, false
		}
		variable, after, _ := strings.Cut(pattern[open:], "}")
		end := segment(path)
		if after == "" {
			vars[i] = path
			return vars, end == len(path) || strings.HasSuffix(variable, "…")
		}
		if end == 0 {
			return vars, false
		}
		vars[i], path, pattern = path[:end], path[end:], after
	}
	return vars, path == pattern
}

// segment is the length of the path's first segment. The slash inside the ARN
// of a table, arn:…:table/flags, does not end one.
func segment(path string) int {
	end := strings.IndexByte(path, '/')
	if end > 0 && strings.HasPrefix(path, "arn:") && strings.HasSuffix(path[:end], ":table") {
		next := strings.IndexByte(path[end+1:], '/')
		if next < 0 {
			return len(path)
		}
		return end + 1 + next
	}
	if end < 0 {
		return len(path)
	}
	return end
}

// find returns the route of a method and an undecoded path. When only the
// method does not fit, it returns some route of the path and the methods that
// do.
func find(routes []Route, method, path string) (route *Route, vars [maxVars]string, allow []string) {
	for i := range routes {
		r := &routes[i]
		found, ok := r.match(path)
		if !ok {
			continue
		}
		if r.Method == method || r.Head && method == "HEAD" {
			return r, found, nil
		}
		if !slices.Contains(allow, r.Method) {
			allow = append(allow, r.Method)
		}
		if r.Head {
			allow = append(allow, "HEAD")
		}
		route = r
	}
	return route, vars, allow
}
