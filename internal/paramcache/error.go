package paramcache

import (
	"context"
	"errors"
	"time"
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
	// KindCredentials is what the service says of the caller and not of the
	// value: no credentials, expired or invalid ones, a signature that does not
	// fit. A held value stays what it is.
	KindCredentials
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
	case KindCredentials:
		return "credentials"
	}
	return "unknown"
}

// definitive says that the service answered about the read itself: an older
// value must not stand in for this answer.
func (e *Error) definitive() bool {
	return e.disowns() || e.Kind == KindBadRequest
}

// disowns says that the service answered about the value: it is gone, or not
// for this caller. What is held of it must answer nobody any more.
func (e *Error) disowns() bool {
	return !e.Between && (e.Kind == KindNotFound || e.Kind == KindAccessDenied)
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

	// Region is where it was read; empty: the function's region, if that is
	// not known.
	Region string

	// Between: not the service answered, but something on the way to it, such
	// as a proxy. That says nothing about the value.
	Between bool

	// Remembered: nobody was asked, an earlier failure answers again. Age is
	// how long ago it came.
	Remembered bool
	Age        time.Duration
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

// asError makes an *Error of whatever a provider returned, with the place that
// was asked.
func (c *Cache) asError(asked Ref, err error) *Error {
	known, ok := errors.AsType[*Error](err)
	if !ok {
		return &Error{Kind: kindOf(err), Ref: asked, Region: c.regionOf(asked), Message: err.Error(), Err: err}
	}
	named := *known
	if named.Ref == (Ref{}) {
		named.Ref = asked
	}
	if named.Region == "" {
		named.Region = c.regionOf(asked)
	}
	return &named
}

// regionOf is where the ref is read.
func (c *Cache) regionOf(asked Ref) string {
	if region := asked.ReadIn(); region != "" {
		return region
	}
	return c.home.Region
}

// kindOf classifies an error that is not an *Error.
func kindOf(err error) Kind {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return KindTimeout
	}
	return KindInternal
}
