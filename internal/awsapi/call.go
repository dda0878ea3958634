package awsapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"

	"powertools-extension/internal/ref"
)

// call is one Call on its way through its attempts. It belongs to one
// goroutine.
type call struct {
	client *Client
	op     Operation
	svc    service
	place  place
	msg    message
	hash   string // hex SHA-256 of the body, part of the signature

	// What the last attempt used, for the decision about the next one.
	creds    aws.Credentials
	source   *aws.CredentialsCache
	signed   time.Time // our clock, no offset
	wide     bool
	cures    cures
	attempts int
	began    time.Time
	taken    int  // tokens, for tries after a throttling
	last     bool // the last of these tries is on its way
}

// prepare checks and writes the request. Nothing is sent.
func (c *Client) prepare(op Operation, in any) (*call, error) {
	svc, ok := lookupService(op.Service)
	if !ok {
		return nil, &RequestError{op.Service, op.Name, "unknown service", "use one of the package's services"}
	}
	if op.RoleARN != "" && !ref.IsRole(op.RoleARN) {
		return nil, &RequestError{op.Service, op.Name, "not the ARN of a role", "use one like arn:aws:iam::123456789012:role/name"}
	}
	places := c.places()
	place, err := places.resolve(svc, op)
	if err != nil {
		return nil, err
	}
	msg, err := svc.write(op, in)
	if err != nil {
		return nil, &RequestError{op.Service, op.Name, "request cannot be written as JSON", "correct the caller"}
	}
	sum := sha256.Sum256(msg.body)
	return &call{client: c, op: op, svc: svc, place: place, msg: msg, hash: hex.EncodeToString(sum[:])}, nil
}

// run tries until there is an answer, a verdict that trying again is useless,
// or no time.
func (k *call) run(ctx context.Context, out any) error {
	k.began = time.Now()
	for {
		err := k.attempt(ctx, out)
		if err == nil {
			k.client.tokens.give(k.op.Service, max(k.taken, 1))
			return nil
		}
		if role, ok := errors.AsType[*roleError](err); ok {
			return role.err // it has been tried again already, as a call of its own
		}
		again, delay := k.judge(ctx, err)
		if !again || !pause(ctx, delay) {
			return err
		}
		k.client.log.Debug("aws call tried again",
			zap.String("service", k.op.Service), zap.String("operation", k.op.Name), zap.Error(err))
	}
}

// attempt signs and sends once and reads the answer.
func (k *call) attempt(ctx context.Context, out any) error {
	req, err := k.request(ctx)
	if err != nil {
		return err
	}
	transport, wide := k.client.net.current()
	k.wide = wide
	// RoundTrip and not http.Client: a signed request must never follow a
	// redirect, and the context bounds the time.
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return k.transportError(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return k.serviceError(resp)
	}
	data, err := readAnswer(resp)
	if err != nil {
		return k.transportError(ctx, err)
	}
	if raw, ok := out.(*Raw); ok {
		raw.Header, raw.Body = resp.Header, data
		return nil
	}
	if err := decode(data, out); err != nil {
		return k.transportError(ctx, err)
	}
	return nil
}

// request builds and signs the request. It is done anew for each attempt: a
// signature is good for five minutes, and a freeze between two attempts may
// last longer. (IAM, "Signature Version 4 request elements")
func (k *call) request(ctx context.Context) (*http.Request, error) {
	var err error
	if k.creds, k.source, err = k.keys().retrieve(ctx); err != nil {
		return nil, k.credentialsError(ctx, err)
	}
	req, err := http.NewRequestWithContext(ctx, k.msg.method, k.place.url+k.msg.path, bytes.NewReader(k.msg.body))
	if err != nil {
		return nil, &RequestError{k.op.Service, k.op.Name, "endpoint is not a usable URL", "check the region and AWS_ENDPOINT_URL"}
	}
	if len(k.msg.body) > 0 {
		req.Header.Set("Content-Type", k.svc.proto.contentType())
	}
	if k.msg.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if k.svc.target != "" {
		req.Header.Set("X-Amz-Target", k.svc.target+k.op.Name)
	}
	if k.client.userAgent != "" {
		req.Header.Set("User-Agent", k.client.userAgent)
	}
	k.signed = time.Now().Round(0)
	err = k.client.signer().SignHTTP(ctx, k.creds, req, k.hash, k.svc.scope(), k.place.region, k.client.now())
	if err != nil {
		return nil, &CredentialsError{Reason: "sign request", Err: err}
	}
	return req, nil
}

// keys is where the call's credentials come from.
func (k *call) keys() *credentials {
	if k.op.RoleARN == "" {
		return k.client.creds
	}
	return k.client.roles.of(k.op.RoleARN)
}

// credentialsError keeps a cancelled wait apart from credentials that cannot be
// had. The SDK's cache wraps both. What STS says about a role stays what it is:
// it names the permission that is missing.
func (k *call) credentialsError(ctx context.Context, err error) error {
	if typed, ok := errors.AsType[*CredentialsError](err); ok {
		return typed
	}
	if role, ok := errors.AsType[*roleError](err); ok {
		return role
	}
	if ctx.Err() != nil {
		return k.transportError(ctx, err)
	}
	return &CredentialsError{Reason: "refresh", Err: err}
}
