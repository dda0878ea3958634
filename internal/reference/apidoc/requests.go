package apidoc

// Example is one request with the answer that a test has seen, printed into
// the reference. The test's AWS is in upstream_test.go.
type Example struct {
	Section string // source
	What    string // selector
	Before  string // request that comes first, "METHOD target"; may be empty
	Method  string
	Target  string
	Header  string // beside the token, as "Name: value"; may be empty
	Body    string // of the request
	Port    int    // 2772: the AppConfig port, without a token; 0: 2773
	Status  int
	Media   string // Content-Type, without its parameters
	Seen    string // more that the answer shows, as "Name: value"; may be empty
	Answer  string // the body; its bytes, if it is not text, as in Go
}

// get is an example that reads.
func get(section, what, target string, status int, media, answer string) Example {
	return Example{Section: section, What: what, Method: "GET", Target: target, Status: status, Media: media, Answer: answer}
}

// json200 is an example that reads and is answered 200 in JSON.
func json200(section, what, target, answer string) Example {
	return get(section, what, target, 200, asJSON, answer)
}

// text200 is an example that reads and is answered 200 with the bare value.
func text200(section, what, target, answer string) Example {
	return get(section, what, target, 200, asText, answer)
}

const (
	asJSON    = "application/json"
	asText    = "text/plain"
	asBytes   = "application/octet-stream"
	asProblem = "application/problem+json"
)

// with sends a header.
func (e Example) with(header string) Example {
	e.Header = header
	return e
}

// after sends another request first.
func (e Example) after(request string) Example {
	e.Before = request
	return e
}

// shows expects a header.
func (e Example) shows(header string) Example {
	e.Seen = header
	return e
}

// Requests is every route with every source and selector.
func Requests() []Example {
	return join(ssmRequests(), secretRequests(), dynamoDBRequests(), appConfigRequests(), cacheRequests(), dropInRequests(), flagRequests(), documentRequests(), refusedRequests())
}

