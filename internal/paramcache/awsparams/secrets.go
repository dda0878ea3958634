package awsparams

import (
	"context"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

// getSecretIn and getSecretOut are the request and the answer of
// GetSecretValue. (Secrets Manager API Reference, "GetSecretValue")
type getSecretIn struct {
	SecretID     string `json:"SecretId"`
	VersionID    string `json:"VersionId,omitempty"`
	VersionStage string `json:",omitempty"`
}

type getSecretOut struct {
	ARN           string
	CreatedDate   epoch
	Name          string
	SecretBinary  []byte // base64 on the wire
	SecretString  *paramcache.Secret
	VersionID     string `json:"VersionId"`
	VersionStages []string
}

func (p *Provider) secret(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	var out getSecretOut
	err := p.call(ctx, ref, action{awsapi.SecretsManager, "GetSecretValue"}, getSecretIn{ref.Name, ref.Version, ref.Label}, &out)
	if err != nil {
		return paramcache.Value{}, err
	}
	v := paramcache.Value{
		Name: out.Name, ARN: out.ARN, Version: out.VersionID, Stages: out.VersionStages, Modified: out.CreatedDate.Time,
	}
	switch {
	case out.SecretString != nil:
		v.Text, v.IsText = *out.SecretString, true
	case out.SecretBinary != nil:
		v.Binary = out.SecretBinary
	default:
		return paramcache.Value{}, notFound(ref, "the secret's version holds no value", "")
	}
	return v, nil
}
