package sink

// lineOverhead is what a line costs beside its bytes. Without it a flood of
// empty lines would be almost free to the bound and not to the memory.
const lineOverhead = 16

// chunk is a run of lines that will travel as one batch. Its head moves
// forward as lines are delivered or dropped; its memory is reused whole.
type chunk struct {
	id      uint64
	key     string
	attempt int
	buf     []byte
	ends    []int32 // end of each line in buf, newline included
	head    int     // first line that is still pending
	sealed  bool    // takes no more lines: they are an earlier process's batch
	kept    kept
}

func (c *chunk) empty() bool { return c.head == len(c.ends) }

// start is the offset of the first pending line.
func (c *chunk) start() int32 {
	if c.head == 0 {
		return 0
	}
	return c.ends[c.head-1]
}

// append adds a line and its newline.
func (c *chunk) append(line []byte) {
	c.buf = append(append(c.buf, line...), '\n')
	c.ends = append(c.ends, int32(len(c.buf)))
}

// pop gives up the first n pending lines and returns their bytes.
func (c *chunk) pop(n int) int {
	from := c.start()
	c.head += n
	return int(c.start() - from)
}

// lines returns the number of pending lines.
func (c *chunk) lines() int { return len(c.ends) - c.head }

// batch shows the pending lines.
func (c *chunk) batch() Batch { return c.batchFrom(c.head) }

// batchFrom shows the lines from the i-th on.
func (c *chunk) batchFrom(i int) Batch {
	start := int32(0)
	if i > 0 {
		start = c.ends[i-1]
	}
	return Batch{ID: c.id, Key: c.key, Attempt: c.attempt, data: c.buf[start:], ends: c.ends[i:], start: start}
}

// reset makes the chunk ready for another run of lines.
func (c *chunk) reset() {
	c.id, c.key, c.attempt, c.head = 0, "", 0, 0
	c.sealed, c.kept = false, kept{}
	c.buf, c.ends = c.buf[:0], c.ends[:0]
}
