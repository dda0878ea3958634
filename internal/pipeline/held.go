package pipeline

import "encoding/binary"

// heldLines are the lines that are held of one attempt.
type heldLines struct {
	released bool // a bad end is known: lines pass
	segments []*segment
	bytes    int
	let      uint32 // lines that were released
	dropped  uint32 // lines that there was no room for
}

// heldAs is how a line leaves when it is let go.
type heldAs struct {
	known bool // the log group has it already

	// Of a line that was read where it was written:
	stream  uint16 // which; 0: it was not
	header  uint8  // bytes of its frame's header, in front of the line
	newline bool
	object  bool
}

// append writes what stands before a line: its length, and how it leaves.
func (a heldAs) append(dst []byte, length int) []byte {
	bits := byte(0)
	for i, set := range [...]bool{a.known, a.newline, a.object} {
		if set {
			bits |= 1 << i
		}
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(length))
	return append(binary.LittleEndian.AppendUint16(dst, a.stream), a.header, bits)
}

func readHeldAs(b []byte) (a heldAs, length int) {
	bits := b[7]
	return heldAs{
		known: bits&1 != 0, newline: bits&2 != 0, object: bits&4 != 0,
		stream: binary.LittleEndian.Uint16(b[4:]), header: b[6],
	}, int(binary.LittleEndian.Uint32(b))
}

// segment is a run of lines, each behind its length and how it leaves.
type segment struct {
	seq   uint64 // order of all segments
	buf   []byte
	lines int
}

func (h *heldLines) last() *segment {
	if len(h.segments) == 0 {
		return nil
	}
	return h.segments[len(h.segments)-1]
}

// lines shows what is held, in order.
func (h *heldLines) lines(show func(line []byte, as heldAs)) {
	for _, s := range h.segments {
		for rest := s.buf; len(rest) > 0; {
			as, n := readHeldAs(rest)
			show(rest[lineHeader:lineHeader+n], as)
			rest = rest[lineHeader+n:]
		}
	}
}

func (h *heldLines) drop(r *recorder, lines int) {
	h.dropped += uint32(lines)
	r.dropped += uint64(lines)
}

// extend makes room for a new segment and adds it.
func (r *recorder) extend(h *heldLines, size int) *segment {
	for h.bytes+size > r.each && len(h.segments) > 0 {
		r.dropOldest(h)
	}
	for r.used+size > r.total {
		r.dropOldest(r.oldest())
	}
	s := r.newSegment(size)
	h.segments = append(h.segments, s)
	h.bytes += cap(s.buf)
	r.used += cap(s.buf)
	return s
}

func (r *recorder) newSegment(size int) *segment {
	r.seq++
	if n := len(r.spares); size == r.segment && n > 0 {
		s := r.spares[n-1]
		r.spares = r.spares[:n-1]
		s.seq = r.seq
		return s
	}
	return &segment{seq: r.seq, buf: make([]byte, 0, size)}
}

// oldest returns the attempt's lines with the oldest segment. There is one
// whenever bytes are in use.
func (r *recorder) oldest() *heldLines {
	var oldest *heldLines
	for h := range r.holders {
		if len(h.segments) > 0 && (oldest == nil || h.segments[0].seq < oldest.segments[0].seq) {
			oldest = h
		}
	}
	return oldest
}

// dropOldest gives up the first segment.
func (r *recorder) dropOldest(h *heldLines) {
	lines := h.segments[0].lines
	r.holding -= uint64(lines)
	h.drop(r, lines)
	r.free(h, 1)
}

// free gives back the first n segments.
func (r *recorder) free(h *heldLines, n int) {
	for _, s := range h.segments[:n] {
		h.bytes -= cap(s.buf)
		r.used -= cap(s.buf)
		if cap(s.buf) == r.segment && len(r.spares) < maxSpares {
			s.buf, s.lines = s.buf[:0], 0
			r.spares = append(r.spares, s)
		}
	}
	kept := copy(h.segments, h.segments[n:])
	clear(h.segments[kept:])
	h.segments = h.segments[:kept]
}
