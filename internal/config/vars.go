package config

import (
	"slices"
	"time"
)

// Var is one environment variable: a row of the table that code, checks and
// the reference page share.
type Var struct {
	Name    string
	AliasOf string // read only when that variable is not set
	Default string // as a user would write it; empty: nothing
	Feature string // platform, logs, metrics, parameters, extension
	Meaning string

	field func(*Config) value
}

// Type says what the variable takes, for the reference page.
func (v Var) Type() string {
	return v.field(new(Config)).Type()
}

const defaultNamespace = "default_namespace"

// Vars is the table. Its order is the order of the reference page; it is
// built anew for each call so that nothing is initialised before main.
func Vars() []Var {
	return slices.Concat(platformVars(), powertoolsVars(), extensionVars(), proxyVars(), idempotencyVars(), batchVars(), hookVars(), corsVars(), loggerVars(), tracingVars(), aliasVars())
}

func platformVars() []Var {
	return []Var{
		{Name: "AWS_LAMBDA_RUNTIME_API", Feature: "platform", Meaning: "host:port of the Extensions API; set by Lambda",
			field: func(c *Config) value { return text{&c.RuntimeAPI} }},
		{Name: "AWS_REGION", Feature: "platform", Meaning: "region of the upstream calls",
			field: func(c *Config) value { return text{&c.Region} }},
		{Name: "AWS_LAMBDA_FUNCTION_NAME", Feature: "platform", Meaning: "`function_name` of logs and metrics",
			field: func(c *Config) value { return text{&c.FunctionName} }},
		{Name: "AWS_LAMBDA_FUNCTION_VERSION", Feature: "platform", Meaning: "`function_version` of the canonical event",
			field: func(c *Config) value { return text{&c.FunctionVersion} }},
		{Name: "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", Default: "128", Feature: "platform", Meaning: "`function_memory_size`, MiB",
			field: func(c *Config) value { return whole{&c.MemoryMB, 1, 1 << 20} }},
		{Name: "AWS_LAMBDA_INITIALIZATION_TYPE", Default: "on-demand", Feature: "platform", Meaning: "how the sandbox was initialised; decides `cold_start`",
			field: func(c *Config) value { return text{&c.InitType} }},
		{Name: "AWS_LAMBDA_LOG_FORMAT", Default: "Text", Feature: "platform", Meaning: "log format of the function",
			field: func(c *Config) value { return word{&c.LogFormat, []string{"Text", "JSON"}} }},
		{Name: "AWS_LAMBDA_LOG_LEVEL", Feature: "platform", Meaning: "minimum level set with Advanced Logging Controls; wins over POWERTOOLS_LOG_LEVEL",
			field: func(c *Config) value { return text{&c.LambdaLogLevel} }},
	}
}

