package apidoc

import "powertools-extension/internal/localhttp"

// flagParams say where the document is and how old it may be.
func flagParams() []Param {
	return append([]Param{
		{Name: "source", In: InQuery, Type: "string", Default: "POWERTOOLS_FEATURE_FLAGS", Summary: "another document: `appconfig:APP/ENV/PROFILE`, `ssm:/name` or `secret:ID`"},
		{Name: "envelope", In: InQuery, Type: "string", Default: "POWERTOOLS_FEATURE_FLAGS_ENVELOPE", Summary: "JMESPath to the features inside the document"},
		{Name: "max_age", In: InQuery, Type: "seconds", Default: "POWERTOOLS_FEATURE_FLAGS_MAX_AGE", Summary: "greatest age of the document"},
		{Name: "force_fetch", In: InQuery, Type: "boolean", Default: "false", Summary: "fetch the document even when it is fresh; at most once a second"},
	}, placeParams("read")...)
}

func formatParam() Param {
	return Param{Name: "format", In: InQuery, Type: "string", Allowed: []string{"json", "text"}, Summary: "`text`: the bare answer; default: by `Accept`, where `text/plain` means text"}
}

func flagErrors() []localhttp.Code {
	return []localhttp.Code{localhttp.CodeFlagBody, localhttp.CodeBadFlags, localhttp.CodeMissing, localhttp.CodeUnknownArgument, localhttp.CodeBadArgument,
		localhttp.CodeBadRequest, localhttp.CodeAccessDenied, localhttp.CodeUnavailable}
}

func bodyErrors() []localhttp.Code {
	return []localhttp.Code{localhttp.CodeBodyTooLarge, localhttp.CodeBodyTimeout, localhttp.CodeBodyEncoding}
}

func flagRoutes() []Route {
	const ask = "Features, rules and conditions of Powertools for Python, evaluated here. `reason` is `rule` (with its name), `default` (no rule matched), `missing` (the document does not know the feature: the caller's default) or `store` (there is no document to ask: the caller's default, with a `Warning` header). " +
		"When a new version of the document cannot be used, the last good one stays in force, marked `X-Powertools-Cache: stale`."
	one := []Answer{
		{Status: 200, Summary: "the feature's value", Media: []Media{
			{Type: "application/json", Schema: "Flag", Example: `{"name":"beta","value":true,"reason":"rule","rule":"gold customers","version":"3"}`},
			{Type: "text/plain; charset=utf-8", Example: "true"},
		}},
		{Status: 304, Summary: "the answer is the one of If-None-Match"},
	}
	match := Param{Name: "If-None-Match", In: InHeader, Type: "string", Summary: "`ETag` of an earlier answer: 304 if nothing changed"}
	name := Param{Name: "name", In: InPath, Type: "string", Required: true, Summary: "the feature's name, at most 512 bytes"}
	return []Route{
		{
			Route: route("GET", "/flags"), Summary: "The features of the document, without their values",
			Params: append(flagParams(), match),
			Answers: []Answer{{Status: 200, Summary: "the features in the order of the document", Media: []Media{
				{Type: "application/json", Schema: "Flags", Example: `{"features":[{"name":"beta","type":"boolean","rules":2}],"version":"3"}`}}}, {Status: 304, Summary: "the answer is the one of If-None-Match"}},
			Errors: append(flagErrors(), localhttp.CodeNotFound, localhttp.CodeThrottled, localhttp.CodeRejected, localhttp.CodeTimeout, localhttp.CodeUnreachable, localhttp.CodeUpstream),
		},
		{
			Route: route("POST", "/flags"), Summary: "Several features at once, and which are enabled",
			Detail:  "Without `names`: all of the document. `enabled` are the names whose value is true, or not empty, in the order of the document. The context may have 64 KiB and 64 levels.",
			Params:  append(flagParams(), match),
			Request: &Media{Type: "application/json", Schema: "FlagsBody", Example: `{"context":{"tier":"gold"},"names":["beta","limit"],"defaults":{"limit":10}}`},
			Answers: []Answer{{Status: 200, Summary: "the values by name", Media: []Media{
				{Type: "application/json", Schema: "FlagValues", Example: `{"values":{"beta":true,"limit":10},"enabled":["beta"],"version":"3"}`}}}, {Status: 304, Summary: "the answer is the one of If-None-Match"}},
			Errors: append(flagErrors(), bodyErrors()...),
		},
		{
			Route: route("GET", "/flags/{name…}"), Summary: "The value of one feature for a context in the query",
			Detail: ask + " A value of `context.NAME` that is a JSON number, true, false or null is one, anything else a string; `context.s:NAME` is always a string.",
			Params: append([]Param{name,
				{Name: "context.*", In: InQuery, Type: "string", Repeat: false, Summary: "a member of the context: `context.tier=gold&context.age=21`"},
				{Name: "default", In: InQuery, Type: "string", Summary: "the answer when the feature is not there, as JSON; what is no JSON is a string"},
				formatParam(), match}, flagParams()...),
			Answers: one, Errors: flagErrors(),
		},
		{
			Route: route("POST", "/flags/{name…}"), Summary: "The value of one feature for a context in the body",
			Detail:  ask,
			Params:  append([]Param{name, formatParam(), match}, flagParams()...),
			Request: &Media{Type: "application/json", Schema: "FlagBody", Example: `{"context":{"tier":"gold","groups":["admin"]},"default":false}`},
			Answers: one, Errors: append(flagErrors(), bodyErrors()...),
		},
	}
}

