package app_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap/zapcore"

	"powertools-extension/internal/spool"
)

const (
	oldID = "8a2e4d5f-0001-4000-8000-000000000001"
	newID = "8a2e4d5f-0002-4000-8000-000000000002"

	killedSaid = "the extension's process before this one was killed"
	notKept    = "not copied to disk"
)

// spoolDir is where the process keeps what the next one may need.
func spoolDir() string { return filepath.Join(os.TempDir(), ".powertools-extension") }

// leave writes a file as a process leaves it that was killed.
func leave(t *testing.T, name string, records ...string) {
	t.Helper()
	s := spool.New(spool.Options{Dir: spoolDir(), MaxBytes: 1 << 20})
	defer s.Close()
	for _, r := range records {
		if err := s.Append(name, []byte(r)); err != nil {
			t.Fatal(err)
		}
	}
}

// onDisk returns what the next process would find if this one were killed now:
// the lines of each batch by the name of its file, its key first. It reads a
// copy, for the true one is locked.
func onDisk(t *testing.T) map[string][]string {
	t.Helper()
	scratch, err := os.MkdirTemp(filepath.Dir(os.TempDir()), "copy")
	if err != nil {
		t.Error(err)
		return nil
	}
	defer os.RemoveAll(scratch)
	copied := filepath.Join(scratch, "spool")
	copyDir(t, spoolDir(), copied)
	batches := map[string][]string{}
	s := spool.New(spool.Options{Dir: copied, MaxBytes: 1 << 30})
	defer s.Close()
	err = s.Recover(func(name string, records [][]byte) {
		for _, r := range records {
			batches[name] = append(batches[name], string(r))
		}
	})
	if err != nil {
		t.Error(err)
	}
	return batches
}

// copyDir copies the files of a directory while they are written and removed.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	err = errors.Join(err, os.Mkdir(to, 0o700))
	for _, e := range entries {
		data, gone := os.ReadFile(filepath.Join(from, e.Name()))
		if gone == nil {
			err = errors.Join(err, os.WriteFile(filepath.Join(to, e.Name()), data, 0o600))
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// nothingInTmp checks that the sandbox's /tmp is as it was at its start.
func nothingInTmp(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(os.TempDir())
	if err != nil || len(entries) > 0 {
		t.Errorf("left in /tmp: %v, with %q; error %v", entries, onDisk(t), err)
	}
}

// eventually waits for what another goroutine does. Its time is for the
// slowest of machines.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("waited in vain for: %s", what)
			return
		}
	}
}

// post is one batch that arrived.
type post struct {
	Key     string
	Lines   []string
	Refused bool
}

// receiver takes batches, or refuses them for a long time.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	full  bool
	posts []post
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		zr, err := gzip.NewReader(req.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(zr)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.posts = append(r.posts, post{req.Header.Get("Idempotency-Key"), strings.Split(strings.TrimSuffix(string(body), "\n"), "\n"), r.full})
		if r.full {
			// Longer than a life: one try, and the lines wait.
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// refuse says what becomes of what comes from now on.
func (r *receiver) refuse(full bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.full = full
}

// take returns what arrived and forgets it. A batch that came again as it was,
// because the answer took too long, is there once.
func (r *receiver) take() []post {
	r.mu.Lock()
	defer r.mu.Unlock()
	posts := slices.CompactFunc(r.posts, func(a, b post) bool { return cmp.Equal(a, b) })
	r.posts = nil
	return posts
}

// paper is a stdout that can be read while it is written.
type paper struct {
	mu      sync.Mutex
	text    bytes.Buffer
	onWrite func(text string)
}

func (p *paper) Write(text []byte) (int, error) {
	if p.onWrite != nil {
		p.onWrite(string(text))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(text)
}

func (p *paper) has(text string) func() bool {
	return func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return strings.Contains(p.text.String(), text)
	}
}

// said counts the log lines of WARN and above that begin like this.
func (o outcome) said(message string) (n int) {
	for _, entry := range o.logs.All() {
		if entry.Level >= zapcore.WarnLevel && strings.HasPrefix(entry.Message, message) {
			n++
		}
	}
	return n
}

// spoolAccount is what the ledger says of what was kept.
type spoolAccount struct {
	Replayed, Torn, Refused, Failed int
	Left                            int `json:"left_bytes"`
}

type account struct {
	Lines struct{ Received, Passed int }
	Sinks []struct{ Received, Replayed, Delivered, Dropped, Pending int }
	Spool *spoolAccount
}

func (o outcome) ledger(t *testing.T) (l account) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(o.stdout, "\n"), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &l); err != nil || !strings.Contains(lines[len(lines)-1], "lifetime_ms") {
		t.Fatalf("no ledger: %v: %s", err, lines[len(lines)-1])
	}
	return l
}

func shutdown(reason string) answer {
	return ok(strings.Replace(bye().body, "spindown", reason, 1))
}

// onNth calls one function for each call of next, in order.
func onNth(calls ...func()) func() {
	n := 0 // next is called by one goroutine
	return func() {
		if n++; n <= len(calls) && calls[n-1] != nil {
			calls[n-1]()
		}
	}
}

func functionLine(text string) string {
	return `{"time":"2026-01-01T00:00:00.001Z","type":"function","record":"` + text + `\n"}`
}

