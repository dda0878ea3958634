package awsparams

import (
	"context"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

// getSecretIn is the request of GetSecretValue. (Secrets Manager API Reference, "GetSecretValue")
type getSecretIn struct {
	SecretID     string `json:"SecretId"`
	VersionID    string `json:"VersionId,omitempty"`
	VersionStage string `json:",omitempty"`
}

// secretValue is what all reads of Secrets Manager answer with. (Secrets Manager
// API Reference, "GetSecretValue", "SecretValueEntry")
type secretValue struct {
	ARN           string
	CreatedDate   epoch
	Name          string
	SecretBinary  []byte // base64 on the wire
	SecretString  *paramcache.Secret
	VersionID     string `json:"VersionId"`
	VersionStages []string
}

func (s *secretValue) value(ref paramcache.Ref) (paramcache.Value, error) {
	v := paramcache.Value{Name: s.Name, ARN: s.ARN, Version: s.VersionID, Stages: s.VersionStages, Modified: s.CreatedDate.Time}
	switch {
	case s.SecretString != nil:
		v.Text, v.IsText = *s.SecretString, true
	case s.SecretBinary != nil:
		v.Binary = s.SecretBinary
	default:
		return paramcache.Value{}, notFound(ref, "the secret's version holds no value", "")
	}
	return v, nil
}

func (p *Provider) secret(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	var out secretValue
	err := p.call(ctx, ref, action{awsapi.SecretsManager, "GetSecretValue"}, getSecretIn{ref.Name, ref.Version, ref.Label}, &out)
	if err != nil {
		return paramcache.Value{}, err
	}
	return out.value(ref)
}