func powertoolsVars() []Var {
	return []Var{
		{Name: "POWERTOOLS_SERVICE_NAME", Default: "service_undefined", Feature: "logs", Meaning: "`service` key of logs, `service` dimension of metrics; a name that is no dimension's value (1 to 1024 characters of printable ASCII) stays in logs and in `service_name` of the canonical event",
			field: func(c *Config) value { return serviceName{&c.Service, &c.MetricsService} }},
		{Name: "POWERTOOLS_LOG_LEVEL", Feature: "logs", Meaning: "minimum level of the function's lines that are forwarded; INFO when not set",
			field: func(c *Config) value { return word{&c.LogLevel, levels} }},
		{Name: "POWERTOOLS_LOGGER_SAMPLE_RATE", Default: "0", Feature: "logs", Meaning: "share of invocations whose DEBUG lines are kept, decided per request id",
			field: func(c *Config) value { return share{&c.SampleRate} }},
		{Name: "POWERTOOLS_METRICS_NAMESPACE", Default: defaultNamespace, Feature: "metrics", Meaning: "CloudWatch namespace of all metrics; not setting it is one warning",
			field: func(c *Config) value { return namespace{&c.MetricsNamespace} }},
		{Name: "POWERTOOLS_METRICS_FUNCTION_NAME", Feature: "metrics", Meaning: "`function_name` dimension; default: the function's name",
			field: func(c *Config) value { return dimensionValue{&c.MetricsFunctionName} }},
		{Name: "POWERTOOLS_METRICS_DISABLED", Default: "false", Feature: "metrics", Meaning: "emit no metrics at all",
			field: func(c *Config) value { return truth{&c.MetricsDisabled} }},
		{Name: "POWERTOOLS_PARAMETERS_MAX_AGE", Default: "300s", Feature: "parameters", Meaning: "how long a cached value is fresh",
			field: func(c *Config) value { return span{&c.MaxAge, time.Second, 0, 365 * 24 * time.Hour} }},
		{Name: "POWERTOOLS_PARAMETERS_SSM_DECRYPT", Default: "false", Feature: "parameters", Meaning: "decrypt SecureString on the Powertools routes unless the request says otherwise",
			field: func(c *Config) value { return truth{&c.SSMDecrypt} }},
		{Name: "POWERTOOLS_DEV", Default: "false", Feature: "extension", Meaning: "indent JSON; emit no metrics unless POWERTOOLS_METRICS_DISABLED is set to false",
			field: func(c *Config) value { return truth{&c.Dev} }},
		{Name: "POWERTOOLS_DEBUG", Default: "false", Feature: "extension", Meaning: "the extension's own diagnostics at DEBUG",
			field: func(c *Config) value { return truth{&c.Debug} }},
	}
}

