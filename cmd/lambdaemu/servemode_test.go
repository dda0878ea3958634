package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"powertools-extension/test/harness"
)

const path = "/2015-03-31/functions/function/invocations"

// The whole command in serve mode: start, a call over TCP, Ctrl-C, exit 0.
func TestServeMode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	box := &fakeBox{invoke: ok}
	free, err := net.Listen("tcp", "127.0.0.1:"+harness.FreePort(t))
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	taken := command(t, ctx, box, "--listen", address, "--", "true")
	if taken.code != 1 || !strings.Contains(taken.stderr, "is taken, perhaps by another lambdaemu; choose one with --listen") {
		t.Errorf("exit code %d: %s", taken.code, taken.stderr)
	}
	free.Close()
	done := make(chan ran, 1)
	go func() { done <- command(t, ctx, box, "--listen", address, "--", "true") }()
	body := postOnce(t, "http://"+address+path)
	cancel()
	got := <-done
	if body != `{"a":1}` || got.code != 0 || !strings.Contains(got.stdout, "#1 ·") || !strings.Contains(got.stderr, "curl -d '{}' http://"+address+path) {
		t.Errorf("body %q, exit code %d\n%s%s", body, got.code, got.stdout, got.stderr)
	}
}

// postOnce retries until the listener is there.
func postOnce(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for t.Context().Err() == nil {
		resp, err := client.Post(url, "application/json", strings.NewReader("{}"))
		if err != nil {
			continue
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	return ""
}
