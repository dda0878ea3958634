package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"powertools-extension/internal/config"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/httppost"
)

// headersOf returns how the headers of HTTP receivers are read: secrets through
// the parameter cache, when the first batch leaves and not before. nil: there
// are none.
func (a *App) headersOf(list []config.Header) httppost.Headers {
	if len(list) == 0 {
		return nil
	}
	asked := false
	return func(ctx context.Context) (http.Header, error) {
		out := make(http.Header, len(list))
		// A receiver that asks twice has refused the first answer.
		options := paramcache.Options{Force: asked}
		for _, h := range list {
			value, err := a.header(ctx, h, options)
			if err != nil {
				return nil, err
			}
			out.Add(h.Name, value)
		}
		asked = true
		return out, nil
	}
}

// header reads one. Its error names the header and the secret, never a value.
func (a *App) header(ctx context.Context, h config.Header, opt paramcache.Options) (string, error) {
	if h.Secret == "" {
		return h.Text, nil
	}
	ref := paramcache.Ref{Source: paramcache.Secrets, Name: h.Secret}
	res, err := a.cache.Get(ctx, ref, opt)
	if err != nil {
		return "", headerError(h, err)
	}
	text, err := secretText(ref, res.Value, h.Key)
	if err != nil {
		return "", headerError(h, err)
	}
	return h.Text + text, nil
}

// secretText is the one place outside the local API that reveals a value: on
// its way into a request's header.
func secretText(ref paramcache.Ref, v paramcache.Value, key string) (string, error) {
	if key == "" {
		return strings.TrimSpace(v.Text.Reveal()), nil
	}
	member, err := paramcache.Pick(ref, v, key)
	if err != nil {
		return "", err
	}
	if member.JSON != nil {
		return string(member.JSON), nil // a number is as good as a text
	}
	return strings.TrimSpace(member.Text.Reveal()), nil
}

// headerError lets a sink live whose secret cannot be read at this moment,
// and gives up one whose secret does not exist or is not for us.
func headerError(h config.Header, err error) error {
	named := fmt.Errorf("header %s: %w", h.Name, err)
	var failed *paramcache.Error
	if !errors.As(err, &failed) {
		return named
	}
	switch failed.Kind {
	case paramcache.KindThrottled, paramcache.KindTimeout, paramcache.KindUnreachable, paramcache.KindUpstream, paramcache.KindCredentials:
		return &sink.RetryableError{Err: named, After: time.Second}
	}
	return named
}
