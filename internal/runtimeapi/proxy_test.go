package runtimeapi

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	nextPath = "/2018-06-01/runtime/invocation/next"
	token    = "to+k/en=="
)

// start runs a proxy before an upstream address.
func start(t testing.TB, upstream string, change ...func(*Options)) *Server {
	t.Helper()
	opt := Options{Upstream: upstream, Tokens: func() []string { return []string{token} }}
	for _, f := range change {
		f(&opt)
	}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Shutdown(ctx)
	})
	return s
}

// lambda is an upstream with a handler of the test's.
func lambda(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	srv.Config.ErrorLog = nil
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return strings.TrimPrefix(srv.URL, "http://")
}

// raw is an upstream that takes one connection after another and talks bytes.
func raw(t testing.TB, talk func(c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				talk(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return ln.Addr().String()
}

func connect(t testing.TB, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

// readHead returns lines up to the empty one.
func readHead(r *bufio.Reader) (head string, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return head, err
		}
		head += line
		if line == "\r\n" {
			return head, nil
		}
	}
}

func client(t testing.TB) *http.Client {
	tr := &http.Transport{DisableCompression: true, ReadBufferSize: 64 << 10, MaxResponseHeaderBytes: 4 << 20}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// TestBytesAsTheyCame: lines in their order and spelling, both ways, but for
// what belongs to one connection.
func TestBytesAsTheyCame(t *testing.T) {
	const sent = "POST /2018-06-01/runtime/invocation/a%2fb/response?q=%41&x HTTP/1.1\r\n" +
		"hOst: 127.0.0.1:9019\r\nx-b: 2\r\nX-A:  1 \r\nx-b: 3\r\nLambda-Runtime-Function-Response-Mode: odd\r\n" +
		"Connection: X-Mine, keep-alive\r\nX-Mine: gone\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhello"
	const answer = "HTTP/1.1 202 Yes Indeed\r\nx-z: 1\r\nX-Y: \xe9\r\nDate: never\r\nKeep-Alive: 1\r\nContent-Length: 3\r\n\r\nyes"
	got := make(chan string, 1)
	addr := raw(t, func(c net.Conn, r *bufio.Reader) {
		head, _ := readHead(r)
		body := make([]byte, 5)
		_, _ = io.ReadFull(r, body)
		got <- head + string(body)
		_, _ = io.WriteString(c, answer)
		_, _ = r.ReadByte()
	})
	c, r := connect(t, start(t, addr).Addr())
	if _, err := io.WriteString(c, sent); err != nil {
		t.Fatal(err)
	}
	want := "POST /2018-06-01/runtime/invocation/a%2fb/response?q=%41&x HTTP/1.1\r\nHost: " + addr +
		"\r\nx-b: 2\r\nX-A:  1 \r\nx-b: 3\r\nLambda-Runtime-Function-Response-Mode: odd\r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhello"
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Error("Lambda got:", diff)
	}
	head, err := readHead(r)
	body := make([]byte, 3)
	_, _ = io.ReadFull(r, body)
	want = "HTTP/1.1 202 Yes Indeed\r\nx-z: 1\r\nX-Y: \xe9\r\nDate: never\r\nContent-Length: 3\r\n\r\nyes"
	if diff := cmp.Diff(want, head+string(body)); diff != "" || err != nil {
		t.Error("the runtime got:", diff, err)
	}
}

// TestBodies: every size and framing arrives, both ways, over one connection.
func TestBodies(t *testing.T) {
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Sum", fmt.Sprintf("%x", sha256.Sum256(body)))
		w.Header().Set("X-Chunked", fmt.Sprint(len(r.TransferEncoding)))
		w.Header().Set("Trailer", "X-After")
		if r.URL.Query().Has("sized") {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.Header().Del("Trailer")
		}
		w.WriteHeader(202)
		_, _ = w.Write(body)
		w.Header().Set("X-After", "end")
	})
	s := start(t, addr)
	cl := client(t)
	for _, size := range []int{0, 1, 5, readBuffer - 6, readBuffer, together - 1, together, together + 1, 300_000, 6<<20 + 100} {
		for _, mode := range []string{"sized", "chunked"} {
			body := bytes.Repeat([]byte("0123456789abcdef\n"), size/17+1)[:size]
			var r io.Reader = bytes.NewReader(body)
			if mode == "chunked" {
				r = io.MultiReader(r) // its length is not known
			}
			res, err := cl.Post("http://"+s.Addr()+"/2018-06-01/runtime/invocation/x/response?"+mode, "text/x", r)
			if err != nil {
				t.Fatal(size, mode, err)
			}
			back, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || !bytes.Equal(back, body) || res.StatusCode != 202 || res.Header.Get("X-Sum") != fmt.Sprintf("%x", sha256.Sum256(body)) {
				t.Errorf("%d %s: %d bytes back, status %d, %v", size, mode, len(back), res.StatusCode, err)
			}
			if chunked := mode == "chunked"; chunked && res.Trailer.Get("X-After") != "end" || res.Header.Get("X-Chunked") != map[bool]string{true: "1", false: "0"}[chunked] {
				t.Errorf("%d %s: trailers %v, chunks %s", size, mode, res.Trailer, res.Header.Get("X-Chunked"))
			}
		}
	}
}

