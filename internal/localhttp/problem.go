package localhttp

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/localhttp/wire"
	"powertools-extension/internal/paramcache"

	"go.uber.org/zap"
)

// typePrefix makes a problem's type a URI that needs no server (RFC 9457).
const typePrefix = "urn:powertools-extension:problem:"

// refuse writes an error answer: a problem document, or on a drop-in route
// the text its clients know, with what happened in two headers.
func (s *Server) refuse(x *exchange, e *HTTPError) {
	if e.Info.Code == CodeInternal && e.Cause != nil {
		s.logInternal(e.Cause)
	}
	s.headersOf(x, e)
	clear(x.body()) // a handler may have failed after it began to build an answer
	x.out = x.out[:keyLength]
	if x.route != nil && s.refuseInDialect(x, e) {
		return
	}
	x.out = s.appendProblem(x.out, e)
	_ = x.send(e.Info.Status, s.set.problem) // never fails
}

// refusal is the whole answer on a connection for which there is no room.
func (s *Server) refusal() []byte {
	e := s.fail(CodeTooManyRequests, "every connection has a request in flight")
	body := s.appendProblem(nil, e)
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\nContent-Type: %s\r\nRetry-After: %s\r\n\r\n",
		e.Info.Status, http.StatusText(e.Info.Status), len(body), s.set.problem[0], s.set.one[0])
	return append([]byte(head), body...)
}

// logInternal writes what the answer does not say. The cache promises that its
// errors hold no value; of any other error only the type is known to be safe.
func (s *Server) logInternal(cause error) {
	text := fmt.Sprintf("%T", cause)
	if known, ok := errors.AsType[*paramcache.Error](cause); ok {
		text = s.scrub(known.Error())
	}
	s.log.Error("internal error; a request was answered 500, please report this", zap.String("cause", text))
}

func (s *Server) headersOf(x *exchange, e *HTTPError) {
	h := x.w.Header()
	clear(h) // of an answer that was begun
	h["Cache-Control"] = s.set.noStore
	if e.Allow != nil {
		h["Allow"] = []string{strings.Join(e.Allow, ", ")}
	}
	if e.Upstream != nil && e.Upstream.Remembered { // nobody was asked
		h["X-Powertools-Cache"] = []string{string(paramcache.Negative)}
		h["Age"] = []string{strconv.FormatInt(int64(e.Upstream.Age/time.Second), 10)}
	}
	if e.Info.RetryHint {
		h["Retry-After"] = s.set.one
	}
	if e.RetryAfter > 0 { // whole seconds, not too early
		h["Retry-After"] = []string{strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)}
	}
	if x.r.ContentLength != 0 { // the rest of a refused body must not be read as a request
		h["Connection"] = s.set.closeAfter
	}
}

// headerText is an error in one header line: code, detail and cure.
func (s *Server) headerText(e *HTTPError) string {
	text := string(e.Info.Code)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if cure := orElse(e.Cure, e.Info.Cure); cure != "" {
		text += "; " + cure
	}
	return headerSafe(s.scrub(text))
}

// headerSafe replaces what a header must not hold. The result is ASCII.
func headerSafe(s string) string {
	const most = 1024
	if len(s) > most {
		s = s[:most]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

func (s *Server) appendProblem(dst []byte, e *HTTPError) []byte {
	dst = append(dst, `{"type":"`+typePrefix...)
	dst = append(dst, e.Info.Code...)
	dst = append(dst, `","title":`...)
	dst = wire.AppendString(dst, e.Info.Title)
	dst = append(dst, `,"status":`...)
	dst = wire.AppendInt(dst, e.Info.Status)
	if e.Detail != "" {
		dst = append(dst, `,"detail":`...)
		dst = wire.AppendString(dst, s.scrub(e.Detail))
	}
	dst = append(dst, `,"code":`...)
	dst = wire.AppendString(dst, string(e.Info.Code))
	if e.AWSCode != "" {
		dst = append(dst, `,"aws_code":`...)
		dst = wire.AppendString(dst, s.scrub(e.AWSCode))
	}
	if cure := orElse(e.Cure, e.Info.Cure); cure != "" {
		dst = append(dst, `,"cure":`...)
		dst = wire.AppendString(dst, s.scrub(cure))
	}
	if len(e.Near) > 0 {
		dst = append(dst, `,"near":`...)
		dst = wire.AppendStrings(dst, e.Near)
	}
	return append(dst, '}')
}

// scrub removes tokens from a text that quotes a request or a service.
func (s *Server) scrub(text string) string {
	for _, token := range s.opt.Tokens() {
		if token != "" {
			text = strings.ReplaceAll(text, token, "[redacted]")
		}
	}
	return text
}
