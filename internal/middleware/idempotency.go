package middleware

import (
	"context"
	"errors"
	"time"

	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/jmes"
)

// Idempotency is the hook that lets equal requests run once.
type Idempotency struct {
	Engine   *idempotency.Engine // nil: its configuration cannot be used, and Refuse says why
	Refuse   string
	StoreAll bool // also HTTP answers of 500 and more
	AsHTTP   bool // problems of HTTP events are HTTP answers
}

// Hook returns the step.
func (i Idempotency) Hook() Hook {
	h := &idempotencyHook{Idempotency: i}
	return Hook{Name: "idempotency", Guard: true, Waits: true, Each: true, Request: h.request, Response: h.response}
}

type idempotencyHook struct {
	Idempotency
	running pending[*idempotency.Execution]
}

func (h *idempotencyHook) request(ctx context.Context, r *Request) (action Action, err error) {
	if r.Durable {
		return Action{}, nil // a replay of its steps looks like a duplicate
	}
	refuse := func(e *idempotency.Error) Action {
		return Action{Answer: h.problem(e, r.Source)}
	}
	defer func() {
		if v := recover(); v != nil { // fails closed: the user asked for a guarantee
			action, err = refuse(&idempotency.Error{Kind: idempotency.Persistence, Msg: "internal error"}), nil
		}
	}()
	if h.Engine == nil {
		return refuse(&idempotency.Error{Kind: idempotency.Persistence, Msg: h.Refuse}), nil
	}
	event, parseErr := jmes.Parse(r.Body)
	if parseErr != nil {
		event = jmes.Value{} // as Powertools: what is no JSON has no key
	}
	execution, record, err := h.Engine.Begin(ctx, idempotency.Request{Invocation: r.ID, Event: event, Tenant: r.Tenant, Deadline: r.Deadline})
	if err != nil {
		refused, ok := errors.AsType[*idempotency.Error](err)
		if !ok {
			refused = &idempotency.Error{Kind: idempotency.Persistence, Msg: "the record could not be written", Err: err}
		}
		return refuse(refused), nil
	}
	if record != nil {
		body, contentType := record.Answer()
		return Action{Answer: &Post{ContentType: contentType, Body: replayed(body, r.Source)}}, nil
	}
	if execution != nil && execution.Recorded() {
		h.running.put(r, execution)
	}
	return Action{}, nil
}

// response stores the answer before it leaves: who has an answer has it
// stored.
func (h *idempotencyHook) response(ctx context.Context, r *Response) (Reaction, error) {
	x, ok := h.running.take(r.ID)
	if !ok {
		return Reaction{}, nil
	}
	if r.Failed || !h.StoreAll && r.Source.HTTP && awsevent.StatusCode(r.Body) >= 500 {
		_ = h.Engine.Fail(ctx, x) // told by the engine; the function's own answer goes out
		return Reaction{}, nil
	}
	res := idempotency.Result{Body: r.Body, ContentType: r.ContentType}
	if r.Streamed {
		res = idempotency.Result{NotStorable: "streamed"}
	}
	_, err := h.Engine.Complete(ctx, x, res)
	refused, is := errors.AsType[*idempotency.Error](err)
	if !is || r.Streamed {
		return Reaction{}, nil // stored, or lost: told by the engine, and the answer goes out
	}
	// The caller must not believe that a repeat is safe.
	return Reaction{Post: h.problem(refused, r.Source)}, nil
}

// problem is the answer for a refusal. What the service said is for those who
// may see the function's errors, and not for an HTTP client.
func (h *idempotencyHook) problem(e *idempotency.Error, source awsevent.Event) *Post {
	p := idempotencyProblem(e)
	if e.Err != nil && (!source.HTTP || !h.AsHTTP) {
		p.Detail += ": " + e.Err.Error() // which holds no value
	}
	return p.Post(source, h.AsHTTP)
}

func idempotencyProblem(e *idempotency.Error) Problem {
	p := Problem{Type: string(e.Kind), Detail: e.Msg, Status: 503}
	switch e.Kind {
	case idempotency.KeyMissing:
		p.Status = 400
	case idempotency.Running:
		p.Status, p.RetryAfter = 409, max(1, int((e.RetryAfter+time.Second-1)/time.Second))
	case idempotency.NotReplayable:
		p.Status = 409
	case idempotency.Different:
		p.Status = 422
	}
	return p
}

// replayed marks an HTTP answer that was given before. The stored bytes stay;
// the header is spliced into a copy.
func replayed(body []byte, source awsevent.Event) []byte {
	if !source.HTTP {
		return body
	}
	v, err := jmes.Parse(body)
	if err != nil {
		return body
	}
	mark, headers := `"idempotent-replayed":"true"`, v.Field("headers")
	if many := v.Field("multiValueHeaders"); source.MultiValue && many.Kind() == jmes.Object {
		mark, headers = `"idempotent-replayed":["true"]`, many
	}
	if headers.Kind() != jmes.Object {
		return body
	}
	// The value is a part of body: what lies behind its beginning says where.
	at := cap(body) - cap(headers.Raw()) + 1
	out := append(append([]byte(nil), body[:at]...), mark...)
	if len(headers.Members()) > 0 {
		out = append(out, ',')
	}
	return append(out, body[at:]...)
}
