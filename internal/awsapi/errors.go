package awsapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ServiceError is a service's own refusal. (AWS JSON 1.1 protocol, "Operation
// error serialization")
type ServiceError struct {
	Service   string
	Operation string
	Code      string // bare: no namespace before it, no URL behind it; empty when something in between answered
	Message   string // the service's first line, at most 512 bytes
	Status    int    // HTTP status
	RequestID string // what AWS support asks for; may be empty

	// Item is DynamoDB's old item when a condition failed and
	// ReturnValuesOnConditionCheckFailure asked for it. It is no part of Error's
	// text: it is data of the function's.
	Item string

	date time.Time // the service's clock when it answered; zero if it did not say
}

func (e *ServiceError) Error() string {
	what := e.Code
	if what == "" {
		what = "HTTP " + strconv.Itoa(e.Status)
	}
	text := e.Service + " " + e.Operation + ": " + what
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Throttled says whether the service asked for fewer calls. The codes are those
// that the SDKs' standard retry mode treats so. (AWS SDKs and Tools Reference,
// "Retry behavior")
func (e *ServiceError) Throttled() bool {
	switch e.Code {
	case "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
		"TooManyRequestsException", "ProvisionedThroughputExceededException", "TransactionInProgressException",
		"RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "RequestThrottled",
		"SlowDown", "PriorRequestNotComplete", "EC2ThrottledException", "TooManyUpdates":
		return true
	}
	return e.Status == 429
}

// TransportError means that no usable answer came back.
type TransportError struct {
	Service   string
	Operation string
	Timeout   bool   // the time budget ran out, here or in the network
	Hint      string // what would help; may be empty
	Err       error
}

func (e *TransportError) Error() string {
	text := e.Service + " " + e.Operation + ": "
	if e.Timeout {
		text += "no answer in time: "
	}
	text += e.Err.Error()
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

func (e *TransportError) Unwrap() error { return e.Err }

// RequestError means that the call could not be built. Nothing was sent.
type RequestError struct {
	Service   string
	Operation string
	Reason    string
	Cure      string
}

func (e *RequestError) Error() string {
	return e.Service + " " + e.Operation + ": " + e.Reason + "; " + e.Cure
}

// CredentialsError means that there is nothing to sign with.
type CredentialsError struct {
	Missing bool   // the environment names no source of credentials
	Reason  string // which variables, which step; never a value
	Err     error  // what lies below; may be nil
}

func (e *CredentialsError) Error() string {
	text := "aws credentials: " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *CredentialsError) Unwrap() error { return e.Err }

// transportError wraps what net/http returned and adds the cure where the cause
// tells it.
func (k *call) transportError(ctx context.Context, err error) *TransportError {
	e := &TransportError{Service: k.op.Service, Operation: k.op.Name, Err: err}
	var netErr net.Error
	switch {
	case ctx.Err() != nil:
		e.Err = ctx.Err()
		e.Timeout = errors.Is(e.Err, context.DeadlineExceeded)
	case errors.As(err, &netErr):
		e.Timeout = netErr.Timeout()
	}
	e.Hint = k.hint(err)
	return e
}

func (k *call) hint(err error) string {
	switch {
	case isUnknownAuthority(err):
		return "name the file with the certificate authority in AWS_CA_BUNDLE"
	case isProxy(err):
		return "check HTTPS_PROXY and NO_PROXY"
	case k.place.env != "" && isDial(err):
		return "check " + k.place.env
	case isNoHost(err):
		return "check the region " + k.place.region
	}
	return ""
}

func isUnknownAuthority(err error) bool {
	return errors.As(err, new(x509.UnknownAuthorityError))
}

// isTLS says whether the peer was reached but could not be trusted or
// understood. Trying again does not change that.
func isTLS(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(tls.RecordHeaderError))
}

// isNoHost says whether the name server knows no such host.
func isNoHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

func isProxy(err error) bool {
	var op *net.OpError
	return errors.Is(err, errProxy) || errors.As(err, &op) && op.Op == "proxyconnect"
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

const (
	// maxMessage bounds the text taken from a service's error, in bytes.
	maxMessage = 512
	// minSecret is where a credential is long enough to be one. The "test" that
	// people give to emulators is an ordinary word in messages.
	minSecret = 16
)

// cleanMessage keeps the first line. When a signature does not match, the
// service recites the signed headers below it, session token included.
func cleanMessage(s string, secrets ...string) string {
	s, _, _ = strings.Cut(s, "\n")
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			s = strings.ReplaceAll(s, secret, "[redacted]")
		}
	}
	s = strings.TrimSpace(strings.ToValidUTF8(s, ""))
	if len(s) <= maxMessage {
		return s
	}
	cut := maxMessage
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
