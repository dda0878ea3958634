package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/flush"
	"powertools-extension/internal/telemetry"
)

// waysOut are the destinations behind a network, when they are flushed, and
// what is kept of them on disk. With stdout alone there are none, and then
// every method does nothing: there is nothing to wait for.
type waysOut struct {
	remotes   remotes
	scheduler *flush.Scheduler // nil: no remote destination
	spool     *batchSpool      // nil: batches are in memory alone
	log       *zap.Logger
	guard     func(step string, f func())
}

// any reports whether there is a remote destination.
func (w *waysOut) any() bool { return w.scheduler != nil }

// start begins what needs no invocation. streams says whether the platform
// sends telemetry; without it there is no end of an invocation to wait for.
func (w *waysOut) start(streams bool) {
	switch {
	case !w.any():
	case streams:
		w.scheduler.Start()
	default:
		w.scheduler.NoStream()
	}
}

// begin takes note of an invocation. It never waits.
func (w *waysOut) begin(id string, deadline time.Time) {
	if w.any() {
		w.scheduler.Begin(id, deadline)
	}
	w.spool.touch()
}

// hold keeps the invocation open while its lines leave, if that is called for.
func (w *waysOut) hold(ctx context.Context) {
	if w.any() {
		w.scheduler.Hold(ctx)
	}
}

// restored is called at the first invocation after a snapshot was restored:
// connections lead nowhere, and files on disk are this sandbox's own.
func (w *waysOut) restored() {
	w.remotes.forget()
	w.spool.recover(true)
}

// handler shows the scheduler the events that it may be waiting for. With
// stdout alone it is the next handler and nothing else.
func (w *waysOut) handler(next telemetry.Handler) telemetry.Handler {
	if !w.any() {
		return next
	}
	return observed{next, w.scheduler}
}

// stop ends the flushes that begin by themselves.
func (w *waysOut) stop() {
	if w.any() {
		w.scheduler.Stop()
	}
}

// last gives every destination its last chance, all at once, and keeps time
// for the ledger. Whatever a destination does, it comes back.
func (w *waysOut) last(ctx context.Context) {
	if !w.any() {
		return
	}
	last, cancel := context.WithTimeout(ctx, lastFlush(ctx))
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.guard("last flush", func() { w.remotes.Flush(last, flush.Last) })
	}()
	select {
	case <-done:
	case <-last.Done():
		// An outlet whose time is over settles its books at once.
		settled, stop := context.WithTimeout(ctx, drainBudget)
		defer stop()
		select {
		case <-done:
		case <-settled.Done():
			w.log.Warn("a remote destination did not come back at shutdown; its lines count as pending")
		}
	}
	w.scheduler.Close(last)
	w.remotes.forget()
}

// ledger is what waiting for remote destinations has cost; nil without any.
func (w *waysOut) ledger() *flushLedger {
	if !w.any() {
		return nil
	}
	s := w.scheduler.Stats()
	return &flushLedger{s.Held, s.HeldFor.Milliseconds(), s.Silent, s.Lost, s.Interrupted}
}

// observed tells the flush scheduler of a start before the batch is handled,
// and of an end when its lines are in the buffers.
type observed struct {
	next      telemetry.Handler
	scheduler *flush.Scheduler
}

// HandleEvents implements telemetry.Handler.
func (o observed) HandleEvents(events []telemetry.Event) {
	for i := range events {
		if p := events[i].Platform; events[i].Kind == telemetry.KindStart && p != nil {
			o.scheduler.Started(p.RequestID)
		}
	}
	o.next.HandleEvents(events)
	for i := range events {
		if p := events[i].Platform; events[i].Kind == telemetry.KindRuntimeDone && p != nil {
			o.scheduler.Done(p.RequestID, time.Duration(p.DurationMs.Value*float64(time.Millisecond)))
		}
	}
	o.scheduler.Handled()
}
