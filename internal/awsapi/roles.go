package awsapi

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"
)

const (
	maxRoles    = 20                     // whose credentials are kept, the most recently used
	sessionName = "powertools-extension" // what CloudTrail shows beside the role
	// refusedFor is how long a role that could not be assumed is not asked for
	// again: a burst of reads with it costs one call.
	refusedFor = time.Second
)

// roles keeps the credentials of the roles that calls assume. The zero value
// with provider is ready.
type roles struct {
	provider func(arn string) aws.CredentialsProvider

	mu    sync.Mutex
	known []role // the most recently used last
}

type role struct {
	arn   string
	creds *credentials
}

// of returns the role's credentials; the one used longest ago makes room.
func (r *roles) of(arn string) *credentials {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := role{arn: arn}
	if i := slices.IndexFunc(r.known, func(k role) bool { return k.arn == arn }); i >= 0 {
		found = r.known[i]
		r.known = slices.Delete(r.known, i, i+1)
	} else {
		found.creds = &credentials{source: func() (aws.CredentialsProvider, error) { return r.provider(arn), nil }}
	}
	if len(r.known) == maxRoles {
		r.known = slices.Delete(r.known, 0, 1)
	}
	r.known = append(r.known, found)
	return found.creds
}

func (r *roles) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = nil
}

// assumed is the credentials of one role.
type assumed struct {
	arn    string
	client *Client
	lastGood

	refused   error // by the last try
	refusedAt time.Time
}

func (c *Client) assumed(arn string) aws.CredentialsProvider { return &assumed{arn: arn, client: c} }

// roleError is what the call to STS failed with. The calls that wait for the
// role must not try again what that call has tried.
type roleError struct{ err error }

func (e *roleError) Error() string { return "assume role: " + e.err.Error() }
func (e *roleError) Unwrap() error { return e.err }

// Retrieve assumes the role. When that fails, credentials that still hold are
// used on. The cache around it lets one at a time in, and calls from a goroutine
// of its own, hence the recover.
func (a *assumed) Retrieve(ctx context.Context) (creds aws.Credentials, err error) {
	defer func() {
		if r := recover(); r != nil {
			a.client.log.Error("panic while assuming a role", zap.Any("panic", r), zap.Stack("stack"))
			err = &CredentialsError{Reason: "assume role", Err: errors.New("internal error")}
		}
	}()
	if since := time.Now().Round(0).Sub(a.refusedAt); a.refused != nil && since >= 0 && since < refusedFor {
		return aws.Credentials{}, a.refused
	}
	fresh, err := a.client.assumeRole(ctx, a.arn)
	creds, ok := a.settle(fresh, err)
	if !ok {
		if _, missing := errors.AsType[*CredentialsError](err); !missing {
			err = &roleError{err}
		}
		a.refused, a.refusedAt = err, time.Now().Round(0)
		return aws.Credentials{}, err
	}
	a.refused = nil
	return creds, nil
}

// assumeRole asks STS for an hour as the role, in the function's own region.
// (STS API Reference, "AssumeRole")
func (c *Client) assumeRole(ctx context.Context, arn string) (aws.Credentials, error) {
	op := Operation{Service: STS, Name: "AssumeRole"}
	var raw Raw
	if err := c.Call(ctx, op, url.Values{"RoleArn": {arn}, "RoleSessionName": {sessionName}}, &raw); err != nil {
		return aws.Credentials{}, err
	}
	creds, err := decodeAssumed(raw.Body)
	if err != nil {
		return aws.Credentials{}, &TransportError{Service: op.Service, Operation: op.Name, Err: err}
	}
	return creds, nil
}

// decodeAssumed reads the answer of AssumeRole.
func decodeAssumed(body []byte) (aws.Credentials, error) {
	const at = "AssumeRoleResponse/AssumeRoleResult/Credentials/"
	creds := aws.Credentials{CanExpire: true, Source: "assumed role"}
	if len(body) > maxCredentials {
		return aws.Credentials{}, errXML
	}
	var expires string
	err := eachText(body, func(path, text string) {
		switch path {
		case at + "AccessKeyId":
			creds.AccessKeyID = text
		case at + "SecretAccessKey":
			creds.SecretAccessKey = text
		case at + "SessionToken":
			creds.SessionToken = text
		case at + "Expiration":
			expires = text
		}
	})
	if err != nil {
		return aws.Credentials{}, err
	}
	if creds.Expires, err = time.Parse(time.RFC3339, expires); err != nil || !creds.HasKeys() || creds.SessionToken == "" {
		return aws.Credentials{}, errXML
	}
	return creds, nil
}
