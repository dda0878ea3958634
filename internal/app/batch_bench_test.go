package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/batch/items"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/runtimeapi"
)

// client is a runtime that costs little: one connection, no parsing.
type client struct {
	net net.Conn
	r   *bufio.Reader
}

func dialTo(b testing.TB, addr string) *client {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return &client{c, bufio.NewReaderSize(c, 64<<10)}
}

func (c *client) say(b testing.TB, text string) *http.Response {
	if _, err := io.WriteString(c.net, text); err != nil {
		b.Fatal(err)
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		b.Fatal(err)
	}
	return res
}

const (
	pollText   = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
	answerText = "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nok"
)

// BenchmarkBatch gives a runtime 10,000 records of 500 bytes, and beside it the
// same calls to a server that does nothing. The bar is 1.5 of those.
func BenchmarkBatch(b *testing.B) {
	var event strings.Builder
	event.WriteString(`{"Records":[`)
	const n = 10_000
	for i := range n {
		if i > 0 {
			event.WriteByte(',')
		}
		fmt.Fprintf(&event, `{"messageId":"00000000-0000-4000-8000-%012d","body":%q,"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q"}`, i, strings.Repeat("x", 380))
	}
	event.WriteString("]}")
	one := event.String()[:520]
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000000")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Hour).UnixMilli()))
			_, _ = io.WriteString(w, event.String())
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(202)
	}))
	b.Cleanup(lambda.Close)
	nothing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000000-1")
			_, _ = io.WriteString(w, one)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(202)
	}))
	b.Cleanup(nothing.Close)
	hook := middleware.Batch{Kinds: []string{"sqs"}, Watch: items.New(zap.NewNop())}.Hook()
	server, err := runtimeapi.New(runtimeapi.Options{Upstream: strings.TrimPrefix(lambda.URL, "http://"), Chain: NewChain(zap.NewNop(), []middleware.Hook{hook})})
	if err == nil {
		err = server.Listen()
	}
	if err != nil {
		b.Fatal(err)
	}
	server.Serve()
	b.Cleanup(func() { ctx, cancel := context.WithCancel(context.Background()); cancel(); server.Shutdown(ctx) })

	ours, theirs := dialTo(b, server.Addr()), dialTo(b, strings.TrimPrefix(nothing.URL, "http://"))
	var batch, loop time.Duration
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		began := time.Now()
		for range n {
			res := ours.say(b, pollText)
			ours.say(b, fmt.Sprintf(answerText, res.Header.Get("Lambda-Runtime-Aws-Request-Id")))
		}
		batch += time.Since(began)
		began = time.Now()
		for range n {
			res := theirs.say(b, pollText)
			theirs.say(b, fmt.Sprintf(answerText, res.Header.Get("Lambda-Runtime-Aws-Request-Id")))
		}
		loop += time.Since(began)
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(batch)/float64(loop), "of-no-op-server")
	b.ReportMetric(float64(batch.Microseconds())/float64(b.N*n), "us/record")
	b.ReportMetric(float64(after.Sys-before.Sys)/float64(event.Len()), "events-of-memory")
}
