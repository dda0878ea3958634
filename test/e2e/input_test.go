package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
	"powertools-extension/test/ontime"
)

// awake runs a sandbox that is never frozen, so that a test may call the
// local API from outside.
func awake(t *testing.T, opt lambdaemu.Options) *sandbox {
	t.Helper()
	opt.NoFreeze = true
	opt.Command = harness.Self(t, plain)
	return start(t, opt)
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	aws := harness.FakeAWS(t)
	s := awake(t, lambdaemu.Options{Env: map[string]string{"AWS_ENDPOINT_URL": aws.URL}})
	const tok, path = "X-Aws-Parameters-Secrets-Token", "/parameters/ssm/demo/greeting"
	for _, tt := range []struct {
		name   string
		method string
		path   string
		header []string
		status int
		says   string // what the answer's text must contain: the cure
	}{
		{"right token", "GET", path, []string{tok, token}, 200, "Hello"},
		{"token in the other header", "GET", path, []string{"X-Vault-Token", token}, 200, "Hello"},
		{"missing token", "GET", path, nil, 403, "X-Aws-Parameters-Secrets-Token"},
		{"wrong token", "GET", path, []string{tok, "wrong"}, 403, "AWS_SESSION_TOKEN"},
		{"duplicated token", "GET", path, []string{tok, token, tok, token}, 403, "once"},
		{"missing token on a drop-in route", "GET", "/systemsmanager/parameters/get?name=x", nil, 401, "bad session token or header key"},
		{"foreign host", "GET", path, []string{tok, token, "Host", "evil.example"}, 421, "127.0.0.1"},
		{"host that begins like ours", "GET", path, []string{tok, token, "Host", "127.0.0.1.evil.example"}, 421, "127.0.0.1"},
		{"origin", "GET", path, []string{tok, token, "Origin", "http://evil.example"}, 403, "Origin"},
		{"null origin", "GET", path, []string{tok, token, "Origin", "null"}, 403, "Origin"},
		{"forwarded for", "GET", path, []string{tok, token, "X-Forwarded-For", "10.0.0.1"}, 400, "X-Forwarded"},
		{"forwarded before token", "GET", path, []string{"Forwarded", "for=10.0.0.1"}, 400, "Forwarded"},
		{"via", "GET", path, []string{tok, token, "Via", "1.1 proxy"}, 400, "Via"},
		{"unknown route", "GET", "/parameter/ssm/x", []string{tok, token}, 404, "/parameters/ssm"},
		{"unknown verb", "POST", path, []string{tok, token}, 405, "GET"},
		{"missing name", "GET", "/parameters/ssm/", []string{tok, token}, 400, "name"},
		{"missing name on a drop-in route", "GET", "/systemsmanager/parameters/get", []string{tok, token}, 400, "unexpected error"},
		{"unknown argument", "GET", path + "?max_ages=1", []string{tok, token}, 400, "max_age"},
		{"bad argument", "GET", path + "?max_age=soon", []string{tok, token}, 400, "max_age"},
		{"NUL in a name", "GET", "/parameters/ssm/demo%00", []string{tok, token}, 400, ""},
		{"encoded slashes", "GET", "/parameters/ssm/%2Fdemo%2Fgreeting", []string{tok, token}, 200, "Hello"},
		{"unknown name with spaces and umlauts", "GET", "/parameters/ssm/demo/gr%C3%B6%C3%9Fe%201", []string{tok, token}, 404, "not"},
		{"unknown parameter", "GET", "/parameters/ssm/demo/nothing", []string{tok, token}, 404, "ParameterNotFound"},
		{"unknown secret", "GET", "/parameters/secrets/demo/nothing", []string{tok, token}, 404, ""},
		{"unknown item", "GET", "/parameters/dynamodb/demo-config/nothing", []string{tok, token}, 404, ""},
		{"ping needs no token", "GET", "/ping", nil, 200, "healthy"},
		{"healthz needs no token", "GET", "/healthz", nil, 200, `"state":"ok"`},
	} {
		status, _, body := s.Ask(tt.method, tt.path, tt.header...)
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s: %d %s\nwant %d and %q", tt.name, status, body, tt.status, tt.says)
		}
	}
	s.Must(`{}`)
	s.Shutdown()
}

func TestHugeHeader(t *testing.T) {
	t.Parallel()
	s := awake(t, lambdaemu.Options{})
	conn, err := net.Dial("tcp", "127.0.0.1:"+s.Port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { // the server may hang up in the middle: that is an answer too
		fmt.Fprintf(conn, "GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Big: ")
		block := bytes.Repeat([]byte("x"), 1<<20)
		for range 10 {
			if _, err := conn.Write(block); err != nil {
				return
			}
		}
	}()
	answer := make([]byte, 64)
	n, err := conn.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 431 ") {
		t.Errorf("10 MB header: %q %v, want 431", answer[:n], err)
	}
	if status, _, body := s.Ask(http.MethodGet, "/ping"); status != 200 || body != "healthy" {
		t.Errorf("afterwards /ping answers %d %q", status, body)
	}
	s.Shutdown()
}

