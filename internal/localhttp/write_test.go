package localhttp_test

import (
	"fmt"
	"strings"
	"testing"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"github.com/google/go-cmp/cmp"
)

// plainSetting is a Setting that a diff shows.
type plainSetting struct {
	Value, Binary, Type, Tier, KMSKey string
	Overwrite                         bool
}

func TestPut(t *testing.T) {
	ssm := func(name string) paramcache.Ref { return paramcache.Ref{Source: "ssm", Name: name} }
	secret := func(name string) paramcache.Ref { return paramcache.Ref{Source: "secrets", Name: name} }
	const role = "arn:aws:iam::123456789012:role/x"
	const binary = "application/octet-stream"
	for name, test := range map[string]struct {
		target, media, body string
		ref                 paramcache.Ref
		setting             plainSetting
		answer              string
	}{
		"parameter": {"ssm/app/db", "", " v\n", ssm("/app/db"), plainSetting{Value: " v\n"}, `{"name":"/app/db","version":"7","source":"ssm"}`},
		"all": {"ssm/db?overwrite=true&type=SecureString&tier=Advanced&kms_key=alias/k&region=eu-west-1&role_arn=" + role, "text/plain", "v",
			paramcache.Ref{Source: "ssm", Name: "db", Region: "eu-west-1", RoleARN: role},
			plainSetting{Value: "v", Overwrite: true, Type: "SecureString", Tier: "Advanced", KMSKey: "alias/k"}, `{"name":"db","version":"7","source":"ssm"}`},
		"text as bytes":   {"ssm/db", binary, "v", ssm("db"), plainSetting{Value: "v"}, `{"name":"db","version":"7","source":"ssm"}`},
		"secret":          {"secrets/app/db?kms_key=k", "application/json", `{"a":1}`, secret("app/db"), plainSetting{Value: `{"a":1}`, KMSKey: "k"}, `{"name":"app/db","version":"7","source":"secrets"}`},
		"secret, bytes":   {"secrets/db", "Application/Octet-Stream; x=y", "v", secret("db"), plainSetting{Binary: "v"}, `{"name":"db","version":"7","source":"secrets"}`},
		"secret, no text": {"secrets/db", "", "\xff", secret("db"), plainSetting{Binary: "\xff"}, `{"name":"db","version":"7","source":"secrets"}`},
		"largest":         {"secrets/db", "", strings.Repeat("x", 256<<10), secret("db"), plainSetting{Value: strings.Repeat("x", 256<<10)}, `{"name":"db","version":"7","source":"secrets"}`},
	} {
		t.Run(name, func(t *testing.T) {
			var ref paramcache.Ref
			var got plainSetting
			fake := &fakeParameters{set: func(r paramcache.Ref, s paramcache.Setting) (string, error) {
				ref, got = r, plainSetting{s.Value.Reveal(), string(s.Binary), s.Type, s.Tier, s.KMSKey, s.Overwrite}
				return "7", nil
			}}
			w := do(newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{Write: true}), "PUT", "/parameters/"+test.target, test.body, "Content-Type", test.media)
			if w.Code != 200 || w.Body.String() != test.answer || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(test.ref, ref) + cmp.Diff(test.setting, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPutRefused(t *testing.T) {
	const base = "PUT /parameters/ssm/db"
	length := func(n int) string { return fmt.Sprintf("Content-Length: %d", n) }
	for name, test := range map[string]struct {
		request string
		status  string
		text    string
	}{
		"empty":           {head(base, withHost, withToken), "400", `"code":"missing_argument"`},
		"no name":         {head("PUT /parameters/ssm/", withHost, withToken, length(1)) + "v", "400", "parameter name is missing"},
		"too large":       {head(base, withHost, withToken, length(256<<10+1)), "413", `"code":"body_too_large"`},
		"compressed":      {head(base, withHost, withToken, "Content-Encoding: gzip", length(1)) + "v", "415", `"code":"unsupported_encoding"`},
		"not UTF-8":       {head(base, withHost, withToken, length(1)) + "\xff", "400", "is not UTF-8"},
		"wrong type":      {head(base+"?type=Secure", withHost, withToken, length(1)) + "v", "400", "want String, StringList, SecureString"},
		"wrong tier":      {head(base+"?tier=Big", withHost, withToken, length(1)) + "v", "400", "want Standard, Advanced"},
		"wrong role":      {head(base+"?role_arn=x", withHost, withToken, length(1)) + "v", "400", "want a role such as"},
		"cache argument":  {head(base+"?max_age=1", withHost, withToken, length(1)) + "v", "400", "this route takes overwrite, type"},
		"secret's no":     {head("PUT /parameters/secrets/db?overwrite=true", withHost, withToken, length(1)) + "v", "400", `"code":"unknown_argument"`},
		"no token":        {head(base, withHost, length(1)) + "v", "403", `"code":"bad_token"`},
		"web page":        {head(base, withHost, withToken, "Origin: http://localhost", length(1)) + "v", "403", `"code":"origin_not_allowed"`},
		"other server":    {head("PUT /v1/db", withHost, withToken, length(1)) + "v", "405", "Not allowed"},
		"shorter":         {head(base, withHost, withToken, length(2)) + "v", "400", "shorter than announced"},
		"service refuses": {head(base, withHost, withToken, length(1)) + "v", "400", `"aws_code":"ParameterAlreadyExists"`},
	} {
		t.Run(name, func(t *testing.T) {
			stored := false
			fake := &fakeParameters{set: func(paramcache.Ref, paramcache.Setting) (string, error) {
				stored = true
				return "", &paramcache.Error{Kind: paramcache.KindBadRequest, Code: "ParameterAlreadyExists", Message: "it exists"}
			}}
			s := start(t, localhttp.Deps{Parameters: fake}, localhttp.Options{Write: true})
			answer := rawHalf(t, s.Addr(), test.request)
			if status(answer) != test.status || !strings.Contains(answer, test.text) {
				t.Errorf("want %s with %q, got\n%s", test.status, test.text, answer)
			}
			if stored != (name == "service refuses") {
				t.Errorf("stored: %v", stored)
			}
		})
	}
}

// TestPutSwitchedOff: the refusal names the switch, comes before the body is
// read, and nothing of the body is taken for a request.
func TestPutSwitchedOff(t *testing.T) {
	fake := &fakeParameters{set: func(paramcache.Ref, paramcache.Setting) (string, error) { panic("stored") }}
	s := start(t, localhttp.Deps{Parameters: fake}, localhttp.Options{})
	for _, route := range []string{"PUT /parameters/ssm/db", "PUT /parameters/secrets/db"} {
		inner := "GET /ping HTTP/1.1\r\n" + withHost + "\r\n\r\n"
		answer := raw(t, s.Addr(), fmt.Sprintf("%s HTTP/1.1\r\n%s\r\n%s\r\nContent-Length: %d\r\n\r\n%s", route, withHost, withToken, len(inner), inner))
		if status(answer) != "403" || !strings.Contains(answer, `"code":"write_disabled"`) || !strings.Contains(answer, "POWERTOOLS_PARAMETERS_WRITE=true") || strings.Count(answer, "HTTP/1.1 ") != 1 {
			t.Errorf("%s: %s", route, answer)
		}
	}
}
