package sink

import "sync"

// maxSpares is how many emptied chunks are kept for the next lines: one that
// fills while another is on its way.
const maxSpares = 2

// maxMaxBytes keeps offsets within 32 bits; no sandbox has a use for more.
const maxMaxBytes = 1 << 30

// Buffer holds lines, bounded by bytes. Safe for concurrent use.
//
// Lines are kept in chunks, and a chunk is the next batch: nothing is copied
// on the way out, and a batch that comes back keeps its id.
type Buffer struct {
	opt Options

	mu       sync.Mutex
	chunks   []*chunk // oldest first; the last one takes new lines
	inFlight bool     // chunks[0] is with the sender: not to be touched
	used     int      // bytes of the pending lines, overhead included
	lastID   uint64
	spares   []*chunk
	stats    Stats
	keyed    bool     // batches get a Key
	closed   bool     // takes nothing more; the reason is Disabled
	dead     []string // names of files that have no use any more

	keeping sync.Mutex // held while files are written or removed; taken before mu
	copied  []byte     // what is being written; guarded by keeping
	keeper  Keeper     // nil until something was kept; guarded by keeping
}

// NewBuffer returns an empty buffer. It takes memory only as lines arrive.
func NewBuffer(opt Options) *Buffer {
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	if opt.BatchBytes <= 0 {
		opt.BatchBytes = DefaultBatchBytes
	}
	opt.MaxBytes = min(opt.MaxBytes, maxMaxBytes)
	return &Buffer{opt: opt}
}

// Put adds a copy of the line and a newline. When there is no room the oldest
// lines are dropped, but never those that are being sent at this moment: if
// they alone fill the buffer, the new line is the one to go.
func (b *Buffer) Put(line []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := len(line) + 1
	b.stats.Received.add(1, size)
	if b.closed {
		b.stats.lose(Disabled, 1, size)
		return
	}
	if !b.makeRoomLocked(size + lineOverhead) {
		b.stats.lose(Overflow, 1, size)
		return
	}
	b.tailLocked(size).append(line)
	b.used += size + lineOverhead
	b.stats.Pending.add(1, size)
}

// Stats returns the counts of this moment; they add up.
func (b *Buffer) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

// makeRoomLocked drops the oldest lines until need bytes fit.
func (b *Buffer) makeRoomLocked(need int) bool {
	if need > b.opt.MaxBytes {
		return false
	}
	for b.used+need > b.opt.MaxBytes {
		at := 0
		if b.inFlight {
			at = 1
		}
		if at >= len(b.chunks) {
			return false
		}
		b.stats.lose(Overflow, 1, b.releaseLocked(at, 1))
	}
	return true
}

// releaseLocked takes n lines off the front of chunk at and returns their
// bytes. A chunk without lines leaves the queue.
func (b *Buffer) releaseLocked(at, n int) int {
	c := b.chunks[at]
	size := c.pop(n)
	b.forgetLocked(n, size)
	b.dropEmptyLocked(at)
	return size
}

// forgetLocked takes lines out of the books of what is pending.
func (b *Buffer) forgetLocked(lines, size int) {
	b.used -= size + lines*lineOverhead
	b.stats.Pending.Lines -= uint64(lines)
	b.stats.Pending.Bytes -= uint64(size)
}

// dropEmptyLocked takes chunk at off the queue if it has no lines left.
func (b *Buffer) dropEmptyLocked(at int) {
	if c := b.chunks[at]; c.empty() {
		b.chunks = append(b.chunks[:at], b.chunks[at+1:]...)
		b.buryLocked(c)
		b.recycleLocked(c)
	}
}

// recycleLocked keeps an emptied chunk for reuse, unless one long line blew
// it up.
func (b *Buffer) recycleLocked(c *chunk) {
	if len(b.spares) < maxSpares && cap(c.buf) <= 2*b.opt.BatchBytes {
		c.reset()
		b.spares = append(b.spares, c)
	}
}

// tailLocked returns the chunk that takes a line of this size.
func (b *Buffer) tailLocked(size int) *chunk {
	if n := len(b.chunks); n > 0 && !(b.inFlight && n == 1) {
		c := b.chunks[n-1]
		full := len(c.buf)+size > b.opt.BatchBytes ||
			b.opt.BatchLines > 0 && len(c.ends) >= b.opt.BatchLines
		if c.attempt == 0 && !c.sealed && !full {
			return c
		}
	}
	c := b.emptyChunkLocked()
	b.chunks = append(b.chunks, c)
	return c
}

func (b *Buffer) emptyChunkLocked() *chunk {
	n := len(b.spares)
	if n == 0 {
		return &chunk{}
	}
	c := b.spares[n-1]
	b.spares = b.spares[:n-1]
	return c
}
