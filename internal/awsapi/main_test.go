package awsapi_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"powertools-extension/internal/awsapi"
)

// childVar makes this test binary act as the child of a test: net/http reads
// the proxy variables once per process, crypto/x509 the system's roots. Its
// value is the comma-separated list of endpoints to call; an empty one is AWS,
// and the same one once more is called by the same client after Forget.
const childVar = "AWSAPI_TEST_CHILD"

func TestMain(m *testing.M) {
	if list, ok := os.LookupEnv(childVar); ok {
		callEach(strings.Split(list, ","))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// callEach is what the child does.
func callEach(endpoints []string) {
	var c *awsapi.Client
	for i, endpoint := range endpoints {
		if i > 0 && endpoint == endpoints[i-1] {
			c.Forget()
		} else {
			c = awsapi.New(awsapi.Options{Lookup: envFor(endpoint).with("AWS_CA_BUNDLE", os.Getenv("AWS_CA_BUNDLE")).lookup})
		}
		fmt.Println("result:", c.Call(context.Background(), getParameter, nil, nil))
		c.CloseIdle()
	}
}

// runChild calls the endpoints in a process of its own with that environment.
func runChild(t *testing.T, endpoints string, environ ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(environ, childVar+"="+endpoints)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// env is an environment for Options.Lookup.
type env map[string]string

func (e env) lookup(name string) (string, bool) { v, ok := e[name]; return v, ok }

func (e env) with(name, value string) env {
	out := env{name: value}
	for k, v := range e {
		if _, ok := out[k]; !ok {
			out[k] = v
		}
	}
	return out
}

const (
	accessKey = "AKIDEXAMPLEAKIDEXAMP"
	secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	token     = "session//token+with=signs"
)

func envFor(url string) env {
	return env{
		"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": url,
		"AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_SESSION_TOKEN": token,
	}
}

// seen is one request as it arrived.
type seen struct {
	Method, Path, Host string
	Header             http.Header
	Body               string
	Resumed            bool // the TLS session
	Query              string
}

// fakeAWS answers with what its script says and remembers what it was asked.
type fakeAWS struct {
	*httptest.Server
	mu       sync.Mutex
	requests []seen
}

// answer is one scripted answer; hijack instead takes the connection over.
type answer struct {
	status int
	header map[string]string
	body   string
	hijack func(http.ResponseWriter)
}

func ok(body string) answer { return answer{status: 200, body: body} }

// newFake serves the script's answers in order and the last one from then on.
func newFake(t testing.TB, script ...answer) *fakeAWS {
	t.Helper()
	f := &fakeAWS{}
	f.Server = httptest.NewServer(f.handler(script))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeAWS) handler(script []answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		n := len(f.requests)
		f.requests = append(f.requests, seen{r.Method, r.URL.Path, r.Host, r.Header.Clone(), string(body), r.TLS != nil && r.TLS.DidResume, r.URL.RawQuery})
		f.mu.Unlock()
		a := script[min(n, len(script)-1)]
		if a.hijack != nil {
			a.hijack(w)
			return
		}
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	})
}

func (f *fakeAWS) seen() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

func newClient(t testing.TB, e env) *awsapi.Client {
	t.Helper()
	c := awsapi.New(awsapi.Options{Lookup: e.lookup})
	t.Cleanup(c.CloseIdle)
	return c
}

// checkSignature computes Signature Version 4 from its description, without the
// SDK, and returns the scope and the signed header names. (IAM, "Create a
// signed AWS API request")
func checkSignature(t *testing.T, r seen, secret string) (scope string, signed []string) {
	t.Helper()
	auth, found := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !found {
		t.Fatalf("authorization %q", r.Header.Get("Authorization"))
	}
	part := map[string]string{}
	for p := range strings.SplitSeq(auth, ", ") {
		k, v, _ := strings.Cut(p, "=")
		part[k] = v
	}
	_, scope, _ = strings.Cut(part["Credential"], "/")
	names := strings.Split(part["SignedHeaders"], ";")

	var canonical bytes.Buffer
	canonical.WriteString(r.Method + "\n" + r.Path + "\n" + r.Query + "\n")
	for _, name := range names {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		canonical.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	canonical.WriteString("\n" + part["SignedHeaders"] + "\n" + hexSum([]byte(r.Body)))

	toSign := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + hexSum(canonical.Bytes())
	key := []byte("AWS4" + secret)
	for p := range strings.SplitSeq(scope, "/") {
		key = mac(key, p)
	}
	if got, want := part["Signature"], hex.EncodeToString(mac(key, toSign)); got != want {
		t.Errorf("signature %s, want %s for\n%s", got, want, canonical.String())
	}
	return scope, names
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
