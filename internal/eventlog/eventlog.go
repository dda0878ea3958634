// Package eventlog makes lines of events, answers and errors, for the log of
// the function.
//
// The rules a reader could break: what must not leave is taken out before
// anything is cut, for half a secret is one; and of an event of megabytes
// nothing is copied but what the line shows.
package eventlog

import (
	"bytes"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/redact"
)

// FixedKeys are the members whose values never leave, whatever is configured:
// headers that hold credentials, the cookies of API Gateway's second format,
// the keys of usage plans, what authorizers get (Control access to HTTP APIs
// with AWS Lambda authorizers, API Gateway developer guide), and the tokens
// that a load balancer adds (Authenticate users, Application Load Balancers
// user guide).
func FixedKeys() []string {
	return []string{
		"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-amz-security-token",
		"cookies", "authorizationToken", "identitySource", "apiKey", "x-amzn-oidc-accesstoken", "x-amzn-oidc-data",
	}
}

// margin is how far beyond the cut an expression may match: what it finds
// there is taken out whole.
const margin = 4 << 10

// Printer makes lines. Safe for concurrent use.
type Printer struct {
	limit  int
	margin int

	mu       sync.Mutex
	redactor *redact.Redactor
	cut      [2][]byte // memory of documents that were cut
	out      []byte    // of values that had to be written anew
	alone    []byte    // of a value that is no object and no array
}

// New returns a Printer that shows at most limit bytes of an event, an answer
// or an error. items are those of POWERTOOLS_LOGS_REDACT; the fixed ones are
// added.
func New(items []string, limit int) *Printer {
	rules, _ := redact.NewRules(append(FixedKeys(), items...)) // whoever else reads the items says what is wrong
	p := &Printer{limit: limit, redactor: rules.Redactor()}
	if rules.HasExpressions() {
		p.margin = margin
	}
	return p
}

// Event returns the line of an event. The event is the message, as Powertools
// for Python writes it.
func (p *Printer) Event(event []byte) []byte {
	line := append(make([]byte, 0, p.room(event)), `{"level":"INFO","message":`...)
	line, cut := p.append(line, event)
	return end(line, cut)
}

// Response returns the line of an answer. by is the hook that answered in the
// function's place; empty: the function did.
func (p *Printer) Response(body []byte, by string) []byte {
	line := append(make([]byte, 0, p.room(body)), `{"level":"INFO","message":"Lambda response","response":`...)
	line, cut := p.append(line, body)
	if by != "" {
		line = jsonbytes.AppendString(append(line, `,"answered_by":`...), by)
	}
	return end(line, cut)
}

// Stream returns the line of a streamed answer, of which nothing is kept.
func (p *Printer) Stream(bytes int64, firstByte time.Duration) []byte {
	line := append([]byte(nil), `{"level":"INFO","message":"Lambda response","streamed":true,"response_bytes":`...)
	line = strconv.AppendInt(line, bytes, 10)
	if firstByte > 0 {
		line = strconv.AppendFloat(append(line, `,"first_byte_ms":`...), float64(firstByte.Microseconds())/1000, 'f', -1, 64)
	}
	return append(line, '}')
}

// Error returns the line of an error that was posted. errorType is the one of
// its header, for a body that names none.
func (p *Printer) Error(errorType string, body []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	doc, cut, ok := p.document(body)
	line := append(make([]byte, 0, len(doc)+256), `{"level":"ERROR","message":"Lambda error","error":{`...)
	var kind, message, stack []byte
	switch {
	case ok && doc[0] == '{':
		if kind, message, stack = errorOf(doc); kind == nil && message == nil && stack == nil {
			message = doc
		}
	case ok:
		message = doc
	case len(body) > 0:
		message, cut = p.value(body)
	}
	if kind == nil && errorType != "" {
		kind = jsonbytes.AppendString(nil, errorType)
	}
	comma := false
	for _, m := range []struct {
		name  string
		value []byte
	}{{"type", kind}, {"message", message}, {"stack", stack}} {
		if m.value == nil {
			continue
		}
		if comma {
			line = append(line, ',')
		}
		comma = true
		line = append(append(append(append(line, '"'), m.name...), `":`...), m.value...)
	}
	return end(append(line, '}'), cut)
}

// errorOf reads the error document of Lambda's runtimes: Node calls the stack
// trace, the others stackTrace.
func errorOf(doc []byte) (kind, message, stack []byte) {
	for m := jsonbytes.MembersOf(doc); ; {
		name, value, ok := m.Next()
		if !ok {
			return kind, message, stack
		}
		switch string(name) {
		case "errorType":
			kind = value
		case "errorMessage":
			message = value
		case "stackTrace", "trace":
			stack = value
		}
	}
}

func end(line []byte, cut bool) []byte {
	if cut {
		line = append(line, `,"truncated":true`...)
	}
	return append(line, '}')
}

func (p *Printer) room(b []byte) int { return min(len(b), p.limit) + 128 }

// append writes what the line shows of b as a JSON value.
func (p *Printer) append(line, b []byte) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	value, cut := p.value(b)
	return append(line, value...), cut
}

// value is what a line shows of b: a document stays one, a text becomes a
// string, of anything else there is the size. It is valid until the next call.
func (p *Printer) value(b []byte) (value []byte, cut bool) {
	if doc, cut, ok := p.document(b); ok {
		return doc, cut
	}
	text := window(b, p.limit+p.margin)
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		p.out = append(strconv.AppendInt(append(p.out[:0], `{"bytes":`...), int64(len(b)), 10), '}')
		return p.out, false
	}
	text, _ = p.redactor.Apply(text, false)
	shown := window(text, p.limit)
	p.out = jsonbytes.AppendString(p.out[:0], shown)
	return p.out, len(shown) < len(text) || len(b) > p.limit+p.margin
}

// document is what a line shows of a JSON document: a document that is whole
// in itself, on one line. False: b is none.
func (p *Printer) document(b []byte) (doc []byte, cut, ok bool) {
	b = jsonbytes.TrimSpace(b)
	if len(b) == 0 {
		return nil, false, false
	}
	if len(b) <= p.limit {
		if !jsonbytes.Valid(b) {
			return nil, false, false
		}
		doc = p.redact(b)
	} else {
		if p.cut[0], ok = appendPrefix(p.cut[0][:0], b[:min(len(b), p.limit+p.margin)], maxInner); !ok {
			return nil, false, false
		}
		doc = p.redact(p.cut[0])
		if len(doc) > p.limit {
			if p.cut[1], ok = appendPrefix(p.cut[1][:0], doc[:p.limit], maxInner); !ok {
				return nil, false, false
			}
			doc = p.cut[1]
		}
		cut = true
	}
	if out := printable(p.out[:0], doc); len(out) > 0 && &out[0] != &doc[0] {
		p.out, doc = out, out
	}
	return doc, cut, true
}

// redact takes out of a document what must not leave.
func (p *Printer) redact(doc []byte) []byte {
	if doc[0] == '{' || doc[0] == '[' {
		doc, _ = p.redactor.Apply(doc, true)
		return doc
	}
	p.alone = append(append(append(p.alone[:0], '['), doc...), ']') // a value on its own is none for a Redactor
	doc, _ = p.redactor.Apply(p.alone, true)
	return doc[1 : len(doc)-1]
}

// window is the beginning of b, up to n bytes, that ends at a rune.
func window(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}
