package awsapi

import "encoding/json"

// The services Call knows, for Operation.Service. The words are AWS's endpoint
// prefixes.
const (
	SSM            = "ssm"
	SecretsManager = "secretsmanager"
	DynamoDB       = "dynamodb"
)

// Operation names what to call.
type Operation struct {
	Service string // one of the service constants
	Name    string // as in the service's API reference, e.g. GetParameter
	Region  string // empty: the client's region
}

// protocol is how a service wants its requests written. A service that speaks
// another one (AppConfig Data is REST-JSON, STS is Query) adds a constant here
// and its case in prepare and decode; the rest of the package does not care.
type protocol uint8

const (
	json10 protocol = iota // application/x-amz-json-1.0
	json11                 // application/x-amz-json-1.1
)

// contentType is the request's media type (Smithy, AWS JSON 1.0 and 1.1 protocols).
func (p protocol) contentType() string {
	if p == json10 {
		return "application/x-amz-json-1.0"
	}
	return "application/x-amz-json-1.1"
}

// service is one row of the service table.
type service struct {
	name   string // host prefix and name in the signature's scope
	env    string // suffix of AWS_ENDPOINT_URL_…
	target string // prefix of X-Amz-Target
	proto  protocol

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
	}
	return service{}, false
}

// encode writes the request's body. The JSON protocols want an object even
// when there is nothing to say.
func encode(in any) ([]byte, error) {
	if in == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(in)
}
