// Package localhttp is the function's API on loopback: parameters, secrets,
// custom metrics and the invocation's context for any runtime, one HTTP
// request each, and in place of three other servers, on their own paths and in
// their own formats: the AWS Parameters and Secrets Lambda Extension, the AWS
// Secrets Manager Agent, and the AWS AppConfig Agent.
//
// The rule a reader could break: nothing of a request is decoded before guard
// has let it pass, and no value and no token gets into an error, a header or
// a log line. Values leave through the answer writers alone.
package localhttp

import (
	"context"
	"time"

	"powertools-extension/internal/config"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/paramcache"

	"go.uber.org/zap"
)

// Parameters is the cache behind the routes. Errors are *paramcache.Error;
// anything else is answered as a fault of ours, without its text.
type Parameters interface {
	Reader
	Writer
	Holder
}

// Reader reads one value, or several at once.
type Reader interface {
	Get(ctx context.Context, ref paramcache.Ref, opt paramcache.Options) (paramcache.Result, error)
	GetMany(ctx context.Context, refs []paramcache.Ref, opt paramcache.Options) ([]paramcache.Result, []error)
}

// Writer stores a value and returns its new version. It is asked only when
// Options.Write says so.
type Writer interface {
	Set(ctx context.Context, ref paramcache.Ref, set paramcache.Setting) (version string, err error)
}

// Holder shows and forgets what is cached.
type Holder interface {
	Entries() []paramcache.EntryInfo
	Purge(ref paramcache.Ref) bool
	PurgeAll() int
}

// Metrics takes samples; *emf.Intake does. A refusal is an *emf.LimitError.
type Metrics interface {
	Record(sample emf.Sample) error
	Reject(why *emf.LimitError) // counts what was wrong before it was a sample
	Skip()                      // counts a dimension without a value
	Settle()                    // the request's samples are recorded; its answer goes next
}

// Deps are the rooms behind the routes. What is nil degrades its routes and
// nothing else.
type Deps struct {
	Log         *zap.Logger         // nil: silent
	Parameters  Parameters          // nil: parameter routes answer 503
	Metrics     Metrics             // nil: POST /metrics answers 503
	Idempotency *idempotency.Engine // nil: /idempotency answers 503
	Health      func() Health       // nil: GET /healthz knows only this package
	Config      func() config.Dump  // the effective configuration, fit to be shown; nil: GET /config answers 503

	// Context tells the invocation that runs. With a request id it waits, within
	// a bound of its own, until that one does. nil: GET /context answers 503.
	Context func(ctx context.Context, requestID string) Context
	Event   func(requestID string) []byte // as Lambda sent it, where an envelope took something out of it; nil: there is none
}

// Options are the settings of a Server. The zero value is usable in a test;
// without Tokens every route but /ping and /healthz refuses.
type Options struct {
	Port    int    // TCP port on 127.0.0.1; 0: any free one
	Version string // of the extension, for /healthz and the API description

	// AppConfigPort is a second port, on which the AppConfig agent's route
	// needs no token, as its clients send none; 0: there is none; -1: any free
	// one.
	AppConfigPort int

	// Tokens returns every token that opens the API. It is asked for each
	// request and must not block; see the function Tokens for what belongs in.
	Tokens func() []string

	// Unavailable says why parameters cannot be served at all; the routes
	// answer 503 with it. Empty: they can.
	Unavailable string

	Decrypt bool // default of ?decrypt on /parameters/ssm
	Write   bool // PUT may change parameters and secrets

	// Default ages of the drop-in routes, which follow the variables of the
	// extension they stand in for. nil: the cache's own default.
	SystemsManagerMaxAge *time.Duration
	SecretsManagerMaxAge *time.Duration

	// Default table layout on /parameters/dynamodb. Empty: id, sk, value.
	KeyAttr, SortAttr, ValueAttr string

	IdempotencyBad string // why Deps.Idempotency is nil, where it should not be

	FeatureFlags FeatureFlags  // the document of the flag routes
	TaskRoot     func() string // below which POST /validate finds schemas; nil: /var/task
	Formats      bool          // POST /validate asserts format

	// MemoBytes bounds the answers that are kept to be given again, within the
	// second and for the same bytes of a request. 0: none are. The caller takes
	// it from what the cache may hold.
	MemoBytes int

	InFlight    int // requests answered at the same time; 0: 256
	Connections int // open at the same time; 0: 512
}

// The limits of one request.
const (
	defaultInFlight    = 256
	defaultConnections = 512

	maxHeader = 64 << 10  // bytes of request line and headers
	maxBody   = 256 << 10 // bytes of a body
	maxName   = 2048      // bytes of a decoded name or argument (SSM allows 2,048 in an ARN)
)

// withDefaults fills what the caller left out.
func (o Options) withDefaults() Options {
	if o.InFlight <= 0 {
		o.InFlight = defaultInFlight
	}
	if o.Connections <= 0 {
		o.Connections = defaultConnections
	}
	if o.Tokens == nil {
		o.Tokens = func() []string { return nil }
	}
	if o.TaskRoot == nil {
		o.TaskRoot = func() string { return "/var/task" }
	}
	o.KeyAttr = orElse(o.KeyAttr, "id")
	o.SortAttr = orElse(o.SortAttr, "sk")
	o.ValueAttr = orElse(o.ValueAttr, "value")
	return o
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
