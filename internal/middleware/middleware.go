// Package middleware is the ordered chain of hooks that look at events on
// their way to the function and at answers on their way back.
//
// The rule a reader could break: what fails here fails open. A hook that
// panics, fails or is late is counted and said once, and the bytes go on as
// they were; a hook whose user asked for a guarantee answers with an error of
// its own instead. The order is fixed and the same for everybody, because
// order is meaning: a bad request must not be stored, a replay not be
// validated again.
package middleware

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsevent"
)

// Request is an event on its way in.
type Request struct {
	ID          string // of the invocation, or of the piece of a batch
	Whole       string // the invocation that it is a piece of; empty: it is none
	Tenant      string // of a function that isolates its tenants; else empty
	FunctionARN string // as it was called, with its qualifier
	Deadline    time.Time
	Body        []byte // read it, do not write; valid during the call, but for who splits it
	Source      awsevent.Event
	Durable     bool // a durable function's event: a replay looks like a duplicate
}

// Response is an answer on its way back.
type Response struct {
	ID          string
	Whole       string // the invocation that it is a piece of; empty: it is none
	Failed      bool   // posted as an error, or broken off with one
	ErrorType   string // as the runtime, or a hook, named it
	ContentType string // as the runtime said; empty: it did not
	Body        []byte // read it, do not write; valid during the call
	Source      awsevent.Event
	Streamed    bool  // Body is empty: a stream is never kept
	Bytes       int64 // of the body

	// FirstByte is how long after the event the first byte of a stream came.
	FirstByte time.Duration
	By        string // the hook that made the answer; empty: the function did
}

// Action is what a hook wants of an event. The zero value lets it go on.
type Action struct {
	Replace []byte // the event from here on; nil: as it is
	Answer  *Post  // in the function's place
	Split   Pieces // given to the runtime one by one in the event's place; nil: it is not split
}

// Post is an answer that is not the function's.
type Post struct {
	Failed      bool   // an error of the invocation
	ErrorType   string // Function.Name; only if Failed
	ContentType string // empty: application/json
	Body        []byte
}

// Reaction is what a hook wants of an answer. The zero value lets it go on.
type Reaction struct {
	Replace []byte // the answer from here on; nil: as it is
	Hold    bool   // of a piece: nothing is told to Lambda yet
	Post    *Post  // of the last piece: the answer of the whole
	For     string // with Post: the id of the whole
}

// Hook is one step. Its functions may be called from several goroutines.
type Hook struct {
	Name string

	// Guard: the user asked for a guarantee. It is not judged by the time it
	// takes, only by the deadline.
	Guard bool

	// Waits: it calls a service, and has a time-out of its own.
	Waits bool

	// Each: it sees streams, of which it gets no bytes, and durable events.
	Each bool

	Request  func(ctx context.Context, r *Request) (Action, error)
	Response func(ctx context.Context, r *Response) (Reaction, error)

	// Forget is told of an invocation that will not be answered; nil: nobody.
	Forget func(id string)
}

// The order of events' steps and of answers' steps. A hook that has no place
// here stands at the end.
func requestOrder() []string {
	return []string{"trace", "correlate", "log", "cors", "gate", "batch", "correlate record", "validate", "idempotency", "unwrap"}
}

func responseOrder() []string {
	return []string{"unwrap", "validate", "idempotency", "batch", "cors", "log", "trace"}
}

// budget is how long a hook without input and output may take before that is
// said. It is not stopped: it cannot be.
const budget = 50 * time.Millisecond

// reserve is the time before the deadline that hooks leave to the answer.
const reserve = 100 * time.Millisecond

// maxOpen bounds the invocations that are followed at once.
const maxOpen = 4096

// Chain is the hooks in their order. Safe for concurrent use.
type Chain struct {
	log      *zap.Logger
	requests []Hook // in the order of events
	answers  []Hook // in the order of answers

	mu    sync.Mutex
	open  map[string]*passage
	split map[string]*whole
	said  map[string]bool // hook and reason that were logged

	stats counters
}

// passage is what is known of an invocation between event and answer.
type passage struct {
	source  awsevent.Event
	durable bool
	began   map[string]bool // hooks that have seen the event
	whole   string          // of a piece: the invocation it is a part of
	errors  *atomic.Int64   // of a piece: those of the whole
}

// Stats counts what hooks did.
type Stats struct {
	Requests, Responses int64 // that hooks looked at
	Answered, Replaced  int64
	Errors              int64 // panics, failures, lateness
	Untracked           int64 // events beyond the most that are followed
}

