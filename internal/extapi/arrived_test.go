package extapi

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Whoever asks once an event's bytes are on the way to us is told only after
// the event was dealt with, whatever the reading goroutine is doing.
func TestSettleWaitsForWhatArrived(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "register") {
			w.Header().Set("Lambda-Extension-Identifier", "id")
			_, _ = io.WriteString(w, `{"accountId":"1"}`)
			return
		}
		<-release
		_, _ = io.WriteString(w, `{"eventType":"INVOKE","requestId":"r"}`)
		_ = http.NewResponseController(w).Flush()
		release <- struct{}{} // it is in the socket now
	}))
	defer srv.Close()
	c := New(strings.TrimPrefix(srv.URL, "http://"), Options{})
	defer c.Close()
	if _, err := c.Register(t.Context(), "x", []EventType{Invoke}); err != nil {
		t.Fatal(err)
	}
	c.Settle(time.Minute) // no Next yet: nothing to wait for
	var dealt atomic.Int32
	done := make(chan struct{})
	const rounds = 200
	go func() {
		defer close(done)
		for range rounds {
			ev, err := c.Next(t.Context())
			if err != nil || ev.RequestID != "r" {
				t.Errorf("%+v, %v", ev, err)
				return
			}
			time.Sleep(time.Duration(dealt.Load()%3) * 100 * time.Microsecond)
			dealt.Add(1)
			c.Taken()
		}
	}()
	for i := range int32(rounds) {
		c.Settle(time.Minute) // nothing has arrived
		release <- struct{}{}
		<-release
		c.Settle(time.Minute)
		if n := dealt.Load(); n != i+1 {
			t.Fatalf("round %d: told after %d events were dealt with", i, n)
		}
	}
	<-done
}

// A wait has a bound, and a connection that is none of the kernel's has none
// of this.
func TestSettleIsBounded(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	if conn, err := watch(client, nil); err != nil || conn != client {
		t.Errorf("%v, %v", conn, err)
	}
	c := New("", Options{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := watch(net.Dial("tcp", ln.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	watchedConn := conn.(*watched)
	watchedConn.got.Store(true)
	c.next.Store(watchedConn)
	c.Settle(time.Millisecond) // returns
	if !watchedConn.holds() {
		t.Error("what nobody dealt with is forgotten")
	}
	if c.Taken(); watchedConn.holds() {
		t.Error("held after it was taken")
	}
}
