package emf

import (
	"bytes"
	"encoding/json"
	"time"
)

// record is the way of one sample: checked without the lock, then admitted by
// the guard, then added in portions of at most MaxValues. Between portions the
// finished documents leave, so that memory stays bounded by a document and not
// by what the caller sends.
func (a *Aggregator) record(s *Sample) *LimitError {
	v := a.newView()
	defer a.release(v)
	now := a.opt.Now().Round(0) // wall clock: the other one may stand still in a freeze
	err := v.load(s, a.base, a.opt.Namespace, now)
	if err == nil && !a.opt.Disabled {
		err = a.take(v, s.Values, now)
	}
	if err != nil {
		a.Reject(err)
		return err
	}
	a.recorded.Add(1)
	if s.Namespace == "" && !a.opt.Disabled && a.defaulted.CompareAndSwap(false, true) {
		a.opt.OnDefault()
	}
	return nil
}

func (a *Aggregator) take(v *view, values []float64, now time.Time) *LimitError {
	if admitted, first := a.admit(v); !admitted {
		if first {
			a.opt.OnOverflow(a.opt.MaxSets)
		}
		if err := v.overflow(a.base); err != nil {
			return err
		}
		a.overflowed.Add(1)
	}
	out := a.newBatch()
	defer a.discard(out)
	for len(values) > 0 {
		n, err := a.add(v, values, now, out)
		if err != nil {
			return err
		}
		values = values[n:]
		a.emit(out)
	}
	return nil
}

func (a *Aggregator) admit(v *view) (admitted, first bool) {
	if !v.own {
		return true, false // the default dimensions are one set and always welcome
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.guard.admit(v.key[:v.setKey])
}

// mostKinds bounds the kinds of refusals that are told apart. There are fewer;
// a caller of Reject may have words of its own.
const mostKinds = 100

// Reject counts a refusal. Record does so itself: this is for a sample that
// was found wrong before it was one.
func (a *Aggregator) Reject(err *LimitError) {
	if a.count(err.Kind()) {
		a.opt.OnReject(err)
	}
}

// count reports whether the kind is new.
func (a *Aggregator) count(kind string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rejected[kind] == 0 && len(a.rejected) >= mostKinds {
		kind = "other"
	}
	a.rejected[kind]++
	return a.rejected[kind] == 1
}

// Skip counts a dimension without a value, which its sample goes without, as
// in the Powertools libraries.
func (a *Aggregator) Skip() { a.skipped.Add(1) }

// add puts the first of the values into their document and reports how many.
// Only the first portion of a sample can be refused: what refuses it, another
// unit in the same document, is gone when that document is full.
func (a *Aggregator) add(v *view, values []float64, now time.Time, out *batch) (int, *LimitError) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := &v.metric[0]
	doc, i, err := a.pending.find(v.key, v.doc.Time, m)
	if err != nil {
		return 0, err
	}
	n, cost := doc.portion(i, m, len(values))
	if doc != nil && (i < 0 && len(doc.Metrics) == MaxMetrics || doc.cost+cost > a.opt.SplitBytes) {
		a.closeLocked(doc, now, out)
		doc, i = nil, -1
		n, cost = doc.portion(i, m, len(values))
	}
	if doc == nil {
		doc = a.pending.open(v)
	}
	held := doc.put(i, m, values[:n])
	doc.cost += cost
	a.pending.bytes += cost
	if held == MaxValues {
		a.closeLocked(doc, now, out)
	}
	if a.pending.bytes > a.opt.MaxPendingBytes {
		a.closeAllLocked(now, out)
	}
	return n, nil
}

func (a *Aggregator) closeAll(now time.Time, out *batch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closeAllLocked(now, out)
}

func (a *Aggregator) closeAllLocked(now time.Time, out *batch) {
	for _, doc := range a.pending.order {
		a.printLocked(doc, now, out)
	}
	a.pending.reset()
}

func (a *Aggregator) closeLocked(doc *openDocument, now time.Time, out *batch) {
	a.printLocked(doc, now, out)
	a.pending.remove(doc)
}

// printLocked encodes the document into the batch.
func (a *Aggregator) printLocked(doc *openDocument, now time.Time, out *batch) {
	buf, err := a.encode(out.buf, doc, now)
	if err != nil {
		a.dropped++
		return
	}
	out.buf = buf
	out.ends = append(out.ends, len(buf))
	a.documents++
}

// encode adds the document to dst. It can only fail for a document that became
// too old while the sandbox was frozen; CloudWatch would skip that one in
// silence, so it is counted.
func (a *Aggregator) encode(dst []byte, doc *openDocument, now time.Time) ([]byte, error) {
	if err := checkTime(doc.Time, now); err != nil {
		return dst, err
	}
	buf, err := AppendDocument(dst, doc.Document)
	if err != nil {
		return dst, err
	}
	if a.opt.Indent {
		buf = indent(buf, len(dst))
	}
	return buf, nil
}

// indent lays out the document that begins at start.
func indent(buf []byte, start int) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, buf[start:], "", "    "); err != nil {
		return buf
	}
	return append(buf[:start], b.Bytes()...)
}

// batch is printed documents on their way out.
type batch struct {
	buf  []byte
	ends []int // of each document in buf
}

func (a *Aggregator) newBatch() *batch {
	if out, ok := a.batches.Get().(*batch); ok {
		return out
	}
	return &batch{}
}

// discard keeps a batch for the next time, unless it grew beyond the usual.
func (a *Aggregator) discard(out *batch) {
	const usual = 64 << 10
	if cap(out.buf) <= usual {
		a.batches.Put(out)
	}
}

// emit hands the batch to Out and empties it. It runs without the lock: Out
// may be slow, and may record.
func (a *Aggregator) emit(out *batch) {
	start := 0
	for _, end := range out.ends {
		a.opt.Out(out.buf[start:end:end])
		start = end
	}
	out.buf, out.ends = out.buf[:0], out.ends[:0]
}
