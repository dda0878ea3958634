package localhttp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// A ciphertext is no value: whoever forgot to ask for decryption is told, by
// the name that the argument has on the route.
func TestCiphertextIsSaid(t *testing.T) {
	for target, want := range map[string]string{
		"/parameters/ssm/key":                                         "add decrypt=true",
		"/parameters/ssm/key?format=text":                             "add decrypt=true",
		"/parameters/ssm?name=/key":                                   "add decrypt=true",
		"/parameters/ssm?path=/":                                      "add decrypt=true",
		"/systemsmanager/parameters/get?name=key":                     "add withDecryption=true",
		"/parameters/ssm/key?decrypt=true":                            "",
		"/systemsmanager/parameters/get?name=key&withDecryption=true": "",
		"/parameters/secrets/key":                                     "",
	} {
		v := paramcache.Value{Name: "/key", Text: "AQICAHh", IsText: true, Version: "1", Type: "SecureString"}
		group := paramcache.Value{Members: []paramcache.Value{{Name: "/a", Type: "String"}, v}}
		fake := &fakeParameters{get: func(_ context.Context, ref paramcache.Ref, _ paramcache.Options) (paramcache.Result, error) {
			if ref.Path {
				return paramcache.Result{Value: group, State: paramcache.Stale}, nil
			}
			return paramcache.Result{Value: v, State: paramcache.Hit}, nil
		}}
		w := get(newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{}), target)
		got := strings.Join(w.Header()["Warning"], "\n")
		if w.Code != 200 || strings.Contains(got, "199") != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%s: %d, Warning %q, want %q", target, w.Code, got, want)
		}
		if strings.Contains(target, "path") && !strings.Contains(got, "110 ") {
			t.Errorf("%s: the answer is stale, too: %q", target, got)
		}
	}
}

// An answer from the memory of a failure says so, and how old it is.
func TestNegativeAnswersSaySo(t *testing.T) {
	for _, target := range []string{"/parameters/ssm/a", "/systemsmanager/parameters/get?name=a", "/v1/a", "/applications/a/environments/b/configurations/c"} {
		remembered := false
		fake := &fakeParameters{get: func(_ context.Context, ref paramcache.Ref, _ paramcache.Options) (paramcache.Result, error) {
			return paramcache.Result{}, &paramcache.Error{Kind: paramcache.KindNotFound, Ref: ref, Code: "X", Message: "m", Remembered: remembered, Age: 3500 * time.Millisecond}
		}}
		s := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{})
		if h := get(s, target).Header(); h.Get("X-Powertools-Cache") != "" || h.Get("Age") != "" {
			t.Errorf("%s, asked now: %v", target, h)
		}
		remembered = true
		if h := get(s, target).Header(); h.Get("X-Powertools-Cache") != "negative" || h.Get("Age") != "3" {
			t.Errorf("%s, remembered: %v", target, h)
		}
	}
}

// A problem names what was asked for and where.
func TestProblemsNameTheRef(t *testing.T) {
	fake := &fakeParameters{get: func(_ context.Context, ref paramcache.Ref, _ paramcache.Options) (paramcache.Result, error) {
		return paramcache.Result{}, &paramcache.Error{Kind: paramcache.KindCredentials, Ref: ref, Region: "eu-west-1", Code: "ExpiredTokenException", Message: "m"}
	}}
	s := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{})
	for target, want := range map[string]string{
		"/parameters/ssm/app/db":          `"detail":"/app/db in eu-west-1: m"`,
		"/parameters/ssm/db?label=prod":   `"detail":"db (prod) in eu-west-1: m"`,
		"/parameters/dynamodb/T/k?sort=s": `"detail":"T/k/s in eu-west-1: m"`,
		"/parameters/appconfig/a/b/c":     `"detail":"a/b/c in eu-west-1: m"`,
	} {
		w := get(s, target)
		if w.Code != 403 || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `"code":"credentials_refused"`) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// Nothing is not a value: an argument without one is a mistake on our routes,
// and none on those whose clients send it.
func TestEmptyArguments(t *testing.T) {
	for target, name := range map[string]string{
		"/parameters/ssm/a?version=": "version", "/parameters/ssm/a?label=": "label", "/parameters/ssm/a?label": "label", "/parameters/ssm/a?decrypt=": "decrypt",
		"/parameters/ssm/a?key=": "key", "/parameters/ssm/a?refresh_if_version=": "refresh_if_version", "/parameters/ssm/a?format=": "format",
		"/parameters/ssm/a?transform=": "transform", "/parameters/ssm/a?max_age=": "max_age", "/parameters/ssm/a?region=": "region", "/parameters/ssm/a?role_arn=": "role_arn",
		"/parameters/ssm?path=": "path", "/parameters/ssm?name=": "name", "/parameters/secrets?name=a&name=": "name", "/parameters/secrets/a?version_id=": "version_id",
		"/parameters/secrets/a?version_stage=": "version_stage", "/parameters/dynamodb/T/k?sort=": "sort", "/parameters/dynamodb/T/k?value_attr=": "value_attr",
		"/parameters/dynamodb/T?key=": "key", "/parameters/appconfig/a/b/c?flag=": "flag",
	} {
		w := get(newServer(localhttp.Deps{Parameters: always(textResult("v"))}, localhttp.Options{}), target)
		if w.Code != 400 || !strings.Contains(w.Body.String(), "query argument "+name) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if w := do(newServer(localhttp.Deps{Parameters: listed()}, localhttp.Options{}), "DELETE", "/parameters/cache?ref=", ""); w.Code != 400 {
		t.Errorf("an empty ref purges: %d %s", w.Code, w.Body)
	}
	for _, target := range []string{"/systemsmanager/parameters/get?name=a&version=&label=&withDecryption=&refreshNow=", "/secretsmanager/get?secretId=a&versionStage=&versionId=", "/v1/a?versionId=&refreshNow="} {
		if w := get(newServer(localhttp.Deps{Parameters: always(textResult("v"))}, localhttp.Options{}), target); w.Code != 200 {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}
