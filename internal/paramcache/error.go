package paramcache

import (
	"context"
	"errors"
)

// Kind classifies a failed fetch; the local API maps it to a status.
type Kind uint8

// The kinds of failure. KindInternal is a fault of ours.
const (
	KindInternal Kind = iota
	KindBadRequest
	KindNotFound
	KindAccessDenied
	KindThrottled
	KindTimeout
	KindUnreachable
	KindUpstream // the service itself failed (5xx)
	KindTransform
)

// String names the kind for logs.
func (k Kind) String() string {
	switch k {
	case KindInternal:
		return "internal"
	case KindBadRequest:
		return "bad request"
	case KindNotFound:
		return "not found"
	case KindAccessDenied:
		return "access denied"
	case KindThrottled:
		return "throttled"
	case KindTimeout:
		return "timeout"
	case KindUnreachable:
		return "unreachable"
	case KindUpstream:
		return "upstream"
	case KindTransform:
		return "transform"
	}
	return "unknown"
}

// definitive says that the service answered about the value itself: an older
// value must not stand in for this answer.
func (k Kind) definitive() bool {
	switch k {
	case KindBadRequest, KindNotFound, KindAccessDenied:
		return true
	}
	return false
}

// Error is a failed fetch or transform. Its text never contains a value.
type Error struct {
	Kind    Kind
	Ref     Ref
	Op      string // what failed: write; empty: read
	Code    string // the service's own code, e.g. ParameterNotFound
	Message string // what happened, in words for the caller
	Cure    string // what would help: an IAM action, a variable; may be empty
	Err     error  // what lies below; may be nil
}

func (e *Error) Error() string {
	msg := "read "
	if e.Op != "" {
		msg = e.Op + " "
	}
	msg += e.Ref.String() + ": "
	if e.Code != "" {
		msg += e.Code + ": "
	}
	msg += e.Message
	if e.Cure != "" {
		msg += "; " + e.Cure
	}
	return msg
}

func (e *Error) Unwrap() error { return e.Err }

// asError makes an *Error of whatever a provider returned.
func asError(ref Ref, err error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		if known.Ref == (Ref{}) {
			named := *known
			named.Ref = ref
			return &named
		}
		return known
	}
	return &Error{Kind: kindOf(err), Ref: ref, Message: err.Error(), Err: err}
}

// kindOf classifies an error that is not an *Error.
func kindOf(err error) Kind {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return KindTimeout
	}
	return KindInternal
}