// TestTrailers: lost ones make a broken stream look like success. Go's client
// declares them on every answer and sends values or none.
func TestTrailers(t *testing.T) {
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s|%v|%v", body, r.Trailer["Lambda-Runtime-Function-Error-Type"], len(r.Trailer.Get("Lambda-Runtime-Function-Error-Body")))
	})
	s := start(t, addr)
	for name, test := range map[string]struct{ trailer, want string }{
		"values": {"Lambda-Runtime-Function-Error-Type: Function.X\r\nLambda-Runtime-Function-Error-Body: " + strings.Repeat("e", 3000) + "\r\n", "part|[Function.X]|3000"},
		"none":   {"", "part|[]|0"},
	} {
		t.Run(name, func(t *testing.T) {
			c, r := connect(t, s.Addr())
			_, _ = io.WriteString(c, "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n4\r\npart\r\n0\r\n"+test.trailer+"\r\n")
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			if string(body) != test.want {
				t.Errorf("Lambda got %q, want %q", body, test.want)
			}
		})
	}
}

// TestStreams: what is written on one side is read on the other before more
// is written.
func TestStreams(t *testing.T) {
	parts := make(chan string)
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		buf := make([]byte, 100)
		for {
			n, err := r.Body.Read(buf)
			if n > 0 {
				parts <- string(buf[:n])
				_, _ = w.Write(bytes.ToUpper(buf[:n]))
				_ = rc.Flush()
			}
			if err != nil {
				return
			}
		}
	})
	c, r := connect(t, start(t, addr).Addr())
	_, _ = io.WriteString(c, "POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nHost: localhost\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, part := range []string{"one", "two", "three"} {
		fmt.Fprintf(c, "%x\r\n%s\r\n", len(part), part)
		if got := <-parts; got != part {
			t.Fatalf("Lambda got %q, want %q", got, part)
		}
	}
	_, _ = io.WriteString(c, "0\r\n\r\n")
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); string(body) != "ONETWOTHREE" || err != nil {
		t.Errorf("the runtime got %q, %v", body, err)
	}
}

