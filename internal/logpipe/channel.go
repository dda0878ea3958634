package logpipe

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"go.uber.org/zap"
)

// channel carries what the function writes to one file of its log.
//
// Who holds the turn may read, work and write, and nobody else: mostly run,
// and drain when something is to come out before a request goes on. A
// goroutine that hangs in the rules loses the turn to the watch (seize), and
// touches nothing of the channel any more.
type channel struct {
	p      *Pipes
	framed bool
	in     *os.File // our end of what the function writes to
	raw    syscall.RawConn
	fd     int // of in
	out    int // the original; -1: closed
	turn   chan struct{}
	gone   chan struct{} // closed when the channel has ended
	inRun  atomic.Bool   // the turn is run's

	// Of who holds the turn.
	rules  Rules // nil: taken away
	buf    []byte
	cutter cutter
	spare  []byte // memory for what goes out
	ended  bool

	// For a moment of anybody.
	mu       sync.Mutex
	read     uint64 // bytes that came
	gen      int    // counts how often the turn was taken away
	settled  settled
	released []byte
	closed   bool
	waking   bool          // a goroutine is on its way to write what was released
	taken    chan struct{} // closed when the rules are out and what they had is written

	working atomic.Uint64 // number of the work that the rules are at; 0: none
	works   uint64
}

// settled is how far the work has come, for whoever has to go on with it.
type settled struct {
	pos    int // of buf
	out    []byte
	cutter cutter
}

func newChannel(p *Pipes, in, out int, framed bool) (*channel, error) {
	if err := syscall.SetNonblock(in, true); err != nil {
		return nil, err
	}
	c := &channel{
		p: p, framed: framed, fd: in, out: out, in: os.NewFile(uintptr(in), "log"),
		turn: make(chan struct{}, 1), gone: make(chan struct{}), taken: make(chan struct{}), cutter: cutter{framed: framed},
	}
	var err error
	if c.raw, err = c.in.SyscallConn(); err != nil {
		_ = c.in.Close() // it was never read
		return nil, err
	}
	c.rules = p.opt.Rules(c)
	return c, nil
}

// run reads until the writers are gone.
func (c *channel) run() {
	for {
		n, err := 0, error(nil)
		polled := c.raw.Read(func(uintptr) bool {
			c.turn <- struct{}{}
			if n, err = c.fill(readSize); err == syscall.EAGAIN {
				<-c.turn
				return false
			}
			return true // the turn is kept
		})
		if polled != nil { // closed by stop
			return
		}
		c.inRun.Store(true)
		ours := c.bring(n, err)
		if !ours {
			return // another goroutine runs
		}
		over := c.ended
		c.inRun.Store(false)
		<-c.turn
		if over {
			return
		}
	}
}

// fill reads once and does not wait. The lock makes that one step with the
// count, so that nothing is between the channel and buf when drain counts.
func (c *channel) fill(most int) (int, error) {
	if c.ended {
		return 0, nil
	}
	if room := cap(c.buf) - len(c.buf); room < min(most, leastRoom) {
		c.buf = append(make([]byte, 0, len(c.buf)+readSize+leastRoom), c.buf...)
	}
	most = min(most, cap(c.buf)-len(c.buf))
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		n, err := syscall.Read(c.fd, c.buf[len(c.buf):len(c.buf)+most])
		if err == syscall.EINTR {
			continue
		}
		if n > 0 {
			c.buf = c.buf[:len(c.buf)+n]
			c.read += uint64(n)
		}
		return max(n, 0), err
	}
}

// bring works on what fill has read. False: the turn was taken away.
func (c *channel) bring(n int, err error) bool {
	switch {
	case c.ended:
		return true
	case n > 0:
		return c.work(open)
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return true
	}
	if !c.work(noMore) {
		return false
	}
	if c.rules != nil {
		if !c.guarded(func() { c.rules.End() }) {
			return false
		}
		c.write(c.takeReleased())
	}
	c.end()
	return true
}

// end closes the original at once: a platform that waits for the end of the
// log to see that its process is gone would wait for us.
func (c *channel) end() {
	if c.ended {
		return
	}
	c.ended = true
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	go func() { _ = c.in.Close() }() // it waits for run, which may wait for the turn
	if c.out >= 0 {
		_ = syscall.Close(c.out) // as above
		c.out = -1
	}
	close(c.gone)
	c.p.forget(c)
}

// stop lets go of the channel: its function is gone, or the process ends.
func (c *channel) stop() {
	select {
	case c.turn <- struct{}{}:
		c.end()
		<-c.turn
	default: // at work, which the end of the process ends
	}
}

// mostOut is how much goes out in one call, about: it bounds the memory.
const mostOut = 256 << 10

// work brings out what is whole of buf. False: the turn was taken away.
func (c *channel) work(behind end) bool {
	pos := 0
	for pos < len(c.buf) {
		w := c.begin(pos)
		ok := w.run(behind)
		if !ok {
			return false
		}
		c.cutter = w.cutter
		c.keepSpare(w.out)
		c.write(c.takeReleased())
		c.write(w.out)
		if w.pos == pos {
			break
		}
		pos = w.pos
	}
	c.buf = c.buf[:copy(c.buf, c.buf[pos:])]
	if cap(c.buf) > 2*readSize && len(c.buf) == 0 {
		c.buf = nil // of a long line
	}
	return true
}

func (c *channel) keepSpare(out []byte) {
	if cap(out) <= 2*mostOut {
		c.spare = out[:0]
	}
}

// write gives the log all of b, however long that takes.
func (c *channel) write(b []byte) {
	for len(b) > 0 && c.out >= 0 {
		n, err := syscall.Write(c.out, b)
		if n > 0 {
			b = b[n:]
		}
		switch err {
		case nil, syscall.EINTR:
		case syscall.EAGAIN:
			awaitRoom(c.out)
		default:
			// Nobody reads the log any more. The function sees what it would have
			// seen without us.
			c.p.log.Debug("a log descriptor failed", zap.Error(err))
			c.end()
			return
		}
	}
}

// Release implements Place.
func (c *channel) Release(header, text []byte, newline, object bool) {
	c.p.stats.written.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.released = appendFramed(c.released, header, text, newline, object)
	if !c.waking {
		c.waking = true
		go c.writeReleased()
	}
}

func (c *channel) writeReleased() {
	select {
	case c.turn <- struct{}{}:
		c.write(c.takeReleased())
		<-c.turn
	case <-c.gone:
	}
}

func (c *channel) takeReleased() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.released
	c.released, c.waking = nil, false
	return r
}

func appendFramed(dst, header, text []byte, newline, object bool) []byte {
	at := len(dst)
	dst = append(append(dst, header...), text...)
	if newline {
		dst = append(dst, '\n')
	}
	if len(header) > 0 {
		reframe(dst, at, len(header), object)
	}
	return dst
}
