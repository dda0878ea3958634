package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/config"
)

// TestMisspeltNames: what stands in the environment, and the name that was
// meant; "-" means that nothing is said.
func TestMisspeltNames(t *testing.T) {
	for name, want := range map[string]string{
		// Our families: whatever nobody reads.
		"POWERTOOLS_EXTENSION_HTTP_PROT":    "POWERTOOLS_EXTENSION_HTTP_PORT",
		"POWERTOOLS_LOGS_DESTINATIONS":      "POWERTOOLS_LOGS_DESTINATION",
		"POWERTOOLS_LOGS_REDACTION":         "POWERTOOLS_LOGS_REDACT",
		"POWERTOOLS_METRICS_NAMESPCE":       "POWERTOOLS_METRICS_NAMESPACE",
		"POWERTOOLS_PARAMETERS_MAXAGE":      "POWERTOOLS_PARAMETERS_MAX_AGE",
		"POWERTOOLS_METRICS_QUITE_ELSE_XYZ": "",
		"POWERTOOLS_EXTENSION_":             "",
		"POWERTOOLS_BATCH_SOMETHING_ELSE":   "",
		"POWERTOOLS_CORS_SOMETHING_ELSE":    "",
		"POWERTOOLS_TRACE_SOMETHING_ELSE":   "",

		// Elsewhere: a slip of the hand.
		"POWERTOOL_SERVICE_NAME":                        "POWERTOOLS_SERVICE_NAME",
		"POWERTOOLS_SERVICE_NAEM":                       "POWERTOOLS_SERVICE_NAME",
		"POWERTOOLS_SERVICENAME":                        "POWERTOOLS_SERVICE_NAME",
		"powertools_service_name":                       "POWERTOOLS_SERVICE_NAME",
		"Powertools_Log_Level":                          "POWERTOOLS_LOG_LEVEL",
		"POWERTOOLS_LOG_LEVLE":                          "POWERTOOLS_LOG_LEVEL",
		"POWERTOOLS_LOGLEVEL":                           "POWERTOOLS_LOG_LEVEL",
		"POWERTOOLS_LOG_BUFFER":                         "POWERTOOLS_LOGS_BUFFER",
		"POWERTOLS_METRICS_NAMSPACE":                    "POWERTOOLS_METRICS_NAMESPACE",
		"POWERTOOLS_LOGGER_SAMPLE_RAT":                  "POWERTOOLS_LOGGER_SAMPLE_RATE",
		"POWERTOOLS_DEBG":                               "POWERTOOLS_DEBUG",
		"PARAMETERS_SECRETS_EXTENSION_HTTP_PROT":        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
		"PARAMETERS_SECRET_EXTENSION_CACHE_SIZE":        "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE",
		"SECRETS_MANAGER_TLL":                           "SECRETS_MANAGER_TTL",
		"SSM_PARAMETER_STORE_TIMEOUT_MILLI":             "SSM_PARAMETER_STORE_TIMEOUT_MILLIS",
		"AWS_APPCONFIG_EXTENSION_POLL_INTERVAL_SECOND":  "AWS_APPCONFIG_EXTENSION_POLL_INTERVAL_SECONDS",
		"aws_appconfig_extension_poll_interval_seconds": "AWS_APPCONFIG_EXTENSION_POLL_INTERVAL_SECONDS",

		// The function's own, however alike.
		"LOGLEVEL": "-", "LOG_LEVELS": "-", "LOG_LEVE": "-", "DB_LOG_LEVEL": "-", "AWS_REGIONS": "-", "AWS_REGION_": "-",
		"SECRETS_MANAGER_URL": "-", "SECRETS_MANAGER_ARN": "-", "SSM_PARAMETER_STORE_PATH": "-", "SERVICE_NAME": "-", "METRICS_NAMESPACE": "-",
		"POWERTOOLS_ENV": "-", "POWERTOOLS_STAGE": "-", "POWERTOOLS_DEMO": "-", "POWERTOOLS_": "-", "POWERTOOLS": "-", "NODE_OPTIONS": "-", "": "-",
	} {
		_, problems := load(t, name+"=c4n4ry")
		text := strings.Join(problems, "\n")
		switch {
		case strings.Contains(text, "c4n4ry"):
			t.Errorf("%s: the value is told: %s", name, text)
		case want == "-":
			if text != "" {
				t.Errorf("%s: %s", name, text)
			}
		default:
			full := name + ": unknown variable"
			if want != "" {
				full += ": did you mean " + want + "?"
			}
			if text != full {
				t.Errorf("%s: %q, want %q", name, text, full)
			}
		}
	}
}

