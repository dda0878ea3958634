package extapi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/extapi"
)

const nextLine = "GET /2020-01-01/extension/event/next"

func TestNextEvents(t *testing.T) {
	event := map[string]string{"Content-Type": "application/json", "Lambda-Extension-Event-Identifier": "e-1"}
	plain := map[string]string{"Content-Type": "text/plain; charset=utf-8"}
	at := time.Date(2023, 2, 10, 17, 43, 51, 0, time.UTC)
	for name, tt := range map[string]struct {
		answer answer
		want   extapi.Event
	}{
		"invoke": {
			literal(200, event, `{"eventType":"INVOKE","deadlineMs":1676051031000,"requestId":"3da1f2dc-3222-475e-9205-e2e6c6318895","invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"}}`),
			extapi.Event{
				Type: "INVOKE", Deadline: at, RequestID: "3da1f2dc-3222-475e-9205-e2e6c6318895",
				FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest",
				TraceHeader: "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1",
			},
		},
		"invoke without tracing": {
			literal(200, event, `{"eventType":"INVOKE","deadlineMs":1676051031000,"requestId":"r","invokedFunctionArn":"a"}`),
			extapi.Event{Type: "INVOKE", Deadline: at, RequestID: "r", FunctionARN: "a"},
		},
		"shutdown": {
			literal(200, plain, `{"eventType":"SHUTDOWN","deadlineMs":1676051031000,"shutdownReason":"spindown"}`),
			extapi.Event{Type: "SHUTDOWN", Deadline: at, Reason: "spindown"},
		},
		"shutdown as the documentation prints it": {
			literal(200, plain, `{"eventType":"SHUTDOWN","shutdownReason":"TIMEOUT","deadlineMs":1676051031000}`),
			extapi.Event{Type: "SHUTDOWN", Deadline: at, Reason: "timeout"},
		},
		"shutdown of a local emulator": {
			literal(200, plain, `{"eventType":"SHUTDOWN","deadlineMs":1676051031000,"shutdownReason":"SandboxTerminated"}`),
			extapi.Event{Type: "SHUTDOWN", Deadline: at, Reason: "sandboxterminated"},
		},
		"unknown type": {
			literal(200, event, `{"eventType":"RESTORE","deadlineMs":1676051031000,"more":[1]}`),
			extapi.Event{Type: "RESTORE", Deadline: at},
		},
		"no field at all":  {literal(200, event, `{}`), extapi.Event{}},
		"fractional time":  {literal(200, event, `{"eventType":"INVOKE","deadlineMs":1676051031000.7}`), extapi.Event{Type: "INVOKE", Deadline: at}},
		"deadline of zero": {literal(200, event, `{"eventType":"INVOKE","deadlineMs":0}`), extapi.Event{Type: "INVOKE"}},
		"deadline absurd":  {literal(200, event, `{"eventType":"INVOKE","deadlineMs":1e300}`), extapi.Event{Type: "INVOKE"}},
		"fields of wrong types": {
			literal(200, event, `{"eventType":"INVOKE","deadlineMs":"soon","tracing":"x","requestId":"r"}`),
			extapi.Event{Type: "INVOKE", RequestID: "r"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, p := registered(t, map[string]answer{nextLine: tt.answer})
			got, err := c.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			r := p.requests()[1]
			if id := r.header.Get("Lambda-Extension-Identifier"); id != "5b0d3c5e-0f1e-4a26-9d2a-6a5f0c1d2e3f" {
				t.Errorf("identifier = %q", id)
			}
			if r.body != "" || r.chunked {
				t.Errorf("next has a body: %q", r.body)
			}
		})
	}
}

func TestNextErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		answer answer
		status int // of the *APIError; 0: another error
	}{
		"suspended already":  {literal(403, nil, `{"errorMessage":"State transition from Ready to Ready failed for extension shim. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}`+"\n"), 403},
		"gone":               {literal(410, nil, ``), 410},
		"container broken":   {literal(500, nil, `{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}`), 500},
		"broken JSON":        {literal(200, nil, `{"eventType":"INV`), 0},
		"empty":              {literal(200, nil, ``), 0},
		"more than we read":  {literal(200, nil, `{"eventType":"`+strings.Repeat("x", 1<<20)+`"}`), 0},
		"accepted, no event": {literal(202, nil, ``), 202},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := registered(t, map[string]answer{nextLine: tt.answer})
			_, err := c.Next(t.Context())
			var api *extapi.APIError
			switch {
			case err == nil:
				t.Error("no error")
			case errors.As(err, &api) != (tt.status != 0):
				t.Errorf("error = %v", err)
			case api != nil && api.Status != tt.status:
				t.Errorf("status = %d, want %d", api.Status, tt.status)
			}
		})
	}
}

