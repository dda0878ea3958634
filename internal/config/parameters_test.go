package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/config"
)

func parameterProblems(problems []config.Problem) (got []string) {
	for _, p := range problems {
		if p.Var != "POWERTOOLS_METRICS_NAMESPACE" {
			got = append(got, p.String())
		}
	}
	return got
}

// A list that nobody can use must not mean that there is none.
func TestAllowList(t *testing.T) {
	for env, want := range map[string]struct {
		allow    []string
		problems []string
	}{
		"":                                {nil, nil},
		"POWERTOOLS_PARAMETERS_ALLOW=":    {[]string{}, []string{"POWERTOOLS_PARAMETERS_ALLOW: set, but empty; unset it to allow everything; using (nothing may be read)"}},
		"POWERTOOLS_PARAMETERS_ALLOW=  ,": {[]string{}, []string{"POWERTOOLS_PARAMETERS_ALLOW: no entry; using (nothing may be read)"}},
		"POWERTOOLS_PARAMETERS_ALLOW=ssm:/app/*, secret:db": {[]string{"ssm:/app/*", "secret:db"}, nil},
		"POWERTOOLS_PARAMETERS_ALLOW=/app/*,secret:db": {[]string{"secret:db"},
			[]string{"POWERTOOLS_PARAMETERS_ALLOW: entry 1 allows nothing: did you mean ssm:/app/*?; using secret:db"}},
		"POWERTOOLS_PARAMETERS_ALLOW=sms:/app/*": {[]string{}, []string{
			"POWERTOOLS_PARAMETERS_ALLOW: entry 1 allows nothing: did you mean ssm:/app/*?; using (nothing may be read)"}},
	} {
		c, problems := config.Load([]string{env})
		if d := cmp.Diff(want.allow, c.ParametersAllow); d != "" {
			t.Errorf("%q (-want +got):\n%s", env, d)
		}
		if d := cmp.Diff(want.problems, parameterProblems(problems)); d != "" {
			t.Errorf("%q (-want +got):\n%s", env, d)
		}
	}
}

func TestAppConfigAge(t *testing.T) {
	for env, want := range map[string]time.Duration{
		"":                                   45 * time.Second,
		"POWERTOOLS_PARAMETERS_MAX_AGE=20":   20 * time.Second,
		"POWERTOOLS_PARAMETERS_MAX_AGE=300":  300 * time.Second,
		"POWERTOOLS_PARAMETERS_MAX_AGE=soon": 45 * time.Second,
		"AWS_APPCONFIG_EXTENSION_POLL_INTERVAL_SECONDS=90":                                  90 * time.Second,
		"AWS_APPCONFIG_EXTENSION_POLL_INTERVAL_SECONDS=5m":                                  5 * time.Minute,
		"POWERTOOLS_PARAMETERS_MAX_AGE=20 AWS_APPCONFIG_EXTENSION_POLL_INTERVAL_SECONDS=90": 90 * time.Second,
		"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED=false":                                  0,
	} {
		if c, _ := config.Load(strings.Fields(env)); c.AppConfigMaxAge != want {
			t.Errorf("%q: %s, want %s", env, c.AppConfigMaxAge, want)
		}
	}
}

func TestCacheSwitchedOff(t *testing.T) {
	for _, env := range []string{"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED=false", "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE=0", "POWERTOOLS_PARAMETERS_CACHE_SIZE=0"} {
		if c, _ := config.Load([]string{env}); c.CacheItems != 0 || c.MaxAge != 0 || c.StaleIfError != 0 {
			t.Errorf("%s: %d items, age %s, stale %s", env, c.CacheItems, c.MaxAge, c.StaleIfError)
		}
	}
}

// What a client of the AppConfig agent has set and nobody reads is said once.
func TestUnsupportedDropInVariables(t *testing.T) {
	_, problems := config.Load([]string{"AWS_APPCONFIG_EXTENSION_ROLE_ARN=arn:aws:iam::1:role/r", "AWS_APPCONFIG_EXTENSION_PROXY_URL=http://p", "AWS_APPCONFIG_EXTENSION_POLL_TIMEOUT_MILLIS=250"})
	want := []string{
		"AWS_APPCONFIG_EXTENSION_PROXY_URL: not supported: set HTTPS_PROXY",
		"AWS_APPCONFIG_EXTENSION_ROLE_ARN: not supported: the function's role is used; GET /parameters/appconfig takes ?role_arn=",
	}
	if d := cmp.Diff(want, parameterProblems(problems)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if c, _ := config.Load([]string{"AWS_APPCONFIG_EXTENSION_POLL_TIMEOUT_MILLIS=250"}); c.AppConfigTimeout != 250*time.Millisecond {
		t.Errorf("time limit %s", c.AppConfigTimeout)
	}
}
