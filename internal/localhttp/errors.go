package localhttp

import (
	"context"
	"errors"
	"time"

	"powertools-extension/internal/paramcache"
)

// Code names one kind of error answer. It is the "code" of a problem
// document and the last part of its type.
type Code string

// The codes. Their statuses, titles and cures are in the table of Errors.
const (
	CodeForwarded   Code = "forwarded_request"
	CodeMisdirected Code = "misdirected_request"
	CodeOrigin      Code = "origin_not_allowed"
	CodeToken       Code = "bad_token"
	CodeNoToken     Code = "no_token_known"

	CodeUnknownRoute    Code = "unknown_route"
	CodeMethod          Code = "method_not_allowed"
	CodeTooManyRequests Code = "too_many_requests"
	CodeBadRequest      Code = "bad_request"
	CodeMissing         Code = "missing_argument"
	CodeUnknownArgument Code = "unknown_argument"
	CodeBadArgument     Code = "bad_argument"
	CodeUnexpectedBody  Code = "unexpected_body"
	CodeBodyTooLarge    Code = "body_too_large"
	CodeBodyTimeout     Code = "body_timeout"
	CodeBodyEncoding    Code = "unsupported_encoding"

	CodeNotFound     Code = "not_found"
	CodeAccessDenied Code = "access_denied"
	CodeCredentials  Code = "credentials_refused"
	CodeThrottled    Code = "throttled"
	CodeRejected     Code = "rejected_by_service"
	CodeTimeout      Code = "upstream_timeout"
	CodeUnreachable  Code = "upstream_unreachable"
	CodeUpstream     Code = "upstream_failed"
	CodeTransform    Code = "transform_failed"

	CodeWriteDisabled Code = "write_disabled"

	CodeFlagBody         Code = "bad_question"
	CodeBadFlags         Code = "bad_flags"
	CodeBadExpression    Code = "bad_expression"
	CodeExpressionFailed Code = "expression_failed"
	CodeBadSchema        Code = "bad_schema"
	CodeBadEnvelope      Code = "bad_envelope"
	CodeUnknownSchema    Code = "unknown_schema"
	CodeNotJSON          Code = "body_not_json"

	CodeUnknownLineSchema Code = "unknown_line_schema"
	CodeNoEvent           Code = "no_event"

	CodeNoKey            Code = "no_idempotency_key"
	CodeInProgress       Code = "request_in_progress"
	CodeNotReplayable    Code = "answer_not_stored"
	CodePayloadDiffers   Code = "payload_differs"
	CodeStoreFailed      Code = "store_failed"
	CodeInconsistent     Code = "store_inconsistent"
	CodeUnknownExecution Code = "unknown_execution"
	CodeExecutionLost    Code = "execution_lost"

	CodeUnavailable Code = "unavailable"
	CodeInternal    Code = "internal_error"
)

// ErrorInfo is one row of the error table.
type ErrorInfo struct {
	Code      Code
	Status    int
	Title     string
	Cure      string // what usually helps; an error may carry a better one
	Every     bool   // any route can answer it
	AmznType  string // X-Amzn-ErrorType on the drop-in routes when the service gave no code
	RetryHint bool   // answered with Retry-After: 1
}

// Errors is the table. It is built anew for each call so that nothing is
// initialised before main.
func Errors() []ErrorInfo {
	return append(append(append(refusals(), callerErrors()...), documentErrors()...), serviceErrors()...)
}

