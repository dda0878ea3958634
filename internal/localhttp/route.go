package localhttp

import "strings"

// Route is one row of the table that routing, the reference page and the API
// description share.
type Route struct {
	Method  string
	Pattern string // {name} is one path segment, {name…} the rest of the path, slashes included
	Slash   bool   // the same path with a slash at its end is this route too
	Summary string // one line
	Detail  string // what a caller must know beyond it
	Params  []Param
	Body    *Media // of the request; nil: none is allowed
	Answers []Answer
	Errors  []Code // beyond those that every route has, see the function Errors
	Open    bool   // needs no token
	DropIn  bool   // answers errors in the words of the extension it stands in for

	serve handler
}

// handler answers one request, or says why not.
type handler func(s *Server, x *exchange) error

// Place is where a parameter stands in a request.
type Place string

// The places.
const (
	InPath   Place = "path"
	InQuery  Place = "query"
	InHeader Place = "header"
)

// Param is one input of a route.
type Param struct {
	Name     string
	In       Place
	Type     string   // string, boolean, seconds, integer
	Allowed  []string // all values there are; nil: any of the type
	Required bool
	Default  string // as a caller would write it; empty: see Summary
	Summary  string
}

// Answer is one successful answer of a route.
type Answer struct {
	Status  int
	Summary string
	Media   []Media // nil: no body
}

// Media is one form of a body.
type Media struct {
	Type    string // as in Content-Type
	Schema  string // name among the schemas of the API description; empty: a string
	Example string
}

// takes reports whether the route knows the query argument.
func (r *Route) takes(name string) bool {
	for i := range r.Params {
		if p := &r.Params[i]; p.In == InQuery && p.Name == name {
			return true
		}
	}
	return false
}

// queryNames lists the query arguments of the route, for error texts.
func (r *Route) queryNames() []string {
	var names []string
	for _, p := range r.Params {
		if p.In == InQuery {
			names = append(names, p.Name)
		}
	}
	return names
}

// prefix is the literal part of the pattern, up to its first variable.
func (r *Route) prefix() string {
	if i := strings.IndexByte(r.Pattern, '{'); i >= 0 {
		return r.Pattern[:i]
	}
	return r.Pattern
}

// match compares an undecoded path with the pattern. It returns the two
// variables a pattern has at most, undecoded; the last one may be empty, so
// that a route can say itself what is missing. Nothing is cleaned: //, . and
// .. are ordinary bytes of a name.
func (r *Route) match(path string) (vars [2]string, ok bool) {
	prefix := r.prefix()
	pattern := r.Pattern[len(prefix):]
	if pattern == "" {
		return vars, path == prefix || r.Slash && path == prefix+"/"
	}
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok {
		return vars, false
	}
	if strings.Contains(pattern, "}/{") {
		vars[0], vars[1], ok = strings.Cut(rest, "/")
		return vars, ok && vars[0] != ""
	}
	vars[0] = rest
	return vars, strings.HasSuffix(pattern, "…}") || !strings.Contains(rest, "/")
}

// find returns the route of a method and an undecoded path. When only the
// method does not fit, it returns some route of the path and the methods that
// do.
func (s *Server) find(method, path string) (route *Route, vars [2]string, allow []string) {
	for i := range s.routes {
		r := &s.routes[i]
		found, ok := r.match(path)
		if !ok {
			continue
		}
		if r.Method == method {
			return r, found, nil
		}
		route = r
		allow = append(allow, r.Method)
	}
	return route, vars, allow
}
