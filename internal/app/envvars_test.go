package app

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/config"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/ref"
	"powertools-extension/internal/runtimeapi"
)

// values answers reads by name.
type values map[string]paramcache.Value

// Fetch implements paramcache.Provider.
func (v values) Fetch(_ context.Context, r ref.Ref) (paramcache.Value, error) {
	if value, ok := v[r.Name]; ok {
		return value, nil
	}
	return paramcache.Value{}, &paramcache.Error{Kind: paramcache.KindNotFound, Ref: r, Message: "not there"}
}

func textValue(s string) paramcache.Value {
	return paramcache.Value{Text: paramcache.Secret(s), IsText: true}
}

func envApp(v values) (*App, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.WarnLevel)
	a := &App{cfg: config.Config{EnvTimeout: time.Second}, log: zap.New(core)}
	a.cache = paramcache.New(v, a.log, paramcache.Config{MaxAge: time.Minute, MaxItems: 1000, MaxBytes: 1 << 24, Timeout: time.Second,
		Account: func() string { return "" }})
	return a, logs
}

func codes(r envResult) map[string]string {
	out := map[string]string{}
	for _, f := range r.failed {
		out[f.Name] = f.Code
		if f.Cure == "" {
			out[f.Name] += " without a cure"
		}
	}
	return out
}

func TestParseVariable(t *testing.T) {
	for text, want := range map[string]variable{
		"ssm:/a":                                      {ref: ref.Ref{Source: "ssm", Name: "/a", Decrypt: true}},
		"ssm:/a?decrypt=false":                        {ref: ref.Ref{Source: "ssm", Name: "/a"}},
		"secret:app/db#password":                      {ref: ref.Ref{Source: "secrets", Name: "app/db"}, key: "password"},
		"secret:b?region=eu-west-1#a.b":               {ref: ref.Ref{Source: "secrets", Name: "b", Region: "eu-west-1"}, key: "a.b"},
		"secret:b#a.b?region=eu-west-1":               {ref: ref.Ref{Source: "secrets", Name: "b", Region: "eu-west-1"}, key: "a.b"},
		"secret:b?version_stage=X#k?region=eu-west-1": {ref: ref.Ref{Source: "secrets", Name: "b", Label: "X", Region: "eu-west-1"}, key: "k"},
		"dynamodb:settings/limits#max":                {ref: ref.Ref{Source: "dynamodb", Name: "settings", Key: "limits"}, key: "max"},
		"appconfig:shop/prod/flags":                   {ref: ref.Ref{Source: "appconfig", Name: "shop/prod/flags"}},
	} {
		want.name, want.text = "X", text
		got, err := parseVariable("X", text)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(variable{})); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"", "ssm:", "vault:x", "secret:a#", "ssm-path:/a", "dynamodb:t/k/*", "secret:a?region=evil.example#k", "#k"} {
		if v, err := parseVariable("X", text); err == nil {
			t.Errorf("%q is %+v", text, v)
		}
	}
}

