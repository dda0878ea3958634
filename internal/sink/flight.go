package sink

import (
	"crypto/rand"
	"encoding/hex"
)

// verdict says what becomes of the lines that were handed out.
type verdict struct {
	delivered int           // lines from the front that have left
	keep      bool          // the rest waits for another attempt,
	reason    Reason        // or else is dropped for this
	partial   *PartialError // takes the place of delivered; keep and reason are for its Keep
}

// take hands out the oldest lines. They stay pending until settle.
func (b *Buffer) take() (Batch, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inFlight || len(b.chunks) == 0 {
		return Batch{}, false
	}
	c := b.chunks[0]
	if c.attempt == 0 {
		b.lastID++
		c.id = b.lastID
		if b.keyed && c.key == "" {
			c.key = newKey()
		}
	}
	c.attempt++
	b.inFlight = true
	return c.batch(), true
}

// newKey asks the kernel for random bits: sandboxes restored from one
// snapshot share the state of every generator in the process.
func newKey() string {
	var k [16]byte
	_, _ = rand.Read(k[:]) // never fails (package crypto/rand)
	return hex.EncodeToString(k[:])
}

// settle says what became of the lines handed out last.
func (b *Buffer) settle(v verdict) {
	b.account(v)
	b.clean()
}

func (b *Buffer) account(v verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.inFlight {
		return
	}
	b.inFlight = false
	c := b.chunks[0]
	before := c.lines()
	if v.partial != nil {
		b.settlePartLocked(v)
	} else {
		rest := b.chunks[0].lines() - v.delivered
		if v.delivered > 0 || rest == 0 {
			b.stats.Delivered.add(v.delivered, b.releaseLocked(0, v.delivered))
		}
		if rest > 0 && !v.keep {
			b.stats.lose(v.reason, rest, b.releaseLocked(0, rest))
		}
	}
	if left := c.lines(); left > 0 && left < before {
		b.buryLocked(c) // the next Keep writes what is left
	}
	if b.closed {
		b.clearLocked()
	}
}

// settlePartLocked goes through the lines of the batch one by one and closes
// up those that are kept.
func (b *Buffer) settlePartLocked(v verdict) {
	c, keep, lost := b.chunks[0], v.partial.Keep, v.partial.Lost
	kept, from := 0, c.start()
	write := from
	for i := range c.lines() {
		to := c.ends[c.head+i]
		size := int(to - from)
		for len(lost) > 0 && lost[0].Line < i {
			lost = lost[1:]
		}
		for len(keep) > 0 && keep[0] < i {
			keep = keep[1:]
		}
		isKept := len(keep) > 0 && keep[0] == i
		switch {
		case len(lost) > 0 && lost[0].Line == i:
			b.stats.lose(lost[0].Reason, 1, size)
		case isKept && v.keep:
			write += int32(copy(c.buf[write:], c.buf[from:to]))
			c.ends[c.head+kept] = write
			kept++
			from = to
			continue
		case isKept:
			b.stats.lose(v.reason, 1, size)
		default:
			b.stats.Delivered.add(1, size)
		}
		b.forgetLocked(1, size)
		from = to
	}
	c.buf, c.ends = c.buf[:write], c.ends[:c.head+kept]
	b.dropEmptyLocked(0)
}

// shut gives up what is pending and every line to come. Lines on their way
// are settled first.
func (b *Buffer) shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if !b.inFlight {
		b.clearLocked()
	}
}

func (b *Buffer) clearLocked() {
	for len(b.chunks) > 0 {
		n := b.chunks[0].lines()
		b.stats.lose(Disabled, n, b.releaseLocked(0, n))
	}
	b.chunks, b.spares = nil, nil
}
