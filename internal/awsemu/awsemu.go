// Package awsemu serves the AWS calls the extension makes from one YAML file:
// SSM, Secrets Manager and DynamoDB. It exists for a first run without an
// account and for faults; it is no proof that we speak to AWS.
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
	"strings"
	"sync"
	"time"
)

// maxBody bounds a request; the largest one served, a PutSecretValue, is 64 KiB of value.
const maxBody = 1 << 20

// Server is the embedded AWS: one handler for all services, told apart by the
// X-Amz-Target header. It is safe for concurrent use. Signatures are not
// checked, but a request without the form of one is refused.
type Server struct {
	region, account string
	started         time.Time

	mu         sync.Mutex
	parameters map[string]*Parameter
	secrets    []*Secret // in the file's order
	tables     map[string]*Table
	fault      fault
	counts     counts
}

// New makes a server that holds data. Parameters and secrets without a version
// are left out.
func New(data Data) *Server {
	s := &Server{
		region: data.Region, account: data.Account, started: time.Now(),
		parameters: map[string]*Parameter{}, tables: map[string]*Table{},
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
	return s
}

// request is one call being answered.
type request struct {
	service   service
	operation string
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
	r := &request{body: body}
	var run operation
	if err == nil {
		err = authorized(req)
	}
	if err == nil {
		run, err = route(req, r)
	}
	if err != nil {
		s.count(r, nil, true)
		writeError(w, r.service, err)
		return
	}
	names := namesIn(body)
	err = s.applyFault(w, req, r, names)
	var out any
	if err == nil {
		out, err = run(s, r)
	}
	s.count(r, names, err != nil)
	switch {
	case errors.Is(err, errCutOff):
	case err != nil:
		writeError(w, r.service, err)
	default:
		writeAnswer(w, r.service, http.StatusOK, out)
	}
}

// service is what differs between the services on the wire.
type service struct {
	name    string // as in credential scopes and IAM actions: ssm
	content string // application/x-amz-json-1.0 or 1.1
	coral   string // prefix of the common errors in __type
	types   string // prefix of the service's own errors in __type
	crc     bool   // answers carry x-amz-crc32
}

// operation answers one decoded call. It returns the answer's JSON value or an *apiError.
type operation func(*Server, *request) (any, error)

// route finds the operation of X-Amz-Target, e.g. AmazonSSM.GetParameter.
func route(req *http.Request, r *request) (operation, error) {
	prefix, name, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	r.operation = name
	var run operation
	switch prefix {
	case "AmazonSSM":
		r.service = service{name: "ssm", content: "application/x-amz-json-1.1"}
		run = ssmOperation(name)
	case "secretsmanager":
		r.service = service{name: "secretsmanager", content: "application/x-amz-json-1.1"}
		run = secretsOperation(name)
	case "DynamoDB_20120810":
		r.service = service{
			name: "dynamodb", content: "application/x-amz-json-1.0", crc: true,
			coral: "com.amazon.coral.service#", types: "com.amazonaws.dynamodb.v20120810#",
		}
		run = dynamoOperation(name)
	}
	if run == nil {
		r.operation = "" // a made-up name must not grow the counts
		return nil, &apiError{status: http.StatusBadRequest, code: r.service.coral + "UnknownOperationException",
			message: "the embedded AWS does not serve " + quoted(req.Header.Get("X-Amz-Target")) + "; use a full emulator for it, through AWS_ENDPOINT_URL"}
	}
	return run, r.checkScope(req)
}