type counters struct{ requests, responses, answered, replaced, errors, untracked atomic.Int64 }

// New puts hooks in order.
func New(log *zap.Logger, hooks ...Hook) *Chain {
	c := &Chain{log: log.Named("middleware"), open: make(map[string]*passage), split: make(map[string]*whole), said: make(map[string]bool)}
	c.requests = sorted(hooks, requestOrder())
	c.answers = sorted(hooks, responseOrder())
	return c
}

func sorted(hooks []Hook, order []string) []Hook {
	place := func(h Hook) int {
		if i := slices.Index(order, h.Name); i >= 0 {
			return i
		}
		return len(order)
	}
	out := slices.Clone(hooks)
	slices.SortStableFunc(out, func(a, b Hook) int { return place(a) - place(b) })
	return out
}

// Names are the hooks in the order of events.
func (c *Chain) Names() []string {
	names := make([]string, len(c.requests))
	for i, h := range c.requests {
		names[i] = h.Name
	}
	return names
}

// Stats returns the counters.
func (c *Chain) Stats() Stats {
	s := &c.stats
	return Stats{s.requests.Load(), s.responses.Load(), s.answered.Load(), s.replaced.Load(), s.errors.Load(), s.untracked.Load()}
}

// Outcome is what became of an event, or of an answer.
type Outcome struct {
	Body       []byte // nil: as it was
	Answer     *Post  // Request: in the function's place; Response: of the whole
	AnsweredBy string
	For        string // with Answer, of a piece: the id of the whole
	Split      bool   // Request: Piece gives what the runtime gets
	Piece      Piece  // of Piece, with an id: what the runtime gets
	Hold       bool
	HTTP       bool // the event is an HTTP request
	HookErrors int
}

// Request runs the hooks over an event, up to the first that answers it or
// splits it. An answer passes those steps of the way back that stand behind
// its hook there.
//
// What Source and Durable say is found here.
func (c *Chain) Request(ctx context.Context, in Request) Outcome {
	c.stats.requests.Add(1)
	in.Source = awsevent.Recognise(in.Body)
	in.Durable = in.Source.Name == "durable"
	p := &passage{source: in.Source, durable: in.Durable, began: make(map[string]bool), errors: new(atomic.Int64)}
	return c.walk(ctx, &in, p, 0)
}

// walk takes an event through the hooks from one on.
func (c *Chain) walk(ctx context.Context, r *Request, p *passage, from int) Outcome {
	ctx, cancel := withReserve(ctx, r.Deadline)
	defer cancel()
	out := Outcome{HTTP: r.Source.HTTP}
	for i := from; i < len(c.requests); i++ {
		h := c.requests[i]
		if h.Request == nil || r.Durable && !h.Each {
			continue
		}
		p.began[h.Name] = true
		action, ok := c.ask(ctx, h, r, p)
		switch {
		case !ok:
		case action.Answer != nil:
			c.stats.answered.Add(1)
			return c.answer(ctx, h, r, p, action.Answer)
		case action.Split != nil:
			c.keep(r, &whole{passage: p, request: *r, by: h, next: action.Split, from: i + 1})
			out.Split, out.HookErrors = true, int(p.errors.Load())
			return out
		case action.Replace != nil:
			c.stats.replaced.Add(1)
			r.Body, out.Body = action.Replace, action.Replace
		}
	}
	c.remember(r.ID, p)
	out.HookErrors = int(p.errors.Load())
	return out
}

// Response runs the hooks over an answer of the function.
func (c *Chain) Response(ctx context.Context, answer Response, deadline time.Time) Outcome {
	c.stats.responses.Add(1)
	p := c.take(answer.ID)
	if p == nil {
		return Outcome{} // its event did not pass here: nothing is known of it
	}
	answer.Source, answer.Whole = p.source, p.whole
	ctx, cancel := withReserve(ctx, deadline)
	defer cancel()
	out := Outcome{HTTP: p.source.HTTP}
	c.back(ctx, c.answers, &answer, p, &out)
	c.insist(p, &out)
	out.HookErrors = int(p.errors.Load())
	return out
}

