package pipeline

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"powertools-extension/internal/batch/items"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/logtime"
)

// enricher adds the missing keys.
type enricher struct {
	opt   *Options
	keys  keySet
	stamp logtime.Stamp
	buf   []byte
	tails [maxTails]tail
	last  int // the tail of the line before
	next  int

	// The record of a batch that the line before was about.
	base, piece *invocation.Request
	item        items.Item
}

// maxTails is for how many requests the keys are kept: on managed instances
// their lines interleave.
const maxTails = 64

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

func newEnricher(opt *Options) enricher {
	e := enricher{opt: opt, keys: opt.Keys.keySet()}
	for _, d := range opt.Lines {
		if !d.Stdout { // destinations order and date lines by it
			e.keys |= 1 << keyTimestamp
		}
	}
	return e
}

// encode returns the line as it leaves.
func (e *enricher) encode(l *line, req *invocation.Request, at time.Time) encoded {
	t := e.tail(req)
	if l.headID != nil && (req == nil || string(l.headID) != req.ID) {
		// The runtime says whose line it is, of a request that is not known here.
		t = e.foreign(l.headID)
	}
	out := encoded{known: l.emf}
	switch {
	case !l.object:
		out.truncated = e.encodeText(l, t, at)
	case l.emf:
		e.buf = append(e.buf[:0], l.text...)
	default:
		e.encodeObject(l, t, at)
		out.known = e.knows(l, t)
	}
	if len(e.buf)+1 > e.opt.MaxLineBytes {
		out.truncated, out.known = true, out.known && l.emf
		e.truncate(l, t, at)
	}
	if e.opt.Indent && !l.emf {
		e.indent()
	}
	out.bytes = e.buf
	return out
}

// knows reports whether an object, as the function printed it, says how grave
// it is, when it was and whose it is, under any name. An id of another system,
// such as API Gateway's requestId, does not say whose. What is behind a head of
// text is not seen as an object where it is stored, and whoever asks for a
// correlation id looks for lines by it.
func (e *enricher) knows(l *line, t *tail) bool {
	missing := t.keys &^ l.has
	return !e.opt.CopyAll && !l.headed && l.item.Record == "" && l.facts.Level != levelUnknown && l.stamped && len(l.facts.RequestID) > 0 &&
		!missing.has(keyCorrelationID) && (!missing.has(keyRequestID) || string(l.facts.RequestID) == t.req.ID)
}

// encodeText makes an object of a text, and reports whether it had to cut.
func (e *enricher) encodeText(l *line, t *tail, at time.Time) (cut bool) {
	if len(l.body) > e.opt.MaxLineBytes {
		e.truncate(l, t, at)
		return true
	}
	e.head(l)
	e.buf = jsonbytes.AppendString(e.buf, l.body)
	e.foot(l, t, at)
	e.buf = append(e.buf, '}')
	return false
}

// truncate makes an object of the text, or of the object's text, that keeps
// the bound.
func (e *enricher) truncate(l *line, t *tail, at time.Time) {
	const mark = `,"truncated":true}`
	const timestamp = len(`,"timestamp":"2006-01-02T15:04:05.000Z"`)
	text := l.text
	if !l.object {
		text = l.body
	}
	cut := *l // without the trace, which may be as long as the text
	cut.failure.stack = nil
	e.head(l)
	e.buf = append(e.buf, `""`...)
	e.foot(&cut, t, at)
	if rest := len(e.buf) + timestamp + len(mark) + 1; rest > e.opt.MaxLineBytes/2 {
		cut.failure = failure{}
	}
	e.head(l)
	head := len(e.buf)
	e.foot(&cut, t, at)
	rest := len(e.buf) - head + len(mark) + 1 // the newline
	e.head(l)
	e.buf = jsonbytes.AppendStringMax(e.buf, text, e.opt.MaxLineBytes-len(e.buf)-rest)
	e.foot(&cut, t, at)
	e.buf = append(e.buf, mark...)
}

// head begins a text's object, up to the message.
func (e *enricher) head(l *line) {
	e.buf = append(e.buf[:0], '{')
	if l.facts.Level != levelUnknown && e.keys.has(keyLevel) {
		e.buf = append(e.buf, `"level":"`...)
		e.buf = append(e.buf, l.facts.Level.String()...)
		e.buf = append(e.buf, `",`...)
	}
	e.buf = append(e.buf, `"message":`...)
}

// foot writes what follows the message.
func (e *enricher) foot(l *line, t *tail, at time.Time) {
	if e.keys.has(keyTimestamp) {
		e.timestamp(l, at)
	}
	e.buf = append(e.buf, t.text...)
	e.failure(l, l.failure.keys())
}

// timestamp writes the line's own time, else the platform's of its event. A
// time without an offset counts only if the platform's is near. Where the own
// one cannot be when the line was written the platform's stands beside it; in
// front of a text it is then no time of the line at all.
func (e *enricher) timestamp(l *line, at time.Time) {
	own, worth := at, logtime.Plausible
	if l.time != nil {
		if t, w := e.stamp.Own(l.time, at); w == logtime.Plausible || w == logtime.Distant && (l.object || l.headed) {
			own, worth = t, w
		}
	}
	e.buf = append(e.buf, `,"timestamp":"`...)
	e.buf = e.stamp.Append(e.buf, own)
	e.buf = append(e.buf, '"')
	if worth == logtime.Distant {
		e.observed(at)
	}
}

func (e *enricher) observed(at time.Time) {
	e.buf = append(e.buf, `,"`+observedKey+`":"`...)
	e.buf = e.stamp.Append(e.buf, at)
	e.buf = append(e.buf, '"')
}

