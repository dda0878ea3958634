package localhttp_test

import (
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"github.com/google/go-cmp/cmp"
)

func listed() *fakeParameters {
	const role = "arn:aws:iam::123456789012:role/x"
	return &fakeParameters{entries: []paramcache.EntryInfo{
		{Ref: paramcache.Ref{Source: "ssm", Name: "/app/db", Decrypt: true}, State: paramcache.Hit, Version: "3", Age: 12900 * time.Millisecond, Hits: 4, Size: 231},
		{Ref: paramcache.Ref{Source: "ssm", Name: "/app/db", Label: "prod"}, State: paramcache.Hit, Version: "2", Size: 100},
		{Ref: paramcache.Ref{Source: "ssm", Name: "/app", Path: true, Recursive: true}, State: paramcache.Stale, Age: time.Hour, Size: 900},
		{Ref: paramcache.Ref{Source: "secrets", Name: "db " + token, RoleARN: role, Region: "eu-west-1"}, State: paramcache.Hit, Version: "v", Size: 1},
		{Ref: paramcache.Ref{Source: "dynamodb", Name: "flags", Key: "k", Sort: "s", KeyAttr: "id", SortAttr: "sk", ValueAttr: "value", Consistent: true}, State: paramcache.Hit, Size: 1},
	}}
}

func TestCacheList(t *testing.T) {
	w := get(newServer(localhttp.Deps{Parameters: listed()}, localhttp.Options{}), "/parameters/cache")
	want := `{"entries":[` +
		`{"ref":"ssm:/app/db?decrypt=true","source":"ssm","name":"/app/db","decrypt":true,"version":"3","state":"hit","age":12,"hits":4,"size":231},` +
		`{"ref":"ssm:/app/db?label=prod","source":"ssm","name":"/app/db","asked_label":"prod","version":"2","state":"hit","age":0,"hits":0,"size":100},` +
		`{"ref":"ssm-path:/app?recursive=true","source":"ssm","name":"/app","recursive":true,"version":null,"state":"stale","age":3600,"hits":0,"size":900},` +
		`{"ref":"secrets:db%20[redacted]?region=eu-west-1&role_arn=arn:aws:iam::123456789012:role/x","source":"secrets","name":"db [redacted]","region":"eu-west-1","role_arn":"arn:aws:iam::123456789012:role/x","version":"v","state":"hit","age":0,"hits":0,"size":1},` +
		`{"ref":"dynamodb:flags/k?sort=s&key_attr=id&sort_attr=sk&value_attr=value&consistent=true","source":"dynamodb","name":"flags","key":"k","sort":"s","attribute":"value","consistent":true,"version":null,"state":"hit","age":0,"hits":0,"size":1}` +
		`],"count":5,"bytes":1233}`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" || w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v\n%s", w.Code, w.Header(), diff)
	}
	if w := get(newServer(localhttp.Deps{Parameters: &fakeParameters{}}, localhttp.Options{}), "/parameters/cache"); w.Body.String() != `{"entries":[],"count":0,"bytes":0}` {
		t.Errorf("empty: %s", w.Body)
	}
}

func TestCachePurge(t *testing.T) {
	for name, test := range map[string]struct {
		query  string
		answer string
	}{
		"all":             {"", `{"purged":5}`},
		"every selection": {"?ref=ssm:/app/db", `{"purged":2}`}, // both entries
		"path":            {"?ref=ssm-path:/app", `{"purged":1}`},
		"path, slash":     {"?ref=ssm-path:/app/", `{"purged":1}`},
		"item":            {"?ref=dynamodb:flags/k/s", `{"purged":1}`},
		"item's sort key": {"?ref=dynamodb:flags/k?sort=s", `{"purged":1}`},
		"two":             {"?ref=ssm-path%3A%2Fapp&ref=dynamodb:flags/k/s", `{"purged":2}`},
		"unknown":         {"?ref=secrets:nothing", `{"purged":0}`},
		"other word":      {"?ref=secret:nothing", `{"purged":0}`},
		"appconfig":       {"?ref=appconfig:a/b/c", `{"purged":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			fake := listed()
			w := do(newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{}), "DELETE", "/parameters/cache"+test.query, "")
			if w.Code != 200 || w.Body.String() != test.answer {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			// What failed lately under the plain name is forgotten, too.
			if ref, ok := strings.CutPrefix(test.query, "?ref=secret"); ok {
				want := paramcache.Ref{Source: "secrets", Name: strings.TrimLeft(ref, "s:")}
				if len(fake.purged) != 1 || fake.purged[0] != want {
					t.Errorf("purged %v", fake.purged)
				}
			}
		})
	}
}
