package logpipe

import "bytes"

// Bounds of what one channel holds.
const (
	readSize  = 64 << 10  // most that is read at once
	leastRoom = 16 << 10  // for a read
	mostHeld  = 256 << 10 // of a line or a frame; what is longer passes in parts
)

// kind says what an item is.
type kind uint8

const (
	none    kind = iota // nothing is whole yet
	whole               // a line, or a frame
	part                // of a line: of one that is too long or has no end yet, or what follows such a part
	header              // of a frame that is too long
	piece               // of its body, whose length is known already
	asItIs              // no frame, or one that was cut
	noFrame             // from here on there are no frames
)

// item is the beginning of what was read and is not settled.
type item struct {
	kind    kind
	all     []byte
	header  int // of all, the frame's
	newline bool
}

// text is the line without its newline.
func (it *item) text() []byte {
	t := it.all[it.header:]
	if it.newline {
		t = t[:len(t)-1]
	}
	return t
}

// cutter takes the bytes of a channel apart. Its state is what it has seen of
// a line or a frame that went out in parts.
type cutter struct {
	framed bool
	raw    bool // the framed channel holds no frames
	cut    bool // a part of the line has left: the rest is a part, too
	skip   int  // bytes of the frame that are to pass
}

// end says what is known of what comes behind the bytes.
type end uint8

const (
	open   end = iota // more
	pause             // nobody knows: what is there goes out
	noMore            // nothing: the writers are gone
)

// next is the first item of b.
func (c *cutter) next(b []byte, behind end) item {
	switch {
	case len(b) == 0:
		return item{}
	case c.raw:
		return item{kind: asItIs, all: b}
	case c.framed:
		return c.frame(b, behind)
	}
	return c.line(b, behind)
}

func (c *cutter) line(b []byte, behind end) item {
	i := bytes.IndexByte(b, '\n')
	if c.cut {
		if i < 0 {
			return item{kind: part, all: b}
		}
		c.cut = false
		return item{kind: part, all: b[:i+1]}
	}
	switch {
	case i > mostHeld:
		c.cut = true
		return item{kind: part, all: b[:mostHeld]}
	case i >= 0:
		return item{kind: whole, all: b[:i+1], newline: true}
	case behind == noMore && len(b) <= mostHeld:
		return item{kind: whole, all: b}
	case behind != open || len(b) > mostHeld:
		c.cut = true
		return item{kind: part, all: b[:min(len(b), mostHeld)]}
	}
	return item{}
}

func (c *cutter) frame(b []byte, behind end) item {
	if c.skip > 0 {
		n := min(c.skip, len(b))
		c.skip -= n
		return item{kind: piece, all: b[:n]}
	}
	size, length, ok := frameHeader(b)
	switch {
	case !ok:
		c.raw = true
		return item{kind: noFrame}
	case size > 0 && length > mostHeld:
		c.skip = length
		return item{kind: header, all: b[:size]}
	case size > 0 && len(b) >= size+length:
		all := b[:size+length]
		return item{kind: whole, all: all, header: size, newline: length > 0 && all[len(all)-1] == '\n'}
	case behind == noMore:
		return item{kind: asItIs, all: b} // cut by a crash
	}
	return item{}
}
