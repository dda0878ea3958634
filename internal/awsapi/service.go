package awsapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// The services Call knows, for Operation.Service. The words are AWS's endpoint
// prefixes.
const (
	SSM            = "ssm"
	SecretsManager = "secretsmanager"
	DynamoDB       = "dynamodb"
	Logs           = "logs"
	Firehose       = "firehose"
	AppConfigData  = "appconfigdata"
	STS            = "sts"
	Lambda         = "lambda"
	XRay           = "xray"
)

// Operation names what to call.
type Operation struct {
	Service string // one of the service constants
	Name    string // as in the service's API reference, e.g. GetParameter
	Region  string // empty: the client's region
	RoleARN string // the IAM role to assume for the call; empty: the function's own

	// Once leaves trying again to the caller, who counts the tries of its data.
	// What has a cure that helps at once, such as a dead connection, is cured.
	Once bool
}

// REST is the request of an operation of AppConfigData, Lambda or X-Ray, for
// Call's in.
type REST struct {
	Method string
	Path   string // absolute and escaped
	Query  url.Values
	Body   any    // written as JSON; nil: JSON as it is
	JSON   []byte // nil: no body
	Gzip   bool   // JSON is compressed
}

// Raw takes an answer as it came, for Call's out: where the answer is no JSON,
// or its headers tell something.
type Raw struct {
	Header http.Header
	Body   []byte // at most 4 MiB
}

// protocol is how a service wants its requests written.
type protocol uint8

const (
	json10   protocol = iota // application/x-amz-json-1.0
	json11                   // application/x-amz-json-1.1
	restJSON                 // in is a REST
	query                    // in is a url.Values, the answer XML: out is a *Raw
)

// contentType is the request's media type (Smithy, "AWS JSON 1.0 protocol" and
// its siblings).
func (p protocol) contentType() string {
	switch p {
	case json10:
		return "application/x-amz-json-1.0"
	case restJSON:
		return "application/json"
	case query:
		return "application/x-www-form-urlencoded; charset=utf-8"
	}
	return "application/x-amz-json-1.1"
}

// service is one row of the service table.
type service struct {
	name    string // host prefix
	signing string // name in the signature's scope; empty: name
	env     string // suffix of AWS_ENDPOINT_URL_…
	target  string // prefix of X-Amz-Target; empty: no such header
	version string // of a Query API
	proto   protocol

	// govFIPS: in GovCloud the plain host name is the FIPS endpoint.
	govFIPS bool
	// dualStack: in the public partitions the plain host name answers over IPv6 too.
	dualStack bool
}

// lookupService is the service table. It is a switch and not a map, because a
// map is built at every start of the process.
func lookupService(name string) (service, bool) {
	switch name {
	case SSM:
		return service{name: SSM, env: "SSM", target: "AmazonSSM.", proto: json11, govFIPS: true}, true
	case SecretsManager:
		return service{name: SecretsManager, env: "SECRETS_MANAGER", target: "secretsmanager.", proto: json11, dualStack: true}, true
	case DynamoDB:
		return service{name: DynamoDB, env: "DYNAMODB", target: "DynamoDB_20120810.", proto: json10, govFIPS: true}, true
	case AppConfigData:
		return service{name: AppConfigData, signing: "appconfig", env: "APPCONFIGDATA", proto: restJSON, govFIPS: true}, true
	case STS:
		return service{name: STS, env: "STS", version: "2011-06-15", proto: query, govFIPS: true}, true
	case Lambda:
		return service{name: Lambda, env: "LAMBDA", proto: restJSON}, true
	case Logs:
		return service{name: Logs, env: "CLOUDWATCH_LOGS", target: "Logs_20140328.", proto: json11, govFIPS: true}, true
	case XRay: // with CloudWatch's OTLP endpoint for spans
		return service{name: XRay, env: "XRAY", proto: restJSON}, true
	case Firehose:
		return service{name: Firehose, env: "FIREHOSE", target: "Firehose_20150804.", proto: json11}, true
	}
	return service{}, false
}

// scope is the service's name in the signature's scope.
func (s service) scope() string {
	if s.signing != "" {
		return s.signing
	}
	return s.name
}

// message is a request before it is signed.
type message struct {
	method, path string // path: below the endpoint, query included; no slash before it
	body         []byte
	gzip         bool // body is compressed
}

var errNotWritable = errors.New("the request does not fit the service's protocol")

// write makes the operation's message of in.
func (s service) write(op Operation, in any) (message, error) {
	m := message{method: http.MethodPost}
	var err error
	switch s.proto {
	case restJSON:
		rest, ok := in.(REST)
		if !ok || rest.Path == "" {
			return m, errNotWritable
		}
		m.method, m.path = rest.Method, rest.Path[1:]
		if len(rest.Query) > 0 {
			m.path += "?" + rest.Query.Encode()
		}
		if m.body, m.gzip = rest.JSON, rest.Gzip; rest.Body != nil {
			m.body, err = json.Marshal(rest.Body)
		}
	case query:
		arguments, ok := in.(url.Values)
		if !ok {
			return m, errNotWritable
		}
		form := url.Values{"Action": {op.Name}, "Version": {s.version}}
		for name, values := range arguments {
			form[name] = values
		}
		m.body = []byte(form.Encode())
	default:
		m.body, err = encode(in)
	}
	return m, err
}

// encode writes the request's body. The JSON protocols want an object even
// when there is nothing to say.
func encode(in any) ([]byte, error) {
	if in == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(in)
}
