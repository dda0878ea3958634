package awsapi

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	maxAttempts = 3 // that were paused for; a cure found on the way does not count
	firstDelay  = 50 * time.Millisecond
	maxDelay    = time.Second

	throttleDelay    = 200 * time.Millisecond
	maxThrottleDelay = time.Second
	// lastTry is the time before the end of the budget that is left for the
	// last answer.
	lastTry = 250 * time.Millisecond

	// skewLimit is where a clock's error, and not the network, explains a
	// refused signature: services allow five minutes.
	skewLimit = 4 * time.Minute
	// skewNoise is what the Date header cannot tell apart from none.
	skewNoise = time.Minute
)

// cures records what has been tried to save this call. Each helps at once or
// never, so each is tried once and without a pause.
type cures struct {
	fresh   bool // a new connection instead of a pooled one
	trusted bool // the system's certificate authorities
	renewed bool // new credentials
	resent  bool // a new signature, with the service's clock if need be
}

// judge says whether to try again after err, and after which pause.
func (k *call) judge(ctx context.Context, err error) (again bool, delay time.Duration) {
	if ctx.Err() != nil {
		return false, 0
	}
	if k.cure(ctx, err) {
		return true, 0
	}
	k.attempts++
	switch {
	case k.op.Once || !transient(err):
		return false, 0
	case throttled(err):
		return k.judgeThrottled(ctx)
	case k.attempts >= maxAttempts:
		return false, 0
	}
	return true, backoff(k.attempts)
}

// judgeThrottled tries again until the budget of the read ends: a service that
// asks for fewer calls means some moments, and a read that gives up after the
// first is an error where a little later was a value. What it asks for is
// granted by the service's tokens: when they are spent, nobody tries again.
func (k *call) judgeThrottled(ctx context.Context) (again bool, delay time.Duration) {
	if !k.client.tokens.take(k.op.Service) {
		return false, 0
	}
	k.taken++
	delay = throttlePause(k.attempts)
	deadline, ok := ctx.Deadline()
	if !ok {
		return k.attempts < maxAttempts, delay
	}
	// The last try comes as late as it can while an answer still fits.
	left := time.Until(deadline)
	if left -= min(lastTry, (left+time.Since(k.began))/4); delay > left {
		if left <= 0 || k.last {
			return false, 0
		}
		k.last, delay = true, left
	}
	return true, delay
}

// throttlePause is a random part of a pause that doubles (full jitter), so that
// those who were throttled together do not come back together.
func throttlePause(attempt int) time.Duration {
	return 1 + rand.N(min(throttleDelay<<(attempt-1), maxThrottleDelay))
}

// throttled says whether the service asked for fewer calls.
func throttled(err error) bool {
	service, ok := errors.AsType[*ServiceError](err)
	return ok && service.Throttled()
}

// cure does what removes the cause of err, if there is such a thing.
func (k *call) cure(ctx context.Context, err error) bool {
	var transport *TransportError
	var service *ServiceError
	switch {
	case errors.As(err, &transport):
		return k.cureTransport(transport)
	case errors.As(err, &service):
		return k.cureSignature(service) || k.cureCredentials(ctx, service)
	}
	return false
}

func (k *call) cureTransport(e *TransportError) bool {
	switch {
	case isUnknownAuthority(e.Err):
		if k.wide || k.cures.trusted {
			return false
		}
		k.cures.trusted = true
		k.client.net.widen()
		return true
	case !k.cures.fresh && connectionLost(e):
		// Most likely a pooled connection that the service closed while the
		// sandbox slept; then its neighbours in the pool are dead as well.
		k.cures.fresh = true
		k.client.net.closeIdle()
		return true
	}
	return false
}

// connectionLost says whether a connection that existed failed.
func connectionLost(e *TransportError) bool {
	return !e.Timeout && !isDial(e.Err) && !isProxy(e.Err) && transient(e)
}

// cureSignature handles a signature refused for its age: our clock is wrong,
// or the sandbox slept between signing and sending.
func (k *call) cureSignature(e *ServiceError) bool {
	if k.cures.resent || !k.aged(e) {
		return false
	}
	k.cures.resent = true
	if e.date.IsZero() {
		return true
	}
	skew := e.date.Sub(time.Now().Round(0))
	if skew.Abs() < skewNoise {
		skew = 0
	}
	k.client.skew.Store(int64(skew))
	return true
}

// aged says whether e speaks of the signature's age. Some services have a code
// of their own for it, others share one with wrong keys; there the distance of
// the clocks decides. (AWS SDKs' clock skew correction)
func (k *call) aged(e *ServiceError) bool {
	switch e.Code {
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
		return true
	case "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure":
		if strings.Contains(e.Message, "Signature expired") || strings.Contains(e.Message, "Signature not yet current") {
			return true
		}
		used := k.signed.Add(time.Duration(k.client.skew.Load()))
		return !e.date.IsZero() && e.date.Sub(used).Abs() > skewLimit
	}
	return false
}

// cureCredentials exchanges expired credentials. Those of the environment stay
// what they are, and then there is nothing to try.
func (k *call) cureCredentials(ctx context.Context, e *ServiceError) bool {
	switch e.Code {
	case "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId":
	default:
		return false
	}
	if k.cures.renewed {
		return false
	}
	k.cures.renewed = true
	k.keys().renew(k.source)
	creds, _, err := k.keys().retrieve(ctx)
	return err == nil && creds.SessionToken+creds.AccessKeyID != k.creds.SessionToken+k.creds.AccessKeyID
}

// transient says whether the same request may succeed a moment later.
func transient(err error) bool {
	var service *ServiceError
	if errors.As(err, &service) {
		return service.Throttled() || service.Status >= 500 ||
			service.Code == "RequestTimeout" || service.Code == "RequestTimeoutException"
	}
	var transport *TransportError
	if errors.As(err, &transport) {
		below := transport.Err
		return !isTLS(below) && !isNoHost(below) && !errors.Is(below, errAnswer) && !errors.Is(below, ErrTooLarge)
	}
	var creds *CredentialsError
	return errors.As(err, &creds) && !creds.Missing && creds.Err != nil
}

// backoff is a random part of a delay that doubles, so that sandboxes which
// were throttled together do not come back together.
func backoff(attempt int) time.Duration {
	limit := min(firstDelay<<(attempt), maxDelay)
	return limit/4 + rand.N(limit*3/4)
}

// pause waits. It returns false at once when the time left would end before
// the pause does: the error in hand says more than "time out".
func pause(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
