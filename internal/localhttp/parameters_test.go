package localhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"github.com/google/go-cmp/cmp"
)

func duration(d time.Duration) *time.Duration { return &d }

// TestRefs holds what a URL means against literal refs and options.
func TestRefs(t *testing.T) {
	const arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/app/db"
	const tableARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/flags"
	ssm := func(name string) paramcache.Ref { return paramcache.Ref{Source: "ssm", Name: name} }
	secret := func(name string) paramcache.Ref { return paramcache.Ref{Source: "secrets", Name: name} }
	item := func(table, key string) paramcache.Ref {
		return paramcache.Ref{Source: "dynamodb", Name: table, Key: key, KeyAttr: "id", ValueAttr: "value"}
	}
	const role = "arn:aws-us-gov:iam::123456789012:role/path/reader+=,.@_-"
	inQuery := strings.ReplaceAll(role, "+", "%2B")
	ssmPath := func(path string) paramcache.Ref { return paramcache.Ref{Source: "ssm", Name: path, Path: true} }
	sorts := func(table string) paramcache.Ref {
		return paramcache.Ref{Source: "dynamodb", Name: table, Key: "a", KeyAttr: "id", SortAttr: "sk", ValueAttr: "value", AllSorts: true}
	}
	config := paramcache.Ref{Source: "appconfig", Name: "shop/prod/flags"}
	with := func(ref paramcache.Ref, change func(*paramcache.Ref)) paramcache.Ref {
		change(&ref)
		return ref
	}
	for _, test := range []struct {
		target string
		ref    paramcache.Ref
		opt    paramcache.Options
	}{
		// The slash of a name in the path.
		{"/parameters/ssm/db", ssm("db"), paramcache.Options{}},
		{"/parameters/ssm/%2Fdb", ssm("/db"), paramcache.Options{}},
		{"/parameters/ssm//db", ssm("/db"), paramcache.Options{}},
		{"/parameters/ssm/app/db", ssm("/app/db"), paramcache.Options{}},
		{"/parameters/ssm/app%2Fdb", ssm("/app/db"), paramcache.Options{}},
		{"/parameters/ssm/app%2fdb", ssm("/app/db"), paramcache.Options{}},
		{"/parameters/ssm/%2Fapp%2Fdb", ssm("/app/db"), paramcache.Options{}},
		{"/parameters/ssm/%2Fapp/db", ssm("/app/db"), paramcache.Options{}},
		{"/parameters/ssm/aws/service/list", ssm("/aws/service/list"), paramcache.Options{}},
		{"/parameters/ssm/" + arn, ssm(arn), paramcache.Options{}},
		{"/parameters/ssm/" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(arn), ssm(arn), paramcache.Options{}},
		{"/parameters/ssm/with%20space", ssm("with space"), paramcache.Options{}},
		{"/parameters/ssm/with+plus", ssm("with+plus"), paramcache.Options{}},
		{"/parameters/ssm/caf%C3%A9/%F0%9F%94%91", ssm("/café/🔑"), paramcache.Options{}},
		{"/parameters/ssm/%2Fcafé", ssm("/café"), paramcache.Options{}},
		{"/parameters/ssm/%2561", ssm("%61"), paramcache.Options{}},
		{"/parameters/ssm/a/../b", ssm("/a/../b"), paramcache.Options{}},
		{"/parameters/ssm/a//b/", ssm("/a//b/"), paramcache.Options{}},
		{"/parameters/ssm/a;b=c", ssm("a;b=c"), paramcache.Options{}},

		{"/parameters/ssm/db?version=3", with(ssm("db"), func(r *paramcache.Ref) { r.Version = "3" }), paramcache.Options{}},
		{"/parameters/ssm/db?label=prod", with(ssm("db"), func(r *paramcache.Ref) { r.Label = "prod" }), paramcache.Options{}},
		{"/parameters/ssm/db?decrypt=true", with(ssm("db"), func(r *paramcache.Ref) { r.Decrypt = true }), paramcache.Options{}},
		{"/parameters/ssm/db?decrypt", with(ssm("db"), func(r *paramcache.Ref) { r.Decrypt = true }), paramcache.Options{}},
		{"/parameters/ssm/db?decrypt=OFF", ssm("db"), paramcache.Options{}},
		{"/parameters/ssm/db?region=us-gov-west-1", with(ssm("db"), func(r *paramcache.Ref) { r.Region = "us-gov-west-1" }), paramcache.Options{}},

		{"/parameters/ssm/db?max_age=0", ssm("db"), paramcache.Options{MaxAge: duration(0)}},
		{"/parameters/ssm/db?max_age=90", ssm("db"), paramcache.Options{MaxAge: duration(90 * time.Second)}},
		{"/parameters/ssm/db?max_age=5m", ssm("db"), paramcache.Options{MaxAge: duration(5 * time.Minute)}},
		{"/parameters/ssm/db?max_age=1.5s", ssm("db"), paramcache.Options{MaxAge: duration(1500 * time.Millisecond)}},
		{"/parameters/ssm/db?force_fetch=yes&refresh_if_version=2", ssm("db"), paramcache.Options{Force: true, IfVersion: "2"}},
		{"/parameters/ssm/db?&&force_fetch=1&", ssm("db"), paramcache.Options{Force: true}},
		{"/parameters/ssm/db?for%63e_fetch=1", ssm("db"), paramcache.Options{Force: true}},

		{"/parameters/secrets/db", secret("db"), paramcache.Options{}},
		{"/parameters/secrets/app/db", secret("app/db"), paramcache.Options{}},
		{"/parameters/secrets/app%2Fdb", secret("app/db"), paramcache.Options{}},
		{"/parameters/secrets/arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf",
			secret("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf"), paramcache.Options{}},
		{"/parameters/secrets/db?version_id=v1&version_stage=AWSPENDING",
			with(secret("db"), func(r *paramcache.Ref) { r.Version, r.Label = "v1", "AWSPENDING" }), paramcache.Options{}},

		{"/parameters/dynamodb/flags/checkout", item("flags", "checkout"), paramcache.Options{}},
		{"/parameters/dynamodb/flags/a/b", item("flags", "a/b"), paramcache.Options{}},
		{"/parameters/dynamodb/flags/%2Fa%2Fb", item("flags", "/a/b"), paramcache.Options{}},
		{"/parameters/dynamodb/" + tableARN + "/checkout", item(tableARN, "checkout"), paramcache.Options{}},
		{"/parameters/dynamodb/" + strings.ReplaceAll(tableARN, "/", "%2F") + "/checkout", item(tableARN, "checkout"), paramcache.Options{}},
		{"/parameters/dynamodb/flags/a?sort=b&consistent=true", with(item("flags", "a"), func(r *paramcache.Ref) {
			r.Sort, r.SortAttr, r.Consistent = "b", "sk", true
		}), paramcache.Options{}},
		{"/parameters/dynamodb/flags/a?key_attr=pk&sort_attr=s&sort=b&value_attr=v", with(item("flags", "a"), func(r *paramcache.Ref) {
			r.KeyAttr, r.Sort, r.SortAttr, r.ValueAttr = "pk", "b", "s", "v"
		}), paramcache.Options{}},
		{"/parameters/dynamodb/flags/a?item=true", with(item("flags", "a"), func(r *paramcache.Ref) {
			r.Item, r.ValueAttr = true, ""
		}), paramcache.Options{}},

		// The drop-in routes.
		{"/systemsmanager/parameters/get?name=/app/db", ssm("/app/db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get/?name=%2Fapp%2Fdb", ssm("/app/db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get/?name=" + arn, ssm(arn), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get?name=a+b", ssm("a b"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get?name=db&version=1&label=Dev", with(ssm("db"), func(r *paramcache.Ref) { r.Version = "1" }), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get?label=Dev&name=db&version=1", with(ssm("db"), func(r *paramcache.Ref) { r.Label = "Dev" }), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get?name=db&version=&label=Dev", with(ssm("db"), func(r *paramcache.Ref) { r.Label = "Dev" }), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get?name=db&withDecryption=true", with(ssm("db"), func(r *paramcache.Ref) { r.Decrypt = true }), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get?name=db&withDecryption=True&x=%zz&y", with(ssm("db"), func(r *paramcache.Ref) { r.Decrypt = true }), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get?name=db&withDecryption=", ssm("db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get?name=db&name=other", ssm("db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/systemsmanager/parameters/get?name=db&refreshNow=TRUE", ssm("db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute), Force: true}},
		{"/secretsmanager/get?secretId=app/db", secret("app/db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Hour)}},
		{"/secretsmanager/get?secretId=db&refreshNow=1", secret("db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Hour), Force: true}},
		{"/secretsmanager/get?secretId=db&refreshNow=0&roleArn=", secret("db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Hour)}},
		{"/secretsmanager/get?secretId=db&roleArn=" + inQuery, with(secret("db"), func(r *paramcache.Ref) { r.RoleARN = role }), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Hour)}},
		{"/systemsmanager/parameters/get?name=db&roleArn=" + inQuery, with(ssm("db"), func(r *paramcache.Ref) { r.RoleARN = role }), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Minute)}},
		{"/v1/db", secret("db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Hour)}},
		{"/v1/app/db", secret("app/db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Hour)}},
		{"/v1/app%2Fdb?refreshNow=True", secret("app/db"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Hour), Force: true}},
		{"/v1/arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf", secret("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf"), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Hour)}},
		{"/v1/db?versionId=v1&versionStage=AWSPENDING&refreshNow=0&roleArn=" + inQuery, with(secret("db"), func(r *paramcache.Ref) {
			r.Version, r.Label, r.RoleARN = "v1", "AWSPENDING", role
		}), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Hour)}},

		// Groups.
		{"/parameters/ssm?path=/app/", ssmPath("/app"), paramcache.Options{}},
		{"/parameters/ssm/?path=app", ssmPath("/app"), paramcache.Options{}},
		{"/parameters/ssm?path=/", ssmPath("/"), paramcache.Options{}},
		{"/parameters/ssm?path=%2Fapp%2Fdb%2F&recursive=true&decrypt=true&max_age=5&region=eu-west-1&role_arn=" + strings.ReplaceAll(inQuery, "/", "%2F"),
			with(ssmPath("/app/db"), func(r *paramcache.Ref) { r.Recursive, r.Decrypt, r.Region, r.RoleARN = true, true, "eu-west-1", role }),
			paramcache.Options{MaxAge: duration(5 * time.Second)}},
		{"/parameters/ssm?path=/app&raise_on_transform_error=true&force_fetch=true", ssmPath("/app"), paramcache.Options{Force: true}},
		{"/parameters/dynamodb/flags?key=a", sorts("flags"), paramcache.Options{}},
		{"/parameters/dynamodb/" + tableARN + "?key=a", sorts(tableARN), paramcache.Options{}},
		{"/parameters/dynamodb/flags?key=a&key_attr=pk&sort_attr=s&value_attr=v&consistent=1", with(sorts("flags"), func(r *paramcache.Ref) {
			r.KeyAttr, r.SortAttr, r.ValueAttr, r.Consistent = "pk", "s", "v", true
		}), paramcache.Options{}},
		{"/parameters/dynamodb/flags?key=a&item=true", with(sorts("flags"), func(r *paramcache.Ref) { r.Item, r.ValueAttr = true, "" }), paramcache.Options{}},
		{"/parameters/ssm/db?role_arn=" + inQuery, with(ssm("db"), func(r *paramcache.Ref) { r.RoleARN = role }), paramcache.Options{}},

		{"/parameters/appconfig/shop/prod/flags", config, paramcache.Options{}},
		{"/parameters/appconfig/shop/prod/flags?max_age=1&region=eu-west-1&role_arn=" + inQuery, with(config, func(r *paramcache.Ref) {
			r.Region, r.RoleARN = "eu-west-1", role
		}), paramcache.Options{MaxAge: duration(time.Second)}},
		{"/parameters/appconfig/my%20shop/prod/flags%2Ejson", paramcache.Ref{Source: "appconfig", Name: "my shop/prod/flags.json"}, paramcache.Options{}},
		{"/applications/shop/environments/prod/configurations/flags", config, paramcache.Options{RememberDenial: time.Second}},
		{"/applications/shop/environments/prod/configurations/flags?nonsense=%zz", config, paramcache.Options{RememberDenial: time.Second}},
		{"/secretsmanager/get?secretId=db&versionId=v1&versionStage=AWSPREVIOUS",
			with(secret("db"), func(r *paramcache.Ref) { r.Version, r.Label = "v1", "AWSPREVIOUS" }), paramcache.Options{StaleOK: true, RememberDenial: time.Second, MaxAge: duration(time.Hour)}},
	} {
		t.Run(test.target, func(t *testing.T) {
			fake := always(textResult("v"))
			s := start(t, localhttp.Deps{Parameters: fake}, localhttp.Options{
				SystemsManagerMaxAge: duration(time.Minute), SecretsManagerMaxAge: duration(time.Hour),
			})
			answer := raw(t, s.Addr(), head("GET "+test.target, withHost, withToken))
			if status(answer) != "200" {
				t.Fatalf("got %s", answer)
			}
			ref, opt := fake.last(t)
			if diff := cmp.Diff(test.ref, ref); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.opt, opt); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDefaultsFromOptions(t *testing.T) {
	fake := always(textResult("v"))
	s := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{Decrypt: true, KeyAttr: "pk", SortAttr: "range", ValueAttr: "v"})
	get(s, "/parameters/ssm/db")
	if ref, _ := fake.last(t); !ref.Decrypt {
		t.Error("Decrypt is not the default of decrypt")
	}
	get(s, "/parameters/ssm/db?decrypt=false")
	if ref, _ := fake.last(t); ref.Decrypt {
		t.Error("decrypt=false does not win")
	}
	get(s, "/systemsmanager/parameters/get?name=db")
	if ref, _ := fake.last(t); ref.Decrypt {
		t.Error("Decrypt reaches the drop-in route")
	}
	get(s, "/parameters/dynamodb/t/k?sort=s")
	want := paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k", Sort: "s", KeyAttr: "pk", SortAttr: "range", ValueAttr: "v"}
	if ref, _ := fake.last(t); ref != want {
		t.Errorf("got %+v", ref)
	}
}

// TestBadRequests: the fake would answer, so each refusal is the server's own.
func TestBadRequests(t *testing.T) {
	const opaque = "an unexpected error occurred while executing request"
	long := strings.Repeat("n", 2049)
	for _, test := range []struct {
		request string
		status  int
		texts   []string
	}{
		{"GET /parameters/ssm/", 400, []string{`"code":"missing_argument"`, "path or name is missing"}},
		{"GET /parameters/ssm", 400, []string{`"code":"missing_argument"`, "path or name is missing"}},
		{"GET /parameters/ssm?path=", 400, []string{`"code":"missing_argument"`, "path is empty"}},
		{"GET /parameters/ssm?name=", 400, []string{`"code":"missing_argument"`, "name is empty"}},
		{"GET /parameters/ssm?path=/a&name=/b", 400, []string{`"code":"bad_argument"`, "path and name exclude each other"}},
		{"GET /parameters/ssm?path=/a&path=/b", 400, []string{`"code":"bad_argument"`, "path is given twice"}},
		{"GET /parameters/ssm?path=/a&raise_on_error=true", 400, []string{`"code":"bad_argument"`, "raise_on_error goes with name"}},
		{"GET /parameters/ssm?name=/a&recursive=true", 400, []string{`"code":"bad_argument"`, "recursive goes with path"}},
		{"GET /parameters/ssm?name=/a&name=_errors", 400, []string{`"code":"bad_argument"`, "_errors is where the answer tells what failed"}},
		{"GET /parameters/ssm?name=/a&name=%00", 400, []string{`"code":"bad_argument"`, "control character"}},
		{"GET /parameters/ssm?name=/a&format=text", 400, []string{`"code":"unknown_argument"`}},
		{"GET /parameters/ssm?name=/a&version=1", 400, []string{`"code":"unknown_argument"`}},
		{"GET /parameters/ssm?name=a" + manyNames(101), 400, []string{`"code":"bad_argument"`, "at most 100 names"}},
		{"GET /parameters/secrets/", 400, []string{`"code":"missing_argument"`, "name is missing"}},
		{"GET /parameters/secrets", 400, []string{`"code":"missing_argument"`, "name is missing"}},
		{"GET /parameters/secrets?path=/a", 400, []string{`"code":"unknown_argument"`}},
		{"GET /parameters/secrets?name=_errors", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/dynamodb/flags", 400, []string{`"code":"missing_argument"`, "argument key is missing"}},
		{"GET /parameters/dynamodb//key", 404, []string{`"code":"unknown_route"`}},
		{"GET /parameters/dynamodb/flags/", 400, []string{`"code":"missing_argument"`, "the key is missing in the path"}},
		{"GET /parameters/dynamodb/arn:aws:dynamodb:r:1:table/flags", 400, []string{`"code":"missing_argument"`, "argument key is missing"}},
		{"GET /parameters/dynamodb/arn:aws:dynamodb:r:1:table/flags/", 400, []string{`"code":"missing_argument"`, "the key is missing in the path"}},
		{"GET /parameters/appconfig/shop/prod/", 400, []string{`"code":"missing_argument"`, "configuration profile"}},
		{"GET /parameters/appconfig/shop/prod", 404, []string{`"code":"unknown_route"`, "/parameters/appconfig/{app}/{env}/{profile}"}},
		{"GET /parameters/appconfig/shop//flags", 404, []string{`"code":"unknown_route"`}},
		{"GET /parameters/appconfig/shop/prod/a/b", 404, []string{`"code":"unknown_route"`}},
		{"GET /parameters/appconfig/shop/prod/a%2Fb", 400, []string{`"code":"bad_request"`, "holds a slash"}},
		{"GET /parameters/appconfig/shop/prod/flags?refresh=1", 400, []string{`"code":"unknown_argument"`}},
		{"DELETE /parameters/cache?ref=db", 400, []string{`"code":"bad_argument"`, "ssm:/app/db"}},
		{"DELETE /parameters/cache?ref=ssm:", 400, []string{`"code":"bad_argument"`}},
		{"DELETE /parameters/cache?ref=file:/etc/passwd", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/cache?ref=ssm:db", 400, []string{`"code":"unknown_argument"`, "this route takes none"}},
		{"POST /parameters/cache", 405, []string{`"code":"method_not_allowed"`, "Allow: GET, DELETE"}},
		{"GET /parameters/ssm/a%00b", 400, []string{`"code":"bad_request"`, "control character"}},
		{"GET /parameters/ssm/a%0d%0aX-Evil:1", 400, []string{`"code":"bad_request"`, "control character"}},
		{"GET /parameters/ssm/%ff", 400, []string{`"code":"bad_request"`, "UTF-8"}},
		{"GET /parameters/ssm/" + long, 400, []string{`"code":"bad_request"`, "longer than 2048 bytes"}},

		{"GET /parameters/ssm/db?maxage=5", 400, []string{`"code":"unknown_argument"`, "unknown query argument maxage: did you mean max_age?"}},
		{"GET /parameters/ssm/db?withDecryption=true", 400, []string{`"code":"unknown_argument"`, "this route takes decrypt, version, label, max_age, force_fetch"}},
		{"GET /parameters/ssm/db?sort=x", 400, []string{`"code":"unknown_argument"`}},
		{"GET /parameters/ssm/db?%zz=1", 400, []string{`"code":"unknown_argument"`}},
		{"GET /ping?x=1", 400, []string{`"code":"unknown_argument"`, "this route takes none"}},
		{"GET /parameters/ssm/db?key=%zz", 400, []string{`"code":"bad_argument"`, "key", "percent escape"}},
		{"GET /parameters/ssm/db?key=%00", 400, []string{`"code":"bad_argument"`, "control character"}},
		{"GET /parameters/ssm/db?key=" + long, 400, []string{`"code":"bad_argument"`, "2048"}},
		{"GET /parameters/ssm/db?decrypt=1&decrypt=1", 400, []string{`"code":"bad_argument"`, "decrypt is given twice"}},
		{"GET /parameters/ssm/db?max_age=abc", 400, []string{`"code":"bad_argument"`, "max_age: want seconds from 0"}},
		{"GET /parameters/ssm/db?max_age=", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/ssm/db?max_age", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/ssm/db?max_age=-1", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/ssm/db?max_age=1e400", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/ssm/db?max_age=31536001", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/ssm/db?max_age=99999999999999999999", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/ssm/db?force_fetch=maybe", 400, []string{`"code":"bad_argument"`, "force_fetch: want true or false"}},
		{"GET /parameters/ssm/db?force_fetch=", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/ssm/db?transform=xml", 400, []string{`"code":"bad_argument"`, "transform: want json, binary, auto"}},
		{"GET /parameters/ssm/db?format=xml", 400, []string{`"code":"bad_argument"`, "format: want json, text"}},
		{"GET /parameters/ssm/db?raise_on_transform_error=x", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/ssm/db?version=x", 400, []string{`"code":"bad_argument"`, "a version number"}},
		{"GET /parameters/ssm/db?version=1&label=x", 400, []string{`"code":"bad_argument"`, "exclude each other"}},
		{"GET /parameters/ssm/db?region=evil.com/", 400, []string{`"code":"bad_argument"`, "a region such as eu-west-1"}},
		{"GET /parameters/ssm/db?region=a@b", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/ssm/db?region=EU-WEST-1", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/ssm/db?region=", 400, []string{`"code":"bad_argument"`}},
		{"GET /parameters/dynamodb/t/k?consistent=2", 400, []string{`"code":"bad_argument"`, "consistent"}},

		{"GET /", 404, []string{`"code":"unknown_route"`, `"cure":"GET /openapi.json lists the routes"`}},
		{"GET /nothing/like/it", 404, []string{`"code":"unknown_route"`}},
		{"GET /parameter/ssm/db", 404, []string{`"near":["GET /parameters/ssm","GET /parameters/ssm/{name…}","PUT /parameters/ssm/{name…}"]`}},
		{"GET /metric", 404, []string{`"near":["POST /metrics"]`}},
		{"GET /ping/", 404, []string{`"near":["GET /ping"]`}},
		{"GET /systemmanager/parameters/get?name=x", 404, []string{`"near":["GET /systemsmanager/parameters/get"]`}},

		{"HEAD /parameters/ssm/db", 405, nil},
		{"POST /parameters/ssm/db", 405, []string{`"code":"method_not_allowed"`}},
		{"OPTIONS /parameters/ssm/db", 405, []string{`"code":"method_not_allowed"`}},
		{"get /parameters/ssm/db", 405, []string{`"code":"method_not_allowed"`}},
		{"TRACE /ping", 405, []string{`"code":"method_not_allowed"`}},
		{"DELETE /parameters/secrets/db", 405, []string{"Allow: GET, PUT"}},
		{"PUT /parameters/secrets/db", 403, []string{`"code":"write_disabled"`, "POWERTOOLS_PARAMETERS_WRITE=true"}},
		{"PUT /parameters/ssm/db", 403, []string{`"code":"write_disabled"`, "POWERTOOLS_PARAMETERS_WRITE=true"}},
		{"PUT /parameters/ssm", 405, []string{"Allow: GET"}},
		{"POST /secretsmanager/get?secretId=x", 405, []string{`"code":"method_not_allowed"`}},
		{"GET /metrics", 405, []string{`"code":"method_not_allowed"`}},

		{"GET /systemsmanager/parameters/get", 400, []string{opaque}},
		{"GET /systemsmanager/parameters/get?name=", 400, []string{opaque}},
		{"GET /systemsmanager/parameters/get?name=%zz", 400, []string{opaque}},
		{"GET /systemsmanager/parameters/get?name=a%00", 400, []string{opaque}},
		{"GET /systemsmanager/parameters/get?name=a&withDecryption=perhaps", 400, []string{opaque}},
		{"GET /systemsmanager/parameters/get?name=a&refreshNow=yes", 400, []string{opaque}},
		{"GET /systemsmanager/parameters/get//?name=a", 404, []string{`"code":"unknown_route"`}},
		{"GET /secretsmanager/get", 400, []string{opaque}},
		{"GET /secretsmanager/get?secretId=x&refreshNow=2", 400, []string{opaque}},
		{"GET /secretsmanager/get?secretId=x&roleArn=x", 400, []string{opaque, "X-Powertools-Error: bad_argument: query argument roleArn: want a role such as"}},

		{"GET /v1/", 400, []string{"\r\n\r\nmissing secret ID"}},
		{"GET /v1", 404, []string{`"code":"unknown_route"`}},
		{"GET /v1/db?refresh=1", 400, []string{"\r\n\r\nunknown parameter: refresh"}},
		{"GET /v1/db?secretId=db", 400, []string{"\r\n\r\nunknown parameter: secretId"}},
		{"GET /v1/db?a%00b=1", 400, []string{"\r\n\r\nunknown parameter: (not a word)"}},
		{"GET /v1/db?refreshNow=yes", 400, []string{"\r\n\r\nquery argument refreshNow: want true, false, 1 or 0"}},
		{"GET /v1/db?roleArn=x", 400, []string{"\r\n\r\nquery argument roleArn: want a role"}},
		{"GET /v1/a%00b", 400, []string{"control character"}},
		{"POST /v1/db", 405, []string{"\r\n\r\nNot allowed"}},
		{"PUT /v1/db", 405, []string{"\r\n\r\nNot allowed"}},
		{"DELETE /v1/db", 405, []string{"\r\n\r\nNot allowed"}},
		{"OPTIONS /v1/db", 405, []string{"\r\n\r\nNot allowed"}},
		{"PATCH /v1/db", 405, []string{"\r\n\r\nNot allowed"}},

		{"GET /applications/shop/environments/prod/configurations/", 400, []string{"Content-Type: text/plain", "missing_argument: the configuration profile is missing"}},
		{"GET /applications/shop/environments/prod/configurations/a%2Fb", 400, []string{"holds a slash"}},
		{"GET /applications/shop/environments/prod/configurations/a/b", 404, []string{`"code":"unknown_route"`}},
		{"GET /applications//environments/prod/configurations/a", 404, []string{`"code":"unknown_route"`}},
		{"POST /applications/shop/environments/prod/configurations/flags", 405, []string{"Content-Type: text/plain"}},
	} {
		t.Run(test.request, func(t *testing.T) {
			fake := always(textResult("CANARY-VALUE"))
			s := start(t, localhttp.Deps{Parameters: fake, Metrics: &fakeMetrics{}}, localhttp.Options{})
			answer := raw(t, s.Addr(), head(test.request, withHost, withToken))
			if status(answer) != fmt.Sprint(test.status) {
				t.Fatalf("want %d, got\n%s", test.status, answer)
			}
			for _, text := range test.texts {
				if !strings.Contains(answer, text) {
					t.Errorf("want %s in\n%s", text, answer)
				}
			}
			if strings.Contains(answer, "CANARY") || len(fake.refs) > 0 {
				t.Errorf("the cache was asked: %s", answer)
			}
			if strings.Contains(answer, "\r\nTransfer-Encoding:") {
				t.Errorf("chunked: %s", answer)
			}
			if test.status == 405 && !strings.Contains(answer, "\r\nAllow: ") {
				t.Errorf("no Allow in\n%s", answer)
			}
		})
	}
}

// manyNames is a query that goes on with n names.
func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&name=%d", i)
	}
	return b.String()
}

func TestRoleARN(t *testing.T) {
	for arn, ok := range map[string]bool{
		"arn:aws:iam::123456789012:role/reader":       true,
		"arn:aws-cn:iam::123456789012:role/a/b":       true,
		"arn:aws-iso-b:iam::123456789012:role/x":      true,
		"":                                            false,
		"reader":                                      false,
		"arn:aws:iam::12345678901:role/reader":        false,
		"arn:aws:iam::1234567890123:role/reader":      false,
		"arn:aws:iam::12345678901x:role/reader":       false,
		"arn:aws:iam::123456789012:user/reader":       false,
		"arn:aws:iam::123456789012:role/":             false,
		"arn:aws:iam:eu-west-1:123456789012:role/x":   false,
		"arn:aws:sts::123456789012:assumed-role/x/y":  false,
		"arn:awsevil:iam::123456789012:role/x":        false,
		"arn:aws-CN:iam::123456789012:role/x":         false,
		"arn:evil:iam::123456789012:role/x":           false,
		"arn:aws:iam::123456789012:role/x%20y":        false,
		"arn:aws:iam::123456789012:role/x:y":          false,
		"https://evil.com/arn:aws:iam::1:role/reader": false,
	} {
		fake := always(textResult("v"))
		w := get(newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{}), "/parameters/ssm/db?role_arn="+arn)
		if (w.Code == 200) != ok || !ok && (w.Code != 400 || len(fake.refs) > 0 || !strings.Contains(w.Body.String(), "want a role such as arn:aws:iam::123456789012:role/reader")) {
			t.Errorf("%q: %d %s", arn, w.Code, w.Body)
		}
	}
}

func TestAnswers(t *testing.T) {
	text := func(value string) paramcache.Value {
		return paramcache.Value{Name: "/app/db", Text: paramcache.Secret(value), IsText: true, Version: "3"}
	}
	binary := func(value string) paramcache.Value {
		return paramcache.Value{Name: "key", Binary: []byte(value), Version: "v1"}
	}
	const (
		asJSON = "application/json"
		asText = "text/plain; charset=utf-8"
		bytes  = "application/octet-stream"
	)
	for name, test := range map[string]struct {
		target, accept string
		value          paramcache.Value
		contentType    string
		body           string
	}{
		"json":             {"/parameters/ssm/app/db", "", text("v"), asJSON, `{"name":"/app/db","value":"v","version":"3","source":"ssm"}`},
		"any":              {"/parameters/ssm/app/db", "*/*", text("v"), asJSON, `{"name":"/app/db","value":"v","version":"3","source":"ssm"}`},
		"axios":            {"/parameters/ssm/app/db", "application/json, text/plain, */*", text("v"), asJSON, `{"name":"/app/db","value":"v","version":"3","source":"ssm"}`},
		"java":             {"/parameters/ssm/app/db", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", text("v"), asJSON, `{"name":"/app/db","value":"v","version":"3","source":"ssm"}`},
		"text":             {"/parameters/ssm/app/db", "text/plain", text("v"), asText, "v"},
		"text, weighted":   {"/parameters/ssm/app/db", "application/json;q=0.5, Text/Plain; charset=utf-8", text("v"), asText, "v"},
		"json, weighted":   {"/parameters/ssm/app/db", "text/plain;q=0.5, application/json;q=0.6", text("v"), asJSON, `{"name":"/app/db","value":"v","version":"3","source":"ssm"}`},
		"text refused":     {"/parameters/ssm/app/db", "text/plain;q=0", text("v"), asJSON, `{"name":"/app/db","value":"v","version":"3","source":"ssm"}`},
		"format":           {"/parameters/ssm/app/db?format=text", "application/json", text("v"), asText, "v"},
		"format wins":      {"/parameters/ssm/app/db?format=json", "text/plain", text("v"), asJSON, `{"name":"/app/db","value":"v","version":"3","source":"ssm"}`},
		"bare is bare":     {"/parameters/ssm/app/db?format=text", "", text(" v\n<>\x00é"), asText, " v\n<>\x00é"},
		"empty":            {"/parameters/ssm/app/db", "", text(""), asJSON, `{"name":"/app/db","value":"","version":"3","source":"ssm"}`},
		"empty text":       {"/parameters/ssm/app/db?format=text", "", text(""), asText, ""},
		"escapes":          {"/parameters/ssm/app/db", "", text("a\"b\\c\n<&>é\u2028\x01"), asJSON, `{"name":"/app/db","value":"a\"b\\c\n<&>é\u2028\u0001","version":"3","source":"ssm"}`},
		"not UTF-8":        {"/parameters/ssm/app/db", "", text("a\xffb"), asJSON, `{"name":"/app/db","value":"a\ufffdb","version":"3","source":"ssm"}`},
		"name unknown":     {"/parameters/ssm/app/db", "", paramcache.Value{Text: "v", IsText: true}, asJSON, `{"name":"/app/db","value":"v","version":null,"source":"ssm"}`},
		"binary":           {"/parameters/secrets/key", "", binary("\x00\xff"), asJSON, `{"name":"key","value":"AP8=","version":"v1","source":"secrets","encoding":"base64"}`},
		"binary, empty":    {"/parameters/secrets/key", "", binary(""), asJSON, `{"name":"key","value":"","version":"v1","source":"secrets","encoding":"base64"}`},
		"binary, bare":     {"/parameters/secrets/key", "text/plain", binary("\x00\xff"), bytes, "\x00\xff"},
		"neither":          {"/parameters/ssm/aws/reference/secretsmanager/key", "", paramcache.Value{Name: "key"}, asJSON, `{"name":"key","value":null,"version":null,"source":"ssm"}`},
		"dynamodb number":  {"/parameters/dynamodb/t/k", "", paramcache.Value{Name: "k", Text: "12.50", IsText: true, JSON: true}, asJSON, `{"name":"k","value":12.50,"version":null,"source":"dynamodb"}`},
		"dynamodb, bare":   {"/parameters/dynamodb/t/k?format=text", "", paramcache.Value{Name: "k", Text: `{"a":1}`, IsText: true, JSON: true}, asText, `{"a":1}`},
		"transform json":   {"/parameters/ssm/app/db?transform=json", "", text(` {"a": [1, 2.0]} `), asJSON, `{"name":"/app/db","value":{"a": [1, 2.0]},"version":"3","source":"ssm","transform":"json"}`},
		"json, bare":       {"/parameters/ssm/app/db?transform=json&format=text", "", text(`{"a":1}`), asText, `{"a":1}`},
		"transform binary": {"/parameters/ssm/app/db?transform=binary", "", text("aMOpbGxv"), asJSON, `{"name":"/app/db","value":"héllo","version":"3","source":"ssm","transform":"binary"}`},
		"binary not text":  {"/parameters/ssm/app/db?transform=binary", "", text("AP8="), asJSON, `{"name":"/app/db","value":"AP8=","version":"3","source":"ssm","transform":"binary","encoding":"base64"}`},
		"binary as bytes":  {"/parameters/ssm/app/db?transform=binary&format=text", "", text("aMOpbGxv"), bytes, "héllo"},
		"auto, no suffix":  {"/parameters/ssm/app/db?transform=auto", "", text(`{"a":1}`), asJSON, `{"name":"/app/db","value":"{\"a\":1}","version":"3","source":"ssm"}`},
		"key":              {"/parameters/ssm/app/db?key=db.password", "", text(`{"db":{"password":"p"}}`), asJSON, `{"name":"/app/db","value":"p","version":"3","source":"ssm"}`},
		"key, bare":        {"/parameters/ssm/app/db?key=db.password&format=text", "", text(`{"db":{"password":"p"}}`), asText, "p"},
		"key of an object": {"/parameters/ssm/app/db?key=db&transform=json", "", text(`{"db":{"port":5432}}`), asJSON, `{"name":"/app/db","value":{"port":5432},"version":"3","source":"ssm","transform":"json"}`},
		"key, then binary": {"/parameters/ssm/app/db?key=cert&transform=binary", "", text(`{"cert":"aGk="}`), asJSON, `{"name":"/app/db","value":"hi","version":"3","source":"ssm","transform":"binary"}`},
		"lenient":          {"/parameters/ssm/app/db?transform=json&raise_on_transform_error=false", "", text("{"), asJSON, `{"name":"/app/db","value":null,"version":"3","source":"ssm"}`},
		"lenient, bare":    {"/parameters/ssm/app/db?transform=json&raise_on_transform_error=false&format=text", "", text("{"), asText, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(localhttp.Deps{Parameters: always(paramcache.Result{Value: test.value, State: paramcache.Hit})}, localhttp.Options{})
			var headers []string
			if test.accept != "" {
				headers = []string{"Accept", test.accept}
			}
			w := get(s, test.target, headers...)
			if w.Code != 200 {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(test.body, w.Body.String()); diff != "" {
				t.Error(diff)
			}
			if got := w.Header().Get("Content-Type"); got != test.contentType {
				t.Errorf("Content-Type %q", got)
			}
		})
	}
}

func TestLenientSaysWhy(t *testing.T) {
	s := newServer(localhttp.Deps{Parameters: always(textResult("CANARY-VALUE {"))}, localhttp.Options{})
	w := get(s, "/parameters/ssm/db?transform=json&raise_on_transform_error=false")
	if got := w.Header().Get("X-Powertools-Error"); !strings.HasPrefix(got, "transform_failed: ") || strings.Contains(got, "CANARY") {
		t.Errorf("got %q", got)
	}
}

func TestAnswerHeaders(t *testing.T) {
	result := func(state paramcache.State, age time.Duration, err error) paramcache.Result {
		r := textResult("v")
		r.State, r.Age, r.Err = state, age, err
		return r
	}
	throttled := &paramcache.Error{Kind: paramcache.KindThrottled, Message: "CANARY-VALUE"}
	for name, test := range map[string]struct {
		result              paramcache.Result
		cache, age, warning string
	}{
		"miss":      {result("miss", 0, nil), "miss", "0", ""},
		"hit":       {result("hit", 61*time.Second+900*time.Millisecond, nil), "hit", "61", ""},
		"refreshed": {result("refreshed", 0, nil), "refreshed", "0", ""},
		"coalesced": {result("coalesced", 0, nil), "coalesced", "0", ""},
		"stale":     {result("stale", time.Hour, nil), "stale", "3600", `110 powertools-extension "Response is Stale"`},
		"stale if error": {result("stale", time.Hour, throttled), "stale", "3600",
			`111 powertools-extension "Revalidation Failed: throttled"`},
		"stale, odd error": {result("stale", time.Hour, errors.New("CANARY-VALUE")), "stale", "3600",
			`111 powertools-extension "Revalidation Failed: internal_error"`},
	} {
		for _, target := range []string{"/parameters/ssm/db", "/systemsmanager/parameters/get?name=db", "/secretsmanager/get?secretId=db"} {
			t.Run(name+target, func(t *testing.T) {
				w := get(newServer(localhttp.Deps{Parameters: always(test.result)}, localhttp.Options{}), target)
				h := w.Header()
				for header, want := range map[string]string{
					"X-Powertools-Cache": test.cache, "Age": test.age, "Warning": test.warning, "Cache-Control": "no-store",
				} {
					if got := h.Get(header); got != want {
						t.Errorf("%s: %q, want %q", header, got, want)
					}
				}
				if w.Code != 200 || len(h.Get("ETag")) != 24 {
					t.Errorf("status %d, ETag %q", w.Code, h.Get("ETag"))
				}
			})
		}
	}
}

func TestEntityTag(t *testing.T) {
	value := "v1"
	fake := &fakeParameters{get: func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
		return textResult(value), nil
	}}
	s := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{})
	other := newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{})
	first := get(s, "/parameters/ssm/db").Header().Get("ETag")
	if again := get(s, "/parameters/ssm/db").Header().Get("ETag"); again != first {
		t.Errorf("tag changed without the value: %s, %s", first, again)
	}
	if elsewhere := get(other, "/parameters/ssm/db").Header().Get("ETag"); elsewhere == first {
		t.Error("two processes make the same tag of one value: a tag could be guessed from outside")
	}
	for _, match := range []string{first, "W/" + first, `"x", ` + first, "*"} {
		w := get(s, "/parameters/ssm/db", "If-None-Match", match)
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 || w.Header().Get("ETag") != first || w.Header().Get("X-Powertools-Cache") != "miss" {
			t.Errorf("If-None-Match %s: %d %q %v", match, w.Code, w.Body, w.Header())
		}
	}
	if w := get(s, "/parameters/ssm/db?format=text", "If-None-Match", first); w.Code != 200 {
		t.Errorf("the text form has the tag of the JSON form")
	}
	value = "v2"
	if w := get(s, "/parameters/ssm/db", "If-None-Match", first); w.Code != 200 || !strings.Contains(w.Body.String(), "v2") {
		t.Errorf("old tag on a new value: %d %s", w.Code, w.Body)
	}
}

// TestLargeAnswer: nothing is chunked, whatever the size.
func TestLargeAnswer(t *testing.T) {
	big := strings.Repeat("x", 100_000)
	s := start(t, localhttp.Deps{Parameters: always(textResult(big))}, localhttp.Options{})
	for range 2 { // the second one meets the pooled buffer
		answer := raw(t, s.Addr(), head("GET /parameters/ssm/db?format=text", withHost, withToken))
		if !strings.Contains(answer, "\r\nContent-Length: 100000\r\n") || !strings.HasSuffix(answer, "\r\n\r\n"+big) {
			t.Fatalf("got %.300s", answer)
		}
	}
}