// failure adds what the line shows of an error.
func (e *enricher) failure(l *line, missing keySet) {
	f := &l.failure
	if missing.has(keyErrorType) {
		e.buf = f.append(append(e.buf, `,"error_type":`...), f.errorType)
	}
	if missing.has(keyErrorMessage) {
		e.buf = f.append(append(e.buf, `,"error_message":`...), f.message)
	}
	if missing.has(keyStackTrace) {
		e.buf = f.append(append(e.buf, `,"stack_trace":`...), f.stack)
	}
}

// encodeObject adds the missing keys in front of the closing brace.
func (e *enricher) encodeObject(l *line, t *tail, at time.Time) {
	if e.buf = e.buf[:0]; l.item.Record != "" && l.has.has(keyRequestID) {
		e.buf = items.AppendWhole(e.buf, l.text[:len(l.text)-1], l.item)
	} else {
		e.buf = append(e.buf, l.text[:len(l.text)-1]...)
	}
	brace := len(e.buf)
	missing := (e.keys | t.keys) &^ l.has
	if missing.has(keyLevel) && l.facts.Level != levelUnknown {
		e.buf = append(e.buf, `,"level":"`...)
		e.buf = append(e.buf, l.facts.Level.String()...)
		e.buf = append(e.buf, '"')
	}
	if missing.has(keyMessage) && l.message != nil {
		e.buf = append(append(e.buf, `,"message":`...), l.message...)
	}
	switch {
	case missing.has(keyTimestamp):
		e.timestamp(l, at)
	case l.has.has(keyTimestamp) && !l.observe && !e.datable(l, at):
		e.observed(at)
	}
	if missing&t.keys == t.keys {
		e.buf = append(e.buf, t.text...)
	} else {
		e.missingTail(t, missing)
	}
	if l.failure.errorType != nil {
		e.failure(l, l.failure.keys()&^l.has)
	}
	if l.empty && len(e.buf) > brace { // the first key has nothing to be parted from
		e.buf = append(e.buf[:brace], e.buf[brace+1:]...)
	}
	e.buf = append(e.buf, '}')
}

// datable reports whether the line's own timestamp says when it was written.
func (e *enricher) datable(l *line, at time.Time) bool {
	if l.time == nil {
		return false
	}
	_, worth := e.stamp.Own(l.time, at)
	return worth == logtime.Plausible
}

func (e *enricher) missingTail(t *tail, missing keySet) {
	from := int32(0)
	for k := firstTailKey; k <= lastTailKey; k++ {
		if missing.has(k) {
			e.buf = append(e.buf, t.text[from:t.ends[k]]...)
		}
		from = t.ends[k]
	}
}

// tail returns the request's tail, made when its first line comes and again
// when more is known of it.
func (e *enricher) tail(req *invocation.Request) *tail {
	if t := &e.tails[e.last]; t.req == req && t.filled {
		return t
	}
	for i := range e.tails {
		if t := &e.tails[i]; t.req == req && t.filled {
			e.last = i
			return t
		}
	}
	e.last = e.next
	e.next = (e.next + 1) % len(e.tails)
	t := &e.tails[e.last]
	t.fill(req, e.opt, e.keys)
	return t
}

// foreign returns the tail of a request of which only the id is known.
func (e *enricher) foreign(id []byte) *tail {
	t := &tail{}
	t.fill(&invocation.Request{ID: string(id)}, e.opt, e.keys&^(1<<keyColdStart))
	return t
}

func (t *tail) fill(req *invocation.Request, opt *Options, keys keySet) {
	*t = tail{filled: true, req: req, text: t.text[:0]}
	if req == nil {
		req = &invocation.Request{}
	} else {
		t.sampled = sampled(req.ID, opt.SampleRate)
	}
	for k := firstTailKey; k <= lastTailKey; k++ {
		if keys.has(k) {
			t.add(k, req, opt)
		}
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
			t.begin(k, `,"cold_start":`)
			t.text = strconv.AppendBool(t.text, req.ColdStart)
		}
	case keyFunctionARN:
		t.quoted(k, `,"function_arn":`, req.FunctionARN)
	case keyMemorySize:
		if opt.MemoryMB > 0 { // a string, as both libraries write it
			t.begin(k, `,"function_memory_size":"`)
			t.text = append(strconv.AppendInt(t.text, int64(opt.MemoryMB), 10), '"')
		}
	case keyFunctionName:
		t.quoted(k, `,"function_name":`, opt.FunctionName)
	case keyRequestID:
		t.quoted(k, `,"function_request_id":`, req.ID)
	case keySamplingRate:
		if t.sampled {
			t.begin(k, `,"sampling_rate":`)
			t.text = strconv.AppendFloat(t.text, opt.SampleRate, 'g', -1, 64)
		}
	case keyTraceID:
		t.quoted(k, `,"xray_trace_id":`, req.TraceID)
	case keyTenantID:
		t.quoted(k, `,"tenant_id":`, req.TenantID)
	case keyCorrelationID:
		t.quoted(k, `,"correlation_id":`, req.CorrelationID)
	case keySpanTraceID:
		t.quoted(k, `,"trace_id":`, req.SpanTraceID)
	case keySpanID:
		t.quoted(k, `,"span_id":`, req.SpanID)
	case keyBatchItem:
		t.quoted(k, `,"batch_item":`, req.BatchItem)
	}
}

func (t *tail) quoted(k key, name, value string) {
	if value != "" {
		t.begin(k, name)
		t.text = jsonbytes.AppendString(t.text, value)
	}
}

func (t *tail) begin(k key, name string) {
	t.text = append(t.text, name...)
	t.keys |= 1 << k
}

// indent makes the line easy to read; it is for people who develop.
func (e *enricher) indent() {
	v := jsontext.Value(e.buf)
	if v.Indent(jsontext.WithIndent("    "), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true)) == nil {
		e.buf = v
	}
}
