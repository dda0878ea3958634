// Package awsapi makes one signed call to one of the AWS services that hold
// parameters: endpoint, credentials, also those of another role, signature,
// retries and typed errors.
//
// The rule a reader could break: this is the only package that imports the AWS
// SDK, and it imports only the core (aws, aws/signer/v4). Linking a generated
// service client costs milliseconds of package initialisation at every cold
// start, even when no client is ever built. Tests use those clients as the
// independent other side.
//
// Nothing here keeps a goroutine or a timer of its own, so a frozen sandbox
// finds nothing to catch up on. After a freeze call CloseIdle, after a snapshot
// was restored call Forget.
package awsapi

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"go.uber.org/zap"
)

// The defaults of Options.
const (
	DefaultTimeout        = 3 * time.Second
	DefaultMaxConnections = 3 // PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS has the same default
)

// Options shape a Client. The zero value works once Lookup is set.
type Options struct {
	// Lookup reads the environment; os.LookupEnv in the product. It is asked at
	// the first call, not by New. Required. The proxy variables are the one
	// exception: net/http reads them from the process itself.
	Lookup func(name string) (string, bool)

	// Region is used when an operation names none. Empty: AWS_REGION, then
	// AWS_DEFAULT_REGION.
	Region string

	// Timeout bounds one Call with all its retries. 0: DefaultTimeout.
	Timeout time.Duration

	// MaxConnections bounds the connections per host; calls beyond wait inside
	// their Timeout. 0: DefaultMaxConnections.
	MaxConnections int

	Log       *zap.Logger // nil: silent
	UserAgent string      // empty: net/http's own
}

// Client calls AWS. It is safe for concurrent use. Build it with New.
type Client struct {
	log       *zap.Logger
	timeout   time.Duration
	userAgent string

	// places is where calls go; read from the environment at the first call.
	places func() endpoints
	creds  *credentials
	roles  *roles
	net    *network
	tokens tokens
	signer func() *v4.Signer

	// skew is how far the services' clock is ahead of ours, in nanoseconds.
	// Learnt from an answer that refused a signature for its age.
	skew atomic.Int64
}

// New stores the options and does no other work: no file, no socket, no
// environment variable is touched before the first Call. An extension is
// judged by its cold start, and most cold starts call nothing.
func New(opt Options) *Client {
	log := opt.Log
	if log == nil {
		log = zap.NewNop()
	}
	log = log.Named("awsapi")
	if opt.Timeout <= 0 {
		opt.Timeout = DefaultTimeout
	}
	if opt.MaxConnections <= 0 {
		opt.MaxConnections = DefaultMaxConnections
	}
	c := &Client{
		log:       log,
		timeout:   opt.Timeout,
		userAgent: opt.UserAgent,
		places:    sync.OnceValue(func() endpoints { return newEndpoints(opt.Lookup, opt.Region) }),
		creds:     &credentials{source: environment{opt.Lookup, log}.provider},
		net:       &network{lookup: opt.Lookup, maxConns: opt.MaxConnections, log: log},
		signer:    sync.OnceValue(func() *v4.Signer { return v4.NewSigner() }),
	}
	c.roles = &roles{provider: c.assumed}
	return c
}

// Call sends in as the operation's request and decodes the answer into out,
// which may be nil. in is what encoding/json can write; for AppConfigData a
// REST, for STS a url.Values. out is what encoding/json can fill, or a *Raw. It retries what is worth retrying inside its time budget, so
// the operation must be one that may happen twice.
//
// Errors: *ServiceError when the service answered with one, *TransportError
// when no usable answer came, *CredentialsError when the request could not be
// signed, *RequestError when it could not even be built. No error text holds
// a request body, an answer's body or a credential.
func (c *Client) Call(ctx context.Context, op Operation, in, out any) error {
	call, err := c.prepare(op, in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return call.run(ctx, out)
}

// CloseIdle closes the pooled connections. Call it after a freeze: the peer has
// long forgotten a connection that slept for minutes, and finding that out
// costs a round trip.
func (c *Client) CloseIdle() { c.net.closeIdle() }

// Forget drops what must not survive a snapshot: credentials, connections, TLS
// sessions and the learnt clock offset. The next call starts afresh.
func (c *Client) Forget() {
	c.creds.forget()
	c.roles.forget()
	c.net.forget()
	c.skew.Store(0)
}

// now is the services' time. Round strips the monotonic reading, which may
// stand still while the sandbox is frozen.
func (c *Client) now() time.Time {
	return time.Now().Round(0).Add(time.Duration(c.skew.Load()))
}
