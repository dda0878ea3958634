package ndjson_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/httppost"
	"powertools-extension/internal/sink/ndjson"
	"powertools-extension/test/ontime"
)

// trickle answers a byte at a time.
func trickle(c net.Conn, answer string) {
	buf := make([]byte, 64<<10)
	_, _ = c.Read(buf)
	if _, err := io.WriteString(c, answer); err != nil {
		return
	}
	for {
		time.Sleep(20 * time.Millisecond)
		if _, err := c.Write([]byte("x")); err != nil {
			return
		}
	}
}

// TestK1_HungReceivers: however a receiver hangs, the first flush costs its
// budget, and a thousand invocations after that cost nothing.
func TestK1_HungReceivers(t *testing.T) {
	silent := func(t *testing.T) string { return listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }) }
	for _, tc := range []struct {
		name string
		make func(t *testing.T) (url string, opt httppost.Options)
	}{
		{"accepts and hangs", func(t *testing.T) (string, httppost.Options) { return "http://" + silent(t), httppost.Options{} }},
		{"tls stall", func(t *testing.T) (string, httppost.Options) { return "https://" + silent(t), httppost.Options{} }},
		{"black hole", func(t *testing.T) (string, httppost.Options) {
			return "http://127.0.0.1:1", httppost.Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}}
		}},
		{"dns stall", func(t *testing.T) (string, httppost.Options) {
			names, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { names.Close() })
			dialer := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "udp", names.LocalAddr().String())
			}}}
			return "http://receiver.example", httppost.Options{Dial: dialer.DialContext}
		}},
		{"reset", func(t *testing.T) (string, httppost.Options) {
			return "http://" + listen(t, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }), httppost.Options{}
		}},
		{"slow header", func(t *testing.T) (string, httppost.Options) {
			return "http://" + listen(t, func(c net.Conn) { trickle(c, "HTTP/1.1 200 OK\r\nX: ") }), httppost.Options{}
		}},
		{"slow body", func(t *testing.T) (string, httppost.Options) {
			return "http://" + listen(t, func(c net.Conn) { trickle(c, "HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n") }), httppost.Options{}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ontime.Run(t, func(late ontime.Late) {
				const maxBytes = 256 << 10
				url, opt := tc.make(t)
				g := outlet(t, url, opt, ndjson.Bounds(maxBytes))
				for g.Ready() { // once for a hang; three errors where each is quick
					g.Put([]byte("line"))
					// Package sink holds the exact figure, in virtual time; here is room
					// for a busy machine.
					if took, _ := flush(g, 300*time.Millisecond); took > 700*time.Millisecond {
						late("a flush took %v", took)
					}
				}
				if n := g.Counters(); n.Timeouts > 1 {
					late("%d time-outs before it was left alone", n.Timeouts)
				}
				began := time.Now()
				for range 1000 {
					g.Put(bytes.Repeat([]byte("x"), 1000))
					if _, err := flush(g, 300*time.Millisecond); !errors.Is(err, sink.ErrPaused) {
						t.Fatal(err)
					}
				}
				if took := time.Since(began); took > 500*time.Millisecond {
					late("1000 invocations behind an open breaker took %v", took)
				}
				if s := g.Stats(); s.Pending.Bytes > maxBytes || !balanced(s) || s.Losses[sink.Overflow].Lines == 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestK3_CancelledFlushesLeakNothing cuts ten thousand flushes at random
// moments and counts what is left.
func TestK3_CancelledFlushesLeakNothing(t *testing.T) {
	addr := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	g := outlet(t, "http://"+addr, httppost.Options{}, ndjson.Bounds(64<<10))
	run := func(n int) {
		for range n {
			g.Put([]byte("line"))
			ctx, cancel := context.WithCancel(context.Background())
			timer := time.AfterFunc(rand.N(300*time.Microsecond), cancel)
			_ = g.Flush(ctx)
			timer.Stop()
			cancel()
		}
	}
	run(200)
	files, routines := openFiles(t), runtime.NumGoroutine()
	run(10_000)
	// What ends needs a moment to end.
	for range 500 {
		if openFiles(t) <= files+10 && runtime.NumGoroutine() <= routines+10 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if f, r := openFiles(t), runtime.NumGoroutine(); f > files+10 || r > routines+10 {
		t.Errorf("%d files, %d goroutines; before %d, %d", f, r, files, routines)
	}
	if s := g.Stats(); !balanced(s) {
		t.Errorf("%+v", s)
	}
}

// cutter passes connections on to a receiver and cuts the first one.
type cutter struct {
	to       string
	sent     int64 // bytes let through to the receiver; -1: all
	answered int64 // bytes let through to the sender; -1: all
	conns    atomic.Int32
}

func (p *cutter) handle(c net.Conn) {
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	sent, answered := int64(-1), int64(-1)
	if p.conns.Add(1) == 1 {
		sent, answered = p.sent, p.answered
	}
	cut := make(chan struct{}, 2)
	for _, way := range []struct {
		to, from net.Conn
		n        int64
	}{{server, c, sent}, {c, server, answered}} {
		go func() {
			if way.n < 0 {
				_, _ = io.Copy(way.to, way.from)
			} else {
				_, _ = io.CopyN(way.to, way.from, way.n)
			}
			cut <- struct{}{}
		}()
	}
	<-cut
	c.Close()
	server.Close()
	<-cut
}

// TestL8_FreezeAtEveryByte: the sandbox freezes in the middle of a send and
// the connection is dead when it thaws, at every byte of the request and of
// the answer. The first flush after the thaw delivers, and the receiver, which
// knows a repetition by its key, has each batch once.
func TestL8_FreezeAtEveryByte(t *testing.T) {
	const line = `{"message":"order accepted"}`
	r := newReceiver(t)
	cuts, repeated := 0, 0
	for _, answer := range []bool{false, true} {
		for at := int64(0); ; at++ {
			p := &cutter{to: r.Listener.Addr().String(), sent: at, answered: -1}
			if answer {
				p.sent, p.answered = -1, at
			}
			addr := listen(t, p.handle)
			g := outlet(t, "http://"+addr, httppost.Options{}, ndjson.Bounds(0))
			g.Put([]byte(line))
			before, repeats := len(r.text()), r.repetitions()
			// Too little time for a second try, or for a verdict: the freeze takes it.
			_, err := flush(g, 40*time.Millisecond)
			if err == nil && answer {
				break // the whole answer was let through
			}
			if _, err := flush(g, 5*time.Second); err != nil {
				t.Fatalf("cut at %d, answer %v: the first flush after the thaw: %v", at, answer, err)
			}
			if got := r.text()[before:]; got != line+"\n" {
				t.Fatalf("cut at %d, answer %v: received %q", at, answer, got)
			}
			if s := g.Stats(); s.Delivered.Lines != 1 || !balanced(s) {
				t.Fatalf("cut at %d, answer %v: %+v", at, answer, s)
			}
			cuts++
			repeated += r.repetitions() - repeats
			if err == nil {
				break // the whole request was let through
			}
		}
	}
	t.Logf("%d cuts, %d repetitions that the key took out", cuts, repeated)
	if cuts < 300 || repeated == 0 {
		t.Errorf("%d cuts, %d repetitions: the test cuts nothing", cuts, repeated)
	}
}

// TestL8_DeadPooledConnection: the receiver closed the pooled connection while
// nobody looked. The next send succeeds, in one try.
func TestL8_DeadPooledConnection(t *testing.T) {
	r := newReceiver(t)
	g := outlet(t, r.URL, httppost.Options{}, ndjson.Bounds(0))
	for i := range 20 {
		g.Put([]byte(fmt.Sprint("line ", i)))
		if _, err := flush(g, 5*time.Second); err != nil {
			t.Fatalf("send %d: %v", i, err)
		}
		r.CloseClientConnections()
	}
	if n := g.Counters(); n.Tries != 20 || n.Failures != 0 || len(r.order) != 20 {
		t.Errorf("%+v, %d batches", n, len(r.order))
	}
}

// TestI8_NoBodyIsReused: sends are cut at random moments while lines go on
// coming; whatever the receiver takes is whole, and nothing comes twice.
func TestI8_NoBodyIsReused(t *testing.T) {
	r := newReceiver(t)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if rand.IntN(3) == 0 {
			time.Sleep(rand.N(3 * time.Millisecond))
		}
		r.ServeHTTP(w, req)
	}))
	defer slow.Close()
	g := outlet(t, slow.URL, httppost.Options{}, sink.Options{MaxBytes: 64 << 10, BatchBytes: 4 << 10})
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := range 3000 {
				text := fmt.Sprintf("%d %d %s", w, i, strings.Repeat(string(rune('a'+rand.IntN(26))), rand.IntN(200)))
				g.Put(fmt.Appendf(nil, "%08x %s", crc32.ChecksumIEEE([]byte(text)), text))
				if i%10 == 0 {
					ctx, cancel := context.WithCancel(context.Background())
					timer := time.AfterFunc(rand.N(4*time.Millisecond), cancel)
					_ = g.Flush(ctx)
					timer.Stop()
					cancel()
				}
			}
		})
	}
	wg.Wait()
	if err := g.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(r.text()) {
		sum, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))) || seen[text] {
			t.Fatalf("broken or repeated line %q", line)
		}
		seen[text] = true
	}
	s := g.Stats()
	if !balanced(s) || s.Pending.Lines != 0 || uint64(len(seen)) < s.Delivered.Lines {
		t.Errorf("%d lines received, %+v", len(seen), s)
	}
	t.Logf("%d lines received, %+v", len(seen), s)
}