// answer takes a hook's own answer back.
func (c *Chain) answer(ctx context.Context, by Hook, r *Request, p *passage, post *Post) Outcome {
	out := Outcome{Answer: post, AnsweredBy: by.Name, HTTP: r.Source.HTTP}
	behind := c.answers
	if i := slices.IndexFunc(behind, func(h Hook) bool { return h.Name == by.Name }); i >= 0 {
		behind = behind[i+1:]
	}
	answer := Response{ID: r.ID, Whole: p.whole, Failed: post.Failed, ErrorType: post.ErrorType, Body: post.Body, Source: r.Source, By: by.Name}
	back := Outcome{}
	c.back(ctx, behind, &answer, p, &back)
	c.insist(p, &back)
	switch {
	case back.Hold:
		return Outcome{Hold: true, HTTP: out.HTTP}
	case back.Answer != nil: // of the whole that this piece ends
		out.Answer, out.For, out.AnsweredBy = back.Answer, back.For, back.AnsweredBy
	case back.Body != nil:
		changed := *post
		changed.Body = back.Body
		out.Answer = &changed
	}
	out.HookErrors = int(p.errors.Load())
	return out
}

// back runs steps of the way back, of hooks that have seen the event.
func (c *Chain) back(ctx context.Context, steps []Hook, answer *Response, p *passage, out *Outcome) {
	for _, h := range steps {
		if h.Response == nil || (answer.Streamed || p.durable) && !h.Each || h.Request != nil && !p.began[h.Name] {
			continue
		}
		reaction, ok := c.hear(ctx, h, answer, p)
		switch {
		case !ok:
		case reaction.Hold:
			out.Hold = true
			return
		case reaction.Post != nil:
			out.Answer, out.For, out.AnsweredBy = reaction.Post, reaction.For, h.Name
			answer.Body, answer.Failed, answer.ErrorType, answer.By = reaction.Post.Body, reaction.Post.Failed, reaction.Post.ErrorType, h.Name
			if reaction.For != "" {
				p = c.complete(reaction.For, answer, p)
			}
		case reaction.Replace != nil && !answer.Streamed:
			c.stats.replaced.Add(1)
			answer.Body, out.Body = reaction.Replace, reaction.Replace
		}
	}
}

func withReserve(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	if deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}

// ask runs one step over an event. False: it failed, and changes nothing.
func (c *Chain) ask(ctx context.Context, h Hook, r *Request, p *passage) (action Action, ok bool) {
	began := time.Now()
	defer func() {
		if v := recover(); v != nil {
			c.failed(h, p, "panic: "+panicKind(v), debug.Stack())
			action, ok = Action{}, false
		}
	}()
	action, err := h.Request(ctx, r)
	c.judge(h, p, began)
	if err != nil {
		c.failed(h, p, err.Error(), nil)
		return Action{}, false
	}
	return action, true
}

// hear runs one step over an answer. False: it failed, and changes nothing.
func (c *Chain) hear(ctx context.Context, h Hook, answer *Response, p *passage) (reaction Reaction, ok bool) {
	began := time.Now()
	defer func() {
		if v := recover(); v != nil {
			c.failed(h, p, "panic: "+panicKind(v), debug.Stack())
			reaction, ok = Reaction{}, false
		}
	}()
	reaction, err := h.Response(ctx, answer)
	c.judge(h, p, began)
	if err != nil {
		c.failed(h, p, err.Error(), nil)
		return Reaction{}, false
	}
	return reaction, true
}

// panicKind says what panicked without what it carries, which may be a
// payload.
func panicKind(v any) string { return fmt.Sprintf("%T", v) }

// judge says of a hook that only computes that it took long. Its result
// counts: the work is done.
func (c *Chain) judge(h Hook, p *passage, began time.Time) {
	if took := time.Since(began); !h.Guard && !h.Waits && took > budget {
		c.failed(h, p, "it took more than "+budget.String(), nil)
	}
}

// failed counts, and says each reason of a hook once.
func (c *Chain) failed(h Hook, p *passage, reason string, stack []byte) {
	p.errors.Add(1)
	c.stats.errors.Add(1)
	c.mu.Lock()
	key := h.Name + " " + reason
	first := !c.said[key] && len(c.said) < 100
	c.said[key] = true
	c.mu.Unlock()
	if !first {
		return
	}
	fields := []zap.Field{zap.String("hook", h.Name), zap.String("reason", reason)}
	if stack != nil {
		fields = append(fields, zap.ByteString("stack", stack))
	}
	c.log.Warn("a hook failed; the bytes go on as they were", fields...)
}

func (c *Chain) remember(id string, p *passage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= maxOpen && p.whole == "" {
		c.stats.untracked.Add(1)
		return
	}
	c.open[id] = p
}

func (c *Chain) take(id string) *passage {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.open[id]
	delete(c.open, id)
	return p
}