// documentErrors are those of the routes that work on documents of the
// caller's: flags, expressions, schemas.
func documentErrors() []ErrorInfo {
	return []ErrorInfo{
		{Code: CodeFlagBody, Status: 400, Title: "Unusable question", Cure: `send {"context":{…},"default":…}, or {"context":{…},"names":[…],"defaults":{…}} to POST /flags`},
		{Code: CodeBadFlags, Status: 422, Title: "The feature flag document cannot be used", Cure: "correct the document at the place that detail names; the last good version stays in force once there was one"},
		{Code: CodeNotJSON, Status: 400, Title: "The body is not JSON", Cure: "send one JSON document in UTF-8"},
		{Code: CodeBadExpression, Status: 422, Title: "The expression cannot be used", Cure: "correct it at the position that detail names; the functions are those of the original JMESPath specification and powertools_json, powertools_base64, powertools_base64_gzip"},
		{Code: CodeExpressionFailed, Status: 422, Title: "The expression failed on this document", Cure: "check that the part it works on is what the function takes"},
		{Code: CodeUnknownSchema, Status: 404, Title: "No such schema", Cure: "name a file below the function's task root, such as schemas/order.json, or send the schema itself"},
		{Code: CodeUnknownLineSchema, Status: 404, Title: "No such schema of lines or errors", Cure: "GET /schemas/NAME.json, where NAME is one of event, line, metrics, diagnostic, problem, http-error, invocation-error"},
		{Code: CodeNoEvent, Status: 404, Title: "No event is kept", Cure: "it is kept while a request runs whose event POWERTOOLS_EVENT_ENVELOPE has taken something out of; all other functions have it"},
		{Code: CodeBadSchema, Status: 422, Title: "The schema cannot be used", Cure: "correct it at the place that detail names: draft-07, 2019-09 and 2020-12 are read"},
		{Code: CodeNoKey, Status: 400, Title: "No idempotency key", Cure: `send {"key":"…"}, or {"payload":…,"key_path":"…"} with a path that finds something`},
		{Code: CodeInProgress, Status: 409, Title: "A request with this key is running", Cure: "try again after Retry-After seconds, or ask with wait to get its answer"},
		{Code: CodeNotReplayable, Status: 409, Title: "The request ran, but its answer is not stored", Cure: "do not run it again: look up its result where it left one; POWERTOOLS_IDEMPOTENCY_OVERSIZE=free would run it again"},
		{Code: CodePayloadDiffers, Status: 422, Title: "Same key, other payload", Cure: "use another key for another request"},
		{Code: CodeStoreFailed, Status: 503, Title: "The store of records failed", Cure: "check POWERTOOLS_IDEMPOTENCY_TABLE, and allow the function's role dynamodb:PutItem, UpdateItem, DeleteItem and GetItem on it"},
		{Code: CodeInconsistent, Status: 503, Title: "The record changed while it was looked at", Cure: "try again"},
		{Code: CodeUnknownExecution, Status: 404, Title: "No such execution", Cure: "complete or fail each id of /idempotency/begin once, in the process that began it"},
		{Code: CodeExecutionLost, Status: 409, Title: "The record belongs to another execution now", Cure: "let POWERTOOLS_IDEMPOTENCY_IN_PROGRESS_TIMEOUT be longer than the work takes"},
		{Code: CodeBadEnvelope, Status: 422, Title: "The envelope cannot be used", Cure: "check the expression, and that it fits the data"},
	}
}

// refusals are the checks of guard, in their order.
func refusals() []ErrorInfo {
	return []ErrorInfo{
		{Code: CodeForwarded, Status: 400, Title: "Forwarded request", Every: true,
			Cure: "call http://127.0.0.1 directly, without a proxy: X-Forwarded-*, Forwarded and Via are not accepted"},
		{Code: CodeMisdirected, Status: 421, Title: "Wrong host", Every: true,
			Cure: "send the Host header 127.0.0.1, localhost or [::1], and only the path in the request line"},
		{Code: CodeOrigin, Status: 403, Title: "Browser request", Every: true,
			Cure: "call the API from the function's code: a request with an Origin or Sec-Fetch-Site header comes from a web page"},
		{Code: CodeToken, Status: 403, Title: "Wrong or missing token", Every: true,
			Cure: "send the value of AWS_SESSION_TOKEN once, in the header X-Aws-Parameters-Secrets-Token"},
		{Code: CodeNoToken, Status: 403, Title: "No token known", Every: true,
			Cure: "Lambda sets AWS_SESSION_TOKEN (AWS_CONTAINER_AUTHORIZATION_TOKEN under SnapStart); elsewhere set AWS_TOKEN to a value or to file:// and a path"},
	}
}