func extensionVars() []Var {
	return []Var{
		{Name: "POWERTOOLS_EXTENSION_LOG_LEVEL", Default: "WARN", Feature: "extension", Meaning: "the extension's own diagnostics on stderr",
			field: func(c *Config) value {
				return word{&c.ExtensionLogLevel, []string{"DEBUG", "INFO", "WARN", "ERROR", "NONE"}}
			}},
		{Name: "POWERTOOLS_EXTENSION_HTTP_PORT", Default: "2773", Feature: "extension", Meaning: "port of the local API on 127.0.0.1",
			field: func(c *Config) value { return whole{&c.HTTPPort, 1, 65535} }},
		{Name: "POWERTOOLS_EXTENSION_FLUSH", Default: "auto", Feature: "extension", Meaning: "when remote destinations are written: `end`: before each invocation ends, `continuous`: beside the function, `auto`: by how often it runs; no effect with stdout alone",
			field: func(c *Config) value { return word{&c.Flush, []string{"auto", "end", "continuous"}} }},
		{Name: "POWERTOOLS_EXTENSION_FLUSH_BUDGET", Default: "300ms", Feature: "extension", Meaning: "most that one invocation may be held for remote destinations once its end is known; 0: never held",
			field: func(c *Config) value { return span{&c.FlushBudget, time.Millisecond, 0, 10 * time.Second} }},
		{Name: "POWERTOOLS_EXTENSION_BUFFER_BYTES", Default: "4194304", Feature: "extension", Meaning: "bound of each buffer in bytes; full: the oldest lines are dropped and counted",
			field: func(c *Config) value { return whole{&c.BufferBytes, 64 << 10, 256 << 20} }},
		{Name: "POWERTOOLS_EXTENSION_SPOOL_BYTES", Default: "0", Feature: "extension", Meaning: "most bytes kept in /tmp of the lines that wait for remote destinations, so that the next process of the sandbox can send them if the extension is killed; 0: nothing is written there",
			field: func(c *Config) value { return whole{&c.SpoolBytes, 0, 1 << 30} }},
		{Name: "POWERTOOLS_LOGS_DESTINATION", Default: "stdout", Feature: "logs", Meaning: "where enriched lines go; several may be named (docs/telemetry.md). Without `:STREAM` each sandbox has a log stream of its own. Metrics stay on stdout",
			field: func(c *Config) value { return destinations{&c.LogsDestinations} }},
		{Name: "POWERTOOLS_LOGS_INCLUDE", Feature: "logs", Meaning: "forward only lines that match this RE2 expression",
			field: func(c *Config) value { return expression{&c.LogsInclude} }},
		{Name: "POWERTOOLS_LOGS_EXCLUDE", Feature: "logs", Meaning: "do not forward lines that match this RE2 expression",
			field: func(c *Config) value { return expression{&c.LogsExclude} }},
		{Name: "POWERTOOLS_LOGS_REDACT", Feature: "logs", Meaning: "comma list of JSON key names (any case, any depth) and `re:` RE2 expressions whose values and matches become `[redacted]`",
			field: func(c *Config) value { return list{&c.LogsRedact} }},
		{Name: "POWERTOOLS_LOGS_BUFFER", Feature: "logs", Meaning: "hold lines of this level and below per invocation, and forward them only when it fails, times out or logs an error",
			field: func(c *Config) value { return word{&c.LogsBuffer, levels} }},
		{Name: "POWERTOOLS_LOGS_KEYS", Default: "lean", Feature: "logs", Meaning: "what enriched lines get if they lack it: `lean`, `all` (with `function_name`, `function_arn`, `function_memory_size`), or a comma list of names",
			field: func(c *Config) value { return names{&c.LogsKeys, []string{"lean", "all"}, lineKeys()} }},
		{Name: "POWERTOOLS_LOGS_COPY", Default: "missing", Feature: "logs", Meaning: "which lines are repeated on stdout: `missing`: those that lack level, time or request id under any name, or the correlation id of their request, `all`",
			field: func(c *Config) value { return word{&c.LogsCopy, []string{"missing", "all"}} }},
		{Name: "POWERTOOLS_LOGS_MODE", Default: "copy", Feature: "logs", Meaning: "`copy`: an enriched copy of each line is printed; `in-place`: lines are enriched where the function writes them, and stored once. It needs the wrapper, is not for managed instances, and filtered lines are lost for good ([logs-in-place.md](../logs-in-place.md))",
			field: func(c *Config) value { return word{&c.LogsMode, []string{"copy", "in-place"}} }},
		{Name: "POWERTOOLS_LOGS_TEXT", Default: "object", Feature: "logs", Meaning: "lines in place that are no JSON: `object`: they become one, `keep`: they stay as they are",
			field: func(c *Config) value { return word{&c.LogsText, []string{"object", "keep"}} }},
		{Name: "POWERTOOLS_LOGS_HTTP_HEADERS", Feature: "logs", Meaning: "headers for HTTP destinations, `Name: value` separated by commas; a value `secret:ID#key`, also behind a word as in `Bearer secret:ID#key`, is read from Secrets Manager",
			field: func(c *Config) value { return headers{&c.LogsHTTPHeaders} }},
		{Name: "POWERTOOLS_METRICS_PLATFORM", Default: "default", Feature: "metrics", Meaning: "which figures of the canonical event are metrics, and billed: a preset or a comma list of names ([metrics.md](metrics.md)); `event`: none, the event is a plain line; `none`: no event",
			field: func(c *Config) value {
				return selection{&c.MetricsPlatform, []string{"none", "event", "default", "insights", "all"}}
			}},
		{Name: "POWERTOOLS_METRICS_EMPTY_RESPONSE", Default: "auto", Feature: "metrics", Meaning: "what an invocation without a response body and without a runtime's error line is: `auto`: by runtime, `error`, `success`",
			field: func(c *Config) value { return word{&c.EmptyResponse, []string{"auto", "error", "success"}} }},
		{Name: "POWERTOOLS_METRICS_DIMENSIONS", Feature: "metrics", Meaning: "further fixed dimensions, `stage=prod,team=pay`",
			field: func(c *Config) value { return dimensions{&c.MetricsDimensions} }},
		{Name: "POWERTOOLS_PARAMETERS_STALE_IF_ERROR", Default: "24h", Feature: "parameters", Meaning: "how long past its age a value is still served, marked stale, while the upstream fails",
			field: func(c *Config) value { return span{&c.StaleIfError, time.Second, 0, 365 * 24 * time.Hour} }},
		{Name: "POWERTOOLS_PARAMETERS_CACHE_SIZE", Default: "1000", Feature: "parameters", Meaning: "most values kept; the least recently used goes first; 0 turns the cache off",
			field: func(c *Config) value { return whole{&c.CacheItems, 0, 1_000_000} }},
		{Name: "POWERTOOLS_PARAMETERS_CACHE_BYTES", Default: "16777216", Feature: "parameters", Meaning: "most bytes kept",
			field: func(c *Config) value { return whole{&c.CacheBytes, 64 << 10, 1 << 30} }},
		{Name: "POWERTOOLS_PARAMETERS_TIMEOUT", Default: "3s", Feature: "parameters", Meaning: "one upstream call, retries included",
			field: func(c *Config) value {
				return span{&c.ParametersTimeout, time.Second, time.Millisecond, 15 * time.Minute}
			}},
		{Name: allowVar, Feature: "parameters", Meaning: "allow-list: comma list of what may be read, such as `ssm:/app/*`, `ssm-path:/app/*`, `secret:db-*`, `dynamodb:config/*`, `appconfig:shop/prod/*`, with `*` and `?` as wildcards. It means the function's region and account, no role, and the configured value attribute, unless an entry names others: `ssm:/app/*?region=us-east-1`, `?role_arn=…`, `?value_attr=…`, `?item=true`; a version or label behind a name allows that one alone. A secret read as `/aws/reference/secretsmanager/X` needs `secret:X` as well. Anything else is 403; set without a usable entry, nothing may be read",
			field: func(c *Config) value { return allowList{&c.ParametersAllow} }},
		{Name: "POWERTOOLS_PARAMETERS_DYNAMODB_KEY_ATTR", Default: "id", Feature: "parameters", Meaning: "partition key attribute of the table layout",
			field: func(c *Config) value { return text{&c.DynamoDBKeyAttr} }},
		{Name: "POWERTOOLS_PARAMETERS_DYNAMODB_SORT_ATTR", Default: "sk", Feature: "parameters", Meaning: "sort key attribute of the table layout",
			field: func(c *Config) value { return text{&c.DynamoDBSortAttr} }},
		{Name: "POWERTOOLS_PARAMETERS_DYNAMODB_VALUE_ATTR", Default: "value", Feature: "parameters", Meaning: "value attribute of the table layout",
			field: func(c *Config) value { return text{&c.DynamoDBValueAttr} }},

		// Drop-in variables without a name of ours.
		{Name: "PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED", Default: "true", Feature: "parameters", Meaning: "master switch of the cache; false: nothing is stored, whatever max_age a request asks for",
			field: func(c *Config) value { return truth{&c.CacheEnabled} }},
		{Name: "PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS", Default: "3", Feature: "parameters", Meaning: "upstream connections per service",
			field: func(c *Config) value { return whole{&c.MaxConnections, 1, 1000} }},
		{Name: "SSM_PARAMETER_STORE_TTL", Default: "-1", Feature: "parameters", Meaning: "age on /systemsmanager/parameters/get; -1: POWERTOOLS_PARAMETERS_MAX_AGE; more than 300 s is honoured",
			field: func(c *Config) value { return span{&c.SSMMaxAge, time.Second, -time.Second, 365 * 24 * time.Hour} }},
		{Name: "SECRETS_MANAGER_TTL", Default: "-1", Feature: "parameters", Meaning: "age on /secretsmanager/get; -1: POWERTOOLS_PARAMETERS_MAX_AGE; more than 300 s is honoured",
			field: func(c *Config) value { return span{&c.SecretsMaxAge, time.Second, -time.Second, 365 * 24 * time.Hour} }},
		{Name: "SSM_PARAMETER_STORE_TIMEOUT_MILLIS", Default: "0", Feature: "parameters", Meaning: "one upstream call to SSM; 0: POWERTOOLS_PARAMETERS_TIMEOUT, because a call without a limit would hang the function",
			field: func(c *Config) value { return span{&c.SSMTimeout, time.Millisecond, 0, 15 * time.Minute} }},
		{Name: "SECRETS_MANAGER_TIMEOUT_MILLIS", Default: "0", Feature: "parameters", Meaning: "the same for Secrets Manager",
			field: func(c *Config) value { return span{&c.SecretsTimeout, time.Millisecond, 0, 15 * time.Minute} }},
		{Name: "AWS_APPCONFIG_EXTENSION_POLL_INTERVAL_SECONDS", Default: "-1", Feature: "parameters", Meaning: "age of AppConfig configurations, and how often AppConfig is asked (it allows 15 s at least); -1: POWERTOOLS_PARAMETERS_MAX_AGE where that is set, else 45 s",
			field: func(c *Config) value { return span{&c.AppConfigMaxAge, time.Second, -time.Second, 24 * time.Hour} }},
		{Name: "AWS_APPCONFIG_EXTENSION_POLL_TIMEOUT_MILLIS", Default: "0", Feature: "parameters", Meaning: "one upstream call to AppConfig; 0: POWERTOOLS_PARAMETERS_TIMEOUT",
			field: func(c *Config) value { return span{&c.AppConfigTimeout, time.Millisecond, 0, 15 * time.Minute} }},
		{Name: "AWS_APPCONFIG_EXTENSION_PREFETCH_LIST", Feature: "parameters", Meaning: "comma list of App:Env:Profile, or of the agent's paths, fetched during init",
			field: func(c *Config) value { return agentList{&c.AppConfigPrefetch} }},

		{Name: "POWERTOOLS_EXTENSION_APPCONFIG_PORT", Default: "0", Feature: "parameters", Meaning: "second listener for clients of the AppConfig agent, 2772; 0: off",
			field: func(c *Config) value { return whole{&c.AppConfigPort, 0, 65535} }},
		{Name: "POWERTOOLS_PARAMETERS_PREFETCH", Feature: "parameters", Meaning: "comma list of refs fetched during init: `ssm:/app/db` (decrypted; else `?decrypt=false`), `ssm-path:/app/`, `secret:ID`, `dynamodb:TABLE/KEY`, `appconfig:APP/ENV/PROFILE`; arguments behind a `?` are those of the requests, as in `?region=us-east-1`",
			field: func(c *Config) value { return refList{&c.Prefetch} }},
		{Name: "POWERTOOLS_PARAMETERS_PREFETCH_TIMEOUT", Default: "2s", Feature: "parameters", Meaning: "bound of the prefetch; what is late arrives later",
			field: func(c *Config) value { return span{&c.PrefetchTimeout, time.Second, 0, 5 * time.Minute} }},
		{Name: "POWERTOOLS_PARAMETERS_STALE_WHILE_REVALIDATE", Default: "0s", Feature: "parameters", Meaning: "how long past its age a value is still answered at once, while it is refreshed behind the invocation",
			field: func(c *Config) value { return span{&c.StaleWhileRevalidate, time.Second, 0, 365 * 24 * time.Hour} }},
		{Name: "POWERTOOLS_FEATURE_FLAGS", Feature: "feature flags", Meaning: "the document of `/flags`: `APP/ENV/PROFILE` of a freeform AppConfig profile, or a ref whose value is JSON (`ssm:/name`, `secret:ID`)",
			field: func(c *Config) value { return text{&c.FeatureFlags} }},
		{Name: "POWERTOOLS_FEATURE_FLAGS_ENVELOPE", Feature: "feature flags", Meaning: "JMESPath to the features inside the document",
			field: func(c *Config) value { return text{&c.FeatureFlagsEnvelope} }},
		{Name: "POWERTOOLS_FEATURE_FLAGS_MAX_AGE", Default: "-1", Feature: "feature flags", Meaning: "how long a document is fresh; -1: as every value of its source",
			field: func(c *Config) value {
				return span{&c.FeatureFlagsMaxAge, time.Second, -time.Second, 365 * 24 * time.Hour}
			}},
		{Name: "POWERTOOLS_PARAMETERS_WRITE", Default: "false", Feature: "parameters", Meaning: "allow PUT of parameters and secrets",
			field: func(c *Config) value { return truth{&c.ParametersWrite} }},
	}
}

