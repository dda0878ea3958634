package apidoc

import "encoding/json"

// ProblemSchema is the JSON Schema of the local API's errors.
func ProblemSchema() string { return problemSchema }

// schemas are the JSON Schemas (2020-12, OpenAPI's dialect) of the bodies. A
// test holds every answer of the server against them.
func schemas() object {
	return object{
		"Parameter":      json.RawMessage(parameterSchema),
		"Parameters":     json.RawMessage(parametersSchema),
		"Stored":         json.RawMessage(storedSchema),
		"Cache":          json.RawMessage(cacheSchema),
		"Purged":         json.RawMessage(`{"type":"object","additionalProperties":false,"required":["purged"],"properties":{"purged":{"type":"integer","minimum":0}}}`),
		"AgentSecret":    json.RawMessage(agentSecretSchema),
		"AgentError":     json.RawMessage(agentErrorSchema),
		"Any":            json.RawMessage(`{"description":"whatever was deployed"}`),
		"GetParameter":   json.RawMessage(getParameterSchema),
		"GetSecretValue": json.RawMessage(getSecretValueSchema),
		"MetricsBody":    json.RawMessage(metricsBodySchema),
		"MetricObject":   json.RawMessage(metricObjectSchema),
		"MetricsResult":  json.RawMessage(metricsResultSchema),
		"Context":        json.RawMessage(contextSchema),
		"Health":         json.RawMessage(healthSchema),
		"Config":         json.RawMessage(configSchema),
		"Schema":         json.RawMessage(`{"type":"object","required":["$schema","title","type"]}`),
		"Document":       json.RawMessage(`{"type":"object","required":["openapi","paths"],"properties":{"openapi":{"type":"string"},"paths":{"type":"object"}}}`),
		"Problem":        json.RawMessage(problemSchema),
		"Flag":           json.RawMessage(flagSchema),
		"Flags":          json.RawMessage(flagsSchema),
		"FlagBody":       json.RawMessage(flagBodySchema),
		"FlagsBody":      json.RawMessage(flagsBodySchema),
		"FlagValues":     json.RawMessage(flagValuesSchema),
		"BeginBody":      json.RawMessage(beginBodySchema),
		"Begun":          json.RawMessage(begunSchema),
		"ValidateBody":   json.RawMessage(validateBodySchema),
		"Decoded":        json.RawMessage(decodedSchema),
		"Verdict":        json.RawMessage(verdictSchema),
	}
}