func documentRoutes() []Route {
	id := Param{Name: "id", In: InQuery, Type: "string", Required: true, Summary: "what begin answered"}
	return []Route{
		{
			Route: route("POST", "/idempotency/begin"), Summary: "Ask whether a request runs, or was answered already",
			Detail: "`key` is the request's key, or `payload` with an optional JMESPath `key_path` into it. Further members: `scope` (a part of the handler), `validate` (what a repeat must have in common), `expires_after`, `in_progress_timeout`, `wait` (seconds, or a duration), `request_id` (which invocation asks, on managed instances). " +
				"Records are those of the Powertools libraries in `POWERTOOLS_IDEMPOTENCY_TABLE`. `201`: run it, then complete or fail the id; its state is `bypassed` where it runs without a record, because the store failed under `POWERTOOLS_IDEMPOTENCY_ON_STORE_FAILURE=open` or idempotency is switched off. `200`: the stored answer. With `format=text` the body is the id, or the stored answer alone.",
			Params:  []Param{formatParam()},
			Request: &Media{Type: "application/json", Schema: "BeginBody", Example: `{"key":"order-17"}`},
			Answers: []Answer{
				{Status: 201, Summary: "run it", Media: []Media{{Type: "application/json", Schema: "Begun", Example: `{"state":"started","id":"0123456789abcdef0123456789abcdef"}`}, {Type: "text/plain; charset=utf-8", Example: "0123456789abcdef0123456789abcdef"}}},
				{Status: 200, Summary: "what an equal request was answered", Media: []Media{{Type: "application/json", Schema: "Begun", Example: `{"state":"completed","data":{"ok":true}}`}}},
			},
			Errors: append(bodyErrors(), localhttp.CodeNoKey, localhttp.CodeInProgress, localhttp.CodeNotReplayable, localhttp.CodePayloadDiffers, localhttp.CodeStoreFailed, localhttp.CodeInconsistent,
				localhttp.CodeUnknownArgument, localhttp.CodeBadArgument, localhttp.CodeBadExpression, localhttp.CodeNotJSON, localhttp.CodeBadRequest, localhttp.CodeUnavailable),
		},
		{
			Route: route("POST", "/idempotency/complete"), Summary: "Store the answer of an execution",
			Detail:  "The body is the answer, of any type. One over 350,000 bytes is not stored: the header `X-Powertools-Idempotency: not-stored` says so, and a repeat is refused instead of run again. What is longer than 6 MiB is read to its end and thrown away. After a `503` it may be completed again.",
			Params:  []Param{id},
			Request: &Media{Type: "application/json", Schema: "Any", Example: `{"ok":true}`},
			Answers: []Answer{{Status: 204, Summary: "it is stored"}},
			Errors:  []localhttp.Code{localhttp.CodeUnknownExecution, localhttp.CodeExecutionLost, localhttp.CodeStoreFailed, localhttp.CodeMissing, localhttp.CodeUnknownArgument, localhttp.CodeBadArgument, localhttp.CodeBadRequest, localhttp.CodeUnavailable},
		},
		{
			Route: route("POST", "/idempotency/fail"), Summary: "Free the key of an execution that failed",
			Params: []Param{id}, Request: &Media{Type: "text/plain"},
			Answers: []Answer{{Status: 204, Summary: "the request may run again"}},
			Errors:  []localhttp.Code{localhttp.CodeUnknownExecution, localhttp.CodeExecutionLost, localhttp.CodeStoreFailed, localhttp.CodeMissing, localhttp.CodeUnknownArgument, localhttp.CodeBadArgument, localhttp.CodeUnavailable},
		},
		{
			Route: route("POST", "/jmespath"), Summary: "Evaluate a JMESPath expression on a JSON document",
			Detail: "The functions of the original specification, and `powertools_json`, `powertools_base64`, `powertools_base64_gzip`. Numbers keep their digits, objects their order. At most 1 MiB.",
			Params: []Param{
				{Name: "expression", In: InQuery, Type: "string", Required: true, Summary: "the expression, at most 2,048 bytes"},
				formatParam(),
			},
			Request: &Media{Type: "application/json", Schema: "Any", Example: `{"body":"{\"order\":{\"id\":\"o-1\"}}"}`},
			Answers: []Answer{{Status: 200, Summary: "the result; as text a string bare", Media: []Media{
				{Type: "application/json", Schema: "Any", Example: `"o-1"`}, {Type: "text/plain; charset=utf-8", Example: "o-1"}}}},
			Errors: append(bodyErrors(), localhttp.CodeMissing, localhttp.CodeUnknownArgument, localhttp.CodeBadArgument, localhttp.CodeNotJSON, localhttp.CodeBadRequest, localhttp.CodeBadExpression, localhttp.CodeExpressionFailed),
		},
		{
			Route: route("POST", "/events/decode"), Summary: "The records of an AWS event, made readable",
			Detail: "`source` is the word of the canonical event, `http` whether its answer is an HTTP answer. Each record of the event has its place in `records`: its `id`, and what it carries as `body`, `data` or `value` (text), as `base64` (what is no text) and as `json` (text that is JSON). " +
				"Base64 and gzip are taken off, DynamoDB's typed values are plain in `keys`, `new_image` and `old_image`, numbers keep their digits, the keys of S3's objects are unquoted. A record that cannot be read has an `error` and costs no other. At most 6 MiB, and 16 MiB decoded.",
			Request: &Media{Type: "application/json", Schema: "Any", Example: `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"partitionKey":"1","sequenceNumber":"4959","data":"eyJpZCI6MX0="}}]}`},
			Answers: []Answer{{Status: 200, Summary: "the records", Media: []Media{
				{Type: "application/json", Schema: "Decoded", Example: `{"source":"kinesis","http":false,"records":[{"id":"4959","partition_key":"1","data":"{\"id\":1}","json":{"id":1}}]}`}}}},
			Errors: append(bodyErrors(), localhttp.CodeUnknownArgument, localhttp.CodeNotJSON, localhttp.CodeBadRequest),
		},
		{
			Route: route("POST", "/validate"), Summary: "Validate data against a JSON Schema",
			Detail:  "`schema` is a file below the function's task root or the schema itself (256 KiB, 64 levels): draft-07, 2019-09, 2020-12. `envelope` is a JMESPath expression or a built-in name (`SQS`, `API_GATEWAY_REST` …). The answer has paths and keywords, at most 20, and never a value. At most 1 MiB.",
			Params:  []Param{formatParam()},
			Request: &Media{Type: "application/json", Schema: "ValidateBody", Example: `{"schema":{"required":["id"]},"data":{"qty":0}}`},
			Answers: []Answer{{Status: 200, Summary: "whether it fits", Media: []Media{
				{Type: "application/json", Schema: "Verdict", Example: `{"valid":false,"errors":[{"path":"/id","keyword":"required"}]}`}, {Type: "text/plain; charset=utf-8", Example: "/id required"}}}},
			Errors: append(bodyErrors(), localhttp.CodeMissing, localhttp.CodeUnknownArgument, localhttp.CodeBadArgument, localhttp.CodeNotJSON, localhttp.CodeBadRequest, localhttp.CodeUnknownSchema, localhttp.CodeBadSchema, localhttp.CodeBadEnvelope),
		},
	}
}

