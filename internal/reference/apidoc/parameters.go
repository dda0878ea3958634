package apidoc

import "powertools-extension/internal/localhttp"

// route is the place of a description in the table of routes.
func route(method, pattern string) localhttp.Route {
	return localhttp.Route{Method: method, Pattern: pattern}
}

func parameterRoutes() []Route {
	return join(ssmRoutes(), secretRoutes(), dynamoDBRoutes(), appConfigRoutes(), cacheRoutes())
}

func ssmRoutes() []Route {
	name := Param{Name: "name", In: InPath, Type: "string", Required: true, Summary: "name or ARN; `/` and `%2F` are the same"}
	decrypt := Param{Name: "decrypt", In: InQuery, Type: "boolean", Default: "POWERTOOLS_PARAMETERS_SSM_DECRYPT", Summary: "decrypt a SecureString"}
	return []Route{
		{
			Route:   route("GET", "/parameters/ssm/{name…}"),
			Summary: "Read one parameter of AWS Systems Manager Parameter Store",
			Detail: "A name with levels gets its leading slash back: `/parameters/ssm/app/db` reads `/app/db`, `/parameters/ssm/db` reads `db`, " +
				"`/parameters/ssm/%2Fdb` reads `/db`. An ARN works as it is, escaped or not.",
			Params: join([]Param{
				name, decrypt,
				{Name: "version", In: InQuery, Type: "integer", Summary: "this version; not together with label"},
				{Name: "label", In: InQuery, Type: "string", Summary: "the version with this label"},
			}, readParams(), oneParams()),
			Answers: readAnswers(), Errors: readErrors(),
		},
		{
			Route:   route("GET", "/parameters/ssm"),
			Summary: "Read all parameters under a path, or several by name",
			Detail: "With `path` the answer's members are named relative to it, without a slash at the beginning. With `name`, given once for each parameter, they have the names as written; " +
				"names go to the service by tens, and what fails is told under `_errors` while the rest is answered. A parameter called `_errors` is refused. At most 100 names.",
			Params: join([]Param{
				{Name: "path", In: InQuery, Type: "string", Summary: "everything under this path; not together with name"},
				{Name: "recursive", In: InQuery, Type: "boolean", Default: "false", Summary: "with path: the levels below as well"},
				{Name: "name", In: InQuery, Type: "string", Repeat: true, Summary: "a name or an ARN, once for each parameter"},
				raiseOnError(), decrypt, memberKey(),
			}, groupParams()),
			Answers: groupAnswers(`{"/app/db":"postgres://db","_errors":{"/app/x":{"code":"not_found","detail":"the parameter does not exist"}}}`), Errors: readErrors(),
		},
		{
			Route:   route("PUT", "/parameters/ssm/{name…}"),
			Summary: "Create or change a parameter",
			Detail:  "The body is the value: text, at most 256 KiB, of which the service takes 4 or 8 KB. Off unless POWERTOOLS_PARAMETERS_WRITE=true. What was cached under the name is forgotten.",
			Params: join([]Param{
				name,
				{Name: "overwrite", In: InQuery, Type: "boolean", Default: "false", Summary: "replace a parameter that exists"},
				{Name: "type", In: InQuery, Type: "string", Allowed: []string{"String", "StringList", "SecureString"}, Summary: "default: the type it has, String for a new one"},
				{Name: "tier", In: InQuery, Type: "string", Allowed: []string{"Standard", "Advanced", "Intelligent-Tiering"}, Summary: "default: the account's"},
			}, writeParams()),
			Request: value(), Answers: writeAnswers(`{"name":"/app/db","version":"4","source":"ssm"}`), Errors: writeErrors(),
		},
	}
}

func secretRoutes() []Route {
	id := Param{Name: "id", In: InPath, Type: "string", Required: true, Summary: "name, partial ARN or ARN; `/` and `%2F` are the same"}
	return []Route{
		{
			Route:   route("GET", "/parameters/secrets/{id…}"),
			Summary: "Read one secret of AWS Secrets Manager",
			Detail:  "A binary secret is base64 with `\"encoding\":\"base64\"` in JSON, and the bytes themselves as `application/octet-stream` when text is asked for.",
			Params: join([]Param{
				id,
				{Name: "version_id", In: InQuery, Type: "string", Summary: "this version"},
				{Name: "version_stage", In: InQuery, Type: "string", Default: "AWSCURRENT", Summary: "the version with this staging label"},
			}, readParams(), oneParams()),
			Answers: readAnswers(), Errors: readErrors(),
		},
		{
			Route:   route("GET", "/parameters/secrets"),
			Summary: "Read several secrets by name",
			Detail: "The answer's members have the names as written. Names go to the service by twenties, and what fails is told under `_errors` while the rest is answered. " +
				"A binary secret is base64. At most 100 names.",
			Params: join([]Param{
				{Name: "name", In: InQuery, Type: "string", Required: true, Repeat: true, Summary: "a name or an ARN, once for each secret"},
				raiseOnError(), memberKey(),
			}, groupParams()),
			Answers: groupAnswers(`{"db":"{\"password\":\"p\"}","_errors":{"api":{"code":"access_denied","detail":"not allowed to read it"}}}`), Errors: readErrors(),
		},
		{
			Route:   route("PUT", "/parameters/secrets/{id…}"),
			Summary: "Change a secret, or create it",
			Detail: "The body is the value: text, or bytes if the Content-Type is `application/octet-stream` or they are not UTF-8. Off unless POWERTOOLS_PARAMETERS_WRITE=true. " +
				"The new version becomes AWSCURRENT, and what was cached under the name is forgotten.",
			Params:  join([]Param{id}, writeParams()),
			Request: value(), Answers: writeAnswers(`{"name":"db","version":"0b7c2d9a-1e0c-4b7e-9a52-4b1f2d3c4e5f","source":"secrets"}`), Errors: writeErrors(),
		},
	}
}