// spooled asks for the copy on disk, beside a receiver.
func spooled(r *receiver) []string {
	return []string{"POWERTOOLS_LOGS_DESTINATION=stdout," + r.URL, "NO_PROXY=*", "POWERTOOLS_EXTENSION_SPOOL_BYTES=1000000"}
}

// A batch that a killed process has left goes out once, under the key that it
// may have been sent with, and so it does when the sandbox was restored from a
// snapshot: then the first invocation is the moment to look.
func TestKilledProcessIsFinished(t *testing.T) {
	for _, initType := range []string{"on-demand", "provisioned-concurrency", "snap-start"} {
		t.Run(initType, func(t *testing.T) {
			r, p := newReceiver(t), newPlatform(t)
			leave(t, "1.0123456789abcdef-key", "key", `{"message":"one"}`, "key", `{"message":"two"}`) // written at two times
			p.next = []answer{call(newID), bye()}
			out := p.live(append(spooled(r), "AWS_LAMBDA_INITIALIZATION_TYPE="+initType)...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			posts := r.take()
			want := []post{{Key: "key", Lines: []string{`{"message":"one","replayed":true}`, `{"message":"two","replayed":true}`}}}
			if d := cmp.Diff(want, posts); d != "" {
				t.Errorf("arrived (-want +got):\n%s", d)
			}
			l := out.ledger(t)
			if l.Spool == nil || *l.Spool != (spoolAccount{Replayed: 2}) {
				t.Errorf("ledger of the spool: %+v", l.Spool)
			}
			if s := l.Sinks[0]; s.Replayed != 2 || s.Received != l.Lines.Passed+s.Replayed || s.Delivered != s.Received {
				t.Errorf("ledger: %+v", l)
			}
			if n := out.said(killedSaid); n != 1 || out.said(notKept) != 0 {
				t.Errorf("said %d times that a process was killed, want once: %v", n, out.logs.All())
			}
			nothingInTmp(t)
		})
	}
}

// Lines that wait for a destination are on disk while they wait, and stay
// there for the next process unless the sandbox ends.
func TestWaitingLinesAreOnDisk(t *testing.T) {
	for reason, left := range map[string]bool{"failure": true, "spindown": false} {
		t.Run(reason, func(t *testing.T) {
			r, p := newReceiver(t), newPlatform(t)
			r.refuse(true)
			var uri string
			p.onSubscribe = func(u string) { uri = u }
			p.next = []answer{call(newID), shutdown(reason)}
			p.onNext = onNth(nil, func() {
				stream(t, &uri, functionLine("waits"))
				eventually(t, "the line on disk", func() bool { return len(onDisk(t)) == 1 })
			})
			out := p.live(spooled(r)...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			batches := onDisk(t)
			if got := len(batches) == 1; got != left {
				t.Fatalf("on disk after the end: %q", batches)
			}
			for name, records := range batches {
				if len(records) != 2 || !strings.HasSuffix(name, "-"+records[0]) || !strings.Contains(records[1], "waits") {
					t.Errorf("%s: %q", name, records)
				}
			}
			if !left {
				nothingInTmp(t)
			}
		})
	}
}

// With stdout alone nothing is ever written to the disk, nor by default, nor
// on managed instances, where a crash takes the disk with it, nor into a
// snapshot.
func TestNothingOnDisk(t *testing.T) {
	for name, env := range map[string]func(r *receiver) []string{
		"stdout alone": func(*receiver) []string { return []string{"POWERTOOLS_EXTENSION_SPOOL_BYTES=1000000"} },
		"by default":   func(r *receiver) []string { return spooled(r)[:2] },
		"managed instances": func(r *receiver) []string {
			return append(spooled(r), "AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances")
		},
		"before a restore": func(r *receiver) []string { return append(spooled(r), "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start") },
	} {
		t.Run(name, func(t *testing.T) {
			r, p := newReceiver(t), newPlatform(t)
			r.refuse(true)
			var uri string
			seen := &paper{}
			p.stdout, p.onSubscribe = seen, func(u string) { uri = u }
			p.next = []answer{shutdown("failure")}
			p.onNext = onNth(func() {
				stream(t, &uri, functionLine("said"))
				eventually(t, "the line on stdout", seen.has("said"))
				time.Sleep(120 * time.Millisecond) // longer than a line may be in memory alone
				nothingInTmp(t)
			})
			if out := p.live(env(r)...); out.err != nil {
				t.Fatal(out.err)
			}
			nothingInTmp(t)
		})
	}
}

// What has no use is removed: a batch of a destination that is not there any
// more, one whose name and key differ, one without a line.
func TestLeftoversWithoutAUse(t *testing.T) {
	r, p := newReceiver(t), newPlatform(t)
	leave(t, "7.0123456789abcdef-key", "key", `{"message":"no such destination"}`)
	leave(t, "1.0123456789abcdef-other", "key", `{"message":"another key"}`)
	leave(t, "1.0123456789abcdef-key", "key")
	leave(t, "open.0123456789abcdef", "of an older version")
	out := p.live(spooled(r)...)
	if out.err != nil || out.said(killedSaid) != 0 || len(r.take()) != 0 {
		t.Errorf("%v %v", out.err, out.logs.All())
	}
	nothingInTmp(t)
}
