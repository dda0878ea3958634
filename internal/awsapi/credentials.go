package awsapi

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"
)

// The variables Lambda hands credentials over in: the first three in ordinary
// environments, the others under SnapStart. (Lambda, "Defined runtime
// environment variables"; "Activating SnapStart")
const (
	envAccessKey     = "AWS_ACCESS_KEY_ID"
	envSecretKey     = "AWS_SECRET_ACCESS_KEY"
	envSessionToken  = "AWS_SESSION_TOKEN"
	envContainerURI  = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	envContainerAuth = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
	envContainerFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
)

// credentials finds and keeps what requests are signed with. The zero value
// with lookup and log is ready; the environment is read at the first use.
type credentials struct {
	lookup func(string) (string, bool)
	log    *zap.Logger

	mu    sync.Mutex
	cache *aws.CredentialsCache // nil until first use and after forget
}

// retrieve returns valid credentials and the cache they came from, for renew.
func (c *credentials) retrieve(ctx context.Context) (aws.Credentials, *aws.CredentialsCache, error) {
	cache, err := c.current()
	if err != nil {
		return aws.Credentials{}, nil, err
	}
	creds, err := cache.Retrieve(ctx)
	return creds, cache, err
}

// current returns the cache, made on first use.
//
// A refresh that started before forget writes into the cache it started with,
// which nobody asks any more: that is why forget replaces the cache instead of
// emptying it.
func (c *credentials) current() (*aws.CredentialsCache, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cache != nil {
		return c.cache, nil
	}
	provider, err := c.source()
	if err != nil {
		return nil, err
	}
	c.cache = aws.NewCredentialsCache(provider)
	return c.cache, nil
}

// source picks the provider the environment describes.
func (c *credentials) source() (aws.CredentialsProvider, error) {
	get := func(name string) string { v, _ := c.lookup(name); return v }
	if key, secret := get(envAccessKey), get(envSecretKey); key != "" && secret != "" {
		return static{aws.Credentials{AccessKeyID: key, SecretAccessKey: secret, SessionToken: get(envSessionToken), Source: "environment"}}, nil
	}
	if uri := get(envContainerURI); uri != "" {
		return newContainer(uri, c.lookup, c.log)
	}
	return nil, &CredentialsError{Missing: true, Reason: "set " + envAccessKey + " and " + envSecretKey + ", or " + envContainerURI}
}

// forget drops what is cached; the environment is read again at the next use.
func (c *credentials) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cache = nil
}

// renew drops used, unless another call has done so already: a burst of refused
// calls must cost one refresh.
func (c *credentials) renew(used *aws.CredentialsCache) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cache == used {
		c.cache = nil
	}
}

// static is the environment's credentials: valid for the life of the process.
type static struct{ creds aws.Credentials }

func (s static) Retrieve(context.Context) (aws.Credentials, error) { return s.creds, nil }
