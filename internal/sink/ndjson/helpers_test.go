package ndjson_test

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/httppost"
	"powertools-extension/internal/sink/ndjson"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver takes batches as a collector would: a repetition of a key is
// answered and counts once.
type receiver struct {
	*httptest.Server

	mu      sync.Mutex
	batches map[string]string // body by key, the first one
	order   []string          // keys in the order of their first arrival
	repeats int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{batches: map[string]string{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := unzip(req.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest) // cut: not taken
		return
	}
	r.take(req.Header.Get("Idempotency-Key"), body)
}

func (r *receiver) take(key, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.batches[key]; ok {
		r.repeats++
		return
	}
	r.batches[key] = body
	r.order = append(r.order, key)
}

// repetitions is how many batches came again.
func (r *receiver) repetitions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.repeats
}

// text is everything that was taken, in order.
func (r *receiver) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all strings.Builder
	for _, key := range r.order {
		all.WriteString(r.batches[key])
	}
	return all.String()
}

func unzip(r io.Reader) (string, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(z)
	return string(body), err
}

// outlet joins a guard and a sender.
func outlet(t *testing.T, url string, opt httppost.Options, buf sink.Options) *sink.Guarded {
	t.Helper()
	s, err := ndjson.New(url, nil, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.CloseIdle)
	return sink.NewGuarded(s, sink.GuardOptions{Name: s.Name(), Buffer: buf})
}

// flush is a flush within d.
func flush(g *sink.Guarded, d time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	began := time.Now()
	err := g.Flush(ctx)
	return time.Since(began), err
}

// listen runs handle for each connection until the test ends.
func listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				stop := context.AfterFunc(contextOf(done), func() { c.Close() })
				defer stop()
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(done)
		wg.Wait()
	})
	return l.Addr().String()
}

// contextOf ends when the channel is closed.
func contextOf(done <-chan struct{}) context.Context { return doneContext{context.Background(), done} }

type doneContext struct {
	context.Context
	done <-chan struct{}
}

func (c doneContext) Done() <-chan struct{} { return c.done }

func (c doneContext) Err() error {
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}

// openFiles counts the process's file descriptors.
func openFiles(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc: the test counts file descriptors there")
	}
	return len(names)
}

func balanced(s sink.Stats) bool {
	lost := uint64(0)
	for _, n := range s.Losses.Lines() {
		lost += n
	}
	return s.Received.Lines == s.Delivered.Lines+s.Dropped.Lines+s.Pending.Lines && lost == s.Dropped.Lines
}