func ssmRequests() []Example {
	const s = "SSM Parameter Store"
	return []Example{
		json200(s, "one", "/parameters/ssm/app/db", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`),
		json200(s, "one, `%2F`", "/parameters/ssm/%2Fapp%2Fdb", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`),
		json200(s, "one without levels", "/parameters/ssm/timeout", `{"name":"timeout","value":"250","version":"3","source":"ssm"}`),
		json200(s, "one by ARN", "/parameters/ssm/arn:aws:ssm:eu-west-1:123456789012:parameter/app/db", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`),
		json200(s, "version", "/parameters/ssm/app/db?version=2", `{"name":"/app/db","value":"postgres://old","version":"2","source":"ssm"}`),
		json200(s, "label", "/parameters/ssm/app/db?label=prod", `{"name":"/app/db","value":"postgres://old","version":"2","source":"ssm"}`),
		json200(s, "StringList", "/parameters/ssm/app/hosts", `{"name":"/app/hosts","value":"a,b","version":"3","source":"ssm"}`),
		json200(s, "SecureString as stored", "/parameters/ssm/app/key", `{"name":"/app/key","value":"AQICAHhV","version":"3","source":"ssm"}`),
		json200(s, "SecureString decrypted", "/parameters/ssm/app/key?decrypt=true", `{"name":"/app/key","value":"s3cr3t","version":"3","source":"ssm"}`),
		json200(s, "another region", "/parameters/ssm/app/db?region=us-east-1", `{"name":"/app/db","value":"postgres://of-the-other-region","version":"3","source":"ssm"}`),
		json200(s, "another account", "/parameters/ssm/app/db?role_arn=arn:aws:iam::210987654321:role/reader", `{"name":"/app/db","value":"postgres://of-the-other-account","version":"3","source":"ssm"}`),
		text200(s, "bare", "/parameters/ssm/app/db", `postgres://db`).with("Accept: text/plain"),
		text200(s, "bare, by argument", "/parameters/ssm/app/db?format=text", `postgres://db`),
		json200(s, "JSON", "/parameters/ssm/app/config.json?transform=json", `{"name":"/app/config.json","value":{"db":{"hosts":["h1","h2"]},"tags":["blue"]},"version":"3","source":"ssm","transform":"json"}`),
		json200(s, "JSON by suffix", "/parameters/ssm/app/config.json?transform=auto", `{"name":"/app/config.json","value":{"db":{"hosts":["h1","h2"]},"tags":["blue"]},"version":"3","source":"ssm","transform":"json"}`),
		text200(s, "a member, bare", "/parameters/ssm/app/config.json?key=db.hosts.0&format=text", `h1`),
		json200(s, "base64", "/parameters/ssm/app/greeting.binary?transform=binary", `{"name":"/app/greeting.binary","value":"hello","version":"3","source":"ssm","transform":"binary"}`),
		get(s, "base64, bare", "/parameters/ssm/app/greeting.binary?transform=binary&format=text", 200, asBytes, `hello`),
		json200(s, "failed transform as null", "/parameters/ssm/app/db?transform=json&raise_on_transform_error=false", `{"name":"/app/db","value":null,"version":"3","source":"ssm"}`).shows("X-Powertools-Error: transform_failed: /app/db: the value is not JSON (byte 0); check that the stored value is what transform and key expect, or read it without them"),
		get(s, "failed transform", "/parameters/ssm/app/db?transform=json", 422, asProblem, `{"type":"urn:powertools-extension:problem:transform_failed","title":"The value cannot be transformed","status":422,"detail":"/app/db: the value is not JSON (byte 0)","code":"transform_failed","aws_code":"NotJSON","cure":"check that the stored value is what transform and key expect, or read it without them"}`),
		json200(s, "fetched", "/parameters/ssm/app/db", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`).shows("X-Powertools-Cache: miss"),
		json200(s, "from the cache", "/parameters/ssm/app/db", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`).after("GET /parameters/ssm/app/db").shows("X-Powertools-Cache: hit"),
		json200(s, "from the cache by its other name", "/parameters/ssm/arn:aws:ssm:eu-west-1:123456789012:parameter/app/db", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`).after("GET /parameters/ssm/app/db").shows("X-Powertools-Cache: hit"),
		json200(s, "not stored", "/parameters/ssm/app/db", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`).after("GET /parameters/ssm/app/db?max_age=0").shows("X-Powertools-Cache: miss"),
		json200(s, "forced", "/parameters/ssm/app/db?force_fetch=true", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`).after("GET /parameters/ssm/app/db").shows("X-Powertools-Cache: refreshed"),
		json200(s, "refreshed after a rotation", "/parameters/ssm/app/db?refresh_if_version=3", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`).after("GET /parameters/ssm/app/db").shows("X-Powertools-Cache: refreshed"),
		json200(s, "refreshed by somebody else", "/parameters/ssm/app/db?refresh_if_version=2", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`).after("GET /parameters/ssm/app/db").shows("X-Powertools-Cache: hit"),
		get(s, "unchanged", "/parameters/ssm/app/db", 304, "", ``).with("If-None-Match: *"),
		json200(s, "path", "/parameters/ssm?path=/app/", `{"db":"postgres://db","hosts":"a,b","key":"AQICAHhV","config.json":"{\"db\":{\"hosts\":[\"h1\",\"h2\"]},\"tags\":[\"blue\"]}","greeting.binary":"aGVsbG8="}`),
		json200(s, "path, all levels", "/parameters/ssm?path=/app/&recursive=true&transform=auto", `{"db":"postgres://db","hosts":"a,b","key":"AQICAHhV","config.json":{"db":{"hosts":["h1","h2"]},"tags":["blue"]},"greeting.binary":"hello","api/url":"https://api"}`),
		json200(s, "path, one member of each", "/parameters/ssm?path=/app&key=tags.0", `{"db":null,"hosts":null,"key":null,"config.json":"blue","greeting.binary":null}`),
		json200(s, "path with nothing", "/parameters/ssm?path=/empty", `{}`),
		json200(s, "names", "/parameters/ssm?name=/app/db&name=timeout", `{"/app/db":"postgres://db","timeout":"250"}`),
		json200(s, "names, one missing", "/parameters/ssm?name=/app/db&name=/app/nothing", `{"/app/db":"postgres://db","_errors":{"/app/nothing":{"code":"not_found","detail":"/app/nothing in eu-west-1: the parameter does not exist"}}}`),
		get(s, "names, one missing, strict", "/parameters/ssm?name=/app/db&name=/app/nothing&raise_on_error=true", 404, asProblem, `{"type":"urn:powertools-extension:problem:not_found","title":"Not found","status":404,"detail":"/app/nothing in eu-west-1: the parameter does not exist","code":"not_found","aws_code":"ParameterNotFound","cure":"check the name, its version or label, and the region"}`),
		{Section: s, What: "write", Method: "PUT", Target: "/parameters/ssm/app/db?overwrite=true", Body: "postgres://new", Status: 200, Media: asJSON, Answer: `{"name":"/app/db","version":"4","source":"ssm"}`},
		{Section: s, What: "write what exists", Method: "PUT", Target: "/parameters/ssm/app/db", Body: "postgres://new", Status: 400, Media: asProblem, Answer: `{"type":"urn:powertools-extension:problem:rejected_by_service","title":"Rejected by the service","status":400,"detail":"/app/db in eu-west-1: the parameter exists","code":"rejected_by_service","aws_code":"ParameterAlreadyExists","cure":"add overwrite=true"}`},
		json200(s, "read what was written", "/parameters/ssm/app/db", `{"name":"/app/db","value":"postgres://new","version":"4","source":"ssm"}`).after("PUT /parameters/ssm/app/db?overwrite=true"),
	}
}

func secretRequests() []Example {
	const s = "Secrets Manager"
	return []Example{
		json200(s, "one", "/parameters/secrets/app/db", `{"name":"app/db","value":"{\"user\":\"app\",\"password\":\"p>w\"}","version":"v2","source":"secrets"}`),
		json200(s, "one by ARN", "/parameters/secrets/arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf", `{"name":"app/db","value":"{\"user\":\"app\",\"password\":\"p>w\"}","version":"v2","source":"secrets"}`),
		text200(s, "a member, bare", "/parameters/secrets/app/db?key=password&format=text", `p>w`),
		json200(s, "version", "/parameters/secrets/app/db?version_id=v1", `{"name":"app/db","value":"{\"user\":\"app\",\"password\":\"old\"}","version":"v1","source":"secrets"}`),
		json200(s, "stage", "/parameters/secrets/app/db?version_stage=AWSPREVIOUS&transform=json", `{"name":"app/db","value":{"user":"app","password":"old"},"version":"v1","source":"secrets","transform":"json"}`),
		json200(s, "bytes", "/parameters/secrets/keystore", `{"name":"keystore","value":"yv4=","version":"v2","source":"secrets","encoding":"base64"}`),
		get(s, "bytes, bare", "/parameters/secrets/keystore", 200, asBytes, `"\xca\xfe"`).with("Accept: text/plain"),
		json200(s, "another account", "/parameters/secrets/app/db?key=user&role_arn=arn:aws:iam::210987654321:role/reader", `{"name":"app/db","value":"other","version":"v2","source":"secrets"}`),
		get(s, "missing", "/parameters/secrets/nothing", 404, asProblem, `{"type":"urn:powertools-extension:problem:not_found","title":"Not found","status":404,"detail":"nothing in eu-west-1: the secret does not exist","code":"not_found","aws_code":"ResourceNotFoundException","cure":"check the name, its version or label, and the region"}`),
		get(s, "not allowed", "/parameters/secrets/denied", 403, asProblem, `{"type":"urn:powertools-extension:problem:access_denied","title":"Access denied by the service","status":403,"detail":"denied in eu-west-1: the role may not read it","code":"access_denied","aws_code":"AccessDeniedException","cure":"allow secretsmanager:GetSecretValue on denied"}`),
		json200(s, "names", "/parameters/secrets?name=app/db&name=keystore", `{"app/db":"{\"user\":\"app\",\"password\":\"p>w\"}","keystore":"yv4="}`),
		json200(s, "names, a member of each, one not allowed", "/parameters/secrets?name=app/db&name=denied&key=user", `{"app/db":"app","_errors":{"denied":{"code":"access_denied","detail":"denied in eu-west-1: the role may not read it"}}}`),
		{Section: s, What: "write", Method: "PUT", Target: "/parameters/secrets/new", Body: "s3cr3t", Status: 200, Media: asJSON, Answer: `{"name":"new","version":"v3","source":"secrets"}`},
	}
}

func dynamoDBRequests() []Example {
	const s = "DynamoDB"
	return []Example{
		json200(s, "value: text", "/parameters/dynamodb/flags/name", `{"name":"name","value":"orders","version":null,"source":"dynamodb"}`),
		json200(s, "value: number", "/parameters/dynamodb/flags/limit", `{"name":"limit","value":12.50,"version":null,"source":"dynamodb"}`),
		text200(s, "value: number, bare", "/parameters/dynamodb/flags/limit?format=text", `12.50`),
		json200(s, "value: map and list", "/parameters/dynamodb/flags/rules", `{"name":"rules","value":{"hosts":["a","b"],"on":true},"version":null,"source":"dynamodb"}`),
		text200(s, "value: a member, bare", "/parameters/dynamodb/flags/rules?key=hosts.1&format=text", `b`),
		json200(s, "value: bytes", "/parameters/dynamodb/flags/cert", `{"name":"cert","value":"yv4=","version":null,"source":"dynamodb","encoding":"base64"}`),
		json200(s, "sort key", "/parameters/dynamodb/tenants/acme?sort=limit", `{"name":"limit","value":12.50,"version":null,"source":"dynamodb"}`),
		json200(s, "another attribute", "/parameters/dynamodb/flags/limit?value_attr=unit", `{"name":"limit","value":"orders","version":null,"source":"dynamodb"}`),
		json200(s, "whole item", "/parameters/dynamodb/flags/limit?item=true", `{"name":"limit","value":{"id":"limit","unit":"orders","value":12.50},"version":null,"source":"dynamodb"}`),
		json200(s, "table by ARN", "/parameters/dynamodb/arn:aws:dynamodb:eu-west-1:123456789012:table/flags/name", `{"name":"name","value":"orders","version":null,"source":"dynamodb"}`),
		json200(s, "consistent", "/parameters/dynamodb/flags/name?consistent=true", `{"name":"name","value":"orders","version":null,"source":"dynamodb"}`),
		json200(s, "all sort keys", "/parameters/dynamodb/tenants?key=acme", `{"limit":12.50,"name":"Acme"}`),
		json200(s, "all sort keys of an unknown key", "/parameters/dynamodb/tenants?key=nobody", `{}`),
		get(s, "missing", "/parameters/dynamodb/flags/nothing", 404, asProblem, `{"type":"urn:powertools-extension:problem:not_found","title":"Not found","status":404,"detail":"flags/nothing in eu-west-1: the table has no such item","code":"not_found","aws_code":"ItemNotFound","cure":"check the name, its version or label, and the region"}`),
	}
}

func appConfigRequests() []Example {
	const s = "AppConfig"
	return []Example{
		json200(s, "configuration as text", "/parameters/appconfig/shop/prod/flags", `{"name":"shop/prod/flags","value":"{\"checkout\":{\"enabled\":true,\"limit\":10},\"search\":{\"enabled\":false}}","version":"12","source":"appconfig","content_type":"application/json"}`),
		json200(s, "configuration as JSON", "/parameters/appconfig/shop/prod/flags?transform=json", `{"name":"shop/prod/flags","value":{"checkout":{"enabled":true,"limit":10},"search":{"enabled":false}},"version":"12","source":"appconfig","content_type":"application/json","transform":"json"}`),
		text200(s, "configuration, bare", "/parameters/appconfig/shop/prod/flags", `{"checkout":{"enabled":true,"limit":10},"search":{"enabled":false}}`).with("Accept: text/plain"),
		json200(s, "one flag", "/parameters/appconfig/shop/prod/flags?flag=checkout", `{"name":"shop/prod/flags","value":{"enabled":true,"limit":10},"version":"12","source":"appconfig","content_type":"application/json"}`),
		json200(s, "several flags", "/parameters/appconfig/shop/prod/flags?flag=checkout&flag=search", `{"name":"shop/prod/flags","value":{"checkout":{"enabled":true,"limit":10},"search":{"enabled":false}},"version":"12","source":"appconfig","content_type":"application/json"}`),
		text200(s, "an attribute of a flag, bare", "/parameters/appconfig/shop/prod/flags?flag=checkout&key=enabled&format=text", `true`),
		get(s, "unknown flag", "/parameters/appconfig/shop/prod/flags?flag=nothing", 404, asProblem, `{"type":"urn:powertools-extension:problem:not_found","title":"Not found","status":404,"detail":"shop/prod/flags: its value has no member \"nothing\"","code":"not_found","aws_code":"KeyNotFound","cure":"check the name, its version or label, and the region"}`),
		text200(s, "freeform, bare", "/parameters/appconfig/shop/prod/banner?format=text", `<b>Sale</b>`),
	}
}

func cacheRequests() []Example {
	const s = "The cache"
	return []Example{
		json200(s, "what it holds", "/parameters/cache", `{"entries":[{"ref":"ssm:/app/key?decrypt=true","source":"ssm","name":"/app/key","decrypt":true,"version":"3","state":"hit","age":0,"hits":0,"size":290}],"count":1,"bytes":290}`).after("GET /parameters/ssm/app/key?decrypt=true"),
		{Section: s, What: "forget one", Before: "GET /parameters/ssm/app/key?decrypt=true", Method: "DELETE", Target: "/parameters/cache?ref=ssm:/app/key", Status: 200, Media: asJSON, Answer: `{"purged":1}`},
		{Section: s, What: "forget all", Before: "GET /parameters/ssm?path=/app", Method: "DELETE", Target: "/parameters/cache", Status: 200, Media: asJSON, Answer: `{"purged":1}`},
		json200(s, "read after it was forgotten", "/parameters/ssm/app/db", `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`).after("DELETE /parameters/cache").shows("X-Powertools-Cache: miss"),
	}
}

func dropInRequests() []Example {
	const official, agent, appConfig = "In place of the AWS Parameters and Secrets Lambda Extension", "In place of the AWS Secrets Manager Agent", "In place of the AWS AppConfig Agent"
	const configuration = "/applications/shop/environments/prod/configurations/"
	port := func(e Example) Example {
		e.Port = 2772
		return e
	}
	return []Example{
		json200(official, "parameter", "/systemsmanager/parameters/get?name=%2Fapp%2Fdb", `{"Parameter":{"ARN":"arn:aws:ssm:eu-west-1:123456789012:parameter/app/db","DataType":"text","LastModifiedDate":"2026-01-03T12:00:00.25Z","Name":"/app/db","Selector":null,"SourceResult":null,"Type":"String","Value":"postgres://db","Version":3},"ResultMetadata":{}}`),
		json200(official, "slashes as they are", "/systemsmanager/parameters/get/?name=/app/db", `{"Parameter":{"ARN":"arn:aws:ssm:eu-west-1:123456789012:parameter/app/db","DataType":"text","LastModifiedDate":"2026-01-03T12:00:00.25Z","Name":"/app/db","Selector":null,"SourceResult":null,"Type":"String","Value":"postgres://db","Version":3},"ResultMetadata":{}}`),
		json200(official, "version, and a label that comes second", "/systemsmanager/parameters/get?name=/app/db&version=2&label=prod", `{"Parameter":{"ARN":"arn:aws:ssm:eu-west-1:123456789012:parameter/app/db","DataType":"text","LastModifiedDate":"2026-01-02T12:00:00.25Z","Name":"/app/db","Selector":":2","SourceResult":null,"Type":"String","Value":"postgres://old","Version":2},"ResultMetadata":{}}`),
		json200(official, "decrypted", "/systemsmanager/parameters/get?name=/app/key&withDecryption=true", `{"Parameter":{"ARN":"arn:aws:ssm:eu-west-1:123456789012:parameter/app/key","DataType":"text","LastModifiedDate":"2026-01-03T12:00:00.25Z","Name":"/app/key","Selector":null,"SourceResult":null,"Type":"SecureString","Value":"s3cr3t","Version":3},"ResultMetadata":{}}`),
		text200(official, "bare", "/systemsmanager/parameters/get?name=/app/db", `postgres://db`).with("Accept: text/plain"),
		get(official, "missing", "/systemsmanager/parameters/get?name=/app/nothing", 400, asText, `an unexpected error occurred while executing request`).shows("X-Amzn-Errortype: ParameterNotFound"),
		json200(official, "secret", "/secretsmanager/get?secretId=app/db", `{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf","CreatedDate":"2026-01-03T12:00:00.25Z","Name":"app/db","SecretBinary":null,"SecretString":"{\"user\":\"app\",\"password\":\"p\u003ew\"}","VersionId":"v2","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`),
		json200(official, "secret: bytes", "/secretsmanager/get?secretId=keystore", `{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:keystore-AbCdEf","CreatedDate":"2026-01-03T12:00:00.25Z","Name":"keystore","SecretBinary":"yv4=","SecretString":null,"VersionId":"v2","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`),
		json200(official, "secret: stage", "/secretsmanager/get?secretId=app/db&versionStage=AWSPREVIOUS", `{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf","CreatedDate":"2026-01-02T12:00:00.25Z","Name":"app/db","SecretBinary":null,"SecretString":"{\"user\":\"app\",\"password\":\"old\"}","VersionId":"v1","VersionStages":["AWSPREVIOUS"],"ResultMetadata":{}}`),
		json200(official, "secret: fetched now", "/secretsmanager/get?secretId=app/db&refreshNow=true", `{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf","CreatedDate":"2026-01-03T12:00:00.25Z","Name":"app/db","SecretBinary":null,"SecretString":"{\"user\":\"app\",\"password\":\"p\u003ew\"}","VersionId":"v2","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`).after("GET /secretsmanager/get?secretId=app/db").shows("X-Powertools-Cache: refreshed"),

		json200(agent, "secret", "/v1/app/db", `{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf","Name":"app/db","VersionId":"v2","SecretString":"{\"user\":\"app\",\"password\":\"p>w\"}","VersionStages":["AWSCURRENT"],"CreatedDate":"1767441600.25"}`),
		json200(agent, "secret: bytes", "/v1/keystore", `{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:keystore-AbCdEf","Name":"keystore","VersionId":"v2","SecretBinary":"yv4=","VersionStages":["AWSCURRENT"],"CreatedDate":"1767441600.25"}`),
		json200(agent, "secret: version", "/v1/app/db?versionId=v1", `{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf","Name":"app/db","VersionId":"v1","SecretString":"{\"user\":\"app\",\"password\":\"old\"}","VersionStages":["AWSPREVIOUS"],"CreatedDate":"1767355200.25"}`),
		json200(agent, "secret: another account", "/v1/app/db?roleArn=arn:aws:iam::210987654321:role/reader", `{"ARN":"arn:aws:secretsmanager:eu-west-1:210987654321:secret:app/db-GhIjKl","Name":"app/db","VersionId":"v2","SecretString":"{\"user\":\"other\"}","VersionStages":["AWSCURRENT"],"CreatedDate":"1767441600.25"}`),
		text200(agent, "bare", "/v1/app/db", `{"user":"app","password":"p>w"}`).with("Accept: text/plain"),
		get(agent, "missing", "/v1/nothing", 400, asJSON, `{"__type":"ResourceNotFoundException", "message":"the secret does not exist"}`),
		get(agent, "unknown argument", "/v1/app/db?stage=x", 400, asText, `unknown parameter: stage`),
		{Section: agent, What: "another method", Method: "POST", Target: "/v1/app/db", Status: 405, Media: asText, Answer: `Not allowed`},

		port(json200(appConfig, "configuration", configuration+"flags", `{"checkout":{"enabled":true,"limit":10},"search":{"enabled":false}}`)).shows("Configuration-Version: 12"),
		port(json200(appConfig, "flag", configuration+"flags?flag=checkout", `{"enabled":true,"limit":10}`)),
		port(json200(appConfig, "flags", configuration+"flags?flag=checkout&flag=search", `{"checkout":{"enabled":true,"limit":10},"search":{"enabled":false}}`)),
		port(get(appConfig, "another type", configuration+"banner", 200, "text/html", `<b>Sale</b>`)),
		port(get(appConfig, "missing", configuration+"nothing", 404, asText, `not_found: shop/prod/nothing in eu-west-1: there is no such configuration; check the name, its version or label, and the region`)),
		json200(appConfig, "on the other port, with a token", configuration+"flags?flag=search", `{"enabled":false}`),
		port(text200(appConfig, "ping", "/ping", `healthy`)),
	}
}

func refusedRequests() []Example {
	const s = "Refused"
	refused := func(what, target string, status int, answer string) Example {
		return get(s, what, target, status, asProblem, answer)
	}
	return []Example{
		refused("misspelt argument", "/parameters/ssm/app/db?maxage=5", 400, `{"type":"urn:powertools-extension:problem:unknown_argument","title":"Unknown argument","status":400,"detail":"unknown query argument maxage: did you mean max_age?","code":"unknown_argument"}`),
		refused("bad value", "/parameters/ssm/app/db?max_age=soon", 400, `{"type":"urn:powertools-extension:problem:bad_argument","title":"Bad argument","status":400,"detail":"query argument max_age: want seconds from 0 (do not store) to 31536000, or a duration such as 90s or 5m","code":"bad_argument"}`),
		refused("version and label", "/parameters/ssm/app/db?version=1&label=prod", 400, `{"type":"urn:powertools-extension:problem:bad_argument","title":"Bad argument","status":400,"detail":"query arguments version and label exclude each other","code":"bad_argument"}`),
		refused("bad role", "/parameters/ssm/app/db?role_arn=reader", 400, `{"type":"urn:powertools-extension:problem:bad_argument","title":"Bad argument","status":400,"detail":"query argument role_arn: want a role such as arn:aws:iam::123456789012:role/reader","code":"bad_argument"}`),
		refused("a control character", "/parameters/ssm/a%00b", 400, `{"type":"urn:powertools-extension:problem:bad_request","title":"Malformed request","status":400,"detail":"the parameter name in the path holds a control character","code":"bad_request"}`),
		refused("no path and no name", "/parameters/ssm", 400, `{"type":"urn:powertools-extension:problem:missing_argument","title":"Missing argument","status":400,"detail":"query argument path or name is missing","code":"missing_argument"}`),
		refused("a name that cannot be", "/parameters/ssm?name=_errors", 400, `{"type":"urn:powertools-extension:problem:bad_argument","title":"Bad argument","status":400,"detail":"query argument name: _errors is where the answer tells what failed; read it alone","code":"bad_argument"}`),
		refused("misspelt route", "/parameter/ssm/app/db", 404, `{"type":"urn:powertools-extension:problem:unknown_route","title":"Unknown route","status":404,"detail":"no route matches the path","code":"unknown_route","cure":"GET /openapi.json lists the routes","near":["GET /parameters/ssm","GET /parameters/ssm/{name…}","PUT /parameters/ssm/{name…}"]}`),
		refused("a web page", "/parameters/ssm/app/db", 403, `{"type":"urn:powertools-extension:problem:origin_not_allowed","title":"Browser request","status":403,"detail":"the request carries the header Origin","code":"origin_not_allowed","cure":"call the API from the function's code: a request with an Origin or Sec-Fetch-Site header comes from a web page"}`).with("Origin: http://localhost:3000"),
		refused("through a proxy", "/parameters/ssm/app/db", 400, `{"type":"urn:powertools-extension:problem:forwarded_request","title":"Forwarded request","status":400,"detail":"the request carries the header X-Forwarded-*","code":"forwarded_request","cure":"call http://127.0.0.1 directly, without a proxy: X-Forwarded-*, Forwarded and Via are not accepted"}`).with("X-Forwarded-For: 10.0.0.1"),
	}
}

// post is an example with a body.
func post(section, what, target, body string, status int, media, answer string) Example {
	return Example{Section: section, What: what, Method: "POST", Target: target, Body: body, Status: status, Media: media, Answer: answer}
}

func flagRequests() []Example {
	const s, from = "Feature flags", "source=appconfig:shop/prod/features"
	return []Example{
		json200(s, "one", "/flags/beta?"+from+"&context.tier=gold&context.age=21", `{"name":"beta","value":true,"reason":"rule","rule":"gold customers","version":null}`),
		text200(s, "one, bare", "/flags/beta?"+from+"&context.tier=gold&format=text", `true`),
		json200(s, "no rule matches", "/flags/beta?"+from+"&context.s:tier=7", `{"name":"beta","value":false,"reason":"default","version":null}`),
		json200(s, "one that is not there", "/flags/gamma?"+from+"&default=10", `{"name":"gamma","value":10,"reason":"missing","version":null}`),
		json200(s, "inside an envelope", "/flags/beta?source=ssm:/config/flags&envelope=features&default=false", `{"name":"beta","value":false,"reason":"default","version":"3"}`),
		json200(s, "what there is", "/flags?"+from, `{"features":[{"name":"beta","type":"boolean","rules":1},{"name":"limit","type":"json","rules":0}],"version":null}`),
		json200(s, "what there is, inside an envelope", "/flags?source=ssm:/config/flags&envelope=features", `{"features":[{"name":"beta","type":"boolean","rules":0}],"version":"3"}`),
		post(s, "with a context of its own types", "/flags/beta?"+from, `{"context":{"tier":"gold"},"default":false}`, 200, asJSON, `{"name":"beta","value":true,"reason":"rule","rule":"gold customers","version":null}`),
		post(s, "several, and which are enabled", "/flags?"+from, `{"context":{"tier":"gold"}}`, 200, asJSON, `{"values":{"beta":true,"limit":10},"enabled":["beta","limit"],"version":null}`),
		post(s, "several, inside an envelope", "/flags?source=ssm:/config/flags&envelope=features", `{"names":["beta","gamma"],"defaults":{"gamma":1}}`, 200, asJSON, `{"values":{"beta":false,"gamma":1},"enabled":[],"version":"3"}`),
		post(s, "one, inside an envelope", "/flags/beta?source=ssm:/config/flags&envelope=features", `{}`, 200, asJSON, `{"name":"beta","value":false,"reason":"default","version":"3"}`),
		get(s, "a document that is none", "/flags/beta?source=ssm:/app/db", 422, asProblem, `{"type":"urn:powertools-extension:problem:bad_flags","title":"The feature flag document cannot be used","status":422,"detail":"feature flags: the document is not JSON","code":"bad_flags","cure":"correct the document at the place that detail names; the last good version stays in force once there was one"}`),
	}
}

func documentRequests() []Example {
	const s = "Expressions and schemas"
	return []Example{
		post(s, "a JMESPath expression", "/jmespath?expression=powertools_json(body).order.id", `{"body":"{\"order\":{\"id\":9007199254740993}}"}`, 200, asJSON, `9007199254740993`),
		post(s, "a string, bare", "/jmespath?expression=detail.type&format=text", `{"detail":{"type":"created"}}`, 200, asText, `created`),
		post(s, "an expression with a mistake", "/jmespath?expression=detail.", `{}`, 422, asProblem, `{"type":"urn:powertools-extension:problem:bad_expression","title":"The expression cannot be used","status":422,"detail":"expression, position 7: the expression ends too early","code":"bad_expression","cure":"correct it at the position that detail names; the functions are those of the original JMESPath specification and powertools_json, powertools_base64, powertools_base64_gzip"}`),
		post(s, "the records of an event", "/events/decode", `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"partitionKey":"1","sequenceNumber":"4959","data":"eyJpZCI6MX0="}}]}`, 200, asJSON, `{"source":"kinesis","http":false,"records":[{"id":"4959","partition_key":"1","data":"{\"id\":1}","json":{"id":1}}]}`),
		post(s, "an event that is no JSON", "/events/decode", `{"Records":`, 400, asProblem, `{"type":"urn:powertools-extension:problem:body_not_json","title":"The body is not JSON","status":400,"detail":"the body is not JSON in UTF-8, or nested more than 1000 levels","code":"body_not_json","cure":"send one JSON document in UTF-8"}`),
		json200(s, "the schema of an error of the proxy", "/schemas/invocation-error.json", `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"An error that a hook gives in the function's place where the event is no HTTP request.","type":"object","additionalProperties":false,"required":["errorMessage","errorType","stackTrace"],"properties":{"errorMessage":{"type":"string"},"errorType":{"type":"string"},"stackTrace":{"type":"array","maxItems":0}}}`),
		post(s, "data that fits", "/validate", `{"schema":{"required":["id"]},"data":{"id":1}}`, 200, asJSON, `{"valid":true}`),
		post(s, "data that does not", "/validate", `{"schema":{"properties":{"qty":{"minimum":1}}},"data":{"body":"{\"qty\":0}"},"envelope":"powertools_json(body)"}`, 200, asJSON, `{"valid":false,"errors":[{"path":"/qty","keyword":"minimum"}]}`),
		post(s, "the same, bare", "/validate?format=text", `{"schema":{"required":["id"]},"data":{}}`, 200, asText, `/id required`),
	}
}
