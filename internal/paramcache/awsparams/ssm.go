package awsparams

import (
	"context"
	"strconv"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

// getParameterIn and getParameterOut are the request and the answer of
// GetParameter. (Systems Manager API Reference, "GetParameter", "Parameter")
type getParameterIn struct {
	Name           string
	WithDecryption bool
}

type getParameterOut struct {
	Parameter *struct {
		ARN              string
		DataType         *string
		LastModifiedDate epoch
		Name             string
		Selector         *string
		SourceResult     *paramcache.Secret
		Type             string
		Value            *paramcache.Secret
		Version          int64
	}
}

func (p *Provider) parameter(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	if ref.Version != "" && ref.Label != "" {
		return paramcache.Value{}, badRequest(ref, "version and label exclude each other", "ask for one of them")
	}
	name := ref.Name
	if selector := ref.Version + ref.Label; selector != "" {
		name += ":" + selector
	}
	var out getParameterOut
	err := p.call(ctx, ref, action{awsapi.SSM, "GetParameter"}, getParameterIn{name, ref.Decrypt}, &out)
	if err != nil {
		return paramcache.Value{}, err
	}
	got := out.Parameter
	if got == nil {
		return paramcache.Value{}, notFound(ref, "the answer holds no parameter", "")
	}
	v := paramcache.Value{
		Name: got.Name, ARN: got.ARN, Version: strconv.FormatInt(got.Version, 10), Modified: got.LastModifiedDate.Time,
		Type: got.Type, DataType: got.DataType, Selector: got.Selector, SourceResult: got.SourceResult,
	}
	// Behind /aws/reference/secretsmanager a binary secret has no Value; its
	// bytes are in SourceResult.
	if got.Value != nil {
		v.Text, v.IsText = *got.Value, true
	}
	return v, nil
}
