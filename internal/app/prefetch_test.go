package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/config"
	"powertools-extension/internal/paramcache"
)

func TestParseRef(t *testing.T) {
	cfg, _ := config.Load([]string{"POWERTOOLS_PARAMETERS_SSM_DECRYPT=true"})
	for _, tt := range []struct {
		text string
		want paramcache.Ref
	}{
		{"ssm:/app/db", paramcache.Ref{Source: "ssm", Name: "/app/db", Decrypt: true}},
		{"ssm-path:/app/", paramcache.Ref{Source: "ssm", Name: "/app/", Path: true, Decrypt: true}},
		{"secret:app/db", paramcache.Ref{Source: "secrets", Name: "app/db"}},
		{"secret:arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf", paramcache.Ref{Source: "secrets", Name: "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"}},
		{"dynamodb:config/a/b", paramcache.Ref{Source: "dynamodb", Name: "config", Key: "a/b", KeyAttr: "id", ValueAttr: "value"}},
		{"appconfig:shop/prod/main", paramcache.Ref{Source: "appconfig", Name: "shop/prod/main"}},
		{"appconfig:" + agentName("shop:prod:main"), paramcache.Ref{Source: "appconfig", Name: "shop/prod/main"}},
		{"appconfig:" + agentName("/applications/shop/environments/prod/configurations/main"), paramcache.Ref{Source: "appconfig", Name: "shop/prod/main"}},
	} {
		got, err := parseRef(tt.text, cfg)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, d)
		}
	}
	for _, text := range []string{"", "ssm:", "/app/db", "dynamodb:table", "dynamodb:/key", "appconfig:a/b", "appconfig:" + agentName("a:b"), "s3:bucket"} {
		if ref, err := parseRef(text, cfg); err == nil {
			t.Errorf("%q is taken for %+v", text, ref)
		}
	}
}
