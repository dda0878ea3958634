package awsparams

import (
	"context"
	"errors"
	"strings"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

// action is one API operation, and in IAM the permission for it.
type action struct{ service, operation string }

// permission is the action as IAM writes it. (Service Authorization Reference)
func (a action) permission() string {
	if a.service == awsapi.AppConfigData {
		return "appconfig:" + a.operation
	}
	return a.service + ":" + a.operation
}

// kindOf is the table from a service's error code to our kinds. Codes that are
// not in it are judged by kindByStatus. (API references of the services,
// "Common Errors")
func kindOf(code string) (paramcache.Kind, bool) {
	switch code {
	case "ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException":
		return paramcache.KindNotFound, true
	case "AccessDeniedException", "AccessDenied", "NotAuthorized", "OptInRequired", "DecryptionFailure", "EncryptionFailure":
		return paramcache.KindAccessDenied, true
	case "UnrecognizedClientException", "UnrecognizedClient", "InvalidClientTokenId", "InvalidAccessKeyId", "InvalidToken",
		"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed",
		"MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature", "IncompleteSignatureException",
		"InvalidSignature", "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure":
		return paramcache.KindCredentials, true
	case "RequestTimeout", "RequestTimeoutException":
		return paramcache.KindTimeout, true
	case "InternalServerError", "InternalServiceError", "InternalFailure", "ServiceUnavailable", "ServiceUnavailableException":
		return paramcache.KindUpstream, true
	}
	return paramcache.KindInternal, false
}

// kindByStatus judges an answer by its HTTP status.
func kindByStatus(status int) paramcache.Kind {
	switch {
	case status == 401 || status == 403:
		return paramcache.KindAccessDenied
	case status == 404:
		return paramcache.KindNotFound
	case status == 407:
		return paramcache.KindUnreachable // a proxy on the way wants a password
	case status >= 400 && status < 500:
		return paramcache.KindBadRequest
	}
	return paramcache.KindUpstream
}

// translate turns a failed call into the error of the read it was made for.
func translate(ref paramcache.Ref, what action, err error) *paramcache.Error {
	e := &paramcache.Error{Ref: ref, Err: err}
	var service *awsapi.ServiceError
	var transport *awsapi.TransportError
	var creds *awsapi.CredentialsError
	var request *awsapi.RequestError
	switch {
	case errors.As(err, &service):
		fromService(e, of(service.Service, service.Operation, what), service)
	case errors.As(err, &transport):
		fromTransport(e, of(transport.Service, transport.Operation, what), transport)
	case errors.As(err, &creds):
		fromCredentials(e, creds)
	case errors.As(err, &request):
		e.Kind, e.Message, e.Cure = paramcache.KindBadRequest, request.Reason, request.Cure
	default:
		e.Kind, e.Message = paramcache.KindInternal, "unexpected error"
	}
	return e
}

// of is the call that failed: the one that was made, or before it the one that
// assumes its role.
func of(service, operation string, made action) action {
	if service == awsapi.STS {
		return action{service, operation}
	}
	return made
}

func fromService(e *paramcache.Error, what action, s *awsapi.ServiceError) {
	kind, known := kindOf(s.Code)
	switch {
	case known:
	case s.Throttled():
		kind = paramcache.KindThrottled
	default:
		kind = kindByStatus(s.Status)
	}
	// Some services say it with the code of a denial.
	if kind == paramcache.KindAccessDenied && strings.Contains(s.Message, "security token included in the request is") {
		kind = paramcache.KindCredentials
	}
	e.Kind, e.Code, e.Message = kind, s.Code, s.Message
	e.Between = s.Code == "" // AWS's services have a code for everything
	if e.Message == "" {
		e.Message = sayKind(kind)
	}
	e.Cure = cureFor(e.Ref, what, kind, s)
}

// sayKind speaks for services that send a code without a message; SSM does so
// for ParameterNotFound.
func sayKind(kind paramcache.Kind) string {
	switch kind {
	case paramcache.KindNotFound:
		return "not found"
	case paramcache.KindAccessDenied:
		return "access denied"
	case paramcache.KindCredentials:
		return "the credentials were refused"
	case paramcache.KindThrottled:
		return "too many calls"
	case paramcache.KindUpstream:
		return "the service failed"
	case paramcache.KindTimeout:
		return "the service ran out of time"
	case paramcache.KindUnreachable:
		return "a proxy refused"
	}
	return "the service refused the request"
}

func cureFor(ref paramcache.Ref, what action, kind paramcache.Kind, s *awsapi.ServiceError) string {
	switch kind {
	case paramcache.KindNotFound:
		if region := ref.ReadIn(); region != "" {
			return "check the name and the region " + region
		}
		return "check the name and the region"
	case paramcache.KindAccessDenied:
		return deniedCure(ref, what, s)
	case paramcache.KindCredentials:
		return credentialsCure(what, s)
	case paramcache.KindThrottled:
		return "cache for longer (POWERTOOLS_PARAMETERS_MAX_AGE), or ask AWS for a higher quota of " + what.permission()
	case paramcache.KindUnreachable:
		return "check HTTPS_PROXY and NO_PROXY"
	case paramcache.KindTimeout:
		return timeoutCure(what)
	}
	switch s.Code {
	case "InvalidKeyId":
		return "check the KMS key that encrypts the value"
	case "ParameterAlreadyExists":
		return "overwrite it, or choose another name"
	}
	return ""
}

// credentialsCure tells a signature that does not fit from credentials that are
// none.
func credentialsCure(what action, s *awsapi.ServiceError) string {
	switch s.Code {
	case "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed", "InvalidSignature", "InvalidSignatureException", "SignatureDoesNotMatch",
		"AuthFailure", "IncompleteSignature", "IncompleteSignatureException":
		return "the signature was refused: check the clock and the credentials in AWS_SECRET_ACCESS_KEY; the role needs " + what.permission()
	}
	return "the credentials were refused: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that the role allows " + what.permission()
}

// deniedCure names the permission that is missing: the one the message speaks
// of, or the one the call needs.
func deniedCure(ref paramcache.Ref, what action, s *awsapi.ServiceError) string {
	permission := what.permission()
	if said := permissionIn(s.Message); said != "" {
		permission = said
	} else if speaksOfKMS(s) {
		permission = "kms:Decrypt"
	}
	switch {
	case what.service == awsapi.STS:
		return "allow " + permission + " in the function's role, and trust that role in the policy of " + ref.RoleARN
	case ref.RoleARN != "":
		return "allow " + permission + " in the role " + ref.RoleARN
	}
	return "allow " + permission + " in the function's role"
}

// permissionIn finds the action in "… is not authorized to perform:
// ssm:GetParameter on resource: …". (IAM, "Troubleshoot access denied error
// messages")
func permissionIn(message string) string {
	_, rest, found := strings.Cut(message, "not authorized to perform: ")
	if !found {
		return ""
	}
	word, _, _ := strings.Cut(rest, " ")
	word = strings.TrimRight(word, ".,;")
	if service, name, ok := strings.Cut(word, ":"); !ok || service == "" || name == "" {
		return ""
	}
	return word
}

// speaksOfKMS recognises the messages that SSM and Secrets Manager pass on from
// KMS. (KMS, "Troubleshooting key access")
func speaksOfKMS(s *awsapi.ServiceError) bool {
	return s.Code == "DecryptionFailure" || s.Code == "EncryptionFailure" || strings.Contains(s.Code+s.Message, "KMS") ||
		strings.Contains(s.Message, "kms:") || strings.Contains(s.Message, "ciphertext")
}

func fromTransport(e *paramcache.Error, what action, t *awsapi.TransportError) {
	switch {
	case errors.Is(t.Err, context.Canceled):
		e.Kind, e.Message = paramcache.KindTimeout, "the read was given up before AWS answered"
	case t.Timeout:
		e.Kind, e.Message, e.Cure = paramcache.KindTimeout, "no answer from "+what.service+" in time", timeoutCure(what)
	default:
		e.Kind, e.Message = paramcache.KindUnreachable, t.Err.Error()
		e.Cure = or(t.Hint, networkCure(what))
	}
}

func timeoutCure(what action) string {
	return networkCure(what) + ", or raise POWERTOOLS_PARAMETERS_TIMEOUT"
}

func networkCure(what action) string {
	return "in a VPC add an endpoint for " + what.service + " or a route through a NAT gateway"
}

func fromCredentials(e *paramcache.Error, c *awsapi.CredentialsError) {
	e.Kind, e.Message = paramcache.KindUnreachable, c.Error()
	if c.Missing {
		e.Kind, e.Message, e.Cure = paramcache.KindCredentials, "no AWS credentials", c.Reason
	}
}

func badRequest(ref paramcache.Ref, message, cure string) *paramcache.Error {
	return &paramcache.Error{Kind: paramcache.KindBadRequest, Ref: ref, Message: message, Cure: cure}
}

func notFound(ref paramcache.Ref, message, cure string) *paramcache.Error {
	return &paramcache.Error{Kind: paramcache.KindNotFound, Ref: ref, Message: message, Cure: cure}
}
