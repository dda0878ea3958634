package localhttp

import (
	"net/http"

	"powertools-extension/internal/localhttp/loopback"
)

// door is one of the ports, and what is behind it.
type door struct {
	*loopback.Port

	server *Server
	routes []Route
	open   bool // nobody needs a token
}

func (s *Server) door(routes []Route, opt loopback.Options) *door {
	opt.Connections, opt.MaxHeader, opt.Refusal = s.opt.Connections, maxHeader, s.refusal()
	d := &door{server: s, routes: routes}
	d.Port = loopback.New(d, s.log, opt)
	return d
}

// ServeHTTP implements http.Handler: a request as it comes to the main port.
// It is exported for tests; requests usually come through Serve.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.main.ServeHTTP(w, r) }

// ServeHTTP implements http.Handler.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := d.server
	x := s.exchanges.Get().(*exchange)
	x.w, x.r, x.port, x.out = w, r, d, append(x.out[:0], s.key[:]...)
	defer s.finish(x)
	if err := s.answer(x); err != nil {
		s.refuse(x, s.asHTTP(err))
	}
}
