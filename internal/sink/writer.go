package sink

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
)

// Writer sends batches to a stream. What it writes is whole lines: after a
// write that broke off inside a line, the next one begins on a new line, so
// that one torn line never spoils its neighbour.
type Writer struct {
	w    io.Writer
	torn bool // the stream ends inside a line

	writes, short, failed atomic.Uint64
}

// NewWriter returns a sender to w. A broken pipe behind an *os.File is an
// error here, and never ends the process.
func NewWriter(w io.Writer) *Writer {
	if f, ok := w.(*os.File); ok {
		w = plainFile(f)
	}
	return &Writer{w: w}
}

// WriterStats counts what happened on a stream.
type WriterStats struct {
	Writes uint64 // calls of Write
	Short  uint64 // writes that took only a part
	Failed uint64 // writes that ended in an error
}

// Stats returns the counts so far.
func (w *Writer) Stats() WriterStats {
	return WriterStats{Writes: w.writes.Load(), Short: w.short.Load(), Failed: w.failed.Load()}
}

// Send writes the batch. A closed stream (EPIPE) refuses for good, and its
// lines are dropped; any other trouble may pass, so they stay pending.
//
// A write cannot be interrupted: ctx is not looked at.
func (w *Writer) Send(_ context.Context, b Batch) (int, error) {
	if err := w.mend(); err != nil {
		return 0, retryable(err)
	}
	data, written := b.Bytes(), 0
	for written < len(data) {
		n, err := w.write(data[written:])
		written += n
		if err != nil {
			lines := wholeLines(b, written)
			w.torn = written > 0 && data[written-1] != '\n'
			return lines, retryable(err)
		}
	}
	return b.Len(), nil
}

// mend ends a line that an earlier write left open.
func (w *Writer) mend() error {
	if !w.torn {
		return nil
	}
	if _, err := w.write([]byte{'\n'}); err != nil {
		return err
	}
	w.torn = false
	return nil
}

// write makes one call of Write, counts it, and distrusts its answer: a
// writer that takes nothing and reports no error would be tried for ever.
func (w *Writer) write(p []byte) (int, error) {
	w.writes.Add(1)
	n, err := w.w.Write(p)
	n = min(max(n, 0), len(p))
	if n < len(p) {
		w.short.Add(1)
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
	}
	if n == len(p) {
		return n, nil
	}
	if errors.Is(err, io.ErrShortWrite) && n > 0 {
		return n, nil // the rest is tried at once
	}
	if err != nil {
		w.failed.Add(1)
	}
	return n, err
}

// wholeLines counts the lines that end within the first n bytes.
func wholeLines(b Batch, n int) int {
	lines := 0
	for lines < b.Len() && int(b.ends[lines]-b.start) <= n {
		lines++
	}
	return lines
}

// retryable marks the errors that may pass.
func retryable(err error) error {
	for _, gone := range []error{syscall.EPIPE, syscall.EBADF, os.ErrClosed, fs.ErrClosed, io.ErrClosedPipe} {
		if errors.Is(err, gone) {
			return err
		}
	}
	return &RetryableError{Err: err}
}
