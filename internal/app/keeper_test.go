package app_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
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
	"powertools-extension/test/harness"
)

const (
	oldID = "8a2e4d5f-0001-4000-8000-000000000001"
	newID = "8a2e4d5f-0002-4000-8000-000000000002"

	// What a killed process left of oldID. The first letter says what it is.
	oldRequest = "r" + oldID
	oldEvent   = `e{"_aws":{"Timestamp":1767225600000,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service"]],"Metrics":[{"Name":"Errors","Unit":"Count"}]}]},"function_request_id":"` + oldID + `","service":"s","Errors":1}`

	killedSaid = "the extension's process before this one was killed; what it had left on disk is sent now, marked replayed"
	notKept    = "not kept on disk: it is lost if the extension is killed"
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

// leaveOpen does so with what was known of open invocations.
func leaveOpen(t *testing.T, records ...string) {
	t.Helper()
	leave(t, "open.0123456789abcdef", edition(records...))
}

// edition joins records: the length of what follows the letter, the letter.
func edition(records ...string) string {
	var all []byte
	for _, r := range records {
		all = append(binary.AppendUvarint(all, uint64(len(r)-1)), r...)
	}
	return string(all)
}

// onDisk returns what the next process would find if this one were killed now:
// the lines of each batch by the name of its file, its key first, and the
// newest edition of what is open. It reads a copy, for the true one is locked.
func onDisk(t *testing.T) (batches map[string][]string, open string) {
	t.Helper()
	scratch, err := os.MkdirTemp(filepath.Dir(os.TempDir()), "copy")
	if err != nil {
		t.Error(err)
		return nil, ""
	}
	defer os.RemoveAll(scratch)
	copied := filepath.Join(scratch, "spool")
	copyDir(t, spoolDir(), copied)
	batches = map[string][]string{}
	s := spool.New(spool.Options{Dir: copied, MaxBytes: 1 << 30})
	defer s.Close()
	err = s.Recover(func(name string, records [][]byte) {
		if strings.HasPrefix(name, "open.") {
			open = string(records[len(records)-1])
			return
		}
		for _, r := range records {
			batches[name] = append(batches[name], string(r))
		}
	})
	if err != nil {
		t.Error(err)
	}
	return batches, open
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
		batches, open := onDisk(t)
		t.Errorf("left in /tmp: %v, with %q and %q; error %v", entries, batches, open, err)
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

// of returns the canonical events of a request.
func (o outcome) of(id string) (events []string) {
	for line := range strings.Lines(o.stdout) {
		if strings.HasPrefix(line, `{"_aws"`) && strings.Contains(line, `"function_request_id":"`+id+`"`) {
			events = append(events, strings.TrimSuffix(line, "\n"))
		}
	}
	return events
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

// What a killed process has left goes out once: its canonical event and its
// lines on stdout, its batch under the key that it may have been sent with.
func TestKilledProcessIsFinished(t *testing.T) {
	r := newReceiver(t)
	p := newPlatform(t)
	leaveOpen(t, oldRequest, `l{"message":"held"}`, `k{"message":"held, and known to stdout"}`, oldEvent)
	leave(t, "1.0123456789abcdef-key", "key", `{"message":"one"}`, "key", `{"message":"two"}`) // written at two times
	var uri string
	seen := &paper{}
	p.stdout = seen
	p.onSubscribe = func(u string) { uri = u }
	p.onNext = onNth(func() {
		// The platform still tells of the request, which is told already.
		stream(t, &uri, `{"time":"2026-01-01T00:00:00.000Z","type":"platform.runtimeDone","record":{"requestId":"`+oldID+`","status":"error"}}`,
			`{"time":"2026-01-01T00:00:00.000Z","type":"platform.report","record":{"requestId":"`+oldID+`","status":"error","metrics":{"durationMs":2.5}}}`,
			functionLine("that was all"))
		eventually(t, "the line behind the report", seen.has("that was all"))
	})
	out := p.live("POWERTOOLS_LOGS_DESTINATION=stdout,"+r.URL, "NO_PROXY=*")
	if out.err != nil {
		t.Fatal(out.err)
	}

	if d := cmp.Diff([]string{strings.TrimSuffix(oldEvent[1:], "}") + `,"replayed":true}`}, out.of(oldID)); d != "" {
		t.Errorf("canonical events (-want +got):\n%s", d)
	}
	if n := strings.Count(out.stdout, `{"message":"held","replayed":true}`); n != 1 || strings.Contains(out.stdout, "known to stdout") {
		t.Errorf("the held line is printed %d times, or one is printed that stdout has: %s", n, out.stdout)
	}
	posts := r.take()
	if len(posts) == 0 || !cmp.Equal(posts[0], post{Key: "key", Lines: []string{`{"message":"one","replayed":true}`, `{"message":"two","replayed":true}`}}) {
		t.Errorf("first to arrive is not the batch that was left: %+v", posts)
	}
	arrived := map[string]int{}
	for i, post := range posts {
		if i > 0 && post.Key == "key" {
			t.Errorf("another batch has the same key: %+v", post)
		}
		for _, l := range post.Lines {
			message, _, _ := strings.Cut(l, `",`)
			arrived[message+suffix(l)]++
		}
	}
	if d := cmp.Diff(map[string]int{
		`{"message":"one, replayed`: 1, `{"message":"two, replayed`: 1, `{"message":"held, replayed`: 1, `{"message":"held, and known to stdout, replayed`: 1,
		`{"level":"INFO`: 1,
	}, arrived); d != "" {
		t.Errorf("lines at the receiver (-want +got):\n%s", d)
	}
	l := out.ledger(t)
	if l.Spool == nil || *l.Spool != (spoolAccount{Replayed: 5}) {
		t.Errorf("ledger of the spool: %+v", l.Spool)
	}
	if s := l.Sinks[0]; s.Replayed != 2 || s.Received != l.Lines.Passed+s.Replayed || s.Delivered != s.Received || l.Lines.Received != 3 || l.Lines.Passed != 3 {
		t.Errorf("ledger: %+v", l)
	}
	if n := out.said(killedSaid); n != 1 || out.said(notKept) != 0 {
		t.Errorf("said %d times that a process was killed, want once: %v", n, out.logs.All())
	}
	nothingInTmp(t)
}

func suffix(line string) string {
	if strings.HasSuffix(line, `,"replayed":true}`) {
		return ", replayed"
	}
	return ""
}

// A process that is killed in an invocation has left all that its own shutdown
// would have said: here the disk is copied at some moment, and a process is
// started in the copy, as if the first had ended then.
func TestRunningInvocationIsOnDisk(t *testing.T) {
	p := newPlatform(t)
	port := harness.FreePort(t)
	copied := t.TempDir()
	p.next = []answer{call(oldID), bye()}
	p.onNext = onNth(nil, func() {
		eventually(t, "the invocation on disk", func() bool {
			_, kept := onDisk(t)
			return strings.Contains(kept, oldRequest) && strings.Contains(kept, `"function_request_id":"`+oldID)
		})
		record(t, port, `{"metrics":[{"name":"Orders","unit":"Count","value":3}]}`)
		eventually(t, "its metric on disk", func() bool {
			_, kept := onDisk(t)
			return strings.Contains(kept, `"function_request_id":"`+oldID) && strings.Contains(kept, `"Orders":3`)
		})
		copyDir(t, spoolDir(), filepath.Join(copied, ".powertools-extension"))
	})
	out := p.live("POWERTOOLS_EXTENSION_HTTP_PORT=" + port)
	if out.err != nil {
		t.Fatal(out.err)
	}
	if events := out.of(oldID); len(events) != 1 || strings.Contains(out.stdout, "replayed") || out.ledger(t).Spool != nil {
		t.Errorf("the process that was not killed: %s", out.stdout)
	}
	nothingInTmp(t)

	next := newPlatform(t)
	t.Setenv("TMPDIR", copied)
	out = next.live()
	events := out.of(oldID)
	if len(events) != 1 || suffix(events[0]) == "" || !strings.Contains(events[0], `"shutdown_reason":"failure"`) {
		t.Errorf("canonical events of the killed one: %q", events)
	}
	if n := strings.Count(out.stdout, `"Orders":3,"replayed":true}`); n != 1 {
		t.Errorf("its metric was written %d times: %s", n, out.stdout)
	}
	if l := out.ledger(t); l.Spool == nil || l.Spool.Replayed != 2 {
		t.Errorf("ledger: %+v", l.Spool)
	}
	nothingInTmp(t)
}

// record adds metrics by the local API.
func record(t *testing.T, port, body string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+port+"/metrics", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", "token")
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusAccepted || !strings.Contains(string(answer), `"accepted":1`) {
		t.Errorf("POST /metrics: %d %s", res.StatusCode, answer)
	}
}

// A kill between the copy's end and the line's loses the line: the other way
// round it would be printed twice. So whenever a canonical event is written,
// it is on disk no more, be it this process's or another's.
func TestCopyIsGivenUpBeforeTheLineIsWritten(t *testing.T) {
	p := newPlatform(t)
	leaveOpen(t, oldRequest, oldEvent)
	written := map[string]int{}
	p.stdout = &paper{onWrite: func(text string) {
		for _, id := range []string{oldID, newID} {
			name := `"function_request_id":"` + id
			if !strings.Contains(text, name) {
				continue
			}
			written[id]++
			if _, kept := onDisk(t); strings.Contains(kept, name) {
				t.Errorf("the event of %s is written while it is on disk", id)
			}
		}
	}}
	p.next = []answer{call(newID), bye()}
	p.onNext = onNth(nil, func() {
		eventually(t, "the invocation on disk", func() bool {
			_, kept := onDisk(t)
			return strings.Contains(kept, newID)
		})
	})
	if out := p.live(); out.err != nil {
		t.Fatal(out.err)
	}
	if d := cmp.Diff(map[string]int{oldID: 1, newID: 1}, written); d != "" {
		t.Errorf("events written (-want +got):\n%s", d)
	}
	nothingInTmp(t)
}

// Files that nobody can use any more go as soon as they are found, and what
// can be used of the others is.
func TestLeftoversWithoutAUse(t *testing.T) {
	const open = "open.0123456789abcdef"
	for _, tt := range []struct {
		name    string
		file    string
		records []string
		tear    bool // the process was killed while it wrote the last record
		want    spoolAccount
		printed string
		remote  bool // there is a second destination
	}{
		{name: "a destination that is not configured any more", file: "1.0123456789abcdef-key", records: []string{"key", `{"message":"one"}`}},
		{name: "stdout now, where a receiver was", file: "0.0123456789abcdef-key", records: []string{"key", `{"message":"one"}`}},
		{name: "a name of no meaning", file: "x", records: []string{"key", `{"message":"one"}`}},
		{name: "a key without lines", file: "1.0123456789abcdef-key", records: []string{"key"}},
		{name: "a key without lines, for a destination that is there", file: "1.0123456789abcdef-key", records: []string{"key"}, remote: true},
		{name: "another place among the destinations", file: "2.0123456789abcdef-key", records: []string{"key", `{"message":"one"}`}, remote: true},
		{name: "an edition of no meaning", file: open, records: []string{"\xff\xff\xff\xff"}},
		{name: "an edition that is too short", file: open, records: []string{"\x05e{}"}},
		{name: "a kind that is not known here", file: open, records: []string{edition(`x{"message":"one"}`)}, want: spoolAccount{Replayed: 1}},
		{name: "an older edition", file: open, records: []string{edition(oldEvent), edition(oldRequest)}},
		{name: "all was said by then", file: open, records: []string{edition(oldRequest, oldEvent), ""}},
		{name: "torn in the only edition", file: open, records: []string{edition(oldEvent)}, tear: true, want: spoolAccount{Torn: 1}},
		{name: "torn behind the event", file: open, records: []string{edition(oldEvent), edition(oldEvent, `l{"message":"torn"}`)}, tear: true, want: spoolAccount{Torn: 1, Replayed: 1}, printed: `"replayed":true`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlatform(t)
			leave(t, tt.file, tt.records...)
			if tt.tear {
				tear(t, tt.file)
			}
			seen := &paper{}
			p.stdout = seen
			p.onNext = onNth(func() {
				eventually(t, "what is left", seen.has(tt.printed))
				eventually(t, "the end of what was left", func() bool {
					batches, kept := onDisk(t)
					return len(batches) == 0 && !strings.Contains(kept, oldEvent)
				})
			})
			destinations, r := "stdout", newReceiver(t)
			if tt.remote {
				destinations += "," + r.URL
			}
			out := p.live("POWERTOOLS_LOGS_DESTINATION="+destinations, "NO_PROXY=*")
			if posts := r.take(); len(posts) > 0 {
				t.Errorf("at the receiver: %+v", posts)
			}
			if out.err != nil || out.said("panic") > 0 || out.said(notKept) > 0 {
				t.Errorf("error %v, log %v", out.err, out.logs.All())
			}
			var got spoolAccount
			if l := out.ledger(t); l.Spool != nil {
				got = *l.Spool
			}
			if got != tt.want || strings.Contains(out.stdout, "message\":\"one") {
				t.Errorf("ledger %+v, want %+v: %s", got, tt.want, out.stdout)
			}
			if want := min(tt.want.Replayed, 1); out.said(killedSaid) != want {
				t.Errorf("said %d times that a process was killed, want %d", out.said(killedSaid), want)
			}
			nothingInTmp(t)
		})
	}
}

// tear cuts the file's last byte off.
func tear(t *testing.T, name string) {
	t.Helper()
	path := filepath.Join(spoolDir(), name)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-1); err != nil {
		t.Fatal(err)
	}
}

// Whatever stands in the way costs one warning and the copy, nothing else. It
// is left as it is: it is somebody else's.
func TestNoUsableDirectory(t *testing.T) {
	for _, tt := range []struct {
		name  string
		place func(t *testing.T, dir string)
	}{
		{"a file in its place", func(t *testing.T, dir string) {
			if err := os.WriteFile(dir, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"others may enter", func(t *testing.T, dir string) {
			leaveOpen(t, oldRequest, oldEvent)
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}},
		{"a link to another directory", func(t *testing.T, dir string) {
			other := t.TempDir()
			if err := errors.Join(os.Chmod(other, 0o700), os.Symlink(other, dir)); err != nil {
				t.Fatal(err)
			}
		}},
		{"another process has it", func(t *testing.T, dir string) {
			s := spool.New(spool.Options{Dir: dir, MaxBytes: 1 << 20})
			if err := s.Append("open.0123456789abcdef", []byte(edition(oldEvent))); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
		}},
		{"nobody may write there", func(t *testing.T, dir string) {
			t.Setenv("TMPDIR", filepath.Join(os.TempDir(), "missing"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newReceiver(t)
			r.refuse(true) // so that there is something to keep at the end
			p := newPlatform(t)
			sandbox := os.TempDir()
			tt.place(t, spoolDir())
			before := tree(t, sandbox)
			seen := &paper{}
			p.stdout = seen
			p.next = []answer{call(newID), shutdown("failure")}
			lineIn(t, p, 2, seen)
			out := p.live("POWERTOOLS_LOGS_DESTINATION=stdout,"+r.URL, "NO_PROXY=*")
			if out.err != nil || out.said("panic") > 0 {
				t.Fatalf("error %v, log %v", out.err, out.logs.All())
			}
			if n := out.said(notKept); n != 1 || out.said(killedSaid) != 0 {
				t.Errorf("warned %d times, want once: %v", n, out.logs.All())
			}
			if events := out.of(newID); len(events) != 1 || len(out.of(oldID)) != 0 || strings.Contains(out.stdout, "replayed") && len(out.of(oldID)) > 0 {
				t.Errorf("printed: %s", out.stdout)
			}
			if posts := r.take(); len(posts) == 0 || !strings.Contains(posts[0].Lines[0], "hello") {
				t.Errorf("at the receiver: %+v", posts)
			}
			if l := out.ledger(t); l.Spool == nil || l.Spool.Failed == 0 || l.Spool.Left != 0 || l.Spool.Replayed != 0 || l.Sinks[0].Pending != 1 {
				t.Errorf("ledger: %+v, of the spool: %+v", l, l.Spool)
			}
			if d := cmp.Diff(before, tree(t, sandbox)); d != "" {
				t.Errorf("what stood in the way was changed:\n%s", d)
			}
		})
	}
}

// tree is everything below a directory: modes, and what is in the files.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		all[path] = info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			all[path] += " " + string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// lineIn lets the function print "hello" before the n-th call of next is
// answered, and waits until stdout has it: then it waits for the receiver, too.
func lineIn(t *testing.T, p *platform, n int, seen *paper) {
	var uri string
	p.onSubscribe = func(u string) { uri = u }
	calls := make([]func(), n)
	calls[n-1] = func() {
		stream(t, &uri, functionLine("hello"))
		eventually(t, "the line on stdout", seen.has(`"message":"hello`))
	}
	p.onNext = onNth(calls...)
}

// With no bytes to use, nothing is read, written or said.
func TestNothingIsKeptWithoutASize(t *testing.T) {
	for _, leftovers := range []bool{false, true} {
		t.Run(fmt.Sprint("something was left: ", leftovers), func(t *testing.T) {
			r := newReceiver(t)
			r.refuse(true)
			p := newPlatform(t)
			if leftovers {
				leaveOpen(t, oldRequest, oldEvent)
				leave(t, "1.0123456789abcdef-key", "key", `{"message":"one"}`)
			}
			before := tree(t, os.TempDir())
			seen := &paper{}
			p.stdout = seen
			p.next = []answer{call(newID), shutdown("failure")}
			lineIn(t, p, 2, seen)
			out := p.live("POWERTOOLS_EXTENSION_SPOOL_BYTES=0", "POWERTOOLS_LOGS_DESTINATION=stdout,"+r.URL, "NO_PROXY=*")
			if out.err != nil {
				t.Fatal(out.err)
			}
			if d := cmp.Diff(before, tree(t, os.TempDir())); d != "" {
				t.Errorf("/tmp changed:\n%s", d)
			}
			l := out.ledger(t)
			if l.Spool != nil || l.Sinks[0].Pending != 1 {
				t.Errorf("ledger: %+v, of the spool %+v", l, l.Spool)
			}
			if len(out.of(oldID)) != 0 || len(out.of(newID)) != 1 || out.said(notKept)+out.said(killedSaid) != 0 {
				t.Errorf("printed %s, said %v", out.stdout, out.logs.All())
			}
		})
	}
}

// What could not be sent is left to the next process if there will be one:
// after a failure or a time-out, not when the sandbox goes.
func TestShutdownLeavesToTheNextProcess(t *testing.T) {
	for _, reason := range []string{"failure", "timeout", "spindown"} {
		t.Run(reason, func(t *testing.T) {
			r := newReceiver(t)
			r.refuse(true)
			p := newPlatform(t)
			tmp := os.TempDir()
			seen := &paper{}
			p.stdout = seen
			p.next = []answer{call(oldID), shutdown(reason)}
			lineIn(t, p, 2, seen)
			env := []string{"POWERTOOLS_LOGS_DESTINATION=stdout," + r.URL, "NO_PROXY=*"}
			first := p.live(env...)
			if first.err != nil || len(first.of(oldID)) != 1 {
				t.Fatalf("error %v, canonical events %q", first.err, first.of(oldID))
			}
			refused := r.take()
			if len(refused) != 1 || !refused[0].Refused || refused[0].Key == "" {
				t.Fatalf("the receiver was tried with %+v, want one batch", refused)
			}
			if reason == "spindown" {
				if s := first.ledger(t).Spool; s != nil {
					t.Errorf("ledger: %+v", s)
				}
				nothingInTmp(t)
				return
			}
			if s := first.ledger(t).Spool; s == nil || s.Left == 0 || *s != (spoolAccount{Left: s.Left}) {
				t.Errorf("ledger: %+v", s)
			}
			batches, open := onDisk(t)
			for name, batch := range batches {
				if d := cmp.Diff(append([]string{refused[0].Key}, refused[0].Lines...), batch); d != "" || !strings.HasPrefix(name, "1.") {
					t.Errorf("%s (-refused +on disk):\n%s", name, d)
				}
			}
			if len(batches) != 1 || open != "" {
				t.Errorf("on disk: %q, open %q", batches, open)
			}

			// A process that cannot send either leaves it to the one after it.
			for _, full := range []bool{true, false} {
				r.refuse(full)
				next := newPlatform(t)
				t.Setenv("TMPDIR", tmp)
				next.next = []answer{shutdown(reason)}
				out := next.live(env...)
				if out.err != nil || len(out.of(oldID)) != 0 || strings.Contains(out.stdout, "hello") || out.said(killedSaid) != 1 {
					t.Errorf("error %v, printed %s", out.err, out.stdout)
				}
				want := []post{{Key: refused[0].Key, Lines: []string{strings.TrimSuffix(refused[0].Lines[0], "}") + `,"replayed":true}`}, Refused: full}}
				if d := cmp.Diff(want, r.take()); d != "" {
					t.Errorf("at the receiver (-want +got):\n%s", d)
				}
				if s := out.ledger(t).Spool; s == nil || s.Replayed != 1 || s.Left > 0 != full {
					t.Errorf("ledger: %+v", s)
				}
			}
			nothingInTmp(t)
		})
	}
}

// Before the first invocation of SnapStart the process may be in a snapshot,
// and what it wrote would be in every sandbox that is restored from it. Any
// other process leaves what came in its last moment, too.
func TestNothingIsWrittenIntoASnapshot(t *testing.T) {
	for _, tt := range []struct {
		name   string
		init   string
		script []answer
		left   bool
	}{
		{"no invocation yet", "snap-start", []answer{shutdown("failure")}, false},
		{"restored and invoked", "snap-start", []answer{call(newID), shutdown("failure")}, true},
		{"no invocation yet, and no snapshot", "on-demand", []answer{shutdown("failure")}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newReceiver(t)
			r.refuse(true)
			p := newPlatform(t)
			seen := &paper{}
			p.stdout = seen
			p.next = tt.script
			lineIn(t, p, len(tt.script), seen)
			out := p.live("AWS_LAMBDA_INITIALIZATION_TYPE="+tt.init, "POWERTOOLS_LOGS_DESTINATION=stdout,"+r.URL, "NO_PROXY=*")
			if out.err != nil {
				t.Fatal(out.err)
			}
			l := out.ledger(t)
			if l.Sinks[0].Pending != 1 {
				t.Fatalf("nothing was left to be kept: %+v", l)
			}
			if left := l.Spool != nil && l.Spool.Left > 0; left != tt.left {
				t.Errorf("left %v, want %v: ledger %+v", left, tt.left, l.Spool)
			}
			if batches, open := onDisk(t); len(batches) > 0 != tt.left || open != "" {
				t.Errorf("on disk: %q, open %q", batches, open)
			}
			if !tt.left {
				nothingInTmp(t)
			}
		})
	}
}

// The function may run, and the platform may send, before the extension is
// through with its own start. What is kept of that is this process's own.
func TestOwnCopyIsNotTakenOver(t *testing.T) {
	r := newReceiver(t)
	p := newPlatform(t)
	port := harness.FreePort(t)
	leave(t, "1.0123456789abcdef-key", "key", `{"message":"one"}`)
	p.onSubscribe = func(uri string) {
		stream(t, &uri, functionLine("hello"))
		eventually(t, "the line on disk", func() bool {
			batches, _ := onDisk(t)
			return len(batches) == 2
		})
		record(t, port, `{"metrics":[{"name":"Orders","unit":"Count","value":3}]}`)
		eventually(t, "the metric on disk", func() bool {
			_, open := onDisk(t)
			return strings.Contains(open, `"Orders":3`)
		})
	}
	out := p.live("POWERTOOLS_LOGS_DESTINATION=stdout,"+r.URL, "NO_PROXY=*", "POWERTOOLS_EXTENSION_HTTP_PORT="+port)
	if out.err != nil {
		t.Fatal(out.err)
	}
	var arrived []string
	for _, post := range r.take() {
		arrived = append(arrived, post.Lines...)
	}
	if len(arrived) != 2 || suffix(arrived[0]) == "" || suffix(arrived[1]) != "" {
		t.Errorf("at the receiver: %q, want the line that was left, and this process's own once", arrived)
	}
	if n := strings.Count(out.stdout, `"Orders":3`); n != 1 || strings.Contains(out.stdout, "replayed\":true") {
		t.Errorf("the metric is written %d times: %s", n, out.stdout)
	}
	if s := out.ledger(t).Spool; s == nil || *s != (spoolAccount{Replayed: 1}) {
		t.Errorf("ledger: %+v", s)
	}
	nothingInTmp(t)
}

// A process that is killed while it finishes the work of another leaves each
// line once: with its batch, and not with what was open, too.
func TestRestoredLineIsOnDiskOnce(t *testing.T) {
	r := newReceiver(t)
	r.refuse(true)
	p := newPlatform(t)
	leaveOpen(t, oldRequest, `l{"message":"held"}`)
	p.onNext = onNth(func() {
		batches, open := onDisk(t)
		n := strings.Count(open, "held")
		for _, batch := range batches {
			n += strings.Count(strings.Join(batch, "\n"), "held")
		}
		if n != 1 {
			t.Errorf("%d times on disk: batches %q, open %q", n, batches, open)
		}
	})
	if out := p.live("POWERTOOLS_LOGS_DESTINATION="+r.URL, "NO_PROXY=*"); out.err != nil {
		t.Fatal(out.err)
	}
}
