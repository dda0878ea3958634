// Package items knows which record of which batch an invocation of the
// runtime is about, for lines that name it and for who asks while it runs.
//
// The rule a reader could break: a record is named only where an id names it.
// A line without one is its batch's, and no record's by its time.
package items

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/batch"
)

// Item is one record of a batch.
type Item struct {
	Whole         string // the invocation as Lambda knows it
	Record        string // the record's id
	CorrelationID string // found in the record; empty: none
}

// maxBytes bounds the ids that are kept for late lines.
const maxBytes = 2 << 20

// Book is the records of the last batches. Safe for concurrent use; a nil Book
// has none.
type Book struct {
	log *zap.Logger

	mu      sync.Mutex
	batches map[string]*entry
	order   []string // oldest first
	bytes   int
}

type entry struct {
	records      []string // by their place; empty: it did not run
	correlations map[int]string
	running      int // -1: none
	counts       *batch.Counts
	partial      bool
	bytes        int
}

// New returns an empty book.
func New(log *zap.Logger) *Book {
	return &Book{log: log.Named("batch"), batches: make(map[string]*entry)}
}

// Began implements middleware.BatchWatch.
func (b *Book) Began(whole, _, record string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entryLocked(whole)
	for len(e.records) <= n {
		e.records = append(e.records, "")
	}
	e.records[n], e.running = record, n
	b.growLocked(e, len(record)+16)
}

// growLocked counts bytes of a batch, and forgets the oldest beyond the bound.
func (b *Book) growLocked(e *entry, n int) {
	e.bytes += n
	b.bytes += n
	for b.bytes > maxBytes && len(b.order) > 1 {
		b.bytes -= b.batches[b.order[0]].bytes
		delete(b.batches, b.order[0])
		b.order = b.order[1:]
	}
}

func (b *Book) entryLocked(whole string) *entry {
	e := b.batches[whole]
	if e == nil {
		e = &entry{running: -1}
		b.batches[whole] = e
		b.order = append(b.order, whole)
		b.growLocked(e, 256)
	}
	return e
}

// Ended implements middleware.BatchWatch: the record does not run any more.
func (b *Book) Ended(whole, _, _ string, _ int, _ time.Duration, _ bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.batches[whole]; e != nil {
		e.running = -1
	}
}

// Over implements middleware.BatchWatch. It keeps how the batch went.
func (b *Book) Over(whole string, counts batch.Counts, partial bool) {
	if counts.Late > 0 {
		b.log.Warn("there was no time for all records of a batch: the others are reported as failed and come again; a longer time-out or a smaller batch size helps",
			zap.String("function_request_id", whole), zap.Int("records", counts.Records), zap.Int("unprocessed", counts.Late), zap.Int64("slowest_ms", counts.Slowest.Milliseconds()))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entryLocked(whole)
	e.running, e.counts, e.partial = -1, &counts, partial
}

// Counts is how a batch went; nil: it is none, or it has no answer.
func (b *Book) Counts(whole string) (counts *batch.Counts, partial bool) {
	if b == nil {
		return nil, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.batches[whole]; e != nil {
		return e.counts, e.partial
	}
	return nil, false
}

// Correlate gives a record its correlation id. False: the id is no record's.
func (b *Book) Correlate(piece, id string) bool {
	whole, n, ok := cut(piece)
	if b == nil || !ok {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.batches[whole]
	if e == nil || n >= len(e.records) || e.records[n] == "" {
		return false
	}
	if e.correlations == nil {
		e.correlations = make(map[int]string)
	}
	e.correlations[n] = id
	b.growLocked(e, len(id)+32)
	return true
}

// cut takes the id of a piece apart: that of the whole, a dash and a number as
// it is written there.
func cut(piece string) (whole string, n int, ok bool) {
	at := strings.LastIndexByte(piece, '-')
	if at <= 0 {
		return "", 0, false
	}
	digits := piece[at+1:]
	n, err := strconv.Atoi(digits)
	return piece[:at], n, err == nil && n >= 0 && strconv.Itoa(n) == digits
}

// Find is the record that a piece's id stands for.
func (b *Book) Find(piece string) (Item, bool) {
	whole, n, ok := cut(piece)
	if b == nil || !ok {
		return Item{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.itemLocked(whole, n)
}

func (b *Book) itemLocked(whole string, n int) (Item, bool) {
	e := b.batches[whole]
	if e == nil || n >= len(e.records) || e.records[n] == "" {
		return Item{}, false
	}
	return Item{whole, e.records[n], e.correlations[n]}, true
}

// Whole is the id that Lambda gave, for that of a record's invocation too.
func (b *Book) Whole(id string) string {
	if item, is := b.Find(id); is {
		return item.Whole
	}
	return id
}

// Asked is the record that is asked about: the one of the id, else the one
// that runs in the request.
func (b *Book) Asked(id, request string) (Item, bool) {
	if item, is := b.Find(id); is {
		return item, true
	}
	return b.Running(request)
}

// Running is the record of a batch that a runtime has now.
func (b *Book) Running(whole string) (Item, bool) {
	if b == nil {
		return Item{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.batches[whole]; e != nil && e.running >= 0 {
		return b.itemLocked(whole, e.running)
	}
	return Item{}, false
}

// lenID is the length of Lambda's ids.
const lenID = 36

// IsID knows the form of request ids, and of those of a batch's records: a dash
// and digits behind. Whether it is one of ours is another matter.
func IsID(w []byte) bool {
	if len(w) < lenID || w[8] != '-' || w[13] != '-' || w[18] != '-' || w[23] != '-' {
		return false
	}
	rest := w[lenID:]
	return len(rest) == 0 || len(rest) > 1 && rest[0] == '-' && len(bytes.Trim(rest[1:], "0123456789")) == 0
}

// Of is the record that a line is about: the one that its id stands for, else
// the one that its text names.
func (b *Book) Of(id, text []byte) (Item, bool) {
	if len(id) > lenID {
		if item, ok := b.Find(string(id)); ok {
			return item, true
		}
	}
	return b.In(text)
}

// AppendWhole appends an object that names the record's invocation as its
// request, with the id that Lambda knows in its place.
func AppendWhole(dst, object []byte, item Item) []byte {
	if name := bytes.Index(object, []byte(`"function_request_id"`)); name >= 0 {
		if at := bytes.Index(object[name:], []byte(item.Whole+"-")); at >= 0 {
			from := name + at + len(item.Whole)
			to := from + 1
			for to < len(object) && object[to] >= '0' && object[to] <= '9' {
				to++
			}
			return append(append(dst, object[:from]...), object[to:]...)
		}
	}
	return append(dst, object...)
}

// In is the record that a text names by the id of its piece, if that is one.
func (b *Book) In(text []byte) (found Item, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.batches) == 0 {
		return Item{}, false
	}
	for from := 0; ; {
		dash := bytes.IndexByte(text[from:], '-')
		if dash < 0 {
			return found, ok
		}
		start := from + dash - 8
		from += dash + 1
		if start < 0 || start+lenID+1 >= len(text) || text[start+lenID] != '-' || text[start+13] != '-' || text[start+18] != '-' || text[start+23] != '-' {
			continue
		}
		end := start + lenID + 1
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		whole, n, is := cut(string(text[start:end]))
		item, known := b.itemLocked(whole, n)
		switch {
		case !is || !known:
		case ok && item != found:
			return Item{}, false // of two
		default:
			found, ok, from = item, true, end
		}
	}
}
