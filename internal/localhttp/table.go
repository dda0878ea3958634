package localhttp

// Routes is the table. It is built anew for each call so that nothing is
// initialised before main. The most frequent routes come first.
func Routes() []Route {
	return append(append(parameterRoutes(), dropInRoutes()...), otherRoutes()...)
}

func parameterRoutes() []Route {
	return []Route{
		{
			Method: "GET", Pattern: "/parameters/ssm/{name…}", serve: getSSM,
			Summary: "Read one parameter of AWS Systems Manager Parameter Store",
			Detail: "A name with levels gets its leading slash back: `/parameters/ssm/app/db` reads `/app/db`, `/parameters/ssm/db` reads `db`, " +
				"`/parameters/ssm/%2Fdb` reads `/db`. An ARN works as it is, escaped or not.",
			Params: params(
				[]Param{
					{Name: "name", In: InPath, Type: "string", Required: true, Summary: "name or ARN; `/` and `%2F` are the same"},
					{Name: "decrypt", In: InQuery, Type: "boolean", Default: "POWERTOOLS_PARAMETERS_SSM_DECRYPT", Summary: "decrypt a SecureString"},
					{Name: "version", In: InQuery, Type: "integer", Summary: "this version; not together with label"},
					{Name: "label", In: InQuery, Type: "string", Summary: "the version with this label"},
				}, readParams()),
			Answers: readAnswers(), Errors: readErrors(),
		},
		{
			Method: "GET", Pattern: "/parameters/secrets/{id…}", serve: getSecret,
			Summary: "Read one secret of AWS Secrets Manager",
			Detail:  "A binary secret is base64 with `\"encoding\":\"base64\"` in JSON, and the bytes themselves as `application/octet-stream` when text is asked for.",
			Params: params(
				[]Param{
					{Name: "id", In: InPath, Type: "string", Required: true, Summary: "name, partial ARN or ARN; `/` and `%2F` are the same"},
					{Name: "version_id", In: InQuery, Type: "string", Summary: "this version"},
					{Name: "version_stage", In: InQuery, Type: "string", Default: "AWSCURRENT", Summary: "the version with this staging label"},
				}, readParams()),
			Answers: readAnswers(), Errors: readErrors(),
		},
		{
			Method: "GET", Pattern: "/parameters/dynamodb/{table}/{key…}", serve: getDynamoDB,
			Summary: "Read one value of an Amazon DynamoDB table",
			Detail: "The table has the layout of Powertools: the key in `id`, an optional sort key in `sk`, the value in `value`. " +
				"A value that is not a string is a JSON value in the answer.",
			Params: params(
				[]Param{
					{Name: "table", In: InPath, Type: "string", Required: true, Summary: "name or ARN of the table"},
					{Name: "key", In: InPath, Type: "string", Required: true, Summary: "value of the partition key; `/` and `%2F` are the same"},
					{Name: "sort", In: InQuery, Type: "string", Summary: "value of the sort key, for a table that has one"},
					{Name: "key_attr", In: InQuery, Type: "string", Default: "POWERTOOLS_PARAMETERS_DYNAMODB_KEY_ATTR", Summary: "name of the partition key"},
					{Name: "sort_attr", In: InQuery, Type: "string", Default: "POWERTOOLS_PARAMETERS_DYNAMODB_SORT_ATTR", Summary: "name of the sort key"},
					{Name: "value_attr", In: InQuery, Type: "string", Default: "POWERTOOLS_PARAMETERS_DYNAMODB_VALUE_ATTR", Summary: "name of the attribute to read"},
					{Name: "consistent", In: InQuery, Type: "boolean", Default: "false", Summary: "strongly consistent read"},
					{Name: "item", In: InQuery, Type: "boolean", Default: "false", Summary: "the whole item, typed, instead of one attribute"},
				}, readParams()),
			Answers: readAnswers(), Errors: readErrors(),
		},
	}
}

