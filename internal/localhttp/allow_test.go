package localhttp_test

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// The allow-list stands in front of every route, on both ports, and of what is
// fetched ahead; what it refuses costs no call.
func TestAllowListOnEveryRoute(t *testing.T) {
	const role = "arn:aws:iam::999999999999:role/reader"
	for name, tc := range map[string]struct {
		allow   []string
		targets []string
	}{
		"set, and nothing in it": {[]string{}, nil},
		"something else":         {[]string{"ssm:/other/*", "secret:other", "dynamodb:T/other", "appconfig:a/b/other"}, nil},
		"everything, but not as a role, elsewhere, or another attribute": {[]string{"*"}, []string{
			"/parameters/ssm/app/db?region=us-east-1", "/parameters/ssm/app/db?role_arn=" + role, "/parameters/ssm?path=/app&region=us-east-1",
			"/parameters/ssm?name=/app/db&raise_on_error=true&role_arn=" + role, "/parameters/secrets/db?region=us-east-1", "/parameters/secrets?name=db&raise_on_error=true&region=us-east-1",
			"/parameters/secrets/arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf", "/v1/arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf",
			"/v1/db?roleArn=" + role, "/secretsmanager/get?secretId=db&roleArn=" + role, "/systemsmanager/parameters/get?name=a&roleArn=" + role,
			"/systemsmanager/parameters/get?name=arn:aws:ssm:us-east-1:111122223333:parameter/app/db",
			"/parameters/dynamodb/T/k?item=true", "/parameters/dynamodb/T/k?value_attr=password", "/parameters/dynamodb/T/k?key_attr=email",
			"/parameters/dynamodb/T?key=k&item=true", "/parameters/dynamodb/T?key=k&sort_attr=password", "/parameters/appconfig/a/b/c?region=us-east-1",
		}},
		"parameters, and a secret among them": {[]string{"ssm:*"}, []string{
			"/parameters/ssm/aws/reference/secretsmanager/db?decrypt=true", "/parameters/ssm/%2Faws%2Freference%2Fsecretsmanager%2Fdb",
			"/systemsmanager/parameters/get?name=/aws/reference/secretsmanager/db&withDecryption=true", "/parameters/ssm?path=/aws/reference/secretsmanager",
			"/parameters/ssm?name=/aws/reference/secretsmanager/db&raise_on_error=true",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			u := &switched{}
			cache := paramcache.New(u, zap.NewNop(), paramcache.Config{MaxAge: time.Minute, MaxItems: 100, MaxBytes: 1 << 20, Allow: tc.allow,
				Region: "eu-west-1", Account: func() string { return "111122223333" }, KeyAttr: "id", SortAttr: "sk", ValueAttr: "value"})
			s := start(t, localhttp.Deps{Parameters: cache}, localhttp.Options{AppConfigPort: -1, Write: true})
			targets := tc.targets
			if targets == nil {
				for _, one := range allReads {
					targets = append(targets, one.target)
				}
				cache.Warm(t.Context(), []paramcache.Ref{{Source: "ssm", Name: "/app/db"}, {Source: "appconfig", Name: "a/b/c"}})
				if answer := raw(t, s.AppConfigAddr(), head("GET /applications/a/environments/b/configurations/c", withHost)); strings.Contains(answer, " 200 ") {
					t.Errorf("the AppConfig port: %s", answer)
				}
				if w := do(s, "PUT", "/parameters/ssm/app/db", "v"); w.Code == 200 {
					t.Error("a write passes")
				}
			}
			for _, target := range targets {
				if w := get(s, target); w.Code == 200 || !strings.Contains(w.Body.String()+w.Header().Get("X-Powertools-Error"), "POWERTOOLS_PARAMETERS_ALLOW") && !strings.HasPrefix(target, "/v1/") {
					t.Errorf("%s: %d %s", target, w.Code, w.Body)
				}
			}
			if u.n != 0 {
				t.Errorf("%d calls upstream", u.n)
			}
		})
	}
}
