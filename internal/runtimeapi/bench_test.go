package runtimeapi

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// plain is the proxy that one would write first: net/http's server and
// transport, with the trailers shared by hand.
func plain(b testing.TB, upstream string) string {
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, MaxResponseHeaderBytes: 2 << 20, WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, _ := http.NewRequestWithContext(r.Context(), r.Method, "http://"+upstream+r.URL.RequestURI(), r.Body)
		out.Header, out.ContentLength = r.Header.Clone(), r.ContentLength
		if len(r.Trailer) > 0 {
			out.Trailer, out.ContentLength = r.Trailer, -1
		}
		res, err := tr.RoundTrip(out)
		if err != nil {
			w.WriteHeader(502)
			return
		}
		defer res.Body.Close()
		for k, v := range res.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	}))
	b.Cleanup(func() { tr.CloseIdleConnections(); srv.CloseClientConnections(); srv.Close() })
	return strings.TrimPrefix(srv.URL, "http://")
}

// platform is a Runtime API that costs little, so that what is measured is
// what stands before it: one connection, two kinds of answers.
func platform(b testing.TB, event []byte) string {
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 3da1f2dc-3222-475e-9205-e2e6c6318895\r\nLambda-Runtime-Deadline-Ms: %d\r\n"+
		"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:f\r\nLambda-Runtime-Trace-Id: Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1\r\n"+
		"Content-Type: application/json\r\nDate: Mon, 30 Nov 2026 17:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s", time.Now().Add(time.Hour).UnixMilli(), len(event), event)
	accepted := []byte("HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nDate: Mon, 30 Nov 2026 17:00:00 GMT\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n")
	return raw(b, func(c net.Conn, r *bufio.Reader) {
		buf := make([]byte, 64<<10)
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			get, length := line[0] == 'G', 0
			for len(line) > 2 {
				if line, err = r.ReadSlice('\n'); err != nil {
					return
				}
				if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
					fmt.Sscan(string(v), &length)
				}
			}
			if get {
				_, _ = c.Write(answer)
				continue
			}
			for length > 0 {
				n, err := r.Read(buf[:min(len(buf), length)])
				if err != nil {
					return
				}
				length -= n
			}
			_, _ = c.Write(accepted)
		}
	})
}

// runtime is a client that costs little.
type runtime struct {
	c    net.Conn
	r    *bufio.Reader
	post []byte
	buf  []byte
}

func newRuntime(b testing.TB, addr string, body []byte) *runtime {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	post := fmt.Appendf(nil, "POST /2018-06-01/runtime/invocation/3da1f2dc-3222-475e-9205-e2e6c6318895/response HTTP/1.1\r\nHost: 127.0.0.1:9019\r\nUser-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return &runtime{c, bufio.NewReaderSize(c, 64<<10), post, make([]byte, 64<<10)}
}

var poll = []byte("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9019\r\nUser-Agent: bench\r\n\r\n")

func (rt *runtime) invoke(b testing.TB) {
	for _, request := range [][]byte{poll, rt.post} {
		if _, err := rt.c.Write(request); err != nil {
			b.Fatal(err)
		}
		length := 0
		for {
			line, err := rt.r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				fmt.Sscan(string(v), &length)
			}
			if len(line) == 2 {
				break
			}
		}
		for length > 0 {
			n, err := rt.r.Read(rt.buf[:min(len(rt.buf), length)])
			if err != nil {
				b.Fatal(err)
			}
			length -= n
		}
	}
}

// used is the CPU time of this process so far.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPassThrough prints three ratios against a proxy of net/http, run
// interleaved: of the CPU that each adds to a direct exchange, of what each
// adds to the median, and what ours adds in µs.
func BenchmarkPassThrough(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10, 1 << 20, 6 << 20} {
		b.Run(fmt.Sprintf("%dkB", size>>10), func(b *testing.B) {
			event := bytes.Repeat([]byte("x"), size)
			up := platform(b, event)
			ways := []*runtime{newRuntime(b, up, event), newRuntime(b, start(b, up).Addr(), event), newRuntime(b, plain(b, up), event)}
			batch := max(1, (1<<20)/size/4)
			cpu := make([]time.Duration, len(ways))
			times := make([][]time.Duration, len(ways))
			for b.Loop() {
				for i, way := range ways {
					before := used()
					for range batch {
						began := time.Now()
						way.invoke(b)
						times[i] = append(times[i], time.Since(began))
					}
					cpu[i] += used() - before
				}
			}
			median := func(i int) float64 {
				slices.Sort(times[i])
				return float64(times[i][len(times[i])/2].Nanoseconds()) / 1000
			}
			n := float64(len(times[0]))
			b.ReportMetric(float64(cpu[1]-cpu[0])/float64(cpu[2]-cpu[0]), "cpu-ratio")
			b.ReportMetric((median(1)-median(0))/(median(2)-median(0)), "p50-ratio")
			b.ReportMetric(median(1)-median(0), "µs-added")
			b.ReportMetric(float64(cpu[1]-cpu[0])/n/1000, "µs-cpu-added")
		})
	}
}
