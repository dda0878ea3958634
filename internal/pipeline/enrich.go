package pipeline

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/jsonbytes"
)

// enricher adds the missing keys.
type enricher struct {
	opt   *Options
	stamp stamp
	buf   []byte
	tails [8]tail // of the last requests: on managed instances their lines interleave
	next  int
}

// encoded is a line that is ready to leave. The bytes are valid until the
// next line.
type encoded struct {
	bytes     []byte
	known     bool // the log group has it already
	truncated bool
}

// tail is the part of a line that is the same for all lines of a request:
// `,"service":"orders","cold_start":true…`, and where each key of it is.
type tail struct {
	filled  bool
	req     *invocation.Request // nil: no request
	sampled bool
	text    []byte
	keys    keySet
	ends    [numKeys]int32
}

func newEnricher(opt *Options) enricher { return enricher{opt: opt} }

// encode returns the line as it leaves.
func (e *enricher) encode(l *line, req *invocation.Request, at time.Time) encoded {
	t := e.tail(req)
	out := encoded{known: l.emf}
	switch {
	case !l.object:
		out.truncated = e.encodeText(l, t, at)
	case l.emf:
		e.buf = append(e.buf[:0], l.text...)
	default:
		out.known = !e.encodeObject(l, t, at)
	}
	if len(e.buf)+1 > e.opt.MaxLineBytes {
		out.truncated = true
		e.truncate(l, t, at)
	}
	if e.opt.Indent && !l.emf {
		e.indent()
	}
	out.bytes = e.buf
	return out
}

// encodeText makes an object of a text, and reports whether it had to cut.
func (e *enricher) encodeText(l *line, t *tail, at time.Time) (cut bool) {
	if len(l.text) > e.opt.MaxLineBytes {
		e.truncate(l, t, at)
		return true
	}
	e.head(l)
	e.buf = jsonbytes.AppendString(e.buf, l.text)
	e.foot(t, at)
	e.buf = append(e.buf, '}')
	return false
}

// truncate makes an object of the text, or of the object's text, that keeps
// the bound.
func (e *enricher) truncate(l *line, t *tail, at time.Time) {
	const mark = `,"truncated":true}`
	const timestamp = len(`,"timestamp":"2006-01-02T15:04:05.000Z"`)
	e.head(l)
	rest := timestamp + len(t.text) + len(mark) + 1 // the newline
	e.buf = jsonbytes.AppendStringMax(e.buf, l.text, max(e.opt.MaxLineBytes-len(e.buf)-rest, len(`""`)))
	e.foot(t, at)
	e.buf = append(e.buf, mark...)
}

// head begins a text's object, up to the message.
func (e *enricher) head(l *line) {
	e.buf = append(e.buf[:0], `{"level":"`...)
	e.buf = append(e.buf, writtenLevel(l)...)
	e.buf = append(e.buf, `","message":`...)
}

// foot writes what follows the message.
func (e *enricher) foot(t *tail, at time.Time) {
	e.timestamp(at)
	e.buf = append(e.buf, t.text...)
}

func (e *enricher) timestamp(at time.Time) {
	e.buf = append(e.buf, `,"timestamp":"`...)
	e.buf = e.stamp.append(e.buf, at)
	e.buf = append(e.buf, '"')
}

// encodeObject adds the missing keys in front of the closing brace, and
// reports whether there were any.
func (e *enricher) encodeObject(l *line, t *tail, at time.Time) (added bool) {
	missing := (t.keys | 1<<keyLevel | 1<<keyTimestamp) &^ l.has
	if missing == 0 {
		e.buf = append(e.buf[:0], l.text...)
		return false
	}
	e.buf = append(e.buf[:0], l.text[:len(l.text)-1]...)
	brace := len(e.buf)
	if missing&(1<<keyLevel) != 0 {
		e.buf = append(e.buf, `,"level":"`...)
		e.buf = append(e.buf, writtenLevel(l)...)
		e.buf = append(e.buf, '"')
	}
	if missing&(1<<keyTimestamp) != 0 {
		e.timestamp(at)
	}
	if missing&t.keys == t.keys {
		e.buf = append(e.buf, t.text...)
	} else {
		e.missingTail(t, missing)
	}
	e.buf = append(e.buf, '}')
	if l.empty { // the first key has nothing to be parted from
		e.buf = append(e.buf[:brace], e.buf[brace+1:]...)
	}
	return true
}

func (e *enricher) missingTail(t *tail, missing keySet) {
	from := int32(0)
	for k := firstTailKey; k < numKeys; k++ {
		if missing&(1<<k) != 0 {
			e.buf = append(e.buf, t.text[from:t.ends[k]]...)
		}
		from = t.ends[k]
	}
}

// writtenLevel is the level's name in the line. A line that does not tell is
// INFO, as it is for Lambda (Lambda log level filtering).
func writtenLevel(l *line) string {
	if l.facts.Level == levelUnknown {
		return "INFO"
	}
	return l.facts.Level.String()
}

// tail returns the request's tail, made when its first line comes and again
// when more is known of it.
func (e *enricher) tail(req *invocation.Request) *tail {
	for i := range e.tails {
		if t := &e.tails[i]; t.req == req && t.filled {
			return t
		}
	}
	t := &e.tails[e.next]
	e.next = (e.next + 1) % len(e.tails)
	t.fill(req, e.opt)
	return t
}

func (t *tail) fill(req *invocation.Request, opt *Options) {
	*t = tail{filled: true, req: req, text: t.text[:0]}
	if req == nil {
		req = &invocation.Request{}
	} else {
		t.sampled = sampled(req.ID, opt.SampleRate)
	}
	for k := firstTailKey; k < numKeys; k++ {
		t.add(k, req, opt)
		t.ends[k] = int32(len(t.text))
	}
}

// add writes one key of the tail if its value is known.
func (t *tail) add(k key, req *invocation.Request, opt *Options) {
	switch k {
	case keyService:
		t.quoted(k, `,"service":`, opt.Service)
	case keyColdStart:
		if req.ID != "" {
			t.raw(k, `,"cold_start":`, strconv.AppendBool(nil, req.ColdStart))
		}
	case keyFunctionARN:
		t.quoted(k, `,"function_arn":`, req.FunctionARN)
	case keyMemorySize:
		if opt.MemoryMB > 0 {
			t.raw(k, `,"function_memory_size":`, strconv.AppendInt(nil, int64(opt.MemoryMB), 10))
		}
	case keyFunctionName:
		t.quoted(k, `,"function_name":`, opt.FunctionName)
	case keyRequestID:
		t.quoted(k, `,"function_request_id":`, req.ID)
	case keySamplingRate:
		if opt.SampleRate > 0 {
			t.raw(k, `,"sampling_rate":`, strconv.AppendFloat(nil, opt.SampleRate, 'g', -1, 64))
		}
	case keyTraceID:
		t.quoted(k, `,"xray_trace_id":`, req.TraceID)
	case keyTenantID:
		t.quoted(k, `,"tenant_id":`, req.TenantID)
	}
}

func (t *tail) quoted(k key, name, value string) {
	if value != "" {
		t.raw(k, name, jsonbytes.AppendString(nil, []byte(value)))
	}
}

func (t *tail) raw(k key, name string, value []byte) {
	t.text = append(append(t.text, name...), value...)
	t.keys |= 1 << k
}

// indent makes the line easy to read; it is for people who develop.
func (e *enricher) indent() {
	v := jsontext.Value(e.buf)
	if v.Indent(jsontext.WithIndent("    "), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true)) == nil {
		e.buf = v
	}
}
