package localhttp_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"github.com/google/go-cmp/cmp"
)

func text(name, value string) paramcache.Value {
	return paramcache.Value{Name: name, Text: paramcache.Secret(value), IsText: true, Version: "1"}
}

func group(members ...paramcache.Value) paramcache.Result {
	return paramcache.Result{Value: paramcache.Value{Members: members}, State: paramcache.Hit, Age: 3 * time.Second}
}

// TestGroups holds whole answers: names relative to the path, the service's
// order, and null for what cannot be transformed.
func TestGroups(t *testing.T) {
	number := paramcache.Value{Name: "limit", Text: "12.50", IsText: true, JSON: true}
	binary := paramcache.Value{Name: "cert", Binary: []byte{0, 255}}
	for name, test := range map[string]struct {
		target string
		result paramcache.Result
		body   string
		why    string // X-Powertools-Error
	}{
		"path":              {"?path=/app", group(text("/app/db", "d"), text("/app/api/url", "u")), `{"db":"d","api/url":"u"}`, ""},
		"path, slash":       {"?path=/app/", group(text("/app/db", "d")), `{"db":"d"}`, ""},
		"root":              {"?path=/", group(text("/db", "d"), text("top", "t")), `{"db":"d","top":"t"}`, ""},
		"prefix in name":    {"?path=/app", group(text("/app/app/db", "d"), text("/app/x/app", "e")), `{"app/db":"d","x/app":"e"}`, ""},
		"empty":             {"?path=/app", group(), `{}`, ""},
		"escapes":           {"?path=/a", group(text("/a/\"é", "<\n>")), `{"\"é":"<\n>"}`, ""},
		"json":              {"?path=/a&transform=json", group(text("/a/x", "[1]"), text("/a/y", "{")), `{"x":[1],"y":null}`, "transform_failed: y: the value is not JSON (byte 1)"},
		"auto":              {"?path=/a&transform=auto", group(text("/a/x.json", "[1]"), text("/a/y.binary", "aGk="), text("/a/json", "{")), `{"x.json":[1],"y.binary":"hi","json":"{"}`, ""},
		"two fail":          {"?path=/a&transform=json", group(text("/a/x", "{"), text("/a/y", "{")), `{"x":null,"y":null}`, "transform_failed: x: "},
		"key":               {"?path=/a&key=u.0", group(text("/a/x", `{"u":["n"]}`), text("/a/y", `{}`)), `{"x":"n","y":null}`, "not_found: y: "},
		"sort keys":         {"dynamodb/t?key=k", group(number, text("name", "o")), `{"limit":12.50,"name":"o"}`, ""},
		"sort keys, auto":   {"dynamodb/t?key=k&transform=auto", group(text("x.json", "[1]"), text("y", "[1]")), `{"x.json":[1],"y":"[1]"}`, ""},
		"sort keys, binary": {"dynamodb/t?key=k", group(binary), `{"cert":"AP8="}`, ""},
		"sort key _errors":  {"dynamodb/t?key=k", group(text("_errors", "v")), `{"_errors":"v"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			target := "/parameters/ssm" + test.target
			if !strings.HasPrefix(test.target, "?") {
				target = "/parameters/" + test.target
			}
			w := get(newServer(localhttp.Deps{Parameters: always(test.result)}, localhttp.Options{}), target, "Accept", "text/plain")
			if diff := cmp.Diff(test.body, w.Body.String()); diff != "" || w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%d %v %s", w.Code, w.Header(), diff)
			}
			why := w.Header().Get("X-Powertools-Error")
			if !strings.HasPrefix(why, test.why) || (why == "") != (test.why == "") {
				t.Errorf("X-Powertools-Error %q", why)
			}
			if w.Header().Get("X-Powertools-Cache") != "hit" || w.Header().Get("Age") != "3" || len(w.Header().Get("ETag")) != 24 {
				t.Errorf("headers %v", w.Header())
			}
			strict := get(newServer(localhttp.Deps{Parameters: always(test.result)}, localhttp.Options{}), target+"&raise_on_transform_error=true")
			if (strict.Code == 200) != (test.why == "") || strict.Code != 200 && !strings.Contains(strict.Body.String(), `"detail":"`) {
				t.Errorf("strict: %d %s", strict.Code, strict.Body)
			}
		})
	}
}

