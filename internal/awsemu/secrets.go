package awsemu

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func secretsOperation(name string) operation {
	switch name {
	case "GetSecretValue":
		return (*Server).getSecretValue
	case "BatchGetSecretValue":
		return (*Server).batchGetSecretValue
	case "DescribeSecret":
		return (*Server).describeSecret
	case "PutSecretValue":
		return (*Server).putSecretValue
	case "CreateSecret":
		return (*Server).createSecret
	}
	return nil
}

// secretsError is a refusal of Secrets Manager, whose bodies say Message.
func secretsError(code, format string, args ...any) error {
	return &apiError{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...), capital: true}
}

func secretNotFound() error {
	return secretsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// wireSecret is a secret's value in an answer. (GetSecretValue, Secrets
// Manager API reference)
type wireSecret struct {
	ARN           string
	CreatedDate   epoch
	Name          string
	SecretBinary  []byte  `json:",omitempty"`
	SecretString  *string `json:",omitempty"`
	VersionId     string  //nolint:revive // the wire's spelling
	VersionStages []string
}

func (s *Server) wireSecret(sec *Secret, v SecretVersion) wireSecret {
	out := wireSecret{
		ARN: s.secretARN(sec.Name), CreatedDate: epoch(v.Created), Name: sec.Name,
		SecretBinary: v.Binary, VersionId: v.ID, VersionStages: slices.Clone(v.Stages),
	}
	if v.Binary == nil {
		out.SecretString = &v.Text
	}
	return out
}

func (s *Server) getSecretValue(r *request) (any, error) {
	var in struct{ SecretId, VersionId, VersionStage string } //nolint:revive // the wire's spelling
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.findSecretLocked(in.SecretId)
	if sec == nil {
		return nil, secretNotFound()
	}
	v, err := sec.version(in.VersionId, in.VersionStage)
	if err != nil {
		return nil, err
	}
	return s.wireSecret(sec, *v), nil
}

// version picks by id, by stage, by both (which must agree), or AWSCURRENT.
func (sec *Secret) version(id, stage string) (*SecretVersion, error) {
	if id == "" {
		if stage == "" {
			stage = "AWSCURRENT"
		}
		if v := sec.staged(stage); v != nil {
			return v, nil
		}
		return nil, secretsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
	}
	i := slices.IndexFunc(sec.Versions, func(v SecretVersion) bool { return v.ID == id })
	switch {
	case i < 0:
		return nil, secretsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", id)
	case stage != "" && !slices.Contains(sec.Versions[i].Stages, stage):
		return nil, secretsError("InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return &sec.Versions[i], nil
}

func (sec *Secret) staged(stage string) *SecretVersion {
	for i := range sec.Versions {
		if slices.Contains(sec.Versions[i].Stages, stage) {
			return &sec.Versions[i]
		}
	}
	return nil
}

func (s *Server) describeSecret(r *request) (any, error) {
	var in struct{ SecretId string } //nolint:revive // the wire's spelling
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.findSecretLocked(in.SecretId)
	if sec == nil {
		return nil, secretNotFound()
	}
	out := struct {
		ARN                string
		CreatedDate        epoch
		Description        string `json:",omitempty"`
		LastChangedDate    epoch
		Name               string
		VersionIdsToStages map[string][]string //nolint:revive // the wire's spelling
	}{
		ARN: s.secretARN(sec.Name), CreatedDate: epoch(sec.Versions[0].Created), Description: sec.Description,
		LastChangedDate: epoch(sec.Versions[len(sec.Versions)-1].Created), Name: sec.Name, VersionIdsToStages: map[string][]string{},
	}
	for _, v := range sec.Versions {
		if len(v.Stages) > 0 { // a version without a stage is deprecated and not listed
			out.VersionIdsToStages[v.ID] = slices.Clone(v.Stages)
		}
	}
	return out, nil
}

// findSecretLocked finds by name, full ARN, or ARN without its random suffix.
func (s *Server) findSecretLocked(id string) *Secret {
	for _, sec := range s.secrets {
		full := s.secretARN(sec.Name)
		if id == sec.Name || id == full || id == full[:len(full)-7] {
			return sec
		}
	}
	return nil
}

// secretARN ends in six characters that look random and depend on the name only.
func (s *Server) secretARN(name string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	sum := sha256.Sum256([]byte(name))
	suffix := make([]byte, 6)
	for i := range suffix {
		suffix[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return s.arn("secretsmanager", "secret:"+name+"-"+string(suffix))
}

// ownSecret copies sec and fills its defaults.
func (s *Server) ownSecret(sec Secret) *Secret {
	sec.Versions = slices.Clone(sec.Versions)
	for i := range sec.Versions {
		v := &sec.Versions[i]
		v.Stages = slices.Clone(v.Stages)
		if v.ID == "" {
			sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", sec.Name, i))
			h := hex.EncodeToString(sum[:16])
			v.ID = h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		}
		if v.Created.IsZero() {
			v.Created = s.started
		}
	}
	return &sec
}

// badSecretName says what is wrong with a name, "" when nothing is. The
// exclamation mark is in the names of secrets that other services manage
// (rds!db-…, redshift!…); what the API reference of CreateSecret leaves out,
// the service's own refusal lists. (Secrets managed by other services, Secrets
// Manager user guide)
func badSecretName(name string) string {
	switch {
	case name == "" || len(name) > 512:
		return "a secret's name has 1 to 512 characters"
	case strings.IndexFunc(name, func(c rune) bool { return !nameRune(c) && !strings.ContainsRune("/+=@!", c) }) >= 0:
		return "a secret's name has only letters, digits and -/_+=.@!"
	}
	return ""
}
