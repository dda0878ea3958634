package child

import (
	"os"
	"sync"
	"syscall"
	"time"
)

// readSize is how much is read at once.
const readSize = 64 << 10

// output turns a process's descriptor into messages. It can be drained on demand:
// what a process wrote before it called an API is then handed on before the call
// takes effect, which keeps END behind the function's last line.
type output struct {
	pipe  *os.File
	raw   syscall.RawConn
	parse parser
	room  func()     // blocks while the receivers are far behind
	pace  func() int // bytes per second; 0: as fast as it comes
	done  chan struct{}
	stop  chan struct{} // closed by finish: no pace any more

	mu    sync.Mutex
	buf   []byte
	total int // bytes read
}

func newOutput(pipe *os.File, parse parser, room func(), pace func() int) *output {
	raw, err := pipe.SyscallConn()
	if err != nil {
		raw = nil // never for a pipe; pump then ends at once
	}
	return &output{
		pipe: pipe, raw: raw, parse: parse, room: room, pace: pace,
		done: make(chan struct{}), stop: make(chan struct{}), buf: make([]byte, readSize),
	}
}

// pump reads until the pipe is closed on either side.
func (o *output) pump() {
	defer close(o.done)
	for o.raw != nil {
		got, pace := 0, o.pace()
		limit := readSize
		if pace > 0 {
			limit = max(1, min(readSize, pace/20))
		}
		err := o.raw.Read(func(fd uintptr) bool {
			n, again := o.read(fd, limit)
			got = n
			return !again
		})
		if err != nil || got <= 0 {
			return
		}
		o.room()
		if pace > 0 {
			o.rest(time.Duration(got) * time.Second / time.Duration(pace))
		}
	}
}

// rest lets the time pass that the bytes read are worth.
func (o *output) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-o.stop:
	}
}

// drain hands on what is in the pipe now, without waiting for more. A process
// that never stops printing cannot hold it: a pipe has 1 MiB at most. A slow
// reader is not hurried.
func (o *output) drain() {
	if o.pace() == 0 {
		o.readAll()
	}
}

func (o *output) readAll() {
	if o.raw == nil {
		return
	}
	o.raw.Control(func(fd uintptr) {
		for range 16 {
			if n, _ := o.read(fd, readSize); n <= 0 {
				return
			}
		}
	})
}

// Who has the other end of the pipe when the process is gone may still write
// into it: an extension that stands between a function and its log, for example.
const (
	quiet     = 500 * time.Millisecond // without a byte, after which nobody is waited for
	mostQuiet = 5 * time.Second        // for all of it
)

// finish hands on the rest, a last line without newline included, and closes the
// pipe even if a stray child still holds the other end.
func (o *output) finish() {
	o.readAll()
	close(o.stop)
	o.settle()
	o.pipe.Close()
	<-o.done
	o.mu.Lock()
	defer o.mu.Unlock()
	o.parse.flush()
}

// settle waits for the end of the pipe, for as long as something comes.
func (o *output) settle() {
	came := func() int {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.total
	}
	ticker := time.NewTicker(quiet)
	defer ticker.Stop()
	for end, before := time.Now().Add(mostQuiet), came(); time.Now().Before(end); {
		select {
		case <-o.done:
			return
		case <-ticker.C:
		}
		now := came()
		if now == before {
			return
		}
		before = now
	}
}

func (o *output) read(fd uintptr, limit int) (n int, again bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := syscall.Read(int(fd), o.buf[:limit])
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return 0, true
	}
	if n > 0 {
		o.total += n
		o.parse.feed(o.buf[:n])
	}
	return n, false
}
