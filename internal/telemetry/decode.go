package telemetry

import (
	"bytes"
	"fmt"

	"powertools-extension/internal/jsonbytes"
)

// DecodeError says that elements of a batch could not be read. The others were.
type DecodeError struct {
	Offset int // of the first unreadable element, in bytes from the start of the body
	Count  int // how many could not be read; what lies inside a damaged one and resembles another counts, too
}

// Error returns the count and the offset. It never quotes the body, which may
// hold what the function must not see logged.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("decode telemetry: %d unreadable, the first at byte %d", e.Count, e.Offset)
}

// Decode appends the events of body, a JSON array of them, to dst. Each is
// read on its own: an unreadable one costs itself only, and is reported by a
// *DecodeError beside the others. Missing fields, unknown fields and unknown
// types are no errors (Lambda Telemetry API reference).
//
// Decode owns body from then on: it is rewritten in place and the events'
// Lines alias it. A printed line costs no allocation.
func Decode(dst []Event, body []byte) ([]Event, error) {
	d := newDecoder(body)
	var ev Event
	for d.next(&ev) {
		dst = append(dst, ev)
	}
	if d.bad > 0 {
		return dst, &DecodeError{Offset: d.firstBad, Count: d.bad}
	}
	return dst, nil
}

// decoder hands out the events of one body.
type decoder struct {
	body  []byte
	size  int // of body without white space at its end
	pos   int
	work  int // bytes that may still be scanned in vain
	clock clock

	skip    bool // lines of the function are counted and not read
	skipped int64

	bad      int // unreadable elements so far
	firstBad int // offset of the first of them

	// lost is set from damage to the next event. What is found meanwhile may
	// lie inside a record, so it must look like the platform's to be believed.
	lost bool

	// tail is the offset of the first element since the last event that is
	// damaged only at the very end of the body, or -1, and badBefore is bad
	// without it and what follows. It may be a record that was cut.
	tail, badBefore int
}

func newDecoder(body []byte) decoder {
	// Looking for the next element after a bad one starts inside the bad one,
	// so bytes can be scanned more than once. Nested traps could make that
	// quadratic: the limit is far above what honest damage needs.
	return decoder{
		body: body,
		size: len(bytes.TrimRight(body, " \t\r\n")),
		work: 1<<20 + 4*len(body),
		tail: -1,
	}
}

// next reads the next event into ev, and reports whether there was one.
func (d *decoder) next(ev *Event) bool {
	for {
		d.pos = skipBetween(d.body, d.pos)
		if d.pos >= len(d.body) {
			return false
		}
		start := d.pos
		e, end := scanElement(d.body, start)
		if end < 0 {
			d.damaged(start, jsonbytes.Reach(d.body, end))
			continue
		}
		d.pos = end
		if !e.head(ev, &d.clock) || d.lost && (ev.Kind == KindUnknown || ev.Time.IsZero()) {
			d.unreadable(start)
			continue
		}
		d.lost, d.tail = false, -1
		if d.skip && ev.Kind == KindFunction {
			d.skipped++
			continue
		}
		e.content(ev)
		return true
	}
}

// damaged steps over an element at start that stops being JSON at reached.
func (d *decoder) damaged(start, reached int) {
	if d.tail < 0 && reached >= d.size-len("}]") {
		d.tail, d.badBefore = start, d.bad
	}
	d.unreadable(start)
	d.work -= reached - start
	d.lost = true
	d.resync(start)
}

func (d *decoder) unreadable(at int) {
	if d.bad == 0 {
		d.firstBad = at
	}
	d.bad++
}

// skipBetween skips what stands between elements. Brackets are among it, so
// that one in the wrong place cannot end the batch early.
func skipBetween(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ', '\t', '\r', '\n', ',', '[', ']':
			i++
		default:
			return i
		}
	}
	return i
}

// resync moves to the next place behind start where an element seems to begin.
// Inside a valid JSON string the pattern cannot occur, since its quotes would
// be escaped; before a record that is an object stands a colon.
func (d *decoder) resync(start int) {
	pattern := []byte(`{"time":`)
	for i := start + 1; d.work > 0; {
		n := bytes.Index(d.body[i:], pattern)
		if n < 0 {
			break
		}
		i += n
		if before := lastByte(d.body[:i]); before == ',' || before == '[' {
			d.pos = i
			return
		}
		i++
	}
	d.pos = len(d.body)
}

// lastByte returns the last byte of b that is not white space, or 0.
func lastByte(b []byte) byte {
	b = bytes.TrimRight(b, " \t\r\n")
	if len(b) == 0 {
		return 0
	}
	return b[len(b)-1]
}
