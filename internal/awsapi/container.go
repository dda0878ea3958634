package awsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"
)

const (
	// refreshAhead is how long before their end credentials are replaced.
	refreshAhead = 5 * time.Minute
	// shortLife is how long credentials are kept that should be replaced
	// already, or whose end is unknown; it keeps a burst of calls from asking
	// for each.
	shortLife = 10 * time.Second

	containerTimeout = 2 * time.Second
	maxCredentials   = 16 << 10 // bytes of the endpoint's answer or of the token file
)

// container reads credentials from the HTTP endpoint that
// AWS_CONTAINER_CREDENTIALS_FULL_URI names. Under SnapStart they are exchanged
// at every restore. (AWS SDKs and Tools Reference, "Container credential
// provider")
type container struct {
	uri    string
	host   string
	plain  bool // http: only hosts of this machine may see the token
	lookup func(string) (string, bool)
	log    *zap.Logger
	lastGood
}

func newContainer(uri string, lookup func(string) (string, bool), log *zap.Logger) (*container, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, &CredentialsError{Reason: envContainerURI + " is not an http or https URL"}
	}
	return &container{uri: uri, host: u.Hostname(), plain: u.Scheme == "http", lookup: lookup, log: log}, nil
}

// Retrieve asks the endpoint. When that fails, credentials that still hold are
// used on. It implements aws.CredentialsProvider; the cache around it calls it
// from a goroutine of its own, hence the recover.
func (c *container) Retrieve(ctx context.Context) (creds aws.Credentials, err error) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("panic while reading credentials", zap.Any("panic", r), zap.Stack("stack"))
			err = &CredentialsError{Reason: "container endpoint", Err: errors.New("internal error")}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, containerTimeout)
	defer cancel()
	fresh, err := c.fetch(ctx)
	creds, ok := c.settle(fresh, err)
	if !ok {
		return aws.Credentials{}, &CredentialsError{Reason: "container endpoint", Err: err}
	}
	return creds, nil
}

// cacheUntil says when to ask again for credentials that end at end.
func cacheUntil(end, now time.Time) time.Time {
	until := end.Add(-refreshAhead)
	if soon := now.Add(shortLife); until.Before(soon) {
		until = soon
	}
	if until.After(end) {
		return end
	}
	return until
}

func (c *container) fetch(ctx context.Context) (aws.Credentials, error) {
	if err := c.checkHost(ctx); err != nil {
		return aws.Credentials{}, err
	}
	token, err := c.token()
	if err != nil {
		return aws.Credentials{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.uri, nil)
	if err != nil {
		return aws.Credentials{}, errors.New(envContainerURI + " is not usable")
	}
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	// A transport of its own for each question: no proxy, no redirect, and no
	// connection that a snapshot could preserve. It is asked a few times a day.
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return aws.Credentials{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return aws.Credentials{}, fmt.Errorf("answered HTTP %d", resp.StatusCode)
	}
	return decodeCredentials(io.LimitReader(resp.Body, maxCredentials))
}

func decodeCredentials(r io.Reader) (aws.Credentials, error) {
	var answer struct {
		AccessKeyId, SecretAccessKey, Token, AccountId string
		Expiration                                     time.Time
	}
	// The decoder's error may quote what it stumbled over: it goes no further.
	if json.NewDecoder(r).Decode(&answer) != nil || answer.AccessKeyId == "" || answer.SecretAccessKey == "" {
		return aws.Credentials{}, errors.New("answer holds no credentials")
	}
	creds := aws.Credentials{
		AccessKeyID: answer.AccessKeyId, SecretAccessKey: answer.SecretAccessKey, SessionToken: answer.Token,
		AccountID: answer.AccountId, Source: "container", CanExpire: true, Expires: answer.Expiration,
	}
	if creds.Expires.IsZero() {
		creds.Expires = time.Now().Round(0).Add(refreshAhead + shortLife)
	}
	return creds, nil
}

// token reads the authorization token anew each time: the file's content is
// rotated, and a value read before a snapshot would be the wrong one after it.
func (c *container) token() (string, error) {
	token, _ := c.lookup(envContainerAuth)
	if path, ok := c.lookup(envContainerFile); ok && path != "" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", envContainerFile, err)
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxCredentials))
		if err != nil {
			return "", fmt.Errorf("read %s: %w", envContainerFile, err)
		}
		token = strings.TrimSpace(string(text))
	}
	if strings.ContainsAny(token, "\r\n") {
		return "", errors.New("the authorization token holds a line break")
	}
	return token, nil
}

// checkHost refuses to send the token in clear text to another machine. The
// link-local addresses are those of ECS and EKS.
func (c *container) checkHost(ctx context.Context) error {
	if !c.plain {
		return nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", c.host)
	if err != nil {
		return fmt.Errorf("look up the host of %s: %w", envContainerURI, err)
	}
	for _, addr := range addrs {
		if !isLocal(addr.Unmap()) {
			return errors.New(envContainerURI + " must be https, or name this machine")
		}
	}
	return nil
}

func isLocal(addr netip.Addr) bool {
	switch addr.String() {
	case "169.254.170.2", "169.254.170.23", "fd00:ec2::23":
		return true
	}
	return addr.IsLoopback()
}
