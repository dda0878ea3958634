package localhttp

import (
	"net/http"

	"powertools-extension/internal/localhttp/wire"
)

// refuseInDialect writes an error as the server would that the route stands in
// for, and reports false where that server is not known to have such an error:
// then a problem document says what is wrong. Clients that want to know more
// than the original tells read X-Amzn-ErrorType and X-Powertools-Error.
func (s *Server) refuseInDialect(x *exchange, e *HTTPError) bool {
	var status int
	var body []byte
	media := s.set.text
	switch x.route.Dialect {
	case Official:
		status, body = refuseOfficially(e)
	case Agent:
		if status, body = refuseAsAgent(e); body == nil && status != 0 {
			kind := orElse(e.AWSCode, e.Info.AmznType)
			if status == http.StatusForbidden {
				kind = e.Info.AmznType
			}
			body = wire.AppendAgentError(nil, s.scrub(kind), s.scrub(e.ownWords()))
			media = s.set.json
		}
	case AppConfigAgent:
		status, body = refuseAsAppConfig(e), []byte(s.headerText(e))
	}
	if status == 0 {
		return false
	}
	h := x.w.Header()
	h["X-Powertools-Error"] = []string{s.headerText(e)}
	if kind := orElse(e.AWSCode, e.Info.AmznType); kind != "" {
		h["X-Amzn-Errortype"] = []string{headerSafe(s.scrub(kind))}
	}
	x.out = append(x.out, body...)
	_ = x.send(status, media) // never fails
	return true
}

// refuseOfficially is the official extension's answer: 401 for a token, 400 for
// everything about the read; 0 where it is not known to have one.
func refuseOfficially(e *HTTPError) (int, []byte) {
	switch e.Info.Code {
	case CodeToken, CodeNoToken:
		return http.StatusUnauthorized, []byte(wire.OfficialUnauthorized)
	case CodeMissing, CodeBadArgument, CodeBadRequest,
		CodeNotFound, CodeAccessDenied, CodeCredentials, CodeThrottled, CodeRejected,
		CodeTimeout, CodeUnreachable, CodeUpstream, CodeTransform, CodeInternal:
		return http.StatusBadRequest, []byte(wire.OfficialFailure)
	}
	return 0, nil
}

// stsDenied is what STS answers when a role may not be assumed, and what no
// service does that speaks JSON: there it is AccessDeniedException. Page
// "AssumeRole", STS API Reference.
const stsDenied = "AccessDenied"

// refuseAsAgent knows a text for most refusals. A nil body stands for the
// service's error in JSON, with the service's own status.
func refuseAsAgent(e *HTTPError) (int, []byte) {
	switch e.Info.Code {
	case CodeForwarded:
		return http.StatusBadRequest, []byte(wire.AgentForwarded)
	case CodeToken, CodeNoToken:
		return http.StatusForbidden, []byte(wire.AgentBadToken)
	case CodeMethod:
		return http.StatusMethodNotAllowed, []byte(wire.AgentNotAllowed)
	case CodeTooManyRequests:
		return http.StatusTooManyRequests, []byte(wire.AgentTooMany)
	case CodeMissing:
		return http.StatusBadRequest, []byte(wire.AgentMissing)
	case CodeUnknownArgument, CodeBadArgument, CodeBadRequest:
		return http.StatusBadRequest, []byte(e.Detail)
	case CodeAccessDenied:
		if e.AWSCode == stsDenied {
			return http.StatusForbidden, nil
		}
		return http.StatusBadRequest, nil
	case CodeNotFound, CodeCredentials, CodeThrottled, CodeRejected:
		return http.StatusBadRequest, nil
	case CodeTimeout, CodeUnreachable, CodeInternal:
		return e.Info.Status, nil
	case CodeUpstream:
		return http.StatusInternalServerError, nil
	}
	return 0, nil
}

// refuseAsAppConfig keeps to the statuses that the agent's clients know: 400,
// 404, 500, 502 and 504. What is refused before the configuration is looked
// for has our own status.
func refuseAsAppConfig(e *HTTPError) int {
	switch e.Info.Code {
	case CodeRejected, CodeTransform:
		return http.StatusBadRequest
	case CodeAccessDenied, CodeCredentials, CodeThrottled, CodeUnavailable:
		return http.StatusBadGateway
	}
	return e.Info.Status
}
