// Package awsemu serves the AWS calls the extension makes from one YAML file:
// SSM, Secrets Manager, DynamoDB, AppConfig Data, STS and one call of Lambda. It exists for a first
// run without an account and for faults; it is no proof that we speak to AWS.
//
// The rule a reader could break: it imports none of the extension's packages,
// and every word on the wire (error codes, messages, number forms) is AWS's
// own, so that a client which is happy here is not surprised there.
package awsemu

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// maxBody bounds a request; the largest one served, a PutSecretValue, is 64 KiB of value.
const maxBody = 1 << 20

// Server is the embedded AWS: one handler for all services, told apart by the
// X-Amz-Target header, by the path (AppConfig Data, Lambda) or by the form (STS). It
// is safe for concurrent use. Signatures are not checked, but a request
// without the form of one is refused.
type Server struct {
	// OnCall, if set before the first call, is told of each one when its answer is
	// known. It is called from many goroutines.
	OnCall func(Call)

	region, account string
	started         time.Time

	mu             sync.Mutex
	parameters     map[string]*Parameter
	secrets        []*Secret // in the file's order
	tables         map[string]*Table
	configurations map[string]*Configuration
	roles          map[string]*role // by ARN
	mappings       []Mapping
	tokenAge       int // poll tokens of an earlier age are dead
	limit          limit
	fault          fault
	counts         counts
}

// New makes a server that holds data. Parameters and secrets without a version
// are left out.
func New(data Data) *Server {
	s := &Server{
		region: data.Region, account: data.Account, started: time.Now(),
		parameters: map[string]*Parameter{}, tables: map[string]*Table{},
		configurations: map[string]*Configuration{}, roles: map[string]*role{},
		counts: counts{},
	}
	if s.region == "" {
		s.region = "us-east-1"
	}
	if s.account == "" {
		s.account = "123456789012"
	}
	for _, p := range data.Parameters {
		if len(p.Versions) > 0 {
			s.parameters[p.Name] = s.ownParameter(p)
		}
	}
	for _, sec := range data.Secrets {
		if len(sec.Versions) > 0 {
			s.secrets = append(s.secrets, s.ownSecret(sec))
		}
	}
	for _, t := range data.Tables {
		s.tables[t.Name] = ownTable(t)
	}
	for _, c := range data.Configurations {
		if len(c.Versions) > 0 {
			s.configurations[c.Name] = ownConfiguration(c)
		}
	}
	s.mappings = slices.Clone(data.Mappings)
	for _, r := range data.Roles {
		s.roles[r.ARN] = s.ownRole(r)
	}
	return s
}

// request is one call being answered.
type request struct {
	began     time.Time
	service   service
	operation string
	query     url.Values // of the URL, or the form of an STS call
	body      []byte
}

// decode reads the body into the operation's input.
func (r *request) decode(into any) error {
	if err := json.Unmarshal(r.body, into); err != nil {
		return &apiError{status: http.StatusBadRequest, code: r.service.coral + "SerializationException", message: "the request is not the JSON of " + r.operation + ": " + err.Error()}
	}
	return nil
}

// ServeHTTP answers one call in AWS's JSON protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	r := &request{began: time.Now(), body: body}
	var run operation
	if err == nil {
		err = authorized(req)
	}
	if err == nil {
		run, err = route(req, r)
	}
	if err != nil {
		s.count(r, nil, err)
		writeError(w, r.service, err)
		return
	}
	names := r.names()
	err = s.applyFault(w, req, r, names)
	var caller *Server
	if err == nil {
		caller, err = s.caller(req, r, names)
	}
	var out any
	if err == nil {
		out, err = run(caller, r)
	}
	s.count(r, names, err)
	switch {
	case errors.Is(err, errCutOff):
	case err != nil:
		writeError(w, r.service, err)
	default:
		writeAnswer(w, r.service, http.StatusOK, out)
	}
}