// TestNoAlarmBesideALibrary: every variable of the Powertools libraries (their
// environment variable pages) and of the AWS layers, all at once.
func TestNoAlarmBesideALibrary(t *testing.T) {
	environ := strings.Fields(`
		POWERTOOLS_SERVICE_NAME=shop POWERTOOLS_METRICS_NAMESPACE=shop POWERTOOLS_METRICS_FUNCTION_NAME=fn POWERTOOLS_METRICS_DISABLED=false
		POWERTOOLS_TRACE_ENABLED=true POWERTOOLS_TRACE_DISABLED=1 POWERTOOLS_TRACER_CAPTURE_RESPONSE=false POWERTOOLS_TRACER_CAPTURE_ERROR=false
		POWERTOOLS_TRACER_CAPTURE_HTTPS_REQUESTS=false POWERTOOLS_TRACE_MIDDLEWARES=true POWERTOOLS_LOGGER_LOG_EVENT=true POWERTOOLS_LOGGER_LOG_RESPONSE=true
		POWERTOOLS_LOGGER_LOG_ERROR=true POWERTOOLS_LOGGER_SAMPLE_RATE=0.1 POWERTOOLS_LOGGER_CASE=CamelCase POWERTOOLS_LOG_LEVEL=INFO LOG_LEVEL=INFO
		POWERTOOLS_LOG_DEDUPLICATION_DISABLED=1 POWERTOOLS_PARAMETERS_MAX_AGE=5 POWERTOOLS_PARAMETERS_SSM_DECRYPT=true POWERTOOLS_IDEMPOTENCY_DISABLED=true POWERTOOLS_CIRCUIT_BREAKER_DISABLED=1
		POWERTOOLS_DEV=0 POWERTOOLS_DEBUG=false POWERTOOLS_APPCONFIG_AGENT_RETURN_VALUE=x POWERTOOLS_BATCH_ERROR_HANDLING_POLICY=DeriveFromEvent
		POWERTOOLS_BATCH_PARALLEL_ENABLED=false POWERTOOLS_BATCH_MAX_DEGREE_OF_PARALLELISM=1 POWERTOOLS_BATCH_THROW_ON_FULL_BATCH_FAILURE=true DD_FLUSH_TO_LOG=true
		PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED=TRUE PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE=10 PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=2773
		PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL=info PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS=3 SECRETS_MANAGER_TTL=300 SSM_PARAMETER_STORE_TTL=300
		SECRETS_MANAGER_TIMEOUT_MILLIS=0 SSM_PARAMETER_STORE_TIMEOUT_MILLIS=0
		AWS_LAMBDA_EXEC_WRAPPER=/opt/x AWS_LAMBDA_LOG_GROUP_NAME=g AWS_LAMBDA_LOG_STREAM_NAME=s AWS_DEFAULT_REGION=x AWS_XRAY_CONTEXT_MISSING=LOG_ERROR
		AWS_EXECUTION_ENV=x LAMBDA_TASK_ROOT=/var/task TZ=:UTC _HANDLER=app.handler`)
	if _, problems := config.Load(environ); len(problems) != 0 {
		t.Error(problems)
	}
}

