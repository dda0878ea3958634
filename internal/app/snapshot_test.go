package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/config"
)

// world is what an extension calls: AWS, and the endpoint of credentials that
// a function with SnapStart has. Both are counted.
type world struct {
	app         *App
	connections atomic.Int64 // opened to AWS
	credentials atomic.Int64 // handed out
}

func newWorld(t *testing.T, env ...string) *world {
	t.Helper()
	w := &world{}
	aws := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, `{}`) }))
	aws.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			w.connections.Add(1)
		}
	}
	aws.Start()
	t.Cleanup(aws.Close)
	credentials := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(rw, `{"AccessKeyId":"AKID%d","SecretAccessKey":"s","Token":"t","Expiration":%q}`,
			w.credentials.Add(1), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(credentials.Close)
	environ := append([]string{
		"AWS_LAMBDA_RUNTIME_API=127.0.0.1:9", "AWS_REGION=us-east-1", "POWERTOOLS_METRICS_NAMESPACE=shop",
		"AWS_ENDPOINT_URL=" + aws.URL,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + credentials.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN=token",
	}, env...)
	cfg, problems := config.Load(environ)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	w.app = New(cfg, Deps{Name: "powertools-extension", Version: "test", Environ: environ, Stdout: io.Discard, Log: zap.NewNop()})
	t.Cleanup(func() { w.app.writer.stop(); w.app.api.Close(); w.app.aws.CloseIdle() })
	return w
}

func (w *world) call(t *testing.T) {
	t.Helper()
	in := strings.NewReader(`{"Name":"/p"}`)
	if err := w.app.aws.Call(t.Context(), awsapi.Operation{Service: awsapi.SSM, Name: "GetParameter"}, in, nil); err != nil {
		t.Fatal(err)
	}
}

// TestConnectionsAfterAFreeze: the other end closes what was idle for long,
// and a call on such a connection waits for a time-out. A second is nothing.
func TestConnectionsAfterAFreeze(t *testing.T) {
	for _, tt := range []struct {
		frozen time.Duration
		want   int64
	}{
		{time.Second, 1},
		{4 * time.Second, 1},
		{6 * time.Second, 2},
		{time.Minute, 2},
		{time.Hour, 2},
	} {
		t.Run(tt.frozen.String(), func(t *testing.T) {
			w := newWorld(t)
			first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			w.app.thaw(first)
			w.call(t)
			w.app.thaw(first.Add(tt.frozen))
			w.call(t)
			if got := w.connections.Load(); got != tt.want {
				t.Errorf("%d connections, want %d", got, tt.want)
			}
		})
	}
}

// TestCredentialsAfterARestore: those that lie in the snapshot are of the day
// it was taken. The first invocation fetches new ones, on a connection of its
// own, and the further ones use them.
func TestCredentialsAfterARestore(t *testing.T) {
	w := newWorld(t, "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start")
	w.call(t) // before the snapshot
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w.app.thaw(first)
	w.call(t)
	if creds, conns := w.credentials.Load(), w.connections.Load(); creds != 2 || conns != 2 {
		t.Errorf("after a restore: %d times credentials and %d connections, want 2 and 2", creds, conns)
	}
	w.app.thaw(first.Add(time.Second))
	w.call(t)
	if creds, conns := w.credentials.Load(), w.connections.Load(); creds != 2 || conns != 2 {
		t.Errorf("at the invocation after it: %d times credentials and %d connections, want 2 and 2", creds, conns)
	}
}