// named answers each name by itself, and says how old it is.
func named(_ context.Context, ref paramcache.Ref, _ paramcache.Options) (paramcache.Result, error) {
	switch {
	case strings.Contains(ref.Name, "missing"):
		return paramcache.Result{}, &paramcache.Error{Kind: paramcache.KindNotFound, Code: "ParameterNotFound", Message: "it does not exist"}
	case strings.Contains(ref.Name, "denied"):
		return paramcache.Result{}, &paramcache.Error{Kind: paramcache.KindAccessDenied, Code: "AccessDeniedException", Message: "not allowed, " + token}
	case strings.Contains(ref.Name, "broken"):
		return paramcache.Result{}, errAny("CANARY-VALUE")
	}
	res := paramcache.Result{Value: text(ref.Name, "v of "+ref.Name), State: paramcache.Hit}
	switch {
	case strings.Contains(ref.Name, "stale"):
		res.State, res.Age, res.Err = paramcache.Stale, time.Hour, &paramcache.Error{Kind: paramcache.KindThrottled}
	case strings.Contains(ref.Name, "new"):
		res.State = paramcache.Miss
	case strings.Contains(ref.Name, "old"):
		res.Age = time.Minute
	}
	return res, nil
}

func TestSeveralNames(t *testing.T) {
	for name, test := range map[string]struct {
		target     string
		status     int
		body       string
		cache, age string
	}{
		"two":         {"ssm?name=/b&name=/a", 200, `{"/b":"v of /b","/a":"v of /a"}`, "hit", "0"},
		"one":         {"ssm?name=db", 200, `{"db":"v of db"}`, "hit", "0"},
		"twice":       {"ssm?name=db&name=db", 200, `{"db":"v of db"}`, "hit", "0"},
		"slash back":  {"ssm?name=a/b&name=/a/b", 200, `{"a/b":"v of /a/b","/a/b":"v of /a/b"}`, "hit", "0"},
		"arn":         {"ssm?name=arn:aws:ssm:r:1:parameter/x", 200, `{"arn:aws:ssm:r:1:parameter/x":"v of arn:aws:ssm:r:1:parameter/x"}`, "hit", "0"},
		"secrets":     {"secrets?name=a/b&name=c", 200, `{"a/b":"v of a/b","c":"v of c"}`, "hit", "0"},
		"one missing": {"ssm?name=/a&name=/missing&name=/b", 200, `{"/a":"v of /a","/b":"v of /b","_errors":{"/missing":{"code":"not_found","detail":"it does not exist"}}}`, "hit", "0"},
		"all fail": {"secrets?name=missing&name=denied", 200,
			`{"_errors":{"missing":{"code":"not_found","detail":"it does not exist"},"denied":{"code":"access_denied","detail":"not allowed, [redacted]"}}}`, "miss", "0"},
		"ours":             {"ssm?name=broken", 200, `{"_errors":{"broken":{"code":"internal_error","detail":""}}}`, "miss", "0"},
		"oldest":           {"ssm?name=a&name=old&name=b", 200, `{"a":"v of a","old":"v of old","b":"v of b"}`, "hit", "60"},
		"one new":          {"ssm?name=old&name=new", 200, `{"old":"v of old","new":"v of new"}`, "miss", "60"},
		"one stale":        {"ssm?name=stale&name=new", 200, `{"stale":"v of stale","new":"v of new"}`, "stale", "3600"},
		"transform":        {"ssm?name=/a&transform=json", 200, `{"/a":null}`, "hit", "0"},
		"raise, all well":  {"ssm?name=/a&raise_on_error=true", 200, `{"/a":"v of /a"}`, "hit", "0"},
		"raise":            {"ssm?name=/a&name=/denied&name=/missing&raise_on_error=true", 403, "", "", ""},
		"raise, secrets":   {"secrets?name=missing&raise_on_error", 404, "", "", ""},
		"raise, transform": {"ssm?name=/a&transform=json&raise_on_transform_error=true", 422, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := get(newServer(localhttp.Deps{Parameters: &fakeParameters{get: named}}, localhttp.Options{}), "/parameters/"+test.target)
			h := w.Header()
			if w.Code != test.status || test.body != "" && w.Body.String() != test.body || h.Get("X-Powertools-Cache") != test.cache || h.Get("Age") != test.age {
				t.Errorf("%d %s %v", w.Code, w.Body, h)
			}
			if (h.Get("Warning") != "") != (test.cache == "stale") {
				t.Errorf("Warning %q", h.Get("Warning"))
			}
			if test.status != 200 && !strings.Contains(w.Body.String(), `"detail":"`+firstFailed(test.target)+": ") {
				t.Errorf("does not name the first failure: %s", w.Body)
			}
			checkLeak(t, w.Body.String())
		})
	}
}

