package localhttp

import (
	"strings"

	"powertools-extension/internal/nearest"
)

// unknownRoute answers 404 and lists the routes that are probably meant.
func (s *Server) unknownRoute(path string) *HTTPError {
	refusal := s.fail(CodeUnknownRoute, "no route matches the path")
	refusal.Near = s.near(path)
	return refusal
}

// near lists the routes whose literal part is most like the path's beginning,
// one for each number of path segments.
func (s *Server) near(path string) []string {
	const longest, mostSegments = 64, 3
	path = path[:min(len(path), longest)]
	var found []string
	for n := 1; n <= mostSegments; n++ {
		var literals []string
		for i := range s.routes {
			if literal := s.routes[i].literal(); strings.Count(literal, "/") == n {
				literals = append(literals, literal)
			}
		}
		if best := nearest.Of(firstSegments(path, n), literals); best != "" {
			found = append(found, s.patternsOf(best)...)
		}
	}
	return found
}

func (s *Server) patternsOf(literal string) []string {
	var patterns []string
	for i := range s.routes {
		if r := &s.routes[i]; r.literal() == literal {
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
