package lambdaemu

import (
	"bytes"
	"os"
	"sync"
	"syscall"
)

// maxLine is where a line without end is cut, as a log event cannot be larger
// (AWS page: cloudwatch_limits_cwl).
const maxLine = 1 << 20

// output turns a process's pipe into lines. It can be drained on demand: what a
// process wrote before it called an API is then emitted before the call takes
// effect, which keeps END behind the function's last line.
type output struct {
	pipe *os.File
	raw  syscall.RawConn
	emit func(string)
	room func() // blocks while the receivers are far behind
	done chan struct{}

	mu   sync.Mutex
	buf  []byte
	line []byte // the beginning of a line whose end has not come
}

func newOutput(pipe *os.File, emit func(string), room func()) *output {
	raw, err := pipe.SyscallConn()
	if err != nil {
		raw = nil // never for a pipe; pump then ends at once
	}
	return &output{pipe: pipe, raw: raw, emit: emit, room: room, done: make(chan struct{}), buf: make([]byte, 64<<10)}
}

// pump reads until the pipe is closed on either side.
func (o *output) pump() {
	defer close(o.done)
	for o.raw != nil {
		open := false
		err := o.raw.Read(func(fd uintptr) bool {
			n, again := o.read(fd)
			open = n > 0
			return !again
		})
		if err != nil || !open {
			return
		}
		o.room()
	}
}

// drain emits what is in the pipe now, without waiting for more. A process that
// never stops printing cannot hold it: a pipe has 64 KiB.
func (o *output) drain() {
	if o == nil || o.raw == nil {
		return
	}
	o.raw.Control(func(fd uintptr) {
		for range 16 {
			if n, _ := o.read(fd); n <= 0 {
				return
			}
		}
	})
}

// finish emits the rest, a last line without newline included, and closes the
// pipe even if a stray child still holds the other end.
func (o *output) finish() {
	o.drain()
	o.pipe.Close()
	<-o.done
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushLocked()
}

func (o *output) read(fd uintptr) (n int, again bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := syscall.Read(int(fd), o.buf)
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return 0, true
	}
	if n > 0 {
		o.feedLocked(o.buf[:n])
	}
	return n, false
}

func (o *output) feedLocked(data []byte) {
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			break
		}
		o.line = append(o.line, data[:i]...)
		o.emit(string(o.line))
		o.line = o.line[:0]
		data = data[i+1:]
	}
	o.line = append(o.line, data...)
	if len(o.line) >= maxLine {
		o.flushLocked()
	}
}

func (o *output) flushLocked() {
	if len(o.line) > 0 {
		o.emit(string(o.line))
		o.line = nil
	}
}
