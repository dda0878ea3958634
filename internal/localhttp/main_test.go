package localhttp_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The token has the characters that real session tokens have.
const token = "IQoJb3JpZ2luX2VjE+/CANARY-TOKEN=="

// fakeParameters answers from a function and remembers what it was asked. It
// holds entries, and takes what is set.
type fakeParameters struct {
	entries []paramcache.EntryInfo
	set     func(ref paramcache.Ref, set paramcache.Setting) (string, error)

	get func(ctx context.Context, ref paramcache.Ref, opt paramcache.Options) (paramcache.Result, error)

	mu     sync.Mutex
	refs   []paramcache.Ref
	opts   []paramcache.Options
	purged []paramcache.Ref
}

func (f *fakeParameters) GetMany(ctx context.Context, refs []paramcache.Ref, opt paramcache.Options) ([]paramcache.Result, []error) {
	results, errs := make([]paramcache.Result, len(refs)), make([]error, len(refs))
	for i, ref := range refs {
		results[i], errs[i] = f.Get(ctx, ref, opt)
	}
	return results, errs
}

func (f *fakeParameters) Set(_ context.Context, ref paramcache.Ref, set paramcache.Setting) (string, error) {
	return f.set(ref, set)
}

func (f *fakeParameters) Entries() []paramcache.EntryInfo { return f.entries }

func (f *fakeParameters) Purge(ref paramcache.Ref) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.purged = append(f.purged, ref)
	for _, e := range f.entries {
		if e.Ref == ref {
			return true
		}
	}
	return false
}

func (f *fakeParameters) PurgeAll() int { return len(f.entries) }

func (f *fakeParameters) Get(ctx context.Context, ref paramcache.Ref, opt paramcache.Options) (paramcache.Result, error) {
	f.mu.Lock()
	f.refs, f.opts = append(f.refs, ref), append(f.opts, opt)
	f.mu.Unlock()
	return f.get(ctx, ref, opt)
}

func (f *fakeParameters) last(t *testing.T) (paramcache.Ref, paramcache.Options) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.refs) == 0 {
		t.Fatal("the cache was not asked")
	}
	return f.refs[len(f.refs)-1], f.opts[len(f.opts)-1]
}

// always answers every read alike.
func always(res paramcache.Result) *fakeParameters {
	return &fakeParameters{get: func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
		return res, nil
	}}
}

func failing(err error) *fakeParameters {
	return &fakeParameters{get: func(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
		return paramcache.Result{}, err
	}}
}

// textResult is a plain parameter, fetched now.
func textResult(text string) paramcache.Result {
	return paramcache.Result{
		Value: paramcache.Value{Name: "/app/db", Text: paramcache.Secret(text), IsText: true, Version: "3", Type: "String"},
		State: paramcache.Miss,
	}
}

// fakeMetrics takes samples, or refuses them.
type fakeMetrics struct {
	refuse func(emf.Sample) error

	mu       sync.Mutex
	samples  []emf.Sample
	rejected []string // kinds, of what was no sample
	skipped  int
	settled  int
}

func (f *fakeMetrics) Reject(why *emf.LimitError) { f.rejected = append(f.rejected, why.Kind()) }
func (f *fakeMetrics) Skip()                      { f.skipped++ }
func (f *fakeMetrics) Settle()                    { f.settled++ }

func (f *fakeMetrics) Record(sample emf.Sample) error {
	if f.refuse != nil {
		if err := f.refuse(sample); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.samples = append(f.samples, sample)
	return nil
}

var knownTokens = []string{token}

func known() []string { return knownTokens }

func newServer(deps localhttp.Deps, opt localhttp.Options) *localhttp.Server {
	if opt.Tokens == nil {
		opt.Tokens = known
	}
	return localhttp.New(deps, opt)
}

// start runs a server on a free port until the test ends.
func start(t testing.TB, deps localhttp.Deps, opt localhttp.Options) *localhttp.Server {
	t.Helper()
	s := newServer(deps, opt)
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
	return s
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

func get(s http.Handler, target string, headers ...string) *httptest.ResponseRecorder {
	return do(s, "GET", target, "", headers...)
}

// raw sends bytes as they are and returns all that comes back until the server
// closes the connection.
func raw(t testing.TB, addr, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { _, _ = io.WriteString(c, request) }() // the server may stop reading
	answer, err := io.ReadAll(c)
	if err != nil && len(answer) == 0 {
		t.Fatalf("no answer: %v", err)
	}
	return string(answer)
}

// rawHalf is raw for a request that ends: the server sees the end of it.
func rawHalf(t testing.TB, addr, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, request) // the server may stop reading
	_ = c.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(c)
	return string(answer)
}

// head builds a raw request that closes its connection.
func head(line string, headers ...string) string {
	return line + " HTTP/1.1\r\n" + strings.Join(headers, "\r\n") + "\r\nConnection: close\r\n\r\n"
}

const (
	withHost  = "Host: 127.0.0.1:2773"
	withToken = "X-Aws-Parameters-Secrets-Token: " + token
)

// status is the status of a raw answer.
func status(answer string) string {
	line, _, _ := strings.Cut(answer, "\r\n")
	_, line, _ = strings.Cut(line, " ")
	code, _, _ := strings.Cut(line, " ")
	return code
}
