package awsemu

import (
	"encoding/json"
	"slices"
	"strings"
)

// secretReference is the path under which SSM serves secrets. (Referencing
// AWS Secrets Manager secrets from Parameter Store parameters, Systems Manager
// user guide)
const secretReference = "/aws/reference/secretsmanager/"

// referencedSecretLocked serves a secret as a parameter: its own ARN, version
// 0, no data type, and the secret's description as JSON in SourceResult. The
// selector is a version id or a stage.
func (s *Server) referencedSecretLocked(r *request, name, selector string, decrypt bool) (wireParameter, error) {
	if !decrypt {
		return wireParameter{}, invalid(r.service, "WithDecryption flag must be True for retrieving a Secret Manager secret.")
	}
	notFound := &apiError{status: 400, code: "ParameterNotFound", message: "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret " + name + " not found."}
	sec := s.findSecretLocked(strings.TrimPrefix(name, secretReference))
	if sec == nil {
		return wireParameter{}, notFound
	}
	stage := selector
	if stage == "" {
		stage = "AWSCURRENT"
	}
	i := slices.IndexFunc(sec.Versions, func(v SecretVersion) bool {
		return v.ID == selector || slices.Contains(v.Stages, stage)
	})
	if i < 0 {
		return wireParameter{}, notFound
	}
	v := sec.Versions[i]
	out := wireParameter{
		ARN: s.secretARN(sec.Name), LastModifiedDate: epoch(v.Created), Name: name,
		Type: "SecureString", Value: v.Text, SourceResult: s.sourceResult(sec, v),
	}
	if selector != "" {
		out.Selector = ":" + selector
	}
	return out, nil
}

// sourceResult is the secret as SSM's Java service prints it, its date form included.
func (s *Server) sourceResult(sec *Secret, v SecretVersion) string {
	out := map[string]any{
		"aRN": s.secretARN(sec.Name), "name": sec.Name, "versionId": v.ID, "versionStages": v.Stages,
		"createdDate": v.Created.UTC().Format("Jan 2, 2006, 3:04:05 PM"), "secretString": v.Text,
	}
	if v.Binary != nil {
		delete(out, "secretString")
		out["secretBinary"] = map[string]any{"hb": ints(v.Binary), "offset": 0}
	}
	text, _ := json.Marshal(out) // strings and numbers only
	return string(text)
}

// ints keeps encoding/json from writing base64: the service lists signed bytes.
func ints(raw []byte) []int {
	out := make([]int, len(raw))
	for i, b := range raw {
		out[i] = int(int8(b))
	}
	return out
}
