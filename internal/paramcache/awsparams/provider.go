// Package awsparams reads parameters, secrets and items from AWS as a
// paramcache.Provider: one call per value, typed answers, errors that name
// their cure.
//
// The rule a reader could break: a value goes into paramcache.Value and nowhere
// else. No error, and no text an error is made of, may hold one.
package awsparams

import (
	"context"
	"strings"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

// Caller makes one signed AWS call. *awsapi.Client is one.
type Caller interface {
	Call(ctx context.Context, op awsapi.Operation, in, out any) error
}

// Options are the defaults of DynamoDB refs that name no attributes. Empty
// fields: the layout Powertools uses, id, sk and value.
type Options struct {
	KeyAttr   string
	SortAttr  string
	ValueAttr string
}

// Provider implements paramcache.Provider.
type Provider struct {
	api Caller
	opt Options
}

// New returns a Provider that calls AWS through api.
func New(api Caller, opt Options) *Provider {
	opt.KeyAttr = or(opt.KeyAttr, "id")
	opt.SortAttr = or(opt.SortAttr, "sk")
	opt.ValueAttr = or(opt.ValueAttr, "value")
	return &Provider{api: api, opt: opt}
}

// Fetch reads one value. Errors are *paramcache.Error.
func (p *Provider) Fetch(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	if ref.Name == "" {
		return paramcache.Value{}, badRequest(ref, "no name", "")
	}
	switch ref.Source {
	case paramcache.SSM:
		return p.parameter(ctx, ref)
	case paramcache.Secrets:
		return p.secret(ctx, ref)
	case paramcache.DynamoDB:
		return p.item(ctx, ref)
	case paramcache.AppConfig:
		return paramcache.Value{}, badRequest(ref, "appconfig is not supported yet", "read it from the AppConfig agent on port 2772")
	}
	return paramcache.Value{}, badRequest(ref, "unknown source", "use ssm, secrets or dynamodb")
}

// call makes the call in the ref's region and translates its errors.
func (p *Provider) call(ctx context.Context, ref paramcache.Ref, what action, in, out any) error {
	op := awsapi.Operation{Service: what.service, Name: what.operation, Region: regionOf(ref)}
	if err := p.api.Call(ctx, op, in, out); err != nil {
		return translate(ref, what, err)
	}
	return nil
}

// regionOf returns the region the ref asks for: its own, or the one in an ARN.
// Empty: the function's. (IAM, "Amazon Resource Names")
func regionOf(ref paramcache.Ref) string {
	if ref.Region != "" || !strings.HasPrefix(ref.Name, "arn:") {
		return ref.Region
	}
	// arn:partition:service:region:account:resource
	parts := strings.SplitN(ref.Name, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[3]
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
