package awsapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"powertools-extension/internal/awsapi"
)

// credentialsEndpoint answers like Lambda's under SnapStart: a new pair each
// time, AKID1, AKID2, …
func credentialsEndpoint(t *testing.T, lifetime time.Duration) (uri string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/2021-04-23/credentials" || r.Header.Get("Authorization") != "uuid-token" {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		n := asked.Add(1)
		fmt.Fprintf(w, `{"AccessKeyId":"AKID%d","SecretAccessKey":"secret%d","Token":"token%d","Expiration":%q}`,
			n, n, n, time.Now().Add(lifetime).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/2021-04-23/credentials", asked
}

func snapStartEnv(aws, uri string) env {
	return env{"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": aws, "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "uuid-token"}
}

func TestContainerCredentialsAreFetchedOnceAndSigned(t *testing.T) {
	f := newFake(t, ok(`{}`))
	uri, asked := credentialsEndpoint(t, time.Hour)
	c := newClient(t, snapStartEnv(f.URL, uri))
	for range 3 {
		if err := c.Call(t.Context(), getParameter, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range f.seen() {
		checkSignature(t, r, "secret1")
		if r.Header.Get("X-Amz-Security-Token") != "token1" {
			t.Errorf("token %q", r.Header.Get("X-Amz-Security-Token"))
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("endpoint asked %d times", n)
	}
}

func TestForgetFetchesCredentialsAgain(t *testing.T) {
	f := newFake(t, ok(`{}`))
	uri, _ := credentialsEndpoint(t, time.Hour)
	c := newClient(t, snapStartEnv(f.URL, uri))
	for range 2 {
		if err := c.Call(t.Context(), getParameter, nil, nil); err != nil {
			t.Fatal(err)
		}
		c.Forget()
	}
	checkSignature(t, f.seen()[1], "secret2")
}

func TestExpiredTokenIsExchangedOnce(t *testing.T) {
	expired := answer{status: 400, body: `{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`}
	t.Run("container", func(t *testing.T) {
		f := newFake(t, expired, ok(`{}`))
		uri, asked := credentialsEndpoint(t, time.Hour)
		if err := newClient(t, snapStartEnv(f.URL, uri)).Call(t.Context(), getParameter, nil, nil); err != nil {
			t.Fatal(err)
		}
		checkSignature(t, f.seen()[1], "secret2")
		if n := asked.Load(); n != 2 {
			t.Errorf("endpoint asked %d times", n)
		}
	})
	t.Run("container, refused again", func(t *testing.T) {
		f := newFake(t, expired)
		uri, _ := credentialsEndpoint(t, time.Hour)
		err := newClient(t, snapStartEnv(f.URL, uri)).Call(t.Context(), getParameter, nil, nil)
		var service *awsapi.ServiceError
		if !errors.As(err, &service) || service.Code != "ExpiredTokenException" || len(f.seen()) != 2 {
			t.Errorf("%v after %d requests", err, len(f.seen()))
		}
	})
	t.Run("environment", func(t *testing.T) {
		f := newFake(t, expired)
		err := newClient(t, envFor(f.URL)).Call(t.Context(), getParameter, nil, nil)
		if err == nil || len(f.seen()) != 1 {
			t.Errorf("%v after %d requests", err, len(f.seen()))
		}
	})
}

func TestTokenFileIsReadForEachQuestion(t *testing.T) {
	f := newFake(t, ok(`{}`))
	uri, _ := credentialsEndpoint(t, time.Hour)
	file := filepath.Join(t.TempDir(), "token")
	e := snapStartEnv(f.URL, uri).with("AWS_CONTAINER_AUTHORIZATION_TOKEN", "stale").with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file)
	c := newClient(t, e)
	if err := os.WriteFile(file, []byte("uuid-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Call(t.Context(), getParameter, nil, nil); err != nil {
		t.Fatal(err)
	}
}

func TestCredentialsErrors(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/empty":
			fmt.Fprint(w, `{"AccessKeyId":"","SecretAccessKey":"SECRETVALUE"}`)
		case "/garbage":
			fmt.Fprint(w, `{"AccessKeyId":"SECRETVALUE","Expiration":"SECRETVALUE"}`)
		default:
			http.Error(w, "SECRETVALUE", http.StatusNotFound)
		}
	}))
	t.Cleanup(refusing.Close)
	base := env{"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
	const uri = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	for _, tc := range []struct {
		name    string
		env     env
		missing bool
		want    string
	}{
		{"nothing set", base, true, "aws credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_CONTAINER_CREDENTIALS_FULL_URI"},
		{"half a pair", base.with("AWS_ACCESS_KEY_ID", "a"), true, "aws credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_CONTAINER_CREDENTIALS_FULL_URI"},
		{"no URL", base.with(uri, "/relative"), false, "aws credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI is not an http or https URL"},
		{"another machine in clear text", base.with(uri, "http://192.0.2.1/creds"), false, "aws credentials: container endpoint: AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or name this machine"},
		{"line break in the token", base.with(uri, refusing.URL).with("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX: y"), false, "aws credentials: container endpoint: the authorization token holds a line break"},
		{"missing token file", base.with(uri, refusing.URL).with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/file"), false, "aws credentials: container endpoint: read AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: open /nonexistent/file: no such file or directory"},
		{"wrong token", base.with(uri, refusing.URL), false, "aws credentials: container endpoint: answered HTTP 404"},
		{"empty answer", base.with(uri, refusing.URL+"/empty"), false, "aws credentials: container endpoint: answer holds no credentials"},
		{"broken answer", base.with(uri, refusing.URL+"/garbage"), false, "aws credentials: container endpoint: answer holds no credentials"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := newClient(t, tc.env).Call(t.Context(), getParameter, nil, nil)
			var got *awsapi.CredentialsError
			if !errors.As(err, &got) || got.Error() != tc.want || got.Missing != tc.missing {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "SECRETVALUE") {
				t.Errorf("the answer leaks: %v", err)
			}
		})
	}
}
