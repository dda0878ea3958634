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
	select {
	case <-o.turn:
	case <-ctx.Done():
		return fmt.Errorf("flush: %w", ctx.Err())
	}
	defer func() { o.turn <- struct{}{} }()
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

// send makes one attempt and settles the batch whatever happens: a panic of
// the sender must not leave the buffer waiting for ever.
func (o *Outlet) send(ctx context.Context, b Batch) error {
	delivered, keep := 0, false
	defer func() { o.settle(delivered, keep) }()
	n, err := o.sender.Send(ctx, b)
	if err == nil {
		delivered = b.Len()
		return nil
	}
	delivered, keep = min(max(n, 0), b.Len()), canRetry(err)
	return err
}

func canRetry(err error) bool {
	var retry *RetryableError
	return errors.As(err, &retry)
}
