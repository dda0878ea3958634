package awsemu

import (
	"net/http"
	"strings"
	"time"
)

// Limits of a value's length by tier. (Managing parameter tiers, Systems Manager user guide)
const (
	standardValueMax = 4096
	advancedValueMax = 8192
)

type putParameterInput struct {
	Name, Value, Type, Tier, DataType string
	Overwrite                         bool
}

func (s *Server) putParameter(r *request) (any, error) {
	var in putParameterInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if strings.HasPrefix(strings.ToLower(in.Name), "/aws/") {
		return nil, &apiError{status: http.StatusBadRequest, code: "AccessDeniedException", message: "No access to reserved parameter name: " + in.Name + "."}
	}
	if reason := badParameterName(in.Name); reason != "" {
		return nil, invalid(r.service, "Parameter name: %s", reason)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.parameters[in.Name]
	if err := in.check(r, p); err != nil {
		return nil, err
	}
	if p == nil {
		p = s.ownParameter(Parameter{Name: in.Name, Type: in.Type, Tier: in.Tier, DataType: in.DataType})
		s.parameters[in.Name] = p
	}
	if in.Type != "" {
		p.Type = in.Type
	}
	if in.Tier == "Advanced" {
		p.Tier = in.Tier // never back to Standard: the service refuses that
	}
	p.Versions = append(p.Versions, ParameterVersion{Value: in.Value, Modified: time.Now()})
	return struct {
		Tier    string
		Version int
	}{p.Tier, len(p.Versions)}, nil
}

// check applies the rules of the service to a write over old, which is nil
// for a new parameter.
func (in putParameterInput) check(r *request, old *Parameter) error {
	limit := standardValueMax
	if in.Tier == "Advanced" || in.Tier == "Intelligent-Tiering" || old != nil && old.Tier == "Advanced" {
		limit = advancedValueMax
	}
	switch {
	case in.Value == "":
		return invalid(r.service, "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case in.Type != "" && in.Type != "String" && in.Type != "StringList" && in.Type != "SecureString":
		return invalid(r.service, "1 validation error detected: Value '%s' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]", in.Type)
	case old == nil && in.Type == "":
		return invalid(r.service, "A parameter type is required when you create a parameter.")
	case old != nil && !in.Overwrite:
		return &apiError{status: http.StatusBadRequest, code: "ParameterAlreadyExists",
			message: "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."}
	case len(in.Value) > limit && limit == standardValueMax:
		return invalid(r.service, "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.")
	case len(in.Value) > limit:
		return invalid(r.service, "Advanced tier parameters support a maximum parameter value of 8192 characters.")
	}
	return nil
}

// badParameterName says what is wrong with a name, "" when nothing is.
// (Requirements and constraints for parameter names, Systems Manager user guide)
func badParameterName(name string) string {
	bare := strings.ToLower(strings.TrimPrefix(name, "/"))
	switch {
	case name == "" || name == "/":
		return "a parameter needs a name"
	case len(name) > 1011:
		return "is longer than 1011 characters"
	case strings.HasPrefix(bare, "aws") || strings.HasPrefix(bare, "ssm"):
		return `can't be prefixed with "aws" or "ssm" (case-insensitive)`
	case strings.IndexFunc(name, func(c rune) bool { return !nameRune(c) && c != '/' }) >= 0:
		return "only a mix of letters, numbers and the symbols .-_ is allowed, with / between levels"
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return "must be a fully qualified name: a name with levels begins with /"
	case strings.Count(name, "/") > 15:
		return "has more than 15 levels"
	}
	return ""
}

// badStoredName is badParameterName for parameters that are there already:
// AWS's own below /aws/ too, such as public ones of an AMI or a region, which
// everybody can read and nobody can put. (Discovering public parameters in
// Parameter Store, Systems Manager user guide)
func badStoredName(name string) string {
	if strings.HasPrefix(name, secretReference) {
		return "is how SSM reads a secret: list it under secrets, as " + strings.TrimPrefix(name, secretReference)
	}
	if below, ok := strings.CutPrefix(name, "/aws/"); ok && below != "" {
		return badParameterName("/x/" + below)
	}
	return badParameterName(name)
}

func nameRune(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_.-", c)
}
