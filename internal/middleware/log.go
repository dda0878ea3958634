package middleware

import "context"

// Log is the hook that shows events, answers and errors. Nil: not asked for.
type Log struct {
	Event    func(r *Request)
	Response func(r *Response) // an answer, or a stream that is through
	Error    func(r *Response)
}

// Hook returns the step.
func (l Log) Hook() Hook {
	h := Hook{Name: "log", Each: true}
	if l.Event != nil {
		h.Request = func(_ context.Context, r *Request) (Action, error) {
			l.Event(r)
			return Action{}, nil
		}
	}
	if l.Response != nil || l.Error != nil {
		h.Response = l.response
	}
	return h
}

func (l Log) response(_ context.Context, r *Response) (Reaction, error) {
	switch {
	case r.Failed:
		if l.Error != nil {
			l.Error(r)
		}
	case l.Response != nil:
		l.Response(r)
	}
	return Reaction{}, nil
}
