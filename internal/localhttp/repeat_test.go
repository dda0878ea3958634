package localhttp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// memoServer has a cache that holds what the service answers. Its clock stands
// still, so that an Age crosses no second inside a test.
func memoServer(t *testing.T, opt localhttp.Options, deps localhttp.Deps) (*localhttp.Server, *paramcache.Cache, *service) {
	t.Helper()
	upstream, now := &service{}, time.Now()
	cache := paramcache.New(upstream, zap.NewNop(), paramcache.Config{
		MaxAge: time.Minute, MaxItems: 100, MaxBytes: 1 << 20, Now: func() time.Time { return now },
	})
	if deps.Parameters == nil {
		deps.Parameters = cache
	}
	return start(t, deps, opt), cache, upstream
}

// often sends a request several times within one second of the wall clock and
// returns how many answers came from the memo.
func often(t *testing.T, s *localhttp.Server, addr, request string) int64 {
	t.Helper()
	const times = 40
	for range 5 {
		before, second := s.Stats().Repeated, time.Now().Unix()
		l := dial(t, addr)
		for range times {
			_ = l.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = io.WriteString(l, request)
			method, _, _ := strings.Cut(request, " ")
			if _, alive := l.read(method); !alive {
				_ = l.Close()
				l = dial(t, addr)
			}
		}
		_ = l.Close()
		if time.Now().Unix() == second {
			return s.Stats().Repeated - before
		}
	}
	t.Fatal("forty requests take more than a second")
	return 0
}

