package sink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

// errPanic stands for a defect of the sender.
var errPanic = errors.New("panic in the sender; the log has the stack")

// try makes one attempt, settles the batch and keeps the books.
func (g *Guarded) try(ctx context.Context, b Batch, f *flight) error {
	patience := g.begin()
	f.tries++
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		patience = time.Until(deadline)
	}
	n, err := g.send(ctx, b)
	v := judge(b, n, err)
	g.limit(b, &v)
	g.settle(v)
	timedOut := errors.Is(ctx.Err(), context.DeadlineExceeded)
	progress := isProgress(b, v)
	switch {
	case v.reason == Disabled:
		g.disable(err)
	case err == nil || progress && !timedOut:
		g.succeeded(err)
	case errors.Is(ctx.Err(), context.Canceled):
		// The caller changed its mind: that says nothing about the receiver.
	default:
		g.failed(err, timedOut, timedOut && !f.delivered && patience >= minPatience)
	}
	f.delivered = f.delivered || progress
	return err
}

// begin counts a try and returns the time it may take.
func (g *Guarded) begin() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counters.Tries++
	if g.breaker.state(time.Now()) != Closed {
		return min(g.opt.TryTimeout, probeTimeout)
	}
	return g.opt.TryTimeout
}

// send calls the sender and survives it.
func (g *Guarded) send(ctx context.Context, b Batch) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			text := fmt.Sprintf("%T", p) // a value may be a secret
			if e, ok := p.(runtime.Error); ok {
				text = e.Error()
			}
			g.log.Error("panic, please report it; a batch of lines is lost", zap.String("panic", text), zap.ByteString("stack", debug.Stack()))
			n, err = 0, errPanic
		}
	}()
	return g.sender.Send(ctx, b)
}

// limit ends the life of a batch that has been tried often enough, and of one
// that would make the bytes sent more than twice the bytes there are: a
// receiver that fails for ever must not multiply the traffic.
func (g *Guarded) limit(b Batch, v *verdict) {
	if !v.keep {
		return
	}
	made := g.Stats().Received.Bytes
	g.mu.Lock()
	defer g.mu.Unlock()
	next := uint64(len(b.Bytes()))
	if b.Attempt >= DefaultTries || g.resent+next > max(made, freeResend) {
		v.keep, v.reason = false, Exhausted
		return
	}
	g.resent += next
}

// isProgress reports whether the receiver took something, or all but what no
// receiver would take.
func isProgress(b Batch, v verdict) bool {
	if p := v.partial; p != nil {
		return len(p.Keep) == 0 || len(p.Keep)+len(p.Lost) < b.Len()
	}
	return v.delivered > 0
}

// succeeded closes the breaker. err is a partial refusal, or nil.
func (g *Guarded) succeeded(err error) {
	recovered, said := g.noteSuccess(err)
	if recovered {
		g.log.Info("the receiver takes lines again")
	}
	if said {
		g.log.Warn("the receiver refused some lines; the loss ledger counts them", zap.Error(err))
	}
}

func (g *Guarded) noteSuccess(err error) (recovered, say bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	recovered, g.trouble = g.trouble, false
	partial := asPartial(err)
	say = partial != nil && len(partial.Lost) > 0 && !g.partial
	g.partial = g.partial || say
	g.breaker.succeed()
	g.lastErr = ""
	g.counters.Batches++
	g.holdLocked(err)
	return recovered, say
}

// failed counts against the receiver and says so once per trouble.
func (g *Guarded) failed(err error, timedOut, hang bool) {
	pause, say := g.noteFailure(err, timedOut, hang)
	if !say {
		return
	}
	if pause > 0 {
		g.log.Warn("the receiver fails and is left alone for a while; lines are kept up to the buffer's bound",
			zap.Duration("pause", pause.Round(time.Millisecond)), zap.Error(err))
		return
	}
	g.log.Warn("the receiver refuses lines; they are dropped and counted", zap.Error(err))
}

func (g *Guarded) noteFailure(err error, timedOut, hang bool) (pause time.Duration, say bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.lastErr = err.Error()
	g.counters.Failures++
	if timedOut {
		g.counters.Timeouts++
	}
	if g.breaker.fail(now, hang) {
		g.counters.Opened++
		pause = g.breaker.pause.left(now)
	}
	g.holdLocked(err)
	// A single error that may pass is not worth a line.
	say = !g.trouble && (pause > 0 || !canRetry(err))
	g.trouble = g.trouble || say
	return pause, say
}

// holdLocked keeps the pause that the receiver asked for.
func (g *Guarded) holdLocked(err error) {
	var retry *RetryableError
	g.hold = period{}
	if errors.As(err, &retry) && retry.After > maxRetryPause {
		g.hold = period{from: time.Now(), length: min(retry.After, maxRetryAfter)}
	}
}

// disable gives the sink up for good.
func (g *Guarded) disable(err error) {
	g.noteDisabled(err)
	g.shut()
	g.log.Error("sink disabled; its lines are dropped and counted", zap.Error(err))
}

func (g *Guarded) noteDisabled(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.disabled = true
	g.lastErr = err.Error()
	g.counters.Failures++
}

// jitter returns between once and twice d.
func jitter(d time.Duration) time.Duration { return d + rand.N(d) }