// TestValuesThatMakeOutputInvalid, from both sides of each limit: a bad one is
// a problem that says what is used, and never a silent loss.
func TestValuesThatMakeOutputInvalid(t *testing.T) {
	x := strings.Repeat
	const service, function, namespace, dims = "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_FUNCTION_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_METRICS_DIMENSIONS"
	const notDimension = "not the value of a CloudWatch dimension (1 to 1024 characters of printable ASCII)"
	for _, tc := range []struct {
		variable, value string
		problem         string
		used            func(config.Config) string
		want            string
	}{
		{service, "orders", "", func(c config.Config) string { return c.MetricsService }, "orders"},
		{service, x("x", 1024), "", func(c config.Config) string { return c.MetricsService }, x("x", 1024)},
		{service, "a b~!", "", func(c config.Config) string { return c.MetricsService }, "a b~!"},
		{service, x("x", 1025), notDimension + "; using service_undefined for the metrics; lines keep the name", func(c config.Config) string { return c.MetricsService }, "service_undefined"},
		{service, x("x", 1100), notDimension + "; using service_undefined for the metrics; lines keep the name", func(c config.Config) string { return c.Service }, x("x", 1100)},
		{service, "Zahlung Müller", notDimension + "; using service_undefined for the metrics; lines keep the name", func(c config.Config) string { return c.MetricsService + "/" + c.Service }, "service_undefined/Zahlung Müller"},
		{service, "a\tb", notDimension + "; using service_undefined for the metrics; lines keep the name", func(c config.Config) string { return c.MetricsService }, "service_undefined"},
		{service, "  ", "", func(c config.Config) string { return c.MetricsService + "/" + c.Service }, "service_undefined/service_undefined"},
		{function, x("x", 1024), "", func(c config.Config) string { return c.MetricsFunctionName }, x("x", 1024)},
		{function, x("x", 1025), notDimension + "; using the default", func(c config.Config) string { return c.MetricsFunctionName }, ""},
		{function, "fn ö", notDimension + "; using the default", func(c config.Config) string { return c.MetricsFunctionName }, ""},
		{namespace, x("x", 255), "", func(c config.Config) string { return c.MetricsNamespace }, x("x", 255)},
		{namespace, "Shop/eu-1_a.b:c#d e", "", func(c config.Config) string { return c.MetricsNamespace }, "Shop/eu-1_a.b:c#d e"},
		{namespace, x("x", 256), "not a namespace: 1 to 255 of letters, digits and ` ._#:/-`, not starting with AWS/; using default_namespace", func(c config.Config) string { return c.MetricsNamespace }, "default_namespace"},
		{namespace, "AWS/Lambda", "not a namespace: 1 to 255 of letters, digits and ` ._#:/-`, not starting with AWS/; using default_namespace", func(c config.Config) string { return c.MetricsNamespace }, "default_namespace"},
		{namespace, "Läden", "not a namespace: 1 to 255 of letters, digits and ` ._#:/-`, not starting with AWS/; using default_namespace", func(c config.Config) string { return c.MetricsNamespace }, "default_namespace"},
		{dims, "stage=prod,team=ö", "entry 2: not name=value of 1 to 250 and 1 to 1024 characters of printable ASCII, such as stage=prod; using the other entries", dimensionsOf, "stage=prod"},
		{dims, x("n", 250) + "=" + x("v", 1024), "", dimensionsOf, x("n", 250) + "=" + x("v", 1024)},
		{dims, "a=1," + x("n", 251) + "=v", "entry 2: not name=value of 1 to 250 and 1 to 1024 characters of printable ASCII, such as stage=prod; using the other entries", dimensionsOf, "a=1"},
		{dims, "a=" + x("v", 1025) + ",b=2", "entry 1: not name=value of 1 to 250 and 1 to 1024 characters of printable ASCII, such as stage=prod; using the other entries", dimensionsOf, "b=2"},
		{dims, "_aws=1,:a=2,b=", "entry 1: not name=value of 1 to 250 and 1 to 1024 characters of printable ASCII, such as stage=prod; using the default", dimensionsOf, ""},
		{dims, numbered(27), "", dimensionsOf, numbered(27)},
		{dims, numbered(28), "entry 28: one too many, there may be 27 (29 with service and function_name); using the other entries", dimensionsOf, numbered(27)},
	} {
		c, problems := config.Load([]string{tc.variable + "=" + tc.value})
		if got := tc.used(c); got != tc.want {
			t.Errorf("%s=%.40s: uses %.60q, want %.60q", tc.variable, tc.value, got, tc.want)
		}
		want := []string(nil)
		if tc.problem != "" {
			want = []string{tc.variable + ": " + tc.problem}
		}
		var got []string
		for _, p := range problems {
			got = append(got, p.String())
		}
		if !slices.Equal(got[:min(len(got), 1)], want) {
			t.Errorf("%s=%.40s:\n%s", tc.variable, tc.value, cmp.Diff(want, got))
		}
	}
}

func dimensionsOf(c config.Config) string {
	var parts []string
	for _, d := range c.MetricsDimensions {
		parts = append(parts, d.Name+"="+d.Value)
	}
	return strings.Join(parts, ",")
}

func numbered(n int) string {
	var parts []string
	for i := range n {
		parts = append(parts, "d"+strings.Repeat("x", i)+"=v")
	}
	return strings.Join(parts, ",")
}

func BenchmarkLoad(b *testing.B) {
	environ := append(realEnviron(), "POWERTOOLS_SERVICE_NAME=shop", "POWERTOOLS_METRICS_NAMESPACE=shop")
	b.ReportAllocs()
	for b.Loop() {
		config.Load(environ)
	}
}

// realEnviron are the names of a function with variables of its own.
func realEnviron() []string {
	var environ []string
	for _, name := range strings.Fields(`AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME
		AWS_LAMBDA_RUNTIME_API AWS_LAMBDA_INITIALIZATION_TYPE AWS_REGION AWS_DEFAULT_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_XRAY_DAEMON_ADDRESS
		AWS_XRAY_CONTEXT_MISSING AWS_EXECUTION_ENV LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR LD_LIBRARY_PATH PATH LANG TZ _HANDLER DATABASE_URL TABLE_NAME QUEUE_URL STAGE BUCKET_NAME
		EVENT_BUS_NAME STATE_MACHINE_ARN USER_POOL_ID NODE_OPTIONS PYTHONPATH SERVICE_NAME LOG_FORMAT FEATURE_FLAG_TABLE`) {
		value := "x"
		if name == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" {
			value = "128"
		}
		environ = append(environ, name+"="+value)
	}
	return environ
}
