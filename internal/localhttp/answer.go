package localhttp

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/paramcache"
)

// presets are header values that never change, made once: assigning them to
// the header map costs no allocation. net/http copies and never changes them.
type presets struct {
	json, problem, text, octets, noStore, one []string

	hit, miss, stale, refreshed, coalesced []string

	zero       []string // Age of a fresh fetch
	stalePlain []string // Warning: stale by choice
	closeAfter []string
}

func newPresets() presets {
	return presets{
		json: []string{"application/json"}, problem: []string{"application/problem+json"},
		text: []string{"text/plain; charset=utf-8"}, octets: []string{"application/octet-stream"},
		noStore: []string{"no-store"}, one: []string{"1"},
		hit: []string{string(paramcache.Hit)}, miss: []string{string(paramcache.Miss)}, stale: []string{string(paramcache.Stale)},
		refreshed: []string{string(paramcache.Refreshed)}, coalesced: []string{string(paramcache.Coalesced)},
		zero:       []string{"0"},
		stalePlain: []string{`110 powertools-extension "Response is Stale"`},
		closeAfter: []string{"close"},
	}
}

// state returns the value of X-Powertools-Cache.
func (p *presets) state(state paramcache.State) []string {
	switch state {
	case paramcache.Hit:
		return p.hit
	case paramcache.Miss:
		return p.miss
	case paramcache.Stale:
		return p.stale
	case paramcache.Refreshed:
		return p.refreshed
	case paramcache.Coalesced:
		return p.coalesced
	}
	return []string{string(state)}
}

// body is what has been built so far.
func (x *exchange) body() []byte { return x.out[keyLength:] }

// send writes the answer that x.out holds.
func (x *exchange) send(status int, contentType []string) error {
	x.w.Header()["Content-Type"] = contentType
	x.write(status)
	return nil
}

// write writes status and body. A client that went away is no error of ours.
func (x *exchange) write(status int) {
	body := x.body()
	if len(body) > 2000 { // net/http counts smaller bodies itself, and chunks larger ones
		x.w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	x.status = status
	x.w.WriteHeader(status)
	if len(body) > 0 {
		_, _ = x.w.Write(body)
	}
}

// sendValue writes the parameter answer that x.out holds, with the headers
// that every parameter answer has, or 304 when the client has it already.
func (s *Server) sendValue(x *exchange, contentType []string, res *paramcache.Result) error {
	h := x.w.Header()
	tag := x.entityTag()
	h["Cache-Control"] = s.set.noStore // the function's HTTP library must not put it on disk
	h["Etag"] = []string{tag}
	h["X-Powertools-Cache"] = s.set.state(res.State)
	h["Age"] = s.set.zero
	if age := res.Age / time.Second; age > 0 {
		h["Age"] = []string{strconv.FormatInt(int64(age), 10)}
	}
	if res.State == paramcache.Stale {
		h["Warning"] = s.staleWarning(res.Err)
	}
	if x.ciphertext {
		h["Warning"] = append(h["Warning"][:len(h["Warning"]):len(h["Warning"])], s.ciphertextWarning(x))
	}
	if match := x.r.Header["If-None-Match"]; match != nil && matches(match, tag) {
		clear(x.body())
		x.out = x.out[:keyLength]
		x.write(http.StatusNotModified)
		return nil
	}
	s.repeat(x, res)
	return x.send(http.StatusOK, contentType)
}

// staleWarning says why an old value was served, by kind and never by text.
func (s *Server) staleWarning(err error) []string {
	if err == nil {
		return s.set.stalePlain
	}
	return []string{`111 powertools-extension "Revalidation Failed: ` + string(s.asHTTP(err).Info.Code) + `"`}
}

// isCiphertext tells whether the answer to a read without decryption is one
// that nobody can use.
func isCiphertext(ref paramcache.Ref, v *paramcache.Value) bool {
	return ref.Source == paramcache.SSM && !ref.Decrypt && v.Type == "SecureString"
}

// ciphertextWarning names the argument that was forgotten, as the route calls it.
func (s *Server) ciphertextWarning(x *exchange) string {
	argument := "decrypt=true"
	if x.route.Dialect == Official {
		argument = "withDecryption=true"
	}
	return `199 powertools-extension "a SecureString is answered encrypted: add ` + argument + `"`
}

// entityTag is a strong tag of the body. The key in front of the body makes it
// worthless for guessing values outside this process; half of the hash is
// dropped, so it cannot be continued either.
func (x *exchange) entityTag() string {
	sum := sha256.Sum256(x.out)
	var tag [24]byte
	tag[0], tag[23] = '"', '"'
	base64.RawURLEncoding.Encode(tag[1:23], sum[:16])
	return string(tag[:])
}

// matches reports whether one of If-None-Match's tags is tag. The comparison
// is the weak one (RFC 9110 section 13.1.2).
func matches(lines []string, tag string) bool {
	for _, line := range lines {
		for candidate := range strings.SplitSeq(line, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == tag || candidate == "*" {
				return true
			}
		}
	}
	return false
}
