package middleware

import (
	"cmp"
	"context"
	"errors"
	"unicode/utf8"

	"go.uber.org/zap"

	"powertools-extension/internal/awsdecode"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/schema"
)

// Validation is the hook that holds events and answers to JSON Schemas.
type Validation struct {
	// Event and Response give the compiled schema, or why it cannot be used;
	// nil: none is asked for.
	Event, Response func(ctx context.Context) (*schema.Schema, error)

	EventEnvelope, ResponseEnvelope *awsdecode.Envelope // nil: the whole

	Enforce bool // an answer that does not fit is replaced by an error
	Drop    bool // an event that does not fit is answered null, as a success
	AsHTTP  bool

	Log *zap.Logger
}

// Hook returns the step.
func (v Validation) Hook() Hook {
	h := Hook{Name: "validate", Guard: true}
	if v.Event != nil {
		h.Request = v.request
	}
	if v.Response != nil {
		h.Response = v.response
	}
	return h
}

// request fails closed: a guard that cannot work lets nothing pass.
func (v Validation) request(ctx context.Context, r *Request) (action Action, err error) {
	// Whoever called the function is told no more: the reason names files and roles.
	unusable := Problem{Type: "SchemaUnusableError", Status: 500, Detail: "The schema of events cannot be used; the extension's log has the reason"}
	defer func() {
		if p := recover(); p != nil {
			action, err = Action{Answer: unusable.Post(r.Source, v.AsHTTP)}, nil
		}
	}()
	s, err := v.Event(ctx)
	if err != nil {
		return Action{Answer: unusable.Post(r.Source, v.AsHTTP)}, nil
	}
	failures, more := verdict(s, v.EventEnvelope, r.Body)
	if len(failures) == 0 {
		return Action{}, nil
	}
	v.Log.Warn("event does not fit its schema", of(r.Whole, r.ID), zap.Any("errors", failures), zap.Int("more", more))
	if v.Drop && !r.Source.HTTP { // who waits for an answer over HTTP gets one
		return Action{Answer: &Post{Body: []byte("null")}}, nil
	}
	return Action{Answer: unfit("SchemaValidationError", 400, "The event does not fit its schema", failures, more).Post(r.Source, v.AsHTTP)}, nil
}

// response sees what the function answered. An error passes, and so does what
// is no JSON: there is nothing to hold to a schema.
func (v Validation) response(ctx context.Context, r *Response) (Reaction, error) {
	if r.Failed || r.By != "" {
		return Reaction{}, nil
	}
	if _, err := jmes.Parse(r.Body); err != nil {
		return Reaction{}, errNotValidated
	}
	s, err := v.Response(ctx)
	if err != nil {
		return Reaction{}, err
	}
	failures, more := verdict(s, v.ResponseEnvelope, r.Body)
	if len(failures) == 0 {
		return Reaction{}, nil
	}
	v.Log.Warn("response does not fit its schema", of(r.Whole, r.ID), zap.Any("errors", failures), zap.Int("more", more))
	if !v.Enforce {
		return Reaction{}, nil
	}
	return Reaction{Post: unfit("ResponseSchemaValidationError", 500, "The response does not fit its schema", failures, more).Post(r.Source, v.AsHTTP)}, nil
}

var errNotValidated = errors.New("an answer that is no JSON was not held to its schema")

// verdict validates a body: what is no JSON as a string of its text, nothing
// as null. What is nested too deep, and an envelope that fails, is a failure
// of its own.
func verdict(s *schema.Schema, envelope *awsdecode.Envelope, body []byte) ([]schema.Failure, int) {
	value, err := jmes.Parse(body)
	switch {
	case err == nil:
	case utf8.Valid(body) && jsonbytes.Valid(body): // JSON, but nested more than jmes.MaxDepth
		return []schema.Failure{{Keyword: "depth"}}, 0
	case len(body) > 0:
		value = jmes.Text(string(body))
	}
	if envelope != nil {
		if value, err = envelope.Search(value); err != nil {
			return []schema.Failure{{Path: "envelope", Keyword: "envelope"}}, 0
		}
	}
	return s.Validate(value)
}

func unfit(kind string, status int, detail string, failures []schema.Failure, more int) Problem {
	p := Problem{Type: kind, Status: status, Detail: detail, More: more}
	for _, f := range failures {
		p.Errors = append(p.Errors, f)
	}
	return p
}

// of names the request of a line as all lines do, so that one query finds them.
func of(whole, id string) zap.Field {
	return zap.String("function_request_id", cmp.Or(whole, id))
}