// TestWhatIsRepeated: each route that reads one value is, and nothing that
// must be looked at each time.
func TestWhatIsRepeated(t *testing.T) {
	line := func(target string, headers ...string) string {
		return "GET " + target + " HTTP/1.1\r\n" + strings.Join(append([]string{withHost, withToken}, headers...), "\r\n") + "\r\n\r\n"
	}
	const configuration = "/applications/a/environments/e/configurations/p"
	for name, test := range map[string]struct {
		request  string
		repeated bool
		other    bool // on the AppConfig port
	}{
		"parameter":                 {line("/parameters/ssm/a"), true, false},
		"parameter as text":         {line("/parameters/ssm/a?format=text"), true, false},
		"transformed":               {line("/parameters/secrets/s?transform=json&key=a.b"), true, false},
		"with an age":               {line("/parameters/ssm/a?max_age=30"), true, false},
		"item of a table":           {line("/parameters/dynamodb/t/k"), true, false},
		"configuration":             {line("/parameters/appconfig/a/e/p"), true, false},
		"drop-in parameter":         {line("/systemsmanager/parameters/get?name=a"), true, false},
		"drop-in secret":            {line("/secretsmanager/get?secretId=s"), true, false},
		"agent's secret":            {line("/v1/s"), true, false},
		"agent's configuration":     {line(configuration), true, false},
		"keep-alive asked for":      {line("/parameters/ssm/a", "Connection: keep-alive"), true, false},
		"written in pieces":         {line("/parameters/ssm/middle"), true, false},
		"AppConfig port":            {"GET " + configuration + " HTTP/1.1\r\n" + withHost + "\r\n\r\n", true, true},
		"AppConfig port, ping":      {"GET /ping HTTP/1.1\r\n" + withHost + "\r\n\r\n", false, true},
		"too large":                 {line("/parameters/ssm/large"), false, false},
		"not found":                 {line("/parameters/ssm/missing"), false, false},
		"not to be stored":          {line("/parameters/ssm/a?max_age=0"), false, false},
		"forced":                    {line("/parameters/ssm/a?force_fetch=true"), false, false},
		"refreshNow":                {line("/secretsmanager/get?secretId=s&refreshNow=true"), false, false},
		"refreshNow of the agent":   {line("/v1/s?refreshNow=1"), false, false},
		"compared":                  {line("/parameters/ssm/a?refresh_if_version=7"), false, false},
		"compared and another":      {line("/parameters/ssm/a?refresh_if_version=0"), false, false},
		"If-None-Match":             {line("/parameters/ssm/a", `If-None-Match: "x"`), false, false},
		"If-None-Match, the same":   {line("/parameters/ssm/a", "If-None-Match: *"), false, false},
		"Connection: close":         {line("/parameters/ssm/a", "Connection: close"), false, false},
		"HTTP/1.0":                  {strings.Replace(line("/parameters/ssm/a", "Connection: keep-alive"), "HTTP/1.1", "HTTP/1.0", 1), false, false},
		"Expect":                    {line("/parameters/ssm/a", "Expect: 100-continue"), false, false},
		"Upgrade":                   {line("/parameters/ssm/a", "Upgrade: h2c"), false, false},
		"a body of nothing":         {line("/parameters/ssm/a", "Content-Length: 0"), false, false},
		"a body":                    {line("/parameters/ssm/a", "Content-Length: 2") + "ab", false, false},
		"HEAD":                      {strings.Replace(line("/ping"), "GET", "HEAD", 1), false, false},
		"group by path":             {line("/parameters/ssm?path=/app"), false, false},
		"several by name":           {line("/parameters/ssm?name=/a"), false, false},
		"all of a table's key":      {line("/parameters/dynamodb/t?key=k"), false, false},
		"wrong token":               {strings.Replace(line("/parameters/ssm/a"), token, token+"x", 1), false, false},
		"Origin":                    {line("/parameters/ssm/a", "Origin: null"), false, false},
		"forwarded":                 {line("/parameters/ssm/a", "X-Forwarded-For: 1"), false, false},
		"healthz":                   {line("/healthz"), false, false},
		"cache":                     {line("/parameters/cache"), false, false},
		"lines end without CR":      {strings.ReplaceAll(line("/parameters/ssm/a"), "\r\n", "\n"), false, false},
		"one behind the other":      {line("/ping") + line("/parameters/ssm/a"), false, false},
		"a head of 4 KiB and more":  {line("/parameters/ssm/a", "X-A: "+strings.Repeat("a", 4096)), false, false},
		"a head of nearly as much":  {line("/parameters/ssm/a", "X-A: "+strings.Repeat("a", 3900)), true, false},
		"a head with an empty line": {line("/parameters/ssm/a", "X-A: b\r\n\r\nGET /ping HTTP/1.1", withHost), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, _ := memoServer(t, localhttp.Options{MemoBytes: 1 << 20, AppConfigPort: -1}, localhttp.Deps{})
			addr := s.Addr()
			if test.other {
				addr = s.AppConfigAddr()
			}
			switch got := often(t, s, addr, test.request); {
			case test.repeated && got < 4:
				t.Errorf("%d answers from the memo", got)
			case !test.repeated && got != 0:
				t.Errorf("%d answers from the memo", got)
			}
		})
	}
}

// TestMemoIsOff: with DEBUG, so that each request leaves its line; without
// room; with parameters that cannot judge.
func TestMemoIsOff(t *testing.T) {
	debug, err := zap.Config{Level: zap.NewAtomicLevelAt(zapcore.DebugLevel), Encoding: "json", OutputPaths: []string{"/dev/null"}}.Build()
	if err != nil {
		t.Fatal(err)
	}
	hit := textResult("v")
	hit.State = paramcache.Hit
	for name, test := range map[string]struct {
		deps localhttp.Deps
		room int
	}{
		"DEBUG":    {localhttp.Deps{Log: debug}, 1 << 20},
		"no room":  {localhttp.Deps{}, 0},
		"no judge": {localhttp.Deps{Parameters: always(hit)}, 1 << 20},
	} {
		s, _, _ := memoServer(t, localhttp.Options{MemoBytes: test.room}, test.deps)
		if n := often(t, s, s.Addr(), getA); n != 0 {
			t.Errorf("%s: %d answers from the memo", name, n)
		}
	}
}

const getA = "GET /parameters/ssm/a HTTP/1.1\r\n" + withHost + "\r\n" + withToken + "\r\n\r\n"

// warm makes the memo answer getA, and returns a connection on which it does.
func warm(t *testing.T, s *localhttp.Server) *link {
	t.Helper()
	l := dial(t, s.Addr())
	t.Cleanup(func() { _ = l.Close() })
	for before := s.Stats().Repeated; s.Stats().Repeated < before+2; {
		if got := l.ask(getA); !strings.Contains(got, " 200 OK") {
			t.Fatal(got)
		}
	}
	return l
}

