package apidoc

import (
	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/localhttp/wire"
)

func dropInRoutes() []Route {
	return join(officialRoutes(), agentRoutes())
}

func officialRoutes() []Route {
	return []Route{
		{
			Route:   route("GET", "/systemsmanager/parameters/get"),
			Summary: "Read one parameter as from the AWS Parameters and Secrets Lambda Extension",
			Detail: "Answers byte for byte what that extension answers. Of `version` and `label` the one that comes first in the URL counts. Unknown arguments are ignored. " +
				"`Accept: text/plain` gives the bare value.",
			Params: []Param{
				{Name: "name", In: InQuery, Type: "string", Required: true, Summary: "name or ARN"},
				{Name: "version", In: InQuery, Type: "string", Summary: "this version"},
				{Name: "label", In: InQuery, Type: "string", Summary: "the version with this label"},
				{Name: "withDecryption", In: InQuery, Type: "boolean", Default: "false", Summary: "decrypt a SecureString"},
				refreshNow(), roleArn(),
			},
			Answers: officialAnswers("GetParameter", officialParameterExample), Errors: []localhttp.Code{localhttp.CodeUnavailable},
		},
		{
			Route:   route("GET", "/secretsmanager/get"),
			Summary: "Read one secret as from the AWS Parameters and Secrets Lambda Extension",
			Detail:  "Answers byte for byte what that extension answers. Unknown arguments are ignored. `Accept: text/plain` gives the bare value.",
			Params: []Param{
				{Name: "secretId", In: InQuery, Type: "string", Required: true, Summary: "name or ARN"},
				versionID(), versionStage(), refreshNow(), roleArn(),
			},
			Answers: officialAnswers("GetSecretValue", officialSecretExample), Errors: []localhttp.Code{localhttp.CodeUnavailable},
		},
	}
}

func agentRoutes() []Route {
	return []Route{
		{
			Route:   route("GET", "/v1/{secretId…}"),
			Summary: "Read one secret as from the AWS Secrets Manager Agent",
			Detail: "The agent's own format: what is absent is left out, `CreatedDate` is a string of seconds since 1970, an unknown argument is refused (400), a wrong token is 403 `Bad Token`. " +
				"Failures of the service are JSON, with the status that the service answers to its own clients. `Accept: text/plain` gives the bare value.",
			Params: []Param{
				{Name: "secretId", In: InPath, Type: "string", Required: true, Summary: "name or ARN; `/` and `%2F` are the same"},
				versionID(), versionStage(), refreshNow(), roleArn(),
			},
			Answers: []Answer{
				dropInAnswer("AgentSecret", `{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf","Name":"db","VersionId":"0b7c2d9a-1e0c-4b7e-9a52-4b1f2d3c4e5f",`+
					`"SecretString":"{\"password\":\"p\"}","VersionStages":["AWSCURRENT"],"CreatedDate":"1769860800.25"}`),
				{Status: 304, Summary: "the value is the one of If-None-Match"},
				{Status: 400, Summary: "the service refused, or the request is wrong (text)", Media: []Media{
					{Type: "application/json", Schema: "AgentError", Example: `{"__type":"ResourceNotFoundException", "message":"the secret does not exist"}`},
					{Type: "text/plain; charset=utf-8", Example: wire.AgentMissing},
				}},
				text(403, "wrong or missing token", wire.AgentBadToken),
				text(405, "another method", wire.AgentNotAllowed),
				text(429, "too many requests in flight", wire.AgentTooMany),
				agentFailure(500, "the service failed", "InternalFailure"),
				agentFailure(502, "the service cannot be reached", "ConnectionError"),
				agentFailure(504, "the service did not answer in time", "TimeoutError"),
			},
			Errors: []localhttp.Code{localhttp.CodeUnavailable},
		},
		{
			Route:   route("GET", "/applications/{application}/environments/{environment}/configurations/{profile}"),
			Summary: "Read one configuration as from the AWS AppConfig Agent",
			Detail: "The body is the configuration, in the Content-Type that it was deployed with; its version is in `Configuration-Version`. " +
				"On the AppConfig port (POWERTOOLS_EXTENSION_APPCONFIG_PORT, 2772 for the agent's clients) it needs no token; that port has this route and `/ping` only. " +
				"Of flags with variants those are answered whose rules are true for the header `Context: key=value, key=value`, which may be repeated. Unknown arguments are ignored.",
			Params: []Param{
				{Name: "application", In: InPath, Type: "string", Required: true, Summary: "name or id"},
				{Name: "environment", In: InPath, Type: "string", Required: true, Summary: "name or id"},
				{Name: "profile", In: InPath, Type: "string", Required: true, Summary: "name or id"},
				{Name: "flag", In: InQuery, Type: "string", Repeat: true, Summary: "only this flag: its attributes; several: an object by flag"},
			},
			Answers: []Answer{
				{Status: 200, Summary: "the configuration", Media: []Media{
					{Type: "application/json", Schema: "Any", Example: `{"checkout":{"enabled":true,"limit":10}}`},
					{Type: "*/*"},
				}},
				{Status: 304, Summary: "the configuration is the one of If-None-Match"},
				text(400, "the request is wrong, or the configuration is not JSON", ""),
				text(404, "no such configuration or flag", ""),
				text(500, "a fault of the extension", ""),
				text(502, "the service refused, failed or cannot be reached; `X-Amzn-ErrorType` says which", ""),
				text(504, "the service did not answer in time", ""),
			},
		},
	}
}

