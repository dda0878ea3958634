package conformance

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/test/harness"
)

// The agent reads credentials from a file that somebody rotates. Lambda has no
// such file: under SnapStart it has an endpoint, which is the same promise.

// identity is that endpoint, and an AWS that accepts one access key.
type identity struct {
	mu      sync.Mutex
	status  int
	answer  string
	wanted  string // the Authorization of the last question
	accepts string
}

func (i *identity) set(status int, answer, accepts string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.status, i.answer, i.accepts = status, answer, accepts
}

func (i *identity) asked() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.wanted
}

func keys(access string) string {
	return fmt.Sprintf(`{"AccessKeyId":%q,"SecretAccessKey":"secret","Token":"session","Expiration":%q}`, access, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

// withIdentity runs a sandbox whose credentials come from the endpoint.
func withIdentity(t *testing.T, i *identity, env ...string) *harness.Sandbox {
	t.Helper()
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.wanted = r.Header.Get("Authorization")
		w.WriteHeader(i.status)
		_, _ = io.WriteString(w, i.answer)
	}))
	t.Cleanup(endpoint.Close)
	fake := harness.FakeAWSWith(t, "secrets: {s: payload}")
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		accepts := i.accepts
		i.mu.Unlock()
		if !strings.Contains(r.Header.Get("Authorization"), "Credential="+accepts+"/") {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`)
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(upstream.Close)
	return awake(t, upstream.URL, append([]string{
		"AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", "", "AWS_SESSION_TOKEN", "",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.URL + "/creds", "AWS_CONTAINER_AUTHORIZATION_TOKEN", token,
		"SECRETS_MANAGER_TTL", "0",
	}, env...)...)
}

// status of one read; the token is the SnapStart one.
func status(s *harness.Sandbox) int {
	code, _, _ := s.Get("/secretsmanager/get?secretId=s")
	return code
}

func TestCredentialsOfTheEndpoint(t *testing.T) {
	t.Parallel()
	i := &identity{}
	i.set(200, keys("ASIAFIRST"), "ASIAFIRST")
	s := withIdentity(t, i)
	if got := secret(t, s, "/secretsmanager/get?secretId=s"); got["SecretString"] != "payload" {
		t.Errorf("got %v", got)
	}
	if i.asked() != token {
		t.Errorf("the endpoint was asked with %q", i.asked())
	}
	s.Shutdown()
}

// What is wrong with the credentials fails the reads and nothing else.
func TestBadCredentials(t *testing.T) {
	for _, tt := range []struct {
		outcome, answer string
		status          int
	}{
		{"keys that AWS does not know", keys("ASIAWRONG"), 200},
		{"malformed answer", `{"AccessKeyId":`, 200},
		{"empty answer", "", 200},
		{"nothing there", "not found", 404},
		{"keys without a secret", `{"AccessKeyId":"ASIAFIRST","Expiration":"2099-01-01T00:00:00Z"}`, 200},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			t.Parallel()
			i := &identity{}
			i.set(tt.status, tt.answer, "ASIAFIRST")
			s := withIdentity(t, i)
			code, header, body := s.Get("/secretsmanager/get?secretId=s")
			if code != 400 || header.Get("X-Amzn-ErrorType") == "" {
				t.Errorf("%d %q %s", code, header.Get("X-Amzn-ErrorType"), body)
			}
			if code, _, body := s.Ask("GET", "/ping"); code != 200 || body != "healthy" {
				t.Errorf("/ping: %d %s", code, body)
			}
			s.Must(`{}`)
			s.Shutdown()
		})
	}
}

func TestCredentialsThatAppearLater(t *testing.T) {
	t.Parallel()
	i := &identity{}
	i.set(500, "", "ASIAFIRST")
	s := withIdentity(t, i)
	if code := status(s); code != 400 {
		t.Errorf("without credentials: %d", code)
	}
	i.set(200, keys("ASIAFIRST"), "ASIAFIRST")
	eventually(t, s, 200, "once they are there")
	s.Shutdown()
}

func TestCredentialsThatRotate(t *testing.T) {
	t.Parallel()
	i := &identity{}
	i.set(200, keys("ASIAFIRST"), "ASIAFIRST")
	s := withIdentity(t, i)
	if code := status(s); code != 200 {
		t.Errorf("at first: %d", code)
	}
	i.set(200, keys("ASIAFIRST"), "ASIASECOND")
	// With an age of zero nothing of the first read may be kept.
	eventually(t, s, 400, "while the keys are no longer valid")
	i.set(200, keys("ASIASECOND"), "ASIASECOND")
	eventually(t, s, 200, "with the new ones")
	s.Shutdown()
}

func TestTokensInFiles(t *testing.T) {
	t.Parallel()
	i := &identity{}
	i.set(200, keys("ASIAFIRST"), "ASIAFIRST")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := withIdentity(t, i, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file, "AWS_TOKEN", "file://"+file)
	if code := status(s); code != 200 {
		t.Errorf("with the token of the file: %d", code)
	}
	if i.asked() != token {
		t.Errorf("the endpoint was asked with %q", i.asked())
	}
	s.Shutdown()
}

// eventually reads until the status is there: a failure is remembered for up
// to five seconds, so that a storm costs one call.
func eventually(t *testing.T, s *harness.Sandbox, want int, when string) {
	t.Helper()
	var got int
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if got = status(s); got == want {
			return
		}
	}
	t.Errorf("%s: %d, want %d", when, got, want)
}
