package awsapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"
)

func TestCacheUntil(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tc := range []struct {
		name       string
		left, for_ time.Duration
	}{
		{"hours left: five minutes ahead", time.Hour, 55 * time.Minute},
		{"should have been replaced already: ask again soon", 3 * time.Minute, 10 * time.Second},
		{"about to end", 4 * time.Second, 4 * time.Second},
		{"over", -time.Minute, -time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := cacheUntil(now.Add(tc.left), now).Sub(now); got != tc.for_ {
				t.Errorf("kept for %v, want %v", got, tc.for_)
			}
		})
	}
}

// An endpoint that fails for a while costs nothing as long as the last
// credentials hold.
func TestContainerKeepsCredentialsThatStillHold(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	c, err := newContainer(s.URL, lookupIn(nil), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	c.last = aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b", CanExpire: true, Expires: time.Now().Add(time.Minute)}
	got, err := c.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != "a" || time.Until(got.Expires) > shortLife {
		t.Errorf("%v, %v, expires in %v", got.AccessKeyID, err, time.Until(got.Expires))
	}
	c.last.Expires = time.Now().Add(-time.Second)
	if _, err := c.Retrieve(t.Context()); !errors.As(err, new(*CredentialsError)) {
		t.Errorf("ended credentials used on: %v", err)
	}
}

func TestContainerSurvivesPanic(t *testing.T) {
	c := &container{uri: "http://127.0.0.1:1", plain: false, lookup: func(string) (string, bool) { panic("boom") }, log: zap.NewNop()}
	if _, err := c.Retrieve(context.Background()); !errors.As(err, new(*CredentialsError)) {
		t.Errorf("error %v", err)
	}
}

func TestUnknownExpirationIsShort(t *testing.T) {
	got, err := decodeCredentials(strings.NewReader(`{"AccessKeyId":"a","SecretAccessKey":"b"}`))
	if err != nil || !got.CanExpire || time.Until(got.Expires) > 6*time.Minute {
		t.Errorf("%+v, %v", got.Expires, err)
	}
}

func FuzzDecodeCredentials(f *testing.F) {
	f.Add(`{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"2026-01-02T03:04:05Z"}`)
	f.Add(`{`)
	f.Fuzz(func(t *testing.T, s string) {
		creds, err := decodeCredentials(strings.NewReader(s))
		if (err == nil) != creds.HasKeys() {
			t.Fatalf("keys %t, error %v", creds.HasKeys(), err)
		}
	})
}

func FuzzServiceError(f *testing.F) {
	f.Add("com.amazonaws.ssm#ParameterNotFound:http://x/", `{"__type":"X","message":"m"}`)
	f.Add("", "<html>")
	f.Fuzz(func(t *testing.T, header, body string) {
		k := &call{creds: aws.Credentials{SessionToken: "very-secret-token"}}
		resp := httptest.NewRecorder().Result()
		resp.StatusCode = 400
		resp.Header = http.Header{"X-Amzn-Errortype": {header}}
		resp.Body = http.NoBody
		if body != "" {
			rec := httptest.NewRecorder()
			rec.WriteString(body)
			resp.Body = rec.Result().Body
		}
		e := k.serviceError(resp)
		if len(e.Message) > maxMessage+4 || strings.ContainsAny(e.Message+e.Code, "\n") || strings.Contains(e.Message, "very-secret-token") {
			t.Fatalf("%+v", e)
		}
	})
}
