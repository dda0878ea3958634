package awsapi_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"powertools-extension/internal/awsapi"
)

// canned serves one answer to every request with as little work as possible, so
// that the benchmark measures the client.
func canned(b *testing.B, body string) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serveCanned(conn, answer)
		}
	}()
	b.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// serveCanned answers one connection. Every request of the benchmark arrives in
// one read.
func serveCanned(conn net.Conn, answer []byte) {
	defer conn.Close()
	buf := make([]byte, 8<<10)
	for {
		if _, err := conn.Read(buf); err != nil {
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

const parameterAnswer = `{"Parameter":{"ARN":"arn:aws:ssm:eu-central-1:123456789012:parameter/app/db","DataType":"text","LastModifiedDate":1700000000.123,"Name":"/app/db","Type":"String","Value":"postgres://db.internal:5432/app","Version":3}}`

type parameterOut struct {
	Parameter struct {
		ARN, DataType, Name, Type, Value string
		Version                          int64
	}
}

func BenchmarkCall(b *testing.B) {
	c := newClient(b, envFor(canned(b, parameterAnswer)))
	in := struct {
		Name           string
		WithDecryption bool
	}{"/app/db", true}
	b.ReportAllocs()
	for b.Loop() {
		var out parameterOut
		if err := c.Call(b.Context(), getParameter, in, &out); err != nil {
			b.Fatal(err)
		}
		if out.Parameter.Version != 3 {
			b.Fatal(out)
		}
	}
	c.CloseIdle()
}

// BenchmarkRoundTrip is the floor under BenchmarkCall: the same exchange by
// net/http alone, unsigned and undecoded.
func BenchmarkRoundTrip(b *testing.B) {
	url := canned(b, parameterAnswer)
	transport := &http.Transport{DisableCompression: true}
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, bufio.NewReader(resp.Body))
		resp.Body.Close()
	}
	transport.CloseIdleConnections()
}

func BenchmarkNew(b *testing.B) {
	e := envFor("http://127.0.0.1:1")
	b.ReportAllocs()
	for b.Loop() {
		awsapi.New(awsapi.Options{Lookup: e.lookup})
	}
}

// BenchmarkFirstCall is what the first read of a process pays before its
// packet leaves: transport, roots, signer, credentials.
func BenchmarkFirstCall(b *testing.B) {
	e := envFor(canned(b, parameterAnswer))
	b.ReportAllocs()
	for b.Loop() {
		c := awsapi.New(awsapi.Options{Lookup: e.lookup})
		if err := c.Call(b.Context(), getParameter, nil, nil); err != nil {
			b.Fatal(err)
		}
		c.CloseIdle()
	}
}
