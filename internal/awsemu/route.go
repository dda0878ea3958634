package awsemu

import (
	"net/http"
	"net/url"
	"strings"
)

// service is what differs between the services on the wire.
type service struct {
	name    string // as in credential scopes and IAM actions: ssm
	dialect dialect
	content string // application/x-amz-json-1.0 or 1.1; empty for the other dialects
	coral   string // prefix of the common errors in __type
	types   string // prefix of the service's own errors in __type
	crc     bool   // answers carry x-amz-crc32
}

// dialect is how a service writes its refusals.
type dialect uint8

const (
	awsJSON  dialect = iota // {"__type":…,"message":…}
	restJSON                // X-Amzn-Errortype and {"Message":…}
	awsQuery                // <ErrorResponse>
)

// operation answers one decoded call. It returns the answer's JSON value, a
// *rawAnswer, or an *apiError.
type operation func(*Server, *request) (any, error)

// route finds the operation: of X-Amz-Target, e.g. AmazonSSM.GetParameter, of
// the path, or of the form's Action.
func route(req *http.Request, r *request) (operation, error) {
	var run operation
	switch target := req.Header.Get("X-Amz-Target"); {
	case target != "":
		run = targeted(target, r)
	case req.Header.Get("Content-Type") == formType || strings.HasPrefix(req.Header.Get("Content-Type"), formType+";"):
		run = stsAction(r)
	default:
		run = restPath(req, r)
	}
	if run == nil {
		r.operation = "" // a made-up name must not grow the counts
		return nil, &apiError{status: http.StatusBadRequest, code: r.service.coral + "UnknownOperationException",
			message: "the embedded AWS does not serve " + quoted(called(req)) + "; use a full emulator for it, through AWS_ENDPOINT_URL"}
	}
	return run, r.checkScope(req)
}

// called names an unknown call for its refusal.
func called(req *http.Request) string {
	if target := req.Header.Get("X-Amz-Target"); target != "" || req.URL.Path == "/" {
		return target
	}
	return req.Method + " " + req.URL.Path
}

func targeted(target string, r *request) operation {
	prefix, name, _ := strings.Cut(target, ".")
	r.operation = name
	switch prefix {
	case "AmazonSSM":
		r.service = service{name: "ssm", content: "application/x-amz-json-1.1"}
		return ssmOperation(name)
	case "secretsmanager":
		r.service = service{name: "secretsmanager", content: "application/x-amz-json-1.1"}
		return secretsOperation(name)
	case "DynamoDB_20120810":
		r.service = service{
			name: "dynamodb", content: "application/x-amz-json-1.0", crc: true,
			coral: "com.amazon.coral.service#", types: "com.amazonaws.dynamodb.v20120810#",
		}
		return dynamoOperation(name)
	}
	return nil
}

const formType = "application/x-www-form-urlencoded"

func stsAction(r *request) operation {
	r.service = service{name: "sts", dialect: awsQuery}
	r.query, _ = url.ParseQuery(string(r.body)) // what is broken is missing
	if r.operation = r.query.Get("Action"); r.operation == "AssumeRole" {
		return (*Server).assumeRole
	}
	return nil
}

// restPath routes AppConfig Data and Lambda, whose calls are plain paths.
// (StartConfigurationSession, GetLatestConfiguration, AppConfig Data API
// reference; ListEventSourceMappings, Lambda API reference)
func restPath(req *http.Request, r *request) operation {
	r.query = req.URL.Query()
	r.service = service{name: "appconfig", dialect: restJSON}
	switch req.Method + " " + req.URL.Path {
	case "POST /configurationsessions":
		r.operation = "StartConfigurationSession"
		return (*Server).startConfigurationSession
	case "GET /configuration":
		r.operation = "GetLatestConfiguration"
		return (*Server).getLatestConfiguration
	case "GET /2015-03-31/event-source-mappings", "GET /2015-03-31/event-source-mappings/":
		r.service = service{name: "lambda", dialect: restJSON, content: "application/json"}
		r.operation = "ListEventSourceMappings"
		return (*Server).listEventSourceMappings
	}
	r.service = service{}
	return nil
}
