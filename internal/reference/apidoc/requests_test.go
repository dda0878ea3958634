package apidoc_test

import (
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/reference/apidoc"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
)

// TestRequests plays every example of the reference over a socket, through the
// true cache, each against a new server.
func TestRequests(t *testing.T) {
	size := regexp.MustCompile(`"(size|bytes)":\d+`)
	for _, e := range apidoc.Requests() {
		t.Run(e.Section+"/"+e.What, func(t *testing.T) {
			cache := paramcache.New(&upstream{written: map[string]string{}}, zap.NewNop(), paramcache.Config{
				MaxAge: time.Minute, MaxItems: 100, MaxBytes: 1 << 20, Region: "eu-west-1", Account: func() string { return "123456789012" },
			})
			s := newServer(localhttp.Deps{Parameters: cache}, localhttp.Options{Write: true, AppConfigPort: -1})
			listen(t, s)
			if method, target, ok := strings.Cut(e.Before, " "); ok {
				body := ""
				if method == "PUT" {
					body = "postgres://new"
				}
				if w := do(s, method, target, body); w.Code != 200 {
					t.Fatalf("before: %d %s", w.Code, w.Body)
				}
			}
			res, answer := send(t, s, e)
			media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
			if !utf8.ValidString(answer) {
				answer = strconv.Quote(answer)
			}
			if res.StatusCode != e.Status || media != e.Media {
				t.Errorf("%d %s, want %d %s", res.StatusCode, media, e.Status, e.Media)
			}
			// How many bytes an entry counts is the cache's business.
			answer = size.ReplaceAllString(answer, `"$1":290`)
			if diff := cmp.Diff(e.Answer, answer); diff != "" {
				t.Errorf("(-printed +seen)\n%s", diff)
			}
			if name, want, ok := strings.Cut(e.Seen, ": "); ok && res.Header.Get(name) != want {
				t.Errorf("%s: %q", name, res.Header.Get(name))
			}
		})
	}
}

// send sends an example as its command would.
func send(t *testing.T, s *localhttp.Server, e apidoc.Example) (*http.Response, string) {
	t.Helper()
	address := s.Addr()
	if e.Port == 2772 {
		address = s.AppConfigAddr()
	}
	r, err := http.NewRequest(e.Method, "http://"+address+e.Target, strings.NewReader(e.Body))
	if err != nil {
		t.Fatal(err)
	}
	if e.Port == 0 {
		r.Header.Set("X-Aws-Parameters-Secrets-Token", token)
	}
	if name, value, ok := strings.Cut(e.Header, ": "); ok {
		r.Header.Set(name, value)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(answer)
}

// TestEveryRouteHasAnExample, and every argument, but for those of /metrics,
// /context, /healthz, /config and /idempotency, whose examples stand with the route.
func TestEveryRouteHasAnExample(t *testing.T) {
	examples := apidoc.Requests()
	for _, r := range apidoc.Routes() {
		if slices.Contains([]string{"/metrics", "/context", "/healthz", "/config", "/openapi.json"}, r.Pattern) || strings.HasPrefix(r.Pattern, "/idempotency/") {
			continue
		}
		pattern, _, _ := strings.Cut(r.Pattern, "{")
		shown := func(e apidoc.Example) bool {
			path, _, _ := strings.Cut(e.Target, "?")
			return e.Method == r.Method && strings.HasPrefix(path, pattern)
		}
		if !slices.ContainsFunc(examples, shown) {
			t.Errorf("%s %s has no example", r.Method, r.Pattern)
		}
		for _, argument := range r.Query {
			argument = strings.Replace(argument, ".*", ".tier", 1) // any name will do
			if !slices.ContainsFunc(examples, func(e apidoc.Example) bool { return strings.Contains(e.Target, argument+"=") }) && !rare(argument) {
				t.Errorf("%s %s: no example with %s", r.Method, r.Pattern, argument)
			}
		}
	}
}

// rare arguments say the same in every example.
func rare(argument string) bool {
	return slices.Contains([]string{"key_attr", "sort_attr", "type", "tier", "kms_key", "raise_on_transform_error"}, argument)
}
