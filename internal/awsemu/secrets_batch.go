package awsemu

import (
	"errors"
	"strings"
)

type batchInput struct {
	SecretIdList []string //nolint:revive // the wire's spelling
	Filters      []struct {
		Key    string
		Values []string
	}
}

type batchError struct {
	ErrorCode, Message string
	SecretId           string //nolint:revive // the wire's spelling
}

// batchGetSecretValue answers ids one by one: what is missing becomes an entry
// of Errors in a successful answer. Of the filters only name is served.
func (s *Server) batchGetSecretValue(r *request) (any, error) {
	var in batchInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case len(in.SecretIdList) > 0 && len(in.Filters) > 0 || len(in.SecretIdList)+len(in.Filters) == 0:
		return nil, secretsError("InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	case len(in.SecretIdList) > 20:
		return nil, secretsError("InvalidParameterException", "1 validation error detected: Value at 'secretIdList' failed to satisfy constraint: Member must have length less than or equal to 20")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids, err := s.batchIDsLocked(in)
	if err != nil {
		return nil, err
	}
	out := struct {
		Errors       []batchError
		SecretValues []wireSecret
	}{[]batchError{}, []wireSecret{}}
	for _, id := range ids {
		one, err := s.currentSecretLocked(id)
		var api *apiError
		switch {
		case errors.As(err, &api):
			out.Errors = append(out.Errors, batchError{ErrorCode: api.code, Message: api.message, SecretId: id})
		default:
			out.SecretValues = append(out.SecretValues, one)
		}
	}
	return out, nil
}

func (s *Server) currentSecretLocked(id string) (wireSecret, error) {
	sec := s.findSecretLocked(id)
	if sec == nil {
		return wireSecret{}, secretNotFound()
	}
	v, err := sec.version("", "")
	if err != nil {
		return wireSecret{}, err
	}
	return s.wireSecret(sec, *v), nil
}

func (s *Server) batchIDsLocked(in batchInput) ([]string, error) {
	ids := in.SecretIdList
	for _, f := range in.Filters {
		if f.Key != "name" {
			return nil, secretsError("InvalidParameterException", "the embedded AWS filters secrets by name only, not by %s", f.Key)
		}
		for _, sec := range s.secrets {
			for _, prefix := range f.Values {
				if strings.HasPrefix(sec.Name, prefix) {
					ids = append(ids, sec.Name)
					break
				}
			}
		}
	}
	return ids, nil
}
