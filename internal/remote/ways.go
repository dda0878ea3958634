// Package remote is the destinations behind a network: their outlets, when
// they are flushed, and what is kept of them on disk.
//
// The rule a reader could break: without a destination nothing of this exists,
// and every method does nothing.
package remote

import (
	"context"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/flush"
	"powertools-extension/internal/telemetry"
)

// Bounds of a shutdown.
const (
	DrainBudget = 100 * time.Millisecond // for what is on its way
	printBudget = 300 * time.Millisecond // for stdout, once the remote destinations are through
)

// Options shape Ways.
type Options struct {
	Flush      flush.Options // when the destinations are flushed
	SpoolBytes int           // of the files of their batches; 0: none
	Managed    bool          // a crash replaces the sandbox, so no file is written
	Snapshot   bool          // no file is written before the restore
	Guard      func(step string, f func())
	Log        *zap.Logger
}

// Ways are the destinations behind a network, when they are flushed, and
// what is kept of them on disk. With stdout alone there are none, and then
// every method does nothing: there is nothing to wait for. The zero value is
// that.
type Ways struct {
	Outlets   Outlets
	Spool     *Spool           // nil: batches are in memory alone
	scheduler *flush.Scheduler // nil: no remote destination
	log       *zap.Logger
	guard     func(step string, f func())
}

// New joins outlets, of which there may be none.
func New(outlets Outlets, opt Options) Ways {
	w := Ways{Outlets: outlets, log: opt.Log, guard: opt.Guard}
	if len(outlets) == 0 {
		return w
	}
	w.scheduler = flush.New(outlets, opt.Flush)
	w.Spool = newSpool(outlets, opt)
	return w
}

// Any reports whether there is a remote destination.
func (w *Ways) Any() bool { return w.scheduler != nil }

// Start begins what needs no invocation. streams says whether the platform
// sends telemetry; without it there is no end of an invocation to wait for.
func (w *Ways) Start(streams bool) {
	switch {
	case !w.Any():
	case streams:
		w.scheduler.Start()
	default:
		w.scheduler.NoStream()
	}
}

// Begin takes note of an invocation. It never waits.
func (w *Ways) Begin(id string, deadline time.Time) {
	if w.Any() {
		w.scheduler.Begin(id, deadline)
	}
	w.Spool.Touch()
}

// Hold keeps the invocation open while its lines leave, if that is called for.
func (w *Ways) Hold(ctx context.Context) {
	if w.Any() {
		w.scheduler.Hold(ctx)
	}
}

// Restored is called at the first invocation after a snapshot was restored:
// connections lead nowhere, and files on disk are this sandbox's own.
func (w *Ways) Restored() {
	w.Outlets.Forget()
	w.Spool.Recover(true)
}

// Handler shows the scheduler the events that it may be waiting for. With
// stdout alone it is the next handler and nothing else.
func (w *Ways) Handler(next telemetry.Handler) telemetry.Handler {
	if !w.Any() {
		return next
	}
	return observed{next, w.scheduler}
}

// Stop ends the flushes that begin by themselves.
func (w *Ways) Stop() {
	if w.Any() {
		w.scheduler.Stop()
	}
}

// Last gives every destination its last chance, all at once, and keeps time
// for the ledger. Whatever a destination does, it comes back.
func (w *Ways) Last(ctx context.Context) {
	if !w.Any() {
		return
	}
	last, cancel := context.WithTimeout(ctx, lastFlush(ctx))
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.guard("last flush", func() { w.Outlets.Flush(last, flush.Last) })
	}()
	select {
	case <-done:
	case <-last.Done():
		// An outlet whose time is over settles its books at once.
		settled, stop := context.WithTimeout(ctx, DrainBudget)
		defer stop()
		select {
		case <-done:
		case <-settled.Done():
			w.log.Warn("a remote destination did not come back at shutdown; its lines count as pending")
		}
	}
	w.scheduler.Close(last)
	w.Outlets.Forget()
}

// Ledger is what waiting for remote destinations has cost; nil without any.
func (w *Ways) Ledger() *FlushLedger {
	if !w.Any() {
		return nil
	}
	s := w.scheduler.Stats()
	return &FlushLedger{s.Held, s.HeldFor.Milliseconds(), s.Silent, s.Lost, s.Interrupted}
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

// FlushLedger is what waiting for remote destinations has cost.
type FlushLedger struct {
	Held        int   `json:"held"`          // invocations that were held for remote destinations
	HeldMs      int64 `json:"held_ms"`       // how long they were held after their end was heard of, together
	Silent      int   `json:"stream_silent"` // times the telemetry stream was found dead
	Lost        int   `json:"ends_lost"`     // invocations whose end was not heard of in time
	Interrupted int   `json:"interrupted"`   // flushes that a freeze cut off
}

// lastFlush is the share of what is left that remote destinations get.
func lastFlush(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	return max(left-printBudget, left/2)
}
