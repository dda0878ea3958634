package awsapi_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"powertools-extension/internal/awsapi"
)

func TestProxyIsForAWSOnly(t *testing.T) {
	local := newFake(t, ok(`{}`))
	connects := make(chan string, 10)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connects <- r.Method + " " + r.Host
		http.Error(w, "no", http.StatusForbidden)
	}))
	t.Cleanup(refusing.Close)

	lines := runChild(t, ","+local.URL, "HTTPS_PROXY="+refusing.URL, "HTTP_PROXY="+refusing.URL)
	if len(lines) != 2 || lines[0] != "result: ssm GetParameter: the proxy refused: HTTP 403; check HTTPS_PROXY and NO_PROXY" || lines[1] != "result: <nil>" {
		t.Errorf("child said %q", lines)
	}
	close(connects)
	n := 0
	for got := range connects {
		n++
		if got != "CONNECT ssm.eu-central-1.amazonaws.com:443" {
			t.Errorf("the proxy was asked for %q", got)
		}
	}
	if n == 0 || len(local.seen()) != 1 {
		t.Errorf("proxy asked %d times, this machine %d times", n, len(local.seen()))
	}
}

// A port where nobody listens any more.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestUnreachable(t *testing.T) {
	err := newClient(t, envFor(closedPort(t))).Call(t.Context(), getParameter, nil, nil)
	var got *awsapi.TransportError
	if !errors.As(err, &got) || got.Timeout || got.Hint != "check AWS_ENDPOINT_URL" || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error %v", err)
	}
}

// The server takes the second request on a pooled connection and drops it, as
// happens to a connection that slept through a freeze.
func TestDeadPooledConnectionIsReplacedAtOnce(t *testing.T) {
	drop := answer{hijack: func(w http.ResponseWriter) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0) // reset instead of a polite end
		}
		conn.Close()
	}}
	f := newFake(t, ok(`{}`), drop, ok(`{}`))
	c := newClient(t, envFor(f.URL))
	for range 2 {
		if err := c.Call(t.Context(), getParameter, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(f.seen()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

// An answer cut in the middle is a lost connection too, not half a value.
func TestCutAnswerIsFetchedAgain(t *testing.T) {
	cut := answer{hijack: func(w http.ResponseWriter) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		cutShort(rw.Writer)
		conn.Close()
	}}
	f := newFake(t, cut, ok(`{"V":"whole"}`))
	var out struct{ V string }
	if err := newClient(t, envFor(f.URL)).Call(t.Context(), getParameter, nil, &out); err != nil || out.V != "whole" {
		t.Errorf("%+v, %v", out, err)
	}
}

func cutShort(w *bufio.Writer) {
	w.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"V\":\"hal")
	w.Flush()
}
