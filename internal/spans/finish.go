package spans

import (
	"bytes"
	"cmp"
	"strconv"
	"time"
	"unicode/utf8"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/telemetry"
	"powertools-extension/internal/tracing"
)

// Bounds of what is looked at, in bytes.
const (
	maxResponse = 16 << 10 // a longer response is not captured
	maxPosted   = 64 << 10 // of an error document
)

// Answer is what became of an invocation, as the proxy saw it.
type Answer struct {
	ID         string
	At         time.Time     // when its last byte was here
	Handler    time.Duration // from the event to the answer; 0: not known
	Failed     bool
	ErrorType  string // as a header or a trailer named it
	Status     int    // Lambda's; 202: it took the answer
	HTTPStatus int    // of an HTTP answer; 0: none
	By         string // the hook that answered in the function's place
	Bytes      int64  // of the whole body
	Body       []byte // as far as it was seen; valid during the call
	Whole      bool   // Body is all of it
	Streamed   bool
	Cause      []byte // Lambda-Runtime-Function-XRay-Error-Cause; valid during the call
}

// Answered ends the span of an invocation. It copies what it needs and
// returns; the span is made behind the answer.
func (t *Tracer) Answered(a Answer) {
	if t == nil {
		return
	}
	if a.Status >= 400 {
		return // refused, as one that is too large: another may follow, else the tracker judges
	}
	o := t.take(a.ID)
	if o == nil {
		return
	}
	body, cause := a.Body, a.Cause
	a.Body, a.Cause = nil, nil
	switch {
	case a.Failed && t.opt.CaptureError:
		a.Body = bytes.Clone(body[:min(len(body), maxPosted)])
		if len(cause) <= maxPosted {
			a.Cause = bytes.Clone(cause)
		}
	case !a.Failed && t.opt.CaptureResponse && a.Whole && len(body) <= maxResponse:
		a.Body = bytes.Clone(body)
	}
	t.behind(func() { t.finish(o, &a) })
}

// finish makes the span of an invocation that was answered.
func (t *Tracer) finish(o *pending, a *Answer) {
	s := t.spanOf(o, a.ID)
	if s.End = a.At; a.Handler > 0 {
		s.Start = a.At.Add(-a.Handler)
	}
	s.HTTPStatus = a.HTTPStatus
	if a.By != "" {
		s.Attributes = append(s.Attributes, tracing.Attribute{Key: "AnsweredBy", Value: a.By})
	}
	switch {
	case a.Failed:
		s.Fault, s.HTTPStatus = true, 0
		s.Exception = t.exceptionOf(a)
	case t.opt.CaptureResponse:
		s.Response = t.responseOf(a)
	}
	t.emit(o, s)
}

// spanOf is a span with what all have.
func (t *Tracer) spanOf(o *pending, id string) *tracing.Span {
	t.mu.Lock()
	handler := t.handler
	t.mu.Unlock()
	s := &tracing.Span{
		Root: o.root, ID: o.id, Parent: o.parent, Own: o.own, Kind: o.kind, Start: o.start,
		Invocation: &tracing.Invocation{Handler: handler, Service: t.opt.Service, RequestID: id, Trigger: o.trigger},
	}
	if s.Name = "## " + handler; handler == "" {
		s.Name = "## " + t.opt.FunctionName
	}
	if o.attempt != nil {
		r := o.attempt.Request()
		s.Invocation.ColdStart, s.Invocation.ARN = r.ColdStart, r.FunctionARN
		s.Attributes = appendCorrelation(s.Attributes, r)
	}
	return s
}

func appendCorrelation(list []tracing.Attribute, r *invocation.Request) []tracing.Attribute {
	if r.CorrelationID == "" {
		return list
	}
	return append(list, tracing.Attribute{Key: "correlation_id", Value: r.CorrelationID})
}

// exceptionOf reads how the function failed: of the cause that runtimes post
// for X-Ray, which has a stack in parts, else of the error document.
func (t *Tracer) exceptionOf(a *Answer) *tracing.Exception {
	if !t.opt.CaptureError {
		return nil
	}
	posted := tracing.ParseError(t.redact(a.Body))
	e := tracing.ParseCause(t.redact(a.Cause))
	switch {
	case e == nil:
		e = posted
	case posted != nil:
		if e.Type == "" {
			e.Type = posted.Type
		}
		if e.Message == "" {
			e.Message = posted.Message
		}
		if len(e.Frames) == 0 {
			e.Frames = posted.Frames
		}
	}
	if e == nil {
		e = &tracing.Exception{}
	}
	if e.Type == "" {
		e.Type = a.ErrorType
	}
	if e.Type == "" && e.Message == "" && len(e.Frames) == 0 {
		return nil // that it failed is all that is known
	}
	return e
}

