package apidoc

import "powertools-extension/internal/localhttp"

func otherRoutes() []Route {
	return []Route{
		{
			Route:   route("POST", "/metrics"),
			Summary: "Record custom metrics",
			Detail: "They are written in CloudWatch's Embedded Metric Format: the first request of a quiet moment before it is answered, what comes within the next 100 ms together, so that what was accepted survives a kill of the extension. The body is one object, an array of objects, or one object per line; " +
				"what is wrong is told per object and costs nothing else; a dimension without a value is left out and its metrics are kept. At most 256 KiB.",
			Request: &Media{Type: "application/json", Schema: "MetricsBody",
				Example: `{"dimensions":{"stage":"prod"},"metrics":[{"name":"orders","unit":"Count","value":1}]}`},
			Answers: []Answer{
				{Status: 202, Summary: "at least one metric was accepted", Media: []Media{
					{Type: "application/json", Schema: "MetricsResult", Example: `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1].unit","reason":"unknown unit \"count\": did you mean Count?"}]}`},
				}},
				{Status: 400, Summary: "no metric was accepted, or the request itself is wrong", Media: []Media{
					{Type: "application/problem+json", Schema: "Problem"},
					{Type: "application/json", Schema: "MetricsResult", Example: `{"accepted":0,"rejected":[{"index":0,"field":"metrics[0].unit","reason":"unknown unit \"count\": did you mean Count?"}]}`},
				}},
			},
			Errors: []localhttp.Code{localhttp.CodeBodyTooLarge, localhttp.CodeBodyTimeout, localhttp.CodeBodyEncoding, localhttp.CodeBadRequest, localhttp.CodeUnknownArgument, localhttp.CodeUnavailable},
		},
		{
			Route:   route("GET", "/context"),
			Summary: "The invocation that runs now, and the function",
			Detail:  "For shells and for languages without a context object. Outside an invocation the invocation's members are null, and so they are on managed instances, where several run at once, unless request_id names one.",
			Params: []Param{
				{Name: "key", In: InQuery, Type: "string", Summary: "the bare value of this member only"},
				{Name: "request_id", In: InQuery, Type: "string", Summary: "the request to tell of; waits until it runs, a second at most"},
				{Name: "event", In: InQuery, Type: "boolean", Default: "false", Summary: "the event as Lambda sent it, where POWERTOOLS_EVENT_ENVELOPE gave the function a part of it; while the request runs"},
			},
			Answers: []Answer{{Status: 200, Summary: "the context", Media: []Media{
				{Type: "application/json", Schema: "Context"},
				{Type: "text/plain; charset=utf-8"},
			}}},
			Errors: []localhttp.Code{localhttp.CodeUnknownArgument, localhttp.CodeBadArgument, localhttp.CodeNoEvent, localhttp.CodeUnavailable},
		},
		{
			Route:   route("GET", "/config"),
			Summary: "The configuration that is in force",
			Detail:  "What `powertools-extension -config` prints: every variable with its value, where it comes from, and what is wrong. What may hold a secret, and the headers of destinations, are redacted.",
			Answers: []Answer{{Status: 200, Summary: "the configuration", Media: []Media{
				{Type: "application/json", Schema: "Config", Example: `{"settings":[{"name":"POWERTOOLS_PARAMETERS_MAX_AGE","value":"5s","source":"default"}],` +
					`"problems":[{"variable":"POWERTOOLS_LOG_LEVEL","problem":"POWERTOOLS_LOG_LEVEL: not a level; using INFO"}]}`},
			}}},
			Errors: []localhttp.Code{localhttp.CodeUnknownArgument, localhttp.CodeUnavailable},
		},
		{
			Route:   route("GET", "/ping"),
			Summary: "Whether anybody listens; HEAD works too",
			Answers: []Answer{{Status: 200, Summary: "yes", Media: []Media{{Type: "text/plain; charset=utf-8", Example: "healthy"}}}},
		},
		{
			Route:   route("GET", "/healthz"),
			Summary: "State, version, features, and what is degraded and why; HEAD works too",
			Answers: []Answer{{Status: 200, Summary: "the state, whatever it is", Media: []Media{
				{Type: "application/json", Schema: "Health", Example: `{"state":"ok","version":"1.0.0","features":["parameters","metrics"],"billed_metrics":6,"degraded":[]}`},
			}}},
		},
		{
			Route:   route("GET", "/schemas/{name}"),
			Summary: "A JSON Schema of lines that are printed, or of error documents",
			Detail:  "`event` (the canonical event), `line` (an enriched line), `metrics` (an EMF document), `diagnostic` (a line of the extension's own), `problem` (an error of this API), `http-error` and `invocation-error` (of hooks), each with `.json` behind it.",
			Params:  []Param{{Name: "name", In: InPath, Type: "string", Required: true, Summary: "name and `.json`"}},
			Answers: []Answer{{Status: 200, Summary: "the schema", Media: []Media{{Type: "application/json", Schema: "Schema"}}}},
			Errors:  []localhttp.Code{localhttp.CodeUnknownLineSchema, localhttp.CodeUnknownArgument},
		},
		{
			Route:   route("GET", "/openapi.json"),
			Summary: "This API as an OpenAPI 3.1 document",
			Answers: []Answer{{Status: 200, Summary: "the document", Media: []Media{{Type: "application/json", Schema: "Document"}}}},
		},
	}
}
