package httppost

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"powertools-extension/internal/sink"
)

// proxied is what went through the proxy of the environment. The variables
// are read once in a process, so they are set for all tests: that the others
// pass says that a loopback receiver is not reached through it.
var proxied atomic.Value

func TestMain(m *testing.M) {
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		proxied.Store(r.RequestURI)
	}))
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		os.Setenv(name, proxy.URL)
	}
	os.Unsetenv("NO_PROXY")
	os.Unsetenv("no_proxy")
	code := m.Run()
	proxy.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func client(t *testing.T, url string, headers Headers, opt Options) *Client {
	t.Helper()
	c, err := New(url, headers, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

func post(c *Client, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	_, err := c.Post(ctx, Message{ContentType: "text/plain", Key: "k", Body: []byte("body")})
	return err
}

// TestL8_SilentlyDeadConnection: during a freeze the other end forgot the
// pooled connection without a word. It must not be used, or the first send
// after the thaw hangs until its budget is gone.
func TestL8_SilentlyDeadConnection(t *testing.T) {
	var conns atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Conn") == "again" && conns.Load() == 1 {
			<-r.Context().Done() // the old connection
		}
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := client(t, server.URL, nil, Options{})
	if err := post(c, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := post(c, 5*time.Second); err != nil || conns.Load() != 1 {
		t.Fatalf("%v, %d connections: the pool is not used", err, conns.Load())
	}
	c.known = http.Header{"X-Conn": {"again"}}
	c.lastUse = c.lastUse.Add(-6 * time.Second) // the wall clock went on
	if err := post(c, 5*time.Second); err != nil || conns.Load() != 2 {
		t.Errorf("%v, %d connections, want a new one", err, conns.Load())
	}
}

func TestProxyOfTheEnvironment(t *testing.T) {
	c := client(t, "http://receiver.example/in", nil, Options{})
	if err := post(c, 5*time.Second); err != nil || proxied.Load() != "http://receiver.example/in" {
		t.Errorf("%v, through the proxy went %v", err, proxied.Load())
	}
}

func TestHeaders(t *testing.T) {
	var want atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Api-Key") != want.Load() || r.Header.Get("Content-Type") != "text/plain" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	asked := 0
	key := "first"
	c := client(t, server.URL, func(context.Context) (http.Header, error) {
		asked++
		return http.Header{"api-key": {key}, "Content-Type": {"image/png"}}, nil
	}, Options{})
	if want.Store("first"); asked != 0 {
		t.Error("asked before the first post")
	}
	for range 3 {
		if err := post(c, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	want.Store("second")
	key = "second" // the secret was exchanged
	if err := post(c, 5*time.Second); err != nil || asked != 2 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	want.Store("third")
	var status *StatusError
	if err := post(c, 5*time.Second); !errors.As(err, &status) || status.Status != 403 || asked != 3 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

func TestHeadersThatCannotBeHad(t *testing.T) {
	var off *sink.DisabledError
	c := client(t, "http://127.0.0.1:1", func(context.Context) (http.Header, error) { return nil, errors.New("secret not found") }, Options{})
	if err := post(c, 5*time.Second); !errors.As(err, &off) || !strings.Contains(err.Error(), "secret not found") {
		t.Errorf("%v, want the sink disabled", err)
	}
	var retry *sink.RetryableError
	c = client(t, "http://127.0.0.1:1", func(ctx context.Context) (http.Header, error) { <-ctx.Done(); return nil, ctx.Err() }, Options{})
	if err := post(c, 10*time.Millisecond); !errors.As(err, &retry) {
		t.Errorf("%v, want another try", err)
	}
}

// TestAnswersAreBounded: a receiver that never stops answering costs 64 KiB
// and is not waited for.
func TestAnswersAreBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 100 {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	c := client(t, server.URL, nil, Options{})
	answer, err := c.Post(t.Context(), Message{})
	if err != nil || len(answer) != 64<<10 {
		t.Errorf("%d bytes, %v", len(answer), err)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	if err := post(client(t, server.URL, nil, Options{}), 5*time.Second); err == nil || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
		t.Errorf("a stranger's certificate: %v", err)
	}
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	if err := post(client(t, server.URL, nil, Options{RootCAs: roots}), 5*time.Second); err != nil {
		t.Error(err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2024, 1, 15, 11, 30, 45, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "99999999999999": 0, "1.5": 0,
		"Mon, 15 Jan 2024 11:31:15 GMT": 30 * time.Second, "Mon, 15 Jan 2024 11:00:00 GMT": 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestZipperBodiesAreTheirOwn(t *testing.T) {
	var z Zipper
	var bodies [][]byte
	for i := range 3 {
		z.Start()
		_, _ = z.Write(bytes.Repeat([]byte{byte('a' + i)}, 1000))
		bodies = append(bodies, z.Finish())
	}
	for i, body := range bodies {
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if want := strings.Repeat(string(rune('a'+i)), 1000); err != nil || string(got) != want {
			t.Errorf("body %d: %.20q, %v", i, got, err)
		}
	}
}
