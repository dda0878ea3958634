// Package sink holds lines until they can leave the sandbox, in a buffer that
// is bounded by bytes, and moves them out in batches.
//
// The rule a reader could break: Put never waits and never fails. When there
// is no room the oldest whole lines go, and every line is accounted for:
// received = delivered + dropped + pending, in lines and in bytes, always.
//
// A line is bytes. This package knows nothing of events, levels or metrics.
//
// An Outlet is for a way out that is local and answers at once. A Guarded is
// an Outlet whose receiver may hang, refuse or be gone.
package sink

import (
	"context"
	"iter"
	"time"
)

// Defaults of Options.
const (
	DefaultMaxBytes   = 4 << 20
	DefaultBatchBytes = 64 << 10
)

// Options bounds a Buffer.
type Options struct {
	// MaxBytes bounds what is pending: the lines with their newlines and 16
	// bytes of bookkeeping for each. 0 means DefaultMaxBytes.
	MaxBytes int

	// BatchBytes bounds one batch, newlines included; a longer line travels
	// alone. 0 means DefaultBatchBytes, the capacity of a Linux pipe.
	BatchBytes int

	// BatchLines bounds the lines of one batch. 0 means no bound.
	BatchLines int
}

// Sender moves one batch out of the sandbox.
//
// It returns how many lines, counted from the front, have left for good. With
// a nil error that is all of them. The lines behind them stay pending when
// the error is a *RetryableError, and are dropped with any other error. A
// *PartialError says it line by line.
//
// A Sender is never called twice at the same time. The batch is valid only
// during the call.
type Sender interface {
	Send(ctx context.Context, b Batch) (lines int, err error)
}

// RetryableError marks a failure that the same batch may survive later, such
// as a throttled or unreachable receiver.
type RetryableError struct {
	Err   error
	After time.Duration // the pause the receiver asked for; 0: it did not
}

// Error returns the cause's text.
func (e *RetryableError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RetryableError) Unwrap() error { return e.Err }

// Batch is a run of whole lines in the order they were put.
//
// It aliases the buffer: do not keep it.
type Batch struct {
	// ID is the same for every attempt to send these lines, so that a
	// receiver can tell a repetition. Ids grow; the first one is 1.
	ID uint64

	// Attempt counts the attempts, from 1.
	Attempt int

	// Key is the same for every attempt, like ID, and unique over all sandboxes:
	// 32 hexadecimal digits, random. Empty unless the outlet is Guarded.
	Key string

	data  []byte
	ends  []int32 // end of each line in data's origin, newline included
	start int32   // where data begins in its origin
}

// Bytes returns the lines as one piece, each ended by a newline.
func (b Batch) Bytes() []byte { return b.data }

// Len returns the number of lines.
func (b Batch) Len() int { return len(b.ends) }

// Line returns line i without its newline. A line may itself hold newlines.
func (b Batch) Line(i int) []byte {
	from := int32(0)
	if i > 0 {
		from = b.ends[i-1] - b.start
	}
	return b.data[from : b.ends[i]-b.start-1]
}

// Lines iterates over the lines without their newlines.
func (b Batch) Lines() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range b.ends {
			if !yield(b.Line(i)) {
				return
			}
		}
	}
}

// Count is a number of lines and their bytes, newlines included.
type Count struct {
	Lines uint64 `json:"lines"`
	Bytes uint64 `json:"bytes"`
}

func (c *Count) add(lines int, bytes int) {
	c.Lines += uint64(lines)
	c.Bytes += uint64(bytes)
}

// Stats says what became of every line put so far.
type Stats struct {
	Received  Count `json:"received"`  // put, or adopted
	Adopted   Count `json:"adopted"`   // of those, taken over from an earlier process
	Delivered Count `json:"delivered"` // left the sandbox
	Dropped   Count `json:"dropped"`   // given up: no room, or refused for good by the receiver
	Pending   Count `json:"pending"`   // held, those on their way included

	// Losses are the same lines as Dropped, by reason.
	Losses Losses `json:"-"`
}

// lose counts dropped lines.
func (s *Stats) lose(why Reason, lines, bytes int) {
	s.Dropped.add(lines, bytes)
	s.Losses[why].add(lines, bytes)
}