// readParams are the arguments of every parameter route.
func readParams() []Param {
	return []Param{
		{Name: "max_age", In: InQuery, Type: "seconds", Default: "POWERTOOLS_PARAMETERS_MAX_AGE", Summary: "greatest age of a cached value, as seconds or as `90s`, `5m`; 0: do not store"},
		{Name: "force_fetch", In: InQuery, Type: "boolean", Default: "false", Summary: "fetch even when the cached value is fresh"},
		{Name: "refresh_if_version", In: InQuery, Type: "string", Summary: "fetch only if the cached value still has this version: for retrying after a rotation"},
		{Name: "transform", In: InQuery, Type: "string", Allowed: []string{"json", "binary", "auto"}, Summary: "`json`: the JSON value itself; `binary`: base64-decoded; `auto`: by the name's end, `.json` or `.binary`"},
		{Name: "raise_on_transform_error", In: InQuery, Type: "boolean", Default: "true", Summary: "false: a failed transform gives null, and the reason in `X-Powertools-Error`"},
		{Name: "key", In: InQuery, Type: "string", Summary: "one member of a JSON value, as a dotted path: `db.password`, `hosts.0`"},
		{Name: "region", In: InQuery, Type: "string", Summary: "AWS region to read from; default: the one in the ARN, else the function's"},
		{Name: "format", In: InQuery, Type: "string", Allowed: []string{"json", "text"}, Summary: "`text`: the bare value, no newline added; default: by `Accept`, where `text/plain` means text"},
		{Name: "If-None-Match", In: InHeader, Type: "string", Summary: "`ETag` of an earlier answer: 304 if nothing changed"},
	}
}

