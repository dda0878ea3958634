package logpipe

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// work is what the rules do with what was read at once. It has its own view of
// the channel, so that a goroutine that hangs in it can lose the turn.
type work struct {
	c      *channel
	gen    int
	rules  Rules
	buf    []byte
	pos    int
	out    []byte
	cutter cutter
}

func (c *channel) begin(pos int) *work {
	w := &work{c: c, rules: c.rules, buf: c.buf, pos: pos, out: c.spare[:0], cutter: c.cutter}
	c.mu.Lock()
	w.gen = c.gen
	c.settled = settled{pos: pos, out: w.out, cutter: w.cutter}
	c.mu.Unlock()
	if w.rules != nil {
		c.works++
		c.working.Store(c.works)
		c.p.watch.wake()
	}
	return w
}

// run goes through what was read, up to what may go out at once. False: the
// turn was taken away.
func (w *work) run(behind end) bool {
	for len(w.out) < mostOut {
		it := w.cutter.next(w.buf[w.pos:], behind)
		if it.kind == none {
			break
		}
		w.item(&it)
		w.pos += len(it.all)
		if !w.settle() {
			return false
		}
	}
	return w.finish()
}

// settle notes how far the work has come.
func (w *work) settle() bool {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != w.gen {
		return false
	}
	if len(c.released) > 0 { // held lines that this one let go: they come before it
		from := len(c.settled.out)
		line := append([]byte(nil), w.out[from:]...)
		w.out = append(append(w.out[:from], c.released...), line...)
		c.released = nil
	}
	c.settled = settled{pos: w.pos, out: w.out, cutter: w.cutter}
	return true
}

func (w *work) finish() bool {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != w.gen {
		return false
	}
	c.working.Store(0)
	return true
}

// guarded runs one call of the rules under the watch. False: the turn was
// taken away.
func (c *channel) guarded(call func()) bool {
	w := c.begin(0)
	func() {
		defer w.survive()
		call()
	}()
	return w.finish()
}

func (w *work) item(it *item) {
	p := w.c.p
	switch it.kind {
	case whole:
		p.stats.lines.Add(1)
		w.line(it)
	case part:
		p.stats.parts.Add(1)
		p.stats.written.Add(1)
		w.part(it)
	case piece:
		p.stats.parts.Add(1)
		w.piece(it)
	case header:
		p.stats.lines.Add(1)
		p.stats.written.Add(1)
		w.out = append(w.out, it.all...)
	case asItIs:
		p.stats.uncounted.Store(p.stats.uncounted.Load() || w.cutter.raw)
		w.part(it)
	case noFrame:
		p.stats.unframed.Add(1)
		p.log.Warn("what came through the framed log descriptor is no frame: it passes unchanged from now on")
	}
}

// line lets the rules decide. What they fail on goes out as it came.
func (w *work) line(it *item) {
	from := len(w.out)
	if w.rules == nil {
		w.without(it)
		return
	}
	level, at := frameSays(it.all[:it.header])
	ok := false
	func() {
		defer w.survive()
		var fate Fate
		out := append(w.out, it.all[:it.header]...)
		out, fate = w.rules.Line(out, Line{Text: it.text(), At: at, Level: level, Header: it.all[:it.header], Newline: it.newline})
		ok = true
		switch fate {
		case Gone:
			return
		case Pass:
			out = append(out[:from], it.all...)
		default:
			if it.newline {
				out = append(out, '\n')
			}
			if it.header > 0 {
				reframe(out, from, it.header, fate == Object)
			}
		}
		w.c.p.stats.written.Add(1)
		w.out = out
	}()
	if !ok {
		w.without(it)
	}
}

// without lets a line out that no rules were applied to.
func (w *work) without(it *item) {
	w.c.p.stats.written.Add(1)
	if !w.c.withholds() {
		w.out = append(w.out, it.all...)
		return
	}
	w.c.p.stats.withheld.Add(1)
	level, at := frameSays(it.all[:it.header])
	w.out = appendFramed(w.out, it.all[:it.header], w.c.p.withheld(level, at, len(it.all)-it.header), it.newline, true)
}

// part lets a part of a line out, without what must not leave.
func (w *work) part(it *item) {
	if !w.c.withholds() {
		w.out = append(w.out, it.all...)
		return
	}
	from := len(w.out)
	if !w.redacted(it.all) {
		w.out = append(w.out[:from], w.c.p.withheld(0, time.Time{}, len(it.all))...)
		w.c.p.stats.withheld.Add(1)
		if it.all[len(it.all)-1] == '\n' {
			w.out = append(w.out, '\n')
		}
	}
}

// piece lets a piece of a frame out whose length is known already: what takes
// something out of it must not change it.
func (w *work) piece(it *item) {
	if !w.c.withholds() {
		w.out = append(w.out, it.all...)
		return
	}
	from := len(w.out)
	if !w.redacted(it.all) {
		w.out = w.out[:from]
		w.c.p.stats.withheld.Add(1)
	}
	for len(w.out) < from+len(it.all) {
		w.out = append(w.out, ' ')
	}
	w.out = w.out[:from+len(it.all)]
}

// redacted appends a part as the rules let it out. False: they failed.
func (w *work) redacted(text []byte) (ok bool) {
	if w.rules == nil {
		return false
	}
	defer w.survive()
	w.out = w.rules.Part(w.out, text)
	return true
}

func (c *channel) withholds() bool { return c.p.opt.Withhold }

// survive ends a panic of the rules. What it carries may be a line, and is not
// logged.
func (w *work) survive() {
	r := recover()
	if r == nil {
		return
	}
	if p := w.c.p; p.stats.panics.Add(1) == 1 {
		p.log.Error("panic over a line of the function, which is stored as it came; please report it",
			zap.Bool("withheld", p.opt.Withhold), zap.String("kind", fmt.Sprintf("%T", r)), zap.ByteString("stack", debug.Stack()))
		p.opt.Degrade("a panic over a line of the function; the log has the stack")
	}
}

// withheld is the object in the place of a line that must not go out.
func (p *Pipes) withheld(level byte, at time.Time, size int) []byte {
	if at.IsZero() {
		at = p.opt.Now()
	}
	b := append([]byte(`{"timestamp":"`), at.UTC().Format("2006-01-02T15:04:05.000Z")...)
	if names := [...]string{"", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}; level > 0 && int(level) < len(names) {
		b = append(append(b, `","level":"`...), names[level]...)
	}
	b = append(b, `","message":"line withheld: redaction failed","bytes":`...)
	return append(strconv.AppendInt(b, int64(size), 10), '}')
}
