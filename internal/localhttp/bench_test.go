package localhttp_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// blank is a ResponseWriter that costs nothing, so that the handler is what is
// measured.
type blank struct {
	h      http.Header
	status int
}

func (b *blank) Header() http.Header         { return b.h }
func (b *blank) WriteHeader(status int)      { b.status = status }
func (b *blank) Write(p []byte) (int, error) { return len(p), nil }

// cached is the fake behind the benchmarks: a hit of 200 bytes, no locks.
type cached struct {
	localhttp.Parameters

	res paramcache.Result
}

func (c cached) Get(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
	return c.res, nil
}

func benchServer() *localhttp.Server {
	res := textResult(strings.Repeat("x", 200))
	res.State = paramcache.Hit
	return newServer(localhttp.Deps{Parameters: cached{res: res}}, localhttp.Options{})
}

func request(target string) *http.Request {
	r := httptest.NewRequest("GET", target, nil)
	r.Host = "127.0.0.1:2773"
	r.Header.Set("X-Aws-Parameters-Secrets-Token", token)
	r.Header.Set("User-Agent", "bench")
	return r
}

func BenchmarkCachedGet(b *testing.B) {
	for name, target := range map[string]string{
		"ours":           "/parameters/ssm/app/db",
		"text":           "/parameters/ssm/app/db?format=text",
		"five-arguments": "/parameters/ssm/app/db?decrypt=true&max_age=60&format=json&region=eu-west-1&raise_on_transform_error=true",
		"drop-in":        "/systemsmanager/parameters/get?name=%2Fapp%2Fdb&withDecryption=true",
		"drop-in-secret": "/secretsmanager/get?secretId=app",
	} {
		b.Run(name, func(b *testing.B) {
			s, r, w := benchServer(), request(target), &blank{h: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				s.ServeHTTP(w, r)
			}
			if w.status != 200 {
				b.Fatal(w.status)
			}
		})
	}
}

// BenchmarkRoundTrip is a whole request over one kept connection, net/http's
// parsing and the kernel included.
func BenchmarkRoundTrip(b *testing.B) {
	res := textResult(strings.Repeat("x", 200))
	s := start(b, localhttp.Deps{Parameters: cached{res: res}}, localhttp.Options{})
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	head := "GET /parameters/ssm/app/db HTTP/1.1\r\n" + withHost + "\r\n" + withToken + "\r\n\r\n"
	answers := bufio.NewReader(c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.WriteString(c, head); err != nil {
			b.Fatal(err)
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
	}
}

// TestAllocations is the hard bound behind the benchmark: the entity tag and
// its header slice, nothing else.
func TestAllocations(t *testing.T) {
	for target, most := range map[string]float64{
		"/parameters/ssm/db":     2,
		"/parameters/ssm/app/db": 3, // the slash in front
		"/parameters/ssm/db?decrypt=true&region=eu-west-1&format=text":  2,
		"/secretsmanager/get?secretId=db":                               2,
		"/systemsmanager/parameters/get?name=db&withDecryption=true":    2,
		"/systemsmanager/parameters/get?name=%2Fdb&withDecryption=true": 3, // the escapes
	} {
		s, r, w := benchServer(), request(target), &blank{h: http.Header{}}
		s.ServeHTTP(w, r) // fills the pool
		got := 1000.0
		for range 50 { // the least of many: the race detector makes pools forget at random
			got = min(got, testing.AllocsPerRun(1, func() {
				clear(w.h)
				s.ServeHTTP(w, r)
			}))
		}
		if got > most {
			t.Errorf("%s: %v allocations, at most %v", target, got, most)
		}
	}
}

// BenchmarkNew is on the way to the extension's registration.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newServer(localhttp.Deps{}, localhttp.Options{})
	}
}
