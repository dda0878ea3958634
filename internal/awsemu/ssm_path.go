package awsemu

import (
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
)

type pathInput struct {
	Path                      string
	Recursive, WithDecryption bool
	MaxResults                *int
	NextToken                 string
	ParameterFilters          []parameterFilter
}

type parameterFilter struct {
	Key, Option string
	Values      []string
}

func (s *Server) getParametersByPath(r *request) (any, error) {
	var in pathInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	limit := 10
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	switch {
	case !strings.HasPrefix(in.Path, "/"):
		return nil, invalid(r.service, `The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore).`)
	case limit < 1 || limit > 10:
		return nil, invalid(r.service, "1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 10", limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.underPathLocked(in)
	if err != nil {
		return nil, err
	}
	start, err := pageStart(in.NextToken, all)
	if err != nil {
		return nil, err
	}
	out := struct {
		NextToken  string `json:",omitempty"`
		Parameters []wireParameter
	}{Parameters: all[start:min(start+limit, len(all))]}
	if end := start + limit; end < len(all) {
		out.NextToken = pageToken(all[end].Name)
	}
	return out, nil
}

// underPathLocked lists what is below a path, by name. Without recursion only
// the next level. (GetParametersByPath, Systems Manager API reference)
func (s *Server) underPathLocked(in pathInput) ([]wireParameter, error) {
	prefix := strings.TrimSuffix(in.Path, "/") + "/"
	out := []wireParameter{}
	for name, p := range s.parameters {
		below, ok := strings.CutPrefix(name, prefix)
		if !ok || !in.Recursive && strings.Contains(below, "/") {
			continue
		}
		version, err := p.filtered(in.ParameterFilters)
		if err != nil {
			return nil, err
		}
		if version > 0 {
			out = append(out, s.wireParameter(p, version, in.WithDecryption))
		}
	}
	slices.SortFunc(out, func(a, b wireParameter) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// filtered returns the version that passes all filters, 0 for none.
func (p *Parameter) filtered(filters []parameterFilter) (int, error) {
	version := len(p.Versions)
	for _, f := range filters {
		switch f.Key {
		case "Type":
			if !slices.Contains(f.Values, p.Type) {
				return 0, nil
			}
		case "Label":
			labelled := slices.IndexFunc(p.Versions, func(v ParameterVersion) bool {
				return slices.ContainsFunc(f.Values, func(l string) bool { return slices.Contains(v.Labels, l) })
			})
			version = labelled + 1
		default:
			return 0, &apiError{status: http.StatusBadRequest, code: "InvalidFilterKey"}
		}
		if version == 0 {
			return 0, nil
		}
	}
	return version, nil
}

// A page token names the first parameter of its page, so that a token stays
// good when parameters come and go. The form is nobody's business.
func pageToken(name string) string { return "AAEMBEDDED" + strconv.Quote(name) }

func pageStart(token string, all []wireParameter) (int, error) {
	if token == "" {
		return 0, nil
	}
	quotedName, ok := strings.CutPrefix(token, "AAEMBEDDED")
	name, err := strconv.Unquote(quotedName)
	if !ok || err != nil {
		return 0, &apiError{status: http.StatusBadRequest, code: "InvalidNextToken", message: "The specified token isn't valid.", capital: true}
	}
	return sort.Search(len(all), func(i int) bool { return all[i].Name >= name }), nil
}