// TestMemoAfterPurge: what was purged is asked for anew, whoever purged.
func TestMemoAfterPurge(t *testing.T) {
	for name, purge := range map[string]func(*testing.T, *localhttp.Server, *paramcache.Cache){
		"one by HTTP": func(t *testing.T, s *localhttp.Server, _ *paramcache.Cache) {
			raw(t, s.Addr(), head("DELETE /parameters/cache?ref=ssm:a", withHost, withToken))
		},
		"all by HTTP": func(t *testing.T, s *localhttp.Server, _ *paramcache.Cache) {
			raw(t, s.Addr(), head("DELETE /parameters/cache", withHost, withToken))
		},
		"one": func(_ *testing.T, _ *localhttp.Server, c *paramcache.Cache) {
			c.Purge(paramcache.Ref{Source: paramcache.SSM, Name: "a"})
		},
		"all":     func(_ *testing.T, _ *localhttp.Server, c *paramcache.Cache) { c.PurgeAll() },
		"restore": func(_ *testing.T, s *localhttp.Server, c *paramcache.Cache) { c.PurgeAll(); s.Forget() },
		"forced by another": func(t *testing.T, s *localhttp.Server, _ *paramcache.Cache) {
			raw(t, s.Addr(), head("GET /parameters/ssm/a?force_fetch=true", withHost, withToken))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, cache, upstream := memoServer(t, localhttp.Options{MemoBytes: 1 << 20}, localhttp.Deps{})
			l := warm(t, s)
			upstream.version.Add(1)
			if got := l.ask(getA); !strings.Contains(got, `"version":"0"`) {
				t.Errorf("before: %s", got)
			}
			purge(t, s, cache)
			for i := range 5 {
				if got := l.ask(getA); !strings.Contains(got, `"version":"1"`) {
					t.Errorf("after, %d: %s", i, got)
				}
			}
		})
	}
}

// TestMemoAfterNewToken: an answer belongs to the tokens under which it was given.
func TestMemoAfterNewToken(t *testing.T) {
	var tokens atomic.Pointer[[]string]
	tokens.Store(&[]string{token})
	s, _, _ := memoServer(t, localhttp.Options{MemoBytes: 1 << 20, Tokens: func() []string { return *tokens.Load() }}, localhttp.Deps{})
	l := warm(t, s)
	tokens.Store(&[]string{"another"})
	if got := l.ask(getA); status(got) != "403" {
		t.Errorf("with the old token: %s", got)
	}
	tokens.Store(&[]string{})
	if got := l.ask(getA); status(got) != "403" {
		t.Errorf("without any: %s", got)
	}
}

// TestMemoInShutdown: answers come until the end, none is cut, and nothing of
// a memo connection holds the shutdown.
func TestMemoInShutdown(t *testing.T) {
	upstream := &service{}
	cache := paramcache.New(upstream, zap.NewNop(), paramcache.Config{MaxAge: time.Minute, MaxItems: 100, MaxBytes: 1 << 20})
	s := newServer(localhttp.Deps{Parameters: cache}, localhttp.Options{MemoBytes: 1 << 20})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	ended := make(chan string, 8)
	for range cap(ended) {
		c, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer c.Close()
			r := bufio.NewReader(c)
			for {
				if _, err := io.WriteString(c, getA); err != nil {
					ended <- ""
					return
				}
				answer, err := http.ReadResponse(r, nil)
				if err != nil {
					if err != io.EOF && !strings.Contains(err.Error(), "reset") && err != io.ErrUnexpectedEOF {
						ended <- err.Error()
					} else {
						ended <- ""
					}
					return
				}
				body, err := io.ReadAll(answer.Body)
				if err != nil || len(body) == 0 {
					ended <- fmt.Sprint("cut: ", err)
					return
				}
			}
		}()
	}
	for s.Stats().Repeated < 100 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for range cap(ended) {
		if why := <-ended; why != "" {
			t.Error(why)
		}
	}
}
