package pipeline

import (
	"math"

	"powertools-extension/internal/invocation"
)

// Bounds of the flight recorder's memory.
const (
	// DefaultHoldBytes bounds what is held of all invocations together. On
	// classic sandboxes these are the running one and the one before, whose
	// report is not there yet.
	DefaultHoldBytes = 1 << 20

	// DefaultHoldBytesEach bounds what is held of one invocation.
	DefaultHoldBytesEach = 512 << 10

	maxSegment = 4 << 10
	minSegment = 256
	maxSpares  = 16
	lineHeader = 8
)

// recorder is the flight recorder: it holds the lines of each invocation that
// nobody needs if all goes well. A line is kept as it would have left, so it
// carries its own time, and nothing that is redacted is kept.
//
// Lines live in segments, and a full recorder gives up whole segments, oldest
// first. So the bytes that are counted are the bytes that are taken.
type recorder struct {
	level       invocation.Level // lines of this level and below are held; unknown: off
	total, each int
	segment     int

	holders map[*heldLines]struct{} // of open attempts
	used    int
	seq     uint64
	spares  []*segment

	holding, released, forgotten, dropped uint64 // lines
}

func newRecorder(opt *Options) recorder {
	r := recorder{level: opt.Hold, total: opt.HoldBytes, each: opt.HoldBytesEach}
	if r.total <= 0 {
		r.total = DefaultHoldBytes
	}
	if r.each <= 0 {
		r.each = DefaultHoldBytesEach
	}
	r.each = min(r.each, r.total)
	r.segment = min(max(r.each/16, minSegment), maxSegment, r.each)
	return r
}

// on reports whether anything is ever held.
func (r *recorder) on() bool { return r.level != levelUnknown }

// takes reports whether lines of this level are held. A line that does not
// tell is INFO.
func (r *recorder) takes(l invocation.Level) bool {
	if l == levelUnknown {
		l = levelInfo
	}
	return l <= r.level
}

// lines returns what is held of the attempt, and makes it with the first line.
func (r *recorder) lines(st *attempt) *heldLines {
	if st.held == nil {
		if r.holders == nil {
			r.holders = make(map[*heldLines]struct{})
		}
		st.held = &heldLines{}
		r.holders[st.held] = struct{}{}
	}
	return st.held
}

// hold keeps a copy of the line.
func (r *recorder) hold(h *heldLines, line []byte, as heldAs) {
	need := lineHeader + len(line)
	if need > r.each || len(line) > math.MaxInt32 {
		h.drop(r, 1)
		return
	}
	s := h.last()
	if s == nil || cap(s.buf)-len(s.buf) < need {
		s = r.extend(h, max(need, r.segment))
	}
	s.buf = append(as.append(s.buf, len(line)), line...)
	s.lines++
	r.holding++
}

// release hands out what is held, in order and never twice, and lets
// later lines of the invocation pass.
func (r *recorder) release(h *heldLines, put func(line []byte, as heldAs)) {
	if h.released {
		return
	}
	h.released = true
	h.lines(put)
	for _, s := range h.segments {
		r.holding -= uint64(s.lines)
		r.released += uint64(s.lines)
		h.let += uint32(s.lines)
	}
	r.free(h, len(h.segments))
}

// end forgets what is still held of the attempt, for all went well; the caller
// has released it otherwise. It returns how many lines were released and how
// many had no room.
func (r *recorder) end(st *attempt, bad bool) (let, dropped uint32) {
	st.bad = bad
	h := st.held
	if h == nil {
		return 0, 0
	}
	for _, s := range h.segments {
		r.holding -= uint64(s.lines)
		r.forgotten += uint64(s.lines)
	}
	r.free(h, len(h.segments))
	delete(r.holders, h)
	st.held = nil
	st.bad = bad || h.released // an ERROR that was caught: its late lines pass, as the others did
	return h.let, h.dropped
}