const (
	flagSchema = `{
"type":"object","additionalProperties":false,"required":["name","value","reason","version"],"properties":{
"name":{"type":"string"},"value":{"description":"any JSON value"},"reason":{"type":"string","enum":["rule","default","missing","store"]},
"rule":{"type":"string","description":"the rule that matched"},"version":{"description":"of the document; null where its source has none","oneOf":[{"type":"string"},{"type":"null"}]}}}`

	flagsSchema = `{
"type":"object","additionalProperties":false,"required":["features","version"],"properties":{
"features":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["name","type","rules"],"properties":{
"name":{"type":"string"},"type":{"type":"string","enum":["boolean","json"]},"rules":{"type":"integer","minimum":0}}}},
"version":{"description":"of the document; null where its source has none","oneOf":[{"type":"string"},{"type":"null"}]}}}`

	flagBodySchema = `{"type":"object","properties":{"context":{"type":"object"},"default":{"description":"any JSON value"}}}`

	flagsBodySchema = `{"type":"object","properties":{"context":{"type":"object"},"names":{"type":"array","items":{"type":"string"}},"defaults":{"type":"object"}}}`

	flagValuesSchema = `{
"type":"object","additionalProperties":false,"required":["values","enabled","version"],"properties":{
"values":{"type":"object"},"enabled":{"type":"array","items":{"type":"string"}},
"version":{"description":"of the document; null where its source has none","oneOf":[{"type":"string"},{"type":"null"}]}}}`

	beginBodySchema = `{
"type":"object","additionalProperties":false,"properties":{
"key":{"type":"string"},"payload":{"description":"any JSON value"},"key_path":{"type":"string","description":"JMESPath into payload"},
"scope":{"type":"string"},"validate":{"description":"any JSON value"},"request_id":{"type":"string"},
"expires_after":{"oneOf":[{"type":"number"},{"type":"string"}]},"in_progress_timeout":{"oneOf":[{"type":"number"},{"type":"string"}]},"wait":{"oneOf":[{"type":"number"},{"type":"string"}]}}}`

	begunSchema = `{
"type":"object","additionalProperties":false,"required":["state"],"properties":{
"state":{"type":"string","enum":["started","bypassed","completed"]},"id":{"type":"string","description":"to complete or fail"},"data":{"description":"the stored answer, any JSON value; of one that is not JSON its text"},
"encoding":{"type":"string","enum":["base64"],"description":"of data, where the answer is no text; absent: none"}}}`

	validateBodySchema = `{
"type":"object","required":["schema","data"],"properties":{
"schema":{"description":"a JSON Schema, or the name of a file below the task root"},"data":{"description":"any JSON value"},"envelope":{"type":"string","description":"JMESPath"}}}`

	decodedSchema = `{
"type":"object","additionalProperties":false,"required":["source","http","records"],"properties":{
"source":{"type":"string"},"http":{"type":"boolean"},"records":{"type":"array","items":{"type":"object","properties":{
"id":{"type":"string"},"body":{"type":"string"},"data":{"type":"string"},"value":{"type":"string"},"base64":{"type":"string"},"json":{"description":"any JSON value"},
"keys":{"type":"object"},"new_image":{"type":"object"},"old_image":{"type":"object"},"headers":{"type":"object","additionalProperties":{"type":"string"}},
"error":{"type":"string","description":"why the record cannot be read"}}}}}}`

	verdictSchema = `{
"type":"object","additionalProperties":false,"required":["valid"],"properties":{
"valid":{"type":"boolean"},"errors":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["path","keyword"],"properties":{
"path":{"type":"string","description":"JSON pointer into the data"},"keyword":{"type":"string"}}}},
"more":{"type":"integer","minimum":1,"description":"how many errors there are beyond these"}}}`
)
