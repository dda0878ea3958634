package awsemu

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// role is a Role that may be assumed, with what its credentials see.
type role struct {
	Role
	access string  // the access key of its credentials
	sees   *Server // a server of its own for the role's account, or the server itself
}

// ownRole prepares r. Credentials depend on the ARN only, so that a run can be
// compared with another.
func (s *Server) ownRole(r Role) *role {
	sum := sha256.Sum256([]byte(r.ARN))
	own := &role{Role: r, access: "ASIA" + strings.ToUpper(hex.EncodeToString(sum[:8])), sees: s}
	if r.Data != nil {
		data := *r.Data
		data.Region, data.Account = s.region, accountOf(r.ARN, s.account)
		own.sees = New(data)
	}
	return own
}

// token is the session token of the role's credentials.
func (r *role) token() string { return "session-of-" + r.access + "//+==" }

func accountOf(arn, fallback string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 4 && parts[4] != "" {
		return parts[4]
	}
	return fallback
}

// assumeRole answers in XML. (AssumeRole, STS API reference)
func (s *Server) assumeRole(r *request) (any, error) {
	arn, session := r.query.Get("RoleArn"), r.query.Get("RoleSessionName")
	if !strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":role/") {
		return nil, &apiError{status: http.StatusBadRequest, code: "ValidationError", message: arn + " is invalid"}
	}
	if len(session) < 2 || len(session) > 64 || strings.Trim(session, sessionNameRunes) != "" {
		return nil, &apiError{status: http.StatusBadRequest, code: "ValidationError",
			message: fmt.Sprintf("1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*", session)}
	}
	seconds := 3600
	if text := r.query.Get("DurationSeconds"); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 900 || seconds > 43200 {
			return nil, &apiError{status: http.StatusBadRequest, code: "ValidationError", message: "DurationSeconds must be between 900 and 43200"}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.roles[arn]
	if known == nil {
		return nil, &apiError{status: http.StatusForbidden, code: "AccessDenied",
			message: fmt.Sprintf("User: arn:aws:sts::%s:assumed-role/function-role/function is not authorized to perform: sts:AssumeRole on resource: %s", s.account, arn)}
	}
	return known.credentials(session, time.Now().Add(time.Duration(seconds)*time.Second))
}

const sessionNameRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-"

func (r *role) credentials(session string, ends time.Time) (any, error) {
	type assumed struct {
		Arn           string //nolint:revive // the wire's spelling
		AssumedRoleId string //nolint:revive // the wire's spelling
	}
	type credentials struct {
		AccessKeyId     string //nolint:revive // the wire's spelling
		SecretAccessKey string
		SessionToken    string
		Expiration      string
	}
	type result struct {
		AssumedRoleUser assumed
		Credentials     credentials
	}
	var answer struct {
		XMLName          xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
		AssumeRoleResult result
		ResponseMetadata struct{ RequestId string } //nolint:revive // the wire's spelling
	}
	name := r.ARN[strings.LastIndex(r.ARN, "/")+1:]
	answer.AssumeRoleResult = result{
		AssumedRoleUser: assumed{
			Arn:           "arn:aws:sts::" + accountOf(r.ARN, "123456789012") + ":assumed-role/" + name + "/" + session,
			AssumedRoleId: "AROA" + r.access[4:] + ":" + session,
		},
		Credentials: credentials{
			AccessKeyId: r.access, SecretAccessKey: "secret-of-" + r.access, SessionToken: r.token(),
			Expiration: ends.UTC().Format("2006-01-02T15:04:05Z"),
		},
	}
	answer.ResponseMetadata.RequestId = newUUID()
	return xmlAnswer(http.StatusOK, answer)
}

func xmlAnswer(status int, v any) (*rawAnswer, error) {
	var b bytes.Buffer
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	err := enc.Encode(v)
	return &rawAnswer{status: status, header: map[string]string{"Content-Type": "text/xml"}, body: b.Bytes()}, err
}

// xmlError is a refusal in the Query protocol.
func xmlError(e *apiError) *rawAnswer {
	type one struct{ Type, Code, Message string }
	kind := "Sender"
	if e.status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	answer, _ := xmlAnswer(e.status, struct { // plain strings always encode
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Error     one
		RequestId string //nolint:revive // the wire's spelling
	}{Error: one{kind, e.code, e.message}, RequestId: newUUID()})
	return answer
}

// caller is the server that the request's credentials see: of a role that was
// assumed, or s itself. A role's key without its token is refused.
func (s *Server) caller(req *http.Request, r *request, names []string) (*Server, error) {
	access, _, _ := strings.Cut(authField(req.Header.Get("Authorization"), "Credential"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.roles {
		switch {
		case known.access != access:
		case req.Header.Get("X-Amz-Security-Token") != known.token():
			return nil, &apiError{status: http.StatusBadRequest, code: r.service.coral + "UnrecognizedClientException", message: "The security token included in the request is invalid."}
		case known.Denied:
			return nil, s.denied(r, names)
		default:
			return known.sees, nil
		}
	}
	return s, nil
}
