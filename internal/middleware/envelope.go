package middleware

import (
	"context"
	"errors"
	"fmt"

	"powertools-extension/internal/awsdecode"
	"powertools-extension/internal/jmes"
)

// Unwrap is the hook that gives the function what an envelope holds, and
// wraps its answer.
type Unwrap struct {
	Event *awsdecode.Envelope // nil: the event stays as it is
	HTTP  bool                // an answer without statusCode becomes an HTTP answer

	// Originals keeps what events were before, while their requests run; nil:
	// nobody asks.
	Originals *Originals
}

// Hook returns the step.
func (u Unwrap) Hook() Hook {
	h := Hook{Name: "unwrap"}
	if u.Event != nil {
		h.Request = u.request
	}
	if u.HTTP || u.Originals != nil {
		h.Response = u.response
	}
	return h
}

var errEnvelope = errors.New("the envelope found nothing in the event")

func (u Unwrap) request(_ context.Context, r *Request) (Action, error) {
	event, err := jmes.Parse(r.Body)
	if err != nil {
		return Action{}, errEnvelope
	}
	inner, err := u.Event.Search(event)
	switch {
	case err != nil:
		return Action{}, fmt.Errorf("the envelope failed: %w", err) // names a function, never a value
	case inner.Kind() == jmes.Null:
		return Action{}, errEnvelope
	}
	if u.Originals != nil {
		u.Originals.keep(r.ID, r.Body)
	}
	if raw := inner.Raw(); raw != nil {
		return Action{Replace: append([]byte(nil), raw...)}, nil // its own bytes: digits, order, escapes
	}
	return Action{Replace: inner.Append(nil)}, nil
}

func (u Unwrap) response(_ context.Context, r *Response) (Reaction, error) {
	if u.Originals != nil {
		u.Originals.drop(r.ID)
	}
	if !u.HTTP || r.Failed || !r.Source.HTTP || r.By != "" {
		return Reaction{}, nil
	}
	answer, err := jmes.Parse(r.Body)
	if err != nil || answer.Field("statusCode").Kind() != jmes.Null {
		return Reaction{}, nil
	}
	multi := r.Source.MultiValue
	out := []byte(`{"statusCode":200,"` + headersMember(multi) + `":{`)
	out = append(appendHeaders(out, []header{{"content-type", "application/json"}}, multi), `},"body":`...)
	body := answer.Raw()
	if body == nil {
		body = []byte("null")
	}
	out = jmes.Text(string(body)).Append(out)
	return Reaction{Replace: append(out, '}')}, nil
}