func dynamoDBRoutes() []Route {
	table := Param{Name: "table", In: InPath, Type: "string", Required: true, Summary: "name or ARN of the table"}
	layout := []Param{
		{Name: "key_attr", In: InQuery, Type: "string", Default: "POWERTOOLS_PARAMETERS_DYNAMODB_KEY_ATTR", Summary: "name of the partition key"},
		{Name: "sort_attr", In: InQuery, Type: "string", Default: "POWERTOOLS_PARAMETERS_DYNAMODB_SORT_ATTR", Summary: "name of the sort key"},
		{Name: "value_attr", In: InQuery, Type: "string", Default: "POWERTOOLS_PARAMETERS_DYNAMODB_VALUE_ATTR", Summary: "name of the attribute to read"},
		{Name: "consistent", In: InQuery, Type: "boolean", Default: "false", Summary: "strongly consistent read"},
		{Name: "item", In: InQuery, Type: "boolean", Default: "false", Summary: "the whole item, typed, instead of one attribute"},
	}
	return []Route{
		{
			Route:   route("GET", "/parameters/dynamodb/{table}/{key…}"),
			Summary: "Read one value of an Amazon DynamoDB table",
			Detail: "The table has the layout of Powertools: the key in `id`, an optional sort key in `sk`, the value in `value`. " +
				"A value that is not a string is a JSON value in the answer.",
			Params: join([]Param{
				table,
				{Name: "key", In: InPath, Type: "string", Required: true, Summary: "value of the partition key; `/` and `%2F` are the same"},
				{Name: "sort", In: InQuery, Type: "string", Summary: "value of the sort key, for a table that has one"},
			}, layout, readParams(), oneParams()),
			Answers: readAnswers(), Errors: readErrors(),
		},
		{
			Route:   route("GET", "/parameters/dynamodb/{table}"),
			Summary: "Read the values of all sort keys of one key",
			Detail:  "The answer's members are named by their sort keys.",
			Params: join([]Param{
				table,
				{Name: "key", In: InQuery, Type: "string", Required: true, Summary: "value of the partition key"},
			}, layout, groupParams()),
			Answers: groupAnswers(`{"limit":12.5,"name":"orders"}`), Errors: readErrors(),
		},
	}
}

func appConfigRoutes() []Route {
	return []Route{
		{
			Route:   route("GET", "/parameters/appconfig/{app}/{env}/{profile}"),
			Summary: "Read one configuration of AWS AppConfig",
			Detail: "Each of the three is a name or an id. With `flag` the value is the object of that flag's attributes, with several an object of such objects; " +
				"`key` then picks inside of it: `?flag=checkout&key=enabled`. Of a flag with variants the one is answered whose rule is the first that is true for `context.*`, with its name in `_variant`. What AppConfig reports as unchanged costs one call and no data.",
			Params: join([]Param{
				{Name: "app", In: InPath, Type: "string", Required: true, Summary: "application"},
				{Name: "env", In: InPath, Type: "string", Required: true, Summary: "environment"},
				{Name: "profile", In: InPath, Type: "string", Required: true, Summary: "configuration profile"},
				{Name: "flag", In: InQuery, Type: "string", Repeat: true, Summary: "only this flag of a JSON configuration; a flag that is not there is 404"},
				{Name: "context.*", In: InQuery, Type: "string", Summary: "a member of the context for flags with variants: `context.country=DK&context.userId=42`; a rule's constant says as what it is read"},
			}, readParams(), oneParams()),
			Answers: readAnswers(), Errors: readErrors(),
		},
	}
}

func cacheRoutes() []Route {
	return []Route{
		{
			Route:   route("GET", "/parameters/cache"),
			Summary: "What is cached, without the values",
			Detail:  "The most recently used first. `state` is what a read without arguments would be answered as: `hit`, or `stale` when it would be fetched again.",
			Answers: []Answer{{Status: 200, Summary: "the entries", Media: []Media{{Type: "application/json", Schema: "Cache",
				Example: `{"entries":[{"ref":"ssm:/app/db","source":"ssm","name":"/app/db","decrypt":true,"version":"3","state":"hit","age":12,"hits":4,"size":231}],"count":1,"bytes":231}`}}}},
			Errors: []localhttp.Code{localhttp.CodeUnknownArgument, localhttp.CodeUnavailable},
		},
		{
			Route:   route("DELETE", "/parameters/cache"),
			Summary: "Forget what is cached",
			Detail:  "All of it, or only what each `ref` names, in every version, form and selection of it. The next read fetches.",
			Params: []Param{
				{Name: "ref", In: InQuery, Type: "string", Repeat: true, Summary: "as `GET /parameters/cache` lists it: `ssm:/app/db`, `ssm-path:/app`, `secrets:db`, `dynamodb:table/key`, `appconfig:app/env/profile`"},
			},
			Answers: []Answer{{Status: 200, Summary: "how many entries were forgotten", Media: []Media{{Type: "application/json", Schema: "Purged", Example: `{"purged":1}`}}}},
			Errors:  []localhttp.Code{localhttp.CodeUnknownArgument, localhttp.CodeBadArgument, localhttp.CodeUnavailable},
		},
	}
}
