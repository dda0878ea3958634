package app

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// Bounds of a shutdown. Lambda kills the process 2,000 ms after it began to
// shut the sandbox down, and the runtime takes a part of that first (Lambda
// runtime environment lifecycle).
const (
	shutdownBudget = 1800 * time.Millisecond
	shutdownMargin = 200 * time.Millisecond
	drainBudget    = 100 * time.Millisecond // for telemetry that is on its way
)

// shutdown brings out what is in hand. Nothing here sleeps to be safe: with
// nothing pending it takes a few milliseconds.
func (a *App) shutdown(reason string, deadline time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), budget(time.Now(), deadline))
	defer cancel()

	// 1. What the platform still has for us: the last report is often on its
	//    way. Without an open invocation there is nothing to wait for.
	a.guard("drain telemetry", func() { a.drain(ctx) })

	// 2. Invocations that will not hear from the platform any more, and the
	//    custom metrics.
	now := time.Now().Round(0)
	a.guard("close invocations", func() { a.pipeline.Flush(reason, now) })
	a.guard("flush metrics", func() { a.metrics.Flush(now) })

	// 3. Everything out, then the account of it. The ledger is written last,
	//    so it counts itself as pending: that line is left out of the sums.
	a.guard("flush stdout", func() { a.flushStdoutNow(ctx) })
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

// drain takes in what the platform still sends, for as long as an invocation
// waits for its report.
func (a *App) drain(ctx context.Context) {
	if a.stream == nil || a.noStream {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, drainBudget)
	defer cancel()
	a.pipeline.Settled(ctx)
	a.stream.Close()
	if err := a.stream.Drain(ctx); err != nil {
		a.log.Warn("telemetry left unread at shutdown", zap.Error(err))
	}
}

func (a *App) close(ctx context.Context) {
	if err := a.local.Shutdown(ctx); err != nil {
		a.log.Debug("local api closed with requests in flight", zap.Error(err))
	}
	if a.stream != nil {
		a.stream.Close()
	}
	a.writer.stop()
	a.api.Close()
	a.aws.CloseIdle()
}
