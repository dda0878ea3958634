package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/config"
	"powertools-extension/test/harness"
)

// An extension that cannot be built stays, answers why, and ends with the
// sandbox.
func TestIdle(t *testing.T) {
	port := harness.FreePort(t)
	events := []string{
		`{"eventType":"INVOKE","deadlineMs":1,"requestId":"8a2e4d5f-0001-4000-8000-000000000001"}`,
		`{"eventType":"SHUTDOWN","deadlineMs":1,"shutdownReason":"spindown"}`,
	}
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/2020-01-01/extension/register":
			w.Header().Set("Lambda-Extension-Identifier", "5b0d4a10-1111-4222-8333-444455556666")
			_, _ = io.WriteString(w, `{}`)
		case "/2020-01-01/extension/event/next":
			if len(events) == 2 {
				ask(t, port)
			}
			_, _ = io.WriteString(w, events[0])
			events = events[1:]
		default:
			t.Errorf("an idle extension calls %s", r.URL.Path)
		}
	}))
	defer platform.Close()
	cfg, _ := config.Load([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(platform.URL, "http://"),
		"POWERTOOLS_EXTENSION_HTTP_PORT=" + port, "POWERTOOLS_METRICS_NAMESPACE=shop",
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := idle(ctx, cfg, Deps{Name: "powertools-extension", Environ: []string{"AWS_SESSION_TOKEN=token"}, Log: zap.NewNop()}, "because of a test")
	if err != nil || len(events) != 0 {
		t.Errorf("%v, %d events left", err, len(events))
	}
}

func ask(t *testing.T, port string) {
	req, _ := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+port+"/parameters/ssm/db", nil)
	req.Header.Set("X-Aws-Parameters-Secrets-Token", "token")
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "because of a test") {
		t.Errorf("%d %s, want 503 with the reason", res.StatusCode, body)
	}
}

// A panic while the rooms are built is an error, and its words, which may
// hold anything, are not repeated.
func TestPanicWhileBuilding(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	_, err := build(zap.New(core), func() *App { panic("s3cret") })
	if err == nil || logs.Len() != 1 {
		t.Fatalf("error %v, %d log lines", err, logs.Len())
	}
	if text := fmt.Sprint(err, logs.All()); strings.Contains(text, "s3cret") {
		t.Error(text)
	}
}
