package pipeline

import (
	"encoding/binary"
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

	maxSegment  = 4 << 10
	minSegment  = 256
	maxSpares   = 16
	maxVerdicts = 64
	lineHeader  = 4
	knownBit    = 1 << 31
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

	open     map[string]*tape
	used     int
	seq      uint64
	spares   []*segment
	verdicts [maxVerdicts]verdict // of the last invocations that ended
	next     int

	holding, released, forgotten, dropped uint64 // lines
}

// verdict is how an invocation ended, for its lines that come later.
type verdict struct {
	id  string
	bad bool
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

// tape returns the invocation's, and makes it with its first line.
func (r *recorder) tape(id string) *tape {
	t := r.open[id]
	if t == nil {
		if r.open == nil {
			r.open = make(map[string]*tape)
		}
		t = &tape{}
		r.open[id] = t
	}
	return t
}

// verdict returns how an invocation ended, if that is remembered.
func (r *recorder) verdict(id string) (bad bool) {
	for i := range r.verdicts {
		if r.verdicts[i].id == id {
			return r.verdicts[i].bad
		}
	}
	return false
}

// hold keeps a copy of the line.
func (r *recorder) hold(t *tape, line []byte, known bool) {
	need := lineHeader + len(line)
	if need > r.each || len(line) > math.MaxInt32 {
		t.drop(r, 1)
		return
	}
	s := t.last()
	if s == nil || cap(s.buf)-len(s.buf) < need {
		s = r.extend(t, max(need, r.segment))
	}
	head := uint32(len(line))
	if known {
		head |= knownBit
	}
	s.buf = append(binary.LittleEndian.AppendUint32(s.buf, head), line...)
	s.lines++
	r.holding++
}

// release hands out what the tape holds, in order and never twice, and lets
// later lines of the invocation pass.
func (r *recorder) release(t *tape, put func(line []byte, known bool)) {
	if t.released {
		return
	}
	t.released = true
	t.lines(put)
	for _, s := range t.segments {
		r.holding -= uint64(s.lines)
		r.released += uint64(s.lines)
		t.let += uint32(s.lines)
	}
	r.free(t, len(t.segments))
}

// end forgets the invocation. What its tape still holds goes, as all went
// well; the caller has released it otherwise.
func (r *recorder) end(id string, bad bool) (t tape) {
	if held := r.open[id]; held != nil {
		for _, s := range held.segments {
			r.holding -= uint64(s.lines)
			r.forgotten += uint64(s.lines)
		}
		r.free(held, len(held.segments))
		delete(r.open, id)
		t = *held
		bad = bad || t.released // an ERROR that was caught: its late lines pass, as the others did
	}
	r.verdicts[r.next] = verdict{id: id, bad: bad}
	r.next = (r.next + 1) % maxVerdicts
	return t
}