func callerErrors() []ErrorInfo {
	return []ErrorInfo{
		{Code: CodeUnknownRoute, Status: 404, Title: "Unknown route", Every: true, Cure: "GET /openapi.json lists the routes"},
		{Code: CodeMethod, Status: 405, Title: "Method not allowed", Every: true, Cure: "use the method in the Allow header"},
		{Code: CodeTooManyRequests, Status: 429, Title: "Too many requests in flight", Every: true, RetryHint: true,
			Cure: "at most 256 requests are answered at the same time: wait for answers, then try again"},
		{Code: CodeBadRequest, Status: 400, Title: "Malformed request", AmznType: "ValidationException"},
		{Code: CodeMissing, Status: 400, Title: "Missing argument", AmznType: "ValidationException"},
		{Code: CodeUnknownArgument, Status: 400, Title: "Unknown argument"},
		{Code: CodeBadArgument, Status: 400, Title: "Bad argument", AmznType: "ValidationException"},
		{Code: CodeUnexpectedBody, Status: 400, Title: "Unexpected body", Every: true, Cure: "send no body with this method"},
		{Code: CodeBodyTooLarge, Status: 413, Title: "Body too large", Cure: "send at most 256 KiB, in several requests"},
		{Code: CodeBodyTimeout, Status: 408, Title: "Body too slow", Cure: "send the whole request within 30 s"},
		{Code: CodeBodyEncoding, Status: 415, Title: "Unsupported content encoding", Cure: "send the body uncompressed"},
	}
}

func serviceErrors() []ErrorInfo {
	return []ErrorInfo{
		{Code: CodeNotFound, Status: 404, Title: "Not found", AmznType: "ResourceNotFoundException",
			Cure: "check the name, its version or label, and the region"},
		{Code: CodeAccessDenied, Status: 403, Title: "Access denied by the service", AmznType: "AccessDeniedException",
			Cure: "allow the function's role to read it: ssm:GetParameter, ssm:GetParameters or ssm:GetParametersByPath, secretsmanager:GetSecretValue, dynamodb:GetItem or dynamodb:Query, appconfig:StartConfigurationSession and appconfig:GetLatestConfiguration, sts:AssumeRole for role_arn, and kms:Decrypt for a customer managed key"},
		{Code: CodeCredentials, Status: 403, Title: "The service refused the credentials", AmznType: "UnrecognizedClientException",
			Cure: "check the function's role and the clock; in Lambda the next environment gets new credentials, and what is cached is served meanwhile"},
		{Code: CodeThrottled, Status: 429, Title: "Throttled by the service", AmznType: "ThrottlingException", RetryHint: true,
			Cure: "cache for longer (POWERTOOLS_PARAMETERS_MAX_AGE), or raise the service's throughput setting"},
		{Code: CodeRejected, Status: 400, Title: "Rejected by the service", AmznType: "ValidationException",
			Cure: "check the name and its selector"},
		{Code: CodeTimeout, Status: 504, Title: "The service did not answer in time", AmznType: "TimeoutError",
			Cure: "check the function's network (VPC endpoint, NAT), or raise POWERTOOLS_PARAMETERS_TIMEOUT"},
		{Code: CodeUnreachable, Status: 502, Title: "The service cannot be reached", AmznType: "ConnectionError",
			Cure: "check the function's network (VPC endpoint, NAT), the region, and AWS_ENDPOINT_URL"},
		{Code: CodeUpstream, Status: 502, Title: "The service failed", AmznType: "InternalServerError", Cure: "try again"},
		{Code: CodeTransform, Status: 422, Title: "The value cannot be transformed", AmznType: "TransformError",
			Cure: "check that the stored value is what transform and key expect, or read it without them"},
		{Code: CodeWriteDisabled, Status: 403, Title: "Writing is switched off",
			Cure: "set POWERTOOLS_PARAMETERS_WRITE=true, and allow the function's role to write: ssm:PutParameter, or secretsmanager:PutSecretValue and secretsmanager:CreateSecret"},
		{Code: CodeUnavailable, Status: 503, Title: "Not available", AmznType: "ServiceUnavailable",
			Cure: "see GET /healthz"},
		{Code: CodeInternal, Status: 500, Title: "Internal error", AmznType: "InternalFailure", Every: true,
			Cure: "the extension's log on stderr says more; please report it"},
	}
}

