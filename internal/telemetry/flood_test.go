package telemetry

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
)

// flood sends lines of 300 bytes in batches of the size the platform would
// make, and returns how many.
func flood(tb testing.TB, s *Server, c *http.Client, lines int) int64 {
	tb.Helper()
	const perBatch = 650 // about 256 KiB
	filling := strings.Repeat("x", 290)
	var body bytes.Buffer
	sent := int64(0)
	for sent < int64(lines) {
		body.Reset()
		for i := range perBatch {
			body.WriteByte(",["[min(1, max(0, 1-i))])
			fmt.Fprintf(&body, `{"time":"2022-10-12T00:03:50.000Z","type":"function","record":"%09d %s\n"}`, sent, filling)
			sent++
		}
		body.WriteByte(']')
		res, err := c.Post("http://"+s.Addr().String()+"/", "application/json", bytes.NewReader(body.Bytes()))
		if err != nil {
			tb.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			tb.Fatalf("status %d", res.StatusCode)
		}
	}
	return sent
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// 100,000 lines meet a handler that hangs: all are accepted, memory stays
// within the queue, and what is lost is counted to the line.
func TestFloodIsBounded(t *testing.T) {
	h := newBlocked()
	s := start(t, zap.NewNop(), Options{}, h)
	c := client(t)
	before := liveHeap()
	sent := flood(t, s, c, 100_000)
	send(t, c, s, "POST", "/", strings.NewReader("["+done+"]"))
	// Queue 4 MiB, spare buffers 2.7 MiB, one body in work, the sender's own.
	if grown := liveHeap() - before; grown > 9<<20 {
		t.Errorf("the heap grew by %d KiB", grown>>10)
	}
	close(h.release)
	drain(t, s)
	st := s.Stats()
	if st.DroppedLines == 0 || st.DroppedBodies == 0 {
		t.Fatalf("nothing was dropped: %+v", st)
	}
	if got := st.Events - 1 + st.DroppedLines; got != sent {
		t.Errorf("%d lines sent, %d handled or dropped", sent, got)
	}
	// The oldest go; the newest and the platform's event are there.
	last := h.events[len(h.events)-2:]
	if !strings.HasPrefix(string(last[0].Line), fmt.Sprintf("%09d ", sent-1)) || last[1].Kind != KindRuntimeDone {
		t.Errorf("last events: %.20q, %v", last[0].Line, last[1].Kind)
	}
}

// A handler that keeps up sees every line.
func TestFloodWithoutLoss(t *testing.T) {
	var handled atomic.Int64
	s := start(t, zap.NewNop(), Options{QueueBytes: 64 << 20}, handlerFunc(func(events []Event) {
		handled.Add(int64(len(events)))
	}))
	sent := flood(t, s, client(t), 100_000)
	drain(t, s)
	if handled.Load() != sent || s.Stats().DroppedBodies != 0 {
		t.Errorf("%d sent, %d handled, %+v", sent, handled.Load(), s.Stats())
	}
}

// Tiny events must not need more memory than large ones.
func TestTinyEventsAreHandedOutByHandfuls(t *testing.T) {
	most := 0
	s := start(t, zap.NewNop(), Options{}, handlerFunc(func(events []Event) { most = max(most, len(events)) }))
	send(t, client(t), s, "POST", "/", strings.NewReader("["+strings.Repeat(`{"type":"platform.end"},`, 10_000)+"]"))
	drain(t, s)
	if st := s.Stats(); most > 256 || st.Events != 10_000 {
		t.Errorf("%d events at once, %+v", most, st)
	}
}

// What bodies say about their length is not believed: many senders that
// announce much and send little get little memory.
func TestAnnouncedLengthIsNotBelieved(t *testing.T) {
	s := start(t, zap.NewNop(), Options{}, &collector{})
	release := make(chan struct{})
	done := make(chan struct{})
	for range 40 {
		go func() {
			defer func() { done <- struct{}{} }()
			r := &http.Request{Method: "POST", ContentLength: 8 << 20, Body: io.NopCloser(waitingReader{release})}
			s.ServeHTTP(nopWriter{}, r)
		}()
	}
	for deadline := time.Now().Add(10 * time.Second); s.receiving.Load() < maxReceiving && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if n := s.receiving.Load(); n > maxReceiving {
		t.Errorf("%d bytes are reserved", n)
	}
	close(release)
	for range 40 {
		<-done
	}
	if n := s.receiving.Load(); n != 0 {
		t.Errorf("%d bytes are still reserved", n)
	}
}

// waitingReader ends with an error once it is released.
type waitingReader struct{ release chan struct{} }

func (r waitingReader) Read([]byte) (int, error) {
	<-r.release
	return 0, io.ErrUnexpectedEOF
}

type nopWriter struct{}

func (nopWriter) Header() http.Header         { return http.Header{} }
func (nopWriter) Write(b []byte) (int, error) { return len(b), nil }
func (nopWriter) WriteHeader(int)             {}

// BenchmarkIntake is the way from the socket to the handler, per line of 300
// bytes, sender included.
func BenchmarkIntake(b *testing.B) {
	s := start(b, zap.NewNop(), Options{QueueBytes: 64 << 20}, handlerFunc(func([]Event) {}))
	c := client(b)
	sent := int64(0)
	for b.Loop() {
		sent += flood(b, s, c, 65_000)
	}
	drain(b, s)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(sent), "ns/line")
}