// TestK5_RecoveryOverHTTP: the receiver asks for a second, gets it, and then
// has everything in order.
func TestK5_RecoveryOverHTTP(t *testing.T) {
	ontime.Run(t, func(late ontime.Late) { recoverOverHTTP(t, late) })
}

func recoverOverHTTP(t *testing.T, late ontime.Late) {
	t.Helper()
	r := newReceiver(t)
	var busy atomic.Bool
	var calls atomic.Int32
	busy.Store(true)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		calls.Add(1)
		if busy.Load() {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		r.ServeHTTP(w, req)
	}))
	defer front.Close()
	g := outlet(t, front.URL, httppost.Options{}, sink.Options{BatchLines: 7})
	var want strings.Builder
	for i := range 100 {
		fmt.Fprintln(&want, i)
		g.Put([]byte(fmt.Sprint(i)))
	}
	asked := time.Now()
	_, _ = flush(g, 300*time.Millisecond)
	busy.Store(false)
	for g.Stats().Pending.Lines > 0 {
		if took, err := flush(g, 300*time.Millisecond); errors.Is(err, sink.ErrPaused) && took > 20*time.Millisecond {
			late("a paused flush took %v", took)
		}
		if time.Since(asked) < time.Second && calls.Load() != 1 {
			t.Fatal("Retry-After was not obeyed")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if got := r.text(); got != want.String() {
		t.Errorf("received %q", got)
	}
}