// proxyVars are those of the wrapper and of what stands on it.
func proxyVars() []Var {
	return []Var{
		{Name: "AWS_LAMBDA_EXEC_WRAPPER", Feature: "proxy", Meaning: "`/opt/powertools-wrapper` on managed runtimes; images have it in their ENTRYPOINT, OS-only runtimes in their bootstrap ([proxy.md](../proxy.md))",
			field: func(c *Config) value { return text{&c.ExecWrapper} }},
		{Name: "POWERTOOLS_EXEC_WRAPPER_NEXT", Feature: "proxy", Meaning: "another vendor's wrapper, started behind ours; read by the wrapper",
			field: func(c *Config) value { return text{&c.ExecWrapperNext} }},
		{Name: "POWERTOOLS_RUNTIME_PROXY", Default: "auto", Feature: "proxy", Meaning: "whether the runtime talks to Lambda through the extension: `auto`: when something needs it, `on`: also for figures and the warning before a time-out alone, `off`: never (the wrapper still sets variables from parameters)",
			field: func(c *Config) value { return word{&c.RuntimeProxy, []string{"auto", "on", "off"}} }},
		{Name: "POWERTOOLS_RUNTIME_PROXY_PORT", Default: "9019", Feature: "proxy", Meaning: "port of the proxy on 127.0.0.1, the same for the function and the extension; bound only when the wrapper may ask",
			field: func(c *Config) value { return whole{&c.ProxyPort, 1, 65535} }},
		{Name: "POWERTOOLS_PROXY_HTTP_ERRORS", Default: "true", Feature: "proxy", Meaning: "errors of the extension's own are HTTP answers where the event is an HTTP request; false: function errors",
			field: func(c *Config) value { return truth{&c.ProxyHTTPErrors} }},
		{Name: "POWERTOOLS_PARAMETERS_ENV_PATH", Feature: "proxy", Meaning: "comma list of SSM paths: each parameter below becomes a variable of the function, `/app/web/log-level` the variable `LOG_LEVEL` ([variables-from-parameters.md](../variables-from-parameters.md))",
			field: func(c *Config) value { return list{&c.EnvPaths} }},
		{Name: "POWERTOOLS_PARAMETERS_ENV_ON_FAILURE", Default: "fail", Feature: "proxy", Meaning: "what happens if a variable from a parameter cannot be read: `fail`: the runtime does not start, and Lambda tries again; `start`: it starts without the variable",
			field: func(c *Config) value { return word{&c.EnvOnFailure, []string{"fail", "start"}} }},
		{Name: "POWERTOOLS_PARAMETERS_ENV_TIMEOUT", Default: "5s", Feature: "proxy", Meaning: "bound of reading all variables from parameters, retries included",
			field: func(c *Config) value {
				return span{&c.EnvTimeout, time.Second, time.Millisecond, time.Minute}
			}},
	}
}

