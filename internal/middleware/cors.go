package middleware

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/cors"
	"powertools-extension/internal/jmes"
)

// CORS is the hook that says to browsers which pages may read answers: of REST
// APIs and load balancers, whose functions have to say so themselves. HTTP
// APIs and function URLs have settings for it, and their events pass.
type CORS struct {
	Origins     []string // as browsers send them, or * alone; none: the hook is off
	Headers     []string // that a page may send; * is those it asks for
	Methods     []string // * is the one it asks for
	MaxAge      time.Duration
	Credentials bool // never with the origin *
}

// Hook returns the step.
func (c CORS) Hook() Hook {
	h := &corsHook{CORS: c}
	return Hook{Name: "cors", Request: h.request, Response: h.response}
}

type corsHook struct {
	CORS
	origins pending[string] // on which answers depend; empty: none was sent
}

// applies tells the sources whose gateways leave CORS to the function.
func applies(source string) bool { return source == "api_gateway_v1" || source == "alb" }

func (h *corsHook) request(_ context.Context, r *Request) (Action, error) {
	if !applies(r.Source.Name) {
		return Action{}, nil
	}
	event, err := jmes.Parse(r.Body)
	if err != nil {
		return Action{}, nil
	}
	headers := headersOf(event)
	origin := headers["origin"]
	method := headers["access-control-request-method"]
	if event.Field("httpMethod").Str() == "OPTIONS" && origin != "" && method != "" {
		return Action{Answer: &Post{Body: h.preflight(r, origin, method, headers["access-control-request-headers"])}}, nil
	}
	h.origins.put(r, origin)
	return Action{}, nil
}

// headersOf are the headers that matter here, by names in lower case.
func headersOf(event jmes.Value) map[string]string {
	found := map[string]string{}
	take := func(name, value string) {
		switch name = strings.ToLower(name); name {
		case "origin", "access-control-request-method", "access-control-request-headers":
			if found[name] == "" {
				found[name] = value
			}
		}
	}
	for _, m := range event.Field("headers").Members() {
		take(m.Name, m.Value.Str())
	}
	for _, m := range event.Field("multiValueHeaders").Members() {
		if list := m.Value.Elements(); len(list) > 0 {
			take(m.Name, list[0].Str())
		}
	}
	return found
}

// header is one of an answer.
type header struct{ name, value string }

// allowed are the headers for an origin: none that a page could use if it is
// not in the list.
func (c CORS) allowed(origin string) (list []header) {
	switch {
	case slices.Contains(c.Origins, "*"):
		return []header{{"access-control-allow-origin", "*"}}
	case origin != "" && slices.Contains(c.Origins, origin):
		list = append(list, header{"access-control-allow-origin", origin})
		if c.Credentials {
			list = append(list, header{"access-control-allow-credentials", "true"})
		}
	}
	return append(list, header{"vary", "Origin"}) // a cache must not give it to another page
}

// preflight is the answer to a browser that asks before it sends a request.
// The function is not run, whoever asks.
func (h *corsHook) preflight(r *Request, origin, method, headers string) []byte {
	list := h.allowed(origin)
	if list[0].name == "access-control-allow-origin" {
		for _, names := range []header{{"access-control-allow-methods", listed(h.Methods, method)}, {"access-control-allow-headers", listed(h.Headers, headers)}} {
			if names.value != "" {
				list = append(list, names)
			}
		}
		if h.MaxAge > 0 {
			list = append(list, header{"access-control-max-age", strconv.Itoa(int(h.MaxAge / time.Second))})
		}
	}
	out := []byte(`{"statusCode":204,`)
	if r.Source.Name == "alb" {
		out = append(out, `"statusDescription":"204 No Content",`...)
	}
	out = append(out, `"isBase64Encoded":false,"`...)
	out = append(append(out, headersMember(r.Source.MultiValue)...), `":{`...)
	out = appendHeaders(out, list, r.Source.MultiValue)
	return append(out, `},"body":""}`...)
}

