package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"powertools-extension/internal/config"
	"powertools-extension/internal/ref"
)

// What is fetched ahead is what a request asks for later.
func TestPrefetched(t *testing.T) {
	cfg, problems := config.Load([]string{
		"POWERTOOLS_PARAMETERS_PREFETCH=ssm:/app/db, ssm:/app/blob?decrypt=false, ssm-path:/app/, secret:app/db?region=us-east-1, dynamodb:config/a/b, nonsense, ssm:/x?region=evil.example",
		"AWS_APPCONFIG_EXTENSION_PREFETCH_LIST=shop:prod:main, /applications/shop/environments/prod/configurations/other, shop:prod",
	})
	a := &App{cfg: cfg}
	want := []ref.Ref{
		{Source: "ssm", Name: "/app/db", Decrypt: true},
		{Source: "ssm", Name: "/app/blob"},
		{Source: "ssm", Name: "/app", Path: true, Decrypt: true},
		{Source: "ssm", Name: "/app", Path: true},
		{Source: "secrets", Name: "app/db", Region: "us-east-1"},
		{Source: "dynamodb", Name: "config", Key: "a/b"},
		{Source: "appconfig", Name: "shop/prod/main"},
		{Source: "appconfig", Name: "shop/prod/other"},
	}
	if d := cmp.Diff(want, a.prefetched()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var entries []string
	for _, p := range problems {
		entry, _, _ := strings.Cut(p.Reason, ":")
		entries = append(entries, entry)
	}
	slices.Sort(entries)
	if d := cmp.Diff([]string{"entry 3", "entry 6", "entry 7"}, entries); d != "" {
		t.Errorf("entries complained about (-want +got):\n%s", d)
	}
}

// TestSettingsTellWhatRoomsFind, the live process's as well as -config's, and
// neither tells a secret.
func TestSettingsTellWhatRoomsFind(t *testing.T) {
	const canary = "c4n4ry"
	environ := []string{
		"AWS_LAMBDA_FUNCTION_NAME=fn", "POWERTOOLS_METRICS_PLATFORM=Duration,nothing", "POWERTOOLS_LOGS_REDACT=re:(", "POWERTOOLS_PARAMETERS_MAX_AGE=soon",
		"POWERTOOLS_LOGS_DESTINATION=https://example.com/" + canary + "?key=" + canary, "POWERTOOLS_LOGS_HTTP_HEADERS=X-Key: " + canary, "AWS_SESSION_TOKEN=" + canary,
	}
	cfg, _ := config.Load(environ)
	live := New(cfg, Deps{Environ: environ, Stdout: discard{}, Log: zap.NewNop()}).settings()
	if d := cmp.Diff(live, Effective(environ)); d != "" {
		t.Errorf("(-live +asked):\n%s", d)
	}
	var variables []string
	for _, p := range live.Problems {
		variables = append(variables, p.Var)
	}
	slices.Sort(variables)
	if d := cmp.Diff([]string{"POWERTOOLS_LOGS_REDACT", "POWERTOOLS_METRICS_PLATFORM", "POWERTOOLS_PARAMETERS_MAX_AGE"}, variables); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
	if text := fmt.Sprint(live); strings.Contains(text, canary) {
		t.Errorf("a secret is told: %s", text)
	}
}
