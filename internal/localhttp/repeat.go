package localhttp

import (
	"slices"

	"powertools-extension/internal/localhttp/loopback"
	"powertools-extension/internal/paramcache"

	"go.uber.org/zap"
)

// Repeater is Parameters that can judge whether an answer may be given again
// for the same request. nil: it may not. Without it every request goes the
// whole way.
type Repeater interface {
	Again(ref paramcache.Ref, opt paramcache.Options, res *paramcache.Result) func() bool
}

// repeater is the judge of repeated answers. With DEBUG there is none: a
// request that the connection answers by itself leaves no line.
func repeater(p Parameters, log *zap.Logger) Repeater {
	judge, ok := p.(Repeater)
	if !ok || log.Core().Enabled(zap.DebugLevel) {
		return nil
	}
	return judge
}

// question is what a handler has asked the cache for one answer.
type question struct {
	ref paramcache.Ref
	opt paramcache.Options
}

// repeat lets the connection give the answer that x.out holds once more, as
// long as the cache says that it would be the same and the token opens the API.
// A group is no one entry, so nobody can judge it.
func (s *Server) repeat(x *exchange, res *paramcache.Result) {
	if s.repeater == nil || res.State != paramcache.Hit || x.asked.ref.Name == "" || x.asked.ref.Group() ||
		x.r.Header["If-None-Match"] != nil || !loopback.Repeated(x.r) {
		return
	}
	kept := *res // only now: a result that leaves here costs every read an allocation
	again := s.repeater.Again(x.asked.ref, x.asked.opt, &kept)
	if again == nil {
		return
	}
	tokens := s.opt.Tokens()
	loopback.Remember(x.r, loopback.Ticket{Body: len(x.body()), Again: func() bool {
		if !slices.Equal(tokens, s.opt.Tokens()) || !again() {
			return false
		}
		s.stats.requests.Add(1)
		return true
	}})
}

// Forget drops what the connections keep of answers. After a purge nothing of
// it would be given any more, but it would lie in memory until the next request.
func (s *Server) Forget() {
	s.documents.Forget()
	s.main.Forget()
	if s.appConfig != nil {
		s.appConfig.Forget()
	}
}

// repeats is how many answers the connections gave by themselves.
func (s *Server) repeats() int64 {
	n := s.main.Repeats()
	if s.appConfig != nil {
		n += s.appConfig.Repeats()
	}
	return n
}
