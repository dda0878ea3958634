package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// receiver takes NDJSON batches, and does what a bad one does.
type receiver struct {
	URL string
	srv *httptest.Server

	mu      sync.Mutex
	answer  int           // status; 0: never
	delay   time.Duration // before the answer
	posts   int
	headers http.Header // of the last post
	keys    map[string]int
	batches map[string][]line // by batch key: a repetition counts once
	order   []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{answer: http.StatusOK, keys: map[string]int{}, batches: map[string][]line{}}
	r.srv = httptest.NewServer(r)
	r.URL = r.srv.URL + "/in"
	t.Cleanup(func() {
		r.srv.CloseClientConnections()
		r.srv.Close()
	})
	return r
}

func (r *receiver) set(answer int, delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.delay = answer, delay
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	lines, err := readLines(req.Body)
	status, delay := r.take(req, lines, err)
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-req.Context().Done():
			return
		}
	}
	if status == 0 {
		<-req.Context().Done()
		return
	}
	w.WriteHeader(status)
}

// take keeps what a receiver has got once it has answered with success. A
// request that was cut off leaves nothing.
func (r *receiver) take(req *http.Request, lines []line, err error) (int, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.posts++
	r.headers = req.Header.Clone()
	key := req.Header.Get("Idempotency-Key")
	r.keys[key]++
	if err == nil && r.answer/100 == 2 {
		if _, again := r.batches[key]; !again {
			r.order = append(r.order, key)
		}
		r.batches[key] = lines
	}
	return r.answer, r.delay
}

func readLines(body io.Reader) (lines []line, err error) {
	unzipped, err := gzip.NewReader(body)
	if err != nil {
		return nil, err
	}
	scan := bufio.NewScanner(unzipped)
	scan.Buffer(nil, 4<<20)
	for scan.Scan() {
		var l line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			return lines, err
		}
		lines = append(lines, l)
	}
	return lines, scan.Err()
}

// lines are what was received, each batch once, in order.
func (r *receiver) lines() (out []line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range r.order {
		out = append(out, r.batches[key]...)
	}
	return out
}

func (r *receiver) tries() (posts, batches, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.keys {
		most = max(most, n)
	}
	return r.posts, len(r.keys), most
}

func (r *receiver) header(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.headers.Get(name)
}

// remotely starts the plain function with one remote destination.
func remotely(t *testing.T, url string, opt lambdaemu.Options) *sandbox {
	t.Helper()
	if opt.Env == nil {
		opt.Env = map[string]string{}
	}
	if opt.Env["POWERTOOLS_LOGS_DESTINATION"] == "" {
		opt.Env["POWERTOOLS_LOGS_DESTINATION"] = url
	}
	if opt.Command == nil {
		opt.Command = harness.Self(t, plain)
	}
	return start(t, opt)
}

// held invokes and returns how long the extension kept the invocation open
// after the function was done.
func held(s *sandbox, payload string) time.Duration {
	s.T.Helper()
	res := s.Invoke(payload)
	if res.FunctionError != "" {
		s.T.Fatalf("invocation failed: %s %s", res.ErrorType, res.Payload)
	}
	return res.PostRuntime
}

// ledger is the account that the sandbox printed at its end. Its sums must be
// right in every test.
func ledger(t *testing.T, s *sandbox) line {
	t.Helper()
	ledgers := s.Only(func(l line) bool { return l["lifetime_ms"] != nil })
	if len(ledgers) == 0 {
		t.Fatal("no ledger")
	}
	l := ledgers[len(ledgers)-1]
	lines := l["lines"].(map[string]any)
	sum := 0.0
	for _, name := range []string{"passed", "filtered", "excluded", "held", "forgotten", "hold_dropped"} {
		sum += lines[name].(float64)
	}
	if sum != lines["received"] {
		t.Errorf("the ledger does not add up: %v", lines)
	}
	balance(t, "stdout", l["stdout"].(map[string]any))
	for _, s := range sinksOf(l) {
		balance(t, s["name"].(string), s)
		replayed, _ := s["replayed"].(float64)
		if s["received"] != lines["passed"].(float64)+replayed {
			t.Errorf("%v lines passed, %v replayed, %v has got %v", lines["passed"], replayed, s["name"], s["received"])
		}
	}
	return l
}

func balance(t *testing.T, name string, s map[string]any) {
	t.Helper()
	if s["received"] != s["delivered"].(float64)+s["dropped"].(float64)+s["pending"].(float64) {
		t.Errorf("%s: received is not delivered + dropped + pending: %v", name, s)
	}
	by := 0.0
	reasons, _ := s["dropped_by"].(map[string]any)
	for _, n := range reasons {
		by += n.(float64)
	}
	if by != s["dropped"] {
		t.Errorf("%s: the reasons do not add up to what was dropped: %v", name, s)
	}
}

func sinksOf(ledger line) (out []map[string]any) {
	list, _ := ledger["sinks"].([]any)
	for _, s := range list {
		out = append(out, s.(map[string]any))
	}
	return out
}

// after is how long the extension took to end once it was told to.
func after(t *testing.T, exit lambdaemu.Exit) time.Duration {
	t.Helper()
	if len(exit.Extensions) != 1 {
		t.Fatalf("extensions: %+v", exit.Extensions)
	}
	x := exit.Extensions[0]
	if x.Killed || x.Code != 0 {
		t.Errorf("the extension did not end by itself: %+v", x)
	}
	return x.After
}

// memory is the extension's largest resident memory so far, in bytes.
func memory(t *testing.T, s *sandbox) int {
	t.Helper()
	pid := pidOf(t, s)
	text, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		t.Fatal(err)
	}
	for row := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(row, "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// pidOf finds the extension of this sandbox by the port that no other has.
func pidOf(t *testing.T, s *sandbox) string {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range procs {
		dir := filepath.Dir(path)
		env, _ := os.ReadFile(path)
		exe, _ := os.Readlink(filepath.Join(dir, "exe"))
		if exe == binaries.Extension && strings.Contains(string(env), "POWERTOOLS_EXTENSION_HTTP_PORT="+s.Port+"\x00") {
			return filepath.Base(dir)
		}
	}
	t.Fatal("the extension's process is not there")
	return ""
}

// trap listens and treats every connection in its own bad way.
func trap(t *testing.T, treat func(net.Conn)) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go treat(conn)
		}
	}()
	return ln.Addr().String()
}
