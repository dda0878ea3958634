// Package apidoc describes the local API to people and to tools: what each
// route takes and answers, as rows for the reference pages, as an OpenAPI
// document, and as example requests that a test plays.
//
// The rule a reader could break: it is not shipped. The extension serves the
// document from a compressed file, which make generate prints; what a route
// does stands in localhttp, and the tests here compare the two.
package apidoc

import (
	"fmt"

	"powertools-extension/internal/localhttp"
)

// Route is one route with everything a caller must know about it.
type Route struct {
	localhttp.Route

	Summary string // one line
	Detail  string // what a caller must know beyond it
	Params  []Param
	Request *Media // the body; nil: none is allowed
	Answers []Answer
	Errors  []localhttp.Code // beyond those that every route has, see localhttp.Errors
}

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
	Repeat   bool   // may be given several times
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

// Routes is every route of the table in its order. A route without a
// description is a mistake that the tests find; it has no Summary here.
func Routes() []Route {
	described := map[string]Route{}
	for _, list := range [][]Route{parameterRoutes(), dropInRoutes(), flagRoutes(), documentRoutes(), otherRoutes()} {
		for _, r := range list {
			key := r.Method + " " + r.Pattern
			if _, twice := described[key]; twice {
				panic(fmt.Sprintf("%s is described twice", key))
			}
			described[key] = r
		}
	}
	var routes []Route
	for _, r := range localhttp.Routes() {
		full := described[r.Method+" "+r.Pattern]
		full.Route = r
		routes = append(routes, full)
	}
	return routes
}