func aliasVars() []Var {
	return []Var{
		{Name: "LOG_LEVEL", AliasOf: "POWERTOOLS_LOG_LEVEL", Feature: "logs", Meaning: "older name",
			field: func(c *Config) value { return word{&c.LogLevel, levels} }},
		{Name: "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", AliasOf: "POWERTOOLS_EXTENSION_HTTP_PORT", Feature: "extension", Meaning: "drop-in name",
			field: func(c *Config) value { return whole{&c.HTTPPort, 1, 65535} }},
		{Name: "AWS_APPCONFIG_EXTENSION_HTTP_PORT", AliasOf: "POWERTOOLS_EXTENSION_APPCONFIG_PORT", Feature: "parameters", Meaning: "drop-in name",
			field: func(c *Config) value { return whole{&c.AppConfigPort, 0, 65535} }},
		{Name: "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL", AliasOf: "POWERTOOLS_EXTENSION_LOG_LEVEL", Feature: "extension", Meaning: "drop-in name",
			field: func(c *Config) value {
				return word{&c.ExtensionLogLevel, []string{"DEBUG", "INFO", "WARN", "ERROR", "NONE"}}
			}},
		{Name: "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE", AliasOf: "POWERTOOLS_PARAMETERS_CACHE_SIZE", Feature: "parameters", Meaning: "drop-in name",
			field: func(c *Config) value { return whole{&c.CacheItems, 0, 1_000_000} }},
	}
}
