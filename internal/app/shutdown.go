package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/remote"
)

// Bounds of a shutdown. Lambda kills the process 2,000 ms after it began to
// shut the sandbox down, and the runtime takes a part of that first (Lambda
// runtime environment lifecycle).
const (
	shutdownBudget = 1800 * time.Millisecond
	shutdownMargin = 200 * time.Millisecond
	drainBudget    = remote.DrainBudget // for telemetry that is on its way
)

// shutdown brings out what is in hand. Nothing here sleeps to be safe: with
// nothing pending it takes a few milliseconds.
func (a *App) shutdown(reason string, deadline time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), budget(time.Now(), deadline))
	defer cancel()

	// 0. What a runtime that has died left in its log descriptors, with its
	//    request's id. A log that takes nothing may not cost all of the time.
	a.guard("drain log descriptors", func() { a.inPlace.drain(budget(time.Now(), deadline) / 2) })

	// 1. No more intake: no flush begins any more but the last one, no request
	//    adds metrics, and of telemetry only what the platform still has for
	//    us. The last report is often on its way; without an open invocation
	//    there is nothing to wait for.
	a.ways.Stop()
	a.guard("stop intake", func() { a.stopIntake(ctx) })

	// 2. Invocations that will not hear from the platform any more, and the
	//    custom metrics.
	now := time.Now().Round(0)
	a.guard("close invocations", func() { a.pipeline.Flush(reason, now) })
	a.guard("let go of log descriptors", func() { a.inPlace.shutdown(drainBudget) })
	a.guard("flush metrics", func() {
		a.metrics.Stop()
		a.metrics.Flush(now)
	})

	a.guard("end spans", a.spans.Close)

	// 3. Everything out, then the account of it. The ledger is written last,
	//    so it counts itself as pending: that line is left out of the sums.
	a.guard("flush stdout", func() { a.flushStdoutNow(ctx) })
	a.guard("flush remote destinations", func() { a.ways.Last(ctx) })
	a.guard("leave to the next process", func() { a.ways.Spool.End(reason) })
	a.guard("loss ledger", func() {
		a.stdout.Put(a.ledger(reason, now))
		a.flushStdoutNow(ctx)
	})

	// 4. The function is gone: nobody reads any more.
	a.guard("close listeners", func() { a.close(ctx) })
}

// budget is how long a shutdown may take. A deadline in the past, or a clock
// that jumped, still leaves time to print.
func budget(now, deadline time.Time) time.Duration {
	left := shutdownBudget
	if !deadline.IsZero() {
		left = min(left, time.Duration(deadline.UnixMilli()-now.UnixMilli())*time.Millisecond-shutdownMargin)
	}
	return max(left, drainBudget)
}

// stopIntake closes the local API and drains telemetry, side by side.
func (a *App) stopIntake(ctx context.Context) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		a.guard("close runtime api proxy", func() { a.closeProxy(ctx) })
		ctx, cancel := context.WithTimeout(ctx, drainBudget)
		defer cancel()
		a.guard("close local api", func() { a.closeLocal(ctx) })
	}()
	a.stream.drain(ctx, a.pipeline.Settled, a.log)
	<-closed
}

func (a *App) closeLocal(ctx context.Context) {
	if err := a.local.Shutdown(ctx); err != nil {
		a.log.Debug("local api closed with requests in flight", zap.Error(err))
	}
}

func (a *App) close(ctx context.Context) {
	a.closeProxy(ctx) // both are no-ops after the intake was stopped
	a.closeLocal(ctx)
	a.stream.close()
	a.writer.stop()
	a.api.Close()
	a.aws.CloseIdle()
}
