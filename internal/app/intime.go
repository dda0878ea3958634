package app

import (
	"context"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// answerMargin is what a function has left to make something of an answer
// that says the upstream is too slow.
const answerMargin = 200 * time.Millisecond

// inTime bounds reads by the deadline of the invocation that makes them: an
// upstream that hangs is answered with a stale value or a 504 while the
// function can still use it, and not by the function's own time-out.
type inTime struct {
	localhttp.Parameters
	deadline func() time.Time // of the running invocation; zero without one
}

// Get implements localhttp.Parameters.
func (p inTime) Get(ctx context.Context, ref paramcache.Ref, opt paramcache.Options) (paramcache.Result, error) {
	ctx, cancel := p.bound(ctx)
	defer cancel()
	return p.Parameters.Get(ctx, ref, opt)
}

// GetMany implements localhttp.Parameters.
func (p inTime) GetMany(ctx context.Context, refs []paramcache.Ref, opt paramcache.Options) ([]paramcache.Result, []error) {
	ctx, cancel := p.bound(ctx)
	defer cancel()
	return p.Parameters.GetMany(ctx, refs, opt)
}

func (p inTime) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline := p.deadline()
	if deadline.IsZero() {
		return ctx, func() {}
	}
	// The wall clock on both sides: the deadline is the platform's.
	left := time.Duration(deadline.UnixMilli()-time.Now().UnixMilli())*time.Millisecond - answerMargin
	if left <= 0 {
		return ctx, func() {} // late anyway: the configured time-out counts
	}
	return context.WithTimeout(ctx, left)
}

// deadline is when the running invocation times out.
func (a *App) deadline() time.Time {
	req, _ := a.tracker.Current()
	return req.Deadline
}