// HTTPError is an error answer before it is written. Its texts never hold a
// value; the writer removes tokens from them.
type HTTPError struct {
	Info       ErrorInfo
	Detail     string // what was wrong with this request
	Cure       string // better than the table's; may be empty
	AWSCode    string // the service's own error code; may be empty
	Near       []string
	Allow      []string
	RetryAfter time.Duration // 0: as the table says
	Cause      error         // what lies below, for the log; may be nil

	Upstream *paramcache.Error // of the cache, where it is one; else nil
}

func (e *HTTPError) Error() string {
	if e.Detail == "" {
		return string(e.Info.Code)
	}
	return string(e.Info.Code) + ": " + e.Detail
}

// ownWords is the detail without the name of what was asked for.
func (e *HTTPError) ownWords() string {
	if e.Upstream != nil {
		return e.Upstream.Message
	}
	return e.Detail
}

func (e *HTTPError) Unwrap() error { return e.Cause }

// fail builds an error answer from the table.
func (s *Server) fail(code Code, detail string) *HTTPError {
	for i := range s.errors {
		if s.errors[i].Code == code {
			return &HTTPError{Info: s.errors[i], Detail: detail}
		}
	}
	return &HTTPError{Info: ErrorInfo{Code: code, Status: 500, Title: "Internal error"}, Detail: detail}
}

// asHTTP maps whatever a handler returned to an answer.
func (s *Server) asHTTP(err error) *HTTPError {
	if answer, ok := errors.AsType[*HTTPError](err); ok {
		return answer
	}
	if problem, ok := errors.AsType[argumentError](err); ok {
		return s.fail(problem.code, problem.detail)
	}
	if answer := s.idempotencyError(err); answer != nil {
		return answer
	}
	if upstream, ok := errors.AsType[*paramcache.Error](err); ok {
		answer := s.fail(codeOf(upstream.Kind), asked(upstream)+upstream.Message)
		answer.Cure, answer.AWSCode, answer.Cause = upstream.Cure, upstream.Code, err
		answer.Upstream = upstream
		return answer
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return s.fail(CodeTimeout, "the request ended before the value came")
	}
	answer := s.fail(CodeInternal, "") // the text of an unknown error could hold anything
	answer.Cause = err
	return answer
}

// Explain says of a failed read what the routes say: the code, and what
// happened and helps. The text never holds a value.
func Explain(failed *paramcache.Error) (code Code, cure string) {
	code, cure = codeOf(failed.Kind), failed.Cure
	for _, info := range Errors() {
		if info.Code == code && cure == "" {
			cure = info.Cure
		}
	}
	if failed.Message != "" && cure != "" {
		cure = failed.Message + "; " + cure
	}
	return code, cure
}

// asked names what was asked for, and where: half of all "not found" is the
// wrong region.
func asked(e *paramcache.Error) string {
	name := e.Ref.Name
	if name == "" {
		return ""
	}
	if e.Ref.Key != "" {
		name += "/" + e.Ref.Key
	}
	if e.Ref.Sort != "" {
		name += "/" + e.Ref.Sort
	}
	if selector := e.Ref.Version + e.Ref.Label; selector != "" {
		name += " (" + selector + ")"
	}
	if e.Region != "" {
		name += " in " + e.Region
	}
	return name + ": "
}

func codeOf(kind paramcache.Kind) Code {
	switch kind {
	case paramcache.KindBadRequest:
		return CodeRejected
	case paramcache.KindNotFound:
		return CodeNotFound
	case paramcache.KindAccessDenied:
		return CodeAccessDenied
	case paramcache.KindCredentials:
		return CodeCredentials
	case paramcache.KindThrottled:
		return CodeThrottled
	case paramcache.KindTimeout:
		return CodeTimeout
	case paramcache.KindUnreachable:
		return CodeUnreachable
	case paramcache.KindUpstream:
		return CodeUpstream
	case paramcache.KindTransform:
		return CodeTransform
	}
	return CodeInternal
}
