package localhttp

// Routes is the table. It is built anew for each call so that nothing is
// initialised before main. The most frequent routes come first; of two that
// match a path and a method, the first one answers.
func Routes() []Route {
	return append(append(append(parameterRoutes(), dropInRoutes()...), flagRoutes()...), otherRoutes()...)
}

func flagRoutes() []Route {
	document := []string{"source", "envelope", "max_age", "force_fetch", "region", "role_arn"}
	one := append([]string{"format"}, document...)
	return []Route{
		{Method: "GET", Pattern: "/flags", serve: getFlags, Query: document},
		{Method: "POST", Pattern: "/flags", Body: true, serve: postFlags, Query: document},
		{Method: "GET", Pattern: "/flags/{name…}", serve: getFlag, Query: append([]string{"context.*", "default"}, one...)},
		{Method: "POST", Pattern: "/flags/{name…}", Body: true, serve: postFlag, Query: one},
	}
}

func parameterRoutes() []Route {
	return []Route{
		{Method: "GET", Pattern: "/parameters/ssm", Slash: true, serve: getSSMGroup,
			Query: with(several, "path", "recursive", "name", "raise_on_error", "decrypt", "key"), Repeat: []string{"name"}},
		{Method: "GET", Pattern: "/parameters/ssm/{name…}", serve: getSSM,
			Query: with(one, "decrypt", "version", "label")},
		{Method: "PUT", Pattern: "/parameters/ssm/{name…}", Body: true, serve: putSSM,
			Query: []string{"overwrite", "type", "tier", "kms_key", "region", "role_arn"}},

		{Method: "GET", Pattern: "/parameters/secrets", Slash: true, serve: getSecretGroup,
			Query: with(several, "name", "raise_on_error", "key"), Repeat: []string{"name"}},
		{Method: "GET", Pattern: "/parameters/secrets/{id…}", serve: getSecret,
			Query: with(one, "version_id", "version_stage")},
		{Method: "PUT", Pattern: "/parameters/secrets/{id…}", Body: true, serve: putSecret,
			Query: []string{"kms_key", "region", "role_arn"}},

		{Method: "GET", Pattern: "/parameters/dynamodb/{table}", serve: getDynamoDBGroup,
			Query: with(several, "key", "key_attr", "sort_attr", "value_attr", "consistent", "item")},
		{Method: "GET", Pattern: "/parameters/dynamodb/{table}/{key…}", serve: getDynamoDB,
			Query: with(one, "sort", "key_attr", "sort_attr", "value_attr", "consistent", "item")},

		{Method: "GET", Pattern: "/parameters/appconfig/{app}/{env}/{profile}", serve: getAppConfig,
			Query: with(one, "flag", "context.*"), Repeat: []string{"flag"}},

		{Method: "GET", Pattern: "/parameters/cache", serve: getCache},
		{Method: "DELETE", Pattern: "/parameters/cache", serve: deleteCache,
			Query: []string{"ref"}, Repeat: []string{"ref"}},
	}
}

func dropInRoutes() []Route {
	return []Route{
		{Method: "GET", Pattern: "/systemsmanager/parameters/get", Slash: true, Dialect: Official, serve: getOfficialParameter,
			Query: []string{"name", "version", "label", "withDecryption", "refreshNow", "roleArn"}},
		{Method: "GET", Pattern: "/secretsmanager/get", Slash: true, Dialect: Official, serve: getOfficialSecret,
			Query: []string{"secretId", "versionId", "versionStage", "refreshNow", "roleArn"}},
		{Method: "GET", Pattern: "/v1/{secretId…}", Dialect: Agent, serve: getAgentSecret,
			Query: []string{"versionId", "versionStage", "refreshNow", "roleArn"}},
		{Method: "GET", Pattern: "/applications/{application}/environments/{environment}/configurations/{profile}", Dialect: AppConfigAgent,
			serve: getConfiguration, Query: []string{"flag"}, Repeat: []string{"flag"}},
	}
}

func otherRoutes() []Route {
	return []Route{
		{Method: "POST", Pattern: "/idempotency/begin", Body: true, MaxBody: 400 << 10, serve: postBegin, Query: []string{"format"}},
		{Method: "POST", Pattern: "/idempotency/complete", Body: true, MaxBody: 6 << 20, serve: postComplete, Query: []string{"id"}},
		{Method: "POST", Pattern: "/idempotency/fail", Body: true, serve: postFail, Query: []string{"id"}},
		{Method: "POST", Pattern: "/jmespath", Body: true, MaxBody: 1 << 20, serve: postJMESPath, Query: []string{"expression", "format"}},
		{Method: "POST", Pattern: "/events/decode", Body: true, MaxBody: 6 << 20, serve: postDecode},
		{Method: "POST", Pattern: "/validate", Body: true, MaxBody: 1 << 20, serve: postValidate, Query: []string{"format"}},
		{Method: "POST", Pattern: "/metrics", Body: true, serve: postMetrics},
		{Method: "GET", Pattern: "/context", serve: getContext, Query: []string{"key", "request_id", "event"}},
		{Method: "GET", Pattern: "/config", serve: getConfig},
		{Method: "GET", Pattern: "/ping", Open: true, Head: true, serve: getPing},
		{Method: "GET", Pattern: "/healthz", Open: true, Head: true, serve: getHealth},
		{Method: "GET", Pattern: "/openapi.json", serve: getOpenAPI},
		{Method: "GET", Pattern: "/schemas/{name}", serve: getSchema},
	}
}

// appConfigRoutes are those that the AppConfig port has.
func appConfigRoutes(all []Route) []Route {
	var routes []Route
	for _, r := range all {
		if r.Dialect == AppConfigAgent || r.Pattern == "/ping" {
			routes = append(routes, r)
		}
	}
	return routes
}

// reading is what a route that reads may take beside its own arguments.
type reading bool

const (
	one     reading = true  // value: in one form or another
	several reading = false // values: always an object
)

// with lists a reading route's arguments, its own ones first.
func with(what reading, own ...string) []string {
	all := append(own, "max_age", "force_fetch", "transform", "raise_on_transform_error", "region", "role_arn")
	if what == one {
		all = append(all, "refresh_if_version", "key", "format")
	}
	return all
}