// listed is what the configuration allows, where * is what was asked for: with
// credentials, and for Authorization always, browsers take * for a name.
func listed(allowed []string, asked string) string {
	if !slices.Contains(allowed, "*") {
		return strings.Join(allowed, ",")
	}
	var names []string
	for name := range strings.SplitSeq(asked, ",") {
		if name = strings.TrimSpace(name); cors.IsName(name) { // nothing else of a request is repeated
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

func headersMember(multi bool) string {
	if multi {
		return "multiValueHeaders"
	}
	return "headers"
}

func appendHeaders(dst []byte, list []header, multi bool) []byte {
	for i, h := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), h.name...), `":`...)
		if multi {
			dst = append(jmes.Text(h.value).Append(append(dst, '[')), ']')
		} else {
			dst = jmes.Text(h.value).Append(dst)
		}
	}
	return dst
}

// response adds headers to an HTTP answer, of the function or of a hook. A
// function that speaks of CORS itself has the say.
func (h *corsHook) response(_ context.Context, r *Response) (Reaction, error) {
	origin, ok := h.origins.take(r.ID)
	if !ok || r.Failed || r.Streamed {
		return Reaction{}, nil
	}
	answer, err := jmes.Parse(r.Body)
	if err != nil || answer.Field("statusCode").Kind() == jmes.Null {
		return Reaction{}, nil // no HTTP answer: the gateway says so
	}
	list, multi := h.allowed(origin), r.Source.MultiValue
	for _, name := range headerMembers(r) {
		for _, m := range answer.Field(name).Members() {
			switch strings.ToLower(m.Name) {
			case "access-control-allow-origin":
				return Reaction{}, nil
			case "vary":
				list = withVary(list, m.Value)
				multi = multi || name == "multiValueHeaders"
			}
		}
	}
	if len(list) == 0 {
		return Reaction{}, nil
	}
	return Reaction{Replace: splice(answer, r.Body, headersMember(multi), list, multi)}, nil
}

// headerMembers are the members of an answer that its gateway reads.
func headerMembers(r *Response) []string {
	if r.Source.Name == "api_gateway_v1" {
		return []string{"headers", "multiValueHeaders"}
	}
	return []string{headersMember(r.Source.MultiValue)}
}

// withVary merges Vary with what the answer has, which splice then replaces: a
// second header of the same name is not possible in a JSON object.
func withVary(list []header, has jmes.Value) []header {
	i := slices.IndexFunc(list, func(h header) bool { return h.name == "vary" })
	if i < 0 {
		return list
	}
	values := []string{has.Str()}
	for _, e := range has.Elements() {
		values = append(values, e.Str())
	}
	text := strings.Trim(strings.Join(values, ", "), ", ")
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "Origin") {
			return slices.Delete(list, i, i+1)
		}
	}
	if text != "" {
		list[i].value = text + ", Origin"
	}
	return list
}

// splice writes the answer with headers in a member of its own; all other
// bytes stay. Headers of the same name make way.
func splice(answer jmes.Value, body []byte, member string, list []header, multi bool) []byte {
	var kept []byte
	for _, m := range answer.Field(member).Members() {
		if slices.ContainsFunc(list, func(h header) bool { return strings.EqualFold(h.name, m.Name) }) {
			continue
		}
		kept = append(append(append(jmes.Text(m.Name).Append(kept), ':'), m.Value.Append(nil)...), ',')
	}
	headers := append(append([]byte{'{'}, kept...), appendHeaders(nil, list, multi)...)
	headers = append(bytes.TrimSuffix(headers, []byte{','}), '}')
	if raw := answer.Field(member).Raw(); raw != nil {
		at := cap(body) - cap(raw) // where it stands: a value is a slice of its document
		return slices.Concat(body[:at], headers, body[at+len(raw):])
	}
	out := []byte{'{'}
	for _, m := range answer.Members() {
		if m.Name != member {
			out = append(append(append(jmes.Text(m.Name).Append(out), ':'), m.Value.Append(nil)...), ',')
		}
	}
	out = append(append(append(append(out, '"'), member...), `":`...), headers...)
	return append(out, '}')
}