// TestEarlyAnswers: 413 and 410 come before the body is through, and the
// runtime reads them.
func TestEarlyAnswers(t *testing.T) {
	for _, status := range []int{413, 410, 403, 400} {
		addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				return
			}
			_, _ = io.CopyN(io.Discard, r.Body, 1000)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"errorType":"RequestEntityTooLarge"}`)
		})
		s := start(t, addr)
		c, r := connect(t, s.Addr())
		const size = 6<<20 + 101
		_, _ = io.WriteString(c, fmt.Sprintf("POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", size))
		if _, err := c.Write(make([]byte, size)); err != nil { // a client that reads only when all is sent
			t.Fatalf("%d: send: %v", status, err)
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		body, err := io.ReadAll(res.Body)
		if res.StatusCode != status || string(body) != `{"errorType":"RequestEntityTooLarge"}` || err != nil {
			t.Errorf("status %d, %q, %v", res.StatusCode, body, err)
		}
		_, _ = io.WriteString(c, "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n") // the connection lives on
		if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 200 {
			t.Errorf("after %d: %v", status, err)
		}
	}
}

// TestPollEndsWithTheRuntime: Lambda must not give an event to nobody.
func TestPollEndsWithTheRuntime(t *testing.T) {
	polled, closed := make(chan struct{}), make(chan struct{})
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		close(polled)
		<-r.Context().Done()
		close(closed)
	})
	s := start(t, addr)
	c, _ := connect(t, s.Addr())
	_, _ = io.WriteString(c, "GET "+nextPath+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-polled
	c.Close()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("the poll is still open")
	}
	if n := s.Stats().Upstream; n != 0 {
		t.Errorf("%d answers of ours for a runtime that left", n)
	}
}

// TestAnswerOutlivesTheRuntime: what was read whole arrives.
func TestAnswerOutlivesTheRuntime(t *testing.T) {
	for _, size := range []int{10, 300_000} {
		got := make(chan int, 1)
		hold := make(chan struct{})
		addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
			<-hold
			body, err := io.ReadAll(r.Body)
			if err != nil || r.Context().Err() != nil {
				t.Errorf("%d bytes: %v, %v", len(body), err, r.Context().Err())
			}
			got <- len(body)
		})
		c, _ := connect(t, start(t, addr).Addr())
		fmt.Fprintf(c, "POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", size)
		if _, err := c.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // it is in the proxy's or the kernel's hands
		c.Close()
		close(hold)
		if n := <-got; n != size {
			t.Errorf("Lambda got %d bytes of %d", n, size)
		}
	}
}

// TestBrokenAnswer: what the runtime breaks off, Lambda sees broken off.
func TestBrokenAnswer(t *testing.T) {
	for name, text := range map[string]string{
		"sized, short": "Content-Length: 100\r\n\r\nabc",
		"sized, long":  "Content-Length: 1000000\r\n\r\n" + strings.Repeat("x", 200_000),
		"chunked":      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"in a chunk":   "Transfer-Encoding: chunked\r\n\r\nff\r\nabc",
		"in trailers":  "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y",
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan error, 1)
			addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
				_, err := io.ReadAll(r.Body)
				got <- err
			})
			c, _ := connect(t, start(t, addr).Addr())
			_, _ = io.WriteString(c, "POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nHost: localhost\r\n"+text)
			c.Close()
			select {
			case err := <-got:
				if err == nil {
					t.Error("Lambda took it for whole")
				}
			case <-time.After(10 * time.Second):
				t.Error("Lambda heard nothing")
			}
		})
	}
}

// TestForms: what is odd and allowed works, what could be read in two ways or
// comes from a page is refused, and nothing hangs.
func TestForms(t *testing.T) {
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
	})
	s := start(t, addr)
	host := "Host: 127.0.0.1:9019\r\n"
	for name, test := range map[string]struct {
		send   string
		status []int
		body   string // of the last
	}{
		"pipelined":              {"GET /a HTTP/1.1\r\n" + host + "\r\nGET /b HTTP/1.1\r\n" + host + "\r\n", []int{200, 200}, "GET /b "},
		"pipelined behind body":  {"POST /a HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\nxyGET /b HTTP/1.1\r\n" + host + "\r\n", []int{200, 200}, "GET /b "},
		"HTTP/1.0":               {"GET /a HTTP/1.0\r\n\r\n", []int{200}, "GET /a "},
		"HTTP/1.0 keep-alive":    {"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n", []int{200, 200}, "GET /b "},
		"bare line feeds":        {"POST /a HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nz", []int{200}, "POST /a z"},
		"folded field":           {"GET /a HTTP/1.1\r\n" + host + "X-A: 1\r\n 2\r\n\r\n", []int{200}, "GET /a "},
		"close":                  {"GET /a HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", []int{200}, "GET /a "},
		"forwarded":              {"GET /a HTTP/1.1\r\n" + host + "X-Forwarded-For: 1.2.3.4\r\nVia: 1.1 x\r\nForwarded: for=x\r\n\r\n", []int{200}, "GET /a "},
		"other method":           {"PROPFIND /a HTTP/1.1\r\n" + host + "\r\n", []int{200}, "PROPFIND /a "},
		"upgrade":                {"GET /a HTTP/1.1\r\n" + host + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", []int{200}, "GET /a "},
		"two lengths":            {"POST /a HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", []int{400}, ""},
		"one length twice":       {"POST /a HTTP/1.1\r\n" + host + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", []int{200}, "POST /a ab"},
		"length and chunks":      {"POST /a HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}, ""},
		"other coding":           {"POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{400}, ""},
		"two codings":            {"POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}, ""},
		"chunks in HTTP/1.0":     {"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}, ""},
		"signed length":          {"POST /a HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\na", []int{400}, ""},
		"huge length":            {"POST /a HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\na", []int{400}, ""},
		"space before colon":     {"GET /a HTTP/1.1\r\n" + host + "X-A : 1\r\n\r\n", []int{400}, ""},
		"line without colon":     {"GET /a HTTP/1.1\r\n" + host + "nonsense\r\n\r\n", []int{400}, ""},
		"NUL in a value":         {"GET /a HTTP/1.1\r\n" + host + "X-A: \x00\r\n\r\n", []int{400}, ""},
		"carriage return inside": {"GET /a HTTP/1.1\r\n" + host + "X-A: a\rContent-Length: 5\r\n\r\n", []int{400}, ""},
		"no host":                {"GET /a HTTP/1.1\r\n\r\n", []int{400}, ""},
		"two hosts":              {"GET /a HTTP/1.1\r\n" + host + host + "\r\n", []int{400}, ""},
		"foreign host":           {"GET /a HTTP/1.1\r\nHost: evil.example\r\n\r\n", []int{421}, ""},
		"host like loopback":     {"GET /a HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", []int{421}, ""},
		"IPv6 host":              {"GET /a HTTP/1.1\r\nHost: [::1]:9019\r\n\r\n", []int{200}, "GET /a "},
		"origin":                 {"GET /a HTTP/1.1\r\n" + host + "Origin: http://localhost\r\n\r\n", []int{403}, ""},
		"page":                   {"GET /a HTTP/1.1\r\n" + host + "Sec-Fetch-Site: same-origin\r\n\r\n", []int{403}, ""},
		"no page":                {"GET /a HTTP/1.1\r\n" + host + "Sec-Fetch-Site: none\r\n\r\n", []int{200}, "GET /a "},
		"CONNECT":                {"CONNECT x:1 HTTP/1.1\r\n" + host + "\r\n", []int{400}, ""},
		"whole address":          {"GET http://127.0.0.1/a HTTP/1.1\r\n" + host + "\r\n", []int{400}, ""},
		"HTTP/2":                 {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{400}, ""},
		"empty line":             {"\r\nGET /a HTTP/1.1\r\n" + host + "\r\n", []int{400}, ""},
		"endless head":           {"GET /a HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", maxHead) + "\r\n\r\n", []int{431}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, r := connect(t, s.Addr())
			_, _ = io.WriteString(c, test.send)
			var body []byte
			for i, want := range test.status {
				res, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				body, _ = io.ReadAll(res.Body)
				if res.StatusCode != want {
					t.Fatalf("answer %d: status %d, want %d: %s", i, res.StatusCode, want, body)
				}
			}
			if last := test.status[len(test.status)-1]; last == 200 && string(body) != test.body {
				t.Errorf("Lambda saw %q, want %q", body, test.body)
			}
		})
	}
}

// TestHead: its answer says how long a body would be, and there is none.
func TestHead(t *testing.T) {
	addr := raw(t, func(c net.Conn, r *bufio.Reader) {
		for {
			if _, err := readHead(r); err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
		}
	})
	c, r := connect(t, start(t, addr).Addr())
	for range 2 {
		_, _ = io.WriteString(c, "HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if head, err := readHead(r); err != nil || !strings.Contains(head, "Content-Length: 7") {
			t.Fatalf("%q, %v", head, err)
		}
	}
}

// TestInterim: an answer that says "go on" to curl, and others that only say
// that more comes.
func TestInterim(t *testing.T) {
	addr := raw(t, func(c net.Conn, r *bufio.Reader) {
		head, _ := readHead(r)
		if strings.Contains(head, "Expect") {
			t.Errorf("Lambda was asked whether it wants what it will get: %q", head)
		}
		_, _ = io.CopyN(io.Discard, r, 3)
		_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
		_, _ = r.ReadByte()
	})
	c, r := connect(t, start(t, addr).Addr())
	_, _ = io.WriteString(c, "POST /a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
	want := []string{"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"}
	for i, w := range want {
		head, err := readHead(r)
		if head != w || err != nil {
			t.Errorf("got %q, want %q, %v", head, w, err)
		}
		if i == 0 {
			_, _ = io.WriteString(c, "abc")
		}
	}
}

// TestLargeFields: Lambda-Runtime-Function-XRay-Error-Cause may have a MiB.
func TestLargeFields(t *testing.T) {
	large := strings.Repeat("c", 1<<20-1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Lambda-Runtime-Function-XRay-Error-Cause") != large {
			t.Error("lost on its way to Lambda")
		}
		w.Header().Set("X-Large", large)
	}))
	srv.Config.MaxHeaderBytes = 4 << 20
	srv.Start()
	defer srv.Close()
	req, _ := http.NewRequest("POST", "http://"+start(t, strings.TrimPrefix(srv.URL, "http://")).Addr()+"/2018-06-01/runtime/invocation/x/error", nil)
	req.Header.Set("Lambda-Runtime-Function-XRay-Error-Cause", large)
	res, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.Header.Get("X-Large") != large {
		t.Error("lost on its way back")
	}
}

// TestNoUpstream: never an empty success.
func TestNoUpstream(t *testing.T) {
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()
	for name, addr := range map[string]string{
		"refuses": refused.Addr().String(),
		"closes":  raw(t, func(c net.Conn, r *bufio.Reader) {}),
		"reads":   raw(t, func(c net.Conn, r *bufio.Reader) { _, _ = readHead(r) }),
		"cut head": raw(t, func(c net.Conn, r *bufio.Reader) {
			_, _ = readHead(r)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX")
		}),
		"no HTTP": raw(t, func(c net.Conn, r *bufio.Reader) { _, _ = readHead(r); _, _ = io.WriteString(c, "hello\r\n\r\n") }),
		"other proto": raw(t, func(c net.Conn, r *bufio.Reader) {
			_, _ = readHead(r)
			_, _ = io.WriteString(c, "HTTP/1.1 101 x\r\n\r\n")
		}),
		"odd chunking": raw(t, func(c net.Conn, r *bufio.Reader) {
			_, _ = readHead(r)
			_, _ = io.WriteString(c, "HTTP/1.1 200 x\r\nTransfer-Encoding: gzip\r\n\r\n")
		}),
	} {
		for _, request := range []string{"GET " + nextPath, "POST /2018-06-01/runtime/invocation/x/response"} {
			t.Run(name+" "+request[:4], func(t *testing.T) {
				for _, size := range []int{0, 300_000} {
					c, r := connect(t, start(t, addr).Addr())
					fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", request, size)
					_, _ = c.Write(make([]byte, size))
					res, err := http.ReadResponse(r, nil)
					if err != nil {
						t.Fatal(err)
					}
					if body, _ := io.ReadAll(res.Body); res.StatusCode != 502 || !strings.Contains(string(body), `"errorType":"Runtime.ProxyUpstream"`) {
						t.Errorf("%d %s", res.StatusCode, body)
					}
				}
			})
		}
	}
}

// TestCutAnswer: an event that breaks off is not taken for whole.
func TestCutAnswer(t *testing.T) {
	for name, answer := range map[string]string{
		"sized":   "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n",
		"long":    "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 300_000),
	} {
		t.Run(name, func(t *testing.T) {
			addr := raw(t, func(c net.Conn, r *bufio.Reader) { _, _ = readHead(r); _, _ = io.WriteString(c, answer) })
			res, err := client(t).Get("http://" + start(t, addr).Addr() + nextPath)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if err == nil {
				t.Error("the runtime took it for whole")
			}
		})
	}
}

// TestStaleConnection: Lambda's side closed without a word between two
// requests.
func TestStaleConnection(t *testing.T) {
	var mu sync.Mutex
	conns := 0
	addr := raw(t, func(c net.Conn, r *bufio.Reader) {
		mu.Lock()
		conns++
		mu.Unlock()
		if _, err := readHead(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
		}
	})
	c, r := connect(t, start(t, addr).Addr())
	for range 3 {
		_, _ = io.WriteString(c, "POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
		if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 202 {
			t.Fatal(res, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if conns != 3 {
		t.Errorf("%d connections", conns)
	}
}

// TestUntilClose: an answer without a length ends with its connection.
func TestUntilClose(t *testing.T) {
	addr := raw(t, func(c net.Conn, r *bufio.Reader) {
		_, _ = readHead(r)
		_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n"+strings.Repeat("y", 100_000))
	})
	c, r := connect(t, start(t, addr).Addr())
	_, _ = io.WriteString(c, "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n")
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); len(body) != 100_000 || err != nil || !res.Close {
		t.Errorf("%d bytes, %v, close %v", len(body), err, res.Close)
	}
}

// TestShutdown: an answer on its way arrives, polls end at once, nobody new
// gets in.
func TestShutdown(t *testing.T) {
	taken, release := make(chan struct{}), make(chan struct{})
	var polls sync.WaitGroup
	polls.Add(1)
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			polls.Done()
			<-r.Context().Done()
			return
		}
		close(taken)
		<-release
		w.WriteHeader(202)
	})
	s := start(t, addr)
	poll, _ := connect(t, s.Addr())
	_, _ = io.WriteString(poll, "GET "+nextPath+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	c, r := connect(t, s.Addr())
	_, _ = io.WriteString(c, "POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
	<-taken
	polls.Wait()
	down := make(chan struct{})
	go func() {
		defer close(down)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.Shutdown(ctx)
	}()
	if _, err := poll.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the poll: %v", err)
	}
	close(release)
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 202 {
		t.Errorf("the answer: %v", err)
	}
	<-down
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("the port is open")
	}
}
