package awsapi

import (
	"context"
	"sync"
	"time"

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

// credentials keeps what requests are signed with. The zero value with a source
// is ready; the source is asked at the first use.
type credentials struct {
	source func() (aws.CredentialsProvider, error)

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

// environment describes where the function's own credentials come from.
type environment struct {
	lookup func(string) (string, bool)
	log    *zap.Logger
}

// provider picks the provider the environment describes.
func (e environment) provider() (aws.CredentialsProvider, error) {
	get := func(name string) string { v, _ := e.lookup(name); return v }
	if key, secret := get(envAccessKey), get(envSecretKey); key != "" && secret != "" {
		return static{aws.Credentials{AccessKeyID: key, SecretAccessKey: secret, SessionToken: get(envSessionToken), Source: "environment"}}, nil
	}
	if uri := get(envContainerURI); uri != "" {
		return newContainer(uri, e.lookup, e.log)
	}
	return nil, &CredentialsError{Missing: true, Reason: "set " + envAccessKey + " and " + envSecretKey + ", or " + envContainerURI}
}

// lastGood uses credentials on as long as they hold while exchanging them fails.
type lastGood struct {
	mu   sync.Mutex
	last aws.Credentials // Expires is the real end here
}

// settle returns what to use after a try to exchange them; ok is false when
// there is nothing.
func (k *lastGood) settle(fresh aws.Credentials, err error) (creds aws.Credentials, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now().Round(0)
	if err == nil {
		k.last = fresh
	} else if !k.last.HasKeys() || !k.last.Expires.After(now) {
		return aws.Credentials{}, false
	}
	creds = k.last
	creds.Expires = cacheUntil(creds.Expires, now)
	return creds, true
}

// static is the environment's credentials: valid for the life of the process.
type static struct{ creds aws.Credentials }

func (s static) Retrieve(context.Context) (aws.Credentials, error) { return s.creds, nil }
