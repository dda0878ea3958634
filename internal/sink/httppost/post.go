package httppost

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"powertools-extension/internal/sink"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// Message is one request.
type Message struct {
	ContentType string
	Key         string // of the batch; sent as Idempotency-Key
	Body        []byte // not to be touched again
	Plain       bool   // Body is not compressed; else it is, with gzip
}

// StatusError is an answer that is no success. The answer's text is left out:
// receivers quote what they were sent.
type StatusError struct{ Status int }

func (e *StatusError) Error() string { return "HTTP " + strconv.Itoa(e.Status) }

// errSlow means that the receiver took the message and then kept the caller
// waiting for the rest of its answer.
var errSlow = errors.New("the answer did not end")

// Post sends the message and returns the answer's first 64 KiB.
//
// Errors, as package sink wants them: *sink.RetryableError when the receiver
// was not reached, has trouble (408, 429, 5xx) or asked for a pause;
// *StatusError when it refused for good, redirects included;
// *sink.DisabledError when there are no headers to send; *sink.PartialError
// with nothing kept when it took everything but did not end its answer.
func (c *Client) Post(ctx context.Context, m Message) ([]byte, error) {
	if err := c.resolve(ctx); err != nil {
		return nil, err
	}
	answer, err := c.once(ctx, m)
	var status *StatusError
	if errors.As(err, &status) && (status.Status == http.StatusUnauthorized || status.Status == http.StatusForbidden) && c.renewed(ctx) {
		answer, err = c.once(ctx, m)
	}
	if err != nil {
		return nil, fmt.Errorf("post to %s: %w", c.name, err)
	}
	return answer, nil
}

// resolve asks for the headers, once.
func (c *Client) resolve(ctx context.Context) error {
	if c.headers == nil || c.known != nil {
		return nil
	}
	h, err := c.headers(ctx)
	if err != nil {
		err = fmt.Errorf("headers of %s: %w", c.name, err)
		if ctx.Err() != nil || errors.As(err, new(*sink.RetryableError)) {
			return &sink.RetryableError{Err: err}
		}
		return &sink.DisabledError{Err: err}
	}
	c.known = h
	if c.known == nil {
		c.known = http.Header{}
	}
	return nil
}

// renewed asks for the headers again and reports whether they are others.
func (c *Client) renewed(ctx context.Context) bool {
	if c.headers == nil {
		return false
	}
	h, err := c.headers(ctx)
	if err != nil || maps.EqualFunc(h, c.known, slices.Equal) {
		return false
	}
	c.known = h
	return true
}

func (c *Client) once(ctx context.Context, m Message) ([]byte, error) {
	req, err := c.request(ctx, m)
	if err != nil {
		return nil, err
	}
	// A connection that slept through a freeze is dead at the other end, and
	// finding that out may cost the whole budget.
	if now := time.Now().Round(0); now.Sub(c.lastUse).Abs() > trustFor {
		c.transport.CloseIdleConnections()
	}
	// RoundTrip and not http.Client: a redirect would turn the POST into a GET
	// or carry the headers to another host.
	resp, err := c.transport.RoundTrip(req)
	c.lastUse = time.Now().Round(0)
	if err != nil {
		return nil, &sink.RetryableError{Err: explain(err)}
	}
	defer resp.Body.Close()
	answer, readErr := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case resp.StatusCode/100 == 2 && readErr != nil && ctx.Err() != nil:
		return nil, &sink.PartialError{Err: errSlow}
	case resp.StatusCode/100 == 2:
		return answer, nil
	}
	return nil, refusal(resp)
}

func (c *Client) request(ctx context.Context, m Message) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(m.Body))
	if err != nil {
		return nil, errors.New("the URL cannot be requested")
	}
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	if c.user != nil {
		password, _ := c.user.Password()
		req.SetBasicAuth(c.user.Username(), password)
	}
	for name, values := range c.known {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.Header.Set("Content-Type", m.ContentType)
	if !m.Plain {
		req.Header.Set("Content-Encoding", "gzip")
	}
	// With this header net/http also repeats a request by itself whose pooled
	// connection turned out to be dead.
	req.Header.Set("Idempotency-Key", m.Key)
	return req, nil
}

// refusal sorts an answer that is no success.
func refusal(resp *http.Response) error {
	err := &StatusError{Status: resp.StatusCode}
	switch {
	case resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode >= 500:
		return &sink.RetryableError{Err: err, After: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	}
	return err
}

// retryAfter reads seconds or a date (RFC 9110, "Retry-After"); 0 for anything
// else.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(at.Sub(now.Round(0)), 0)
	}
	return 0
}

// explain adds the cure where the cause tells it.
func explain(err error) error {
	if errors.As(err, new(x509.UnknownAuthorityError)) {
		return fmt.Errorf("%w; name the file with the certificate authority in SSL_CERT_FILE", err)
	}
	return err
}
