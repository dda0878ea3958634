package awsparams

import (
	"context"
	"strings"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

// batchSecretsIn and batchSecretsOut are the request and the answer of
// BatchGetSecretValue. (Secrets Manager API Reference, "BatchGetSecretValue")
type batchSecretsIn struct {
	SecretIDList []string `json:"SecretIdList"`
}

type batchSecretsOut struct {
	SecretValues []secretValue
	Errors       []struct {
		ErrorCode, Message string
		SecretID           string `json:"SecretId"`
	}
}

func (p *Provider) secrets(ctx context.Context, b *batch, chunk []int) (left []int, err error) {
	first := b.refs[chunk[0]]
	var in batchSecretsIn
	for _, i := range chunk {
		in.SecretIDList = append(in.SecretIDList, b.refs[i].Name)
	}
	var out batchSecretsOut
	if err := p.ask(ctx, first, action{awsapi.SecretsManager, "BatchGetSecretValue"}, in, &out); err != nil {
		return nil, err
	}
	for _, i := range chunk {
		ref := b.refs[i]
		if got := out.find(ref.Name); got != nil {
			v, err := got.value(ref)
			b.set(i, v, err)
		} else if refused := out.refused(ref.Name); refused != nil {
			b.set(i, paramcache.Value{}, translate(ref, action{awsapi.SecretsManager, "GetSecretValue"}, refused))
		} else {
			left = append(left, i) // the answer had no room for it, or speaks of it in another way
		}
	}
	return left, nil
}

// find returns the secret that was asked for by name, full ARN or partial ARN.
func (o *batchSecretsOut) find(id string) *secretValue {
	for i := range o.SecretValues {
		got := &o.SecretValues[i]
		rest, partial := strings.CutPrefix(got.ARN, id)
		if got.Name == id || got.ARN == id || partial && strings.HasSuffix(id, ":"+got.Name) && len(rest) == len("-AbCdEf") {
			return got
		}
	}
	return nil
}

func (o *batchSecretsOut) refused(id string) error {
	for _, e := range o.Errors {
		if e.SecretID == id {
			return awsapi.Refusal(awsapi.SecretsManager, "BatchGetSecretValue", e.ErrorCode, e.Message)
		}
	}
	return nil
}
