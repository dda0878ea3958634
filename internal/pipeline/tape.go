package pipeline

import "encoding/binary"

// tape is what is held of one invocation.
type tape struct {
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

func (t *tape) last() *segment {
	if len(t.segments) == 0 {
		return nil
	}
	return t.segments[len(t.segments)-1]
}

// lines shows what the tape holds, in order.
func (t *tape) lines(show func(line []byte, known bool)) {
	for _, s := range t.segments {
		for rest := s.buf; len(rest) > 0; {
			head := binary.LittleEndian.Uint32(rest)
			n := int(head &^ knownBit)
			show(rest[lineHeader:lineHeader+n], head&knownBit != 0)
			rest = rest[lineHeader+n:]
		}
	}
}

func (t *tape) drop(r *recorder, lines int) {
	t.dropped += uint32(lines)
	r.dropped += uint64(lines)
}

// extend makes room for a new segment and adds it.
func (r *recorder) extend(t *tape, size int) *segment {
	for t.bytes+size > r.each && len(t.segments) > 0 {
		r.dropOldest(t)
	}
	for r.used+size > r.total {
		r.dropOldest(r.oldest())
	}
	s := r.newSegment(size)
	t.segments = append(t.segments, s)
	t.bytes += cap(s.buf)
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

// oldest returns the tape with the oldest segment. There is one whenever
// bytes are in use.
func (r *recorder) oldest() *tape {
	var oldest *tape
	for _, t := range r.open {
		if len(t.segments) > 0 && (oldest == nil || t.segments[0].seq < oldest.segments[0].seq) {
			oldest = t
		}
	}
	return oldest
}

// dropOldest gives up the tape's first segment.
func (r *recorder) dropOldest(t *tape) {
	lines := t.segments[0].lines
	r.holding -= uint64(lines)
	t.drop(r, lines)
	r.free(t, 1)
}

// free gives back the tape's first n segments.
func (r *recorder) free(t *tape, n int) {
	for _, s := range t.segments[:n] {
		t.bytes -= cap(s.buf)
		r.used -= cap(s.buf)
		if cap(s.buf) == r.segment && len(r.spares) < maxSpares {
			s.buf, s.lines = s.buf[:0], 0
			r.spares = append(r.spares, s)
		}
	}
	kept := copy(t.segments, t.segments[n:])
	clear(t.segments[kept:])
	t.segments = t.segments[:kept]
}
