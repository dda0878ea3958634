package awsparams

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

// Store writes a parameter or a secret, which it creates when missing.
func (p *Provider) Store(ctx context.Context, ref paramcache.Ref, s paramcache.Setting) (version string, err error) {
	switch {
	case ref.Name == "":
		return "", badRequest(ref, "no name", "")
	case ref.Version != "":
		return "", badRequest(ref, "a version cannot be written", "leave it out: the service numbers it")
	case ref.Source == paramcache.SSM:
		return p.putParameter(ctx, ref, s)
	case ref.Source == paramcache.Secrets:
		return p.putSecret(ctx, ref, s)
	}
	return "", badRequest(ref, "only parameters and secrets can be written", "use ssm or secrets")
}

// putParameterIn and putParameterOut are the request and the answer of
// PutParameter. (Systems Manager API Reference, "PutParameter")
type putParameterIn struct {
	Name      string
	Value     plain
	Type      string `json:",omitempty"`
	KeyID     string `json:"KeyId,omitempty"`
	Overwrite bool
	Tier      string `json:",omitempty"`
}

type putParameterOut struct {
	Version int64
}

// plain is a value on its way out: a Secret would be written as [redacted].
type plain string

// putParameter leaves the type of what is there alone. What is not there needs
// one, and gets Powertools' default.
func (p *Provider) putParameter(ctx context.Context, ref paramcache.Ref, s paramcache.Setting) (string, error) {
	if s.Binary != nil || ref.Label != "" {
		return "", badRequest(ref, "a parameter is text and is written without a label", "")
	}
	in := putParameterIn{ref.Name, plain(s.Value.Reveal()), s.Type, s.KMSKey, s.Overwrite, s.Tier}
	const usual = "String"
	if in.Type == "" && !s.Overwrite {
		in.Type = usual
	}
	what := action{awsapi.SSM, "PutParameter"}
	var out putParameterOut
	err := p.call(ctx, ref, what, in, &out)
	if failed, ok := errors.AsType[*paramcache.Error](err); ok && in.Type == "" && failed.Code == "ValidationException" {
		in.Type = usual
		err = p.call(ctx, ref, what, in, &out)
	}
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(out.Version, 10), nil
}

// putSecretIn, createSecretIn and putSecretOut are the requests and the answer
// of PutSecretValue and CreateSecret. The token makes a write that was tried
// twice one version. (Secrets Manager API Reference, "PutSecretValue",
// "CreateSecret")
type putSecretIn struct {
	SecretID      string   `json:"SecretId"`
	Token         string   `json:"ClientRequestToken"`
	SecretString  *plain   `json:",omitempty"`
	SecretBinary  []byte   `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
}

type createSecretIn struct {
	Name         string
	Token        string `json:"ClientRequestToken"`
	SecretString *plain `json:",omitempty"`
	SecretBinary []byte `json:",omitempty"`
	KMSKeyID     string `json:"KmsKeyId,omitempty"`
}

type putSecretOut struct {
	VersionID string `json:"VersionId"`
}

func (p *Provider) putSecret(ctx context.Context, ref paramcache.Ref, s paramcache.Setting) (string, error) {
	in := putSecretIn{SecretID: ref.Name, Token: newToken(), SecretBinary: s.Binary}
	if s.Binary == nil {
		text := plain(s.Value.Reveal())
		in.SecretString = &text
	}
	if ref.Label != "" {
		in.VersionStages = []string{ref.Label}
	}
	var out putSecretOut
	err := p.call(ctx, ref, action{awsapi.SecretsManager, "PutSecretValue"}, in, &out)
	failed, ok := errors.AsType[*paramcache.Error](err)
	if ok && failed.Code == "ResourceNotFoundException" && !ref.IsARN() && ref.Label == "" {
		err = p.call(ctx, ref, action{awsapi.SecretsManager, "CreateSecret"},
			createSecretIn{ref.Name, in.Token, in.SecretString, in.SecretBinary, s.KMSKey}, &out)
	}
	if err != nil {
		return "", err
	}
	return out.VersionID, nil
}

// newToken is a random UUID: 32 to 64 characters are what the service wants,
// and the token becomes the version's id. crypto/rand does not fail.
func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
