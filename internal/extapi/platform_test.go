package extapi_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"powertools-extension/internal/extapi"
)

// request is what a call looked like on the wire.
type request struct {
	line    string // method and path
	header  http.Header
	body    string
	chunked bool
}

// platform is a Runtime API that gives each path one answer and remembers what
// it was asked.
type platform struct {
	*httptest.Server
	mu   sync.Mutex
	seen []request
}

// answer writes one literal answer.
type answer func(w http.ResponseWriter)

func literal(status int, header map[string]string, body string) answer {
	return func(w http.ResponseWriter) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func newPlatform(t *testing.T, answers map[string]answer) *platform {
	t.Helper()
	p := &platform{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		line := r.Method + " " + r.URL.RequestURI()
		p.mu.Lock()
		p.seen = append(p.seen, request{line, r.Header.Clone(), string(body), len(r.TransferEncoding) > 0})
		p.mu.Unlock()
		write, ok := answers[line]
		if !ok {
			http.NotFound(w, r)
			return
		}
		write(w)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *platform) requests() []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]request(nil), p.seen...)
}

func (p *platform) addr() string { return strings.TrimPrefix(p.URL, "http://") }

const registerLine = "POST /2020-01-01/extension/register"

// registerOK is the platform's answer to register.
var registerOK = literal(200,
	map[string]string{
		"Content-Type":                "application/json",
		"Lambda-Extension-Identifier": "5b0d3c5e-0f1e-4a26-9d2a-6a5f0c1d2e3f",
	},
	`{"accountId":"123456789012","functionName":"helloWorld","functionVersion":"$LATEST","handler":"lambda_function.lambda_handler"}`+"\n")

func newClient(t *testing.T, addr string, opt extapi.Options) *extapi.Client {
	t.Helper()
	c := extapi.New(addr, opt)
	t.Cleanup(c.Close)
	return c
}

// registered returns a client that has registered with a platform that also
// gives the answers.
func registered(t *testing.T, answers map[string]answer) (*extapi.Client, *platform) {
	t.Helper()
	all := map[string]answer{registerLine: registerOK}
	for line, write := range answers {
		all[line] = write
	}
	p := newPlatform(t, all)
	c := newClient(t, p.addr(), extapi.Options{})
	if _, err := c.Register(t.Context(), "shim", []extapi.EventType{"INVOKE", "SHUTDOWN"}); err != nil {
		t.Fatal(err)
	}
	return c, p
}

// dialTo returns a dial function that connects to addr whatever is asked for,
// and notes what was.
func dialTo(addr string, asked *[]string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, want string) (net.Conn, error) {
		*asked = append(*asked, want)
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
}
