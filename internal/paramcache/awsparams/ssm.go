package awsparams

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

// getParameterIn and getParameterOut are the request and the answer of
// GetParameter. (Systems Manager API Reference, "GetParameter")
type getParameterIn struct {
	Name           string
	WithDecryption bool
}

type getParameterOut struct {
	Parameter *parameter
}

// parameter is what all reads of SSM answer with. (Systems Manager API
// Reference, "Parameter")
type parameter struct {
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

func (p *parameter) value() paramcache.Value {
	v := paramcache.Value{
		Name: p.Name, ARN: p.ARN, Modified: p.LastModifiedDate.Time,
		Type: p.Type, DataType: p.DataType, Selector: p.Selector, SourceResult: p.SourceResult,
	}
	if p.Version > 0 { // a secret behind /aws/reference/secretsmanager has none
		v.Version = strconv.FormatInt(p.Version, 10)
	}
	// Behind /aws/reference/secretsmanager a binary secret has no Value; its
	// bytes are in SourceResult.
	if p.Value != nil {
		v.Text, v.IsText = *p.Value, true
	}
	return v
}

func (p *Provider) parameter(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	if ref.Version != "" && ref.Label != "" {
		return paramcache.Value{}, badRequest(ref, "version and label exclude each other", "ask for one of them")
	}
	var out getParameterOut
	err := p.call(ctx, ref, action{awsapi.SSM, "GetParameter"}, getParameterIn{selected(ref), ref.Decrypt}, &out)
	if err != nil {
		return paramcache.Value{}, err
	}
	if out.Parameter == nil {
		return paramcache.Value{}, notFound(ref, "the answer holds no parameter", "")
	}
	return out.Parameter.value(), nil
}

// selected is the name with the selector behind it, as the service wants it.
func selected(ref paramcache.Ref) string {
	if selector := ref.Version + ref.Label; selector != "" {
		return ref.Name + ":" + selector
	}
	return ref.Name
}

// byPathIn and byPathOut are the request and the answer of
// GetParametersByPath. (Systems Manager API Reference, "GetParametersByPath")
type byPathIn struct {
	Path             string
	Recursive        bool
	WithDecryption   bool
	MaxResults       int
	NextToken        string         `json:",omitempty"`
	ParameterFilters []stringFilter `json:",omitempty"`
}

type stringFilter struct {
	Key, Option string
	Values      []string
}

type byPathOut struct {
	Parameters []parameter
	NextToken  string
}

// path reads every page of what is under the path, sorted by name: the
// service's order is its own affair.
func (p *Provider) path(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	if ref.Version != "" {
		return paramcache.Value{}, badRequest(ref, "a path has no version", "leave it out")
	}
	in := byPathIn{Path: ref.Name, Recursive: ref.Recursive, WithDecryption: ref.Decrypt, MaxResults: 10}
	if ref.Label != "" {
		in.ParameterFilters = []stringFilter{{"Label", "Equals", []string{ref.Label}}}
	}
	g := newGroup(ref, ref.Name)
	for {
		var out byPathOut
		if err := p.page(ctx, g, action{awsapi.SSM, "GetParametersByPath"}, in, &out); err != nil {
			return paramcache.Value{}, err
		}
		for i := range out.Parameters {
			if err := g.add(out.Parameters[i].value()); err != nil {
				return paramcache.Value{}, err
			}
		}
		if out.NextToken == "" || out.NextToken == in.NextToken {
			slices.SortFunc(g.value.Members, func(a, b paramcache.Value) int { return strings.Compare(a.Name, b.Name) })
			return g.value, nil
		}
		in.NextToken = out.NextToken
	}
}
