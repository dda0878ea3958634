// Package awsparams reads and writes parameters, secrets, items and
// configurations in AWS as a paramcache.Provider: few calls for many values,
// typed answers, errors that name their cure.
//
// The rule a reader could break: a value goes into paramcache.Value and nowhere
// else. No error, and no text an error is made of, may hold one.
package awsparams

import (
	"context"
	"sync"
	"time"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

// Caller makes one signed AWS call. *awsapi.Client is one.
type Caller interface {
	Call(ctx context.Context, op awsapi.Operation, in, out any) error
}

// Options shape a Provider; the zero value works.
type Options struct {
	// The attributes of DynamoDB refs that name none. Empty: the layout
	// Powertools uses, id, sk and value.
	KeyAttr   string
	SortAttr  string
	ValueAttr string

	// Region is the function's own. Without it, ARNs of this region are read by
	// batches of their own.
	Region string

	// ConfigPoll is how often AppConfig may be asked for one profile, 15 s to
	// 24 h; between two polls the last answer stands. Below 15 s: as often as
	// AppConfig allows, or every 15 s. 0: what AppConfig says, which is 60 s.
	ConfigPoll time.Duration

	// MaxBytes bounds what is kept of AppConfig's sessions, with the last
	// answer of each. 0: 8 MiB.
	MaxBytes int

	// Keep tells whether anything may be kept of AppConfig's sessions: not
	// where nothing is to be cached, and not before a snapshot is taken. Each
	// read has a session of its own then. nil: yes.
	Keep func() bool

	// Timeout is the limit of one page of a group. nil: the caller's own.
	Timeout func(paramcache.Source) time.Duration
}

// Provider implements paramcache.Provider, Batcher, Sizer, Setter and Forgetter.
// It keeps AppConfig's sessions, who may not batch, and which tables have keys
// that are no strings; nothing else.
type Provider struct {
	api Caller
	opt Options

	mu       sync.Mutex
	sessions *sessions             // replaced by Forget
	single   map[account]time.Time // until when batches are not tried, wall clock
	keyTypes map[keyAttribute]string
}

var (
	_ paramcache.Provider  = (*Provider)(nil)
	_ paramcache.Batcher   = (*Provider)(nil)
	_ paramcache.Sizer     = (*Provider)(nil)
	_ paramcache.Setter    = (*Provider)(nil)
	_ paramcache.Forgetter = (*Provider)(nil)
)

// New returns a Provider that calls AWS through api.
func New(api Caller, opt Options) *Provider {
	opt.KeyAttr = or(opt.KeyAttr, "id")
	opt.SortAttr = or(opt.SortAttr, "sk")
	opt.ValueAttr = or(opt.ValueAttr, "value")
	p := &Provider{api: api, opt: opt}
	p.Forget()
	return p
}

// Forget drops what must not survive a snapshot: AppConfig's sessions with
// their last values, and who may not batch.
func (p *Provider) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions = &sessions{known: map[profile]session{}}
	p.single = map[account]time.Time{}
	p.keyTypes = map[keyAttribute]string{}
}

// ForgetRef drops the AppConfig session of a profile: a new one may be polled
// at once, while the old one has to wait for its time.
func (p *Provider) ForgetRef(ref paramcache.Ref) {
	if ref.Source == paramcache.AppConfig {
		p.current().forget(profile{ref.Name, ref.ReadIn(), ref.RoleARN})
	}
}

// Held is how many bytes AppConfig's sessions hold.
func (p *Provider) Held() int { return p.current().held() }

// Fetch reads one value. Errors are *paramcache.Error.
func (p *Provider) Fetch(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	if ref.Name == "" {
		return paramcache.Value{}, badRequest(ref, "no name", "")
	}
	if ref.Path && ref.Source != paramcache.SSM || ref.AllSorts && ref.Source != paramcache.DynamoDB {
		return paramcache.Value{}, badRequest(ref, "the source has no such group", "only ssm has paths, only dynamodb sort keys")
	}
	switch ref.Source {
	case paramcache.SSM:
		if ref.Path {
			return p.path(ctx, ref)
		}
		return p.parameter(ctx, ref)
	case paramcache.Secrets:
		return p.secret(ctx, ref)
	case paramcache.DynamoDB:
		if ref.AllSorts {
			return p.items(ctx, ref)
		}
		return p.item(ctx, ref)
	case paramcache.AppConfig:
		return p.configuration(ctx, ref)
	}
	return paramcache.Value{}, badRequest(ref, "unknown source", "use ssm, secrets, dynamodb or appconfig")
}

// call makes the call in the ref's region as its role, and translates its
// errors.
func (p *Provider) call(ctx context.Context, ref paramcache.Ref, what action, in, out any) error {
	if err := p.ask(ctx, ref, what, in, out); err != nil {
		return translate(ref, what, err)
	}
	return nil
}

// ask is call with errors as awsapi has them.
func (p *Provider) ask(ctx context.Context, ref paramcache.Ref, what action, in, out any) error {
	return p.api.Call(ctx, awsapi.Operation{Service: what.service, Name: what.operation, Region: ref.ReadIn(), RoleARN: ref.RoleARN}, in, out)
}

// now is the wall clock without the monotonic reading, which stands still in a
// frozen sandbox.
func now() time.Time { return time.Now().Round(0) }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