const (
	parameterSchema = `{
"type":"object","additionalProperties":false,"required":["name","value","version","source"],"properties":{
"name":{"type":"string","description":"as the service names it"},
"value":{"description":"a string, or any JSON value after transform=json, key, or from DynamoDB"},
"version":{"oneOf":[{"type":"string"},{"type":"null"}],"description":"SSM: version number; Secrets Manager: version id; AppConfig: version label; null where there is none, as of an item"},
"source":{"type":"string","enum":["ssm","secrets","dynamodb","appconfig"]},
"content_type":{"type":"string","description":"AppConfig: the type it was deployed with"},
"transform":{"type":"string","enum":["json","binary"],"description":"what was applied; absent if nothing"},
"encoding":{"type":"string","enum":["base64"],"description":"present if value is base64 of bytes"}}}`

	parametersSchema = `{
"type":"object","additionalProperties":{"description":"the value: a string, any JSON value after transform or key or from DynamoDB, null after a failed transform"},"properties":{
"_errors":{"type":"object","description":"what failed, by name; only when several were asked for by name",
"additionalProperties":{"type":"object","additionalProperties":false,"required":["code","detail"],"properties":{"code":{"type":"string"},"detail":{"type":"string"}}}}}}`

	storedSchema = `{
"type":"object","additionalProperties":false,"required":["name","version","source"],"properties":{
"name":{"type":"string"},"version":{"oneOf":[{"type":"string"},{"type":"null"}],"description":"the new one; null if the service did not tell"},"source":{"type":"string","enum":["ssm","secrets"]}}}`

	cacheSchema = `{
"type":"object","additionalProperties":false,"required":["entries","count","bytes"],"properties":{
"entries":{"type":"array","items":{
"type":"object","additionalProperties":false,"required":["ref","source","name","version","state","age","hits","size"],"properties":{
"ref":{"type":"string","description":"what DELETE /parameters/cache?ref= takes"},
"source":{"type":"string","enum":["ssm","secrets","dynamodb","appconfig"]},"name":{"type":"string","description":"as it was first asked for"},
"key":{"type":"string"},"sort":{"type":"string"},"attribute":{"type":"string"},
"asked_version":{"type":"string"},"asked_label":{"type":"string"},"region":{"type":"string"},"role_arn":{"type":"string"},
"decrypt":{"type":"boolean"},"recursive":{"type":"boolean"},"item":{"type":"boolean"},"consistent":{"type":"boolean"},
"version":{"oneOf":[{"type":"string"},{"type":"null"}],"description":"the cached one; null where there is none"},"state":{"type":"string","enum":["hit","stale"]},
"age":{"type":"integer","minimum":0,"description":"seconds"},"hits":{"type":"integer","minimum":0},"size":{"type":"integer","minimum":0,"description":"bytes"}}}},
"count":{"type":"integer","minimum":0},"bytes":{"type":"integer","minimum":0}}}`

	agentSecretSchema = `{
"type":"object","additionalProperties":false,"required":["ARN","Name","VersionId"],"properties":{
"ARN":{"oneOf":[{"type":"string"},{"type":"null"}]},"Name":{"oneOf":[{"type":"string"},{"type":"null"}]},"VersionId":{"oneOf":[{"type":"string"},{"type":"null"}]},
"SecretString":{"type":"string"},"SecretBinary":{"type":"string","contentEncoding":"base64"},
"VersionStages":{"type":"array","items":{"type":"string"}},"CreatedDate":{"type":"string","description":"seconds since 1970","pattern":"^-?[0-9]+([.][0-9]+)?$"}}}`

	agentErrorSchema = `{"type":"object","additionalProperties":false,"required":["__type","message"],"properties":{"__type":{"type":"string"},"message":{"type":"string"}}}`

	getParameterSchema = `{
"type":"object","additionalProperties":false,"required":["Parameter","ResultMetadata"],"properties":{
"Parameter":{"type":"object","additionalProperties":false,
"required":["ARN","DataType","LastModifiedDate","Name","Selector","SourceResult","Type","Value","Version"],"properties":{
"ARN":{"oneOf":[{"type":"string"},{"type":"null"}]},"DataType":{"oneOf":[{"type":"string"},{"type":"null"}]},"LastModifiedDate":{"oneOf":[{"type":"string","format":"date-time"},{"type":"null"}]},
"Name":{"oneOf":[{"type":"string"},{"type":"null"}]},"Selector":{"oneOf":[{"type":"string"},{"type":"null"}]},"SourceResult":{"oneOf":[{"type":"string"},{"type":"null"}]},
"Type":{"type":"string"},"Value":{"oneOf":[{"type":"string"},{"type":"null"}]},"Version":{"type":"integer"}}},
"ResultMetadata":{"type":"object","maxProperties":0}}}`

	getSecretValueSchema = `{
"type":"object","additionalProperties":false,
"required":["ARN","CreatedDate","Name","SecretBinary","SecretString","VersionId","VersionStages","ResultMetadata"],"properties":{
"ARN":{"oneOf":[{"type":"string"},{"type":"null"}]},"CreatedDate":{"oneOf":[{"type":"string","format":"date-time"},{"type":"null"}]},"Name":{"oneOf":[{"type":"string"},{"type":"null"}]},
"SecretBinary":{"oneOf":[{"type":"string","contentEncoding":"base64"},{"type":"null"}]},"SecretString":{"oneOf":[{"type":"string"},{"type":"null"}]},
"VersionId":{"oneOf":[{"type":"string"},{"type":"null"}]},"VersionStages":{"oneOf":[{"type":"array","items":{"type":"string"}},{"type":"null"}]},
"ResultMetadata":{"type":"object","maxProperties":0}}}`

	metricsBodySchema = `{"oneOf":[{"$ref":"#/components/schemas/MetricObject"},{"type":"array","items":{"$ref":"#/components/schemas/MetricObject"}}]}`

	metricObjectSchema = `{
"type":"object","additionalProperties":false,"required":["metrics"],"properties":{
"namespace":{"type":"string","description":"default: POWERTOOLS_METRICS_NAMESPACE"},
"dimensions":{"type":"object","additionalProperties":{"type":"string"},"description":"one set, added to the default dimensions"},
"dimension_sets":{"type":"array","items":{"type":"object","additionalProperties":{"type":"string"}}},
"metadata":{"type":"object","description":"written beside the metrics: searchable, no dimension"},
"timestamp":{"oneOf":[{"type":"number"},{"type":"string"}],"description":"milliseconds since 1970 or RFC 3339; default: now"},
"metrics":{"type":"array","minItems":1,"items":{
"type":"object","additionalProperties":false,"required":["name","value"],"properties":{
"name":{"type":"string"},"unit":{"type":"string","description":"a CloudWatch unit, case-sensitive; default: None"},
"value":{"oneOf":[{"type":"number"},{"type":"array","minItems":1,"items":{"type":"number"}}]},
"resolution":{"type":"integer","enum":[1,60],"default":60}}}}}}`

	metricsResultSchema = `{
"type":"object","additionalProperties":false,"required":["accepted","rejected"],"properties":{
"accepted":{"type":"integer","minimum":0,"description":"metrics taken"},
"rejected":{"type":"array","maxItems":100,"items":{
"type":"object","additionalProperties":false,"required":["index","field","reason"],"properties":{
"index":{"type":"integer","minimum":0,"description":"of the object in the request"},
"field":{"type":"string","description":"path in the object; empty: the object as such"},
"reason":{"type":"string"}}}},
"more_rejected":{"type":"integer","minimum":1,"description":"rejections beyond the first 100"}}}`

	contextSchema = `{
"type":"object","additionalProperties":false,
"required":["request_id","trace_id","deadline","deadline_ms","remaining_ms","cold_start","function_arn","function_name","function_version","function_memory_size","service","init_type","correlation_id","batch_item"],
"properties":{
"request_id":{"oneOf":[{"type":"string"},{"type":"null"}]},"trace_id":{"oneOf":[{"type":"string"},{"type":"null"}]},"deadline":{"oneOf":[{"type":"string","format":"date-time"},{"type":"null"}]},
"deadline_ms":{"oneOf":[{"type":"integer"},{"type":"null"}]},"remaining_ms":{"oneOf":[{"type":"integer","minimum":0},{"type":"null"}]},"cold_start":{"oneOf":[{"type":"boolean"},{"type":"null"}]},
"function_arn":{"oneOf":[{"type":"string"},{"type":"null"}]},"function_name":{"oneOf":[{"type":"string"},{"type":"null"}]},"function_version":{"oneOf":[{"type":"string"},{"type":"null"}]},
"function_memory_size":{"type":"integer","description":"MiB"},"service":{"oneOf":[{"type":"string"},{"type":"null"}]},"init_type":{"oneOf":[{"type":"string"},{"type":"null"}]},
"correlation_id":{"oneOf":[{"type":"string","maxLength":256},{"type":"null"}],"description":"what POWERTOOLS_LOGGER_CORRELATION_ID_PATH found in the event"},
"batch_item":{"oneOf":[{"type":"string"},{"type":"null"}],"description":"id of the record, where the function gets the records of a batch one by one"}}}`

	healthSchema = `{
"type":"object","additionalProperties":false,"required":["state","version","features","degraded"],"properties":{
"state":{"type":"string","enum":["starting","ok","degraded","stopping"]},"version":{"type":"string"},
"features":{"type":"array","items":{"type":"string"}},
"billed_metrics":{"type":"integer","minimum":0,"description":"metrics of the canonical event that CloudWatch bills the function for, at most"},
"proxy":{"type":"object","description":"the Runtime API proxy; absent: its port is not open","required":["upstream","handshake","used","open","hooks"],"properties":{
"upstream":{"type":"string","description":"where requests of the runtime go"},
"handshake":{"type":"boolean","description":"a wrapper has asked"},
"used":{"type":"boolean","description":"the runtime is sent through it"},
"open":{"type":"integer","minimum":0,"description":"invocations that are not answered yet"},
"hooks":{"type":"array","items":{"type":"string"}}}},
"spans":{"type":"object","description":"spans of invocations; absent: they are off","additionalProperties":false,"required":["destinations","datagrams_sent","skipped","dropped"],"properties":{
"destinations":{"type":"array","items":{"type":"string"}},
"datagrams_sent":{"type":"integer","minimum":0,"description":"to the X-Ray daemon, which answers none: sent is not delivered"},
"skipped":{"type":"integer","minimum":0,"description":"a trace header that cannot be read, or more at once than are followed"},
"dropped":{"type":"integer","minimum":0,"description":"too large, or not taken by the kernel"}}},
"degraded":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["component","reason"],
"properties":{"component":{"type":"string"},"reason":{"type":"string"}}}}}}`

	configSchema = `{
"type":"object","additionalProperties":false,"required":["settings","problems"],"properties":{
"settings":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["name","value","source"],"properties":{
"name":{"type":"string","description":"of the variable"},"value":{"type":"string","description":"as text; redacted where it may hold a secret"},
"source":{"type":"string","description":"default, environment, or the other name that set it"}}}},
"problems":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["variable","problem"],"properties":{
"variable":{"type":"string"},"problem":{"type":"string","description":"what is wrong, and what is used instead"}}}}}}`

	problemSchema = `{
"type":"object","additionalProperties":false,"required":["type","title","status","code"],"properties":{
"type":{"type":"string","format":"uri"},"title":{"type":"string"},"status":{"type":"integer","minimum":400,"maximum":599},
"detail":{"type":"string","description":"what was wrong with this request; never a value, never a token"},
"code":{"type":"string"},"aws_code":{"type":"string","description":"the service's own error code"},
"cure":{"type":"string","description":"what would help"},"near":{"type":"array","items":{"type":"string"},"description":"routes that may be meant"}}}`
)
