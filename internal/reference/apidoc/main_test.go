package apidoc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "IQoJb3JpZ2luX2VjE+/token=="

// always answers every read alike, and takes what is set.
type always paramcache.Result

func (a always) Get(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
	return paramcache.Result(a), nil
}

func (a always) GetMany(_ context.Context, refs []paramcache.Ref, _ paramcache.Options) ([]paramcache.Result, []error) {
	results := make([]paramcache.Result, len(refs))
	for i := range results {
		results[i] = paramcache.Result(a)
	}
	return results, make([]error, len(refs))
}

func (a always) Set(context.Context, paramcache.Ref, paramcache.Setting) (string, error) {
	return a.Value.Version, nil
}

func (a always) Entries() []paramcache.EntryInfo {
	return []paramcache.EntryInfo{{Ref: paramcache.Ref{Source: "ssm", Name: "/app/db", Decrypt: true}, State: paramcache.Hit, Version: "3", Age: time.Minute, Hits: 2, Size: 200}}
}

func (a always) Purge(paramcache.Ref) bool { return true }

func (a always) PurgeAll() int { return 1 }

// taker takes every sample.
type taker struct{}

func (taker) Record(emf.Sample) error { return nil }
func (taker) Reject(*emf.LimitError)  {}
func (taker) Skip()                   {}
func (taker) Settle()                 {}

func pointer[T any](v T) *T { return &v }

func textResult(text string) always {
	return always{Value: paramcache.Value{Name: "/app/db", Text: paramcache.Secret(text), IsText: true, Version: "3"}, State: paramcache.Miss}
}

func newServer(deps localhttp.Deps, opt localhttp.Options) *localhttp.Server {
	opt.Tokens = func() []string { return []string{token} }
	return localhttp.New(deps, opt)
}

// do sends one request to the handler, with the token.
func do(s http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:2773"
	r.Header.Set("X-Aws-Parameters-Secrets-Token", token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func get(s http.Handler, target string) *httptest.ResponseRecorder { return do(s, "GET", target, "") }

// listen opens the ports until the test ends.
func listen(t *testing.T, s *localhttp.Server) {
	t.Helper()
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}
