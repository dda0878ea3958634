package awsemu

import (
	"net/http"
	"strings"
)

// authorized wants the form of a Signature Version 4 header: the algorithm, a
// credential scope of five parts, the signed headers and 64 hex digits.
// (AWS Signature Version 4 for API requests, IAM user guide)
func authorized(req *http.Request) error {
	rest, ok := strings.CutPrefix(req.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	scope := strings.Split(authField(rest, "Credential"), "/")
	signature := authField(rest, "Signature")
	if ok && len(scope) >= 5 && scope[0] != "" && scope[len(scope)-1] == "aws4_request" &&
		strings.Contains(authField(rest, "SignedHeaders"), "host") &&
		len(signature) == 64 && strings.Trim(signature, "0123456789abcdef") == "" {
		return nil
	}
	return &apiError{status: http.StatusForbidden, code: "MissingAuthenticationTokenException", message: "Missing Authentication Token"}
}

// checkScope wants the credential scope to name the called service, the fault
// of a signer that AWS reports most often.
func (r *request) checkScope(req *http.Request) error {
	parts := strings.Split(authField(req.Header.Get("Authorization"), "Credential"), "/")
	if got := parts[len(parts)-2]; got != r.service.name {
		return &apiError{status: http.StatusBadRequest, code: r.service.coral + "InvalidSignatureException",
			message: "Credential should be scoped to correct service: '" + r.service.name + "'. "}
	}
	return nil
}

// authField returns one NAME=value of the header; the fields are separated by
// commas, with or without spaces.
func authField(header, name string) string {
	_, rest, found := strings.Cut(header, name+"=")
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(rest, ",")
	return strings.TrimSpace(value)
}
