package localhttp

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"
)

// guard lets a request pass or says why not. It looks at headers only, and
// always in this order, so that an answer tells nothing about a later check:
//
//  1. X-Forwarded-*, Forwarded, Via: somebody relays foreign requests (400)
//  2. the request line's form and Host: DNS rebinding, a confused proxy (421)
//  3. Origin, whatever its value, or Sec-Fetch-Site: a web page (403)
//  4. the token, unless open says that none is needed (403; 401 on a drop-in route)
//
// Unknown routes and wrong methods are told only to callers with a token.
func (s *Server) guard(r *http.Request, open bool) *HTTPError {
	if name := forwardedHeader(r.Header); name != "" {
		return s.fail(CodeForwarded, "the request carries the header "+name)
	}
	if r.RequestURI == "" || r.RequestURI[0] != '/' {
		return s.fail(CodeMisdirected, "the request line must hold a path only")
	}
	if !localHost(r.Host) {
		return s.fail(CodeMisdirected, "the Host header does not name this machine's loopback")
	}
	if _, ok := r.Header["Origin"]; ok {
		return s.fail(CodeOrigin, "the request carries the header Origin")
	}
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "none" { // a page that embeds an address sends no Origin, but this
			return s.fail(CodeOrigin, "the request carries the header Sec-Fetch-Site")
		}
	}
	if open {
		return nil
	}
	return s.checkToken(r.Header)
}

// forwardedHeader returns the first header that a relay adds, or "".
func forwardedHeader(h http.Header) string {
	for name := range h {
		switch {
		case name[0] == 'X' && strings.HasPrefix(name, "X-Forwarded"):
			return "X-Forwarded-*"
		case name == "Forwarded", name == "Via":
			return name
		}
	}
	return ""
}

// localHost reports whether a Host header names loopback in one of the three
// ways a local client writes it, with or without a port.
func localHost(host string) bool {
	name := host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		if !isPort(host[i+1:]) {
			return false
		}
		name = host[:i]
	}
	return name == "127.0.0.1" || name == "[::1]" || name == "localhost" || strings.EqualFold(name, "localhost")
}

func isPort(s string) bool {
	if len(s) == 0 || len(s) > 5 {
		return false
	}
	n, err := strconv.Atoi(s)
	return err == nil && isDigits(s) && n > 0 && n < 1<<16
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// The two headers that carry the token, as net/http spells them.
const (
	tokenHeader = "X-Aws-Parameters-Secrets-Token"
	vaultHeader = "X-Vault-Token"
)

// checkToken demands exactly one token, and that it is one of the known.
func (s *Server) checkToken(h http.Header) *HTTPError {
	known := s.opt.Tokens()
	if len(known) == 0 {
		return s.fail(CodeNoToken, "this process knows no token, so nobody can present the right one")
	}
	given, other := h[tokenHeader], h[vaultHeader]
	switch {
	case len(given)+len(other) == 0:
		return s.fail(CodeToken, "the request carries no token")
	case len(given)+len(other) > 1:
		return s.fail(CodeToken, "the request carries more than one token")
	case len(given) == 0:
		given = other
	}
	// Every known token is compared, so that the time says nothing about which one matched.
	match := 0
	for _, token := range known {
		if token != "" {
			match |= subtle.ConstantTimeCompare([]byte(given[0]), []byte(token))
		}
	}
	if match != 1 {
		return s.fail(CodeToken, "the token is not the one of this function")
	}
	return nil
}