// What the upstream does wrong has its own status, and names what would help.
func TestUpstreamTrouble(t *testing.T) {
	t.Parallel()
	aws := harness.FakeAWS(t)
	s := awake(t, lambdaemu.Options{Env: map[string]string{"AWS_ENDPOINT_URL": aws.URL, "POWERTOOLS_PARAMETERS_TIMEOUT": "2s"}})
	for _, tt := range []struct {
		fault  string
		status int
		says   string
	}{
		{"denied", 403, "ssm:GetParameter"},
		{"throttled", 429, "POWERTOOLS_PARAMETERS_MAX_AGE"},
		{"hung", 504, "POWERTOOLS_PARAMETERS_TIMEOUT"},
		{"down", 502, "NAT gateway"},
		{"error-500", 502, ""},
	} {
		if err := aws.SetFault(tt.fault); err != nil {
			t.Fatal(err)
		}
		// A name of its own: a failure is remembered for a moment.
		path := "/parameters/ssm/demo/greeting-" + tt.fault
		status, header, body := s.Get(path)
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s: %d %s\nwant %d and %q", tt.fault, status, body, tt.status, tt.says)
		}
		if kind := header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s: Content-Type %q", tt.fault, kind)
		}
	}
	s.Must(`{}`)
	s.Shutdown()
}

func TestStaleValueWhileTheUpstreamIsDown(t *testing.T) {
	t.Parallel()
	aws := harness.FakeAWS(t)
	s := awake(t, lambdaemu.Options{Env: map[string]string{"AWS_ENDPOINT_URL": aws.URL}})
	const path = "/parameters/ssm/demo/greeting?max_age=3&format=text"
	if _, header, body := s.Get(path); header.Get("X-Powertools-Cache") != "miss" || body != "Hello from Parameter Store" {
		t.Fatalf("first read: %s %q", header.Get("X-Powertools-Cache"), body)
	}
	if _, header, _ := s.Get(path); header.Get("X-Powertools-Cache") != "hit" {
		t.Errorf("second read: %s", header.Get("X-Powertools-Cache"))
	}
	if err := aws.SetFault("down"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3100 * time.Millisecond) // the age of three seconds passes on the wall clock
	status, header, body := s.Get(path)
	if status != 200 || header.Get("X-Powertools-Cache") != "stale" || body != "Hello from Parameter Store" {
		t.Errorf("while down: %d %s %q", status, header.Get("X-Powertools-Cache"), body)
	}
	if header.Get("Warning") == "" {
		t.Error("a stale answer carries no Warning")
	}
	s.Shutdown()
}

// A secret value is in the cache, in answers, and nowhere else: not in a log
// at DEBUG, not in a metric, not in an error, not in the health page.
func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	s := awake(t, lambdaemu.Options{Env: map[string]string{
		"AWS_ENDPOINT_URL":               realAWS(t),
		"POWERTOOLS_EXTENSION_LOG_LEVEL": "DEBUG",
		"POWERTOOLS_DEBUG":               "true",
	}})
	_, _, body := s.Get("/parameters/ssm/demo/db-password?decrypt=true&format=text")
	if body != canary {
		t.Fatalf("read %q, want the marker", body)
	}
	var outside []string
	for _, path := range []string{
		"/parameters/ssm/demo/db-password?decrypt=true&transform=json",
		"/parameters/ssm/demo/db-password?decrypt=true&key=a.b",
		"/parameters/secrets/demo/database?key=nothing",
		"/parameters/secrets/demo/database?transform=binary",
		"/healthz", "/context", "/openapi.json", "/" + canary,
	} {
		status, header, body := s.Get(path)
		if status != 200 || path == "/healthz" || path == "/context" {
			outside = append(outside, fmt.Sprint(path, header, strings.ReplaceAll(body, "/"+canary, "")))
		}
	}
	s.Must(`{}`)
	s.Shutdown()
	for _, text := range append(outside, s.Text()) {
		for _, secret := range []string{canary, token, "wJalrXUtnFEMI"} {
			if strings.Contains(strings.ReplaceAll(text, "/"+canary, ""), secret) {
				t.Errorf("%q is in\n%s", secret, text)
			}
		}
	}
}

// What the function prints never breaks the extension, and neighbours of a
// bad line survive.
func TestStrangeLines(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"Text", "JSON"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := start(t, lambdaemu.Options{
				Command:   harness.Self(t, plain),
				LogFormat: format,
				Faults:    []lambdaemu.Fault{{Name: "events-unknown"}},
			})
			print, err := json.Marshal([]string{"{broken", "[1,2]", "null", "\x01\x02", strings.Repeat("l", 1<<20), "{}", `{"level":30,"msg":"pino"}`, "after all of them"})
			if err != nil {
				t.Fatal(err)
			}
			s.Must(`{"print":` + string(print) + `}`)
			s.Must(`{}`)
			s.Shutdown()
			found := false
			for _, l := range s.Enriched() {
				found = found || l["message"] == "after all of them"
				if l["function_request_id"] == nil {
					t.Errorf("a line without request id: %.200v", l)
				}
			}
			if !found {
				t.Error("the line after the strange ones is missing")
			}
			if n := len(s.Canonical()); n != 2 {
				t.Errorf("%d canonical events, want 2", n)
			}
		})
	}
}

// writeGolden compares text with a file under testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run go test ./test/e2e -update", err)
	}
	if string(want) != got {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

// An upstream that hangs is answered while the function can still use the
// answer, whatever the configured time-out is: never by the function's own.
func TestHungUpstreamIsAnsweredBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	aws := harness.FakeAWS(t)
	if err := aws.SetFault("hung"); err != nil {
		t.Fatal(err)
	}
	ontime.Run(t, func(late ontime.Late) {
		s := start(t, lambdaemu.Options{
			Timeout: 2 * time.Second,
			Env:     map[string]string{"AWS_ENDPOINT_URL": aws.URL, "POWERTOOLS_PARAMETERS_TIMEOUT": "30s"},
		})
		res := s.Invoke(`{}`)
		if payload := string(res.Payload); !strings.Contains(payload, `"errorType":"wrapError"`) || !strings.Contains(payload, "504 Gateway Timeout") {
			late("the caller saw %s, want the function's own error about a 504", payload)
		}
		s.Shutdown()
	})
}