func TestSecondNextIsRefusedWithoutARequest(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	c, p := registered(t, map[string]answer{nextLine: func(w http.ResponseWriter) {
		entered <- struct{}{}
		<-release
		_, _ = io.WriteString(w, `{"eventType":"SHUTDOWN"}`)
	}})
	first := make(chan error, 1)
	go func() {
		_, err := c.Next(context.Background())
		first <- err
	}()
	<-entered
	if _, err := c.Next(t.Context()); !errors.Is(err, extapi.ErrNextPending) {
		t.Errorf("second next: %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("first next: %v", err)
	}
	if n := len(p.requests()); n != 2 {
		t.Errorf("%d requests, want register and one next", n)
	}
	// The slot is free again.
	go func() { <-entered }()
	if _, err := c.Next(t.Context()); err != nil {
		t.Errorf("third next: %v", err)
	}
}

// The platform may hold /next for hours. The same request must still be
// waiting for the answer.
func TestNextWaitsForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		dial := func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				r := bufio.NewReader(far)
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				requests++
				body, header := "{}", "Lambda-Extension-Identifier: 5b0d3c5e-0f1e-4a26-9d2a-6a5f0c1d2e3f\r\n"
				if req.Method == "GET" {
					time.Sleep(160 * time.Minute)
					body, header = `{"eventType":"INVOKE"}`, ""
				}
				_, _ = io.WriteString(far, "HTTP/1.1 200 OK\r\n"+header+"Connection: close\r\n\r\n"+body)
			}()
			return near, nil
		}
		c := extapi.New("127.0.0.1:9001", extapi.Options{Dial: dial})
		defer c.Close()
		if _, err := c.Register(t.Context(), "shim", nil); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ev, err := c.Next(t.Context())
		if err != nil || ev.Type != "INVOKE" {
			t.Fatalf("event %v, error %v", ev, err)
		}
		if waited := time.Since(start); waited != 160*time.Minute {
			t.Errorf("waited %v", waited)
		}
		if requests != 2 {
			t.Errorf("%d requests, want 2", requests)
		}
	})
}

// A connection that breaks under a waiting Next must not be repeated behind
// the caller's back: for the platform that would be a second call.
func TestBrokenNextIsNotRepeated(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 8)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serveUntilNext(conn, lines)
		}
	}()
	c := newClient(t, l.Addr().String(), extapi.Options{})
	if _, err := c.Register(t.Context(), "shim", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(t.Context()); err == nil {
		t.Error("no error")
	}
	l.Close()
	<-done
	close(lines)
	var got []string
	for line := range lines {
		got = append(got, line)
	}
	want := []string{"POST /2020-01-01/extension/register", "GET /2020-01-01/extension/event/next"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// serveUntilNext answers requests on one connection and hangs up on a GET.
func serveUntilNext(conn net.Conn, lines chan<- string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		lines <- req.Method + " " + req.URL.Path
		if req.Method == http.MethodGet {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: 5b0d3c5e-0f1e-4a26-9d2a-6a5f0c1d2e3f\r\nContent-Length: 2\r\n\r\n{}")
	}
}

// All calls of one life share a connection.
func TestConnectionIsKept(t *testing.T) {
	p := newPlatform(t, map[string]answer{
		registerLine: registerOK,
		nextLine:     literal(200, nil, `{"eventType":"INVOKE"}`),
	})
	var asked []string
	c := newClient(t, p.addr(), extapi.Options{Dial: dialTo(p.addr(), &asked)})
	if _, err := c.Register(t.Context(), "shim", nil); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := c.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) != 1 {
		t.Errorf("%d connections for 6 calls", len(asked))
	}
}
