package logpipe

import (
	"bytes"
	"io"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rules are functions; nil ones let everything pass.
type rules struct {
	line  func(dst []byte, l Line) ([]byte, Fate)
	part  func(dst, text []byte) []byte
	end   func()
	place Place
}

func (r *rules) Line(dst []byte, l Line) ([]byte, Fate) {
	if r.line == nil {
		return dst, Pass
	}
	return r.line(dst, l)
}

func (r *rules) Part(dst, text []byte) []byte {
	if r.part == nil {
		return append(dst, text...)
	}
	return r.part(dst, text)
}

func (r *rules) End() {
	if r.end != nil {
		r.end()
	}
}

// bench is one channel between a pipe that the function writes to and one that
// the platform reads.
type bench struct {
	pipes    *Pipes
	function *os.File // what the function writes to
	log      *os.File // what the platform reads
	channel  *channel
	observed *observer.ObservedLogs
	degraded func() []string
	write    int // of function
	reads    int // of log

	mu   sync.Mutex
	got  bytes.Buffer
	eof  chan struct{}
	once sync.Once
}

func newBench(t *testing.T, r *rules, framed bool, opt Options) *bench {
	t.Helper()
	core, observed := observer.New(zap.DebugLevel)
	var mu sync.Mutex
	var degraded []string
	if opt.Log == nil {
		opt.Log = zap.New(core)
	}
	opt.Degrade = func(reason string) {
		mu.Lock()
		defer mu.Unlock()
		degraded = append(degraded, reason)
	}
	opt.Rules = func(p Place) Rules { r.place = p; return r }
	b := &bench{pipes: New(opt), observed: observed, eof: make(chan struct{})}
	b.degraded = func() []string { mu.Lock(); defer mu.Unlock(); return degraded }
	var in, out [2]int
	if err := syscall.Pipe2(in[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Pipe2(out[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(out[0], true); err != nil {
		t.Fatal(err)
	}
	b.write, b.reads = in[1], out[0] // File.Fd would make them block
	b.function, b.log = os.NewFile(uintptr(in[1]), "function"), os.NewFile(uintptr(out[0]), "platform")
	c, err := newChannel(b.pipes, in[0], out[1], framed)
	if err != nil {
		t.Fatal(err)
	}
	b.channel = c
	b.pipes.begin([]*channel{c})
	t.Cleanup(func() {
		_ = b.function.Close()
		_ = b.log.Close()
		b.pipes.Shutdown(time.Second)
	})
	return b
}

// platform begins to read the log.
func (b *bench) platform() {
	b.once.Do(func() {
		go func() {
			defer close(b.eof)
			raw, err := b.log.SyscallConn()
			if err != nil {
				return
			}
			buf := make([]byte, 64<<10)
			for n := 1; n > 0; {
				if raw.Read(func(fd uintptr) bool {
					b.mu.Lock() // so that nothing is between the pipe and got
					defer b.mu.Unlock()
					n, err = syscall.Read(int(fd), buf)
					b.got.Write(buf[:max(n, 0)])
					return err != syscall.EAGAIN
				}) != nil {
					return
				}
			}
		}()
	})
}

func (b *bench) print(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(b.function, text); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got.String()
}

// logged is how much the log was given, read or not.
func (b *bench) logged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got.Len() + readable(b.reads)
}

// end closes the function's end and waits for the end of the log.
func (b *bench) end(t *testing.T) string {
	t.Helper()
	b.platform()
	_ = b.function.Close()
	select {
	case <-b.eof:
	case <-time.After(20 * time.Second):
		t.Fatalf("the original was not closed at the end of the channel; log so far: %.300q", b.text())
	}
	return b.text()
}

// await waits for a condition.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
		time.Sleep(time.Millisecond)
	}
}