func params(lists ...[]Param) []Param {
	var all []Param
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func readAnswers() []Answer {
	return []Answer{
		{Status: 200, Summary: "the value", Media: []Media{
			{Type: "application/json", Schema: "Parameter", Example: `{"name":"/app/db","value":"postgres://db","version":"3","source":"ssm"}`},
			{Type: "text/plain; charset=utf-8", Example: "postgres://db"},
			{Type: "application/octet-stream"},
		}},
		{Status: 304, Summary: "the value is the one of If-None-Match"},
	}
}

func readErrors() []Code {
	return []Code{
		CodeBadRequest, CodeMissing, CodeUnknownArgument, CodeBadArgument,
		CodeNotFound, CodeAccessDenied, CodeThrottled, CodeRejected,
		CodeTimeout, CodeUnreachable, CodeUpstream, CodeTransform, CodeUnavailable,
	}
}

func dropInRoutes() []Route {
	return []Route{
		{
			Method: "GET", Pattern: "/systemsmanager/parameters/get", Slash: true, DropIn: true, serve: getOfficialParameter,
			Summary: "Read one parameter as from the AWS Parameters and Secrets Lambda Extension",
			Detail: "Answers byte for byte what that extension answers. Of `version` and `label` the one that comes first in the URL counts. Unknown arguments are ignored. " +
				"`Accept: text/plain` gives the bare value.",
			Params: []Param{
				{Name: "name", In: InQuery, Type: "string", Required: true, Summary: "name or ARN"},
				{Name: "version", In: InQuery, Type: "string", Summary: "this version"},
				{Name: "label", In: InQuery, Type: "string", Summary: "the version with this label"},
				{Name: "withDecryption", In: InQuery, Type: "boolean", Default: "false", Summary: "decrypt a SecureString"},
				refreshNow(),
			},
			Answers: dropInAnswers("GetParameter", officialParameterExample), Errors: dropInErrors(),
		},
		{
			Method: "GET", Pattern: "/secretsmanager/get", Slash: true, DropIn: true, serve: getOfficialSecret,
			Summary: "Read one secret as from the AWS Parameters and Secrets Lambda Extension",
			Detail:  "Answers byte for byte what that extension answers. Unknown arguments are ignored. `Accept: text/plain` gives the bare value.",
			Params: []Param{
				{Name: "secretId", In: InQuery, Type: "string", Required: true, Summary: "name or ARN"},
				{Name: "versionId", In: InQuery, Type: "string", Summary: "this version"},
				{Name: "versionStage", In: InQuery, Type: "string", Default: "AWSCURRENT", Summary: "the version with this staging label"},
				refreshNow(),
			},
			Answers: dropInAnswers("GetSecretValue", officialSecretExample), Errors: dropInErrors(),
		},
	}
}

func refreshNow() Param {
	return Param{Name: "refreshNow", In: InQuery, Type: "boolean", Default: "false", Summary: "fetch even when the cached value is fresh"}
}

const (
	officialParameterExample = `{"Parameter":{"ARN":"arn:aws:ssm:eu-west-1:123456789012:parameter/app/db","DataType":"text","LastModifiedDate":"2026-01-31T12:00:00.25Z",` +
		`"Name":"/app/db","Selector":null,"SourceResult":null,"Type":"String","Value":"postgres://db","Version":3},"ResultMetadata":{}}`
	officialSecretExample = `{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf","CreatedDate":"2026-01-31T12:00:00.25Z","Name":"db",` +
		`"SecretBinary":null,"SecretString":"{\"user\":\"app\"}","VersionId":"a1b2","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`
)

func dropInAnswers(schema, example string) []Answer {
	return []Answer{
		{Status: 200, Summary: "the service's answer", Media: []Media{
			{Type: "application/json", Schema: schema, Example: example},
			{Type: "text/plain; charset=utf-8"},
			{Type: "application/octet-stream"},
		}},
		{Status: 304, Summary: "the value is the one of If-None-Match"},
		{Status: 400, Summary: "any failure; its kind is in `X-Amzn-ErrorType`, what happened and the cure in `X-Powertools-Error`", Media: []Media{
			{Type: "text/plain; charset=utf-8", Example: officialFailure},
		}},
		{Status: 401, Summary: "wrong or missing token", Media: []Media{
			{Type: "text/plain; charset=utf-8", Example: officialUnauthorized},
		}},
	}
}

func dropInErrors() []Code { return []Code{CodeUnavailable} }

func otherRoutes() []Route {
	return []Route{
		{
			Method: "POST", Pattern: "/metrics", serve: postMetrics,
			Summary: "Record custom metrics",
			Detail: "They are aggregated and written in CloudWatch's Embedded Metric Format when the invocation ends. The body is one object, an array of objects, or one object per line; " +
				"what is wrong is told per object and costs nothing else. At most 256 KiB.",
			Body: &Media{Type: "application/json", Schema: "MetricsBody",
				Example: `{"dimensions":{"stage":"prod"},"metrics":[{"name":"orders","unit":"Count","value":1}]}`},
			Answers: []Answer{{Status: 202, Summary: "at least one metric was understood", Media: []Media{
				{Type: "application/json", Schema: "MetricsResult", Example: `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1].unit","reason":"unknown unit \"count\": did you mean Count?"}]}`},
			}}},
			Errors: []Code{CodeBodySyntax, CodeBodyTooLarge, CodeBodyTimeout, CodeBodyEncoding, CodeBadRequest, CodeUnknownArgument, CodeUnavailable},
		},
		{
			Method: "GET", Pattern: "/context", serve: getContext,
			Summary: "The invocation that runs now, and the function",
			Detail:  "For shells and for languages without a context object. Outside an invocation the invocation's members are null.",
			Params: []Param{
				{Name: "key", In: InQuery, Type: "string", Summary: "the bare value of this member only"},
			},
			Answers: []Answer{{Status: 200, Summary: "the context", Media: []Media{
				{Type: "application/json", Schema: "Context"},
				{Type: "text/plain; charset=utf-8"},
			}}},
			Errors: []Code{CodeUnknownArgument, CodeBadArgument, CodeUnavailable},
		},
		{
			Method: "GET", Pattern: "/ping", Open: true, serve: getPing,
			Summary: "Whether anybody listens",
			Answers: []Answer{{Status: 200, Summary: "yes", Media: []Media{{Type: "text/plain; charset=utf-8", Example: "healthy"}}}},
		},
		{
			Method: "GET", Pattern: "/healthz", Open: true, serve: getHealth,
			Summary: "State, version, features, and what is degraded and why",
			Answers: []Answer{{Status: 200, Summary: "the state, whatever it is", Media: []Media{
				{Type: "application/json", Schema: "Health", Example: `{"state":"ok","version":"1.0.0","features":["parameters","metrics"],"degraded":[]}`},
			}}},
		},
		{
			Method: "GET", Pattern: "/openapi.json", serve: getOpenAPI,
			Summary: "This API as an OpenAPI 3.1 document",
			Answers: []Answer{{Status: 200, Summary: "the document", Media: []Media{{Type: "application/json", Schema: "Document"}}}},
		},
	}
}