func firstFailed(target string) string {
	_, query, _ := strings.Cut(target, "?")
	values, _ := url.ParseQuery(query)
	for _, name := range values["name"] {
		if strings.Contains(name, "denied") || strings.Contains(name, "missing") {
			return name
		}
	}
	return values["name"][0]
}

// TestMoreThanTenNames: Powertools for Python once answered the last ten of 25.
func TestMoreThanTenNames(t *testing.T) {
	fake := &fakeParameters{get: named}
	w := get(newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{}), "/parameters/ssm?"+manyNames(100)[1:]+"&raise_on_transform_error=false")
	if w.Code != 200 || strings.Count(w.Body.String(), `":"v of `) != 100 || len(fake.refs) != 100 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestOptionsReachEveryName: Powertools for Python once swapped force_fetch
// and raise_on_transform_error on the way to several values.
func TestOptionsReachEveryName(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/x"
	fake := &fakeParameters{get: named}
	get(newServer(localhttp.Deps{Parameters: fake}, localhttp.Options{Decrypt: true}),
		"/parameters/ssm?name=a&name=b&force_fetch=true&raise_on_transform_error=false&max_age=7&region=eu-west-1&role_arn="+role)
	for i, name := range []string{"a", "b"} {
		want := paramcache.Ref{Source: "ssm", Name: name, Decrypt: true, Region: "eu-west-1", RoleARN: role}
		if fake.refs[i] != want || !fake.opts[i].Force || *fake.opts[i].MaxAge != 7*time.Second {
			t.Errorf("got %+v %+v", fake.refs[i], fake.opts[i])
		}
	}
}

// TestGroupsUnavailable: without a cache there is a reason, and no panic.
func TestGroupsUnavailable(t *testing.T) {
	s := newServer(localhttp.Deps{}, localhttp.Options{Write: true})
	for _, request := range []string{
		"GET /parameters/ssm?path=/a", "GET /parameters/ssm?name=a", "GET /parameters/secrets?name=a", "GET /parameters/dynamodb/t?key=k",
		"GET /parameters/appconfig/a/b/c", "GET /parameters/cache", "DELETE /parameters/cache", "PUT /parameters/ssm/a", "PUT /parameters/secrets/a", "GET /v1/a",
	} {
		method, target, _ := strings.Cut(request, " ")
		if w := do(s, method, target, body(method)); w.Code != 503 || !strings.Contains(w.Body.String(), "parameters are switched off") {
			t.Errorf("%s: %d %s", request, w.Code, w.Body)
		}
	}
	if w := get(s, "/applications/a/environments/b/configurations/c"); w.Code != 502 || !strings.Contains(w.Body.String(), "unavailable: parameters are switched off") {
		t.Errorf("AppConfig: %d %s", w.Code, w.Body)
	}
}

func body(method string) string {
	if method == "PUT" {
		return "v"
	}
	return ""
}

// TestGroupTag: a list of values has a tag as one value has.
func TestGroupTag(t *testing.T) {
	s := newServer(localhttp.Deps{Parameters: &fakeParameters{get: named}}, localhttp.Options{})
	const target = "/parameters/ssm?name=a&name=b"
	tag := get(s, target).Header().Get("ETag")
	if w := get(s, target, "If-None-Match", tag); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(s, "/parameters/ssm?name=a", "If-None-Match", tag); w.Code != 200 {
		t.Errorf("another list: %d", w.Code)
	}
}
