package awsparams

import (
	"context"
	"slices"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/ref"
)

// getParametersIn and getParametersOut are the request and the answer of
// GetParameters. (Systems Manager API Reference, "GetParameters")
type getParametersIn struct {
	Names          []string
	WithDecryption bool
}

type getParametersOut struct {
	Parameters        []parameter
	InvalidParameters []string
}

func (p *Provider) parameters(ctx context.Context, b *batch, chunk []int) (left []int, err error) {
	first := b.refs[chunk[0]]
	in := getParametersIn{WithDecryption: first.Decrypt}
	for _, i := range chunk {
		in.Names = append(in.Names, selected(b.refs[i]))
	}
	what := action{awsapi.SSM, "GetParameters"}
	var out getParametersOut
	if err := p.ask(ctx, first, what, in, &out); err != nil {
		return nil, err
	}
	for at, i := range chunk {
		switch got := out.find(in.Names[at]); {
		case got != nil:
			b.set(i, got.value(), nil)
		case out.invalid(in.Names[at]):
			b.set(i, paramcache.Value{}, translate(b.refs[i], what, awsapi.Refusal(awsapi.SSM, what.operation, "ParameterNotFound", "")))
		default:
			left = append(left, i)
		}
	}
	return left, nil
}

// find returns the parameter that was asked for by the name, which may be an
// ARN and have a selector.
func (o *getParametersOut) find(asked string) *parameter {
	name, selector := ref.CutSelector(asked)
	for i := range o.Parameters {
		got := &o.Parameters[i]
		if (got.Name == name || got.ARN == name) && (got.Selector == nil && selector == "" || got.Selector != nil && *got.Selector == selector) {
			return got
		}
	}
	return nil
}

func (o *getParametersOut) invalid(asked string) bool {
	return slices.Contains(o.InvalidParameters, asked)
}