func versionID() Param {
	return Param{Name: "versionId", In: InQuery, Type: "string", Summary: "this version"}
}

func versionStage() Param {
	return Param{Name: "versionStage", In: InQuery, Type: "string", Default: "AWSCURRENT", Summary: "the version with this staging label"}
}

func refreshNow() Param {
	return Param{Name: "refreshNow", In: InQuery, Type: "boolean", Default: "false", Summary: "fetch even when the cached value is fresh"}
}

func roleArn() Param {
	return Param{Name: "roleArn", In: InQuery, Type: "string", Summary: "IAM role to read as; as of the AWS Secrets Manager Agent"}
}

const (
	officialParameterExample = `{"Parameter":{"ARN":"arn:aws:ssm:eu-west-1:123456789012:parameter/app/db","DataType":"text","LastModifiedDate":"2026-01-31T12:00:00.25Z",` +
		`"Name":"/app/db","Selector":null,"SourceResult":null,"Type":"String","Value":"postgres://db","Version":3},"ResultMetadata":{}}`
	officialSecretExample = `{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf","CreatedDate":"2026-01-31T12:00:00.25Z","Name":"db",` +
		`"SecretBinary":null,"SecretString":"{\"user\":\"app\"}","VersionId":"a1b2","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`
)

func officialAnswers(schema, example string) []Answer {
	return []Answer{
		dropInAnswer(schema, example),
		{Status: 304, Summary: "the value is the one of If-None-Match"},
		text(400, "any failure; its kind is in `X-Amzn-ErrorType`, what happened and the cure in `X-Powertools-Error`", wire.OfficialFailure),
		text(401, "wrong or missing token", wire.OfficialUnauthorized),
	}
}

func dropInAnswer(schema, example string) Answer {
	return Answer{Status: 200, Summary: "the service's answer", Media: []Media{
		{Type: "application/json", Schema: schema, Example: example},
		{Type: "text/plain; charset=utf-8"},
		{Type: "application/octet-stream"},
	}}
}

func text(status int, summary, example string) Answer {
	return Answer{Status: status, Summary: summary, Media: []Media{{Type: "text/plain; charset=utf-8", Example: example}}}
}

func agentFailure(status int, summary, kind string) Answer {
	return Answer{Status: status, Summary: summary, Media: []Media{
		{Type: "application/json", Schema: "AgentError", Example: `{"__type":"` + kind + `", "message":"` + summary + `"}`},
	}}
}
