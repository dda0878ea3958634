package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/app"
	"powertools-extension/internal/config"
	"powertools-extension/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	// A lookup of sandbox.localdomain that was given up leaves a goroutine of
	// the resolver's, which ends with the resolver's own time-out.
	err := goleak.Find()
	for end := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(end); {
		err = goleak.Find()
	}
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines are left:", err)
		code = 1
	}
	os.Exit(code)
}

// platform is a scripted Extensions API. Answers are literal, as Lambda sends
// them.
type platform struct {
	t   *testing.T
	srv *httptest.Server

	// Scripts: one answer per call, the last one for all further calls.
	register  []answer
	subscribe []answer
	next      []answer
	exit      answer // to exit/error; zero: it is taken

	timeoutMs int // of the last subscription's buffering

	stdout io.Writer // gets what is written, as it is written; nil: nobody

	runtime http.Handler // Lambda's Runtime API, on the same address; nil: nobody calls it

	onRegister  func()
	onNext      func()
	onSubscribe func(uri string)

	mu     sync.Mutex
	calls  []string // path and the body in short, in order
	counts map[string]int
}

type answer struct {
	status int
	body   string
}

const (
	registered = `{"accountId":"123456789012","functionName":"f","functionVersion":"$LATEST","handler":"app.handler"}` + "\n"
	spindown   = `{"eventType":"SHUTDOWN","deadlineMs":%d,"shutdownReason":"spindown"}`
	invoke     = `{"eventType":"INVOKE","deadlineMs":%d,"requestId":"%s","invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"}}`
)

func ok(body string) answer { return answer{http.StatusOK, body} }

// bye is SHUTDOWN. Its deadline is far away, for a script is written before it
// is played: the extension's own bound holds.
func bye() answer { return ok(fmt.Sprintf(spindown, time.Now().Add(time.Minute).UnixMilli())) }

func call(id string) answer {
	return ok(fmt.Sprintf(invoke, time.Now().Add(3*time.Second).UnixMilli(), id))
}

// newPlatform returns a platform of a new sandbox: with a /tmp of its own.
func newPlatform(t *testing.T) *platform {
	t.Setenv("TMPDIR", t.TempDir())
	p := &platform{t: t, counts: map[string]int{},
		register:  []answer{ok(registered)},
		subscribe: []answer{ok(`"OK"`)},
		next:      []answer{bye()},
	}
	p.srv = httptest.NewServer(p)
	t.Cleanup(p.srv.Close)
	return p
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.runtime != nil && strings.HasPrefix(r.URL.Path, "/2018-06-01/") {
		p.runtime.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	step := strings.TrimPrefix(r.URL.Path, "/2020-01-01/extension/")
	p.mu.Lock()
	n := p.counts[step]
	p.counts[step]++
	p.calls = append(p.calls, strings.TrimSpace(step+" "+short(step, body, r)))
	p.mu.Unlock()
	var script []answer
	switch step {
	case "register":
		if p.onRegister != nil {
			p.onRegister()
		}
		w.Header().Set("Lambda-Extension-Identifier", "5b0d4a10-1111-4222-8333-444455556666")
		script = p.register
	case "/2022-07-01/telemetry":
		var sub struct {
			Destination struct{ URI string }
			Buffering   struct{ TimeoutMs int }
		}
		_ = json.Unmarshal(body, &sub)
		p.timeoutMs = sub.Buffering.TimeoutMs
		if p.onSubscribe != nil {
			p.onSubscribe(sub.Destination.URI)
		}
		script = p.subscribe
	case "event/next":
		if p.onNext != nil {
			p.onNext()
		}
		script = p.next
	case "exit/error":
		if script = []answer{p.exit}; p.exit.status == 0 {
			script = []answer{{http.StatusAccepted, `{"status":"OK"}` + "\n"}}
		}
	default:
		script = []answer{{http.StatusAccepted, `{"status":"OK"}` + "\n"}}
	}
	a := script[min(n, len(script)-1)]
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// short is what a test wants to know of a call.
func short(step string, body []byte, r *http.Request) string {
	switch step {
	case "register":
		return r.Header.Get("Lambda-Extension-Name") + " " + string(body)
	case "/2022-07-01/telemetry":
		var sub struct{ SchemaVersion string }
		_ = json.Unmarshal(body, &sub)
		return sub.SchemaVersion
	case "exit/error":
		return r.Header.Get("Lambda-Extension-Function-Error-Type")
	}
	return ""
}

func (p *platform) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.calls...)
}

// outcome is what one life of the extension left behind.
type outcome struct {
	err    error
	stdout string
	logs   *observer.ObservedLogs
	took   time.Duration
}

// live runs the extension against the platform until it returns.
func (p *platform) live(env ...string) outcome {
	p.t.Helper()
	environ := append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(p.srv.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=f", "AWS_REGION=us-east-1", "AWS_SESSION_TOKEN=token",
		"POWERTOOLS_METRICS_NAMESPACE=shop", "POWERTOOLS_EXTENSION_HTTP_PORT=" + harness.FreePort(p.t),
	}, env...)
	cfg, problems := config.Load(environ)
	if len(problems) > 0 {
		p.t.Fatal(problems)
	}
	return p.run(cfg, environ)
}

// run is live with a configuration that may have problems.
func (p *platform) run(cfg config.Config, environ []string) outcome {
	core, logs := observer.New(zapcore.DebugLevel)
	var stdout bytes.Buffer
	var out io.Writer = &stdout
	if p.stdout != nil {
		out = io.MultiWriter(p.stdout, &stdout)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	begin := time.Now()
	err := app.Live(ctx, cfg, app.Deps{Name: "powertools-extension", Version: "test", Environ: environ, Stdout: out, Log: zap.New(core)})
	return outcome{err, stdout.String(), logs, time.Since(begin)}
}
