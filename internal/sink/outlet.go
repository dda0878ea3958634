package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Outlet is a buffer and the one way out of it. Safe for concurrent use; Put
// and Stats are the buffer's.
type Outlet struct {
	*Buffer
	sender Sender
	turn   chan struct{} // holds a token while nobody flushes
}

// NewOutlet joins a buffer and its sender. A buffer belongs to one outlet.
func NewOutlet(buf *Buffer, s Sender) *Outlet {
	o := &Outlet{Buffer: buf, sender: s, turn: make(chan struct{}, 1)}
	o.turn <- struct{}{}
	return o
}

// NewStream returns an outlet that writes to w, which is usually stdout.
func NewStream(w io.Writer, opt Options) *Outlet {
	return NewOutlet(NewBuffer(opt), NewWriter(w))
}

// Flush sends what is pending, on the caller's goroutine, until nothing is
// left, the sender fails, or ctx ends. One flush runs at a time; another
// caller waits for it. The error is the sender's or the context's: the lines
// are accounted for already, so it is for the log only.
func (o *Outlet) Flush(ctx context.Context) error {
	if err := o.enter(ctx); err != nil {
		return err
	}
	defer o.leave()
	for ctx.Err() == nil {
		b, ok := o.take()
		if !ok {
			return nil
		}
		if err := o.send(ctx, b); err != nil {
			return fmt.Errorf("flush: %w", err)
		}
	}
	return fmt.Errorf("flush: %w", ctx.Err())
}

// enter waits for the turn to flush.
func (o *Outlet) enter(ctx context.Context) error {
	select {
	case <-o.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("flush: %w", ctx.Err())
	}
}

func (o *Outlet) leave() { o.turn <- struct{}{} }

// send makes one attempt and settles the batch whatever happens: a panic of
// the sender must not leave the buffer waiting for ever.
func (o *Outlet) send(ctx context.Context, b Batch) error {
	v := verdict{reason: Defect}
	defer func() { o.settle(v) }()
	n, err := o.sender.Send(ctx, b)
	v = judge(b, n, err)
	return err
}

// judge reads a sender's answer.
func judge(b Batch, n int, err error) verdict {
	v := verdict{delivered: b.Len(), reason: Refused}
	if err == nil {
		return v
	}
	v.delivered = min(max(n, 0), b.Len())
	v.keep, v.reason = canRetry(err), lossOf(err)
	if partial := asPartial(err); partial != nil {
		v.partial, v.keep = partial, true
	}
	return v
}

// lossOf is the reason for which the lines of a failed batch are dropped.
func lossOf(err error) Reason {
	var off *DisabledError
	switch {
	case errors.As(err, &off):
		return Disabled
	case errors.Is(err, errPanic):
		return Defect
	}
	return Refused
}

func asPartial(err error) *PartialError {
	var partial *PartialError
	errors.As(err, &partial)
	return partial
}

func canRetry(err error) bool {
	var retry *RetryableError
	return errors.As(err, &retry)
}
