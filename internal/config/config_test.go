package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/config"
)

// quiet is the environment in which nothing is worth a word.
const quiet = "POWERTOOLS_METRICS_NAMESPACE=shop"

func load(t *testing.T, env ...string) (config.Config, []string) {
	t.Helper()
	c, problems := config.Load(append([]string{quiet}, env...))
	var texts []string
	for _, p := range problems {
		texts = append(texts, p.String())
	}
	return c, texts
}

func TestDefaults(t *testing.T) {
	got, problems := load(t)
	want := config.Config{
		MemoryMB: 128, InitType: "on-demand", LogFormat: "Text",
		Service: "service_undefined", MetricsService: "service_undefined", MetricsNamespace: "shop",
		MaxAge: 5 * time.Minute, SSMMaxAge: 5 * time.Minute, SecretsMaxAge: 5 * time.Minute, AppConfigMaxAge: 45 * time.Second,
		PrefetchTimeout:   2 * time.Second,
		RuntimeProxy:      "auto",
		ProxyPort:         9019,
		ProxyHTTPErrors:   true,
		EnvOnFailure:      "fail",
		EnvTimeout:        5 * time.Second,
		ExtensionLogLevel: "WARN", HTTPPort: 2773, BufferBytes: 4 << 20,
		Flush: "auto", FlushBudget: 300 * time.Millisecond,
		LogsDestinations: []config.Destination{{Kind: "stdout"}}, MetricsPlatform: "default",
		LogsKeys: []string{"lean"}, LogsCopy: "missing", LogsMode: "copy", LogsText: "object", EmptyResponse: "auto",
		StaleIfError: 24 * time.Hour, CacheItems: 1000, CacheBytes: 16 << 20,
		ParametersTimeout: 3 * time.Second, MaxConnections: 3, CacheEnabled: true,
		DynamoDBKeyAttr: "id", DynamoDBSortAttr: "sk", DynamoDBValueAttr: "value",
		FeatureFlagsMaxAge: -time.Second, Logger: config.Logger{Bytes: 32 << 10}, Hooks: config.Hooks{ResponseMode: "log", InvalidEvent: "error"},
		Batch:   config.Batch{Verify: "auto", Raise: true, StreamStop: true},
		CORS:    config.CORS{Headers: []string{"Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "X-Api-Key"}, Methods: []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}},
		Tracing: config.Tracing{Enabled: true, CaptureError: true, Parent: "keep"},
		Idempotency: config.Idempotency{
			Format: "python", Hash: "md5", ExpiresAfter: time.Hour, Oversize: "keep", Store: "success", OnStoreFailure: "closed", Timeout: 2 * time.Second,
			KeyAttr: "id", ExpiryAttr: "expiration", InProgressExpiryAttr: "in_progress_expiration", StatusAttr: "status", DataAttr: "data", ValidationKeyAttr: "validation",
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("defaults (-want +got):\n%s", d)
	}
	if problems != nil {
		t.Errorf("problems: %q", problems)
	}
}

// TestMissingNamespace is no problem of its own: a function without metrics
// needs none. Whoever prints the first metric says it.
func TestMissingNamespace(t *testing.T) {
	for _, tt := range []struct {
		env   []string
		unset bool
	}{
		{nil, true}, {[]string{"POWERTOOLS_METRICS_NAMESPACE=  "}, true},
		{[]string{quiet}, false}, {[]string{"POWERTOOLS_METRICS_NAMESPACE=default_namespace"}, false},
	} {
		c, problems := config.Load(tt.env)
		if problems != nil || c.NamespaceUnset != tt.unset {
			t.Errorf("%v: unset %t, problems %v", tt.env, c.NamespaceUnset, problems)
		}
	}
	if got := config.NamespaceMissing().String(); got != "POWERTOOLS_METRICS_NAMESPACE: not set; using default_namespace" {
		t.Error(got)
	}
}

// Every option changes what it is documented to change: an option that is
// parsed and then ignored is a row that fails here.
func TestEveryVariableHasAnEffect(t *testing.T) {
	values := map[string]string{
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE":               "512",
		"AWS_LAMBDA_LOG_FORMAT":                         "json",
		"AWS_LAMBDA_LOG_LEVEL":                          "ERROR",
		"POWERTOOLS_LOG_LEVEL":                          "debug",
		"LOG_LEVEL":                                     "debug",
		"POWERTOOLS_LOGGER_SAMPLE_RATE":                 "0.5",
		"POWERTOOLS_LOGGER_LOG_EVENT":                   "true",
		"POWERTOOLS_LOGGER_LOG_RESPONSE":                "1",
		"POWERTOOLS_LOGGER_LOG_ERROR":                   "on",
		"POWERTOOLS_LOGGER_LOG_EVENT_BYTES":             "1024",
		"POWERTOOLS_METRICS_DISABLED":                   "Yes",
		"POWERTOOLS_PARAMETERS_MAX_AGE":                 "7",
		"POWERTOOLS_PARAMETERS_SSM_DECRYPT":             "on",
		"POWERTOOLS_DEV":                                "1",
		"POWERTOOLS_DEBUG":                              "t",
		"POWERTOOLS_EXTENSION_LOG_LEVEL":                "error",
		"PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL":        "debug",
		"POWERTOOLS_EXTENSION_HTTP_PORT":                "8080",
		"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT":        "8081",
		"POWERTOOLS_EXTENSION_BUFFER_BYTES":             "65536",
		"POWERTOOLS_EXTENSION_SPOOL_BYTES":              "1000",
		"POWERTOOLS_EXTENSION_FLUSH":                    "End",
		"POWERTOOLS_EXTENSION_FLUSH_BUDGET":             "150",
		"POWERTOOLS_LOGS_BUFFER":                        "debug",
		"POWERTOOLS_LOGS_HTTP_HEADERS":                  "Authorization: secret:id#key",
		"POWERTOOLS_LOGS_DESTINATION":                   "none",
		"POWERTOOLS_PARAMETERS_PREFETCH":                "ssm:/app/db",
		"AWS_APPCONFIG_EXTENSION_PREFETCH_LIST":         "app:env:profile",
		"POWERTOOLS_LOGS_KEYS":                          "lean, Function_ARN",
		"POWERTOOLS_LOGS_COPY":                          "ALL",
		"POWERTOOLS_LOGS_MODE":                          "In-Place",
		"POWERTOOLS_LOGS_TEXT":                          "keep",
		"POWERTOOLS_METRICS_EMPTY_RESPONSE":             "error",
		"POWERTOOLS_METRICS_PLATFORM":                   "Duration,Errors",
		"POWERTOOLS_METRICS_DIMENSIONS":                 "stage=prod, team=pay",
		"POWERTOOLS_PARAMETERS_STALE_IF_ERROR":          "90m",
		"POWERTOOLS_PARAMETERS_CACHE_SIZE":              "10",
		"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE":       "11",
		"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED":    "FALSE",
		"PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS":  "9",
		"POWERTOOLS_PARAMETERS_CACHE_BYTES":             "1048576",
		"POWERTOOLS_PARAMETERS_TIMEOUT":                 "250ms",
		"SSM_PARAMETER_STORE_TIMEOUT_MILLIS":            "700",
		"SECRETS_MANAGER_TIMEOUT_MILLIS":                "800",
		"AWS_APPCONFIG_EXTENSION_POLL_INTERVAL_SECONDS": "90",
		"AWS_APPCONFIG_EXTENSION_POLL_TIMEOUT_MILLIS":   "900",
		"POWERTOOLS_PARAMETERS_ALLOW":                   "ssm:/app/*",
		"POWERTOOLS_EXTENSION_APPCONFIG_PORT":           "2772",
		"AWS_APPCONFIG_EXTENSION_HTTP_PORT":             "2772",
		"POWERTOOLS_PARAMETERS_PREFETCH_TIMEOUT":        "1s",
		"POWERTOOLS_PARAMETERS_STALE_WHILE_REVALIDATE":  "60",
		"POWERTOOLS_PARAMETERS_WRITE":                   "true",
		"POWERTOOLS_RUNTIME_PROXY":                      "on",
		"POWERTOOLS_RUNTIME_PROXY_PORT":                 "9020",
		"POWERTOOLS_PROXY_HTTP_ERRORS":                  "false",
		"POWERTOOLS_PARAMETERS_ENV_ON_FAILURE":          "start",
		"POWERTOOLS_PARAMETERS_ENV_TIMEOUT":             "2s",
		"POWERTOOLS_FEATURE_FLAGS_MAX_AGE":              "30",
		"POWERTOOLS_VALIDATION_RESPONSE_MODE":           "enforce",
		"POWERTOOLS_VALIDATION_FORMATS":                 "true",
		"POWERTOOLS_VALIDATION_INVALID_EVENT":           "drop",
		"POWERTOOLS_RESPONSE_ENVELOPE":                  "http",
		"POWERTOOLS_CORS_ORIGINS":                       "https://a.example.com, http://localhost:3000",
		"POWERTOOLS_CORS_MAX_AGE":                       "600",
		"POWERTOOLS_CORS_CREDENTIALS":                   "true",
		"POWERTOOLS_BATCH":                              "SQS, kinesis",
		"POWERTOOLS_BATCH_VERIFY":                       "strict",
		"POWERTOOLS_BATCH_SKIP_GROUP_ON_ERROR":          "true",
		"POWERTOOLS_BATCH_RAISE_ON_ENTIRE_FAILURE":      "false",
		"POWERTOOLS_BATCH_STREAM_STOP":                  "false",
		"POWERTOOLS_IDEMPOTENCY_DISABLED":               "true",
		"POWERTOOLS_IDEMPOTENCY_KEY_REQUIRED":           "true",
		"POWERTOOLS_IDEMPOTENCY_FORMAT":                 "TypeScript",
		"POWERTOOLS_IDEMPOTENCY_HASH":                   "sha256",
		"POWERTOOLS_IDEMPOTENCY_EXPIRES_AFTER":          "60",
		"POWERTOOLS_IDEMPOTENCY_IN_PROGRESS_TIMEOUT":    "block",
		"POWERTOOLS_IDEMPOTENCY_WAIT":                   "2",
		"POWERTOOLS_IDEMPOTENCY_OVERSIZE":               "free",
		"POWERTOOLS_IDEMPOTENCY_STORE":                  "all",
		"POWERTOOLS_IDEMPOTENCY_ON_STORE_FAILURE":       "open",
		"POWERTOOLS_IDEMPOTENCY_TIMEOUT":                "500ms",
		"POWERTOOLS_IDEMPOTENCY_LOCAL_CACHE":            "256",
		"SSM_PARAMETER_STORE_TTL":                       "600",
		"SECRETS_MANAGER_TTL":                           "0",
		"POWERTOOLS_TRACE_DESTINATION":                  "xray",
		"POWERTOOLS_TRACE_HTTP_HEADERS":                 "Authorization: secret:id#key",
		"POWERTOOLS_TRACE_DISABLED":                     "true",
		"POWERTOOLS_TRACE_ENABLED":                      "FALSE",
		"POWERTOOLS_TRACER_CAPTURE_RESPONSE":            "true",
		"POWERTOOLS_TRACER_CAPTURE_ERROR":               "false",
		"POWERTOOLS_TRACE_PARENT":                       "Rewrite",
	}
	base, _ := load(t)
	for _, v := range config.Vars() {
		text, ok := values[v.Name]
		if !ok {
			text = "other" // free text
		}
		got, problems := load(t, v.Name+"="+text)
		if problems != nil {
			t.Errorf("%s=%s: problems %q", v.Name, text, problems)
		}
		if cmp.Equal(base, got) {
			t.Errorf("%s=%s changes nothing", v.Name, text)
		}
	}
}

func TestBadValuesAreOneWarningEach(t *testing.T) {
	base, _ := load(t)
	for _, tt := range []struct{ env, want string }{
		{"POWERTOOLS_EXTENSION_HTTP_PORT=eighty", "POWERTOOLS_EXTENSION_HTTP_PORT: not a whole number from 1 to 65535; using 2773"},
		{"POWERTOOLS_EXTENSION_HTTP_PORT=70000", "POWERTOOLS_EXTENSION_HTTP_PORT: not a whole number from 1 to 65535; using 2773"},
		{"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=x", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: not a whole number from 1 to 65535; using 2773"},
		{"POWERTOOLS_PARAMETERS_MAX_AGE=soon", "POWERTOOLS_PARAMETERS_MAX_AGE: not a duration such as 250ms, 5s, 1h, or a number of seconds; using 300s"},
		{"POWERTOOLS_PARAMETERS_MAX_AGE=-1", "POWERTOOLS_PARAMETERS_MAX_AGE: not between 0s and 8760h0m0s; using 300s"},
		{"POWERTOOLS_PARAMETERS_MAX_AGE=NaN", "POWERTOOLS_PARAMETERS_MAX_AGE: not a duration such as 250ms, 5s, 1h, or a number of seconds; using 300s"},
		{"POWERTOOLS_LOG_LEVEL=loud", "POWERTOOLS_LOG_LEVEL: not one of TRACE, DEBUG, INFO, WARN, WARNING, ERROR, CRITICAL, FATAL, SILENT; using the default"},
		{"POWERTOOLS_LOGGER_SAMPLE_RATE=2", "POWERTOOLS_LOGGER_SAMPLE_RATE: not a number from 0 to 1; using 0"},
		{"POWERTOOLS_METRICS_DISABLED=maybe", "POWERTOOLS_METRICS_DISABLED: not a boolean (1 y yes t true on, 0 n no f false off); using false"},
		{"POWERTOOLS_LOGS_DESTINATION=kafka:g", "POWERTOOLS_LOGS_DESTINATION: entry 1: not one of none, stdout, cloudwatch:GROUP[:STREAM], firehose:STREAM, otlp+http(s)://HOST/PATH, http(s)://HOST/PATH; using stdout"},
		{"POWERTOOLS_METRICS_PLATFORM=,", "POWERTOOLS_METRICS_PLATFORM: not one of none, event, default, insights, all and not a comma list of metric names; using default"},
		{"POWERTOOLS_METRICS_PLATFORM=Duration;Errors", "POWERTOOLS_METRICS_PLATFORM: not one of none, event, default, insights, all and not a comma list of metric names; using default"},
		{"POWERTOOLS_METRICS_DIMENSIONS=service=x", "POWERTOOLS_METRICS_DIMENSIONS: entry 1: named twice, or service or function_name, which are always there; using the default"},
		{"POWERTOOLS_METRICS_DIMENSIONS=stage", "POWERTOOLS_METRICS_DIMENSIONS: entry 1: not name=value of 1 to 250 and 1 to 1024 characters of printable ASCII, such as stage=prod; using the default"},
		{"POWERTOOLS_LOGS_KEYS=everything", "POWERTOOLS_LOGS_KEYS: not one of lean, all and not a comma list of known names; using lean"},
		{"POWERTOOLS_LOGS_KEYS=correlationid", "POWERTOOLS_LOGS_KEYS: not one of lean, all and not a comma list of known names: did you mean correlation_id?; using lean"},
		{"POWERTOOLS_LOGS_COPY=none", "POWERTOOLS_LOGS_COPY: not one of missing, all; using missing"},
		{"POWERTOOLS_LOGS_EXCLUDE=(secret", "POWERTOOLS_LOGS_EXCLUDE: not an RE2 expression: missing closing ); using the default"},
		{"POWERTOOLS_TRACE_DESTINATION=x-ray", "POWERTOOLS_TRACE_DESTINATION: entry 1: not one of none, xray, cloudwatch, otlp+http(s)://HOST/v1/traces: did you mean xray?; using the default"},
		{"POWERTOOLS_TRACE_DESTINATION=https://collector.example.com/v1/traces", "POWERTOOLS_TRACE_DESTINATION: entry 1: not one of none, xray, cloudwatch, otlp+http(s)://HOST/v1/traces: write otlp+ before a URL; using the default"},
		{"POWERTOOLS_TRACE_DESTINATION=otlp+https://user:word@collector.example.com", "POWERTOOLS_TRACE_DESTINATION: entry 1: a URL must not carry a user or password: use POWERTOOLS_TRACE_HTTP_HEADERS with a secret reference; using the default"},
		{"POWERTOOLS_TRACE_PARENT=replace", "POWERTOOLS_TRACE_PARENT: not one of keep, rewrite; using keep"},
		{"POWERTOOLS_EXTENSION_HTTP_PROT=2773", "POWERTOOLS_EXTENSION_HTTP_PROT: unknown variable: did you mean POWERTOOLS_EXTENSION_HTTP_PORT?"},
	} {
		got, problems := load(t, tt.env)
		if d := cmp.Diff([]string{tt.want}, problems); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.env, d)
		}
		if d := cmp.Diff(base, got); d != "" {
			t.Errorf("%s changed the configuration (-default +got):\n%s", tt.env, d)
		}
	}
}

func TestBadValueIsNeverRepeated(t *testing.T) {
	const canary = "c4n4ry-s3cret"
	for _, v := range config.Vars() {
		_, problems := load(t, v.Name+"="+canary, "POWERTOOLS_EXTENSION_WHAT="+canary)
		for _, p := range problems {
			if strings.Contains(p, canary) {
				t.Errorf("%s: %s", v.Name, p)
			}
		}
	}
}

func TestOurNameWinsOverItsAlias(t *testing.T) {
	c, problems := load(t, "POWERTOOLS_EXTENSION_HTTP_PORT=4000", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=5000")
	if c.HTTPPort != 4000 || problems != nil {
		t.Errorf("port = %d, problems %q", c.HTTPPort, problems)
	}
}

func TestDropInTimeouts(t *testing.T) {
	c, problems := load(t, "SSM_PARAMETER_STORE_TIMEOUT_MILLIS=900", "SECRETS_MANAGER_TIMEOUT_MILLIS=1500")
	if c.SSMTimeout != 900*time.Millisecond || c.SecretsTimeout != 1500*time.Millisecond || c.ParametersTimeout != 3*time.Second || problems != nil {
		t.Errorf("ssm %s, secrets %s, both %s, problems %q", c.SSMTimeout, c.SecretsTimeout, c.ParametersTimeout, problems)
	}
}

func TestDevMode(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  []string
		want bool
	}{
		{"dev emits no metrics", []string{"POWERTOOLS_DEV=true"}, true},
		{"unless told otherwise", []string{"POWERTOOLS_DEV=true", "POWERTOOLS_METRICS_DISABLED=false"}, false},
		{"blank counts as not set", []string{"POWERTOOLS_DEV=true", "POWERTOOLS_METRICS_DISABLED= "}, true},
	} {
		if c, _ := load(t, tt.env...); c.MetricsDisabled != tt.want {
			t.Errorf("%s: disabled = %v", tt.name, c.MetricsDisabled)
		}
	}
}

func TestCacheOffMeansNothingIsKept(t *testing.T) {
	c, _ := load(t, "POWERTOOLS_PARAMETERS_CACHE_SIZE=0", "SECRETS_MANAGER_TTL=60")
	if c.MaxAge != 0 || c.SSMMaxAge != 0 || c.SecretsMaxAge != 0 || c.StaleIfError != 0 {
		t.Errorf("ages = %s %s %s, stale %s", c.MaxAge, c.SSMMaxAge, c.SecretsMaxAge, c.StaleIfError)
	}
}

func TestEffectiveSaysWhereAValueComesFrom(t *testing.T) {
	settings := config.Effective([]string{quiet, "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=4444", "POWERTOOLS_SERVICE_NAME=orders"}).Settings
	got := map[string]config.Setting{}
	for _, s := range settings {
		got[s.Name] = s
	}
	for _, want := range []config.Setting{
		{Name: "POWERTOOLS_EXTENSION_HTTP_PORT", Value: "4444", Source: "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"},
		{Name: "POWERTOOLS_SERVICE_NAME", Value: "orders", Source: "environment"},
		{Name: "POWERTOOLS_PARAMETERS_MAX_AGE", Value: "5m0s", Source: "default"},
	} {
		if got[want.Name] != want {
			t.Errorf("got %+v, want %+v", got[want.Name], want)
		}
	}
}

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range config.Vars() {
		if seen[v.Name] {
			t.Errorf("%s stands twice", v.Name)
		}
		seen[v.Name] = true
		if v.Feature == "" || v.Meaning == "" {
			t.Errorf("%s: no feature or meaning", v.Name)
		}
		if v.AliasOf != "" && !seen[v.AliasOf] {
			t.Errorf("%s: alias of %s, which does not stand before it", v.Name, v.AliasOf)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, v := range config.Vars() {
		f.Add(v.Name, v.Default)
	}
	f.Add("POWERTOOLS_METRICS_DIMENSIONS", "a=b,c=d,=")
	f.Add("POWERTOOLS_EXTENSION_", "\x00")
	f.Fuzz(func(t *testing.T, name, value string) {
		c, _ := config.Load([]string{name + "=" + value})
		if c.HTTPPort < 1 || c.HTTPPort > 65535 || c.MaxAge < 0 || c.ParametersTimeout <= 0 || c.SampleRate < 0 || c.SampleRate > 1 {
			t.Errorf("%s=%q leads to an invalid configuration: %+v", name, value, c)
		}
	})
}

// TestEnvRefs: variables whose values come from parameters are found by their
// values, and those of the extension and of Lambda are told that they cannot.
func TestEnvRefs(t *testing.T) {
	cfg, problems := config.Load([]string{"DB=powertools+secret:app/db#password", "A=powertools+", "PLAIN=powertools", "X=x powertools+ssm:/a",
		"POWERTOOLS_SERVICE_NAME=powertools+ssm:/name", "AWS_X=powertools+ssm:/name", "POWERTOOLS_METRICS_NAMESPACE=n"})
	if diff := cmp.Diff([]config.EnvRef{{Name: "A", Ref: ""}, {Name: "DB", Ref: "secret:app/db#password"}}, cfg.EnvRefs); diff != "" {
		t.Error(diff)
	}
	told := 0
	for _, p := range problems {
		if strings.Contains(p.Reason, "cannot come from a parameter") {
			told++
		}
	}
	if told != 2 || !cfg.EnvFromParameters() {
		t.Errorf("problems %v", problems)
	}
}

func TestTraceDestinations(t *testing.T) {
	for text, want := range map[string][]config.Destination{
		"xray":                   {{Kind: config.XRay}},
		"XRay , cloudwatch,xray": {{Kind: config.XRay}, {Kind: config.CloudWatch}},
		"OTLP+HTTP://127.0.0.1:4318/v1/traces,none": {{Kind: config.OTLP, URL: "http://127.0.0.1:4318/v1/traces"}},
		"otlp+https://collector.example.com,x":      {{Kind: config.OTLP, URL: "https://collector.example.com"}},
		"none":                                      nil, "": nil,
	} {
		c, _ := load(t, "POWERTOOLS_TRACE_DESTINATION="+text)
		if d := cmp.Diff(want, c.Tracing.Destinations); d != "" || c.Tracing.On() != (want != nil) {
			t.Errorf("%s: %s", text, d)
		}
	}
	for _, off := range []string{"POWERTOOLS_TRACE_DISABLED=1", "POWERTOOLS_TRACE_ENABLED=False"} {
		if c, _ := load(t, "POWERTOOLS_TRACE_DESTINATION=xray", off); c.Tracing.On() {
			t.Errorf("%s: on", off)
		}
	}
}