// TestEnvLimits: what a variable cannot hold fails with its name, and the rest
// is there.
func TestEnvLimits(t *testing.T) {
	large := strings.Repeat("x", maxVariable-len("MOST="))
	a, _ := envApp(values{
		"/odd": textValue("a=b\n\"c\" é\t"), "/empty": textValue(""), "/most": textValue(large), "/more": textValue(large + "y"),
		"/nul": textValue("a\x00b"), "/utf8": textValue("\xff"), "/binary": {Binary: []byte{1}},
		"/json": textValue(`{"null":null,"n":1.50,"o":{"a":[1]},"t":"x","b":true}`),
	})
	r := a.readEnv(t.Context(), map[string]string{
		"ODD": "ssm:/odd", "EMPTY": "ssm:/empty", "MOST": "ssm:/most", "MORE": "ssm:/more", "NUL": "ssm:/nul", "UTF8": "ssm:/utf8", "BINARY": "ssm:/binary",
		"NULL": "ssm:/json#null", "N": "ssm:/json#n", "O": "ssm:/json#o", "T": "ssm:/json#t", "B": "ssm:/json#b", "NONE": "ssm:/none",
	}, nil)
	if diff := cmp.Diff(map[string]string{"ODD": "a=b\n\"c\" é\t", "EMPTY": "", "MOST": large, "N": "1.50", "O": `{"a":[1]}`, "T": "x", "B": "true"}, r.values); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"MORE": "too_large", "NUL": "not_text", "UTF8": "not_text", "BINARY": "not_text", "NULL": "not_found", "NONE": "not_found"}, codes(r)); diff != "" {
		t.Error(diff)
	}
	third := textValue(strings.Repeat("z", 100<<10))
	a, _ = envApp(values{"/1": third, "/2": third, "/3": textValue(strings.Repeat("z", 101<<10))})
	r = a.readEnv(t.Context(), map[string]string{"A": "ssm:/1", "B": "ssm:/2", "C": "ssm:/3"}, nil)
	if diff := cmp.Diff(map[string]string{"C": "too_large"}, codes(r)); diff != "" {
		t.Error("together:", diff)
	}
}

// TestEnvPaths: names of parameters become names of variables; two that would
// be one are neither; a ref wins.
func TestEnvPaths(t *testing.T) {
	group := func(names ...string) paramcache.Value {
		v := paramcache.Value{Members: []paramcache.Value{}}
		for _, name := range names {
			m := textValue("of " + name)
			m.Name = name
			v.Members = append(v.Members, m)
		}
		return v
	}
	var many []string
	for i := range 500 {
		many = append(many, fmt.Sprintf("/many/p%d", i))
	}
	a, logs := envApp(values{"/web": group("/web/log-level", "/web/deep/max.items", "/web/a/same", "/web/b/same", "/web/aws-region", "/web/powertools-dev", "/web/db"), "/many": group(many...), "/db": textValue("by ref")})
	r := a.readEnv(t.Context(), map[string]string{"DB": "ssm:/db"}, []string{"/web/", "many"})
	if len(r.failed) != 0 || len(r.values) != 503 || r.values["LOG_LEVEL"] != "of /web/log-level" || r.values["MAX_ITEMS"] != "of /web/deep/max.items" || r.values["DB"] != "by ref" || r.values["P499"] == "" {
		t.Errorf("%d values, failed %v, %q", len(r.values), r.failed, r.values["DB"])
	}
	if n := logs.FilterMessageSnippet("POWERTOOLS_PARAMETERS_ENV_PATH").Len(); n != 3 {
		t.Errorf("said %v", logs.All())
	}
	r = a.readEnv(t.Context(), nil, []string{"/none"})
	if diff := cmp.Diff(map[string]string{"POWERTOOLS_PARAMETERS_ENV_PATH": "not_found"}, codes(r)); diff != "" {
		t.Error(diff)
	}
}

// TestEnvOnce: what was begun at the start is handed out once, to the runtime
// that asks for the same; another gets its own.
func TestEnvOnce(t *testing.T) {
	a, _ := envApp(values{"/a": textValue("1"), "/b": textValue("2")})
	a.cfg.EnvRefs = []config.EnvRef{{Name: "A", Ref: "ssm:/a"}}
	a.startEnv(t.Context())
	hello := runtimeapi.Hello{Env: map[string]string{"A": "powertools+ssm:/a"}}
	for range 2 {
		if r := a.envFor(t.Context(), hello); r.values["A"] != "1" {
			t.Errorf("%v", r.failed)
		}
		if a.env.Load() != nil {
			t.Error("values are kept")
		}
	}
	hello.Env["B"] = "powertools+ssm:/b"
	if r := a.envFor(t.Context(), hello); r.values["A"] != "1" || r.values["B"] != "2" {
		t.Errorf("%v", r.failed)
	}
	if r := a.envFor(t.Context(), runtimeapi.Hello{}); r.values != nil || r.failed != nil {
		t.Error("nothing was asked for")
	}
}
