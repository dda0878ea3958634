package app

import (
	"context"
	"testing"

	"go.uber.org/zap"
)

type countingFlusher struct{ flushed chan struct{} }

func (c countingFlusher) Flush(context.Context) error {
	c.flushed <- struct{}{}
	return nil
}

// A batch may be handled after the writer has stopped: waking it then must
// not panic.
func TestWakeAfterStop(t *testing.T) {
	out := countingFlusher{make(chan struct{})}
	w := newWriter(out, zap.NewNop())
	w.wake()
	<-out.flushed
	w.stop()
	w.wake()
	w.wake()
}
