package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/extapi"
	"powertools-extension/internal/invocation"
)

// Init types with rules of their own (AWS_LAMBDA_INITIALIZATION_TYPE).
const (
	managedInstances = "lambda-managed-instances"
	snapStart        = "snap-start"
)

// settling is the time in which the first call of next is surely on its way.
const settling = 2 * time.Millisecond

// Bounds of the calls to the Extensions API. Next has none.
const (
	registerTries = 3
	registerPause = 200 * time.Millisecond // doubles
	nextTries     = 3
	nextPause     = 50 * time.Millisecond // doubles
	callTimeout   = 5 * time.Second
)

// Run is the life of the process. The order is written here and nowhere else.
//
// It returns nil after SHUTDOWN, or when ctx ends, which Lambda never does. It
// returns an error only when the platform cannot be talked to any more: then
// the process must end with a failure, because staying would hang the function.
func (a *App) Run(ctx context.Context) error {
	// 0. What the process before has left, while nothing can come in yet that
	//    would be kept beside it and be taken for its own.
	a.guard("take over what a killed process left", func() { a.ways.Spool.Recover(false) })

	// 1. Bind both listeners. Lambda starts the function's runtime once every
	//    extension has registered, and its init code may already call us.
	a.guard("bind local api", a.bindLocal)
	a.guard("bind runtime api proxy", a.bindProxy)
	a.guard("bind telemetry listener", a.bindTelemetry)
	a.startEnv(ctx)
	prefetched := a.startPrefetch(ctx)

	// 2. Register. Without it there is nothing to be.
	id, err := a.register(ctx)
	a.account.set(id)
	if err != nil {
		a.guard("close listeners", func() { a.close(context.Background()) })
		return err
	}

	// Managed instances announce no invocation and do not freeze.
	a.cache.Awake(a.managed())

	// 3. Subscribe, before the first next: the window closes when every
	//    extension has called it.
	a.guard("subscribe to telemetry", func() { a.subscribe(ctx) })
	a.ways.Start(a.stream.arrives())

	// 4. Init ends with the first next, so what was asked for ahead is waited
	//    for here, within its bound.
	prefetched()

	// 5. Events until SHUTDOWN.
	reason, deadline, err := a.loop(ctx)
	if err != nil {
		a.reportExit(err)
	}

	// 6. What is still in hand goes out, whatever ended the loop.
	a.guard("shut down", func() { a.shutdown(reason, deadline) })
	return err
}

// events are what to register for. Managed instances refuse INVOKE, and with
// it the whole function (Lambda Managed Instances execution environment).
func (a *App) events() []extapi.EventType {
	if a.managed() {
		return []extapi.EventType{extapi.Shutdown}
	}
	return []extapi.EventType{extapi.Invoke, extapi.Shutdown}
}

// register returns the account id that the platform tells.
func (a *App) register(ctx context.Context) (string, error) {
	pause := registerPause
	for try := 1; ; try++ {
		callCtx, cancel := context.WithTimeout(ctx, callTimeout)
		registration, err := a.api.Register(callCtx, a.deps.Name, a.events())
		cancel()
		if err == nil {
			return registration.AccountID, nil
		}
		if try == registerTries || !temporary(err) {
			return "", fmt.Errorf("register as %q: %w", a.deps.Name, err)
		}
		a.log.Warn("register refused, trying again", zap.Error(err))
		wait(ctx, pause)
		pause *= 2
	}
}

// loop waits for one event after another. With stdout as the only way out it
// never waits for anything else; with remote destinations it may hold an
// invocation, within the bounds of package flush.
func (a *App) loop(ctx context.Context) (reason string, deadline time.Time, err error) {
	if a.deps.Waiting != nil {
		time.AfterFunc(settling, a.deps.Waiting)
	}
	pause, tries := nextPause, 0
	for {
		ev, err := a.api.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return "spindown", time.Time{}, nil
		case err != nil:
			// A refusal is tried again as well: it may come from a call that
			// the platform still holds for us, and a further one heals that.
			if tries++; tries == nextTries {
				return "failure", time.Time{}, fmt.Errorf("wait for the next event: %w", err)
			}
			wait(ctx, pause)
			pause *= 2
			continue
		}
		pause, tries = nextPause, 0
		switch ev.Type {
		case extapi.Shutdown:
			return ev.Reason, ev.Deadline, nil
		case extapi.Invoke:
			if a.idle {
				continue
			}
			a.guard("begin invocation", func() { a.begin(ev) })
			a.api.Taken()
			a.guard("hold invocation", func() { a.ways.Hold(ctx) })
		default:
			a.log.Warn("unknown event type, ignored", zap.String("type", string(ev.Type)))
		}
	}
}

// begin takes note of an invocation. The function runs at the same time.
func (a *App) begin(ev extapi.Event) {
	now := time.Now().Round(0) // wall clock: the monotonic one may have slept
	a.thaw(now)
	a.missWrapper()
	a.cache.Awake(true)
	attempt := a.pipeline.Begin(invocation.Invoke{
		RequestID:   ev.RequestID,
		FunctionARN: ev.FunctionARN,
		TraceHeader: ev.TraceHeader,
		Deadline:    ev.Deadline,
		At:          now,
	})
	a.spans.Invoked(attempt, ev.TraceHeader)
	a.metrics.Flush(now) // samples of an earlier invocation whose end was not seen
	a.flushStdout()
	a.ways.Begin(ev.RequestID, ev.Deadline)
}

// freezeGap is the pause between two events after which pooled connections
// are no longer trusted.
const freezeGap = 5 * time.Second

// thaw repairs what a freeze may have broken.
func (a *App) thaw(now time.Time) {
	gap := now.Sub(a.lastEvent)
	first := a.lastEvent.IsZero()
	a.lastEvent = now
	if first && a.cfg.InitType == snapStart {
		a.forgetSnapshot()
		return
	}
	if !first && gap > freezeGap {
		a.aws.CloseIdle()
	}
}

// forgetSnapshot drops what was fetched before a restore: the snapshot may be
// days old, and nothing of it may be served.
func (a *App) forgetSnapshot() {
	a.restored.Store(true)
	a.cache.PurgeAll()
	a.local.Forget()
	if a.idempotency != nil {
		a.idempotency.Forget()
	}
	a.aws.Forget()
	a.spans.Restored()
	a.ways.Restored()
}

// reportExit tells the platform why this process is about to end. The report
// takes effect when it does.
func (a *App) reportExit(cause error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if err := a.api.ExitError(ctx, "Extension.NextFailed", cause.Error()); err != nil {
		a.log.Warn("exit not reported", zap.Error(err))
	}
}

// temporary reports whether a call may succeed when it is repeated: the
// platform said so, or it gave no answer at all.
func temporary(err error) bool {
	var answer *extapi.APIError
	if errors.As(err, &answer) {
		return answer.Temporary()
	}
	return !errors.Is(err, extapi.ErrNextPending)
}

// wait pauses unless ctx ends first.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
