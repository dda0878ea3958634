package awsemu

import (
	"bytes"
	"slices"
	"time"
)

type putSecretInput struct {
	SecretId, ClientRequestToken string //nolint:revive // the wire's spelling
	SecretString                 *string
	SecretBinary                 []byte
	VersionStages                []string
}

func (in putSecretInput) check() error {
	switch n := len(in.ClientRequestToken); {
	case n == 0:
		return secretsError("InvalidRequestException", "You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	case n < 32 || n > 64:
		return secretsError("InvalidParameterException", "ClientRequestToken must be 32-64 characters long.")
	case (in.SecretString == nil) == (in.SecretBinary == nil):
		return secretsError("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	case max(len(in.SecretBinary), len(in.text())) > 65536:
		return secretsError("InvalidParameterException", "The secret value must have length less than or equal to 65536.")
	}
	return nil
}

func (in putSecretInput) text() string {
	if in.SecretString == nil {
		return ""
	}
	return *in.SecretString
}

// putSecretValue adds a version. The request token becomes its id, so the same
// call twice writes once. (PutSecretValue, Secrets Manager API reference)
func (s *Server) putSecretValue(r *request) (any, error) {
	var in putSecretInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.findSecretLocked(in.SecretId)
	if sec == nil {
		return nil, secretNotFound()
	}
	if old, err := sec.version(in.ClientRequestToken, ""); err == nil {
		if old.Text != in.text() || !bytes.Equal(old.Binary, in.SecretBinary) {
			return nil, secretsError("ResourceExistsException", "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", in.ClientRequestToken, s.secretARN(sec.Name))
		}
		return s.putAnswer(sec, *old), nil
	}
	sec.add(SecretVersion{ID: in.ClientRequestToken, Text: in.text(), Binary: in.SecretBinary, Created: time.Now()}, in.VersionStages)
	return s.putAnswer(sec, sec.Versions[len(sec.Versions)-1]), nil
}

// createSecret makes a secret with its first version. (CreateSecret, Secrets
// Manager API reference)
func (s *Server) createSecret(r *request) (any, error) {
	var in struct {
		putSecretInput
		Name, Description string
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if badSecretName(in.Name) != "" {
		return nil, secretsError("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.findSecretLocked(in.Name) != nil {
		return nil, secretsError("ResourceExistsException", "The operation failed because the secret %s already exists.", in.Name)
	}
	sec := &Secret{Name: in.Name, Description: in.Description}
	sec.add(SecretVersion{ID: in.ClientRequestToken, Text: in.text(), Binary: in.SecretBinary, Created: time.Now()}, nil)
	s.secrets = append(s.secrets, sec)
	return struct {
		ARN, Name string
		VersionId string //nolint:revive // the wire's spelling
	}{s.secretARN(sec.Name), sec.Name, in.ClientRequestToken}, nil
}

// add appends a version and moves the stages to it. The version that loses
// AWSCURRENT becomes AWSPREVIOUS.
func (sec *Secret) add(v SecretVersion, stages []string) {
	if len(stages) == 0 {
		stages = []string{"AWSCURRENT"}
	}
	if current := sec.staged("AWSCURRENT"); current != nil && slices.Contains(stages, "AWSCURRENT") {
		sec.unstage("AWSPREVIOUS")
		current.Stages = append(current.Stages, "AWSPREVIOUS")
	}
	for _, stage := range stages {
		sec.unstage(stage)
	}
	v.Stages = slices.Clone(stages)
	sec.Versions = append(sec.Versions, v)
}

func (sec *Secret) unstage(stage string) {
	for i := range sec.Versions {
		sec.Versions[i].Stages = slices.DeleteFunc(sec.Versions[i].Stages, func(s string) bool { return s == stage })
	}
}

func (s *Server) putAnswer(sec *Secret, v SecretVersion) any {
	return struct {
		ARN, Name     string
		VersionId     string //nolint:revive // the wire's spelling
		VersionStages []string
	}{s.secretARN(sec.Name), sec.Name, v.ID, slices.Clone(v.Stages)}
}
