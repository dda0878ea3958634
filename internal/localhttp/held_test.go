package localhttp_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// switched is an upstream that can be made to fail.
type switched struct {
	mu  sync.Mutex
	err error
	n   int
}

func (u *switched) Fetch(_ context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.n++
	if u.err != nil {
		return paramcache.Value{}, u.err
	}
	v := paramcache.Value{Name: ref.Name, Text: paramcache.Secret(fmt.Sprintf("v%d", u.n)), IsText: true, Version: fmt.Sprint(u.n), ContentType: "text/plain"}
	if ref.Group() {
		member := v
		member.Name = strings.TrimSuffix(ref.Name, "/") + "/x"
		v = paramcache.Value{Name: ref.Name, Members: []paramcache.Value{member}}
	}
	return v, nil
}

func (u *switched) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.err = err
}

// allReads is one read of each route, and the refs to purge it by.
var allReads = []struct{ target, ref string }{
	{"/parameters/ssm/app/db", "ssm:/app/db"},
	{"/parameters/ssm?name=/app/db&raise_on_error=true", "ssm:/app/db"},
	{"/parameters/ssm?path=/app", "ssm-path:/app"},
	{"/parameters/secrets/db", "secret:db"},
	{"/parameters/secrets?name=db&raise_on_error=true", "secret:db"},
	{"/parameters/dynamodb/T/k", "dynamodb:T/k"},
	{"/parameters/dynamodb/T?key=k", "dynamodb:T/k/*"},
	{"/parameters/appconfig/a/b/c", "appconfig:a/b/c"},
	{"/systemsmanager/parameters/get?name=/app/db", "ssm:/app/db"},
	{"/secretsmanager/get?secretId=db", "secret:db"},
	{"/v1/db", "secret:db"},
	{"/applications/a/environments/b/configurations/c", "appconfig:a/b/c"},
}

// A held value through expired credentials, a denial and a purge, on every
// route. What the service says of the caller leaves it alone, what it says of
// the value takes it at once, fresh as it is.
func TestHeldValueOnEveryRoute(t *testing.T) {
	expired := &paramcache.Error{Kind: paramcache.KindCredentials, Code: "ExpiredTokenException", Message: "expired"}
	denied := &paramcache.Error{Kind: paramcache.KindAccessDenied, Code: "AccessDeniedException", Message: "denied"}
	for _, tc := range allReads {
		t.Run(tc.target, func(t *testing.T) {
			u := &switched{}
			now := time.Now()
			age := func(d time.Duration) { now = now.Add(d) }
			day := 24 * time.Hour
			cache := paramcache.New(u, zap.NewNop(), paramcache.Config{MaxAge: time.Minute, StaleIfError: day, MaxItems: 100, MaxBytes: 1 << 20,
				Now: func() time.Time { return now }})
			s := newServer(localhttp.Deps{Parameters: cache}, localhttp.Options{})
			var said []string
			ask := func(when string) (int, string) {
				w := get(s, tc.target)
				state := w.Header().Get("X-Powertools-Cache")
				said = append(said, fmt.Sprintf("%s: %d %s", when, w.Code, state))
				return w.Code, state
			}
			want := func(when string, ok bool, states string) {
				t.Helper()
				if status, state := ask(when); (status == 200) != ok || !strings.Contains(states, state) {
					t.Errorf("%s: %d %s, want ok %v and one of %s", when, status, state, ok, states)
				}
			}
			want("at first", true, "miss")
			u.fail(expired)
			age(10 * time.Second)
			want("expired credentials, fresh", true, "hit")
			age(time.Hour)
			want("expired credentials, an hour later", true, "stale")
			u.fail(nil)
			age(2 * time.Second)
			want("well again", true, "refreshed")
			u.fail(denied)
			force(t, cache)
			want("denied, fresh a moment ago", false, "negative")
			age(time.Hour)
			u.fail(expired)
			want("expired credentials, after the denial", false, "")
			u.fail(nil)
			age(10 * time.Second)
			want("allowed again", true, "refreshed miss")
			if w := do(s, "DELETE", "/parameters/cache?ref="+tc.ref, ""); !strings.Contains(w.Body.String(), `"purged":1`) {
				t.Errorf("purge: %s", w.Body)
			}
			u.fail(expired)
			want("expired credentials, after a purge", false, "")
			t.Log(strings.Join(said, "; "))
		})
	}
}

// force reads what is cached past the cache.
func force(t *testing.T, cache *paramcache.Cache) {
	t.Helper()
	for _, e := range cache.Entries() {
		if _, err := cache.Get(t.Context(), e.Ref, paramcache.Options{Force: true}); err == nil {
			t.Errorf("%s is not denied", e.Ref)
		}
	}
}
