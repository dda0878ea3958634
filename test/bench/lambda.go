package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// lambda is the least of Lambda that an extension needs to reach its first
// next call, and a Parameter Store that knows one parameter.
type lambda struct {
	addr string
	next chan time.Time // receives the arrival of each next call
	reg  chan time.Time // and of each registration
	stop chan struct{}  // closed: next answers SHUTDOWN
	once sync.Once
	srv  *http.Server
}

func newLambda() (*lambda, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &lambda{addr: ln.Addr().String(), next: make(chan time.Time, 16), reg: make(chan time.Time, 16), stop: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, _ *http.Request) {
		l.reg <- time.Now()
		w.Header().Set("Lambda-Extension-Identifier", "3f7a1c52-8f5e-4f0c-9a55-2b7f6f1c0d11")
		_, _ = io.WriteString(w, `{"accountId":"123456789012","functionName":"bench","functionVersion":"$LATEST","handler":"h"}`+"\n")
	})
	mux.HandleFunc("PUT /2022-07-01/telemetry", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `"OK"`)
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(w http.ResponseWriter, _ *http.Request) {
		l.next <- time.Now()
		<-l.stop
		_ = json.NewEncoder(w).Encode(map[string]any{
			"eventType": "SHUTDOWN", "deadlineMs": time.Now().Add(2 * time.Second).UnixMilli(), "shutdownReason": "spindown",
		})
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) { // Secrets Manager and Systems Manager
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.") {
			answerSecret(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/bench/p","DataType":"text","LastModifiedDate":1668586960.362,"Name":"/bench/p","Type":"String","Value":"a value of some forty characters, no more","Version":1}}`)
	})
	l.srv = &http.Server{Handler: mux}
	go func() { _ = l.srv.Serve(ln) }()
	return l, nil
}

// answerSecret answers GetSecretValue: a small secret, or one of 43 KB for each
// name that begins with large.
func answerSecret(w http.ResponseWriter, r *http.Request) {
	var in struct{ SecretId string } //nolint:revive // as the service spells it
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text := "a secret of some seventy characters, as a database connection would have it"
	if strings.HasPrefix(in.SecretId, "large") {
		text = strings.Repeat("x", 43_000)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + in.SecretId + "-AbCdEf", "Name": in.SecretId, "SecretString": text,
		"VersionId": "EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE", "VersionStages": []string{"AWSCURRENT"}, "CreatedDate": 1569534789.046,
	})
}

func (l *lambda) shutdown() { l.once.Do(func() { close(l.stop) }) }

func (l *lambda) close() { l.shutdown(); _ = l.srv.Close() }

// since is how long after exec a call arrived.
type since struct{ register, next time.Duration }

// start runs one extension and returns it with the times from just before exec
// to the arrival of its registration and of its first next call.
func (l *lambda) start(binary string, env ...string) (*exec.Cmd, since, error) {
	cmd := exec.Command(binary)
	cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + l.addr,
		"AWS_REGION=us-east-1", "AWS_LAMBDA_FUNCTION_NAME=bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_SESSION_TOKEN=bench",
		"AWS_ENDPOINT_URL=http://" + l.addr,
		"POWERTOOLS_METRICS_NAMESPACE=bench",
		"POWERTOOLS_EXTENSION_HTTP_PORT=" + port,
	}, env...)
	cmd.Stderr = os.Stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, since{}, err
	}
	select {
	case at := <-l.next:
		return cmd, since{(<-l.reg).Sub(begin), at.Sub(begin)}, nil
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		return nil, since{}, os.ErrDeadlineExceeded
	}
}
