package localhttp

import (
	"strings"

	"powertools-extension/internal/nearest"
)

// unknownRoute answers 404 and lists the routes that are probably meant.
func (s *Server) unknownRoute(routes []Route, path string) *HTTPError {
	refusal := s.fail(CodeUnknownRoute, "no route matches the path")
	refusal.Near = near(routes, path)
	return refusal
}

// near lists the routes whose literal part is most like the path's beginning,
// one for each number of path segments.
func near(routes []Route, path string) []string {
	const longest, mostSegments = 64, 3
	path = path[:min(len(path), longest)]
	var found []string
	for n := 1; n <= mostSegments; n++ {
		var literals []string
		for i := range routes {
			if part := routes[i].literal(); strings.Count(part, "/") == n {
				literals = append(literals, part)
			}
		}
		if best := nearest.Of(firstSegments(path, n), literals); best != "" {
			found = append(found, patternsOf(routes, best)...)
		}
	}
	return found
}

func patternsOf(routes []Route, wanted string) []string {
	var patterns []string
	for i := range routes {
		if r := &routes[i]; r.literal() == wanted {
			patterns = append(patterns, r.Method+" "+r.Pattern)
		}
	}
	return patterns
}

func (r *Route) literal() string { return strings.TrimSuffix(r.prefix(), "/") }

// firstSegments returns the first n segments of a path that begins with a slash.
func firstSegments(path string, n int) string {
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}
		if n == 0 {
			return path[:i]
		}
		n--
	}
	return path
}
