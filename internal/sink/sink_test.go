package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("SINK_TEST_BROKEN_PIPE") != "" {
		os.Exit(brokenPipeChild())
	}
	goleak.VerifyTestMain(m)
}

// senderFunc is a Sender of one function.
type senderFunc func(ctx context.Context, b Batch) (int, error)

func (f senderFunc) Send(ctx context.Context, b Batch) (int, error) { return f(ctx, b) }

// balanced reports whether the books add up.
func balanced(s Stats) bool {
	var lost Count
	for _, c := range s.Losses {
		lost.Lines, lost.Bytes = lost.Lines+c.Lines, lost.Bytes+c.Bytes
	}
	return lost == s.Dropped &&
		s.Received.Lines == s.Delivered.Lines+s.Dropped.Lines+s.Pending.Lines &&
		s.Received.Bytes == s.Delivered.Bytes+s.Dropped.Bytes+s.Pending.Bytes
}

func TestLinesLeaveInOrderWithNewlines(t *testing.T) {
	var out bytes.Buffer
	o := NewStream(&out, Options{BatchBytes: 16})
	line := []byte("first")
	o.Put(line)
	copy(line, "XXXXX") // the buffer has its own copy
	for _, s := range []string{"", "a line longer than a batch", "last"} {
		o.Put([]byte(s))
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "first\n\na line longer than a batch\nlast\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	want := Stats{Received: Count{4, 39}, Delivered: Count{4, 39}}
	if diff := cmp.Diff(want, o.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestFullBufferDropsOldestLines(t *testing.T) {
	var out bytes.Buffer
	o := NewStream(&out, Options{MaxBytes: 3 * (2 + lineOverhead)})
	for i := range 10 {
		o.Put([]byte{byte('0' + i)})
	}
	o.Put(bytes.Repeat([]byte("x"), 100)) // longer than the whole buffer: costs nobody else
	_ = o.Flush(t.Context())
	if got, want := out.String(), "7\n8\n9\n"; got != want {
		t.Errorf("kept %q, want the newest %q", got, want)
	}
	want := Stats{Received: Count{11, 121}, Delivered: Count{3, 6}, Dropped: Count{8, 115}, Losses: Losses{Overflow: {8, 115}}}
	if diff := cmp.Diff(want, o.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestLinesOnTheirWayAreNotDropped(t *testing.T) {
	buf := NewBuffer(Options{MaxBytes: 2 * (2 + lineOverhead)})
	buf.Put([]byte("a"))
	buf.Put([]byte("b"))
	o := NewOutlet(buf, senderFunc(func(_ context.Context, b Batch) (int, error) {
		before := string(b.Bytes())
		buf.Put([]byte("c")) // no room, and nothing may make room
		if string(b.Bytes()) != before {
			t.Errorf("batch changed under the sender: %q", b.Bytes())
		}
		if p := buf.Stats().Pending; p.Lines != 2 {
			t.Errorf("pending %d lines while sending, want 2", p.Lines)
		}
		return b.Len(), nil
	}))
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := o.Stats(); s.Delivered.Lines != 2 || s.Dropped.Lines != 1 || !balanced(s) {
		t.Errorf("stats %+v", s)
	}
}

func TestBatchesAreCutByBytesAndLines(t *testing.T) {
	var sizes []int
	o := NewOutlet(NewBuffer(Options{BatchBytes: 10, BatchLines: 3}), senderFunc(func(_ context.Context, b Batch) (int, error) {
		sizes = append(sizes, b.Len())
		for line := range b.Lines() {
			if bytes.HasSuffix(line, []byte("\n")) {
				t.Errorf("line %q has its newline", line)
			}
		}
		return b.Len(), nil
	}))
	for _, s := range []string{"1", "2", "3", "4", "12345678", "5"} {
		o.Put([]byte(s))
	}
	_ = o.Flush(t.Context())
	if diff := cmp.Diff([]int{3, 1, 1, 1}, sizes); diff != "" {
		t.Errorf("lines per batch (-want +got):\n%s", diff)
	}
}

func TestRetryKeepsBatchAndID(t *testing.T) {
	type try struct {
		ID      uint64
		Attempt int
		Data    string
	}
	var tries []try
	o := NewOutlet(NewBuffer(Options{}), senderFunc(func(_ context.Context, b Batch) (int, error) {
		tries = append(tries, try{b.ID, b.Attempt, string(b.Bytes())})
		if len(tries) < 3 {
			return len(tries) - 1, &RetryableError{Err: errors.New("throttled")}
		}
		return b.Len(), nil
	}))
	o.Put([]byte("a"))
	o.Put([]byte("b"))
	for range 2 {
		var retry *RetryableError
		if err := o.Flush(t.Context()); !errors.As(err, &retry) {
			t.Fatalf("flush: %v, want the retryable error", err)
		}
		o.Put([]byte("later"))
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []try{{1, 1, "a\nb\n"}, {1, 2, "a\nb\n"}, {1, 3, "b\n"}, {2, 1, "later\nlater\n"}}
	if diff := cmp.Diff(want, tries); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

func TestRefusedForGoodIsDropped(t *testing.T) {
	o := NewOutlet(NewBuffer(Options{}), senderFunc(func(context.Context, Batch) (int, error) {
		return 1, errors.New("bad request")
	}))
	o.Put([]byte("a"))
	o.Put([]byte("b"))
	if err := o.Flush(t.Context()); err == nil {
		t.Fatal("flush hides the error")
	}
	want := Stats{Received: Count{2, 4}, Delivered: Count{1, 2}, Dropped: Count{1, 2}, Losses: Losses{Refused: {1, 2}}}
	if diff := cmp.Diff(want, o.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestPanicOfSenderSettlesTheBatch(t *testing.T) {
	calls := 0
	o := NewOutlet(NewBuffer(Options{}), senderFunc(func(_ context.Context, b Batch) (int, error) {
		if calls++; calls == 1 {
			panic("broken sender")
		}
		return b.Len(), nil
	}))
	o.Put([]byte("a"))
	func() {
		defer func() { _ = recover() }()
		_ = o.Flush(t.Context())
	}()
	o.Put([]byte("b"))
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := o.Stats(); s.Delivered.Lines != 1 || s.Dropped.Lines != 1 || !balanced(s) {
		t.Errorf("stats %+v", s)
	}
}

// TestSecondFlushWaitsForTheFirst: at shutdown the last flush must not return
// while lines are still with another one, nor outlive its own deadline.
func TestSecondFlushWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		o := NewOutlet(NewBuffer(Options{}), senderFunc(func(_ context.Context, b Batch) (int, error) {
			<-release
			return b.Len(), nil
		}))
		o.Put([]byte("a"))
		go func() { _ = o.Flush(context.Background()) }()
		synctest.Wait()

		ctx, cancel := context.WithCancel(t.Context())
		second := make(chan error, 2)
		go func() { second <- o.Flush(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("flush that gave up waiting: %v", err)
		}
		go func() { second <- o.Flush(context.Background()) }()
		synctest.Wait()
		if len(second) != 0 {
			t.Error("second flush returned before the first")
		}
		close(release)
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
}

// scriptedWriter answers each Write from a list, then takes everything.
type scriptedWriter struct {
	answers []struct {
		n   int
		err error
	}
	got bytes.Buffer
}

func (w *scriptedWriter) Write(p []byte) (int, error) {
	n, err := len(p), error(nil)
	if len(w.answers) > 0 {
		n, err = w.answers[0].n, w.answers[0].err
		w.answers = w.answers[1:]
	}
	n = min(n, len(p))
	w.got.Write(p[:max(n, 0)])
	return n, err
}

func TestWriterTrouble(t *testing.T) {
	type answer = struct {
		n   int
		err error
	}
	for _, tc := range []struct {
		name      string
		answers   []answer
		flushes   int
		wrote     string
		delivered uint64
		dropped   uint64
		stats     WriterStats
	}{
		{"short write goes on", []answer{{2, nil}, {1, nil}}, 1, "aaa\nbbb\n", 2, 0, WriterStats{3, 2, 0}},
		{"takes nothing, says nothing", []answer{{0, nil}}, 2, "aaa\nbbb\n", 2, 0, WriterStats{2, 1, 1}},
		{"answer out of range", []answer{{-5, nil}}, 2, "aaa\nbbb\n", 2, 0, WriterStats{2, 1, 1}},
		{"passing error inside a line", []answer{{5, syscall.ENOSPC}}, 2, "aaa\nb\nbbb\n", 2, 0, WriterStats{3, 1, 1}},
		{"passing error between lines", []answer{{4, syscall.EAGAIN}}, 2, "aaa\nbbb\n", 2, 0, WriterStats{2, 1, 1}},
		{"reader gone", []answer{{4, &os.PathError{Op: "write", Err: syscall.EPIPE}}}, 2, "aaa\n", 1, 1, WriterStats{1, 1, 1}},
		{"closed", []answer{{0, os.ErrClosed}}, 2, "", 0, 2, WriterStats{1, 1, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := &scriptedWriter{answers: tc.answers}
			w := NewWriter(out)
			o := NewOutlet(NewBuffer(Options{}), w)
			o.Put([]byte("aaa"))
			o.Put([]byte("bbb"))
			for range tc.flushes {
				_ = o.Flush(t.Context())
			}
			if got := out.got.String(); got != tc.wrote {
				t.Errorf("wrote %q, want %q", got, tc.wrote)
			}
			s := o.Stats()
			if s.Delivered.Lines != tc.delivered || s.Dropped.Lines != tc.dropped || !balanced(s) {
				t.Errorf("stats %+v, want %d delivered, %d dropped", s, tc.delivered, tc.dropped)
			}
			if diff := cmp.Diff(tc.stats, w.Stats()); diff != "" {
				t.Errorf("writer stats (-want +got):\n%s", diff)
			}
		})
	}
}

// brokenPipeChild is the child process of the next test.
func brokenPipeChild() int {
	o := NewStream(os.Stdout, Options{})
	o.Put([]byte("nobody reads this"))
	err := o.Flush(context.Background())
	if !errors.Is(err, syscall.EPIPE) || o.Stats().Dropped.Lines != 1 {
		fmt.Fprintf(os.Stderr, "err %v, stats %+v", err, o.Stats())
		return 3
	}
	return 0
}

// TestBrokenStdoutDoesNotKill runs a real process, because only there does
// the Go runtime turn a broken stdout into SIGPIPE.
func TestBrokenStdoutDoesNotKill(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	defer w.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SINK_TEST_BROKEN_PIPE=1")
	cmd.Stdout = w
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("child: %v: %s", err, stderr.String())
	}
}

// TestBooksAlwaysBalance is the property of the package, under random lines,
// random failures and several writers at once.
func TestBooksAlwaysBalance(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		opt := Options{MaxBytes: 200 + rnd.IntN(2000), BatchBytes: 1 + rnd.IntN(300), BatchLines: rnd.IntN(5)}
		srnd := rand.New(rand.NewPCG(seed, 2))
		o := NewOutlet(NewBuffer(opt), senderFunc(func(_ context.Context, b Batch) (int, error) {
			n := srnd.IntN(b.Len() + 1)
			switch srnd.IntN(4) {
			case 0:
				return n, errors.New("no")
			case 1:
				return n, &RetryableError{Err: errors.New("later")}
			}
			return n, nil
		}))
		var wg sync.WaitGroup
		for w := range uint64(3) {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(seed, 10+w))
				for range 300 {
					o.Put(bytes.Repeat([]byte("x"), rnd.IntN(120)))
					if s := o.Stats(); !balanced(s) {
						t.Errorf("seed %d: out of balance: %+v", seed, s)
						return
					} else if int(s.Pending.Bytes+lineOverhead*s.Pending.Lines) > opt.MaxBytes {
						t.Errorf("seed %d: %+v pending, bound %d", seed, s.Pending, opt.MaxBytes)
						return
					}
					if rnd.IntN(10) == 0 {
						_ = o.Flush(context.Background())
					}
				}
			})
		}
		wg.Wait()
		o.sender = senderFunc(func(_ context.Context, b Batch) (int, error) { return 0, nil })
		_ = o.Flush(t.Context())
		if s := o.Stats(); !balanced(s) || s.Pending != (Count{}) || s.Received.Lines != 900 {
			t.Errorf("seed %d: at the end %+v", seed, s)
		}
	}
}

// TestMemoryComesBack: a flood must not keep its memory.
func TestMemoryComesBack(t *testing.T) {
	o := NewOutlet(NewBuffer(Options{BatchBytes: 1 << 10}), senderFunc(func(_ context.Context, b Batch) (int, error) { return b.Len(), nil }))
	for range 1000 {
		o.Put(make([]byte, 100))
	}
	o.Put(make([]byte, 100<<10))
	_ = o.Flush(t.Context())
	kept := 0
	for _, c := range o.spares {
		kept += cap(c.buf)
	}
	if kept > maxSpares*2<<10 {
		t.Errorf("%d bytes kept after the flood", kept)
	}
}

func TestPutDoesNotAllocate(t *testing.T) {
	o := NewOutlet(NewBuffer(Options{}), senderFunc(func(_ context.Context, b Batch) (int, error) { return b.Len(), nil }))
	line := make([]byte, 300)
	run := func() {
		for range 64 {
			o.Put(line)
		}
		_ = o.Flush(context.Background())
	}
	run()
	if n := testing.AllocsPerRun(50, run); n > 0 {
		t.Errorf("%v allocations per 64 lines, want 0", n)
	}
}

func BenchmarkPut300(b *testing.B) {
	o := NewOutlet(NewBuffer(Options{}), senderFunc(func(_ context.Context, b Batch) (int, error) { return b.Len(), nil }))
	line := make([]byte, 300)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o.Put(line)
		if i%64 == 63 {
			_ = o.Flush(context.Background())
		}
	}
}
