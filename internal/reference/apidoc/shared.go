package apidoc

import "powertools-extension/internal/localhttp"

// What several routes have in common.

func join[T any](lists ...[]T) []T {
	var all []T
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// readParams are the arguments of every route that reads.
func readParams() []Param {
	return append([]Param{
		{Name: "max_age", In: InQuery, Type: "seconds", Default: "POWERTOOLS_PARAMETERS_MAX_AGE", Summary: "greatest age of a cached value, as seconds or as `90s`, `5m`; 0: do not store"},
		{Name: "force_fetch", In: InQuery, Type: "boolean", Default: "false", Summary: "fetch even when the cached value is fresh; at most once a second for each value"},
		{Name: "transform", In: InQuery, Type: "string", Allowed: []string{"json", "binary", "auto"}, Summary: "`json`: the JSON value itself; `binary`: base64-decoded; `auto`: by the name's end, `.json` or `.binary`"},
		{Name: "If-None-Match", In: InHeader, Type: "string", Summary: "`ETag` of an earlier answer: 304 if nothing changed"},
	}, placeParams("read")...)
}

func placeParams(verb string) []Param {
	return []Param{
		{Name: "region", In: InQuery, Type: "string", Summary: "AWS region to " + verb + " in; default: the one in the ARN, else the function's"},
		{Name: "role_arn", In: InQuery, Type: "string", Summary: "IAM role to " + verb + " as, for another account: `arn:aws:iam::123456789012:role/name`; default: the function's"},
	}
}

// oneParams are those of the routes that answer one value.
func oneParams() []Param {
	return []Param{
		{Name: "raise_on_transform_error", In: InQuery, Type: "boolean", Default: "true", Summary: "false: a failed transform gives null, and the reason in `X-Powertools-Error`"},
		{Name: "refresh_if_version", In: InQuery, Type: "string", Summary: "fetch only if the cached value still has this version: for retrying after a rotation"},
		{Name: "key", In: InQuery, Type: "string", Summary: "one member of a JSON value, as a dotted path: `db.password`, `hosts.0`"},
		{Name: "format", In: InQuery, Type: "string", Allowed: []string{"json", "text"}, Summary: "`text`: the bare value, no newline added; default: by `Accept`, where `text/plain` means text"},
	}
}

// groupParams are those of the routes that answer several.
func groupParams() []Param {
	return append(readParams(),
		Param{Name: "raise_on_transform_error", In: InQuery, Type: "boolean", Default: "false",
			Summary: "a failed transform fails the request; otherwise it gives null, and the first reason in `X-Powertools-Error`"})
}

func raiseOnError() Param {
	return Param{Name: "raise_on_error", In: InQuery, Type: "boolean", Default: "false", Summary: "with name: the first failure fails the request, with its status"}
}

func memberKey() Param {
	return Param{Name: "key", In: InQuery, Type: "string", Summary: "one member of each JSON value, as a dotted path"}
}

func writeParams() []Param {
	return append([]Param{
		{Name: "kms_key", In: InQuery, Type: "string", Summary: "id, ARN or alias of the KMS key that encrypts; default: the account's"},
	}, placeParams("write")...)
}

func value() *Media {
	return &Media{Type: "text/plain", Example: "postgres://db"}
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

func groupAnswers(example string) []Answer {
	return []Answer{
		{Status: 200, Summary: "the values by name", Media: []Media{{Type: "application/json", Schema: "Parameters", Example: example}}},
		{Status: 304, Summary: "the values are those of If-None-Match"},
	}
}

func writeAnswers(example string) []Answer {
	return []Answer{{Status: 200, Summary: "it is stored", Media: []Media{{Type: "application/json", Schema: "Stored", Example: example}}}}
}

func readErrors() []localhttp.Code {
	return []localhttp.Code{
		localhttp.CodeBadRequest, localhttp.CodeMissing, localhttp.CodeUnknownArgument, localhttp.CodeBadArgument,
		localhttp.CodeNotFound, localhttp.CodeAccessDenied, localhttp.CodeThrottled, localhttp.CodeRejected,
		localhttp.CodeTimeout, localhttp.CodeUnreachable, localhttp.CodeUpstream, localhttp.CodeTransform, localhttp.CodeUnavailable,
	}
}

func writeErrors() []localhttp.Code {
	return []localhttp.Code{
		localhttp.CodeWriteDisabled, localhttp.CodeBadRequest, localhttp.CodeMissing, localhttp.CodeUnknownArgument, localhttp.CodeBadArgument,
		localhttp.CodeBodyTooLarge, localhttp.CodeBodyTimeout, localhttp.CodeBodyEncoding,
		localhttp.CodeNotFound, localhttp.CodeAccessDenied, localhttp.CodeThrottled, localhttp.CodeRejected,
		localhttp.CodeTimeout, localhttp.CodeUnreachable, localhttp.CodeUpstream, localhttp.CodeUnavailable,
	}
}