// responseOf is a captured response as JSON: itself, a text as a string, and
// of anything else its size.
func (t *Tracer) responseOf(a *Answer) []byte {
	switch {
	case a.Streamed, a.Body == nil && a.Bytes > 0:
		return append(strconv.AppendInt([]byte(`{"truncated":true,"bytes":`), a.Bytes, 10), '}')
	case len(a.Body) == 0:
		return nil
	case !utf8.Valid(a.Body):
		return append(strconv.AppendInt([]byte(`{"bytes":`), a.Bytes, 10), '}')
	}
	body := t.redact(a.Body)
	if jsonbytes.Valid(bytes.TrimSpace(body)) {
		return bytes.TrimSpace(body)
	}
	return jsonbytes.AppendString(nil, body)
}

func (t *Tracer) redact(text []byte) []byte {
	if t.opt.Redact == nil || len(text) == 0 {
		return text
	}
	trimmed := jsonbytes.TrimSpace(text)
	return t.opt.Redact(text, jsonbytes.LooksLikeObject(trimmed) && jsonbytes.Valid(trimmed))
}

// Over ends the span of an invocation of which no answer was seen: without a
// proxy, after a time-out, when the runtime was killed. The summary is read
// before Over returns. now ends what nobody knows the end of.
func (t *Tracer) Over(sum *invocation.Summary, now time.Time) {
	if t == nil || sum.Attempt == nil {
		return
	}
	t.mu.Lock()
	o := t.judgedLocked(sum.Attempt)
	t.mu.Unlock()
	if o == nil {
		return
	}
	s := t.spanOf(o, sum.Attempt.ID)
	if s.End = endOf(sum, s.Start); s.End.IsZero() {
		s.End = now
		if latest := sum.Request.Deadline; !latest.IsZero() && now.After(latest) {
			s.End = latest // it did not run longer, whenever that is heard
		}
	}
	if sum.Failed {
		s.Fault = true
		if t.opt.CaptureError {
			s.Exception = &tracing.Exception{Type: cmp.Or(sum.ErrorType, string(sum.Outcome)), Message: sum.Message}
			if sum.TimedOut {
				s.Exception.Type = "Timeout"
			}
			if text := t.redact([]byte(s.Exception.Message)); len(text) > 0 {
				s.Exception.Message = string(text)
			}
		}
	}
	t.behind(func() { t.emit(o, s) })
}

// judgedLocked ends the following of an attempt that is over; nil: it is not
// followed.
func (t *Tracer) judgedLocked(a *invocation.Attempt) *pending {
	o := t.ofLocked(a)
	switch {
	case o == nil:
		return nil
	case t.open[a.ID] == o:
		delete(t.open, a.ID)
	default:
		delete(t.aside, a)
	}
	return o
}

// endOf is when the function was done, as the platform tells it; zero: it does
// not.
func endOf(sum *invocation.Summary, start time.Time) time.Time {
	span := func(ms telemetry.Number) time.Time {
		return start.Add(time.Duration(ms.Value * float64(time.Millisecond)))
	}
	switch {
	case sum.RuntimeDurationMs.Set:
		return span(sum.RuntimeDurationMs)
	case !sum.Done.IsZero():
		return sum.Done
	case sum.DurationMs.Set:
		return span(sum.DurationMs)
	case sum.TimedOut:
		return sum.Request.Deadline
	}
	return time.Time{}
}

// emit hands over a span and those below it.
func (t *Tracer) emit(o *pending, s *tracing.Span) {
	if s.End.Before(s.Start) {
		s.End = s.Start
	}
	t.opt.Emit(s)
	for _, c := range o.children {
		t.opt.Emit(t.below(s, c))
	}
	for _, c := range t.phasesOf(o, s) {
		t.opt.Emit(t.below(s, c))
	}
}

// below is the span of a part of another.
func (t *Tracer) below(s *tracing.Span, c Child) *tracing.Span {
	child := &tracing.Span{Root: s.Root, ID: tracing.NewID(), Parent: s.ID, Own: s.Own, Name: c.Name, Kind: tracing.Internal, Start: c.Start, End: c.End}
	if child.Fault = c.Error != ""; child.Fault && t.opt.CaptureError {
		child.Exception = &tracing.Exception{Type: c.Error}
	}
	return child
}
