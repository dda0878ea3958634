package sink

import (
	"encoding/binary"
	"encoding/hex"
	"time"
)

// Keeper keeps records outside the process; *spool.Spool does.
type Keeper interface {
	Append(name string, records ...[]byte) error
	Remove(name string)
}

// kept is where the lines of one chunk are outside the process. A file holds
// the chunk's key and its lines, and the key again before further lines, so
// that the next process sends the same batch under the same key, and the
// receiver can tell that it has it.
type kept struct {
	name  string // of the file; empty: none
	lines int    // of chunk.ends, from the front, that are in it
}

// Keep copies to k what is pending and not there yet. What is delivered or
// dropped is removed there, by the flush that delivers it or by the next Keep.
// It waits for the file system and for nothing else, and Put never waits for
// it. Always the same k.
func (b *Buffer) Keep(k Keeper) error {
	b.keeping.Lock()
	defer b.keeping.Unlock()
	b.keeper = k
	return b.keep()
}

// keep needs b.keeping: a file may be written at this moment.
func (b *Buffer) keep() error {
	b.removeDead()
	for {
		c, name, records, before := b.unkept()
		if c == nil {
			break
		}
		if err := b.keeper.Append(name, records...); err != nil {
			b.unkeep(c, name, before)
			return err
		}
	}
	if cap(b.copied) > 2*DefaultBatchBytes {
		b.copied = nil
	}
	return nil
}

// unkept returns copies of the lines of one chunk that are not kept yet, and
// takes it that they will be. They are valid until the next call.
func (b *Buffer) unkept() (c *chunk, name string, records [][]byte, before kept) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.chunks {
		if c.kept.lines >= len(c.ends) {
			continue
		}
		before := c.kept
		if c.kept.name == "" {
			if c.key == "" {
				c.key = newKey()
			}
			c.kept.name = fileName(c.key)
		}
		records = append(records, []byte(c.key))
		batch := c.batchFrom(max(c.kept.lines, c.head))
		b.copied = append(b.copied[:0], batch.Bytes()...)
		batch.data = b.copied
		for line := range batch.Lines() {
			records = append(records, line)
		}
		c.kept.lines = len(c.ends)
		return c, c.kept.name, records, before
	}
	return nil, "", nil, kept{}
}

// fileName sorts by time, so that the next process finds the oldest first.
func fileName(key string) string {
	at := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
	return hex.EncodeToString(at) + "-" + key
}

// unkeep takes back what unkept assumed, unless the chunk is gone meanwhile.
func (b *Buffer) unkeep(c *chunk, name string, before kept) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.kept.name == name {
		c.kept = before
	}
}

// buryLocked takes note that a chunk's file has no use any more.
func (b *Buffer) buryLocked(c *chunk) {
	if c.kept.name != "" {
		b.dead = append(b.dead, c.kept.name)
	}
	c.kept = kept{}
}

// clean removes the files that have no use any more, and keeps anew what is
// left of a batch that went in part. It is called where somebody may wait for
// the file system.
func (b *Buffer) clean() {
	b.mu.Lock()
	none := len(b.dead) == 0
	b.mu.Unlock()
	if none {
		return
	}
	b.keeping.Lock()
	defer b.keeping.Unlock()
	_ = b.keep() // the next Keep tells what is wrong
}

func (b *Buffer) removeDead() {
	b.mu.Lock()
	dead := b.dead
	b.dead = nil
	b.mu.Unlock()
	for _, name := range dead {
		b.keeper.Remove(name)
	}
}

// Adopt takes over the lines of a batch that an earlier process kept under the
// name, with the key it may have tried to send them under. They go before all
// that is put from now on. Lines that find no room are counted as lost, the
// oldest first.
func (b *Buffer) Adopt(k Keeper, name, key string, lines [][]byte) {
	b.keeping.Lock() // guards keeper
	defer b.keeping.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keeper = k
	room, from := b.opt.MaxBytes-b.used, len(lines)
	for from > 0 && room >= len(lines[from-1])+1+lineOverhead && !b.closed {
		from--
		room -= len(lines[from]) + 1 + lineOverhead
	}
	c := &chunk{key: key, sealed: true, kept: kept{name: name}}
	for i, line := range lines {
		size := len(line) + 1
		b.stats.Received.add(1, size)
		b.stats.Adopted.add(1, size)
		if i < from {
			b.stats.lose(Overflow, 1, size)
			continue
		}
		c.append(line)
		b.used += size + lineOverhead
		b.stats.Pending.add(1, size)
	}
	c.kept.lines = len(c.ends)
	if c.empty() {
		b.buryLocked(c)
		return
	}
	b.chunks = append(b.chunks, c)
}
