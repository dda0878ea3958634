package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// handlerFunc is a Handler.
type handlerFunc func([]Event)

func (f handlerFunc) HandleEvents(events []Event) { f(events) }

// start serves h until the end of the test.
func start(t testing.TB, log *zap.Logger, opt Options, h Handler) *Server {
	t.Helper()
	opt.Host = "127.0.0.1"
	s, err := Listen(log, opt)
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(h)
	t.Cleanup(func() {
		s.Close()
		<-s.ended
	})
	return s
}

// client has its own connections, and leaves none behind.
func client(t testing.TB) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// send makes a request and wants 200.
func send(t testing.TB, c *http.Client, s *Server, method, path string, body io.Reader) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr().String()+path, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("%s %s: status %d", method, path, res.StatusCode)
	}
}

func drain(t testing.TB, s *Server) {
	t.Helper()
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestEveryRequestIsTaken(t *testing.T) {
	megabyte := strings.Repeat("x", 1<<20)
	for name, tt := range map[string]struct {
		method, path string
		body         io.Reader
		want         []string
		stats        Stats
	}{
		"a batch":           {"POST", "/", strings.NewReader("[" + early + "," + done + "]"), []string{"early", "platform r-1"}, Stats{Events: 2}},
		"another path":      {"POST", "/telemetry?x=1", strings.NewReader("[" + early + "]"), []string{"early"}, Stats{Events: 1}},
		"another method":    {"PUT", "/", strings.NewReader("[" + early + "]"), []string{"early"}, Stats{Events: 1}},
		"GET":               {"GET", "/", nil, nil, Stats{}},
		"HEAD":              {"HEAD", "/favicon.ico", nil, nil, Stats{}},
		"an empty POST":     {"POST", "/", strings.NewReader(""), nil, Stats{}},
		"no events":         {"POST", "/", strings.NewReader("[]"), nil, Stats{}},
		"broken JSON":       {"POST", "/", strings.NewReader(`[{"time":`), nil, Stats{Undecodable: 1}},
		"broken, but one":   {"POST", "/", strings.NewReader(`[{"time":"x",},` + early + `]`), []string{"early"}, Stats{Events: 1, Undecodable: 1}},
		"unknown type":      {"POST", "/", strings.NewReader(`[{"time":"x","type":"platform.new","record":{}},` + early + `]`), []string{"{}", "early"}, Stats{Events: 2, Unknown: 1}},
		"odd records":       {"POST", "/", strings.NewReader(`[{"type":"function","record":1},{"type":"function"},` + early + `]`), []string{"1", "", "early"}, Stats{Events: 3}},
		"a line of 1 MiB":   {"POST", "/", strings.NewReader(`[{"type":"function","record":"` + megabyte + `\n"},` + early + `]`), []string{megabyte, "early"}, Stats{Events: 2}},
		"6 MiB":             {"POST", "/", strings.NewReader("[" + early + strings.Repeat(" ", 6<<20) + "]"), []string{"early"}, Stats{Events: 1}},
		"chunked":           {"POST", "/", io.MultiReader(strings.NewReader("["+early), strings.NewReader("]")), []string{"early"}, Stats{Events: 1}},
		"6 MiB, chunked":    {"POST", "/", io.MultiReader(strings.NewReader("["+early), strings.NewReader(strings.Repeat(" ", 6<<20)+"]")), []string{"early"}, Stats{Events: 1}},
		"too large":         {"POST", "/", strings.NewReader(strings.Repeat(" ", 20<<20)), nil, Stats{DroppedBodies: 1, DroppedBytes: 20 << 20}},
		"too large, hidden": {"POST", "/", io.MultiReader(strings.NewReader(strings.Repeat(" ", 20<<20))), nil, Stats{DroppedBodies: 1, DroppedBytes: 20 << 20}},
		"just too large":    {"POST", "/", io.MultiReader(strings.NewReader(strings.Repeat(" ", 8<<20+1))), nil, Stats{DroppedBodies: 1, DroppedBytes: 8<<20 + 1}},
		"large enough":      {"POST", "/", io.MultiReader(strings.NewReader("[" + early + strings.Repeat(" ", 8<<20-len(early)-2) + "]")), []string{"early"}, Stats{Events: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var got collector
			s := start(t, zap.NewNop(), Options{}, &got)
			c := client(t)
			send(t, c, s, tt.method, tt.path, tt.body)
			drain(t, s)
			if diff := cmp.Diff(tt.want, got.texts()); diff != "" {
				t.Errorf("events (-want +got):\n%.300s", diff)
			}
			stats := s.Stats()
			stats.Bodies, stats.Bytes = 0, 0
			if diff := cmp.Diff(tt.stats, stats); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
			if n := s.receiving.Load(); n != 0 {
				t.Errorf("%d bytes are still reserved", n)
			}
			// Whatever came, the next batch works.
			got.events = nil
			send(t, c, s, "POST", "/", strings.NewReader("["+done+"]"))
			drain(t, s)
			if diff := cmp.Diff([]string{"platform r-1"}, got.texts()); diff != "" {
				t.Errorf("next batch (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzServe: any request is answered with 200, and the next batch works.
func FuzzServe(f *testing.F) {
	f.Add("GET", "/", []byte(nil))
	f.Add("POST", "/x", []byte("["+cutHead+`"half}]`))
	f.Add("POST", "/x", []byte("["+early+",{,"+done))
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		req := &http.Request{Method: method, URL: &url.URL{Path: path}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
		var got collector
		s := start(t, zap.NewNop(), Options{}, &got)
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, req)
		if rec.Code != http.StatusOK {
			t.Errorf("status %d", rec.Code)
		}
		send(t, client(t), s, "POST", "/", strings.NewReader("["+done+"]"))
		drain(t, s)
		if texts := got.texts(); len(texts) == 0 || texts[len(texts)-1] != "platform r-1" {
			t.Errorf("next batch lost: %q", texts)
		}
	})
}

func TestURINamesTheOnlyHostLambdaTakes(t *testing.T) {
	s := start(t, zap.NewNop(), Options{}, &collector{})
	want := regexp.MustCompile(`^http://sandbox\.localdomain:[1-9][0-9]+/$`)
	if !want.MatchString(s.URI()) {
		t.Errorf("URI = %q", s.URI())
	}
	if port := s.Addr().(*net.TCPAddr).Port; !strings.Contains(s.URI(), fmt.Sprint(":", port, "/")) {
		t.Errorf("URI = %q, but port %d is bound", s.URI(), port)
	}
}

// Where sandbox.localdomain does not resolve, as on a developer's machine,
// there is a listener all the same.
func TestListenWithoutTheName(t *testing.T) {
	s, err := Listen(zap.NewNop(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got collector
	s.Serve(&got)
	send(t, client(t), s, "POST", "/", strings.NewReader("["+done+"]"))
	s.Close()
	<-s.ended
	if len(got.events) != 1 {
		t.Errorf("%d events", len(got.events))
	}
}

func TestListenReportsABadHost(t *testing.T) {
	if _, err := Listen(zap.NewNop(), Options{Host: "256.0.0.1"}); err == nil {
		t.Error("no error")
	}
}

// After a freeze the platform may send what we have answered.
func TestRedeliveryCountsOnce(t *testing.T) {
	var got collector
	s := start(t, zap.NewNop(), Options{}, &got)
	c := client(t)
	for range 3 {
		send(t, c, s, "POST", "/", strings.NewReader("["+early+"]"))
		send(t, c, s, "POST", "/", strings.NewReader("["+done+"]"))
	}
	drain(t, s)
	if diff := cmp.Diff([]string{"early", "platform r-1"}, got.texts()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if st := s.Stats(); st.Bodies != 6 || st.Duplicates != 4 {
		t.Errorf("stats = %+v", st)
	}
}

func TestRecentRemembers32(t *testing.T) {
	r := newRecent()
	for i := range 33 {
		if r.seen(fmt.Append(nil, i)) {
			t.Errorf("%d seen before", i)
		}
	}
	if !r.seen([]byte("1")) {
		t.Error("the 32nd last is forgotten")
	}
	if r.seen([]byte("0")) {
		t.Error("the 33rd last is remembered")
	}
}

// The first half of a cut record may be delivered twice before the second.
func TestRedeliveredHalfIsStitchedOnce(t *testing.T) {
	var got collector
	s := start(t, zap.NewNop(), Options{}, &got)
	c := client(t)
	for _, body := range []string{"[" + cutHead + `"first}]`, "[" + cutHead + `"first}]`, "[" + cutHead + ` and last"},` + done + "]"} {
		send(t, c, s, "POST", "/", strings.NewReader(body))
	}
	drain(t, s)
	if diff := cmp.Diff([]string{"first and last", "platform r-1"}, got.texts()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestDrainDeliversWhatIsHeld(t *testing.T) {
	var got collector
	s := start(t, zap.NewNop(), Options{}, &got)
	send(t, client(t), s, "POST", "/", strings.NewReader("["+cutHead+`"first}]`))
	drain(t, s)
	if diff := cmp.Diff([]string{"first (truncated)"}, got.texts()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestCloseDeliversWhatIsHeld(t *testing.T) {
	var got collector
	s := start(t, zap.NewNop(), Options{}, &got)
	send(t, client(t), s, "POST", "/", strings.NewReader("["+cutHead+`"first}]`))
	s.Close()
	drain(t, s)
	if diff := cmp.Diff([]string{"first (truncated)"}, got.texts()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPanicOfTheHandlerCostsItsEvents(t *testing.T) {
	core, logged := observer.New(zap.DebugLevel)
	var got collector
	calls := 0
	s := start(t, zap.New(core), Options{}, handlerFunc(func(events []Event) {
		calls++
		switch calls {
		case 1:
			panic("the password is hunter2")
		case 2:
			var none []int
			_ = none[len(events)]
		}
		got.HandleEvents(events)
	}))
	c := client(t)
	for i := range 3 {
		send(t, c, s, "POST", "/", strings.NewReader(strings.Repeat(" ", i)+"["+early+"]"))
	}
	drain(t, s)
	if diff := cmp.Diff([]string{"early"}, got.texts()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if n := s.Stats().Panics; n != 2 {
		t.Errorf("%d panics", n)
	}
	entries := logged.FilterMessage("panic, going on without it").All()
	if len(entries) != 2 {
		t.Fatalf("%d log lines", len(entries))
	}
	for i, want := range []string{"string", "runtime error: index out of range"} {
		fields := entries[i].ContextMap()
		if what := fields["panic"].(string); !strings.HasPrefix(what, want) {
			t.Errorf("panic = %q, want %q", what, want)
		}
		stack := fmt.Sprint(fields["stack"])
		if !strings.Contains(stack, "TestPanicOfTheHandlerCostsItsEvents") || strings.Contains(stack, "hunter2") {
			t.Errorf("stack = %.200q", stack)
		}
	}
}

// A body whose handler panicked is not used again.
func TestPanicKeepsTheBody(t *testing.T) {
	var kept []byte
	s := start(t, zap.NewNop(), Options{}, handlerFunc(func(events []Event) {
		if kept == nil {
			kept = events[0].Line
			panic(errors.New("x"))
		}
	}))
	c := client(t)
	send(t, c, s, "POST", "/", strings.NewReader("["+early+"]"))
	drain(t, s)
	for i := range 8 {
		send(t, c, s, "POST", "/", strings.NewReader(strings.Repeat("#", i+1)+"["+done+"]"))
	}
	drain(t, s)
	if string(kept) != "early" {
		t.Errorf("the line became %q", kept)
	}
}

// blocked is a handler that waits.
type blocked struct {
	entered chan struct{}
	release chan struct{}
	collector
}

func (b *blocked) HandleEvents(events []Event) {
	select {
	case b.entered <- struct{}{}:
	default:
	}
	<-b.release
	b.collector.HandleEvents(events)
}

func newBlocked() *blocked {
	return &blocked{entered: make(chan struct{}, 1), release: make(chan struct{})}
}

func TestDrainEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newBlocked()
		s := &Server{log: zap.NewNop(), queue: newQueue(1 << 20), recent: newRecent(), ended: make(chan struct{}), serving: true}
		go s.work(h)
		s.enqueue([]byte("[" + early + "]"))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		before := time.Now()
		err := s.Drain(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(before) != 100*time.Millisecond {
			t.Errorf("error = %v after %v", err, time.Since(before))
		}
		// What was given up on is not lost.
		close(h.release)
		if err := s.Drain(t.Context()); err != nil || len(h.events) != 1 {
			t.Errorf("%d events, error %v", len(h.events), err)
		}
		s.queue.close()
		synctest.Wait()
		if err := s.Drain(t.Context()); err != nil {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestLifeOutOfOrder(t *testing.T) {
	s, err := Listen(zap.NewNop(), Options{Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	drain(t, s) // before Serve: nothing was taken
	s.Close()
	s.Close()
	s.Serve(&collector{}) // too late: nothing starts, nothing leaks
	drain(t, s)
	if conn, err := net.Dial("tcp", s.Addr().String()); err == nil {
		conn.Close()
		t.Error("still listening")
	}
}

func TestCloseHandlesWhatWasTaken(t *testing.T) {
	h := newBlocked()
	s := start(t, zap.NewNop(), Options{}, h)
	c := client(t)
	send(t, c, s, "POST", "/", strings.NewReader("["+early+"]"))
	<-h.entered
	send(t, c, s, "POST", "/", strings.NewReader("["+done+"]"))
	s.Close()
	if _, err := c.Post("http://"+s.Addr().String(), "", strings.NewReader("[]")); err == nil {
		t.Error("a POST after Close was answered")
	}
	close(h.release)
	drain(t, s)
	if diff := cmp.Diff([]string{"early", "platform r-1"}, h.texts()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A POST that never ends must not keep Close waiting.
func TestCloseCutsOffWhoIsTooSlow(t *testing.T) {
	s := start(t, zap.NewNop(), Options{}, &collector{})
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n[{"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	s.Close()
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if st := s.Stats(); st.Bodies != 0 {
		t.Errorf("half a body was taken: %+v", st)
	}
}

// Many bodies at once: each line arrives once, as it was sent.
func TestBuffersAreNotMixedUp(t *testing.T) {
	const senders, batches, perBatch = 4, 40, 20
	var mu sync.Mutex
	seen := map[string]int{}
	s := start(t, zap.NewNop(), Options{QueueBytes: 64 << 20}, handlerFunc(func(events []Event) {
		mu.Lock()
		defer mu.Unlock()
		for _, ev := range events {
			name, filling, _ := strings.Cut(string(ev.Line), " ")
			if strings.Trim(filling, name[len(name)-1:]) != "" {
				t.Errorf("%s holds foreign bytes: %.80q", name, filling)
			}
			seen[name]++
		}
	}))
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			c := client(t)
			for batch := range batches {
				var b bytes.Buffer
				for i := range perBatch {
					mark := string(rune('a' + (sender*7+batch*3+i)%26))
					fmt.Fprintf(&b, `,{"type":"function","record":"%d-%d-%d%s %s\n"}`, sender, batch, i, mark, strings.Repeat(mark, 10+(sender*batch*i)%3000))
				}
				body := "[" + b.String()[1:] + "]"
				send(t, c, s, "POST", "/", strings.NewReader(body))
			}
		})
	}
	wg.Wait()
	drain(t, s)
	if len(seen) != senders*batches*perBatch {
		t.Errorf("%d lines, want %d", len(seen), senders*batches*perBatch)
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", name, n)
		}
	}
}
