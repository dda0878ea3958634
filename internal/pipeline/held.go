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

// segment is a run of lines: four bytes of length, with a bit for lines that
// the log group has already, and the line.
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
func (h *heldLines) lines(show func(line []byte, known bool)) {
	for _, s := range h.segments {
		for rest := s.buf; len(rest) > 0; {
			head := binary.LittleEndian.Uint32(rest)
			n := int(head &^ knownBit)
			show(rest[lineHeader:lineHeader+n], head&knownBit != 0)
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
