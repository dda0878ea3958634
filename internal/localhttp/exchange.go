package localhttp

import (
	"net/http"
	"strings"

	"go.uber.org/zap"
)

// exchange is one request and the answer being built. Exchanges are pooled:
// nothing may keep one, or its body, past ServeHTTP.
type exchange struct {
	w     http.ResponseWriter
	r     *http.Request
	port  *door
	route *Route
	vars  [maxVars]string // of the path, undecoded
	args  []argument
	text  bool // the bare value is wanted
	asked question

	ciphertext bool // a SecureString is in the answer as it is stored

	// out is the answer's body behind keyLength bytes of the process key, so
	// that the entity tag is one hash over one slice.
	out    []byte
	status int // 0: nothing written yet
}

const keyLength = 32

// keep bounds the buffer that a pooled exchange holds on to.
const keep = 64 << 10

// answer runs the checks and the handler.
func (s *Server) answer(x *exchange) error {
	path, query, _ := strings.Cut(x.r.RequestURI, "?")
	route, vars, allow := find(x.port.routes, x.r.Method, path)
	x.route = route
	if refusal := s.guard(x.r, x.port.open || route != nil && route.Open); refusal != nil {
		s.stats.refused.Add(1)
		return refusal
	}
	switch {
	case route == nil:
		return s.unknownRoute(x.port.routes, path)
	case allow != nil:
		refusal := s.fail(CodeMethod, route.Pattern+" answers "+strings.Join(allow, ", "))
		refusal.Allow = allow
		return refusal
	case !route.Body && (x.r.ContentLength != 0 || x.r.TransferEncoding != nil):
		return s.fail(CodeUnexpectedBody, x.r.Method+" takes no body")
	}
	if !route.Open {
		if s.inFlight.Add(1) > int64(s.opt.InFlight) {
			s.inFlight.Add(-1)
			s.stats.limited.Add(1)
			return s.fail(CodeTooManyRequests, "")
		}
		defer s.inFlight.Add(-1)
	}
	x.vars = vars
	if err := x.parseQuery(query); err != nil {
		return err
	}
	return route.serve(s, x)
}

// finish recovers a panic, counts, logs and gives the exchange back.
func (s *Server) finish(x *exchange) {
	if p := recover(); p != nil {
		pattern := "no route"
		if x.route != nil {
			pattern = x.route.Pattern
		}
		s.logPanic(pattern, p)
		if x.status == 0 {
			s.refuse(x, s.fail(CodeInternal, ""))
		}
	}
	s.stats.requests.Add(1)
	if x.status >= 500 {
		s.stats.failed.Add(1)
	}
	if entry := s.log.Check(zap.DebugLevel, "request"); entry != nil {
		pattern := ""
		if x.route != nil {
			pattern = x.route.Pattern // the path itself could hold anything
		}
		entry.Write(zap.String("route", pattern), zap.Int("status", x.status))
	}
	clear(x.out) // a pooled buffer must not hold on to a value
	if cap(x.out) > keep {
		x.out = nil
	}
	clear(x.args)
	*x = exchange{out: x.out[:0], args: x.args[:0]}
	s.exchanges.Put(x)
}
