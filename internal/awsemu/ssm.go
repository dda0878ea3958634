package awsemu

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func ssmOperation(name string) operation {
	switch name {
	case "GetParameter":
		return (*Server).getParameter
	case "GetParameters":
		return (*Server).getParameters
	case "GetParametersByPath":
		return (*Server).getParametersByPath
	case "PutParameter":
		return (*Server).putParameter
	}
	return nil
}

// wireParameter is a Parameter in an answer; members in AWS's order, absent
// ones left out. (Parameter, Systems Manager API reference)
type wireParameter struct {
	ARN              string
	DataType         string `json:",omitempty"`
	LastModifiedDate epoch
	Name             string
	Selector         string `json:",omitempty"`
	SourceResult     string `json:",omitempty"`
	Type             string
	Value            string
	Version          int
}

func (s *Server) getParameter(r *request) (any, error) {
	var in struct {
		Name           string
		WithDecryption bool
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if in.Name == "" {
		return nil, invalid(r.service, "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must not be null")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.findParameterLocked(r, in.Name, in.WithDecryption)
	if err != nil {
		return nil, err
	}
	return map[string]wireParameter{"Parameter": p}, nil
}

func (s *Server) getParameters(r *request) (any, error) {
	var in struct {
		Names          []string
		WithDecryption bool
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if n := len(in.Names); n < 1 || n > 10 {
		return nil, invalid(r.service, "1 validation error detected: Value '[%s]' at 'names' failed to satisfy constraint: Member must have length less than or equal to 10, Member must have length greater than or equal to 1", strings.Join(in.Names, ", "))
	}
	out := struct {
		InvalidParameters []string
		Parameters        []wireParameter
	}{[]string{}, []wireParameter{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(in.Names) // the service promises no order; by name, a caller that relies on its own finds out
	for _, name := range slices.Compact(in.Names) {
		p, err := s.findParameterLocked(r, name, in.WithDecryption)
		if err != nil {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		out.Parameters = append(out.Parameters, p)
	}
	return out, nil
}

// findParameterLocked resolves a name, name:selector or ARN.
func (s *Server) findParameterLocked(r *request, asked string, decrypt bool) (wireParameter, error) {
	name, selector := splitSelector(asked)
	if strings.HasPrefix(name, secretReference) {
		return s.referencedSecretLocked(r, name, selector, decrypt)
	}
	p := s.parameters[name]
	if arn, ok := strings.CutPrefix(name, s.arn("ssm", "parameter/")); ok && p == nil {
		// An ARN has lost the leading slash of a hierarchical name.
		if p = s.parameters["/"+arn]; p == nil {
			p = s.parameters[arn]
		}
	}
	if p == nil {
		return wireParameter{}, &apiError{status: http.StatusBadRequest, code: "ParameterNotFound"}
	}
	version, err := p.selectVersion(selector)
	if err != nil {
		return wireParameter{}, err
	}
	out := s.wireParameter(p, version, decrypt)
	if selector != "" {
		out.Selector = ":" + selector
	}
	return out, nil
}

// splitSelector cuts name:selector; an ARN has five colons of its own.
func splitSelector(asked string) (name, selector string) {
	arn := ""
	if strings.HasPrefix(asked, "arn:") {
		if parts := strings.SplitN(asked, ":", 6); len(parts) == 6 {
			arn, asked = strings.Join(parts[:5], ":")+":", parts[5]
		}
	}
	name, selector, _ = strings.Cut(asked, ":")
	return arn + name, selector
}

// selectVersion returns the version number meant by a selector: a number, a
// label, or "" for the newest.
func (p *Parameter) selectVersion(selector string) (int, error) {
	if selector == "" {
		return len(p.Versions), nil
	}
	if n, err := strconv.Atoi(selector); err == nil {
		if n >= 1 && n <= len(p.Versions) {
			return n, nil
		}
		return 0, &apiError{status: http.StatusBadRequest, code: "ParameterVersionNotFound",
			message: fmt.Sprintf("Systems Manager could not find version %s of %s. Verify the version and try again.", selector, p.Name)}
	}
	for i, v := range p.Versions {
		if slices.Contains(v.Labels, selector) {
			return i + 1, nil
		}
	}
	return 0, &apiError{status: http.StatusBadRequest, code: "ParameterVersionNotFound",
		message: fmt.Sprintf("Systems Manager could not find label %s for parameter %s. Verify the label and try again.", selector, p.Name)}
}

func (s *Server) wireParameter(p *Parameter, version int, decrypt bool) wireParameter {
	v := p.Versions[version-1]
	out := wireParameter{
		ARN: s.resource("ssm", p.Name), DataType: p.DataType, LastModifiedDate: epoch(v.Modified),
		Name: p.Name, Type: p.Type, Value: v.Value, Version: version,
	}
	if p.Type == "SecureString" && !decrypt {
		out.Value = ciphertext(p.Name, version, v.Value)
	}
	return out
}

// ciphertext looks like a KMS blob: what the service answers for a
// SecureString without decryption.
func ciphertext(name string, version int, value string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s", name, version, value))
	blob := append([]byte{1, 2, 2, 0, 0x78}, sum[:]...)
	for len(blob) < 152+len(value) {
		sum = sha256.Sum256(sum[:])
		blob = append(blob, sum[:]...)
	}
	return base64.StdEncoding.EncodeToString(blob)
}

// arn builds an ARN of this server's region and account, in the region's
// partition. (Amazon Resource Names, IAM user guide)
func (s *Server) arn(service, rest string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(s.region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(s.region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":" + service + ":" + s.region + ":" + s.account + ":" + rest
}

// resource is the ARN of a named thing; what is an ARN already stays.
func (s *Server) resource(service, name string) string {
	switch {
	case strings.HasPrefix(name, "arn:"):
		return name
	case service == "ssm" && strings.HasPrefix(name, "/aws/service/"): // nobody's account
		return "arn:aws:ssm:" + s.region + "::parameter" + name
	case service == "ssm":
		return s.arn("ssm", "parameter/"+strings.TrimPrefix(name, "/"))
	case service == "dynamodb":
		table, _, _ := strings.Cut(name, "/")
		return s.arn("dynamodb", "table/"+table)
	}
	return name // Secrets Manager names the id as it was asked for
}

// ownParameter copies p and fills its defaults.
func (s *Server) ownParameter(p Parameter) *Parameter {
	if p.DataType == "" {
		p.DataType = "text"
	}
	if p.Tier == "" {
		p.Tier = "Standard"
	}
	p.Versions = slices.Clone(p.Versions)
	for i := range p.Versions {
		p.Versions[i].Labels = slices.Clone(p.Versions[i].Labels)
		if p.Versions[i].Modified.IsZero() {
			p.Versions[i].Modified = s.started
		}
	}
	return &p
}
